"""Pictures that mail programs show: PNG, JPEG, GIF and WebP, told by their bytes.

Never SVG, which is a document with scripts. Nothing is decoded: what a file says of itself is read, and whether it is
whole, in one walk over its blocks. So a file that only begins like a picture is none.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

MOST_PIXELS = 40_000_000  # of a picture, as phones take them at most; and more than a mail program should unpack
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


class Picture(NamedTuple):
    """`type`: its media type."""

    type: str
    width: int
    height: int


def picture_of(content: bytes) -> Picture | None:
    """None: it is none of these, is not whole, or has no pixels or too many."""
    for begin, type_, read in _KINDS:
        if content.startswith(begin):
            try:
                size = read(content)
            except (IndexError, struct.error):
                return None
            if size is None or not 0 < size[0] * size[1] <= MOST_PIXELS:
                return None
            return Picture(type_, *size)
    return None


def _png(content: bytes) -> tuple[int, int] | None:
    """Chunks: length, name, content, checksum. The first tells the size, and the last is empty."""
    at, size = len(_PNG), None
    while True:
        length, name = struct.unpack_from(">I4s", content, at)
        if name == b"IHDR":
            size = struct.unpack_from(">II", content, at + 8)
        if name == b"IEND":
            return size if len(content) >= at + 12 else None
        at += 12 + length


def _jpeg(content: bytes) -> tuple[int, int] | None:
    """Segments up to the scan, whose end is looked for from behind: some write more behind it."""
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF or marker in _JPEG_ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", content, at + 2)[0]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return (width, height) if content.rfind(b"\xff\xd9") > at else None
        if marker in {0xD9, 0xDA}:
            return None
        at += 2 + length
    return None


def _gif(content: bytes) -> tuple[int, int] | None:
    return struct.unpack_from("<HH", content, 6) if content.rstrip(b"\0").endswith(b"\x3b") else None


def _webp(content: bytes) -> tuple[int, int] | None:
    if content[8:12] != b"WEBP" or struct.unpack_from("<I", content, 4)[0] + 8 > len(content):
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L" and content[20] == 0x2F:
        bits = struct.unpack_from("<I", content, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


_KINDS: list[tuple[bytes, str, Callable[[bytes], tuple[int, int] | None]]] = [
    (_PNG, "image/png", _png),
    (b"\xff\xd8\xff", "image/jpeg", _jpeg),
    (b"GIF87a", "image/gif", _gif),
    (b"GIF89a", "image/gif", _gif),
    (b"RIFF", "image/webp", _webp),
]
