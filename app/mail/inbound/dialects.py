"""Bounces that are a text for people: who is named as not reached, and in which words.

Servers write them in dialects without number. They share: addresses that stand alone, before a colon or dots, or behind
"RCPT TO"; the server's words around them; and the message that they return, or its fields, below. So the message is cut
off first, and of the addresses in what is left those count that are named so, or that the returned message went to, or
that we wrote to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Set
from email.message import Message
from typing import cast

from flufl.bounce import all_failures  # pyright: ignore[reportUnknownVariableType]

from app.mail.inbound import headers
from app.mail.inbound.headers import ADDRESS, plain_address
from app.mail.inbound.mime import Fields, Part
from app.mail.inbound.patterns import any_of, words
from app.mail.inbound.texts import cleaned, shown

Scan = Callable[[Message], tuple[frozenset[bytes], frozenset[bytes]]]

MOST_TEXT = 64_000
MOST_LINES = 2_000
_MOST_FOR_FLUFL = 16_000
_BLOCK_LINES = 14  # around an address; what a server says of it is not longer

_FIELD_LINE = re.compile(r"(?:[ \t>]{0,8})([A-Za-z][A-Za-z0-9-]{1,40}):")
_OF_MESSAGES = frozenset(
    {"received", "from", "to", "subject", "message-id", "date", "return-path", "mime-version", "content-type"}
    | {"dkim-signature", "delivered-to", "x-mailer", "reply-to", "content-transfer-encoding", "x-received"}
)
_CUT = words(r"""
    ^\W{0,12}(below (this line )?is a copy of|this is a copy of (the|your) message|returned message follows
        |original message (headers?|follows)|unsent message( follows)?|message headers? follow
        |original mail as follows|(headers of )?(the )?original message( was)?:?\W*$|returned message\W*$
        |message text follows|received message:|start of (forwarded|returned) message|message header:?\W*$
        |your original message)
