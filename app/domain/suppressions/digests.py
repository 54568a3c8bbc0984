"""The key under which addresses have the digests that suppressions know them by (`app.mail.opaque.digest`).

It is read for lists on their way into the database, a million at a time: a call of SQL's `address_digest` for each
would take as long as half of all else.
"""

from __future__ import annotations

from app.db import Pool, fetch_exactly_one, transaction
from app.sql import queries

sql = queries(__name__)


async def address_key(pool: Pool) -> bytes:
    """The installation's, which the tenants' role cannot read. It stays the same for ever."""
    async with transaction(pool) as conn:
        return (await fetch_exactly_one(conn, sql.address_key))["address_key"]
