"""The postal address that a workspace's messages end with, where it has one: some laws ask for it."""

from __future__ import annotations

from app.bounds import Bounds
from app.db import Pool, fetch_exactly_one, transaction
from app.errors import InvalidInput
from app.sql import queries

sql = queries(__name__)
POSTAL_ADDRESS = Bounds(0, 500)  # characters


async def get(pool: Pool, workspace_id: int) -> str | None:
    async with transaction(pool, workspace_id) as conn:
        return (await fetch_exactly_one(conn, sql.own_postal_address))["postal_address"]


def checked(address: str | None) -> str | None:
    """Its lines without blanks around them; None: there is none. Raises InvalidInput."""
    lines = [line.strip() for line in (address or "").strip().splitlines()]
    text = "\n".join(lines)
    if not POSTAL_ADDRESS.allow(len(text)) or not all(line.isprintable() for line in lines):
        raise InvalidInput({"postalAddress": f"give {POSTAL_ADDRESS} characters, without control characters"})
    if "{{" in text or "{%" in text:
        raise InvalidInput({"postalAddress": "has a merge field; it is the same for everybody"})
    return text or None
