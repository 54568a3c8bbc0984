"""The installation that a database belongs to: what a worker writes down, what it compares, and who is told."""

from __future__ import annotations

import asyncio
import errno
import signal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg_pool import PoolTimeout

from app.db import Pool, connect, open_pool
from app.domain.operations import installation, workers
from app.domain.operations.installation import OtherInstallation, Ours
from app.embedded import roles
from app.last_seen import MOST, LastSeen
from app.settings import Settings, from_env
from tests.support.engine import execute, row, rows, value, wait_for
from tests.support.pg import TemplateServer
from tests.support.shell import Shell

PRODUCTION = "https://mail.example.com"


def known(data_dir: Path, base_url: str = PRODUCTION, **env: str) -> Ours:
    """The facts that a worker with this BASE_URL knows."""
    return installation.ours(from_env({"BASE_URL": base_url, "REACHINBOX_DATA_DIR": str(data_dir), **env}))


async def admit(database_url: str, ours: Ours) -> None:
    """A worker's new connection."""
    async with await connect(database_url) as conn:
        await installation.admit(conn, ours)


async def take_over(pool: Pool, ours: Ours) -> None:
    """Once the leases of before are over."""
    await execute(pool, "UPDATE workers SET lease_until = now()")
    await installation.take_over(pool, ours)


async def written(pool: Pool) -> dict[str, Any]:
    return await row(pool, "SELECT * FROM installation")


async def test_the_first_worker_writes_down_where_it_is(pool: Pool, database_url: str, tmp_path: Path) -> None:
    await admit(database_url, known(tmp_path))
    first = await written(pool)
    assert isinstance(first["id"], UUID)
    assert (first["host"], first["generation"], first["behind_since"]) == ("mail.example.com", 0, None)
    assert first["system_identifier"] == await value(pool, "SELECT system_identifier FROM pg_control_system()")
    assert first["timeline"] == 1
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    assert first["database_oid"] == await value(pool, "SELECT oid::bigint FROM pg_database WHERE datname = %s", name)
    await admit(database_url, known(tmp_path))
    assert await written(pool) == first


async def test_of_two_workers_that_start_at_once_one_is_the_first(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    hosts = [f"https://host{number}.example.com" for number in range(2)]
    ended = await asyncio.gather(
        *(admit(database_url, known(tmp_path, host)) for host in hosts * 5), return_exceptions=True
    )
    refused = [error for error in ended if error is not None]
    assert len(refused) == 5
    assert all(isinstance(error, OtherInstallation) for error in refused)
    assert len(await rows(pool, "SELECT * FROM installation")) == 1


async def test_the_api_alone_writes_nothing(api: httpx.AsyncClient, pool: Pool) -> None:
    assert (await api.get("/readyz")).json() == {"status": "ok"}
    assert [alert["kind"] for alert in (await api.get("/api/alerts")).json()] == ["worker.missing"]
    assert (await written(pool))["id"] is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://mail.example.com", "https://mail.example.com"),
        ("https://mail.example.com", "http://MAIL.example.com:8080/"),
        ("http://127.0.0.1:3000", "http://localhost:8000"),
        ("http://[::1]:3000", "http://0.0.0.0:3000"),
        ("http://localhost:3000", "https://mail.example.com"),  # a trial gets its name
    ],
)
async def test_another_start_port_scheme_or_first_name_asks_nothing(
    database_url: str, tmp_path: Path, before: str, after: str
) -> None:
    await admit(database_url, known(tmp_path, before))
    await admit(database_url, known(tmp_path, after))
    await admit(database_url, known(tmp_path, after))


@pytest.mark.parametrize("after", ["http://localhost:3000", "https://staging.example.com", "http://192.0.2.1"])
async def test_another_host_is_another_installation(database_url: str, tmp_path: Path, after: str) -> None:
    await admit(database_url, known(tmp_path))
    with pytest.raises(OtherInstallation, match=r"belongs to mail\.example\.com, and BASE_URL names "):
        await admit(database_url, known(tmp_path, after))
    await admit(database_url, known(tmp_path))


