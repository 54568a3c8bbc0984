"""Header fields, read from whatever bytes: nothing here raises, and each takes time in proportion to its length.

Python's own parser of addresses and of encoded words recurses and tries again, which strangers may not have us do.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

MOST_VALUE = 8_000
MOST_ADDRESSES = 100

_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{1,20})?\?([bBqQ])\?([^?]{0,2000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[\w.:-]{1,40}(?:\*[\w-]{1,20})?\?[bBqQ]\?)")
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # Postgres keeps neither
# Controls, and what turns the direction of all that follows: by it one name is shown as another.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# A local part is looked at from where it begins, and not again from each of its characters.
ADDRESS = re.compile(
    r"(?<![\w.!#$%&*+/=?^`{}~-])[\w.!#$%&*+/=?^`{}~-][\w.!#$%&'*+/=?^`{}~-]{0,63}@[^\W_](?:[\w.-]{0,252}[^\W_])?"
)
_IN_BRACKETS = re.compile(r"<\s*([^<>\s]{1,320})\s*>")
_ID = re.compile(r"<([^<>\s]{1,998})>")
_PARAMETER = re.compile(r"[;\s]\s*([\w*%'-]{1,60})\s*=\s*(\"(?:\\.|[^\"\\]){0,2000}\"|[^;\s]{0,2000})", re.ASCII)
_CONTINUED = re.compile(r"([\w%'-]+?)(?:\*(\d{1,3}))?(\*)?", re.ASCII)
# They take time that grows faster than the text, or read escapes of Python.
_NO_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
_MOST_PARAMETERS = 50


def decoded(content: bytes, charset: str | None = None) -> str:
    """The text of bytes: in its charset, else in UTF-8, else in that of Western Europe."""
    name = (charset or "").strip().lower().replace("-", "_")
    if b"\x1b$" in content and name in {"", "us_ascii"}:
        name = "iso2022_jp"  # it says so itself
    for candidate in (name, "utf_8", "cp1252"):
        if not candidate or candidate in _NO_CHARSETS:
            continue
        try:
            text = content.decode(candidate, "replace" if candidate == name and name != "us_ascii" else "strict")
        except (LookupError, ValueError):
            continue
        return storable(text)
    return storable(content.decode("latin-1"))


def storable(text: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def words(value: bytes) -> str:
    """A field of text, its encoded words (RFC 2047) read, in one line."""
    text = decoded(value[:MOST_VALUE])
    if "=?" in text:
        text = _WORD.sub(lambda word: _word(word[1], word[2], word[3]), _BETWEEN_WORDS.sub(r"\1", text))
    return line(text)


def line(text: str) -> str:
    """As it may be shown in one line."""
    return " ".join(_UNSEEN.sub("", text).split())


def _word(charset: str, encoding: str, content: str) -> str:
    raw = content.encode("ascii", "replace")
    return decoded(base64(raw) if encoding in "bB" else a2b_qp(raw, header=True), charset)


def base64(content: bytes) -> bytes:
    """As much as is base64; what is not is left out."""
    kept = re.sub(rb"[^A-Za-z0-9+/]+", b"", content)
    try:
        return a2b_base64(kept[: len(kept) - (len(kept) % 4 == 1)] + b"==")
    except Error:
        return b""


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """The value before the first semicolon, in lower case, and the parameters behind it (RFC 2045, 2231)."""
    text = decoded(value[:MOST_VALUE])
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for number, found in enumerate(_PARAMETER.finditer(text)):
        if number >= _MOST_PARAMETERS:
            break
        name = found[1].lower()
        given = re.sub(r"\\(.)", r"\1", found[2][1:-1]) if found[2].startswith('"') else found[2]
        if "*" not in name:
            plain.setdefault(name, given)
        elif (continued := _CONTINUED.fullmatch(name)) is not None:
            pieces.setdefault(continued[1], {}).setdefault(int(continued[2] or 0), (given, bool(continued[3])))
    for name, parts in pieces.items():
        plain[name] = _joined([parts[number] for number in sorted(parts)])
    return (re.split(r"[;\s]", text.lstrip(), maxsplit=1)[0]).lower(), plain


def _joined(parts: list[tuple[str, bool]]) -> str:
    """The value of a parameter in pieces, of which some are percent-encoded, the first naming the charset."""
    charset, content = None, b""
    for number, (given, encoded) in enumerate(parts):
        if encoded and not number and given.count("'") >= 2:
            charset, _, given = given.split("'", 2)
        content += unquote_to_bytes(given) if encoded else given.encode()
    return decoded(content, charset)


def addresses(value: bytes) -> list[str]:
    """The addresses in a field, in lower case, in order, each once."""
    text = decoded(value[:MOST_VALUE])
    found = [one for one in _IN_BRACKETS.findall(text) if "@" in one] or ADDRESS.findall(text)
    return list(dict.fromkeys(plain_address(one) for one in found))[:MOST_ADDRESSES]


def mailbox(value: bytes) -> tuple[str, str | None]:
    """Display name and address of a From."""
    text = decoded(value[:MOST_VALUE])
    angle = _IN_BRACKETS.search(text)
    address = angle[1] if angle and "@" in angle[1] else next(iter(ADDRESS.findall(text)), None)
    name = words((text[: angle.start()] if angle else "").encode()).strip("\"' ")
    return name[:200], plain_address(address) if address else None


def plain_address(text: str) -> str:
    return text.strip("<>\"' ").lower()[:320]


def ids(value: bytes) -> list[str]:
    """Message-IDs (RFC 5322, 3.6.4), without their brackets; also one that stands without them."""
    text = decoded(value[: 4 * MOST_VALUE])
    found = _ID.findall(text)
    if not found and "@" in text:
        found = [word.strip("<>") for word in text.split() if "@" in word]
    return list(dict.fromkeys(one[:998] for one in found))[-MOST_ADDRESSES:]


def moment(value: bytes) -> datetime | None:
    """A Date; without a zone it is taken for UTC."""
    try:
        at = parsedate_to_datetime(decoded(value[:100]).strip())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
