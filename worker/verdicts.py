"""The meaning of each reply or failure of an SMTP server, and whose it is: the email's, the sender's, the connection's.

A connection lost before the final dot has handed over nothing, one lost after it may have (RFC 5321, section 6.1), and
only the second is in doubt. Of a refusal the words come before the codes, for providers use codes (RFC 3463) for what
they like. `app.domain.ledger.judge` finds out what the words do not tell, by the fate of other emails.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from app.domain.ledger.claims import Outcome
from app.domain.senders.for_workers import BlockKind
from app.mail.refusals import (
    CONNECTIONS,
    HERE,
    SENDING_QUOTA,
    Refusal,
    is_dead,
    names_mailbox,
    of_the_mailbox,
    whose,
)

Fault = Literal["email", "sender", "connection", "connections"]  # the last: there are more than the server wants
Command = Literal["MAIL", "RCPT", "DATA", "."]
TroubleKind = Literal[
    "password",  # ours of it cannot be decrypted
    "token",  # its provider gives us none
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


_QUOTA_CODES = re.compile(r"\b5\.(4\.5|7\.23[23])\b")
_BLOCK_KINDS: dict[TroubleKind, BlockKind] = {
    "password": "LOGIN",
    "token": "LOGIN",
    "login": "LOGIN",
    "host": "CONNECTION",
    "connect": "CONNECTION",
    "tls": "CONNECTION",
    "greeting": "CONNECTION",
    "protocol": "CONNECTION",
}
# Control characters, which would steer a terminal, and the bytes of a reply that is not UTF-8. Line ends stay.
_UNSTORABLE = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_TEXT = 2_000
_TELLING = 1_000  # what a server has to say it says first


class Verdict(NamedTuple):
    """The outcome of one message. `fault` says who has to change for it to work next time."""

    kind: Outcome
    fault: Fault
    command: Command
    text: str
    code: int | None = None
    enhanced_code: str | None = None
    refusal: Refusal | None = None  # for the judge, who then says the kind
    dead: bool = False  # the recipient's mailbox does not exist
    lost_copy: str | None = None  # at whose RCPT, a copy's, the connection was lost


NO_SMTPUTF8 = Verdict(
    "REJECTED", "email", "MAIL", "the address needs SMTPUTF8, which this server does not offer", None, "5.6.7"
)


def too_large(size: int, most: int) -> Verdict:
    """The verdict that a server's announced limit gives before it is asked (RFC 1870)."""
    text = f"the message has {size / 1_000_000:.1f} MB with its files, and this server takes {most / 1_000_000:.1f} MB"
    return Verdict("REJECTED", "email", "MAIL", text, None, "5.3.4")


class ServerTrouble(Exception):
    """The server cannot be reached, offers no TLS, or does not let us in: the sender's trouble, in plain words.

    The text may hold the server's own words, and so addresses; `kind` and `code` (RFC 5321) are for logs.
    """

    def __init__(self, text: str, kind: TroubleKind, code: int | None = None) -> None:
        super().__init__(text)
        self.kind: TroubleKind = kind
        self.code = code

    @property
    def block_kind(self) -> BlockKind:
        """The sender's kind of block: of a reply to a message, words of its quota are no matter of the message."""
        if self.kind == "reply":
            return "QUOTA" if SENDING_QUOTA.search(str(self)) or _QUOTA_CODES.search(str(self)) else "OTHER"
        return _BLOCK_KINDS.get(self.kind, "OTHER")


def classify(command: Command, code: int, text: str, *, delivered: int, tried: int = 0) -> Verdict:
    """The meaning of the server's reply to `command`.

    `delivered` is how many messages this connection has handed over, `tried` how many it was used for: a server that
    has taken some and then says 421 wants a new connection; one that says so to the first wants to be left alone.
    """
    text = storable(text)
    match = _ENHANCED.match(text)
    enhanced = match[1] if match else None
    reply = text[match.end() :] if match else text
    words = reply[:_TELLING]

    def verdict(kind: Outcome, fault: Fault, refusal: Refusal | None = None) -> Verdict:
        return Verdict(kind, fault, command, reply, code, enhanced, refusal)

    if command == "." and 200 <= code < 300:
        return verdict("ACCEPTED", "email")
    if command == "." and not 400 <= code < 600:  # the message went out, and this says nothing about it
        return Verdict("UNKNOWN", _of_silence(delivered), command, f"unexpected reply: {text}", code, enhanced)
    if not 400 <= code < 600:
        return Verdict("RELEASED", "sender", command, f"unexpected reply: {text}", code, enhanced)
    if CONNECTIONS.search(words) and not names_mailbox(words):
        return verdict("RELEASED", "connections")
    if (delivered or tried) and HERE.search(words) and not of_the_mailbox(enhanced, words):
        return verdict("RELEASED", "connection")
    if command == "MAIL":
        # Too large, or an address that needs SMTPUTF8: said to MAIL, but about this message.
        if code >= 500 and (enhanced in {"5.3.4", "5.6.7"} or (code == 552 and not SENDING_QUOTA.search(words))):
            return verdict("REJECTED", "email")
        return verdict("RELEASED", "connection" if code == 421 and delivered else "sender")
    refusal = whose(code, enhanced, words)
    fault: Fault = "connection" if code == 421 else "email"  # the server hangs up
    if refusal is None and code >= 500:
        return verdict("REJECTED", fault)._replace(dead=is_dead(enhanced, words))
    if refusal is None:
        return verdict("DEFERRED", fault)
    return verdict("RELEASED", fault, refusal)


def classify_loss(command: Command, reason: str, *, delivered: int) -> Verdict:
    """The meaning of a connection lost or timed out at `command`; at the dot, the message may have been accepted."""
    reason = storable(reason)
    if command == ".":
        said = f"the message went out and no answer came: {reason}"
        return Verdict("UNKNOWN", _of_silence(delivered), command, said)
    return Verdict("RELEASED", _of_silence(delivered), command, f"before the message: {reason}")


def _of_silence(delivered: int) -> Fault:
    """Whose it is that no reply came, or none that says anything: until a connection has handed over a message, nothing
    shows that the server takes any.
    """
    return "connection" if delivered else "sender"


def storable(text: str) -> str:
    """A server's words as Postgres can hold them, and as harmless as text is."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST_TEXT].replace("\r\n", "\n"))
