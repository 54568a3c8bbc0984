"""The smallest pictures that there are of each kind."""

from __future__ import annotations

import struct
import zlib


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int = 1, height: int = 1) -> bytes:
    """Of one row, whatever it says of itself."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(b"\0" * (1 + width % 1_000)))
        + _chunk(b"IEND", b"")
    )


PNG = png()
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
WEBP = bytes.fromhex("524946461a000000574542505650384c0d0000002f00000010071011118888fe0700")
JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010101004800480000ffdb004300ff" + "ff" * 63 + "ffc2000b080001000101011100"
    "ffc40014000100000000000000000000000000000003ffda0008010100000001" + "3f" + "ffd9"
)
