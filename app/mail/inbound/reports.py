"""Reports that follow a standard: of delivery (RFC 3464), of complaints (RFC 5965), and the JSON of Amazon SES."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import msgspec

from app.mail.inbound import headers
from app.mail.inbound.facts import Action, Report
from app.mail.inbound.mime import Fields, Part
from app.mail.inbound.reasons import judged

MOST_REPORTS = 100
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_OF_A_RECIPIENT = ("final-recipient", "original-recipient")
_PROTOCOL = re.compile(r"(?i)smtp|dns|lmtp|x-(?!unix)[\w-]{1,20}|rfc\w{3,4}")
_BLANK = re.compile(r"\n[ \t]*\n")
# Of those that send such fields in a text of their own.
_IN_TEXT = re.compile(r"(?mi)^[ \t]*(?:final|original)-recipient[ \t]*:")
_AGAIN = re.compile(r"(?mi)^(?=final-recipient[ \t]*:)")


class Group(msgspec.Struct):
    """The fields of one recipient."""

    recipient: str
    original: str | None
    action: Action
    status: str
    diagnostic: str


def groups(root: Part) -> list[Group]:
    """Those of the parts that report on delivery and, if there is none, of texts that have their fields."""
    leaves = list(root.leaves())
    texts = [leaf.text for leaf in leaves if leaf.type in _STATUS_TYPES]
    if not any(map(_IN_TEXT.search, texts)):
        texts = [leaf.text for leaf in leaves if leaf.type.startswith("text/") and not leaf.is_attachment]
    return list(islice((group for text in texts for group in _groups(text)), MOST_REPORTS))


def _groups(text: str) -> Iterator[Group]:
    for block in _BLANK.split(text):
        if not _IN_TEXT.search(block):
            continue
        pieces = _AGAIN.split(re.sub(r"(?m)^[ \t]+(?=[A-Za-z]+(?:-[A-Za-z]+)+:)", "", block))
        head = pieces[0] if len(pieces) > 1 and not _AGAIN.match(pieces[0]) else ""
        for piece in pieces[1:] if head else pieces:
            if (group := _group(Fields((head + piece).encode()))) is not None:
                yield group


def _group(fields: Fields) -> Group | None:
    named = [_address(fields.words(name)) for name in (*_OF_A_RECIPIENT, "x-actual-recipient")]
    recipient = next((one for one in named if one), None)
    if recipient and named[1] and "." not in recipient.rpartition("@")[2]:
        recipient = named[1]  # the last name of it means something within one network alone
    if recipient is None:
        return None
    status = fields.words("status")
    action: Action = "failed"
    said = fields.words("action").lower()
    if said.startswith("delay") or (not said and status.startswith("4")):
        action = "delayed"
    elif said.startswith(("deliver", "relay", "expand")) or (not said and status.startswith("2")):
        action = "delivered"
    diagnostic = fields.words("diagnostic-code") or status.partition("(")[2].rstrip(")")
    kind, semicolon, said = diagnostic.partition(";")
    return Group(
        recipient, named[1], action, status, said.strip() if semicolon and _PROTOCOL.fullmatch(kind) else diagnostic
    )


def _address(value: str) -> str | None:
    """Of a recipient field, behind its type of address; in quotation marks is what only a server of its own knows."""
    text = value.partition(";")[2] or value
    if (found := headers.ADDRESS.findall(text)) and not text.strip().startswith("|"):
        return headers.plain_address(found[0])
    bare = text.strip().strip("<>\"'")
    return bare.lower() if found == [] and re.fullmatch(r"[\w.+-]{1,64}", bare) else next(map(str.lower, found), None)


def declares_report(fields: Fields) -> bool:
    """Whether a message is a report by its headers, whose parts may not be there yet: by its type, or by the subject
    that Outlook.com's complaints have.
    """
    kind = headers.parameters(fields.first("content-type"))[0]
    is_complaint = fields.words("subject").lower().startswith("complaint about message")
    return kind == "multipart/report" or (kind.startswith("multipart/") and is_complaint)


class Complaint(msgspec.Struct):
    feedback_type: str
    recipients: list[str]


def complaint(root: Part) -> Complaint | None:
    """The complaint that somebody's button has their provider report."""
    for leaf in root.leaves():
        if leaf.type == "message/feedback-report":
            fields = Fields(leaf.content.strip())
            said = [
                one
                for name in ("original-rcpt-to", "final-recipient", "removal-recipient")
                for value in fields.all(name)
                for one in headers.addresses(value)
            ]
            kind = fields.words("feedback-type").lower()[:40] or "abuse"
            return None if kind == "auth-failure" else Complaint(kind, list(dict.fromkeys(said)))
    return _of_jmrp(root)


def _of_jmrp(root: Part) -> Complaint | None:
    """Outlook.com's, which returns the message and keeps to no form but one field in it."""
    for leaf in root.leaves():
        if leaf.type == "message/rfc822" and "x-hmxmroriginalrecipient" in leaf.returned:
            return Complaint("abuse", headers.addresses(leaf.returned.first("x-hmxmroriginalrecipient")))
    return None


class _Bounced(msgspec.Struct, rename="camel"):
    email_address: str = ""
    status: str = ""
    diagnostic_code: str = ""


class _Bounce(msgspec.Struct, rename="camel"):
    bounce_type: str = ""
    bounce_sub_type: str = ""
    bounced_recipients: list[_Bounced] = []


class _Complained(msgspec.Struct, rename="camel"):
    complained_recipients: list[_Bounced] = []
    complaint_feedback_type: str | None = None


class _Delivery(msgspec.Struct, rename="camel"):
    recipients: list[str] = []
    smtp_response: str = ""


class _Mail(msgspec.Struct, rename="camel"):
    message_id: str = ""


class Notification(msgspec.Struct, rename="camel"):
    """The notification that Amazon SES has SNS mail to its customers."""

    notification_type: Annotated[str, msgspec.Meta(max_length=40)]
    bounce: _Bounce | None = None
    complaint: _Complained | None = None
    delivery: _Delivery | None = None
    mail: _Mail | None = None

    @property
    def feedback(self) -> Complaint | None:
        if self.complaint is None:
            return None
        said = [one.email_address.lower() for one in self.complaint.complained_recipients[:MOST_REPORTS]]
        return Complaint((self.complaint.complaint_feedback_type or "abuse")[:40], said)

    @property
    def reports(self) -> list[Report]:
        if self.bounce is not None:
            return [
                judged(one.email_address.lower(), "failed", one.status, one.diagnostic_code)
                for one in self.bounce.bounced_recipients[:MOST_REPORTS]
            ]
        if self.delivery is not None:
            said = self.delivery.smtp_response
            return [judged(one.lower(), "delivered", "", said) for one in self.delivery.recipients[:MOST_REPORTS]]
        return []


def notification(text: str) -> Notification | None:
    begun = text[:2_000].lstrip()
    if not begun.startswith("{") or '"notificationType"' not in begun:
        return None
    # SNS breaks long lines with an exclamation mark, and says behind it how to end the subscription.
    line = text.strip().partition("\n--\n")[0].replace("!\n ", "")
    try:
        return msgspec.json.Decoder(Notification).decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
