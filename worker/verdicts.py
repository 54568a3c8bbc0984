"""What each reply or failure of an SMTP server means, and whose it is: the email's, the sender's, the connection's.

A connection lost before the final dot has handed over nothing, one lost after it may have (RFC 5321, section 6.1), and
only the second is in doubt. Of a refusal the words come before the codes, for providers use codes (RFC 3463) for what
they like. What the words do not tell, `app.domain.ledger.judge` finds out by what becomes of other emails.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from app.domain.ledger.claims import Outcome, Refusal
from app.domain.senders.for_workers import BlockKind

Fault = Literal["email", "sender", "connection", "connections"]  # the last: there are more than the server wants
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


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# The first of these that a refusal matches decides.
_SENDING_QUOTA = _words(
    r"\b(relay|sending|submission|outgoing|outbound|daily|hourly)\W?(\w+ ){0,3}(quota|limit)",
    r"(submission|relay|sending)quota",
    r"(emails|mails|messages|recipients)( allowed)? (per|an?) (second|minute|hour|day)\b",
)
_MAILBOX = _words(
    r"recipient thread limit|recipient has exceeded|receiving (mail|messages|limit)",
    r"gr[ea]y-?list",
    r"\b(user|mailbox|recipient|account|address|addressee)('s)?( address)?( is| was| has been)?:? "
    r"(unknown|not found|not known|unavailable|disabled|inactive|deactivated|invalid|full|busy|locked|over quota)",
    r"(does not|doesn't|did not) exist|no longer (exists|active|available|valid)|over ?quota|mailbox .{0,20}full",
    r"(no such|unknown|invalid|non-?existent|bad|inactive|disabled|undeliverable|unrouteable) "
    r"(local )?(user|mailbox|recipient|account|address|person|part)",
    r"no mailbox (here|by|with)|not a (valid|known|local) (user|mailbox|recipient|address)|user not local",
    r"user (does not|doesn't) have an? (\S+ )?account",
    r"insufficient (disk|storage) ?(space|quota)? .{0,20}(mailbox|user|recipient)|mailbox .{0,20}quota",
)
_HERE = _words(
    r"too many (messages|mails|emails|transactions|recipients|errors|commands|bad commands|invalid)",
    r"per[- ](connection|session)|(in|on|for) this (connection|session)|error limit exceeded",
)
_CONNECTIONS = _words(r"(concurrent|simultaneous|parallel|open) (smtp )?(connections|sessions)|too many connections")
# What a recipient's side says of whom it lets write: no matter what it calls us, another recipient's may not.
_OF_THE_RECIPIENT = _words(
    r"recipient address rejected|\bgroup|forgroup|allowed.?senders|delivery restriction|distribution"
)
_SENDER = _words(
    r"sender (address |domain |is |was )*(rejected|denied|refused|blocked|invalid|unknown|verif\w+ failed|"
    r"not (allowed|authori[sz]ed|permitted|accepted|found))",
    r"send ?as ?denied|(not|n't) (have )?(allowed|permitted|authori[sz]ed|permissions?) to (send|relay|use)",
    r"address(es)? (is|are) not verified|match a verified sender|unauthenticated senders",
    r"relay(ing)?( access| is| not)*( to \S+)? (denied|prohibited|permitted|(dis)?allowed)|unable to relay|not relay",
    r"\b(helo|ehlo)\b.{0,40}(reject|invalid|denied|refused|fully|not)|invalid (helo|ehlo)",
    r"\bauth\w* (is )?required|must (first )?authenticate|not authenticated|issue a starttls|requires authentication",
    r"client host (\S+ )?(rejected|blocked)|(block|black|deny)-?list|blocked using|\bdnsbl\b|spamhaus|poor reputation",
    r"(unusual|suspicious) (sending )?activity|(your|the sending|sender'?s?) (\w+ )?(account|mailbox|domain|tenant)",
    r"account (has been |is |was )?(suspended|blocked|compromised|restricted)",
)
_RATE = _words(
    r"throttl|too (fast|quickly|frequently|often)|slow(ing)? down|rate[- ]?limit|(sending|message|mail) rate",
    r"rate (is |was |has been )?(exceeded|limited|too)",
    r"too many (\w+ )?(requests|messages|mails|emails|recipients|attempts)",
    r"quota (has been |is |was )?exceeded|quotaexceeded|exceeded .{0,40}(limit|quota|maximum|max\b|allowed)",
    r"limit (has been |is |was )?(exceeded|reached)|try again (tomorrow|in an hour|after)",
)
_MAILBOX_CODES = {
    *("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.2.2"),
    *("4.1.1", "4.1.2", "4.1.3", "4.1.6", "4.1.10", "4.2.1", "4.2.2"),
}
# Of refusals that name a mailbox those that say that it is none. One that is full, busy, slow or wary may be there
# tomorrow, and "mailbox unavailable" is what some say to whatever they do not want.
_DEAD = _words(
    r"\b(user|mailbox|recipient|account|address|addressee)('s)?( address)?( is| was| has been)?:? "
    r"(unknown|not found|not known|disabled|inactive|deactivated|invalid)",
    r"(does not|doesn't|did not) exist|no longer (exists|active|valid)",
    r"(no such|unknown|invalid|non-?existent|inactive|disabled) (local )?"
    r"(user|mailbox|recipient|account|address|person)",
    r"no mailbox (here|by|with)|not a (valid|known|local) (user|mailbox|recipient|address)|user not local",
    r"user (does not|doesn't) have an? (\S+ )?account",
)
_ALIVE = _words(
    r"\bfull\b|quota|insufficient|\bbusy\b|\blocked\b|thread limit|has exceeded|receiving (mail|messages|limit)",
    r"gr[ea]y-?list|temporar",
)
_DEAD_CODES = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
_UNTOLD_CODES = {None, "5.0.0", "5.1.0", "5.5.0", "5.5.1"}  # the words decide
_SENDER_CODES = {
    *("5.1.7", "5.1.8", "4.1.7", "4.1.8", "5.1.90", "5.4.5", "5.2.252", "5.7.3", "5.7.30", "5.7.57", "5.7.60"),
    *("5.7.139", "5.7.232", "5.7.233", "5.7.705", "5.7.708", "5.7.750"),
}
_QUOTA_CODES = re.compile(r"\b5\.(4\.5|7\.23[23])\b")
_BLOCK_KINDS: dict[TroubleKind, BlockKind] = {
    "password": "LOGIN",
    "login": "LOGIN",
    "host": "CONNECTION",
    "connect": "CONNECTION",
    "tls": "CONNECTION",
    "greeting": "CONNECTION",
    "protocol": "CONNECTION",
}
_LOGIN_CODES = {530, 534, 535, 538}
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # NUL, and the bytes of a reply that is not UTF-8
_LONGEST_TEXT = 2_000
_TELLING = 1_000  # what a server has to say it says first


class Verdict(NamedTuple):
    """What became of one message. `fault` says who has to change for it to work next time."""

    kind: Outcome
    fault: Fault
    command: Command
    text: str
    code: int | None = None
    enhanced_code: str | None = None
    refusal: Refusal | None = None  # for the judge, who then says the kind
    dead: bool = False  # the recipient's mailbox does not exist


NO_SMTPUTF8 = Verdict(
    "REJECTED", "email", "MAIL", "the address needs SMTPUTF8, which this server does not offer", None, "5.6.7"
)


def too_large(size: int, most: int) -> Verdict:
    """What a server says of itself before it is asked (RFC 1870)."""
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
        """What it means for the sender: of a reply to a message, words of its quota are no matter of the message."""
        if self.kind == "reply":
            return "QUOTA" if _SENDING_QUOTA.search(str(self)) or _QUOTA_CODES.search(str(self)) else "OTHER"
        return _BLOCK_KINDS.get(self.kind, "OTHER")


def classify(command: Command, code: int, text: str, *, delivered: int, tried: int = 0) -> Verdict:
    """What the server's reply to `command` means.

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
        return Verdict("UNKNOWN", "connection", command, f"unexpected reply: {text}", code, enhanced)
    if not 400 <= code < 600:
        return Verdict("RELEASED", "sender", command, f"unexpected reply: {text}", code, enhanced)
    if _CONNECTIONS.search(words) and not _MAILBOX.search(words):
        return verdict("RELEASED", "connections")
    if (delivered or tried) and _HERE.search(words) and not _of_the_mailbox(enhanced, words):
        return verdict("RELEASED", "connection")
    if command == "MAIL":
        # Too large, or an address that needs SMTPUTF8: said to MAIL, but about this message.
        if code >= 500 and (enhanced in {"5.3.4", "5.6.7"} or (code == 552 and not _SENDING_QUOTA.search(words))):
            return verdict("REJECTED", "email")
        return verdict("RELEASED", "connection" if code == 421 and delivered else "sender")
    refusal = _whose(code, enhanced, words)
    fault: Fault = "connection" if code == 421 else "email"  # the server hangs up
    if refusal is None and code >= 500:
        return verdict("REJECTED", fault)._replace(dead=_is_dead(enhanced, words))
    if refusal is None:
        return verdict("DEFERRED", fault)
    return verdict("RELEASED", fault, refusal)


