"""Tokens that open something: random ones, of which the database keeps the digest, and signed ones it need not keep."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets


def new_token() -> str:
    """256 random bits, safe in a URL, a cookie and a header."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """The digest to keep of a token: SHA-256. The tokens are random, so a slow hash would gain nothing."""
    return hashlib.sha256(token.encode()).digest()


class Signer:
    """Signs short texts for one purpose with a key derived from SECRET_KEY (HMAC-SHA-256).

    The first of `secret_keys` signs; all of them, as SECRET_KEY may have been changed since, verify.
    """

    def __init__(self, purpose: str, *secret_keys: str) -> None:
        self._keys = [hmac.digest(key.encode(), f"reachinbox {purpose}".encode(), "sha256") for key in secret_keys]

    def sign(self, text: str) -> str:
        """`text` with its signature behind; safe in a URL when the text is."""
        return f"{text}.{_signature(self._keys[0], text)}"

    def verify(self, signed: str) -> str | None:
        """The text, or None when none of the keys signed it."""
        text, _, signature = signed.rpartition(".")
        given = signature.encode()
        valid = any(hmac.compare_digest(given, _signature(key, text).encode()) for key in self._keys)
        return text if valid else None


def _signature(key: bytes, text: str) -> str:
    mac = hmac.digest(key, text.encode(), "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
