"""What servers refused lately and what that holds back, read and kept for the judge."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, fetch_all, fetch_exactly_one
from app.domain.ledger.claims import Claimant, Report
from app.domain.ledger.judge import Evidence, Hold, Refusals, Subject, Tried, hold, judge, signature
from app.mail.addresses import domain_of
from app.sql import queries

sql = queries(__name__)


async def settle(conn: Conn, claimant: Claimant, reports: list[Report], ages: dict[int, float]) -> Evidence:
    """Have the reports judged by what is known of their sender, and keep what follows. In the exchange's transaction
    and before it: this takes the lock of the sender's window first.
    """
    evidence = await _gather(conn, claimant, [report.id for report in reports])
    judge(evidence, reports, ages)
    for key, domain, report in evidence.suspects:
        params = claimant.parameters() | {"campaign_id": key[1], "domain": domain}
        if not (await fetch_exactly_one(conn, sql.domain_accepts, params))["accepts"]:
            hold(evidence, key[1], "REFUSED", report, evidence.now)
    await _keep(conn, claimant, evidence)
    return evidence


async def _gather(conn: Conn, claimant: Claimant, ids: list[int]) -> Evidence:
    params = claimant.parameters() | {"ids": ids}
    await conn.execute(sql.lock_window, params)
    sender = await fetch_exactly_one(conn, sql.sender_evidence, params)
    emails = {row["id"]: _subject(row) for row in await fetch_all(conn, sql.emails_judged, params)}
    campaigns = await fetch_all(
        conn, sql.campaigns_accepted, params | {"campaign_ids": list({email.campaign_id for email in emails.values()})}
    )
    return Evidence(
        now=sender["now"],
        accepted_at=sender["accepted_at"],
        emails=emails,
        campaigns={row["id"]: row["accepted_at"] for row in campaigns},
        refusals={
            (row.pop("signature"), row.pop("campaign_id")): Refusals(**row)
            for row in await fetch_all(conn, sql.refusals_of_sender, params)
        },
        holds={row.pop("campaign_id"): Hold(**row) for row in await fetch_all(conn, sql.holds_of_sender, params)},
    )


def _subject(row: dict[str, Any]) -> Subject:
    at: datetime | None = row["recorded_at"]
    command, code, enhanced = row["command"], row["code"], row["enhanced_code"]
    said, codes = signature(command, code, enhanced, row["reply"]), signature(command, code, enhanced, None)
    return Subject(
        campaign_id=row["campaign_id"],
        domain=domain_of(row["recipient"]),
        attempts=row["attempts"],
        retry_count=row["retry_count"],
        before=None if at is None else Tried(at, row["outcome"], command, code, said, codes),
    )


async def _keep(conn: Conn, claimant: Claimant, evidence: Evidence) -> None:
    whose = claimant.parameters()
    for said, campaign_id in sorted(evidence.changed):
        row = msgspec.structs.asdict(evidence.refusals[said, campaign_id])
        row["domains"] = Jsonb(row["domains"])
        await conn.execute(sql.keep_refusals, whose | row | {"signature": said, "campaign_id": campaign_id})
    for campaign_id in evidence.lifted:
        await conn.execute(sql.lift_hold, whose | {"campaign_id": campaign_id})
    for campaign_id in evidence.held:
        row = msgspec.structs.asdict(evidence.holds[campaign_id])
        await conn.execute(sql.keep_hold, whose | row | {"campaign_id": campaign_id})
