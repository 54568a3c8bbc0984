"""Secrets at rest: AES-256-GCM under a key derived from SECRET_KEY, and how that key is changed.

The additional data binds a ciphertext to its row and field, so that it cannot be moved to another. Layout: one byte of
format, 4 bytes that name the key (of SHA-256 of the derived key), 12 bytes of nonce, ciphertext and tag. Format 1 had
no key id: every key is tried.

A secret is sealed with the current key and opened with that or an earlier one. Keys come from SECRET_KEY and
SECRET_KEY_PREVIOUS, which change with a restart, or from a file under the data directory that holds one key a line, the
current one first, and is read again as needed: those can change while the service runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import Settings

_FORMAT = b"\x02"
_FORMAT_WITHOUT_KEY_ID = b"\x01"
_NONCE_BYTES = 12


class UndecipherableSecret(Exception):
    """The stored secret was not made with this SECRET_KEY, or not for this place."""


class SecretBox:
    """Encrypts and decrypts short secrets. `keys`: the current one first.

    With `read_again` the keys may change: it is asked at each sealing, and once for each key id that is not known.
    """

    def __init__(self, *keys: str, read_again: Callable[[], Sequence[str]] | None = None) -> None:
        self._read_again = read_again
        self._unknown: set[bytes] = set()
        self._take(keys)

    def _take(self, keys: Sequence[str]) -> None:
        derived = [_derive(key) for key in keys]
        self._current = _key_id(derived[0])
        self._ciphers = {_key_id(key): AESGCM(key) for key in derived}

    @property
    def header(self) -> bytes:
        """The beginning of every secret sealed now: one without it is sealed with an earlier key."""
        return _FORMAT + self._current

    def seal(self, secret: str, place: str) -> bytes:
        """`place` names the row and field, such as `senders/7/password`."""
        if self._read_again is not None:
            self._take(self._read_again())
        nonce = os.urandom(_NONCE_BYTES)
        return self.header + nonce + self._ciphers[self._current].encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Raises UndecipherableSecret."""
        if sealed[:1] == _FORMAT_WITHOUT_KEY_ID:
            body, ciphers = sealed[1:], list(self._ciphers.values())
        else:
            body, ciphers = sealed[5:], self._named(sealed[1:5])
        for cipher in ciphers:
            try:
                return cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], place.encode()).decode()
            except (InvalidTag, ValueError):  # the latter: too short to be anything
                continue
        raise UndecipherableSecret("the stored secret does not fit SECRET_KEY")

    def _named(self, key_id: bytes) -> list[AESGCM]:
        if key_id not in self._ciphers and key_id not in self._unknown and self._read_again is not None:
            self._take(self._read_again())
            if key_id not in self._ciphers:
                self._unknown.add(key_id)
        return [self._ciphers[key_id]] if key_id in self._ciphers else []


def _derive(secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"reachinbox secrets at rest").derive(
        secret_key.encode()
    )


def _key_id(derived: bytes) -> bytes:
    return hashlib.sha256(derived).digest()[:4]


def open_secret_box(settings: Settings) -> SecretBox:
    """The box of this installation."""
    read_again = None if settings.secret_key is not None else lambda: secret_keys(settings)
    return SecretBox(*secret_keys(settings), read_again=read_again)


def secret_key(settings: Settings) -> str:
    """The current key: SECRET_KEY; without it, the first one of a file made once under the data directory."""
    return secret_keys(settings)[0]


def secret_keys(settings: Settings) -> list[str]:
    """The current key and those before it."""
    previous = _split(settings.secret_key_previous or "")
    if settings.secret_key is not None:
        return [settings.secret_key, *previous]
    return [*_keys_in(_key_file(settings)), *previous]


def add_secret_key(settings: Settings) -> Path:
    """Put a new key first in the file, which is returned. A crash leaves the file as it was or as it should be."""
    file = _key_file(settings)
    with _alone_in(file.parent), _draft(file, [secrets.token_urlsafe(32), *_keys_in(file)]) as draft:
        draft.replace(file)
    return file


def _key_file(settings: Settings) -> Path:
    """The file of keys, made if it is not there."""
    file = settings.data_dir / "secret_key"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(file.parent):
            if not file.exists():
                with _draft(file, [secrets.token_urlsafe(32)]) as draft:
                    draft.replace(file)
    return file


def _keys_in(file: Path) -> list[str]:
    return [line.strip() for line in file.read_text().splitlines() if line.strip()]


def _split(keys: str) -> list[str]:
    """A line with a comma in it may be one key or several: both count."""
    lines = [line.strip() for line in keys.splitlines()]
    words = [word.strip() for line in lines for word in line.split(",")]
    return [key for key in dict.fromkeys([*lines, *words]) if key]


@contextmanager
def _alone_in(folder: Path) -> Generator[None]:
    """Hold out other processes that change the keys: a key that two of them wrote over would be lost."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        os.fsync(lock)  # what was renamed in the folder: nothing may be sealed with a key that a power cut takes away
    finally:
        os.close(lock)


@contextmanager
def _draft(file: Path, keys: Sequence[str]) -> Generator[Path]:
    """A file beside `file` with these keys, on disk and for our eyes only, to be renamed."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write("".join(f"{key}\n" for key in keys))
            opened.flush()
            os.fsync(opened.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def without(text: str, secret: str, least: int = 8) -> str:
    """Somebody else's words without a secret that they repeat, whole or its first characters, `least` or more."""
    beginnings = (secret[:length] for length in range(min(len(secret), len(text)), least - 1, -1))
    repeated = next((beginning for beginning in beginnings if beginning in text), None)
    return text if repeated is None else text.replace(repeated, "…")
