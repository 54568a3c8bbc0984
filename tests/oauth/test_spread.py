"""Refreshes of many mailboxes: spread over the life of their tokens, however they began."""

from __future__ import annotations

from collections import Counter

from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.inbound import inboxes
from app.domain.oauth import tokens
from app.domain.oauth.tokens import Login, due_for_refresh
from tests.support.engine import execute, rows

MAILBOXES = 5_000
LIFE_S = 3600
MINUTES = 60


async def connected(pool: Pool, user: User) -> dict[Login, int]:
    """Mailboxes that are read, and nobody sends from; all their tokens are due. By login, which tokens it has."""
    await execute(
        pool,
        "WITH made AS (INSERT INTO logins (workspace_id, hourly_limit, max_connections, credential, provider,"
        " refresh_token_encrypted, access_token_encrypted, access_expires_at, refresh_at)"
        " SELECT %s, 100, 5, 'OAUTH', 'company', 'r', 'a', now() + interval '10 minutes', now()"
        " FROM generate_series(1, %s) RETURNING *)"
        " INSERT INTO senders (workspace_id, login_id, email, host, port, security, username,"
        " imap_host, imap_port, imap_security)"
        " SELECT workspace_id, id, id || '@example.com', 'smtp.example.com', 587, 'starttls', id || '@example.com',"
        " 'imap.example.com', 993, 'tls' FROM made",
        user.workspace_id,
        MAILBOXES,
    )
    await inboxes.settle(pool)
    found = await rows(pool, "SELECT workspace_id, id, grant_version FROM logins WHERE credential = 'OAUTH'")
    return {Login(row["workspace_id"], row["id"]): row["grant_version"] for row in found}


async def refresh(pool: Pool, versions: dict[Login, int], due: list[Login]) -> None:
    """Keep what the provider gave, as the worker keeps it."""
    given = {"refresh_token_encrypted": b"r", "access_token_encrypted": b"a", "lives_s": LIFE_S}
    async with transaction(pool) as conn, conn.cursor() as cursor:
        of_each = [
            given | {"workspace_id": login.workspace_id, "login_id": login.id, "version": versions[login]}
            for login in due
        ]
        await cursor.executemany(tokens.sql.keep_tokens, of_each)
    for login in due:
        versions[login] += 1


async def test_five_thousand_mailboxes_that_were_due_at_once_are_spread_over_the_hour(pool: Pool, user: User) -> None:
    versions = await connected(pool, user)
    before = versions.copy()
    due = await due_for_refresh(pool, "company", 2 * MAILBOXES)
    assert len(due) == MAILBOXES  # as after a pause of all workers
    await refresh(pool, versions, due)
    in_minute = Counter[int]()
    for minute in range(1, MINUTES + 1):
        await execute(
            pool,
            "UPDATE logins SET refresh_at = refresh_at - interval '1 minute', "
            "access_expires_at = access_expires_at - interval '1 minute' WHERE credential = 'OAUTH'",
        )
        due = await due_for_refresh(pool, "company", 2 * MAILBOXES)
        in_minute[minute] = len(due)
        await refresh(pool, versions, due)
        assert await rows(pool, "SELECT id FROM logins WHERE access_expires_at < now() + interval '1 minute'") == []
    # At half of the life at the earliest, at nine tenths at the latest: 5,000 in 24 minutes are 208 in each.
    assert [minute for minute in range(1, 30) if in_minute[minute]] == []
    assert max(in_minute.values()) < 300
    assert min(versions[login] - before[login] for login in versions) >= 2
