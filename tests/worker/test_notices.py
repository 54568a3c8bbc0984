"""Mail from the service itself: links to a new password, by the fallback server."""

from __future__ import annotations

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.password_changes import ask_for_reset
from tests.support.engine import Owner, execute, running_workers, settings_for, value, wait_for
from tests.support.sinkproc import Sink


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
