"""A new SECRET_KEY for what is stored: every secret is opened and sealed again with the current key.

Safe while the service runs: each batch locks its rows, so that a password changed meanwhile is either seen as changed
or waits. Repeating it is harmless, and finishes what was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from app.db import Pool, fetch_all, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.oauth.tokens import access_place, refresh_place
from app.domain.senders.inbox import imap_password_place
from app.domain.senders.senders import password_place
from app.domain.webhooks.webhooks import secret_place
from app.domain.workspaces import audit
from app.secrets import SecretBox, UndecipherableSecret
from app.sql import queries

sql = queries(__name__)

BATCH = 100


class Resealed(NamedTuple):
    """How many secrets are under the current key now, and whose no key opens: ids of senders, webhooks, logins."""

    total: int
    unreadable: list[int]
    unreadable_webhooks: list[int]
    unreadable_logins: list[int]


class _Column(NamedTuple):
    """Where secrets of a kind are: the queries that find and write them, their names in these, their places."""

    find: bytes
    write: bytes
    field: str
    id_name: str
    place: Callable[[int], str]


PASSWORDS = _Column(sql.passwords_to_reseal, sql.reseal_password, "password_encrypted", "sender_id", password_place)
IMAP_PASSWORDS = _Column(
    sql.imap_passwords_to_reseal, sql.reseal_imap_password, "imap_password_encrypted", "sender_id", imap_password_place
)
WEBHOOK_SECRETS = _Column(
    sql.webhook_secrets_to_reseal, sql.reseal_webhook_secret, "secret_encrypted", "webhook_id", secret_place
)
REFRESH_TOKENS = _Column(
    sql.refresh_tokens_to_reseal, sql.reseal_refresh_token, "refresh_token_encrypted", "login_id", refresh_place
)
ACCESS_TOKENS = _Column(
    sql.access_tokens_to_reseal, sql.reseal_access_token, "access_token_encrypted", "login_id", access_place
)


async def reseal(pool: Pool, box: SecretBox) -> Resealed:
    """Bring every stored secret under the box's current key. A secret that no key opens is left as it is."""
    passwords, senders = await _reseal(pool, box, PASSWORDS)
    imap_passwords, of_imap = await _reseal(pool, box, IMAP_PASSWORDS)
    secrets, webhooks = await _reseal(pool, box, WEBHOOK_SECRETS)
    refresh, logins = await _reseal(pool, box, REFRESH_TOKENS)
    access, of_access = await _reseal(pool, box, ACCESS_TOKENS)
    async with transaction(pool) as conn:
        await audit.record(conn, LOCAL, None, "installation.rotate-key")
    total = passwords + imap_passwords + secrets + refresh + access
    return Resealed(total, sorted({*senders, *of_imap}), webhooks, sorted({*logins, *of_access}))


async def _reseal(pool: Pool, box: SecretBox, column: _Column) -> tuple[int, list[int]]:
    count, unreadable, after = 0, list[int](), 0
    while True:
        async with transaction(pool) as conn:
            rows = await fetch_all(conn, column.find, {"after": after, "header": box.header, "limit": BATCH})
            for row in rows:
                place = column.place(row["id"])
                try:
                    sealed = box.seal(box.open(row[column.field], place), place)
                except UndecipherableSecret:
                    unreadable.append(row["id"])
                    continue
                params = {"workspace_id": row["workspace_id"], column.id_name: row["id"], column.field: sealed}
                await conn.execute(column.write, params)
                count += 1
        if not rows:
            return count, unreadable
        after = rows[-1]["id"]
