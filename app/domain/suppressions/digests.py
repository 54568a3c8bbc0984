"""What addresses are known by among suppressions: digests under a key of the installation, as SQL's `address_digest`.

Here for lists on their way into the database, a million at a time: a call of the function for each would take as long
as half of all else.
"""

from __future__ import annotations

from hashlib import sha256

from app.db import Pool, fetch_exactly_one, transaction
from app.mail.addresses import key
from app.sql import queries

sql = queries(__name__)


async def address_key(pool: Pool) -> bytes:
    """The installation's, which the tenants' role cannot read. It stays the same for ever."""
    async with transaction(pool) as conn:
        return (await fetch_exactly_one(conn, sql.address_key))["address_key"]


def hex_digest(secret: bytes, address: str) -> str:
    """Of a valid address, as 32 hexadecimal digits."""
    return sha256(secret + key(address).encode()).hexdigest()[:32]
