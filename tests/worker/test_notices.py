"""Mail from the service itself: links to a new password, by the fallback server; and what they never wait behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.password_changes import ask_for_reset
from app.jobs import CHECKS, defer_verification
from app.settings import Settings
from tests.support.engine import (
    Owner,
    create_owner,
    execute,
    rows,
    running_workers,
    settings_for,
    value,
    wait_for,
)
from tests.support.sinkproc import Sink
from worker import __main__ as worker
from worker import sender_checks
from worker.connect import Server
from worker.notices import send_password_reset


async def test_a_reset_link_is_sent_to_the_account_and_counts_against_no_limit(
    database_url: str, pool: Pool, sink: Sink, owner: Owner
) -> None:
    async def arrived() -> bool:
        return bool(sink.accepted())

    await ask_for_reset(pool, LOCAL, "owner@example.com")
    async with running_workers(database_url, settings_for(sink)):
        await wait_for(arrived, "the mail")
    (mail,) = sink.accepted()
    assert (mail.envelope_from, mail.envelope_to) == ("no-reply@localhost", "owner@example.com")
    assert await value(pool, "SELECT count(*) FROM login_windows") == 0


async def test_a_link_that_has_expired_is_not_sent(database_url: str, pool: Pool, sink: Sink, owner: Owner) -> None:
    async def done() -> bool:
        return await value(pool, "SELECT count(*) FROM procrastinate_jobs") == 0

    await ask_for_reset(pool, LOCAL, "owner@example.com")
    await execute(pool, "UPDATE password_resets SET expires_at = now()")
    async with running_workers(database_url, settings_for(sink)):
        await wait_for(done, "the job to be done with")
    assert sink.accepted() == []


async def test_where_no_server_mails_the_link_it_is_in_the_log(pool: Pool, sink: Sink, owner: Owner) -> None:
    """UX.md B7: the sandbox shows mail of workspaces, and this is of none."""
    await ask_for_reset(pool, LOCAL, "owner@example.com")
    reset_id = await value(pool, "SELECT id FROM password_resets")
    server = Server("127.0.0.1", sink.port, "none", policy=None)
    for settings, links in ((Settings(), 1), (settings_for(sink), 0)):
        with capture_logs() as logged:
            await send_password_reset(pool, settings, "a key", server, reset_id)
        assert sum("/reset-password?token=" in event.get("link", "") for event in logged) == links
    assert len(sink.accepted()) == 2


class Silent:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """When it ends it hangs up on everybody."""
        over = asyncio.Event()

        async def listen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            await over.wait()
            writer.close()

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield
            finally:
                over.set()


async def point_at(pool: Pool, silent: Silent) -> None:
    """All senders' server is the silent one."""
    await execute(pool, "UPDATE senders SET host = '127.0.0.1', port = %s, security = 'none'", silent.port)


async def test_a_link_does_not_wait_for_checks_of_silent_servers(database_url: str, pool: Pool, sink: Sink) -> None:
    """Finding 12."""
    silent, places = Silent(), worker.CONCURRENCY[CHECKS]

    async def all_are_taken() -> bool:
        return silent.connections == places

    async def arrived() -> bool:
        return bool(sink.accepted())

    async with running_workers(database_url, settings_for(sink)), silent.serving():  # which hangs up first
        owners = [await create_owner(pool, f"owner{n}@example.com") for n in range(places + 2)]
        await point_at(pool, silent)
        async with pool.connection() as conn, conn.transaction():
            for owner in owners:
                await defer_verification(conn, owner.workspace_id, owner.sender_id)
        await wait_for(all_are_taken, "the checks to have begun")
        await ask_for_reset(pool, LOCAL, "owner0@example.com")
        await wait_for(arrived, "the mail")


async def test_a_workspace_has_one_check_at_a_time(database_url: str, pool: Pool, sink: Sink, owner: Owner) -> None:
    silent = Silent()
    other = await create_owner(pool, "other@example.com")
    await execute(
        pool,
        "WITH login AS (INSERT INTO logins (workspace_id, hourly_limit, max_connections) VALUES (%s, 1, 1) RETURNING *)"
        " INSERT INTO senders (workspace_id, email, login_id) SELECT workspace_id, 'second@b.org', id FROM login",
        owner.workspace_id,
    )
    second = await value(pool, "SELECT max(id) FROM senders")

    async def two_are_connected() -> bool:
        return silent.connections == 2

    async with running_workers(database_url, settings_for(sink)), silent.serving():
        await point_at(pool, silent)
        async with pool.connection() as conn, conn.transaction():
            await defer_verification(conn, owner.workspace_id, owner.sender_id)
            await defer_verification(conn, owner.workspace_id, second)
            await defer_verification(conn, other.workspace_id, other.sender_id)  # the last to be looked at
        await wait_for(two_are_connected, "one check of each workspace")
        jobs = await rows(pool, "SELECT args ->> 'sender_id' AS sender_id, status FROM procrastinate_jobs ORDER BY id")
    assert [(int(job["sender_id"]), job["status"]) for job in jobs] == [
        (owner.sender_id, "doing"),
        (second, "todo"),
        (other.sender_id, "doing"),
    ]


async def test_a_check_takes_15_seconds_at_most(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sender_checks.VERIFY_S == 15
    monkeypatch.setattr(sender_checks, "VERIFY_S", 0.3)
    silent = Silent()

    async def answered() -> str | None:
        return await value(pool, "SELECT verify_error FROM senders")

    async with running_workers(database_url, settings_for(sink)), silent.serving():
        await point_at(pool, silent)
        async with pool.connection() as conn, conn.transaction():
            await conn.execute("UPDATE senders SET verify_requested_at = now()")
            await defer_verification(conn, owner.workspace_id, owner.sender_id)
        error = await wait_for(answered, "the check to be given up")
    assert error == "the server was not done with letting us in after 0.3 s"
