"""In which encoding a file of text is.

UTF-8 and UTF-16 are told by their bytes; a file that is UTF-8 but for a few bytes is UTF-8. All others take nearly any
bytes, so the one is chosen in which the file's own words are likeliest (`alphabets`), and which all of it agrees with.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from app.domain.recipients.alphabets import plausibility
from app.errors import InvalidInput

CHUNK = 1 << 20
_SAMPLE = 6_000  # bytes of words beyond ASCII that are looked at
_SAMPLED = 20_000_000  # bytes of a file in which they are looked for
_START = 4_096
_MOST_ILL_SHARE = 3  # for each character that is UTF-8, so that a text may be
_MOST_ILL = 100_000  # bytes that are no UTF-8, after which the rest of a file need not be looked at
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# By Python's name, what people know each by; of two that fit alike the first is taken.
NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp932": "Shift_JIS",
    "gb18030": "GB18030",
    "cp950": "Big5",
    "cp949": "EUC-KR",
    "euc_jp": "EUC-JP",
    "cp1254": "Windows-1254",
    "cp1253": "Windows-1253",
    "cp1257": "Windows-1257",
    "mac_roman": "MacRoman",
    "koi8_r": "KOI8-R",
    "koi8_u": "KOI8-U",
    "iso8859_15": "ISO-8859-15",
    "iso8859_2": "ISO-8859-2",
    "iso8859_5": "ISO-8859-5",
    "iso8859_7": "ISO-8859-7",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp874": "Windows-874",
    "cp850": "CP850",
    "cp852": "CP852",
    "cp866": "CP866",
    "mac_cyrillic": "MacCyrillic",
    "mac_latin2": "MacLatin2",
    "iso2022_jp": "ISO-2022-JP",
}
# The one that may be named for each: these are what the API takes.
CODECS = {name: next(codec for codec, called in NAMES.items() if called == name) for name in NAMES.values()}
_GUESSED = tuple(codec for codec in NAMES if not codec.startswith(("utf", "iso2022")))
# How much likelier a text has to be in an encoding that few programs write; several times as much where little is seen.
_SELDOM = {
    **dict.fromkeys(
        ("cp1254", "cp1257", "mac_roman", "iso8859_2", "iso8859_7", "iso8859_15", "koi8_r", "koi8_u"), 0.02
    ),
    **dict.fromkeys(("cp874", "iso8859_5", "cp850", "cp852", "cp866", "mac_cyrillic", "mac_latin2"), 0.1),
}
_FEW = 4  # words
_ESCAPES = (b"\x1b$B", b"\x1b$@")  # by which ISO-2022-JP, whose bytes are ASCII's, begins Japanese (RFC 1468)
_SWITCHED = re.compile(rb"\x1b\$[@B](?:[!-~][!-~])+\x1b\([BJ]")
# The characters that a large set has first: by the lead byte.
_LEVEL_ONE = {
    "cp932": ((0x81, 0x83), (0x88, 0x97)),
    "gb18030": ((0xB0, 0xD7),),
    "cp950": ((0xA4, 0xC6),),
    "cp949": ((0xB0, 0xC8),),
    "euc_jp": ((0xA4, 0xA5), (0xB0, 0xCF)),
}
_WORD = re.compile(rb"[^\s,;\"\x80-\xff]*+[\x80-\xff][^\s,;\"]*+")
_GUARDS = ("'+", "'-", "'=", "'@", "'\t", "'\r")  # what exports put before what spreadsheets take for a formula
_ILL = re.compile("[\udc80-\udcff]")  # a byte that is no UTF-8, as `surrogateescape` has it
_ILL_RUN = re.compile("(.?)([\udc80-\udcff]+)", re.DOTALL)


class Encoding(NamedTuple):
    """`codec` as Python calls it. `has_ill`: some bytes are none of it; `has_guard`: cells may begin with an
    apostrophe before a formula's sign.
    """

    codec: str
    has_nul: bool
    has_ill: bool
    has_guard: bool

    @property
    def name(self) -> str:
        return NAMES[self.codec]

    @property
    def looks_closer(self) -> bool:
        """Whether cells have to be looked at, each."""
        return self.has_ill or self.has_guard

    @property
    def errors(self) -> str:
        return "surrogateescape" if self.has_ill else "strict"


class _Looked(NamedTuple):
    """The traits of a whole file in one encoding."""

    has_nul: bool
    has_guard: bool
    ill: int
    beyond_ascii: int


def detect(file: BinaryIO, named: str | None = None) -> Encoding:
    """The encoding of all of the file; the one that is `named` (as `NAMES` has it), if it is. Raises InvalidInput."""
    if named is not None:
        return _named(file, named)
    file.seek(0)
    start = file.read(_START)
    codec = next((codec for bom, codec in _BOMS.items() if start.startswith(bom)), None)
    codec = codec or _unmarked(start) or _switched(file)
    if codec == "utf-8-sig" or codec is None:
        utf8 = codec or "utf-8"
        looked = _look(file, utf8, "surrogateescape")
        if looked and (codec or _is_few(looked.ill, looked.beyond_ascii)):
            return Encoding(utf8, looked.has_nul, looked.ill > 0, looked.has_guard)
        may_be_utf8 = looked is not None and looked.ill <= _MOST_ILL_SHARE * looked.beyond_ascii
        likely = _likeliest(file, may_be_utf8=may_be_utf8)
    else:
        likely = [codec]
    for one in likely:
        if looked := _look(file, one, "surrogateescape" if one == "utf-8" else "strict"):
            return Encoding(one, looked.has_nul, looked.ill > 0, looked.has_guard)
    raise InvalidInput({"file": 'The file is not text that we can read. Save it as "CSV UTF-8".'})


def _is_few(ill: int, right: int) -> bool:
    """Whether a text with so many bytes that are no UTF-8 is UTF-8 all the same, by how many characters are."""
    return not ill or right > 2 * ill


def mended(text: str) -> str:
    """The text with a letter of Windows-1252 for each byte that is no UTF-8, and a replacement character for what is
    rather the beginning of a character that was cut off: nobody writes a capital behind a small letter.
    """
    return _ILL_RUN.sub(_read_as_western, text)


def is_ill(text: str) -> bool:
    return _ILL.search(text) is not None


def _read_as_western(match: re.Match[str]) -> str:
    before, ill = match.groups()
    letters = ill.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    if before.islower() and letters[0].isupper():
        letters = "\N{REPLACEMENT CHARACTER}"
    return before + letters


def _named(file: BinaryIO, named: str) -> Encoding:
    codec = CODECS.get(named)
    if codec is None:
        raise InvalidInput({"encoding": f"is none that we know; give one of {', '.join(CODECS)}"})
    file.seek(0)
    start = file.read(_START)
    if codec == "utf-8" and start.startswith(codecs.BOM_UTF8):
        codec = "utf-8-sig"
    if codec == "utf-16" and start[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        codec = _unmarked(start) or "utf-16-le"
    if codec == "utf-32" and not start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        codec = _unmarked(start) or "utf-32-le"
    looked = _look(file, codec, "surrogateescape" if codec.startswith("utf-8") else "strict")
    if looked is None:
        raise InvalidInput({"encoding": f"is not that of the file: some of its bytes are no {named}"})
    return Encoding(codec, looked.has_nul, looked.ill > 0, looked.has_guard)


def _switched(file: BinaryIO) -> str | None:
    """ISO-2022-JP, if it says so before anything that is no ASCII."""
    file.seek(0)
    start = file.read(CHUNK)
    is_it = start.isascii() and any(escape in start for escape in _ESCAPES) and _SWITCHED.search(start)
    return "iso2022_jp" if is_it else None


def _unmarked(start: bytes) -> str | None:
    """UTF-32 or UTF-16: three of four bytes of mostly Western text are 0 then, or every other; of any text's signs."""
    quarter = len(start) // 4
    for first, codec in ((0, "utf-32-le"), (3, "utf-32-be")):
        others = [start[place::4].count(0) for place in (1, 2, 3 - first)]
        if quarter and start[first::4].count(0) == 0 and min(others) >= 0.6 * quarter:
            return codec
    half = len(start) // 2
    for at, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = start[at::2].count(0), start[1 - at :: 2].count(0)
        if zeros > others and (zeros > 0.6 * half > others * 10 or _is_list(start, codec)):
            return codec
    return None


