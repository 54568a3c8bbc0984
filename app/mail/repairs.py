"""Addresses as people and programs write them: the address in a cell that holds more, and what looks mistyped.

A repair never guesses a letter: it takes away what is around an address. A domain that is probably mistyped is told
and left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

from app.mail.addresses import InvalidAddress, domain_of, normalize, normalize_any

MOST_CELL = 1_000  # characters: a longer cell is no address with something around it
_MOST_OF_ONE = 4  # signs in a text with one address: as a name beside it, as the target of a link

# Soft hyphens, zero-width characters, marks of direction and of byte order: nobody sees them.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
# Letters, digits and signs in the width of Chinese and Japanese ones, and the marks of punctuation of these.
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3001: ord(","), 0x3002: ord(".")}
_WIDE_AT = "\uff20"
_WIDE_ONES = re.compile(f"[{''.join(map(chr, _WIDE))}]")
_BLANK = re.compile(
    "[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
)  # those of no width of their own, and no-break ones
_BLANK_AT = re.compile(f"{_BLANK.pattern}*@{_BLANK.pattern}*")
_ANGLED = re.compile(r"<([^<>]*@[^<>]*)>")
_SCHEME = re.compile(r"#?(mailto|smtp):\s*", re.IGNORECASE)  # Access puts # between a text and its target
_COMMENT = re.compile(r"\([^()@]*\)")
_BETWEEN = re.compile(r"[\s,;|()]+")
_CELLS = re.compile(r"[\r\n,;|]+")
_AFTER = "=#*!?\u2026"  # what no host ends with; in front of an address it may be of it
_FORMULA = re.compile(r'="([^"]*)"')  # what exports write so that a spreadsheet leaves a text as it is
_AROUND = " \t\r\n/<>()[]{}\"'`,;:.\u2018\u2019\u201c\u201d\u00ab\u00bb"


class Mended(NamedTuple):
    """The address in a cell, what was done to get it, the `others` that the cell has, and what in it looks like one
    and is `none`.
    """

    address: str
    what: str
    others: list[str]
    none: list[str]


def has_at(cell: str) -> bool:
    return "@" in cell or _WIDE_AT in cell


def plain(text: str) -> str:
    """Text in which an address stands as it is taken, whatever was within it."""
    return _INVISIBLE.sub("", text).translate(_WIDE)


def needs_mending(cell: str, address: str) -> bool:
    """Whether `address`, which `normalize` gave for the cell, was read over something that must not pass unsaid."""
    unseen = (_INVISIBLE, _BLANK, _WIDE_ONES)
    return address[0] == "'" or (not cell.isascii() and any(each.search(cell) for each in unseen))


def mend(cell: str, internal: Collection[str] = ()) -> Mended | None:
    """None where no address can be told from what is around it."""
    if len(cell) > MOST_CELL or not has_at(cell):
        return None
    what: list[str] = []
    text = _replaced(cell, what)
    if _ANGLED.search(text):
        cells = _CELLS.split(text)
        bare = [cell for cell in cells if has_at(cell) and not _ANGLED.search(cell)]
        if any(_ANGLED.sub("", cell).strip(_AROUND) for cell in cells if cell not in bare):
            what.append("the name beside the address left out")
        # An address that stands apart from brackets is nobody's name.
        parts = [part for some in (*_ANGLED.findall(text), *bare) for part in _BETWEEN.split(some) if has_at(part)]
    else:
        parts = [part for part in _BETWEEN.split(text) if part.strip(_AROUND)]
    read = [(part, _address(part, internal)) for part in parts]
    found = [address for _, address in read if address]
    if not found or (len(found) < len(parts) and not _may_drop(text, found)):
        return None
    first, others = found[0], [other for other in dict.fromkeys(found[1:]) if other != found[0]]
    if len(found) < len(parts):
        what.append("what is no address left out")
    if others:
        what.append(f"the first of {len(others) + 1} addresses taken")
    if not what:
        what.append("punctuation around it left out")
    return Mended(first, "; ".join(what), others, [part for part, address in read if not address and has_at(part)])


def read_any(text: str) -> str:
    """As `normalize_any`, with what is around the address left out, if there is but one. Raises InvalidAddress."""
    try:
        address = normalize_any(text)
    except InvalidAddress:
        mended = mend(text) if text.count("@") + text.count(_WIDE_AT) <= _MOST_OF_ONE else None
        if mended is None or mended.others or mended.none:
            raise
        return mended.address
    mended = mend(text, {domain_of(address)}) if needs_mending(text, address) else None
    return address if mended is None or mended.others or mended.none else mended.address


def _replaced(cell: str, what: list[str]) -> str:
    """The cell without what belongs to no address."""
    text = cell
    if _INVISIBLE.search(text):
        text = _INVISIBLE.sub("", text)
        what.append("invisible characters left out")
    if _BLANK.search(text):
        text = _BLANK.sub(" ", _BLANK_AT.sub("@", text))
        what.append("no-break blanks left out")
    if _WIDE_ONES.search(text):
        text = text.translate(_WIDE)
        what.append("wide characters made plain ones")
    text = text.strip()
    if formula := _FORMULA.fullmatch(text):
        text = formula[1].strip()
        what.append("the formula around it left out")
    if text.startswith("'"):
        text = text[1:].removesuffix("'")
        what.append("the apostrophe in front left out")
    if scheme := _SCHEME.search(text):
        text = re.sub(r"\?[^\s>,;]*", "", _SCHEME.sub(" ", text)).strip()
        what.append(f'"{scheme[1].lower()}:" left out')
    if _COMMENT.search(text):
        text = _COMMENT.sub(" ", text)
        what.append("a remark in brackets left out")
    return text


def _address(part: str, internal: Collection[str]) -> str | None:
    if "@" not in part:
        return None
    for text in (part, part.lstrip(_AROUND).rstrip(_AROUND + _AFTER)):
        try:
            address = normalize(text, internal)
        except InvalidAddress:
            continue
        if address[0] != "'":
            return address
    return None


def _may_drop(text: str, found: list[str]) -> bool:
    """Whether what is no address is parted from the first one by more than a blank: `ann lee@example.com` may be one
    address with a blank in it, and its end is somebody else's.
    """
    if _ANGLED.search(text):
        return True
    cells = [cell.strip(_AROUND) for cell in _CELLS.split(text)]
    return any(
        cell and " " not in cell and "\t" not in cell and cell.lower().endswith(found[0].lower()) for cell in cells
    )


# Domains that many addresses have behind the @.
PROVIDERS = (
    *("gmail.com", "googlemail.com", "hotmail.com", "outlook.com", "yahoo.com", "icloud.com", "live.com", "msn.com"),
    *("protonmail.com", "verizon.net", "comcast.net", "hotmail.co.uk", "yahoo.co.uk", "hotmail.fr", "yahoo.fr"),
    *("orange.fr", "wanadoo.fr", "laposte.net", "t-online.de", "freenet.de", "yahoo.de", "hotmail.de", "outlook.de"),
    *("libero.it", "hotmail.it", "yahoo.it", "hotmail.es", "yahoo.es", "bigpond.com", "seznam.cz", "yandex.ru"),
    *("rambler.ru", "naver.com", "hanmail.net", "docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp", "rediffmail.com"),
)
# One letter from one of these, and somebody's own: asked about, they would only annoy.
_REAL = frozenset(
    {"ymail.com", "email.com", "mail.com", "fmail.com", "zmail.com", "hmail.com", "rmail.com", "pmail.com", "vmail.com"}
    | {"smail.com", "jmail.com", "bmail.com", "cloud.com", "maver.com", "waver.com", "saver.com", "never.com"}
    | {"raver.com", "liver.it", "liber.it", "orange.es"}
)
_SHORT = frozenset({"msn.com", "live.com"})  # half of all words are near
_ENDINGS = {
    **dict.fromkeys(
        ("con", "cmo", "ocm", "comm", "coom", "vom", "xom", "cpm", "c0m", "col", "conm", "comn", "cim"), "com"
    ),
    **dict.fromkeys(("nte", "ent", "ner", "nett", "nrt"), "net"),
    **dict.fromkeys(("ogr", "rog", "orgg", "prg"), "org"),
}
_PROVIDERS_ALONE = {"co": "com", "cm": "com", "om": "com", "cn": "com", "comd": "com"}  # there are such countries
_REAL_ABROAD = frozenset({"live.cn", "msn.cn", "yahoo.cn"})
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


class Suggestions(dict[str, str]):
    """By domain, what was probably meant; "" for one that is as it should be."""

    MOST = 10_000  # that are kept

    def __init__(self) -> None:
        super().__init__()
        self._near = dict(_all_near())

    def __missing__(self, domain: str) -> str:
        if len(self) >= self.MOST:
            self.clear()
        self[domain] = meant = self._meant(domain)
        return meant

    def _meant(self, domain: str) -> str:
        name, _, ending = domain.rpartition(".")
        if right := _ENDINGS.get(ending):
            whole = name if name.endswith(f".{right}") else f"{name}.{right}"
            return self._near.get(whole, whole) if name else ""
        if near := self._near.get(domain):
            return near
        whole = f"{name}.{_PROVIDERS_ALONE.get(ending, ending)}"
        return whole if whole != domain and whole in PROVIDERS and domain not in _REAL_ABROAD else ""


@lru_cache(maxsize=1)
def suggestions() -> Suggestions:
    """Those of this process."""
    return Suggestions()


def _all_near() -> Iterator[tuple[str, str]]:
    """Providers' names as one slip of a finger makes them, each with the one that was meant."""
    for provider in PROVIDERS:
        name, dot, ending = provider.partition(".")
        for near in _slips(name, swaps_only=provider in _SHORT):
            whole = f"{near}{dot}{ending}"
            if whole not in _REAL and whole not in PROVIDERS:
                yield whole, provider


def _slips(name: str, *, swaps_only: bool) -> Iterator[str]:
    for at in range(len(name)):
        if name[at : at + 2] != name[at : at + 2][::-1]:
            yield name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
        if not swaps_only:
            yield name[:at] + name[at + 1 :]
            yield name[:at] + name[at] + name[at:]
            for letter in _LETTERS:
                yield name[:at] + letter + name[at + 1 :]
                yield name[:at] + letter + name[at:]
