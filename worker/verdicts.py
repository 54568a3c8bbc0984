"""What each reply or failure of an SMTP server means, and whose it is: the email's, the sender's, the connection's.

A connection lost before the final dot has handed over nothing, one lost after it may have (RFC 5321, section 6.1), and
only the second is in doubt.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from app.domain.ledger.exchange import Outcome

Fault = Literal["email", "sender", "connection"]
Command = Literal["MAIL", "RCPT", "DATA", "."]
TroubleKind = Literal[
    "password",  # ours of it cannot be decrypted
    "host",  # not one that senders may name
    "connect",
    "tls",
    "login",
    "greeting",  # refused before any login
    "reply",  # to a message: throttled, or the sender is not wanted
    "protocol",
    "internal",  # our own failure
]

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b\s*")
_TOO_MANY_HERE = re.compile(
    r"too many (?:messages|mails|emails|transactions|recipients).*|per[- ](?:connection|session)", re.I
)
_GREYLISTED = re.compile(r"gr[ea]y-?list", re.I)
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # NUL, and the bytes of a reply that is not UTF-8
_LONGEST_TEXT = 2_000


class Verdict(NamedTuple):
    """What became of one message. `fault` says who has to change for it to work next time."""

    kind: Outcome
    fault: Fault
    command: Command
    text: str
    code: int | None = None
    enhanced_code: str | None = None


NO_SMTPUTF8 = Verdict(
    "REJECTED", "email", "MAIL", "the address needs SMTPUTF8, which this server does not offer", None, "5.6.7"
)


class ServerTrouble(Exception):
    """The server cannot be reached, offers no TLS, or does not let us in: the sender's trouble, in plain words.

    The text may hold the server's own words, and so addresses; `kind` and `code` (RFC 5321) are for logs.
    """

    def __init__(self, text: str, kind: TroubleKind, code: int | None = None) -> None:
        super().__init__(text)
        self.kind: TroubleKind = kind
        self.code = code


def classify(command: Command, code: int, text: str, *, delivered: int) -> Verdict:
    """What the server's reply to `command` means.

    `delivered` is how many messages this connection has handed over: a server that has taken some and then says 421
    wants a new connection; one that says so to the first wants to be left alone.
    """
    text = storable(text)
    match = _ENHANCED.match(text)
    enhanced = match[1] if match else None

    def verdict(kind: Outcome, fault: Fault) -> Verdict:
        return Verdict(kind, fault, command, text[match.end() :] if match else text, code, enhanced)

    if command == "." and 200 <= code < 300:
        return verdict("ACCEPTED", "email")
    if command == "." and not 400 <= code < 600:  # the message went out, and this says nothing about it
        return Verdict("UNKNOWN", "connection", command, f"unexpected reply: {text}", code, enhanced)
    if delivered and _TOO_MANY_HERE.search(text):
        return verdict("RELEASED", "connection")
    if code == 421:
        return verdict("RELEASED", "connection" if delivered and command == "MAIL" else "sender")
    if 400 <= code < 500:
        if enhanced and enhanced.startswith("4.7.") and not _GREYLISTED.search(text):
            return verdict("RELEASED", "sender")
        return verdict("DEFERRED", "email")
    if 500 <= code < 600:
        # Too large, or an address that needs SMTPUTF8: said to MAIL, but about this message.
        if command == "MAIL" and enhanced not in {"5.3.4", "5.6.7"} and code != 552:
            return verdict("RELEASED", "sender")
        if enhanced == "5.4.5":  # a mailbox's daily quota, as Gmail says it: of no recipient's making
            return verdict("RELEASED", "sender")
        return verdict("REJECTED", "email")
    return Verdict("RELEASED", "sender", command, f"unexpected reply: {text}", code, enhanced)


def classify_loss(command: Command, reason: str, *, delivered: int) -> Verdict:
    """What a connection lost or timed out at `command` means; at the dot, the message may have been accepted."""
    reason = storable(reason)
    if command == ".":
        return Verdict("UNKNOWN", "connection", command, f"the message went out and no answer came: {reason}")
    return Verdict("RELEASED", "connection" if delivered else "sender", command, f"before the message: {reason}")


def storable(text: str) -> str:
    """A server's words as Postgres can hold them."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST_TEXT])
