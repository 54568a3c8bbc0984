"""The meaning of a bounce: its reason, and whether it is for good.

Words come before codes, as in `app.mail.refusals`, which says whose the fault is; `reason_words` says what it is.

The reasons are those that the field has come to agree on (Sisimai's among others). Hard are only those that name a
mailbox or a domain that does not exist: a false hard bounce costs an address, a false soft one an email.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache

from app.mail.inbound.facts import Action, Reason, Report, Severity
from app.mail.inbound.headers import line, storable
from app.mail.inbound.patterns import words
from app.mail.inbound.reason_words import BY_STATUS, BY_WORDS, DECISIVE
from app.mail.refusals import MAILBOX_CODES, whose

MOST_TEXT = 2_000
_TELLING = 1_500

_HARD: Set[Reason] = {"USER_UNKNOWN", "HOST_UNKNOWN", "HAS_MOVED", "NOT_ACCEPT"}
_OF_A_MAILBOX: Set[Reason | None] = {"USER_UNKNOWN", "HOST_UNKNOWN", "FILTERED", "SYSTEM_ERROR"}
_POLICY: Set[Reason] = {
    *("REJECTED", "BLOCKED", "BAD_REPUTATION", "REQUIRE_PTR", "AUTH_FAILURE", "POLICY_VIOLATION", "SECURITY_ERROR"),
    *("SPAM_DETECTED", "VIRUS_DETECTED", "NO_RELAYING", "CONTENT_ERROR", "NOT_COMPLIANT_RFC", "SYNTAX_ERROR"),
    *("MESG_TOO_BIG", "EXCEED_LIMIT", "TOO_MANY_CONN", "SPEEDING"),
}

# Our own server has taken the email: who says these afterwards has no such domain or account any more. That it does not
# relay, or wants a login first, says any server to strangers.
_STOPPED = r"account (has been |is |was )?(suspended|blocked|compromised|restricted)"
_LOGIN = (
    r"your ([\w-]+ ){0,2}?((user|account) ?(name|id)|e-?mail address|log-?in|password|credentials)\b"
    r"(( and|/) ?password)?"
)
_OF_THEIR_SERVER = words(
    r"(not|n't) (have )?(allowed|permitted|authori[sz]ed|permissions?) to relay|unable to relay|not relay"
    r"|relay(ing)?( access| is| not)*( to \S+)? (denied|prohibited|permitted|(dis)?allowed)(?! as )"
    r"|(smtp )?auth(entication|ori[sz]ation)? (is |was )?required|(must (first )?|please )authenticate"
    r"|\bnot authenticated|(outgoing (mail )?server (\(smtp\) )?)?"
    r"\b(use|using|enable|turn on|requires?|needs?|without|no) (smtp )?auth(entication)?\b"
    rf"|(authenticat(e|ion)|log(ged)? ?[io]n|signe?d? [io]n)( \w+)? (with|using) {_LOGIN}"
    rf"|\b(use|using|enter|supply|provide|specify) {_LOGIN}"
    r"|before (attempting to send|sending)( (your|any|a))? (e-?mails?|mails?|messages?)"
    r"|your ([\w-]+ ){0,2}(account|mailbox|domain|service)('s)? (settings|admin\w*|provider|support|manager)"
    rf"|\b(recipient|addressee|destination|(this|that|the) user's)('?s)?\W{{1,5}}((user|e-?mail) )?{_STOPPED}"
)
_SUSPENDED = words(_STOPPED)
_NOT_SENT = words(r"(?<!\bdo )(?<!\bdo)((not|n't|unable to) send|(not|n't) be sent)\b(?! to\b)")
# What is owned with an account is called "your" to its owner, but not where that begins with what any server sees of
# whoever writes to it, or with the programs and people that it sends them to ("your message to the account"). Right
# behind these it is the owner's again: "your mail password".
_MADE = r"(own|original|local|system|network|internet|web|hosting|reverse|outlook|thunderbird|smtp|outgoing|sending)"
_SEEN = (
    r"((e-?)?mails?|messages?|letters?|text|requests?|attempts?|recipients?('s?)?( (e-?mail )?address(es)?)?"
    r"|correspondents?|contacts?|networks?|address book"
    r"|(mail|web|name ?)?servers?|host(name)?s?|ip( address(es)?)?|(r?dns|ptr|mx|helo)( records?)?|connections?"
    r"|sessions?|clients?|programs?|software|mailer|gateway|machine|computer|device|firewall|router|location|country"
    r"|spelling|reputation|settings?|config\w*|isp|providers?|admin\w*|postmaster|it|help ?desk|support)('s)?\b"
)
_OWNED = (
    r"(account|mailbox|domain|tenant|organi[sz]ation|subscription|plan|licen[sc]e|service|address|company|quota|limit"
    r"|user|access|password|credentials?|credits?|log-?in|token|trial|balance|package|allowance|hosting|area|panel"
    r"|certificate|privileges|rights|invoices?|bills?|payments?|fees?|contract|api key|webmail|bounce rate)"
)
_OF_US = words(
    rf"\byour (?!({_MADE} )*{_SEEN}( {_SEEN})*+(?! {_OWNED}))([\w'-]+ ){{0,2}}?{_OWNED}('s)?\b"
    r"|\bsender\b|sending|(?<!your )outgoing|outbound"
    r"|(no longer( (allowed|permitted|able) to)?|not allowed to|may not) send(?! (or|and|nor) receive)"
    # Only who was given a login says that it failed.
    r"|\b(auth(entication)?|log-?in|credentials?|password|token|api key)( \w+){0,2} "
    r"(fail\w*|unsuccessful|not accepted|rejected|expired|revoked|disabled|invalid|incorrect|wrong)"
    r"|\b(rejected|expired|revoked|invalid|incorrect|wrong) (\w+ )?(log-?in|credentials?|password|token|api key)"
    r"|starttls|client host|tenantattribution|relay\w* disallowed as |5\.7\.64|open relay|insecure|spamhaus|dnsbl"
    r"|blocked using|blacklist|(unusual|suspicious) (sending )?activity"
)
_CODE = re.compile(
    r"(?:^|[\s:;#<(\[\"'_-])([245][0-5]\d)(?=[ \-#,_]|$)(?! (?:seconds|minutes|hours|days|bytes|[kmg]b)\b)"
)
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d]|\.\d)")
_VAGUE = re.compile(r"[245]\.(0\.0|[35]\.0|0\.\d{3})$")
_PLAIN = words(r"have an? (\S+ )?account|見つかりません|no mailbox here")  # nobody says so of a mailbox that exists
_AT_MAIL = words(
    r"(after|reply to|said to|rejected|like our|to our) \W?mail[ _]from|\[mail_from\]|<<< .{0,80}mail from"
)
_AT_DATA = words(r"after (end of )?data|reply to (end of )?data|>>> data\b")
_AT_RCPT = words(
    r"smtp:rcpt|(after|reply to|said to|like our|rejected|command:|>>>) \W?rcpt|\[rcpt_to\]|does not like recipient"
)


def judged(recipient: str, action: Action, status: str, diagnostic: str, around: str = "") -> Report:
    """The meaning of a report. `status` and `diagnostic` are its fields, `around` the words for people beside them."""
    around = around[:MOST_TEXT]
    said = diagnostic or around
    telling = said[:_TELLING]
    found = _CODE.search(telling)
    code = int(found[1]) if found else None
    enhanced = _enhanced(status, telling)
    reason: Reason = "UNDEFINED"
    if found:
        reason = reason_of(enhanced, telling[found.start() :], f"{telling} {around}")
    if reason == "UNDEFINED":
        reason = reason_of(enhanced, telling, f"{telling} {around}")
    if reason == "UNDEFINED" and around is not said:
        reason = reason_of(enhanced, around[:_TELLING], around)
    level = code if code is not None and code >= 400 else 450 if (enhanced or "5").startswith("4") else 550
    refusal = None if action == "delivered" else whose(level, enhanced, telling[:1_000])
    if refusal == "SENDER" and _is_of_their_server(recipient, reason, level, enhanced, telling):
        refusal = "OTHER_5XX" if level >= 500 else "EMAIL_4XX"
    for_now = reason == "NOT_ACCEPT" and (enhanced or "").startswith("4.")
    severity: Severity = "hard" if reason in _HARD and not for_now else "policy" if reason in _POLICY else "soft"
    return Report(
        storable(line(recipient)),
        action,
        severity,
        reason,
        code,
        enhanced,
        storable(line(said)[:MOST_TEXT]),
        refusal,
    )


def _is_of_their_server(recipient: str, reason: Reason, level: int, enhanced: str | None, telling: str) -> bool:
    """Whether what makes a bounce the sender's are words of another server, or of a recipient's account, alone."""
    said = telling.lower().replace(recipient.lower(), "recipient") if "@" in recipient else telling
    rest = said if reason == "AUTH_FAILURE" else _OF_THEIR_SERVER.sub(" ", said)
    if _OF_US.search(rest):
        return False
    if enhanced in MAILBOX_CODES or (reason == "SUSPEND" and not _NOT_SENT.search(rest)):
        rest = _SUSPENDED.sub(" ", rest)
    # 530 is of a login that is wanted first: without the words for it, of nothing.
    return rest != said and whose(550 if level == 530 else level, enhanced, rest[:1_000]) != "SENDER"


def _enhanced(status: str, telling: str) -> str | None:
    """The status (RFC 3463): of the server's own words, unless the field says it better."""
    field = _ENHANCED.search(status)
    said = _ENHANCED.search(telling)
    if said is None or (field is not None and _VAGUE.match(said[1])):
        return field[1] if field else None
    return said[1]


