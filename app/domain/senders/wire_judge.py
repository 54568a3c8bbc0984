"""The judge of a mail that a sender sent to see what becomes of it. Pure: headers in, findings out.

`Authentication-Results` are believed from the receiver alone: the topmost one, if its authserv-id is the mailbox's own
(RFC 8601, section 5), since a server that handed the mail on may have written others. Mail within one provider often
carries neither these nor a signature; then nothing is told, and nothing is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from typing import Literal, NamedTuple

import msgspec

from app.domain.senders.known_providers import is_under
from app.mail.addresses import domain_of, key

Subject = Literal[
    "handover",
    "tls",
    "inbox",
    "delivery",
    "folder",
    "from",
    "message_id",
    "sent_copy",
    "one_click",
    "spf",
    "dkim",
    "dmarc",
]
Judgement = Literal["good", "weak", "wrong", "unknown"]
MOST_HEADERS = 262_144  # bytes of a message's headers that are looked at
_MOST_RESULTS = 50
_RESULT = re.compile(r"\s*([a-z0-9-]+)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r'([a-z0-9-]+\.[a-z0-9_-]+)\s*=\s*("[^"]*"|[^\s;]+)', re.IGNORECASE)


class Showing(msgspec.Struct, frozen=True, rename="camel"):
    """One thing that a check showed. `advice`: what to do about it."""

    subject: Subject
    verdict: Judgement
    text: str
    advice: str | None = None


class Arrived(NamedTuple):
    """The mail as it was found in a mailbox."""

    headers: bytes
    folder: str
    is_junk: bool
    is_inbox: bool


class Seen(NamedTuple):
    """All that was seen. `own_zones`: names under which the receiving side's authserv-ids are; `names_itself` False: it
    writes none. `sent_copies`: headers of the copies in the sender's folder for what was sent; None: nobody looked.
    """

    message_id: str
    address: str
    arrived: Arrived | None
    waited_s: float
    own_zones: Collection[str]
    names_itself: bool
    sent_copies: list[bytes] | None


class Shown(NamedTuple):
    """`selectors`: by which the sender's domain signed."""

    showings: list[Showing]
    one_click_signed: bool | None
    message_id_kept: bool | None
    dmarc_aligned: bool | None
    sent_copy: bool | None
    used_message_id: str | None
    selectors: list[str]


class Result(NamedTuple):
    """One method's, such as `dkim` `pass`, with what it is about."""

    method: str
    result: str
    properties: dict[str, str]


class Signature(NamedTuple):
    """A DKIM signature's tags (RFC 6376, section 3.5), as far as they matter here."""

    domain: str
    selector: str
    signs: frozenset[str]


def judge(seen: Seen) -> Shown:
    """The findings of what came back, and what others use of it."""
    copies = None if seen.sent_copies is None else [_read(copy) for copy in seen.sent_copies]
    arrived = None if seen.arrived is None else _read(seen.arrived.headers)
    used = next((found for found in map(_id_of, [arrived, *(copies or [])]) if found is not None), None)
    kept = None if used is None else used == seen.message_id
    sent_copy = None if copies is None else bool(copies)
    showings = [*_of_arrival(seen), *_of_message_id(used, kept), _of_sent_copy(copies)]
    if arrived is None:
        return Shown(showings, None, kept, None, sent_copy, used, [])
    signatures = _signatures(arrived)
    results = _results(arrived, seen)
    signed = _is_signed(signatures, results)
    aligned = _is_aligned(domain_of(seen.address), results)
    one_click = _of_one_click(signed, is_signature_there=bool(signatures))
    showings += [_of_from(arrived, seen.address), one_click, *_of_results(results, aligned)]
    domain = domain_of(seen.address)
    selectors = sorted({one.selector for one in signatures if one.domain == domain and one.selector})
    return Shown(showings, signed, kept, aligned, sent_copy, used, selectors)


def _read(headers: bytes) -> Message:
    return BytesHeaderParser().parsebytes(headers[:MOST_HEADERS])


