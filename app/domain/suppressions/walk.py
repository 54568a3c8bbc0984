"""Emails that wait for suppressed recipients are cancelled, in the background.

No index finds recipients by their domain: so that is a walk through the workspace's emails in the order of their ids,
a batch a transaction. An address that an exchange suppressed, since it does not exist, is looked for at once; the
exchange itself only writes it down. Nothing of this is needed to keep mail from them: claims look.
"""

from __future__ import annotations

import time
from itertools import groupby

from psycopg import Rollback

from app.db import Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.each import each_by_itself
from app.domain.ledger import streams
from app.domain.suppressions.suppress import BATCH, Owed, cancel_emails, cancel_owed, lock_owing
from app.mail.addresses import key
from app.sql import queries

sql = queries(__name__)

EMAILS = 10_000  # that are gone through in one transaction


async def walk(pool: Pool, *, for_s: float = 2.0) -> int:
    """Cancel what is found, for so long: others wait for the sweep to go on. How many emails. A walk that stops or dies
    in between leaves the place from which the next goes on.
    """
    until = time.monotonic() + for_s
    async with transaction(pool) as conn:
        found = await fetch_all(conn, sql.walks, {"limit": BATCH})
    addresses = [row for row in found if row["kind"] == "ADDRESS"]
    cancelled = 0
    with each_by_itself() as one:
        for workspace_id, its in groupby(addresses, lambda row: row["workspace_id"]):
            with one():
                cancelled += await _cancel_addresses(pool, workspace_id, list(its))
        for row in found:
            with one():
                if row["kind"] == "DOMAIN":
                    cancelled += await _walk_domain(pool, row, until)
    return cancelled


async def _cancel_addresses(pool: Pool, workspace_id: int, rows: list[Row]) -> int:
    owed = Owed([row["key"] for row in rows], [key(row["name"]) for row in rows if row["name"] is not None])
    async with transaction(pool) as conn:
        stream_ids = await lock_owing(conn, workspace_id, owed)
        cancelled = await cancel_owed(conn, workspace_id, owed, stream_ids)
        await conn.execute(sql.end_walks, {"workspace_id": workspace_id, "keys": owed.keys})
    return cancelled


async def _walk_domain(pool: Pool, row: Row, until: float) -> int:
    cancelled = 0
    place: int | None = row["walked_to"]
    while place is not None and time.monotonic() < until:
        async with transaction(pool) as conn:
            params = row | {"walked_to": place, "limit": EMAILS}
            batch = await fetch_exactly_one(conn, sql.look_through, params)
            found, goes_on = 0, True
            if batch["waiting"]:
                stream_ids = await streams.lock_of_emails(conn, row["workspace_id"], batch["waiting"])
                found = await cancel_emails(conn, row["workspace_id"], batch["waiting"], stream_ids, "SUPPRESSED")
            if await fetch_one(conn, sql.go_on, params | {"to": batch["last_id"]}) is None:
                found, goes_on = 0, False
                raise Rollback  # removed, begun anew, or another worker's
        cancelled += found
        place = batch["last_id"] if goes_on else None
    return cancelled
