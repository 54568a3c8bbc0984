"""Passwords: argon2id, hashed and verified in a thread, since each takes a tenth of a second and 64 MiB on purpose."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.bounds import Bounds
from app.errors import InvalidInput

LENGTH = Bounds(8, 1000)

_hasher = PasswordHasher()


def check_password(password: str, field: str) -> None:
    """Raises InvalidInput on `field`."""
    if not LENGTH.allow(len(password)):
        raise InvalidInput({field: f"give {LENGTH} characters"})


async def hash_password(password: str) -> str:
    """Its argon2id hash with salt and parameters (PHC string format)."""
    return await asyncio.to_thread(_hasher.hash, password)


async def is_password(password: str, hashed: str | None) -> bool:
    """Whether it is the one hashed. Without a hash it is not, and that takes as long to find out."""
    try:
        if hashed is None:
            await asyncio.to_thread(_hasher.hash, password)
            return False
        return await asyncio.to_thread(_hasher.verify, hashed, password)
    except (VerificationError, InvalidHashError):
        return False
