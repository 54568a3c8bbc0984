"""Secrets at rest: AES-256-GCM under a key derived from SECRET_KEY.

The additional data binds a ciphertext to its row and field, so that it cannot be moved to another. Layout: one byte of
format, 12 bytes of nonce, ciphertext and tag.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import Settings

_FORMAT = b"\x01"


class UndecipherableSecret(Exception):
    """The stored secret was not made with this SECRET_KEY, or not for this place."""


class SecretBox:
    """Encrypts and decrypts short secrets with one key."""

    def __init__(self, secret_key: str) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"reachinbox secrets at rest")
        self._aead = AESGCM(derive.derive(secret_key.encode()))

    def seal(self, secret: str, place: str) -> bytes:
        """`place` names the row and field, such as `senders/7/password`."""
        nonce = os.urandom(12)
        return _FORMAT + nonce + self._aead.encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Raises UndecipherableSecret."""
        try:
            return self._aead.decrypt(sealed[1:13], sealed[13:], place.encode()).decode()
        except InvalidTag:
            raise UndecipherableSecret("the stored secret does not fit SECRET_KEY") from None


def open_secret_box(settings: Settings) -> SecretBox:
    """The box of this installation."""
    return SecretBox(secret_key(settings))


def secret_key(settings: Settings) -> str:
    """SECRET_KEY; without it, a key made once and kept under the data directory."""
    if settings.secret_key is not None:
        return settings.secret_key
    file = settings.data_dir / "secret_key"
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".secret_key.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(32))
    try:
        os.link(draft, file)  # whoever comes first wins; a link never overwrites
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return Path(file).read_text()
