"""Secrets at rest: readable only with the key, and only in their place."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.secrets import SecretBox, UndecipherableSecret, open_secret_box
from app.settings import Settings


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