def _all(message: Message, name: str) -> list[str]:
    """As the database takes them: whatever bytes they came as."""
    values = (str(value).encode("utf-8", "replace").decode().replace("\0", "") for value in message.get_all(name, []))
    return [re.sub(r"\r?\n[ \t]", " ", value) for value in values]


def _id_of(message: Message | None) -> str | None:
    ids = [] if message is None else _all(message, "Message-ID")
    return ids[0].strip()[:1000] if ids else None


def _of_arrival(seen: Seen) -> Iterable[Showing]:
    arrived = seen.arrived
    if arrived is None:
        advice = "Look in the mailbox yourself; a bounce may tell why. Some servers hold new senders' mail for a while."
        yield Showing("delivery", "wrong", f"the mail did not arrive within {seen.waited_s:.0f} s", advice)
        return
    yield Showing("delivery", "good", "the mail arrived")
    if arrived.is_junk:
        advice = "Mend what is wrong below first; then mark the mail as wanted and try again."
        yield Showing("folder", "wrong", f"it lies in {arrived.folder}, where nobody looks", advice)
    elif arrived.is_inbox:
        yield Showing("folder", "good", "it lies in the inbox")
    else:
        advice = "A rule of the mailbox may have moved it."
        yield Showing("folder", "weak", f"it lies in {arrived.folder}, not in the inbox", advice)


def _of_message_id(used: str | None, kept: bool | None) -> Iterable[Showing]:
    if kept is None:
        yield Showing("message_id", "unknown", "nothing came back that tells which Message-ID is used")
    elif kept:
        yield Showing("message_id", "good", "the Message-ID is kept")
    else:
        text = f"the server replaces the Message-ID, with {used}"
        yield Showing("message_id", "weak", text, "Nothing to do: answers are told by other signs, too.")


def _of_sent_copy(copies: list[Message] | None) -> Showing:
    if copies is None:
        return Showing("sent_copy", "unknown", "the folder for sent mail was not looked at")
    if copies:
        return Showing("sent_copy", "good", "the server keeps a copy in the folder for sent mail")
    return Showing("sent_copy", "weak", "the server keeps no copy of what is sent")


def _of_from(arrived: Message, address: str) -> Showing:
    """Whether the server lets the sender be who it says (an alias, a shared mailbox)."""
    shown = parseaddr(" ".join(_all(arrived, "From")))[1]
    if key(shown) == key(address):
        return Showing("from", "good", f"it comes from {address}")
    advice = "Add the address at the provider as an alias or as one to send as, or use the mailbox's own."
    return Showing("from", "wrong", f"the server wrote {shown[:320] or 'nobody'} as its From, not {address}", advice)


def _signatures(message: Message) -> list[Signature]:
    found: list[Signature] = []
    for value in _all(message, "DKIM-Signature")[:_MOST_RESULTS]:
        parts = (part.partition("=") for part in value.split(";"))
        tags = {name.strip().lower(): re.sub(r"\s+", "", text) for name, _, text in parts}
        signs = frozenset(name.lower() for name in tags.get("h", "").split(":"))
        found.append(Signature(tags.get("d", "").lower(), tags.get("s", "").lower(), signs))
    return found


def _results(message: Message, seen: Seen) -> list[Result] | None:
    """Of the receiving side's own header; None: there is none."""
    headers = _all(message, "Authentication-Results")
    if not headers:
        return None
    first, *others = _without_comments(headers[0]).split(";")
    if "=" in first:  # whoever names nobody
        return None if seen.names_itself else _parsed([first, *others])
    authserv_id = first.split()[0].strip('"').lower().removesuffix(".") if first.split() else ""
    if not any(is_under(authserv_id, zone) for zone in seen.own_zones):
        return None
    return _parsed(others)


def _parsed(parts: list[str]) -> list[Result]:
    found: list[Result] = []
    for part in parts[:_MOST_RESULTS]:
        match = _RESULT.match(part)
        if match:
            properties = {name.lower(): value.strip('"').lower() for name, value in _PROPERTY.findall(part)}
            found.append(Result(match[1].lower(), match[2].lower(), properties))
    return found


