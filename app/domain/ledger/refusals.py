"""Refusals of late and the holds that follow from them, read and kept for the judge."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, fetch_all, fetch_exactly_one
from app.domain.ledger.claims import Claimant, Report
from app.domain.ledger.judge import REFUSED_S, Evidence, Hold, Refusals, Subject, Tried, hold, judge, signature
from app.errors import NotFound
from app.mail.addresses import domain_of
from app.sql import queries

sql = queries(__name__)


async def settle(conn: Conn, claimant: Claimant, reports: list[Report], ages: dict[int, float]) -> Evidence:
    """Have the reports judged by what is known of their sender's login, and keep what follows. In the exchange's
    transaction and before it: this takes the lock of the login's window first.
    """
    whose = {
        "workspace_id": claimant.workspace_id,
        "login_id": await lock_window(conn, claimant.workspace_id, claimant.sender_id),
    }
    evidence = await _gather(conn, whose, claimant, [report.id for report in reports])
    judge(evidence, reports, ages)
    for key, domain, report in evidence.suspects:
        params = claimant.parameters() | {"stream_id": key[1], "domain": domain}
        if not (await fetch_exactly_one(conn, sql.domain_accepts, params))["accepts"]:
            hold(evidence, key[1], "REFUSED", report, evidence.now)
    await _keep(conn, whose, evidence)
    return evidence


async def lock_window(conn: Conn, workspace_id: int, sender_id: int) -> int:
    """Hold the current window of the sender's login, and so keep exchanges away; its login's id. Raises NotFound."""
    row = await fetch_exactly_one(conn, sql.lock_window, {"workspace_id": workspace_id, "sender_id": sender_id})
    if row["login_id"] is None:
        raise NotFound(f"no sender {sender_id}")
    return int(row["login_id"])


async def hold_login(
    conn: Conn, workspace_id: int, login_id: int, code: int | None, enhanced_code: str | None, words: str
) -> None:
    """Hold all of a login for what a bounce says of its sender, as for a reply; its window is locked. A hold that is
    there already stays.
    """
    params = {
        "workspace_id": workspace_id,
        "login_id": login_id,
        "signature": signature(".", code, enhanced_code, words),
        "words": " ".join(str(part) for part in (code, enhanced_code, words) if part),
        "first_s": REFUSED_S[0],
    }
    await conn.execute(sql.hold_login, params)


async def _gather(conn: Conn, whose: dict[str, Any], claimant: Claimant, ids: list[int]) -> Evidence:
    params = whose | {"ids": ids, "token": claimant.token}
    login = await fetch_exactly_one(conn, sql.login_evidence, params)
    emails = {row["id"]: _subject(row) for row in await fetch_all(conn, sql.emails_judged, params)}
    streams = await fetch_all(
        conn, sql.streams_accepted, params | {"stream_ids": list({email.stream_id for email in emails.values()})}
    )
    return Evidence(
        now=login["now"],
        accepted_at=login["accepted_at"],
        emails=emails,
        streams={row["id"]: row["accepted_at"] for row in streams},
        refusals={
            (row.pop("signature"), row.pop("stream_id")): Refusals(**row)
            for row in await fetch_all(conn, sql.refusals_of_login, params)
        },
        holds={row.pop("stream_id"): Hold(**row) for row in await fetch_all(conn, sql.holds_of_login, params)},
    )


def _subject(row: dict[str, Any]) -> Subject:
    at: datetime | None = row["recorded_at"]
    command, code, enhanced = row["command"], row["code"], row["enhanced_code"]
    said, codes = signature(command, code, enhanced, row["reply"]), signature(command, code, enhanced, None)
    return Subject(
        stream_id=row["stream_id"],
        campaign_id=row["campaign_id"],
        domain=domain_of(row["recipient"]),
        attempts=row["attempts"],
        retry_count=row["retry_count"],
        before=None if at is None else Tried(at, row["outcome"], command, code, said, codes),
    )


async def _keep(conn: Conn, whose: dict[str, Any], evidence: Evidence) -> None:
    for said, stream_id in sorted(evidence.changed):
        row = msgspec.structs.asdict(evidence.refusals[said, stream_id])
        row["domains"] = Jsonb(row["domains"])
        await conn.execute(sql.keep_refusals, whose | row | {"signature": said, "stream_id": stream_id})
    for stream_id in evidence.lifted:
        await conn.execute(sql.lift_hold, whose | {"stream_id": stream_id})
    for stream_id in evidence.held:
        row = msgspec.structs.asdict(evidence.holds[stream_id])
        await conn.execute(sql.keep_hold, whose | row | {"stream_id": stream_id})
