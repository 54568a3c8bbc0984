"""Pictures that mail programs show: PNG, JPEG, GIF and WebP, told by their bytes.

Never SVG, which is a document with scripts. Nothing is decoded: what a file says of itself is read, and whether it is
whole, in one walk over its blocks. So a file that only begins like a picture is none, and one that says two things of
its size is as large as the larger.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

MOST_PIXELS = 40_000_000  # of a picture, as phones take them at most; and more than a mail program should unpack
MOST_FRAMES = 2_000  # of one that moves
MOST_DRAWN = 1_000_000_000  # pixels of all its frames
_MOST_BLOCKS = 200_000  # of which 10 MB have 40,000 as programs write them
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


class Picture(NamedTuple):
    """`type`: its media type."""

    type: str
    width: int
    height: int


class _Seen:
    """The figures that a walk has come by. Raises ValueError for more blocks than a picture has."""

    def __init__(self) -> None:
        self.width = self.height = self.frames = 0
        self._blocks = 0

    def block(self) -> None:
        self._blocks += 1
        if self._blocks > _MOST_BLOCKS:
            raise ValueError("too many blocks")

    def size(self, width: int, height: int) -> None:
        self.width, self.height = max(self.width, width), max(self.height, height)

    @property
    def fits(self) -> bool:
        pixels = self.width * self.height
        return 0 < pixels <= MOST_PIXELS and self.frames <= MOST_FRAMES and pixels * self.frames <= MOST_DRAWN


def picture_of(content: bytes) -> Picture | None:
    """None: it is none of these, is not whole, or has no pixels or too many."""
    for begin, type_, is_whole in _KINDS:
        if content.startswith(begin):
            seen = _Seen()
            try:
                whole = is_whole(content, seen)
            except (IndexError, ValueError, struct.error):
                return None
            return Picture(type_, seen.width, seen.height) if whole and seen.fits else None
    return None


def _png(content: bytes, seen: _Seen) -> bool:
    """Chunks: length, name, content, checksum. The first alone tells the size, and the last is empty."""
    at = len(_PNG)
    while True:
        seen.block()
        length, name = struct.unpack_from(">I4s", content, at)
        if (name == b"IHDR") != (at == len(_PNG)):
            return False
        if name == b"IHDR":
            seen.size(*struct.unpack_from(">II", content, at + 8))
        seen.frames += name == b"fcTL"
        at += 12 + length
        if name == b"IEND":
            return len(content) >= at


def _jpeg(content: bytes, seen: _Seen) -> bool:
    """Segments up to the scan, whose end is looked for from behind: some write more behind it."""
    at = 2
    while content[at] == 0xFF:
        seen.block()
        marker = content[at + 1]
        if marker == 0xFF or marker in _JPEG_ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", content, at + 2)[0]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            seen.size(width, height)
            return content.rfind(b"\xff\xd9") > at
        if marker in {0xD9, 0xDA}:
            return False
        at += 2 + length
    return False


def _gif(content: bytes, seen: _Seen) -> bool:
    """Images and extensions, each with blocks of up to 255 bytes. A large image makes the screen large."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    seen.size(width, height)
    at = 13 + _colours(flags)
    while True:
        seen.block()
        kind = content[at]
        if kind == 0x3B:
            return seen.frames > 0
        if kind == 0x2C:
            left, top, width, height, flags = struct.unpack_from("<4HB", content, at + 1)
            seen.size(left + width, top + height)
            seen.frames += 1
            at += 11 + _colours(flags)
        elif kind == 0x21:
            at += 2
        elif kind == 0:  # some write one between two
            at += 1
            continue
        else:
            return False
        while size := content[at]:
            seen.block()
            at += 1 + size
        at += 1


def _colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp(content: bytes, seen: _Seen) -> bool:
    """Chunks: name, length, content, even in bytes. One that moves has each frame in one."""
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    if content[8:12] != b"WEBP" or end > len(content):
        return False
    at, shows = 12, False
    while at + 8 <= end:
        seen.block()
        name, length = struct.unpack_from("<4sI", content, at)
        if name == b"VP8X":
            width, height = (int.from_bytes(content[begin : begin + 3], "little") for begin in (at + 12, at + 15))
            seen.size(1 + width, 1 + height)
        elif name == b"ANMF":
            seen.frames += 1
            shows = True
        elif name == b"VP8L":
            bits = struct.unpack_from("<I", content, at + 9)[0]
            seen.size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
            shows = content[at + 8] == 0x2F
        elif name == b"VP8 ":
            width, height = struct.unpack_from("<HH", content, at + 14)
            seen.size(width & 0x3FFF, height & 0x3FFF)
            shows = content[at + 11 : at + 14] == b"\x9d\x01\x2a"
        at += 8 + length + length % 2
    return shows and at <= end + 1


_KINDS: list[tuple[bytes, str, Callable[[bytes, _Seen], bool]]] = [
    (_PNG, "image/png", _png),
    (b"\xff\xd8\xff", "image/jpeg", _jpeg),
    (b"GIF87a", "image/gif", _gif),
    (b"GIF89a", "image/gif", _gif),
    (b"RIFF", "image/webp", _webp),
]
PICTURE_TYPES = frozenset(type_ for _, type_, _ in _KINDS)
