"""The reader of a message that came in: the one way in to this package, for `app.killable`.

`read` is pure and total: any bytes give an answer. It says what a message is and whom it names, and not whose answer
it is; that needs the ledger. Precision comes first: a person who quotes a bounce is a person.
"""

from __future__ import annotations

import re

import msgspec

from app.mail.inbound import absence, headers, mime, replies, reports, stop, texts
from app.mail.inbound.bounces import reports_of
from app.mail.inbound.dialects import cut, texts_of
from app.mail.inbound.facts import Inbound, Incoming, Kind, Report
from app.mail.inbound.mime import RETURNED, Fields, Part

_MOST_TOKENS = 20
_MOST_ATTACHMENTS = 50
_MOST_AUTHENTICATION = 5
_TOKEN = re.compile(r"(?<![\w.-])[\w-]{20,300}(?:\.[\w-]{1,300}){0,3}(?![\w-])", re.ASCII)
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to")


def read(_: None, incoming: Incoming) -> Inbound:
    root = mime.parse(incoming.raw)
    fields = root.fields
    leaves = list(root.leaves())
    text = texts_of(leaves)
    returned = [leaf.returned for leaf in leaves if leaf.type in RETURNED]
    told = reports.notification(text)
    complaint = reports.complaint(root) or (told.feedback if told else None)
    reported = reports_of(root, incoming.written_to) if complaint is None else []
    if (reported or complaint) and not returned and (below := cut(text)[1]) is not None:
        returned = [below]
    subject = fields.words("subject")
    held = absence.signs(fields)
    new, html = ("", None) if complaint else (text[: texts.MOST_TEXT], None) if reported else _written(leaves)
    name, sender = headers.mailbox(fields.first("from"))
    kind = _kind(complaint is not None, reported, subject, new, (name, sender or ""), root, held)
    sent = headers.moment(fields.first("date"))
    to = _addresses([fields], ("to", "cc"))
    delivered_to = _addresses([fields], _DELIVERED_TO)
    ids = {name: headers.ids(fields.first(name)) for name in ("message-id", "in-reply-to", "references")}
    return Inbound(
        kind=kind,
        sender=sender,
        sender_name=name,
        to=to,
        delivered_to=delivered_to,
        subject=subject[:1_000],
        date=sent,
        message_id=next(iter(ids["message-id"]), None),
        in_reply_to=ids["in-reply-to"],
        references=ids["references"],
        original_ids=headers.ids(fields.first("x-microsoft-original-message-id")),
        returned_ids=_returned_ids(returned, told),
        returned_to=_addresses(returned, ("to", "cc")),
        authentication=[headers.words(value) for value in fields.all("authentication-results")[:_MOST_AUTHENTICATION]],
        reports=reported or _complained(complaint, returned),
        complaint=complaint.feedback_type if complaint else None,
        back_on=absence.back_on(f"{subject}. {new}", sent.date() if sent else None) if kind == "AUTO_REPLY" else None,
        tokens=_tokens(subject, [*to, *delivered_to]),
        text=new,
        html=html,
        attachments=[name for leaf in leaves if (name := leaf.filename) is not None][:_MOST_ATTACHMENTS],
        signs=held,
    )


def read_headers(_: None, incoming: Incoming) -> Inbound:
    """Of a message whose body is not to be looked at."""
    block = mime.header_block(incoming.raw)
    return msgspec.structs.replace(read(None, Incoming(block, incoming.written_to)), unread=True)


def _kind(
    complained: bool,
    reported: list[Report],
    subject: str,
    new: str,
    writer: tuple[str, str],
    root: Part,
    held: list[absence.Sign],
) -> Kind:
    if complained:
        return "COMPLAINT"
    if reported:
        actions = {report.action for report in reported}
        return "BOUNCE" if "failed" in actions else "DELAY" if "delayed" in actions else "DELIVERED"
    if root.type != "multipart/report" and stop.says_stop(new, subject, *writer):
        return "UNSUBSCRIBE"
    answers = "in-reply-to" in root.fields or "references" in root.fields
    automatic = root.type == "multipart/report" or absence.is_automatic(subject, new, held, answers=answers)
    return "AUTO_REPLY" if automatic else "REPLY"


def _written(leaves: list[Part]) -> tuple[str, str | None]:
    """The new part of its text, and its HTML as it may be shown."""
    shown = [leaf for leaf in leaves if not leaf.is_attachment]
    plain = "\n".join(leaf.text for leaf in shown if leaf.type == "text/plain")
    html = next((leaf.text for leaf in shown if leaf.type == "text/html"), "")
    cleaned = texts.cleaned(html) if html else None
    if not plain.strip() and html:
        new = replies.without_quotes(html)
        plain = texts.shown(new, cleaned if new is html else texts.cleaned(new))
    return replies.new_part(plain), cleaned or None


def _addresses(messages: list[Fields], names: tuple[str, ...]) -> list[str]:
    found = [
        one for fields in messages for name in names for value in fields.all(name) for one in headers.addresses(value)
    ]
    return list(dict.fromkeys(found))[: headers.MOST_ADDRESSES]


def _returned_ids(returned: list[Fields], told: reports.Notification | None) -> list[str]:
    ids = [one for fields in returned for name in ("message-id", "x-microsoft-original-message-id")
           for one in headers.ids(fields.first(name))]  # fmt: skip
    if told and told.mail and told.mail.message_id:
        ids.append(told.mail.message_id[:998])
    return list(dict.fromkeys(ids))[: headers.MOST_ADDRESSES]


def _complained(complaint: reports.Complaint | None, returned: list[Fields]) -> list[Report]:
    """Reports on those who complained: mostly they are left out, and can only be those that the message went to."""
    if complaint is None:
        return []
    who = complaint.recipients or _addresses(returned, ("to",))
    return [Report(one, "delivered", "soft", "UNDEFINED") for one in who[: reports.MOST_REPORTS]]


def _tokens(subject: str, recipients: list[str]) -> list[str]:
    places = [subject, *(one.partition("@")[0].partition("+")[2] for one in recipients)]
    return list(dict.fromkeys(found for place in places for found in _TOKEN.findall(place)))[:_MOST_TOKENS]