""")
_ALONE = re.compile(rf"^\W{{0,12}}(?:<?mailto:)?<?({ADDRESS.pattern})>?(?:\s*<mailto:[^>]*>)?\W*$")
_BEFORE = re.compile(
    rf"^(?:\d{{3}}[ -](?:\d\.\d\.\d\s+)?)?[\s*\"'-]{{0,12}}(?:[\w.:-]{{0,80}}:)?<?({ADDRESS.pattern})>?\W{{0,3}}\s*"
    r"(?:\((?:expanded|generated) from|:|\.\.\.|\[|\(|\t| - |--|\s{2,}| on \w{3},"
    r"|,? (?:was|is|has|does|because|could|may|failed))"
)
_BEHIND = re.compile(
    "(?i)(?:"
    + any_of(r"""
    rcpt to|recipients?(?: address)?|failed recipients?|final-recipient|original-recipient|intended recipient
    e-?mail address|destinataires?|empf\w{1,3}nger|destinatari[oa]s?|mottagare|odbiorc\w|ontvangers?|addressee
    undelivered to|delivered to|deliver(?:ing)?(?: \w+){0,4} to|message (?:sent )?to|mail (?:sent )?to|sent to
    could not be (?:sent|delivered) to|to the following address(?:es)?|for|user|to|address|account|mailbox
    \(ultimately generated from
    """)
    + rf")[\s:;=\"'(-]{{0,6}}(?:rfc822;\s*)?<?({ADDRESS.pattern})>?"
)
_NOT_THEM = words(r"""
    ^\W*(mail from|from|sender|reply-to|return-path|x-sender|message-id|contact|reporting-mta|>>> mail from
        |cc)\b
    (please|further|more) (contact|assistance|information|help)|contact .{0,40}@|report(ed)? (this )?to|abuse@
""")


_REPLY = re.compile(r"[45]\d\d[ -]")


class Named:
    """A recipient, how surely that is one who was not reached, and what is said around their address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.words: list[str] = []
        self.sure = 0


def cut(text: str) -> tuple[list[str], Fields | None]:
    """The lines before the message that a report returns, and its fields."""
    lines = text[:MOST_TEXT].split("\n", MOST_LINES)[:MOST_LINES]
    for number, line in enumerate(lines):
        if _CUT.search(line):
            return lines[:number], _fields(lines[number + 1 :])
        if (field := _FIELD_LINE.match(line)) and field[1].lower() in _OF_MESSAGES and _is_message(lines[number:]):
            return lines[:number], _fields(lines[number:])
    return lines, None


def _is_message(lines: list[str]) -> bool:
    """Whether these begin like a message: three fields of one, and nothing between that is none."""
    names: set[str] = set()
    for line in lines[:60]:
        if (field := _FIELD_LINE.match(line)) is not None:
            names.add(field[1].lower())
        elif not line.startswith((" ", "\t")):
            break
    return len(names & _OF_MESSAGES) >= 4 and bool(names & {"received", "message-id", "return-path", "mime-version"})


def _fields(lines: list[str]) -> Fields | None:
    """Of the message that is returned: they may be set in."""
    begun = next((n for n, line in enumerate(lines[:30]) if _FIELD_LINE.match(line)), None)
    if begun is None:
        return None
    inset = len(lines[begun]) - len(lines[begun].lstrip(" \t>"))
    return Fields("\n".join(line[inset:] for line in lines[begun:]).encode())


def named(lines: list[str], likely: Collection[str], own: Collection[str]) -> list[Named]:
    """The recipients that the lines name as not reached. `likely` are those that the message went to, `own` those that
    the report went to, which is nobody else only where people write to themselves.
    """
    found: dict[str, Named] = {}
    current: Named | None = None
    left = 0
    for line in lines:
        address, sure = _of_line(line, likely, own)
        if address:
            current, left = found.setdefault(address, Named(address)), _BLOCK_LINES
            current.sure = max(current.sure, sure)
        elif current and (_REPLY.match(line) and _REPLY.match(current.words[0])):
            current = None  # of somebody else
        elif current and not line.strip() and any(len(word) > 3 for word in current.words[1:]):
            current = None
        if current and left > 0:
            left -= 1
            current.words.append(line.strip())
    surest = max((who.sure for who in found.values()), default=0)
    return [who for who in found.values() if who.sure == surest]


def _of_line(line: str, likely: Collection[str], own: Collection[str]) -> tuple[str | None, int]:
    """The address that the line is about, and how surely it is one that was not reached: 3 if it stands where one does,
    2 if it only occurs, 1 if it is one of our own.
    """
    if "@" not in line or len(line) > 2_000:
        return None, 0
    ours: str | None = None
    for pattern in (_ALONE, _BEFORE, _BEHIND):
        for match in pattern.finditer(line):
            address = plain_address(match[1])
            if address in likely or (address not in own and not _NOT_THEM.search(line)):
                return address, 3
            if pattern is not _BEHIND and not _NOT_THEM.search(line):
                ours = ours or address
    mentioned = [plain_address(one) for one in ADDRESS.findall(line)]
    if (one := next((address for address in mentioned if address in likely), None)) is not None:
        return one, 3
    if _NOT_THEM.search(line):
        return None, 0
    if (one := next((address for address in mentioned if address not in own), None)) is not None:
        return one, 2
    return ours, 1 if ours else 0


def texts_of(leaves: Iterable[Part]) -> str:
    """The text of a report for people."""
    parts = [leaf for leaf in leaves if leaf.type in {"text/plain", "text/html"} and not leaf.is_attachment]
    plain = [leaf for leaf in parts if leaf.type == "text/plain" and leaf.text.strip()]
    return "\n\n".join(
        leaf.text if leaf.type == "text/plain" else shown(leaf.text, cleaned(leaf.text)) for leaf in plain or parts
    )


def known_to_flufl(root: Part) -> tuple[set[str], set[str]]:
    """The recipients who failed for now and for good, by the dialects that flufl.bounce knows."""
    try:
        temporary, permanent = cast(Scan, all_failures)(_as_message(root))
    except Exception:  # whatever its detectors stumble over
        return set(), set()
    return _addresses(temporary), _addresses(permanent)


def _addresses(found: Set[bytes]) -> set[str]:
    return {one.decode("utf-8", "replace").lower() for one in found if b"@" in one}


def _as_message(part: Part) -> Message:
    message = Message()
    for name in dict.fromkeys(part.fields.names):
        for value in part.fields.all(name):
            message[name] = headers.decoded(value).replace("\n", " ").replace("\r", " ")
    if part.parts:
        message.set_payload([_as_message(one) for one in part.parts])
    else:
        message.set_payload(part.body[:_MOST_FOR_FLUFL].decode("latin-1"))
    return message
