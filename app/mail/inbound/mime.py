"""A message cut into its header fields and parts: any bytes are some message, and none takes long.

Parts that are too deep, too many or too long stay uncut or are left out. Messages that pass through many hands have
their boundaries damaged: where the one that is declared does not occur, the one that does is taken.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Iterator
from functools import cached_property

from app.mail.inbound import headers

MOST_HEADERS = 256_000  # bytes
MOST_BODY = 262_144
MOST_FIELDS = 2_000
MOST_DEPTH = 12
MOST_PARTS = 100

_END_OF_HEADERS = re.compile(rb"\r?\n[ \t]*\r?\n")
_FIELD = re.compile(rb"([!-9;-~]{1,80})[ \t]*:(.*)", re.DOTALL)
_UNFOLDED = re.compile(rb"\r?\n(?![ \t])|\r(?![\n \t])")
_SOME_BOUNDARY = re.compile(rb"(?m)^[ ]?--(?!--?\s*$)([^\r\n]{2,200}?)[ \t]*\r?\n(?=[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-)")
RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers",
                      "message/global-headers"})  # fmt: skip


class Fields:
    """The header fields, by their names in lower case."""

    def __init__(self, block: bytes) -> None:
        self._of: dict[str, list[bytes]] = {}
        self.names: list[str] = []
        for line in _UNFOLDED.split(block[:MOST_HEADERS], maxsplit=MOST_FIELDS):
            if (field := _FIELD.match(line)) is not None:
                name = field[1].decode("ascii").lower()
                self.names.append(name)
                self._of.setdefault(name, []).append(field[2].strip()[: 4 * headers.MOST_VALUE])

    def first(self, name: str) -> bytes:
        return next(iter(self._of.get(name, ())), b"")

    def all(self, name: str) -> list[bytes]:
        return self._of.get(name, [])

    def __contains__(self, name: str) -> bool:
        return name in self._of

    def words(self, name: str) -> str:
        return headers.words(self.first(name))


class Part:
    """A message or a part of one: its fields, and either parts or a body."""

    def __init__(self, fields: Fields, body: bytes, depth: int, room: list[int]) -> None:
        self.fields = fields
        self.body = body
        self.type, self.parameters = headers.parameters(fields.first("content-type"))
        self.type = self.type or "text/plain"
        self.parts: list[Part] = []
        if self.type.startswith("multipart/") and depth < MOST_DEPTH:
            for piece in _pieces(body, self.parameters.get("boundary", "")):
                if room[0] <= 0:
                    break
                room[0] -= 1
                block, content = _cut(piece)
                self.parts.append(Part(Fields(block), content, depth + 1, room))
        if self.parts:
            self.body = b""
        elif self.type.startswith("multipart/"):
            self.type = "text/plain"  # what it says of parts is not so

    def leaves(self) -> Iterator[Part]:
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    @property
    def filename(self) -> str | None:
        """As it is to be called; None of what has no name."""
        given = headers.parameters(self.fields.first("content-disposition"))[1].get("filename")
        name = headers.words((given or self.parameters.get("name", "")).encode())
        return name.replace("\\", "/").rpartition("/")[2][:200] or None

    @property
    def is_attachment(self) -> bool:
        return self.fields.first("content-disposition").lower().startswith(b"attachment")

    @cached_property
    def content(self) -> bytes:
        encoding = self.fields.first("content-transfer-encoding").strip().lower()
        if encoding == b"base64":
            return headers.base64(self.body)
        return a2b_qp(self.body) if encoding == b"quoted-printable" else self.body

    @cached_property
    def text(self) -> str:
        return headers.decoded(self.content, self.parameters.get("charset")).replace("\r\n", "\n").replace("\r", "\n")

    @cached_property
    def returned(self) -> Fields:
        """The fields of the message within, of a part that returns one."""
        return Fields(_cut(self.content.lstrip())[0])


def parse(raw: bytes) -> Part:
    block, body = _cut(raw[: MOST_HEADERS + MOST_BODY])
    return Part(Fields(block), body[:MOST_BODY], 0, [MOST_PARTS])


def header_block(raw: bytes) -> bytes:
    """A message without its body."""
    return _cut(raw)[0][:MOST_HEADERS] + b"\n\n"


def _cut(raw: bytes) -> tuple[bytes, bytes]:
    """Headers and body. A part may have no headers, and then begins with an empty line."""
    if raw.startswith(b"From ") or raw.startswith(b">From "):  # as an mbox begins each message
        raw = raw.partition(b"\n")[2]
    if raw.startswith((b"\n", b"\r\n")):
        return b"", raw
    end = _END_OF_HEADERS.search(raw)
    return (raw, b"") if end is None else (raw[: end.start()], raw[end.end() :])


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """The parts between the boundaries (RFC 2046, 5.1.1); none if there is no boundary."""
    pieces = _between(body, boundary.encode("utf-8", "replace").rstrip()) if boundary else []
    if not pieces and (some := _SOME_BOUNDARY.search(body)) is not None:
        pieces = _between(body, some[1].removesuffix(b"--"))
    return pieces


def _between(body: bytes, boundary: bytes) -> list[bytes]:
    pieces: list[bytes] = []
    begun: int | None = None
    for line in re.finditer(rb"(?m)^[ ]?--" + re.escape(boundary[:250]) + rb"(--)?[ \t]*(?:\r?\n|\r|\Z)", body):
        if begun is not None:
            pieces.append(body[begun : line.start()])
        begun = line.end()
        if line[1] or len(pieces) > MOST_PARTS:
            return pieces
    if begun is not None:
        pieces.append(body[begun:])  # the end is missing
    return pieces