@lru_cache(256)  # a report on many recipients says the same of each
def reason_of(enhanced: str | None, telling: str, whole: str) -> Reason:
    """By the words of a server; `whole` may say what they were the answer to."""
    detail = (enhanced or "").partition(".")[2]
    if detail in DECISIVE:
        return DECISIVE[detail]
    text = " ".join(telling.split()).lower()
    reason = _by_words(text)
    if reason in _OF_A_MAILBOX and _AT_MAIL.search(whole):
        return "REJECTED"  # what is unknown there is the sender
    if detail == "1.1" and (reason == "SUSPEND" or (reason == "FILTERED" and "unavailable" in text)):
        return "USER_UNKNOWN"
    if reason == "HOST_UNKNOWN" and (enhanced or "").startswith("4."):
        return "NETWORK_ERROR"  # the name server may say otherwise tomorrow
    if reason == "USER_UNKNOWN" and _may_exist(detail, text, whole):
        return "FILTERED"
    return BY_STATUS.get(detail, "UNDEFINED") if reason is None else reason


def _by_words(text: str) -> Reason | None:
    for reason, pattern in BY_WORDS:
        if pattern.search(text):
            return reason
    return None


def _may_exist(detail: str, text: str, whole: str) -> bool:
    """Whether a mailbox that is called unknown may be there: said after the message, or with a code of another kind."""
    if detail.startswith("1.") or _AT_RCPT.search(whole) or _PLAIN.search(text):
        return False
    return detail.startswith(("0.", "2.", "7.")) or _AT_DATA.search(whole) is not None
