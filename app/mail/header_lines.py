"""Header lines of a message, each with its CRLF (RFC 5322; 2047, encoded words; 2231, parameters)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import quote

LINE = 78  # RFC 5322, 2.1.1: what a line should not exceed
LONGEST_LINE = 998  # and what it must not
_ENCODED_WORD_BYTES = 39  # so that "Subject: =?utf-8?b?...?=" stays within the 76 characters of RFC 2047

_BREAK = re.compile(r"[\r\n\0]")
_PLAIN = re.compile(r"[!-~]+(?: +[!-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNFOLDABLE = re.compile(r"[^ ]{67,}| {10,}")  # "Subject: " and such a word, or such a gap and a word, fit no line
_FOLDS = re.compile(r" *[^ ]+")
_ATTRIBUTE_CHARS = "!#$&+-.^_`|~"  # RFC 2231, section 7, beside letters and digits


class HeaderInjection(ValueError):
    """Text meant for a header holds a line break or NUL, by which it could pose as headers or as a body."""


def refuse_breaks(header: str, value: str) -> None:
    """Raises HeaderInjection."""
    if _BREAK.search(value):
        raise HeaderInjection(f"the header {header} would hold a line break or NUL")


def text_line(name: str, text: str) -> str:
    """An unstructured header line, folded; as encoded words where ASCII print cannot show or fold it."""
    text = text.strip()
    if not text:
        return f"{name}: \r\n"
    if not _PLAIN.fullmatch(text) or "=?" in text or _UNFOLDABLE.search(text):
        return f"{name}: {_encoded_words(text)}\r\n"
    return f"{_folded(f'{name}: {text}')}\r\n"


def own_line(name: str, text: str) -> str:
    """The same of a header that programs read: in one line, as it is, whatever of ASCII print it holds."""
    text = text.strip()
    if text.isascii() and text.isprintable() and "=?" not in text:
        return f"{name}: {text}\r\n"
    words = _encoded_words(text)
    # RFC 2047, section 2: a line with one has 76 characters at most.
    gap = " " if len(name) + 2 + len(words.partition("\r\n")[0]) <= 76 else "\r\n "
    return f"{name}:{gap}{words}\r\n"


def _folded(line: str) -> str:
    lines = [""]
    for word in _FOLDS.findall(line):
        if len(lines[-1]) + len(word) > LINE:
            lines.append("")
        lines[-1] += word
    return "\r\n".join(lines)


def mailbox_line(name: str, display_name: str, address: str) -> str:
    """A header line with one mailbox (RFC 5322, 3.4): its name as atoms, quoted, or in encoded words."""
    display_name = display_name.strip()
    if not display_name:
        return f"{name}: {address}\r\n"
    phrase = display_name if _ATOMS.fullmatch(display_name) else _quoted(display_name)
    printable = display_name.isascii() and display_name.isprintable()
    if not printable or "=?" in display_name or len(f"{name}: {phrase}") > LINE:
        phrase = _encoded_words(display_name)
    line = f"{name}: {phrase} <{address}>"
    return f"{line}\r\n" if len(line) <= LINE else f"{name}: {phrase}\r\n <{address}>\r\n"


def addresses_line(name: str, addresses: Sequence[str]) -> str:
    """A header line with several mailboxes, one a line."""
    return f"{name}: " + ",\r\n ".join(addresses) + "\r\n"


def thread_lines(earlier: Sequence[str], itself: str | None = None) -> str:
    """In-Reply-To and References (RFC 5322, 3.6.4) of a message in a thread: Message-IDs in their brackets, the one
    that it answers last. `itself`: its own, where it refers to that, too. Without any: nothing.
    """
    for one in earlier:
        refuse_breaks("References", one)
    answered = f"In-Reply-To: {earlier[-1]}\r\n" if earlier else ""
    named = earlier if itself is None else [*earlier, itself]
    return f"{answered}References: " + "\r\n ".join(named) + "\r\n" if named else ""


def parameter(name: str, value: str) -> str:
    """A parameter of a structured header, folded before it: by RFC 2231 where ASCII does not do."""
    plain = plain_parameter(name, value)
    if plain == f';\r\n {name}="{value}"':
        return plain
    return _continued(name, quote(value, safe=_ATTRIBUTE_CHARS))


def plain_parameter(name: str, value: str) -> str:
    """The same for those who read ASCII alone."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in value)
    return f';\r\n {name}="{plain}"'


def _continued(name: str, encoded: str) -> str:
    """An extended parameter, in sections where a line would be too long for it (RFC 2231, section 4.1)."""
    if len(encoded) + len(name) <= LINE - 14:
        return f";\r\n {name}*=utf-8''{encoded}"
    lines, number = "", 0
    while encoded:
        end = 56
        while len(encoded) > end and "%" in encoded[end - 2 : end]:  # within an escape
            end -= 1
        first = "utf-8''" if not number else ""
        lines += f";\r\n {name}*{number}*={first}{encoded[:end]}"
        encoded, number = encoded[end:], number + 1
    return lines


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _encoded_words(text: str) -> str:
    """RFC 2047, section 2: words of whole characters, one a line."""
    raw = text.encode()
    words: list[str] = []
    start = 0
    while start < len(raw):
        end = start + _ENCODED_WORD_BYTES
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        words.append(f"=?utf-8?b?{b64encode(raw[start:end]).decode()}?=")
        start = end
    return "\r\n ".join(words)
