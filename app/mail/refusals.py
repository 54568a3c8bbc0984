"""The one table of whose a refusal is, by its words and codes, for servers' replies and for bounces.

Words come before the codes, for providers use codes (RFC 3463) for what they like. Gmail and Microsoft accept at
submission and say in a bounce what others say in a reply.
"""

from __future__ import annotations

import re
from typing import Literal

# Kinds of refusals by whose they may be, for `app.domain.ledger.judge`: the sender's by its words, the server's pace by
# its words, or anybody's. A refusal that names the recipient's mailbox is none of these.
Refusal = Literal["SENDER", "THROTTLE", "EMAIL_4XX", "OTHER_5XX"]


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# The first of these that a refusal matches decides.
SENDING_QUOTA = _words(
    r"\b(relay|sending|submission|outgoing|outbound|daily|hourly)\W?(\w+ ){0,3}(quota|limit)",
    r"(submission|relay|sending)quota|\bsend limit",
    r"(emails|mails|messages|recipients)( allowed)? (per|an?) (second|minute|hour|day)\b",
    r"limit on the number of (allowed )?(outgoing|outbound|sent) (messages|e?mails)",
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
    r"storedrv\.deliver\.exception:quotaexceeded",
)
# RFC 5321's words for any refusal, where a server's own follow: then those decide. Yahoo's say nothing either.
_CANNED = _words(
    r"requested (mail )?action not taken: mailbox unavailable\.?[^\S\n]*"
    r"(\n\s*(?=\S)(?!for explanation)|(?=[45]\d\d[ -](?!for explanation)))",
    r"request failed; mailbox unavailable",
)
HERE = _words(
    r"too many (messages|mails|emails|transactions|recipients|errors|commands|bad commands|invalid)",
    r"per[- ](connection|session)|(in|on|for) this (connection|session)|error limit exceeded",
)
# Also a second too full: fewer connections send less in it.
CONNECTIONS = _words(
    r"(concurrent|simultaneous|parallel) (smtp |server )?(connections?|sessions?)\b|too many connections",
    # Those that are open; what could not open one is no matter of how many there are.
    r"(?<!to )(?<!not )(?<!n't )\bopen (smtp |server )?(connections?|sessions?)\b",
    r"sender thread limit|maximum sending rate exceeded",
)
# Words of a recipient's side on whom it lets write: no matter what it calls us, another recipient's may not.
_OF_THE_RECIPIENT = _words(
    r"recipient address rejected|\bgroup|forgroup|allowed.?senders|delivery restriction|distribution",
    r"you are sending to|resolver\.rst\.|message size|size limit",
)
_SENDER = _words(
    r"sender (address |domain |is |was )*(rejected|denied|refused|blocked|invalid|unknown|verif\w+ failed|"
    r"not (allowed|authori[sz]ed|permitted|accepted|found))",
    r"send ?as ?denied|(not|n't) (have )?(allowed|permitted|authori[sz]ed|permissions?) to (send|relay|use)"
    r"(?! to (this|that|the) (e-?mail )?(recipient|address|mailbox|user|list))",
    r"address(es)? (is|are) not verified|match a verified sender|unauthenticated senders",
    r"relay(ing)?( access| is| not)*( to \S+)? (denied|prohibited|permitted|(dis)?allowed)|unable to relay|not relay",
    r"\b(helo|ehlo)\b.{0,40}(reject|invalid|denied|refused|fully|not)|invalid (helo|ehlo)",
    r"\bauth\w* (is )?required|must (first )?authenticate|not authenticated|issue a starttls|requires authentication",
    r"storedrv\.submission\.exception:\w*quotaexceeded",  # whoever sends has a full mailbox
    r"client host (\S+ )?(rejected|blocked)|(?<!they\smay\sbe\s)(block|black|deny)-?list|blocked using|\bdnsbl\b"
    r"|spamhaus|poor reputation",
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
MAILBOX_CODES = {
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
_LOGIN_CODES = {530, 534, 535, 538}


def names_mailbox(words: str) -> bool:
    """Whether they are words of a recipient's mailbox."""
    return _MAILBOX.search(_CANNED.sub("", words)) is not None


def of_the_mailbox(enhanced: str | None, words: str) -> bool:
    """Whether the refusal names the recipient's mailbox."""
    if SENDING_QUOTA.search(words) or enhanced in _SENDER_CODES:
        return False
    if names_mailbox(words):
        return not _SENDER.search(words)
    if enhanced not in MAILBOX_CODES:
        return False
    return not _SENDER.search(words) and not (enhanced in {"4.2.1", "5.2.1"} and _RATE.search(words))


def is_dead(enhanced: str | None, words: str) -> bool:
    """Whether a refusal for good that names a mailbox says that there is none."""
    if _ALIVE.search(words) or _RATE.search(words):
        return False
    return enhanced in _DEAD_CODES or (enhanced in _UNTOLD_CODES and _DEAD.search(words) is not None)


def whose(code: int, enhanced: str | None, words: str) -> Refusal | None:
    """The kind of a refusal at RCPT, DATA or the dot; None: it is of the mailbox that it names."""
    for_good = code >= 500
    if of_the_mailbox(enhanced, words):
        return None
    if not _OF_THE_RECIPIENT.search(words):
        if SENDING_QUOTA.search(words):
            return "SENDER" if for_good else "THROTTLE"
        if _SENDER.search(words) or enhanced in _SENDER_CODES or code in _LOGIN_CODES:
            return "SENDER"
        if _RATE.search(words):
            return "SENDER" if for_good else "THROTTLE"
    return "OTHER_5XX" if for_good else "EMAIL_4XX"
