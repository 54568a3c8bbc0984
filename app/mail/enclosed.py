"""Files in messages: their parts (RFC 2045, 2183, 2387), written so that no message holds a copy of them.

A file is kept, read and written in pieces, each of whole lines of base64. A message knows its files by their ids, and
its sender asks for piece after piece.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from app.mail.header_lines import parameter, plain_parameter

_RAW_LINE, _LINE = 57, 78  # bytes of a file that make a line of base64, and that line with its CRLF
PIECE = _RAW_LINE * 4096  # bytes of a file


class Enclosed(msgspec.Struct, frozen=True):
    """A file that goes along. `size`: its bytes as they are kept."""

    id: int
    name: str
    type: str
    size: int

    @property
    def encoded_size(self) -> int:
        lines, rest = divmod(self.size, _RAW_LINE)
        return lines * _LINE + ((rest + 2) // 3 * 4 + 2 if rest else 0)

    @property
    def pieces(self) -> int:
        return -(-self.size // PIECE)


def encoded(piece: bytes) -> bytes:
    """A piece as it is sent."""
    return encodebytes(piece).replace(b"\n", b"\r\n")


Segments = Sequence[bytes | Enclosed]  # of a message, in their order


def size_of(segments: Segments) -> int:
    return sum(len(one) if isinstance(one, bytes) else one.encoded_size for one in segments)


def attachment(file: Enclosed) -> Segments:
    """The part of a file that stands behind the text."""
    head = (
        f"Content-Type: {file.type}{plain_parameter('name', file.name)}\r\n"
        f"Content-Disposition: attachment{parameter('filename', file.name)}\r\n"
    )
    return _part(head, file)


def image(file: Enclosed, number: int) -> Segments:
    """The part of the picture that HTML shows as the so many-th, from 0 on."""
    head = (
        f"Content-Type: {file.type}{plain_parameter('name', file.name)}\r\n"
        f"Content-ID: <{_content_id(number)}>\r\n"
        f"Content-Disposition: inline{parameter('filename', file.name)}\r\n"
    )
    return _part(head, file)


def _content_id(number: int) -> str:
    """The same in every message: HTML names it, and it says nothing about the message or how many files we have."""
    return f"image{number + 1}@inline.invalid"


_SHOWN_FILE = re.compile(r"""(\bsrc\s*=\s*["']?)/api/files/(\d{1,18})(?=["'\s>])""", re.IGNORECASE)


def files_shown(html: str) -> list[int]:
    """The ids of the files that HTML shows as pictures, `<img src="/api/files/12">`."""
    return list(dict.fromkeys(int(found[2]) for found in _SHOWN_FILE.finditer(html)))


def times_shown(html: str) -> Counter[int]:
    """How often HTML shows each file."""
    return Counter(int(found[2]) for found in _SHOWN_FILE.finditer(html))


def with_content_ids(html: str, ids: Sequence[int]) -> str:
    """HTML as it is sent: it shows the parts that go along (RFC 2392)."""
    return with_urls(html, {one: f"cid:{_content_id(number)}" for number, one in enumerate(ids)})


def with_urls(html: str, urls: Mapping[int, str]) -> str:
    """HTML that shows files by other URLs."""
    if not urls:
        return html
    return _SHOWN_FILE.sub(lambda found: f"{found[1]}{urls[n]}" if (n := int(found[2])) in urls else found[0], html)


def _part(head: str, file: Enclosed) -> Segments:
    return [f"{head}Content-Transfer-Encoding: base64\r\n\r\n".encode(), file]


def multipart(subtype: str, parts: Sequence[Segments], boundary: bytes) -> Segments:
    """Parts put together; adjoining bytes in one."""
    return list(_joined(_delimited(subtype, parts, boundary)))


def _delimited(subtype: str, parts: Sequence[Segments], boundary: bytes) -> Iterator[bytes | Enclosed]:
    yield b'Content-Type: multipart/%b; boundary="%b"\r\n' % (subtype.encode(), boundary)
    for part in parts:
        yield b"\r\n--%b\r\n" % boundary
        yield from part
    yield b"\r\n--%b--\r\n" % boundary


def _joined(segments: Iterator[bytes | Enclosed]) -> Iterator[bytes | Enclosed]:
    held = b""
    for one in segments:
        if isinstance(one, bytes):
            held += one
            continue
        if held:
            yield held
            held = b""
        yield one
    if held:
        yield held
