"""The email that a message answers: the one that it names, or else the latest to its writer.

A writer who names an email by an id of ours has received it, or was told of it by somebody who has: nobody can make
such an id up. A message that names none and begins no thread of others' is taken for an answer by its address alone
(`weak`), which anybody can put there, unless it came before all that its writer got from us. A message that one of our
own senders wrote answers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from app.db import Pool, Row, fetch_all, fetch_one, transaction
from app.domain.inbound.inboxes import Inbox
from app.mail.addresses import key
from app.mail.inbound import stop
from app.mail.inbound.facts import Inbound, Report
from app.mail.opaque import EmailName, Linked, Links, MessageIds, OldName
from app.sql import queries

sql = queries(__name__)

_MOST_NAMED = 50  # ids that are looked at, of one message
_CLOCKS_DIFFER = timedelta(hours=1)
_ABOUT_A_LIST = {"LIST", "PRECEDENCE"}  # signs of what was sent to many


class Named(NamedTuple):
    """An email of ours, as far as answers need to know it."""

    id: int
    campaign_id: int
    stream_id: int
    sender_id: int
    recipient: str
    status: str


class Answer(NamedTuple):
    """A message and the email that it answers; None: one that was removed or erased. `report` is what a bounce or a
    complaint says of the recipient. With a `link` its sender unsubscribes by the token of one.
    """

    inbound: Inbound
    email: Named | None
    weak: bool
    report: Report | None = None
    link: Linked | None = None


class _Known(NamedTuple):
    """The rows of the database that bear on a batch of messages."""

    by_id: dict[int, Row]
    by_provider_id: dict[str, Row]
    by_address: dict[str, Row]
    own: set[str]


async def written_to(pool: Pool, inbox: Inbox, addresses: Iterable[str]) -> frozenset[str]:
    """Those of the addresses that the mailbox's senders wrote to lately."""
    params = inbox.parameters() | {"addresses": sorted({key(one) for one in addresses})}
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.written_to, params)
    return frozenset(key(row["recipient"]) for row in rows)


async def match(
    pool: Pool, inbox: Inbox, ids: MessageIds, links: Links, received: Sequence[tuple[Inbound, datetime]]
) -> list[Answer | None]:
    """Of each message, with when it came, whose answer it is; None: of nothing that we sent."""
    known = await _look_up(pool, inbox, ids, links, [message for message, _ in received])
    answers = [_answer(inbox, ids, links, known, message, at) for message, at in received]
    return await _without_our_words(pool, inbox, answers)


async def _without_our_words(pool: Pool, inbox: Inbox, answers: list[Answer | None]) -> list[Answer | None]:
    """An answer that says stop by its subject alone has said nothing if that is the subject of the email, or may be
    that of one that was removed.
    """
    by_subject = {
        number: (answer, None if answer.email is None else answer.email.campaign_id, subject)
        for number, answer in enumerate(answers)
        if answer is not None and answer.link is None and answer.inbound.kind == "UNSUBSCRIBE"
        if not _says_stop_below(answer.inbound) and (subject := stop.answered_subject(answer.inbound.subject))
    }
    if not by_subject:
        return answers
    campaign_ids = sorted({campaign_id for _, campaign_id, _ in by_subject.values() if campaign_id is not None})
    async with transaction(pool) as conn:
        params = {"workspace_id": inbox.workspace_id, "campaign_ids": campaign_ids}
        rows = await fetch_all(conn, sql.subjects, params)
    subjects = ((row["campaign_id"], row["subject"].strip()) for row in rows)
    ours = {(campaign_id, (stop.answered_subject(own) or own).lower()) for campaign_id, own in subjects}
    for number, (answer, campaign_id, subject) in by_subject.items():
        if campaign_id is None or (campaign_id, subject.lower()) in ours:
            answers[number] = answer._replace(inbound=msgspec.structs.replace(answer.inbound, kind="REPLY"))
    return answers


def _says_stop_below(inbound: Inbound) -> bool:
    return stop.says_stop(inbound.text, "", inbound.sender_name, inbound.sender or "")


async def named(pool: Pool, workspace_id: int, ids: MessageIds, message_id: str) -> Named | None:
    """The workspace's email that an id of ours names; None: there is none, or it was erased."""
    name = ids.whose(message_id)
    if not isinstance(name, EmailName) or name.workspace_id != workspace_id:
        return None
    params = {"workspace_id": workspace_id, "ids": [name.email_id], "provider_ids": list[str]()}
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.named_emails, params)
    return None if row is None else _named(row)


