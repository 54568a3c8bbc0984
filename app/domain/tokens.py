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
    """What the database keeps of a token: SHA-256. The tokens are random, so a slow hash would gain nothing."""
    return hashlib.sha256(token.encode()).digest()


class Signer:
    """Signs short texts for one purpose with a key derived from SECRET_KEY (HMAC-SHA-256)."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        self._key = hmac.digest(secret_key.encode(), f"reachinbox {purpose}".encode(), "sha256")

    def sign(self, text: str) -> str:
        """`text` with its signature behind; safe in a URL when the text is."""
        return f"{text}.{self._signature(text)}"

    def verify(self, signed: str) -> str | None:
        """The text, or None when this key did not sign it."""
        text, _, signature = signed.rpartition(".")
        return text if hmac.compare_digest(signature.encode(), self._signature(text).encode()) else None

    def _signature(self, text: str) -> str:
        mac = hmac.digest(self._key, text.encode(), "sha256")
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
