"""A new SECRET_KEY for what is stored: every secret is opened and sealed again with the current key.

Safe while the service runs: each batch locks its rows, so that a password changed meanwhile is either seen as changed
or waits. Repeating it is harmless, and finishes what was interrupted.
"""

from __future__ import annotations

from typing import NamedTuple

from app.db import Pool, fetch_all, transaction
from app.domain.senders import password_place
from app.secrets import SecretBox, UndecipherableSecret
from app.sql import query

PASSWORDS_TO_RESEAL = query("passwords_to_reseal")
RESEAL_PASSWORD = query("reseal_password")

BATCH = 100


class Resealed(NamedTuple):
    """How many secrets are under the current key now, and the senders whose secret no key opens."""

    total: int
    unreadable: list[int]


async def reseal(pool: Pool, box: SecretBox) -> Resealed:
    """Bring every stored secret under the box's current key. What no key opens is left as it is."""
    count, unreadable, after = 0, list[int](), 0
    while True:
        async with transaction(pool) as conn:
            rows = await fetch_all(conn, PASSWORDS_TO_RESEAL, {"after": after, "header": box.header, "limit": BATCH})
            for row in rows:
                place = password_place(row["id"])
                try:
                    sealed = box.seal(box.open(row["password_encrypted"], place), place)
                except UndecipherableSecret:
                    unreadable.append(row["id"])
                    continue
                params = {"user_id": row["user_id"], "sender_id": row["id"], "password_encrypted": sealed}
                await conn.execute(RESEAL_PASSWORD, params)
                count += 1
        if not rows:
            return Resealed(count, unreadable)
        after = rows[-1]["id"]
