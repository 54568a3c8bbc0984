"""Facts of a message that came in, for `app.domain`, which decides whose answer it is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from app.mail.refusals import Refusal

Kind = Literal[
    "REPLY",  # a person wrote it
    "AUTO_REPLY",  # a program answered, mostly for somebody who is away
    "BOUNCE",
    "DELAY",  # still being tried
    "DELIVERED",  # a report that nothing is wrong
    "COMPLAINT",  # RFC 5965: "this is spam", said by a button
    "UNSUBSCRIBE",  # "stop", and nothing else
]
Action = Literal["failed", "delayed", "delivered"]  # RFC 3464, 2.3.3; relayed and expanded are delivered to others
Severity = Literal[
    "hard",  # no such mailbox or domain: it will be the same next time
    "soft",  # of the recipient's side, and may pass
    "policy",  # of the message, of its sender or of where it came from
]
Reason = Literal[
    "USER_UNKNOWN",
    "HOST_UNKNOWN",
    "HAS_MOVED",
    "NOT_ACCEPT",  # the domain takes no mail at all
    "MAILBOX_FULL",
    "FILTERED",  # by the recipient or for them; some providers say so of mailboxes that do not exist
    "SUSPEND",  # the mailbox is disabled
    "ON_HOLD",
    "EXPIRED",  # tried for days
    "NETWORK_ERROR",
    "SYSTEM_ERROR",
    "MAILER_ERROR",  # a program behind the mailbox
    "REJECTED",  # for its sender
    "BLOCKED",  # for the host it came from
    "BAD_REPUTATION",
    "REQUIRE_PTR",
    "AUTH_FAILURE",  # SPF, DKIM, DMARC
    "POLICY_VIOLATION",
    "SECURITY_ERROR",
    "SPAM_DETECTED",
    "VIRUS_DETECTED",
    "NO_RELAYING",
    "CONTENT_ERROR",
    "NOT_COMPLIANT_RFC",
    "SYNTAX_ERROR",
    "MESG_TOO_BIG",
    "EXCEED_LIMIT",  # too big for this mailbox
    "TOO_MANY_CONN",
    "SPEEDING",
    "UNDEFINED",
]
Sign = Literal[  # that no person wrote it, each of them weak
    "EMPTY_RETURN_PATH",
    "AUTO_SUBMITTED",
    "PRECEDENCE",
    "X_AUTOREPLY",
    "SUPPRESSES_AUTO_RESPONSES",
    "LIST",
    "MACHINE_SENDER",
    "REPORT",  # what its headers declare it to be
]


class Report(msgspec.Struct, frozen=True):
    """The fate of a message for one recipient: `recipient` is the last address that it had, `original` the one that it
    was sent to, where the report names that, too. `refusal` is whose fault it is, as of a reply (`app.mail.refusals`);
    None: the mailbox's, or nobody's.
    """

    recipient: str
    action: Action
    severity: Severity
    reason: Reason
    code: int | None = None
    enhanced_code: str | None = None
    text: str = ""
    refusal: Refusal | None = None
    original: str | None = None


class Incoming(msgspec.Struct, frozen=True):
    """A message as it lies in the mailbox, its headers whole and as much of its body as was fetched; and the addresses
    that the sender wrote to and that an answer may be about.
    """

    raw: bytes
    written_to: frozenset[str] = frozenset()


class Inbound(msgspec.Struct, frozen=True):
    """`sender` and the like are addresses in lower case, ids come without angle brackets. `text` is what is new in it,
    without quotes and signature marks; `html` is cleaned and whole.
    """

    kind: Kind
    sender: str | None = None
    sender_name: str = ""
    to: list[str] = []
    delivered_to: list[str] = []
    subject: str = ""
    date: datetime | None = None
    message_id: str | None = None
    in_reply_to: list[str] = []
    references: list[str] = []
    original_ids: list[str] = []  # X-Microsoft-Original-Message-ID
    returned_ids: list[str] = []  # of the message that a report is about
    returned_to: list[str] = []
    authentication: list[str] = []  # Authentication-Results, the newest first
    reports: list[Report] = []
    complaint: str | None = None  # the Feedback-Type
    back_on: date | None = None  # the day that an absence note names
    tokens: list[str] = []  # what may be a token of ours, in the subject or behind a + of a recipient
    text: str = ""
    html: str | None = None
    attachments: list[str] = []
    signs: list[Sign] = []
    unread: bool = False  # of its body: that is made to take more than a message may
