"""Accounts and the API keys that stand for them."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import NamedTuple

from argon2 import PasswordHasher

from app.db import Pool, fetch_one, transaction
from app.domain.senders import SenderDraft, insert_sender
from app.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from app.mail.addresses import InvalidAddress, normalize
from app.secrets import SecretBox
from app.sql import query

INSERT_USER = query("insert_user")
USER_BY_EMAIL = query("user_by_email")
INSERT_API_KEY = query("insert_api_key")
USER_OF_API_KEY = query("user_of_api_key")

KEY_PREFIX = "rib_"
MIN_PASSWORD = 8
_hasher = PasswordHasher()


class User(NamedTuple):
    """Somebody who logs in."""

    id: int
    email: str


async def create_user(pool: Pool, box: SecretBox, email: str, password: str, *, default_hourly_limit: int) -> User:
    """An account with its default sender, which uses the fallback server. Raises InvalidInput, Conflict."""
    try:
        email = normalize(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
    if len(password) < MIN_PASSWORD:
        raise InvalidInput({"password": f"is too short; give at least {MIN_PASSWORD} characters"})
    password_hash = await asyncio.to_thread(_hasher.hash, password)
    async with transaction(pool) as conn:
        row = await fetch_one(conn, INSERT_USER, {"email": email, "password_hash": password_hash})
        if row is None:
            raise Conflict(f"{email} has an account already")
        user = User(int(row["id"]), email)
        sender = SenderDraft(email=email)
        await insert_sender(conn, box, user.id, sender, default_hourly_limit=default_hourly_limit, is_default=True)
        return user


async def find_user(pool: Pool, email: str) -> User:
    """Raises NotFound."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, USER_BY_EMAIL, {"email": email.strip()})
    if row is None:
        raise NotFound(f"no account for {email}")
    return User(row["id"], row["email"])


async def create_api_key(pool: Pool, user_id: int, name: str) -> str:
    """A key of 256 bits, shown this once; the database keeps its SHA-256."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    async with transaction(pool) as conn:
        await conn.execute(INSERT_API_KEY, {"user_id": user_id, "key_sha256": _digest(key), "name": name})
    return key


async def authenticate(pool: Pool, key: str) -> User:
    """Who holds the key. Raises Unauthenticated."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, USER_OF_API_KEY, {"key_sha256": _digest(key)})
    if row is None:
        raise Unauthenticated("this API key is not known; make one with `reachinbox create-api-key EMAIL`")
    return User(row["id"], row["email"])


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