def _of_the_mailbox(enhanced: str | None, words: str) -> bool:
    """Whether the refusal names the recipient's mailbox."""
    if _SENDING_QUOTA.search(words) or enhanced in _SENDER_CODES:
        return False
    if _MAILBOX.search(words):
        return not _SENDER.search(words)
    if enhanced not in _MAILBOX_CODES:
        return False
    return not _SENDER.search(words) and not (enhanced in {"4.2.1", "5.2.1"} and _RATE.search(words))


def _is_dead(enhanced: str | None, words: str) -> bool:
    """Whether a refusal for good that names a mailbox says that there is none."""
    if _ALIVE.search(words) or _RATE.search(words):
        return False
    return enhanced in _DEAD_CODES or (enhanced in _UNTOLD_CODES and _DEAD.search(words) is not None)


def _whose(code: int, enhanced: str | None, words: str) -> Refusal | None:
    """Whose a refusal at RCPT, DATA or the dot may be; None: the mailbox's that it names."""
    for_good = code >= 500
    if _of_the_mailbox(enhanced, words):
        return None
    if not _OF_THE_RECIPIENT.search(words):
        if _SENDING_QUOTA.search(words):
            return "SENDER" if for_good else "THROTTLE"
        if _SENDER.search(words) or enhanced in _SENDER_CODES or code in _LOGIN_CODES:
            return "SENDER"
        if _RATE.search(words):
            return "SENDER" if for_good else "THROTTLE"
    return "OTHER_5XX" if for_good else "EMAIL_4XX"


def classify_loss(command: Command, reason: str, *, delivered: int) -> Verdict:
    """What a connection lost or timed out at `command` means; at the dot, the message may have been accepted."""
    reason = storable(reason)
    if command == ".":
        return Verdict("UNKNOWN", "connection", command, f"the message went out and no answer came: {reason}")
    return Verdict("RELEASED", "connection" if delivered else "sender", command, f"before the message: {reason}")


def storable(text: str) -> str:
    """A server's words as Postgres can hold them."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST_TEXT])
