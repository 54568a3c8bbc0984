"""A response is recorded once, in one transaction with all that follows from it and with its place in the mailbox.

Much follows from it: a recipient who does not exist, complained or wants no more is suppressed, and what waits for them
cancelled; a bounce that is the sender's own fault holds its login and suppresses nobody; an email in doubt that is
answered was sent. Locks as everywhere (`app.domain.ledger.streams`), and the inbox last.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from psycopg import Rollback

from app.db import Conn, Pool, Row, fetch_exactly_one, fetch_one, transaction
from app.domain.inbound import inboxes, stops
from app.domain.inbound.inboxes import Inbox, Place
from app.domain.inbound.matching import Answer, Named
from app.domain.ledger import decisions, refusals, streams
from app.domain.suppressions.suppress import Reason, cancel_emails, suppress
from app.mail.addresses import InvalidAddress, normalize_any
from app.mail.inbound.facts import Report
from app.sql import queries

sql = queries(__name__)

_LONGEST_ID = 500  # bytes: an index has no room for what strangers may call a message
ResponseKind = Literal["REPLY", "AUTO_REPLY", "BOUNCE", "COMPLAINT", "UNSUBSCRIBE", "FOUND_IN_SENT"]


class Found(NamedTuple):
    """An answer, where it lay, and when the mailbox's server says that it came."""

    answer: Answer
    place: Place
    received_at: datetime

    @property
    def message_id(self) -> str:
        """By which it is known again; of a message without one, by its place."""
        folder, uid_validity, uid = self.place
        own = self.answer.inbound.message_id or f"{uid_validity}/{uid} in {folder}"
        return own if len(own.encode()) <= _LONGEST_ID else f"sha256:{sha256(own.encode()).hexdigest()}"


async def record(pool: Pool, inbox: Inbox, found: Found) -> bool:
    """Record it, and that all up to its place was looked at. False: it was known, or nothing follows from it. Raises
    LeaseLost.
    """
    await _settle_doubt(pool, inbox.workspace_id, found.answer)
    is_new = False
    async with transaction(pool) as conn:
        is_new = await _record(conn, inbox.workspace_id, found)
        if not is_new:
            raise Rollback
        await inboxes.move(conn, inbox, found.place)
    if not is_new:
        await pass_by(pool, inbox, found.place)
    return is_new


async def record_unread(pool: Pool, workspace_id: int, found: Found) -> bool:
    """Record what lies in no mailbox that is read. False: it was known, or what it answers is gone."""
    await _settle_doubt(pool, workspace_id, found.answer)
    async with transaction(pool) as conn:
        return await _record(conn, workspace_id, found)


async def pass_by(pool: Pool, inbox: Inbox, place: Place) -> None:
    """All up to the place was looked at, and is recorded as far as it is anything. Raises LeaseLost."""
    async with transaction(pool) as conn:
        await inboxes.move(conn, inbox, place)


async def _settle_doubt(pool: Pool, workspace_id: int, answer: Answer) -> None:
    """By itself: this locks the campaign, which comes before what a response may suppress."""
    email = answer.email
    if email is None or email.status != "UNKNOWN" or answer.weak:
        return
    async with transaction(pool) as conn:
        stream_ids = await streams.lock_of_emails(conn, workspace_id, [email.id])
        await decisions.arrived(conn, workspace_id, email.id, stream_ids, f"answered by {kind_of(answer)}")


async def _record(conn: Conn, workspace_id: int, found: Found) -> bool:
    answer = found.answer
    known = {"workspace_id": workspace_id, "message_id": found.message_id}
    if (await fetch_exactly_one(conn, sql.is_recorded, known))["there"]:
        return False
    email = answer.email
    if email is None:
        return await _stop(conn, workspace_id, found)
    kind = kind_of(answer)
    about = await fetch_one(conn, sql.about, {"workspace_id": workspace_id, "email_id": email.id})
    if about is None:  # removed this moment
        return await _stop(conn, workspace_id, found)
    its = [email.id, about["id"]]
    if is_of_sender(answer):
        login_id = await refusals.lock_window(conn, workspace_id, email.sender_id)
        stream_ids = await streams.lock_of_emails(conn, workspace_id, its)
    else:
        login_id = None
        stream_ids = await _hold(conn, workspace_id, email, its, reason_of(kind, answer))
    params = {"workspace_id": workspace_id, "email_id": email.id, "about": about["id"]}
    now = await fetch_one(conn, sql.email_now, params)
    if now is None:  # erased
        return False
    before = await counted(conn, workspace_id, email.id)
    if await fetch_one(conn, sql.insert_response, _row(workspace_id, found, email, kind)) is None:
        return False
    await tally(conn, workspace_id, email.id, email.stream_id, before)
    answered = kind == "REPLY" or (kind == "AUTO_REPLY" and now["stop_on_auto_reply"])
    if answered and (now["stepped"] or now["status"] == "SCHEDULED"):
        await cancel_emails(conn, workspace_id, its, stream_ids, "REPLIED")
    elif kind == "AUTO_REPLY" and now["stepped"]:
        await stops.wait_for_return(conn, workspace_id, about["id"], stream_ids)
    if kind == "REPLY":
        await stops.stop_domain(conn, workspace_id, about["id"])
    if login_id is not None:
        report = answer.report
        code, enhanced, text = (report.code, report.enhanced_code, report.text) if report else (None, None, "")
        await refusals.hold_login(conn, workspace_id, login_id, code, enhanced, text)
    return True