def _without_comments(text: str) -> str:
    """Nor with semicolons in quoted strings, which divide nothing there (RFC 5322, 3.2.2 and 3.2.4: comments nest)."""
    kept: list[str] = []
    depth = 0
    quoted = escaped = False
    for letter in text:
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
            continue
        elif letter == '"' and not depth:
            quoted = not quoted
        elif quoted:
            pass
        elif letter == "(":
            depth += 1
            continue
        elif letter == ")" and depth:
            depth -= 1
            continue
        if not depth:
            kept.append("," if quoted and letter == ";" else letter)
    return "".join(kept)


def _is_signed(signatures: list[Signature], results: list[Result] | None) -> bool | None:
    """RFC 8058, section 4: both headers under a signature that is good. None: nobody says whether there is one."""
    if not signatures:
        return None if results is None else False
    covering = [one for one in signatures if {"list-unsubscribe", "list-unsubscribe-post"} <= one.signs]
    if results is None:
        return None if covering else False
    good = {_domain_of_dkim(one) for one in results if (one.method, one.result) == ("dkim", "pass")}
    return any(one.domain in good for one in covering)


def _domain_of_dkim(result: Result) -> str:
    return result.properties.get("header.d") or result.properties.get("header.i", "").rpartition("@")[2]


def _is_aligned(domain: str, results: list[Result] | None) -> bool | None:
    """RFC 7489, section 3.1: as the receiver says, or where it checks no DMARC, as SPF and DKIM have it."""
    if not results:
        return None
    dmarc = next((one.result for one in results if one.method == "dmarc"), None)
    if dmarc in {"pass", "fail"}:
        return dmarc == "pass"
    said = [one for one in results if one.method in {"spf", "dkim"}]
    if not said:
        return None
    proven = [
        _domain_of_dkim(one) if one.method == "dkim" else one.properties.get("smtp.mailfrom", "").rpartition("@")[2]
        for one in said
        if one.result == "pass"
    ]
    return any(name and (is_under(name, domain) or is_under(domain, name)) for name in proven)


def _of_one_click(signed: bool | None, *, is_signature_there: bool) -> Showing:
    if signed is None and is_signature_there:
        text = "the receiving server does not tell whether the signature is good; check to an address elsewhere"
        return Showing("one_click", "unknown", text)
    if signed is None:
        text = "the mail came back unsigned, as within one provider; check to an address elsewhere"
        return Showing("one_click", "unknown", text)
    if signed:
        return Showing("one_click", "good", "List-Unsubscribe is signed: receivers can offer the one-click button")
    advice = "Rely on the link in the text. What is signed is the provider's to change."
    return Showing("one_click", "weak", "List-Unsubscribe is not signed: receivers need not offer the button", advice)


def _of_results(results: list[Result] | None, aligned: bool | None) -> Iterable[Showing]:
    if results is None:
        text = "the receiving server does not tell, as within one provider; check to an address elsewhere"
        for subject in ("spf", "dkim", "dmarc"):
            yield Showing(subject, "unknown", text)
        return
    for method in ("spf", "dkim"):
        words = [one.result for one in results if one.method == method]
        yield _of_method(method, words)
    if aligned is None:
        yield Showing("dmarc", "unknown", "the receiving server does not tell")
    elif aligned:
        yield Showing("dmarc", "good", "SPF or DKIM is for the domain of the sender's address, as DMARC wants it")
    else:
        advice = "Have the provider sign with DKIM for your own domain; the DNS check says what to publish."
        yield Showing("dmarc", "wrong", "neither SPF nor DKIM is for the domain of the sender's address", advice)


def _of_method(method: Literal["spf", "dkim"], words: list[str]) -> Showing:
    name, advice = method.upper(), "The DNS check says what to publish."
    if not words:
        return Showing(method, "unknown", f"the receiving server says nothing of {name}")
    if "pass" in words:
        return Showing(method, "good", f"{name} passes")
    if words[0] in {"temperror", "neutral", "none", "softfail"}:
        return Showing(method, "weak", f"{name}: {words[0]}", advice)
    return Showing(method, "wrong", f"{name}: {words[0]}", advice)
