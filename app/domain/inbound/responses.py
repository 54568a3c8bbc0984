"""Responses for people: read, labelled, and corrected where the reader took one for something else.

A correction undoes what followed from the wrong kind, and does what follows from the right one: the suppression, the
counts, and whether the campaign goes on writing to the recipient. Emails that a suppression has cancelled stay so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal, get_args

import msgspec

from app.bounds import Bounds
from app.db import Conn, Pool, Row, containing, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.inbound import record, stops
from app.domain.inbound.record import ResponseKind
from app.domain.ledger import streams
from app.domain.pages import Page, PageRequest, page_of, time_key
from app.domain.suppressions.suppress import Reason, cancel_emails, owe_nothing_new, suppress
from app.domain.workspaces import audit
from app.errors import Conflict, InvalidInput, NotFound
from app.sql import queries

sql = queries(__name__)

LABEL = Bounds(0, 50)  # characters; none ends it
CHOSEN = Bounds(1, 500)  # ids
BEGINNING = 200  # characters of a text in a list
Severity = Literal["hard", "soft", "policy"]
AnswerKind = Literal["REPLY", "AUTO_REPLY", "BOUNCE", "COMPLAINT", "UNSUBSCRIBE"]
KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)
_REASONS: dict[ResponseKind, Reason] = {
    "BOUNCE": "BOUNCED",
    "COMPLAINT": "COMPLAINED",
    "UNSUBSCRIBE": "REPLIED_STOP",
}


class ResponseSummary(msgspec.Struct, rename="camel", kw_only=True):
    """A response to an email. `weak`: only the address says whose answer it is. `corrected`: a person said what it
    is. Of a bounce, `of_sender`: it is the sender's fault, and says nothing about the recipient. `back_on` is the day
    that an absence note names.
    """

    id: int
    kind: ResponseKind
    corrected: bool
    email_id: int
    campaign_id: int
    sender_id: int
    recipient: str
    writer: str | None
    writer_name: str
    weak: bool
    received_at: datetime
    subject: str
    beginning: str
    attachments: list[str]
    severity: Severity | None
    reason: str | None
    code: int | None
    enhanced_code: str | None
    of_sender: bool
    back_on: date | None
    label: str | None
    read_at: datetime | None
    answered_at: datetime | None


class Response(ResponseSummary, rename="camel", kw_only=True):
    """`text` is what is new in it, without what it quotes; `html` is cleaned. `diagnostic`: what a bounce says."""

    text: str
    html: str | None
    diagnostic: str | None


class ResponseFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`q`: a part of an address, a name, the subject or the text; `address`: to whom or from whom it is. A campaign
    has those to answers that were sent in its threads, too.
    """

    kind: ResponseKind | None = None
    campaign_id: int | None = None
    sender_id: int | None = None
    email_id: int | None = None
    label: str | None = None
    unread: bool | None = None
    q: str | None = None
    address: str | None = None

    def check(self) -> None:
        """Raises InvalidInput."""
        wrong = {
            name: "has a NUL character, which nothing here has"
            for name in ("label", "q", "address")
            if "\0" in (getattr(self, name) or "")
        }
        if wrong:
            raise InvalidInput(wrong)


class ResponseChanges(msgspec.Struct, kw_only=True):
    """A person's changes to a response; None leaves a field as it is. `forgotten`: it answers nothing of ours."""

    kind: AnswerKind | None = None
    label: str | None = None
    read: bool | None = None
    forgotten: bool = False

    def check(self) -> None:
        """Raises InvalidInput."""
        wrong = _wrong_label(self.label)
        if self.forgotten and (self.kind is not None or self.label is not None or self.read is not None):
            wrong["forgotten"] = "is all that can be said of it then; leave the others out"
        if wrong:
            raise InvalidInput(wrong)


class LabelCount(msgspec.Struct):
    """How many responses have a label."""

    label: str
    n: int


class Marked(msgspec.Struct):
    """How many of the responses that were named are there."""

    changed: int


async def page(pool: Pool, workspace_id: int, wanted: ResponseFilter, asked: PageRequest) -> Page[ResponseSummary]:
    """The latest first; our own copies that settled a doubt only by their kind. Raises InvalidInput."""
    wanted.check()
    before_at, before_id = asked.check_time() or (None, None)
    params = msgspec.structs.asdict(wanted) | {
        "workspace_id": workspace_id,
        "q": None if wanted.q is None else containing(wanted.q),
        "before_at": before_at,
        "before_id": before_id,
        "beginning": BEGINNING,
        "limit": asked.limit + 1,
    }
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.page_of_responses, params)
    keys = [time_key(row["received_at"], row["id"]) for row in rows]
    return page_of([ResponseSummary(**row) for row in rows], keys, asked.limit)


async def get(pool: Pool, workspace_id: int, response_id: int) -> Response:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        return await _read(conn, workspace_id, response_id)


async def unread(pool: Pool, workspace_id: int) -> dict[ResponseKind, int]:
    """How many nobody has read yet."""
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.count_unread, {"workspace_id": workspace_id})
    return dict.fromkeys(KINDS, 0) | {row["kind"]: row["n"] for row in rows}


async def labels(pool: Pool, workspace_id: int) -> list[LabelCount]:
    """Those in use, what most have first."""
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.count_labels, {"workspace_id": workspace_id})
    return [LabelCount(**row) for row in rows]