async def _hold(conn: Conn, workspace_id: int, email: Named, its: list[int], reason: Reason | None) -> list[int]:
    """Hold the streams of `its`, or suppress the recipient, if there is a reason, and hold the email's; their ids."""
    if reason is None:
        return await streams.lock_of_emails(conn, workspace_id, its)
    await suppress(conn, workspace_id, emails=[email.recipient], reason=reason, email_id=email.id, holds_email=True)
    return await streams.lock_of_emails(conn, workspace_id, [email.id])


async def _stop(conn: Conn, workspace_id: int, found: Found) -> bool:
    """For an email that was removed, which has no stream any more. Each message is heard once: a member may have lifted
    the suppression since. False: it was, or they did not say so, and it answers nothing that is kept.
    """
    answer = found.answer
    whose: dict[str, Any]
    if answer.link is not None:
        whose = {"keys": [answer.link.digest], "reason": "UNSUBSCRIBED", "email_id": answer.link.email_id}
    elif reason_of(kind_of(answer), answer) == "REPLIED_STOP" and answer.inbound.sender is not None:
        try:
            whose = {"emails": [normalize_any(answer.inbound.sender)], "reason": "REPLIED_STOP"}
        except InvalidAddress:
            return False
    else:
        return False
    message = {"workspace_id": workspace_id, "message_id": found.message_id}
    if await fetch_one(conn, sql.hear_stop, message) is None:
        return False
    await suppress(conn, workspace_id, **whose)
    return True


async def counted(conn: Conn, workspace_id: int, email_id: int) -> Row:
    """For what the responses to an email count, to be told to `tally` after a change; its stream is locked."""
    return await fetch_exactly_one(conn, sql.kinds, {"workspace_id": workspace_id, "email_id": email_id})


async def tally(conn: Conn, workspace_id: int, email_id: int, stream_id: int, before: Row) -> None:
    params = {"workspace_id": workspace_id, "email_id": email_id, "stream_id": stream_id}
    await conn.execute(sql.tally, params | before)


def kind_of(answer: Answer) -> ResponseKind:
    """Raises ValueError for a message that answers nothing."""
    kind = answer.inbound.kind
    if answer.link is not None:
        return "UNSUBSCRIBE"
    if kind == "DELAY" or kind == "DELIVERED":
        raise ValueError(f"a notice of {kind} answers nothing")
    return kind


def is_of_sender(answer: Answer) -> bool:
    """Whether a bounce is the sender's own fault: it says nothing about the recipient."""
    report = answer.report
    return answer.inbound.kind == "BOUNCE" and not answer.weak and report is not None and report.refusal == "SENDER"


def reason_of(kind: ResponseKind, answer: Answer) -> Reason | None:
    """The reason to suppress the recipient; None: there is none."""
    if kind == "UNSUBSCRIBE":
        return "REPLIED_STOP" if answer.link is None else "UNSUBSCRIBED"
    if answer.weak:  # anybody can write what looks like a bounce
        return None
    if kind == "COMPLAINT":
        return "COMPLAINED"
    is_hard = kind == "BOUNCE" and answer.report is not None and answer.report.severity == "hard"
    return "BOUNCED" if is_hard and not is_of_sender(answer) else None


def _row(workspace_id: int, found: Found, email: Named, kind: ResponseKind) -> dict[str, Any]:
    answer, inbound = found.answer, found.answer.inbound
    report = answer.report if kind == "BOUNCE" else None
    severity = None if kind != "BOUNCE" else report.severity if report else "soft"
    return {
        "workspace_id": workspace_id,
        "kind": kind,
        "email_id": email.id,
        "campaign_id": email.campaign_id,
        "stream_id": email.stream_id,
        "sender_id": email.sender_id,
        "recipient": email.recipient,
        "writer": inbound.sender,
        "writer_name": inbound.sender_name[:500],
        "weak": answer.weak,
        "message_id": found.message_id,
        "received_at": found.received_at,
        "subject": inbound.subject,
        "text": inbound.text,
        "html": inbound.html,
        "attachments": [name[:500] for name in inbound.attachments],
        "severity": severity,
        "back_on": inbound.back_on,
        "of_sender": is_of_sender(answer),
        **_said(report),
        **found.place._asdict(),
    }


def _said(report: Report | None) -> dict[str, Any]:
    if report is None:
        return dict.fromkeys(("reason", "code", "enhanced_code", "diagnostic"))
    return {
        "reason": report.reason,
        "code": report.code,
        "enhanced_code": report.enhanced_code,
        "diagnostic": report.text,
    }
