"""Secrets at rest: readable only with the key, and only in their place."""

from __future__ import annotations

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.db import Pool, fetch_all, fetch_exactly_one
from app.domain.accounts.users import User
from app.domain.operations import reseal
from app.domain.senders.draft import SenderChanges, SenderDraft, Server
from app.domain.senders.senders import change_sender, create_sender, password_place
from app.secrets import SecretBox, UndecipherableSecret, add_secret_key, open_secret_box, secret_key, secret_keys
from app.settings import Settings
from tests.support.shell import Shell

# "secret" for senders/1/password under "key", in the first format.
SEALED_WITHOUT_KEY_ID = "01b384f4b31138989f9f694073e8ef4d6377728df7e9067a7a05248f2d98350f83ce93"


def test_a_sealed_secret_opens_in_its_place() -> None:
    box = SecretBox("key")
    sealed = box.seal("pässword", "senders/1/password")
    assert b"ssword" not in sealed
    assert box.open(sealed, "senders/1/password") == "pässword"


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    box = SecretBox("key")
    assert box.seal("s", "p") != box.seal("s", "p")


@pytest.mark.parametrize("key_and_place", [("other key", "senders/1/password"), ("key", "senders/2/password")])
def test_another_key_or_another_place_does_not_open_it(key_and_place: tuple[str, str]) -> None:
    key, place = key_and_place
    sealed = SecretBox("key").seal("secret", "senders/1/password")
    with pytest.raises(UndecipherableSecret):
        SecretBox(key).open(sealed, place)


def test_a_changed_byte_does_not_open() -> None:
    box = SecretBox("key")
    sealed = bytearray(box.seal("secret", "p"))
    sealed[-1] ^= 1
    with pytest.raises(UndecipherableSecret):
        box.open(bytes(sealed), "p")


def test_without_a_key_one_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    sealed = open_secret_box(settings).seal("secret", "p")
    assert open_secret_box(settings).open(sealed, "p") == "secret"
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


# Changing the key


def test_what_an_earlier_key_sealed_opens_and_new_secrets_are_sealed_with_the_current_one() -> None:
    old, new = SecretBox("old"), SecretBox("new", "older", "old")
    assert new.open(old.seal("secret", "p"), "p") == "secret"
    sealed = new.seal("secret", "p")
    assert sealed.startswith(new.header)
    with pytest.raises(UndecipherableSecret):
        old.open(sealed, "p")


def test_what_was_sealed_before_there_were_key_ids_still_opens() -> None:
    sealed = bytes.fromhex(SEALED_WITHOUT_KEY_ID)
    assert SecretBox("new", "key").open(sealed, "senders/1/password") == "secret"
    for box, place in ((SecretBox("new"), "senders/1/password"), (SecretBox("key"), "senders/2/password")):
        with pytest.raises(UndecipherableSecret):
            box.open(sealed, place)


@pytest.mark.parametrize("length", range(24))
def test_what_is_cut_short_does_not_open(length: int) -> None:
    box = SecretBox("key")
    with pytest.raises(UndecipherableSecret):
        box.open(box.seal("secret", "p")[:length], "p")


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        (None, []),
        ("a", ["a"]),
        ("a,b", ["a,b", "a", "b"]),
        ("a\n b \n\n", ["a", "b"]),
        ("a,b\nc", ["a,b", "c", "a", "b"]),
    ],
)
def test_earlier_keys_are_read_from_lines_and_between_commas(given: str | None, keys: list[str]) -> None:
    settings = Settings(secret_key="now", secret_key_previous=given)  # noqa: S106 -- in a test
    assert secret_keys(settings) == ["now", *keys]
    assert secret_key(settings) == "now"


def test_a_new_key_in_the_file_is_found_by_a_box_that_is_open(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    running = open_secret_box(settings)
    before = running.seal("secret", "p")
    first = secret_key(settings)

    file = add_secret_key(settings)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret_keys(settings) == [secret_key(settings), first]
    after = open_secret_box(settings).seal("secret", "p")
    assert (running.open(before, "p"), running.open(after, "p")) == ("secret", "secret")
    assert running.seal("secret", "p").startswith(open_secret_box(settings).header)
    assert list(tmp_path.iterdir()) == [file]


def test_a_box_that_only_seals_uses_a_new_key_at_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    running = open_secret_box(settings)
    add_secret_key(settings)
    assert running.seal("secret", "p").startswith(open_secret_box(settings).header)


def test_an_unknown_key_is_looked_for_once() -> None:
    asked: list[None] = []

    def read_again() -> list[str]:
        asked.append(None)
        return ["key"]

    box = SecretBox("key", read_again=read_again)
    stray = SecretBox("another").seal("secret", "p")
    for _ in range(3):
        with pytest.raises(UndecipherableSecret):
            box.open(stray, "p")
    assert len(asked) == 1


def test_keys_that_are_added_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: add_secret_key(settings), range(20)))
    assert len(set(secret_keys(settings))) == 21