async def _look_up(pool: Pool, inbox: Inbox, ids: MessageIds, links: Links, messages: Sequence[Inbound]) -> _Known:
    named = {one for message in messages for one in _names(message)}
    email_ids = {name.email_id for one in named if (name := _whose(inbox, ids, one)) is not None}
    email_ids |= {link.email_id for message in messages for link in _links(inbox, links, message)}
    addresses = {key(one) for message in messages for one in _addresses(message)}
    params = inbox.parameters()
    async with transaction(pool) as conn:
        rows = await fetch_all(
            conn, sql.named_emails, params | {"ids": sorted(email_ids), "provider_ids": sorted(named)}
        )
        latest = await fetch_all(conn, sql.written_to, params | {"addresses": sorted(addresses)})
        own = await fetch_all(conn, sql.own_addresses, params | {"addresses": sorted(addresses)})
    return _Known(
        by_id={row["id"]: row for row in rows},
        by_provider_id={row["provider_message_id"]: row for row in rows if row["provider_message_id"] is not None},
        by_address={key(row["recipient"]): row for row in latest},
        own={row["address"] for row in own},
    )


def _answer(
    inbox: Inbox, ids: MessageIds, links: Links, known: _Known, message: Inbound, at: datetime
) -> Answer | None:
    if message.kind in {"DELAY", "DELIVERED"}:
        return None
    reports = message.kind in {"BOUNCE", "COMPLAINT"}
    if not reports and (link := next(iter(_links(inbox, links, message)), None)) is not None:
        row = known.by_id.get(link.email_id)
        is_its = row is not None and row["recipient_key"] == link.digest
        return Answer(message, _named(row) if row is not None and is_its else None, weak=False, link=link)
    if message.sender is not None and key(message.sender) in known.own:
        return None
    for name in _names(message):
        row = _email_of(inbox, ids, known, name, message)
        if row is not None:
            report = _report_on(message, row["recipient"]) if reports else None
            # A list of people, or somebody whose mail goes on to others, is not dead with one of these.
            elsewhere = message.kind == "BOUNCE" and report is None
            return Answer(message, _named(row), weak=elsewhere, report=report or _first(message))
    return _weak(known, message, at) or _of_removed(inbox, ids, message)


def _weak(known: _Known, message: Inbound, at: datetime) -> Answer | None:
    if message.kind in {"BOUNCE", "COMPLAINT"}:
        if message.returned_ids:
            return None
        for report in _failed(message):
            for address in (report.original, report.recipient):
                row = address and known.by_address.get(key(address))
                if row:
                    return Answer(message, _named(row), weak=True, report=report)
        return None
    if message.in_reply_to or message.references or message.sender is None or _ABOUT_A_LIST & set(message.signs):
        return None
    row = known.by_address.get(key(message.sender))
    if row is None or at < row["first_at"] - _CLOCKS_DIFFER:
        return None
    return Answer(message, _named(row), weak=True)


def _of_removed(inbox: Inbox, ids: MessageIds, message: Inbound) -> Answer | None:
    """A person's word on an email that is kept no longer, which may be to stop: their own address is all that there is
    to know them by.
    """
    if message.sender is None or message.kind not in {"REPLY", "UNSUBSCRIBE"}:
        return None
    is_ours = any(isinstance(_whose(inbox, ids, name), EmailName) for name in _names(message))
    return Answer(message, None, weak=False) if is_ours else None


def _names(message: Inbound) -> list[str]:
    """Message-IDs by which it may name an email of ours, what is likeliest first."""
    of_thread = [*message.in_reply_to, *reversed(message.references), *message.original_ids]
    named = [*message.returned_ids, *of_thread]
    return list(dict.fromkeys(named))[:_MOST_NAMED]


def _email_of(inbox: Inbox, ids: MessageIds, known: _Known, name: str, message: Inbound) -> Row | None:
    whose = _whose(inbox, ids, name)
    if whose is None:
        return known.by_provider_id.get(name)
    row = known.by_id.get(whose.email_id)
    if row is None or isinstance(whose, EmailName):
        return row
    tried_at: datetime | None = row["tried_at"]
    is_its = row["campaign_id"] == whose.campaign_id
    believed = whose.is_believed(tried_at, row["opaque_since"], row["recipient"], _addresses(message))
    return row if is_its and believed else None


def _whose(inbox: Inbox, ids: MessageIds, name: str) -> EmailName | OldName | None:
    whose = ids.whose(name)
    if isinstance(whose, EmailName) and whose.workspace_id != inbox.workspace_id:
        return None
    return whose


def _links(inbox: Inbox, links: Links, message: Inbound) -> list[Linked]:
    found = [link for token in message.tokens if (link := links.read(token)) is not None]
    return [link for link in found if link.workspace_id == inbox.workspace_id]


def _addresses(message: Inbound) -> list[str]:
    """The addresses that it is from, or reports on."""
    reported = [one for report in message.reports for one in (report.original, report.recipient) if one]
    return [*([message.sender] if message.sender else []), *reported, *message.returned_to]


def _failed(message: Inbound) -> list[Report]:
    return [one for one in message.reports if message.kind == "COMPLAINT" or one.action == "failed"]


def _first(message: Inbound) -> Report | None:
    return next(iter(_failed(message)), None)


def _report_on(message: Inbound, recipient: str) -> Report | None:
    wanted = key(recipient)
    return next(
        (one for one in _failed(message) if wanted in {key(one.recipient), key(one.original or one.recipient)}), None
    )


def _named(row: Row) -> Named:
    return Named(*(row[name] for name in Named._fields))
