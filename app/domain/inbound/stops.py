"""Emails that an answer stops beyond its own, and that go on once it turns out to be none.

With `stopOn.domain`, an answer stops a campaign for everybody at its domain: no index finds them, so that is a walk in
the background through the campaign's emails, a batch a transaction. Providers of mailboxes for everybody are left out.
"""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from psycopg import Rollback

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.each import each_by_itself
from app.domain.ledger import decisions, streams
from app.domain.ledger.follow_ups import due_of
from app.domain.planning.campaign_calendar import of_kept
from app.domain.planning.follow import Clocks
from app.domain.suppressions import held
from app.domain.suppressions.suppress import cancel_emails
from app.jobs import defer_wake_up
from app.mail.shared_domains import SHARED_DOMAINS
from app.sql import queries

sql = queries(__name__)

EMAILS = 5_000  # that are gone through in one transaction
GO_ON = 100  # of these, that go on, each by statements of its own: others wait for their streams meanwhile


async def go_on(
    conn: Conn, workspace_id: int, email_id: int, stream_ids: list[int], *, no_more_away_until: date | None = None
) -> None:
    """The campaign of an email goes on for its recipient, unless something else that came back stops it; after the
    return that absence notes name. `no_more_away_until`: the day that one named which is none.
    """
    params = {"workspace_id": workspace_id, "email_id": email_id}
    waited = [row["id"] for row in await fetch_all(conn, sql.stopped_beside, params)]
    sent = [row["id"] for row in await fetch_all(conn, sql.unstop, params)]
    if no_more_away_until is not None:
        await _bring_forward(conn, params | {"back_on": no_more_away_until})
    await decisions.go_on(conn, workspace_id, waited, stream_ids)
    await conn.execute(sql.owe_again, params | {"ids": sent})
    await wait_for_return(conn, workspace_id, email_id, stream_ids)


async def _bring_forward(conn: Conn, params: dict[str, Any]) -> None:
    """What was put off until after that day leaves when it would have without."""
    for row in await fetch_all(conn, sql.waited_for_return, params):
        leaves = due_of(row, Clocks(of_kept(row["calendar"]), row["now"]), row["now"])
        if leaves.at < row["not_before"]:
            await conn.execute(sql.put_off, params | leaves._asdict() | {"id": row["id"]})
            await defer_wake_up(conn, row["sender_id"], leaves.at)


async def wait_for_return(conn: Conn, workspace_id: int, email_id: int, stream_ids: list[int]) -> None:
    """The step after an email waits as long as absence notes say, if they say it, and then leaves at its step's time of
    day where its calendar is open; the streams are locked.
    """
    params = {"workspace_id": workspace_id, "email_id": email_id}
    await conn.execute(sql.wait_for_return, params)
    for row in await fetch_all(conn, sql.waiting_until_return, params):
        leaves = due_of(row, Clocks(of_kept(row["calendar"]), row["follow_at"]), row["follow_at"])
        await conn.execute(sql.put_off, params | leaves._asdict() | {"id": row["id"]})
    await streams.settle(conn, workspace_id, stream_ids)


async def stop_domain(conn: Conn, workspace_id: int, email_id: int) -> None:
    """The recipient of an email answered: the campaign stops for their domain, if it is one that does so."""
    params = {"workspace_id": workspace_id, "email_id": email_id, "shared": sorted(SHARED_DOMAINS)}
    await conn.execute(sql.stop_domain, params)


async def lift_domain(conn: Conn, workspace_id: int, email_id: int) -> None:
    """They did not, after all."""
    await conn.execute(sql.lift_domain, {"workspace_id": workspace_id, "email_id": email_id})


async def walk_domains(pool: Pool, *, for_s: float = 2.0) -> int:
    """Stop everybody at domains of which somebody answered, for so long: others wait for the sweep to go on. How many
    emails. A worker that dies in between leaves the place from which the next goes on.
    """
    until = time.monotonic() + for_s
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.domains_to_walk)
    stopped = 0
    with each_by_itself() as one:
        for row in found:
            with one():
                walk: Row | None = row
                while walk is not None and time.monotonic() < until:
                    walk, n = await _walk_on(pool, walk)
                    stopped += n
    return stopped


async def _walk_on(pool: Pool, walk: Row) -> tuple[Row | None, int]:
    """A batch of it: where to go on, None: it is through, or somebody else's; and how many emails were stopped."""
    stopped, to = 0, None
    async with transaction(pool) as conn:
        sizes = {"limit": EMAILS, "most": GO_ON if walk["lifted"] else EMAILS}
        batch = await fetch_exactly_one(conn, sql.look_through_campaign, walk | sizes)
        workspace_id, ids = walk["workspace_id"], batch["ids"]
        if ids and walk["lifted"]:
            await held.owe_something(conn, workspace_id)
        stream_ids = await streams.lock_of_emails(conn, workspace_id, ids) if ids else []
        if walk["lifted"]:
            for email_id in ids:
                await go_on(conn, workspace_id, email_id, stream_ids)
        elif ids:
            stopped = await cancel_emails(conn, workspace_id, ids, stream_ids, "REPLIED")
        to = batch["last_id"]
        if await fetch_one(conn, sql.walk_on, walk | {"to": to}) is None:
            stopped, to = 0, None
            raise Rollback
    return (None if to is None else walk | {"walked_to": to}), stopped