def _is_list(start: bytes, codec: str) -> bool:
    """Whether it has what lists have, be all else of it Japanese or Russian, without a 0 in any letter."""
    text = start.decode(codec, "replace")
    return "@" in text and ("\n" in text or "\r" in text)


def _look(file: BinaryIO, codec: str, errors: str) -> _Looked | None:
    """None: the file is not in this encoding."""
    decoder = codecs.getincrementaldecoder(codec)(errors)
    has_nul = has_guard = False
    ill = beyond = 0
    end = ""
    file.seek(0)
    try:
        while True:
            chunk = file.read(CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            if not text.isascii():
                beyond += len(text) - len(text.encode("ascii", "ignore"))
                if errors != "strict":
                    ill += len(text) - len(_ILL.sub("", text))
                    if ill > _MOST_ILL and not _is_few(ill, beyond - ill):
                        return None
            has_nul = has_nul or "\0" in text
            if not has_guard and (end == "'" or "'" in text):
                has_guard = (end + text[:1]) in _GUARDS or any(guard in text for guard in _GUARDS)
            end = text[-1:]
            if not chunk:
                return _Looked(has_nul, has_guard, ill, beyond - ill)
    except UnicodeDecodeError:
        return None


def _likeliest(file: BinaryIO, *, may_be_utf8: bool) -> list[str]:
    """The likeliest first, among them perhaps UTF-8 of which some bytes are read as Windows-1252."""
    words = _words(file)
    doubt = 1 + _FEW / max(1, sum(count for _, count in words))
    judged: list[tuple[float, str]] = []
    for codec in _GUESSED:
        try:
            decoded = [(word.decode(codec), count) for word, count in words]
        except UnicodeDecodeError:
            continue
        judged.append((plausibility(decoded, codec, _First(codec)) - _SELDOM.get(codec, 0) * doubt, codec))
    if may_be_utf8:
        decoded = [(mended(word.decode("utf-8", "surrogateescape")), count) for word, count in words]
        judged.append((plausibility(decoded, "utf-8", lambda _: True), "utf-8"))
    return [codec for _, codec in sorted(judged, key=lambda one: -one[0])]


class _First:
    """Whether a character is among the first of a large set."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._leads = _LEVEL_ONE.get(codec, ())

    def __call__(self, character: str) -> bool:
        lead = character.encode(self._codec)[0]
        return any(least <= lead <= most for least, most in self._leads)


def _words(file: BinaryIO) -> list[tuple[bytes, int]]:
    words: Counter[bytes] = Counter()
    size = 0
    for line in _lines_beyond_ascii(file):
        for match in _WORD.finditer(line):
            word = match[0][:200]
            size += 0 if word in words else len(word)
            words[word] += 1
            if size > _SAMPLE:
                return list(words.items())
    return list(words.items())


def _lines_beyond_ascii(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    read = 0
    while read < _SAMPLED and (chunk := file.readline(CHUNK)):
        read += len(chunk)
        if not chunk.isascii():
            yield chunk