# `reachinbox rotate-key`


async def store(pool: Pool, sealed: bytes, sender_id: int = 1) -> None:
    async with pool.connection() as conn:
        await conn.execute(
            b"UPDATE senders SET host = 'smtp.example.com', port = 587, security = 'starttls', username = 'u', "
            b"password_encrypted = %s WHERE id = %s",
            [sealed, sender_id],
        )


async def stored(pool: Pool) -> bytes:
    async with pool.connection() as conn:
        found = await fetch_exactly_one(conn, b"SELECT password_encrypted AS sealed FROM senders WHERE id = 1")
    return found["sealed"]


async def test_every_secret_comes_under_the_current_key(
    pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reseal, "BATCH", 2)
    old, new = SecretBox("old"), SecretBox("new", "old")
    server = Server("smtp.example.com", 587, "starttls", "u", "secret")
    draft = SenderDraft(email="a@example.com", server=server)
    made = [await create_sender(pool, old, user.workspace_id, draft, default_hourly_limit=1) for _ in range(5)]
    await change_sender(pool, new, user.workspace_id, made[0].id, SenderChanges(server=server))  # is there already
    strange = SecretBox("lost").seal("secret", password_place(made[1].id))
    await store(pool, strange, made[1].id)

    assert await reseal.reseal(pool, new) == (3, [made[1].id], [], [])
    assert await reseal.reseal(pool, new) == (0, [made[1].id], [], [])

    async with pool.connection() as conn:
        rows = await fetch_all(conn, b"SELECT id, password_encrypted AS sealed FROM senders WHERE host IS NOT NULL")
    for row in rows:
        if row["id"] == made[1].id:
            assert row["sealed"] == strange
        else:
            assert SecretBox("new").open(row["sealed"], password_place(row["id"])) == "secret"


async def test_a_password_changed_meanwhile_is_not_put_back(pool: Pool, user: User) -> None:
    old, new, place = SecretBox("old"), SecretBox("new", "old"), password_place(1)
    await store(pool, old.seal("before", place))
    async with pool.connection() as conn, conn.transaction():
        await conn.execute(b"UPDATE senders SET password_encrypted = %s WHERE id = 1", [old.seal("after", place)])
        resealing = asyncio.create_task(reseal.reseal(pool, new))
        await asyncio.sleep(0.2)
        assert not resealing.done()
    assert (await resealing).total == 1
    assert SecretBox("new").open(await stored(pool), place) == "after"


async def test_rotating_the_key_in_the_file_while_a_process_runs(
    tmp_path: Path, database_url: str, pool: Pool, user: User
) -> None:
    settings = Settings(data_dir=tmp_path)
    running = open_secret_box(settings)
    await store(pool, running.seal("secret", password_place(1)))
    reachinbox = Shell(tmp_path, DATABASE_URL=database_url, REACHINBOX_EMBEDDED="yes")
    for lines in (2, 3):
        ended = reachinbox("rotate-key")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"first line of {tmp_path / 'secret_key'}" in ended.stdout
        assert "1 stored secrets were encrypted anew" in ended.stdout
        assert len(secret_keys(settings)) == lines
        assert running.open(await stored(pool), password_place(1)) == "secret"
        assert (await stored(pool)).startswith(open_secret_box(settings).header)


async def test_rotating_to_a_secret_key_that_was_set(tmp_path: Path, database_url: str, pool: Pool, user: User) -> None:
    await store(pool, SecretBox("old").seal("secret", password_place(1)))
    reachinbox = Shell(tmp_path, DATABASE_URL=database_url, BASE_URL="https://mail.example.com")
    assert reachinbox("rotate-key").returncode == 2  # SECRET_KEY is not set
    ended = reachinbox("rotate-key", SECRET_KEY="new")  # noqa: S106 -- in a test
    assert (ended.returncode, ended.stdout) == (1, "0 stored secrets were encrypted anew with the current key\n")
    assert "no key opens the passwords of senders 1;" in ended.stderr
    for count in (1, 0):
        ended = reachinbox("rotate-key", SECRET_KEY="new", SECRET_KEY_PREVIOUS="older,old")  # noqa: S106
        assert ended.returncode == 0
        assert f"{count} stored secrets" in ended.stdout
        assert "remove it" in ended.stdout
    assert SecretBox("new").open(await stored(pool), password_place(1)) == "secret"
    assert not (tmp_path / "secret_key").exists()