async def test_of_two_first_names_one_is_taken(database_url: str, pool: Pool, tmp_path: Path) -> None:
    await admit(database_url, known(tmp_path, "http://localhost:3000"))
    ended = await asyncio.gather(
        *(admit(database_url, known(tmp_path, f"https://host{number}.example.com")) for number in range(4)),
        return_exceptions=True,
    )
    assert [type(error) for error in ended if error is not None] == [OtherInstallation] * 3
    assert (await written(pool))["host"].startswith("host")


async def test_a_clone_by_template_is_another_and_the_original_goes_on(
    postgres: TemplateServer, database_url: str, tmp_path: Path
) -> None:
    await admit(database_url, known(tmp_path))
    with postgres.clone(database_url) as clone:
        with pytest.raises(OtherInstallation, match="another database of its server"):
            await admit(clone, known(tmp_path))
        shell = Shell(tmp_path, DATABASE_URL=clone, BASE_URL=PRODUCTION, SECRET_KEY="a secret for tests")  # noqa: S106
        ended = await asyncio.to_thread(shell, "take-over", stdin="")
        assert ended.returncode == 0, ended.stderr
        assert "another database of its server" in ended.stderr
        await admit(clone, known(tmp_path))
    await admit(database_url, known(tmp_path))


async def test_a_server_that_tells_nothing_of_itself_is_known_by_the_rest(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await admit(database_url, known(tmp_path))
    tells_nothing = """
        CREATE OR REPLACE FUNCTION installation_here(
            OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid
        ) LANGUAGE sql AS $$ SELECT NULL::bigint, NULL::integer, 1::oid $$
    """
    await execute(pool, tells_nothing)
    with pytest.raises(OtherInstallation, match="another database of its server"):
        await admit(database_url, known(tmp_path))
    await execute(pool, "UPDATE installation SET database_oid = 1")
    await admit(database_url, known(tmp_path))


@pytest.mark.parametrize("revoked", [(), ("pg_control_system()", "pg_current_wal_lsn()")])
async def test_an_ordinary_role_learns_where_it_is_as_far_as_it_may(
    postgres: TemplateServer, database_url: str, revoked: tuple[str, ...]
) -> None:
    superuser = await connect(postgres.as_superuser(database_url))
    async with superuser as conn, conn.transaction(force_rollback=True):
        for function in revoked:
            await conn.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC".encode())
        await conn.execute(f"SET LOCAL ROLE {roles.SERVICE}".encode())
        told = await (await conn.execute("SELECT * FROM installation_here()")).fetchone()
        assert told
        assert {name for name, what in told.items() if what} == (
            {"database_oid"} if revoked else {"system_identifier", "timeline", "database_oid"}
        )


async def test_a_row_that_somebody_removed_is_written_anew(pool: Pool, tmp_path: Path) -> None:
    ours, token = known(tmp_path), uuid4()
    await workers.register(pool, token, "host:1", 60, ours)
    await execute(pool, "DELETE FROM installation")
    assert await workers.renew(pool, token, 60, ours)
    assert (await written(pool))["generation"] == 1


# The generation


async def test_leases_raise_the_generation_and_a_database_behind_it_is_older(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    ours, token = known(tmp_path / "kept"), uuid4()
    await workers.register(pool, token, "host:1", 60, ours)
    for _ in range(4):
        assert await workers.renew(pool, token, 60, ours)
    assert (await written(pool))["generation"] == 5
    assert (tmp_path / "kept" / "last-seen").read_text() == f"{(await written(pool))['id']} 5\n"
    await execute(pool, "UPDATE installation SET generation = 4")  # as a snapshot that was put back has it
    without_folder = known(tmp_path / "fresh")
    await admit(database_url, without_folder)
    after_a_restart = known(tmp_path / "kept")
    with pytest.raises(OtherInstallation, match="older than what a worker has seen of it"):
        await admit(database_url, after_a_restart)
    # From here on nobody sends, nor who has no memory of it.
    with pytest.raises(OtherInstallation, match="older"):
        await admit(database_url, without_folder)
    with pytest.raises(OtherInstallation, match="older"):
        await workers.renew(pool, token, 60, without_folder)
    await take_over(pool, without_folder)
    await admit(database_url, known(tmp_path / "kept"))
    assert await workers.renew(pool, token, 60, known(tmp_path / "kept"))


async def test_a_state_from_before_a_take_over_is_older_still(pool: Pool, database_url: str, tmp_path: Path) -> None:
    ours, token = known(tmp_path), uuid4()
    await workers.register(pool, token, "host:1", 60, ours)
    before = await written(pool)
    assert await workers.renew(pool, token, 60, ours)
    await take_over(pool, ours)
    assert await workers.renew(pool, token, 60, ours)
    await execute(pool, "UPDATE installation SET id = %s, generation = 1", before["id"])
    with pytest.raises(OtherInstallation, match="older"):
        await admit(database_url, known(tmp_path))


async def test_a_standby_that_missed_something_is_older_for_whoever_looks(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    """Also for the one who takes it over, in whose folder nothing is: a promotion alone could have lost nothing."""
    ours, token = known(tmp_path / "kept"), uuid4()
    await workers.register(pool, token, "host:1", 60, ours)
    assert await workers.renew(pool, token, 60, ours)
    await execute(pool, "UPDATE installation SET generation = 1, timeline = 7")
    with pytest.raises(OtherInstallation, match=r"promoted; it is older than"):
        await admit(database_url, known(tmp_path / "kept"))
    with pytest.raises(OtherInstallation, match=r"promoted; it is older than"):
        await admit(database_url, known(tmp_path / "fresh"))
    with pytest.raises(OtherInstallation, match="older than"):
        await admit(database_url, known(tmp_path / "fresh", AFTER_FAILOVER="continue"))


async def test_somebody_else_who_has_seen_later_states_stops_nobody(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    """A laptop that is pointed at the database of production."""
    await admit(database_url, known(tmp_path))
    laptop = known(tmp_path / "laptop", "http://localhost:3000")
    laptop.last_seen.note((await written(pool))["id"], 1000)
    with pytest.raises(OtherInstallation, match="belongs to"):
        await admit(database_url, laptop)
    await admit(database_url, known(tmp_path))


async def test_workers_that_share_a_folder_and_renew_at_once_take_nothing_for_older(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    async def work(name: str) -> None:
        ours, token = known(tmp_path), uuid4()
        await workers.register(pool, token, name, 60, ours)
        for _ in range(30):
            assert await workers.renew(pool, token, 60, ours)
            await admit(database_url, ours)

    await asyncio.gather(*(work(f"host:{number}") for number in range(5)))
    assert (await written(pool))["generation"] == 5 * 31


async def test_a_lease_that_is_lost_raises_nothing(pool: Pool, tmp_path: Path) -> None:
    ours = known(tmp_path)
    await workers.register(pool, uuid4(), "host:1", 60, ours)
    assert not await workers.renew(pool, uuid4(), 60, ours)
    assert (await written(pool))["generation"] == 1


def test_what_was_seen_is_kept_over_a_restart_and_through_nonsense(tmp_path: Path) -> None:
    seen, installations = LastSeen(tmp_path), [uuid4() for _ in range(MOST + 1)]
    for number, installation_id in enumerate(installations):
        seen.note(installation_id, number)
    seen.note(installations[1], 7)
    seen.note(installations[1], 5)
    kept = LastSeen(tmp_path).generations()
    assert set(kept) == set(installations[1:])
    assert kept[installations[1]] == 7
    with (tmp_path / "last-seen").open("ab") as file:
        file.write(b"\xff\n\nnot-an-id 7\n%s many\n" % str(uuid4()).encode())
    assert LastSeen(tmp_path).generations() == kept
    assert [file.name for file in tmp_path.iterdir()] == ["last-seen"]


def test_processes_of_one_number_note_at_once_as_those_of_containers_that_share_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, installation_id = LastSeen(tmp_path), LastSeen(tmp_path), uuid4()
    write = Path.write_text

    def write_while_another_notes(self: Path, *text: str) -> int:
        monkeypatch.undo()
        written = write(self, *text)
        second.note(installation_id, 8)
        return written

    monkeypatch.setattr(Path, "write_text", write_while_another_notes)
    first.note(installation_id, 7)
    assert "will not be noticed" not in capsys.readouterr().out
    assert [file.name for file in tmp_path.iterdir()] == ["last-seen"]
    first.note(installation_id, 9)
    assert LastSeen(tmp_path).generations() == {installation_id: 9}


def test_a_disk_that_is_full_keeps_what_was_noted_before_and_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, installation_id = LastSeen(tmp_path), uuid4()
    seen.note(installation_id, 3)
    write = Path.write_text

    def write_half(self: Path, text: str) -> int:
        write(self, text[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    seen.note(installation_id, 4)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["last-seen"]
    assert LastSeen(tmp_path).generations() == {installation_id: 3}


def test_a_folder_that_cannot_be_written_to_is_said_once_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    seen, installation_id = LastSeen(tmp_path / "file"), uuid4()
    seen.note(installation_id, 3)
    seen.note(installation_id, 4)
    assert seen.generations() == {installation_id: 4}
    assert capsys.readouterr().out.count("will not be noticed") == 1


# Receivers of the alarm


async def test_a_connection_to_another_installation_is_not_used(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def admit_nobody(conn: Any) -> None:
        raise OtherInstallation(["it is"])

    monkeypatch.setattr("app.db._PATIENCE_S", 0.5)
    with pytest.raises(PoolTimeout):
        await open_pool(database_url, admit=admit_nobody)
    monkeypatch.undo()
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with await open_pool(database_url, max_size=1) as pool:

        async def gone() -> bool:
            return not await value(pool, sessions)

        await wait_for(gone, "the refused connections to be closed")


async def test_readiness_alerts_and_the_doctor_say_it(
    api: httpx.AsyncClient, pool: Pool, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    await admit(database_url, installation.ours(settings))
    shell = Shell(settings.data_dir, DATABASE_URL=database_url, SECRET_KEY="a secret for tests")  # noqa: S106
    assert "ok    installation: " in (await asyncio.to_thread(shell, "doctor")).stdout
    await execute(pool, "UPDATE installation SET timeline = 7, host = 'mail.example.com'")
    ready = await api.get("/readyz")
    assert ready.status_code == 200  # or nobody could read it in the dashboard
    said = ready.json()["otherInstallation"]
    assert "a standby was promoted; it belongs to mail.example.com" in said
    assert "reachinbox take-over" in said
    (alert,) = (await api.get("/api/alerts")).json()
    assert (alert["kind"], alert["message"]) == ("installation.other", said)
    ended = await asyncio.to_thread(shell, "doctor")
    assert ended.returncode == 1
    assert f"FAIL  installation: {said}" in ended.stdout


async def test_taking_over_what_is_ours_changes_nothing(
    pool: Pool, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    await admit(database_url, installation.ours(settings))
    before = await written(pool)
    shell = Shell(settings.data_dir, DATABASE_URL=database_url, SECRET_KEY="a secret for tests")  # noqa: S106
    ended = await asyncio.to_thread(shell, "take-over")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "nothing to take over" in ended.stdout
    assert "put back to an earlier moment all the same, run `reachinbox hold-all`" in ended.stdout
    assert await written(pool) == before


@pytest.mark.parametrize("option", [(), ("--nothing-lost",)])
async def test_nobody_takes_over_a_database_that_workers_send_from(
    pool: Pool, database_url: str, tmp_path: Path, option: tuple[str, ...]
) -> None:
    """Staging, whose DATABASE_URL is that of production by mistake."""
    production, token = known(tmp_path), uuid4()
    await workers.register(pool, token, "production:1", 60, production)
    before = await written(pool)
    shell = Shell(tmp_path / "staging", DATABASE_URL=database_url, BASE_URL="https://staging.example.com")
    ended = await asyncio.to_thread(shell, "take-over", *option)
    assert ended.returncode == 1
    assert "a worker is at work" in ended.stderr
    assert "production:1" in ended.stderr
    assert await written(pool) == before
    assert await workers.renew(pool, token, 60, production)
    await workers.unregister(pool, token)
    ended = await asyncio.to_thread(shell, "take-over", *option)
    assert ended.returncode == 0, ended.stderr
    assert (await written(pool))["host"] == "staging.example.com"


async def test_a_question_that_is_left_open_takes_nothing_over(
    pool: Pool, database_url: str, settings: Settings
) -> None:
    await admit(database_url, installation.ours(settings))
    await execute(pool, "UPDATE installation SET timeline = 7")
    before = await written(pool)
    shell = Shell(settings.data_dir, DATABASE_URL=database_url, SECRET_KEY="a secret for tests")  # noqa: S106
    end_of_file = "\x04"
    assert await asyncio.to_thread(shell.on_a_terminal, "take-over", answers=[end_of_file]) == 128 + signal.SIGINT
    assert await written(pool) == before