async def mark(pool: Pool, workspace_id: int, ids: Sequence[int], label: str | None, read: bool | None) -> Marked:
    """Label many, or note that they are read; None leaves things as they are. Raises InvalidInput."""
    wrong = _wrong_label(label)
    if not CHOSEN.allow(len(ids)):
        wrong["ids"] = f"give {CHOSEN} ids"
    if wrong:
        raise InvalidInput(wrong)
    params = {"workspace_id": workspace_id, "ids": list(ids), "label": label, "read": read}
    async with transaction(pool, workspace_id) as conn:
        return Marked(len(await fetch_all(conn, sql.mark_responses, params)))


def _wrong_label(label: str | None) -> dict[str, str]:
    if label is None or (LABEL.allow(len(label)) and (label or "x").isprintable()):
        return {}
    return {"label": f"give {LABEL} characters on one line; none takes it away"}


async def change(
    pool: Pool, workspace_id: int, response_id: int, changes: ResponseChanges, actor: Actor = LOCAL
) -> Response | None:
    """None: it is forgotten. Raises InvalidInput, NotFound, and Conflict for our own copy of an email."""
    changes.check()
    params = {"workspace_id": workspace_id, "id": response_id}
    async with transaction(pool) as conn:  # as `suppress` asks for
        if changes.kind is not None or changes.forgotten:
            await _correct(conn, params, changes.kind, actor)
        if changes.forgotten:
            return None
        await fetch_all(
            conn, sql.mark_responses, params | {"ids": [response_id], "label": changes.label, "read": changes.read}
        )
        return await _read(conn, workspace_id, response_id)


async def read_whole(conn: Conn, workspace_id: int, ids: Sequence[int]) -> dict[int, Response]:
    """Those that are there, by id."""
    params = {"workspace_id": workspace_id, "ids": list(ids), "beginning": BEGINNING}
    return {row["id"]: Response(**row) for row in await fetch_all(conn, sql.whole_responses, params)}


async def _read(conn: Conn, workspace_id: int, response_id: int) -> Response:
    found = await read_whole(conn, workspace_id, [response_id])
    if response_id not in found:
        raise not_found(response_id)
    return found[response_id]


async def _correct(conn: Conn, params: dict[str, Any], kind: AnswerKind | None, actor: Actor) -> None:
    """`kind` None: it is no answer at all."""
    workspace_id = params["workspace_id"]
    whose = await fetch_one(conn, sql.whose_response, params)
    if whose is None:
        raise not_found(params["id"])
    await owe_nothing_new(conn, workspace_id)  # so nobody comes to be suppressed, or ceases to be, meanwhile
    reason = _reason_of(kind, whose)
    if reason is not None:
        await _suppress(conn, workspace_id, whose, reason, actor)
    stream_ids = [whose["stream_id"]]
    if reason is None and whose["about_stream_id"] is not None:  # who is suppressed gets nothing of any campaign
        stream_ids.append(whose["about_stream_id"])
    await streams.lock(conn, workspace_id, stream_ids)
    before = await fetch_one(conn, sql.lock_response, params)
    if before is None:
        raise not_found(params["id"])
    if before["read_kind"] == "FOUND_IN_SENT":
        raise Conflict("it is our own copy of the email, and nothing else")
    counts = await record.counted(conn, workspace_id, whose["email_id"])
    if kind is None:
        await conn.execute(sql.forget_response, params)
        await audit.record(conn, actor, workspace_id, "response.forgotten", f"responses/{params['id']}")
    else:
        await conn.execute(sql.correct_response, params | {"kind": kind})
        subject = f"responses/{params['id']} ({before['kind']} -> {kind})"
        await audit.record(conn, actor, workspace_id, "response.corrected", subject)
    await record.tally(conn, workspace_id, whose["email_id"], whose["stream_id"], counts)
    if _stops(kind, whose):
        its = [one for one in (whose["email_id"], whose["about"]) if one is not None]
        await cancel_emails(conn, workspace_id, its, stream_ids, "REPLIED")
    if kind == "REPLY" and whose["about"] is not None:
        await stops.stop_domain(conn, workspace_id, whose["about"])
    elif before["kind"] == "REPLY" and whose["about"] is not None:
        await stops.lift_domain(conn, workspace_id, whose["about"])
    was = _reason_of(before["kind"], whose)
    if was is not None and before["kind"] != kind:
        taken = {"workspace_id": workspace_id, "recipient": whose["recipient"], "email_id": whose["email_id"]}
        await conn.execute(sql.take_suppression_back, taken | {"reason": was})
    if _lets_go_on(kind, whose) and whose["about"] is not None:
        back_on = before["back_on"] if before["kind"] == "AUTO_REPLY" != kind else None
        await stops.go_on(conn, workspace_id, whose["about"], stream_ids, no_more_away_until=back_on)


def _stops(kind: AnswerKind | None, whose: Row) -> bool:
    return kind == "REPLY" or (kind == "AUTO_REPLY" and whose["stop_on_auto_reply"])


def _lets_go_on(kind: AnswerKind | None, whose: Row) -> bool:
    """Whether the campaign goes on writing to whoever a response of this kind came from."""
    return not _stops(kind, whose) and _reason_of(kind, whose) is None


async def _suppress(conn: Conn, workspace_id: int, whose: Row, reason: Reason, actor: Actor) -> None:
    email_id = whose["email_id"]
    emails = [whose["recipient"]]
    await suppress(conn, workspace_id, emails=emails, reason=reason, email_id=email_id, holds_email=True, actor=actor)


def _reason_of(kind: ResponseKind | None, whose: Row) -> Reason | None:
    """The reason to suppress its recipient, if it is of this kind."""
    if kind == "BOUNCE" and (whose["severity"] in {"soft", "policy"} or whose["of_sender"]):
        return None
    return None if kind is None else _REASONS.get(kind)


def not_found(response_id: int) -> NotFound:
    return NotFound(f"no response {response_id}")
