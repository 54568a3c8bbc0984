"""Forms (multipart/form-data, RFC 7578): texts in memory and bounded, files on disk once they are large.

Litestar's own reading decodes a part in whatever charset the part names, and some of those take an hour for a few
megabytes; it keeps texts of any length, and a thousand parts. Here texts are UTF-8, as browsers send them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from multipart import (  # pyright: ignore[reportMissingTypeStubs] -- its types are in itself
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from app.errors import InvalidInput

MULTIPART = RequestEncodingType.MULTI_PART.value
MOST_PARTS = 50
MOST_TEXT = 8_000_000  # bytes of all texts together, their names and headers aside
_MOST_BOUNDARY = 70  # RFC 2046, section 5.1.1
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class Form(NamedTuple):
    """Each part by its name. The part that a browser sends of an empty field is not there. `several`: the files of the
    name of which there may be any number.
    """

    texts: dict[str, str]
    files: dict[str, UploadFile]
    several: list[UploadFile]


@asynccontextmanager
async def form_of(request: Request[Any, Any, Any], *, several: str | None = None) -> AsyncGenerator[Form]:
    """The request's form, whose files are closed at the end of the block. There may be `several` files of that name.

    Raises InvalidInput for a part that is there twice or in another charset, RequestEntityTooLarge, and ClientException
    for what is no form.
    """
    reader = _Reader(several)
    try:
        with PushMultipartParser(_boundary(request), max_segment_count=MOST_PARTS) as parser:
            async for chunk in request.stream():
                if chunk and not parser.closed:
                    for event in parser.parse(chunk):
                        await reader.take(event)
        yield reader.form
    except ParserLimitReached as error:
        raise RequestEntityTooLarge from error
    except MultipartError as error:
        raise ClientException(f"the body is not a form: {error}") from None
    finally:
        for file in reader.opened:
            await file.close()


def _boundary(request: Request[Any, Any, Any]) -> str:
    _, options = request.content_type
    boundary = options.get("boundary", "")
    if not boundary or len(boundary) > _MOST_BOUNDARY or not boundary.isascii():
        raise ClientException(f"Content-Type should name a boundary of 1 to {_MOST_BOUNDARY} characters")
    return boundary


class _Reader:
    """Puts together what the parser finds: a segment, the bytes of its content, None at its end."""

    def __init__(self, several: str | None) -> None:
        self.form = Form({}, {}, [])
        self._several = several
        self.opened: list[UploadFile] = []
        self._name = ""
        self._part: UploadFile | bytearray = bytearray()
        self._text_bytes = 0

    async def take(self, event: MultipartSegment | bytearray | bytes | None) -> None:
        if event is None:
            await self._end()
        elif isinstance(event, MultipartSegment):
            self._begin(event)
        elif isinstance(self._part, UploadFile):
            await self._part.write(bytes(event))
        else:
            self._text_bytes += len(event)
            if self._text_bytes > MOST_TEXT:
                raise RequestEntityTooLarge
            self._part += event

    def _begin(self, segment: MultipartSegment) -> None:
        self._name = segment.name or ""
        if segment.filename and self._name == self._several:
            self._open(segment)
            return
        if self._name in self.form.texts or self._name in self.form.files:
            raise InvalidInput({self._name: "is there more than once"})
        if segment.filename:
            self._open(segment)
            return
        charset = segment.charset
        if charset is not None and charset.lower() not in _CHARSETS:
            raise InvalidInput({self._name: "is in another charset than UTF-8; send it in UTF-8"})
        self._part = bytearray()

    def _open(self, segment: MultipartSegment) -> None:
        self._part = UploadFile(segment.content_type or "text/plain", segment.filename or "")
        self.opened.append(self._part)

    async def _end(self) -> None:
        part, self._part = self._part, bytearray()
        if isinstance(part, UploadFile):
            await part.seek(0)
            if self._name == self._several:
                self.form.several.append(part)
            else:
                self.form.files[self._name] = part
        elif part:
            try:
                self.form.texts[self._name] = part.decode()
            except UnicodeDecodeError:
                raise InvalidInput({self._name: "is not UTF-8; send it in UTF-8"}) from None
