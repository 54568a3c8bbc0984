"""Pictures and names of files that somebody made to do harm."""

from __future__ import annotations

import struct
import time
import zlib

import pytest

from app.mail.file_types import ANY_TYPE, file_name, objection, type_of
from app.mail.pictures import MOST_FRAMES, picture_of
from tests.support.pictures import GIF, PNG, WEBP

_PNG = PNG[:8]
_GIF_HEAD = GIF[: GIF.index(b"\x21\xf9")]
_FRAME = bytes.fromhex("2c000000000100010000") + bytes.fromhex("02024401 00")


def _chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _head(width: int, height: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def _webp(*chunks: bytes) -> bytes:
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _riff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


_END = _chunk(b"IEND")
_LARGE_FRAME = b"\x2c" + struct.pack("<4HB", 0, 0, 65535, 65535, 0) + _FRAME[10:]
_CANVAS = _riff(b"VP8X", bytes(4) + b"\xff\xff\x00\xff\xff\x00")
HARMFUL = {
    "100,000 by 100,000": _PNG + _head(100_000, 100_000) + _END,
    "a second head": _PNG + _head(100_000, 100_000) + _head(1, 1) + _END,
    "a head that is not the first": _PNG + _chunk(b"tEXt") + _head(1, 1) + _END,
    "many large frames": _PNG + _head(6_000, 6_000) + _chunk(b"fcTL", bytes(26)) * 100 + _END,
    "chunks without end": _PNG + _head(1, 1) + _chunk(b"tEXt") * 700_000 + _END,
    "a frame larger than the screen": _GIF_HEAD + _LARGE_FRAME + b";",
    "many frames": _GIF_HEAD + _FRAME * (MOST_FRAMES + 1) + b";",
    "tiny blocks": _GIF_HEAD + b"\x21\xfe" + b"\x01a" * 4_900_000 + b"\0" + _FRAME + b";",
    "no frame": _GIF_HEAD + b";",
    "a script that ends like one": b"GIF89a=1;/*" + bytes(20) + b"*/alert(1);",
    "fill bytes": b"\xff\xd8" + b"\xff" * 9_900_000,
    "a canvas": _webp(_CANVAS, WEBP[12:]),
    "a canvas alone": _webp(_riff(b"VP8X", bytes(10))),
    "a chunk that is not whole": _webp(WEBP[12:], b"EXIF\xff\xff\0\0"),
    "SVG": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
}


@pytest.mark.parametrize("what", HARMFUL)
def test_a_picture_made_to_do_harm_is_none_and_costs_little(what: str) -> None:
    began = time.process_time()
    assert picture_of(HARMFUL[what]) is None
    assert time.process_time() - began < 0.5


def test_pictures_that_move_are_shown() -> None:
    assert picture_of(_GIF_HEAD + _FRAME * 100 + b";") == ("image/gif", 1, 1)
    assert picture_of(GIF[:-1] + b"\0;and more") == ("image/gif", 1, 1)
    moving = _webp(_riff(b"VP8X", bytes(10)), *[_riff(b"ANMF", bytes(16) + WEBP[12:])] * 3)
    assert picture_of(moving) == ("image/webp", 1, 1)
    assert (
        picture_of(_PNG + _head(3, 2) + _chunk(b"acTL", bytes(8)) + _chunk(b"fcTL", bytes(26)) * 3 + _END) is not None
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Screenshot at 9.30.15\u202fPM.png", "Screenshot at 9.30.15 PM.png"),  # as macOS names them
        ("見積\u30002030.pdf", "見積 2030.pdf"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\0b\r\nBcc: x@example.com.pdf", "abBcc x@example.com.pdf"),
        ("C:\\Users\\me\\offer.pdf", "offer.pdf"),
        ("x" * 500 + ".pdf", "x" * 146 + ".pdf"),
        (" .. ", "file"),
        ("\ud800", "file"),
    ],
)
def test_names_are_what_people_see(text: str, name: str) -> None:
    assert file_name(text) == name


def test_what_receivers_take_for_an_attack_is_warned_of() -> None:
    for name in ("invoice.html", "logo.SVG", "page.mhtml"):
        assert "phishing" in (objection(name, b"<") or "")
    assert objection("invoice.pdf", b"%PDF") is None


def test_what_is_packed_is_not_what_is_in_it() -> None:
    assert (type_of("list.csv"), type_of("list.csv.gz"), type_of("all.tar.bz2")) == ("text/csv", ANY_TYPE, ANY_TYPE)
