"""JSON bodies, decoded straight from their bytes into the struct a handler asks for.

Strictly: a text is no number, and an unknown field is refused rather than passed over, so that a misspelt
`hourlyLimt` does not send a campaign without its limit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import Headers
from litestar.exceptions import ClientException, InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ASGIApp, Receive, Scope, Send

from app.errors import InvalidInput
from app.http.auth import require_still_let_in
from app.http.validation import EMPTY, WHOLE, invalid_body
from app.turns import Turns

T = TypeVar("T", bound=msgspec.Struct)
JSON = "application/json"
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what msgspec raises on what is not, or too deep


BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})  # methods with which nobody here reads a body
PUBLIC = 16_000  # bytes of a body that anybody may send
SMALL = 1_000_000  # a body up to this many bytes is read at once; no route takes more unless it says so
PAUSE_S = 30.0  # the longest that nothing of a body may come
FORM = "multipart/form-data"
LEAST_BYTES_PER_S = 200_000  # of a body, after the first pause
LEAST_OF_FORM_PER_S = 50_000  # a person's connection may be slow, and a file takes no memory
LET_IN_S = 2.0  # after which somebody who sends a body has to be let in still
# Bodies above SMALL that are in memory, or on their way to it, at once; of one person, who may have many workspaces,
# one fewer.
LARGE_AT_ONCE = 3
# Files on their way to the disk: a slow sender takes many accounts to keep others waiting.
FILES_AT_ONCE = 20
FILES_OF_ONE = 3
# Requests with a body above PUBLIC and up to SMALL, from before it is read until they are answered.
MIDDLING_AT_ONCE = 100
MIDDLING_OF_ONE = 10

_large = Turns(LARGE_AT_ONCE, of_one=LARGE_AT_ONCE - 1)
_files = Turns(FILES_AT_ONCE, of_one=FILES_OF_ONE)
_middling = Turns(MIDDLING_AT_ONCE, of_one=MIDDLING_OF_ONE)


@asynccontextmanager
async def room_for_body(request: Request[Any, Any, Any], *, has_file: bool = False) -> AsyncGenerator[None]:
    """Wait until there is memory for the request's body, or disk for the file of a form, and have it for the length of
    the block.

    Until then nothing of the body is read, so it stays where it comes from. One of unknown length is as large as the
    route allows.
    """
    most = request.route_handler.resolve_request_max_body_size() or 0
    if min(most, request.content_length or most) <= SMALL:
        yield
        return
    async with (_files if has_file and _is_form(request) else _large).take(request.user.id):
        await require_still_let_in(request)  # the turn may have been long in coming
        yield


def in_turn(app: ASGIApp) -> ASGIApp:
    """Middleware: as `room_for_body`, for bodies that are not large, and until the request is answered: a thousand of
    them are a gigabyte, and what is made of them waits for other turns. Whoever waited has to be let in still.
    """

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers.from_scope(scope)
        length = headers.get("content-length", "")
        size = int(length) if length.isdecimal() else 0
        comes = scope["type"] == "http" and scope["method"] not in BODILESS
        if comes and ("transfer-encoding" in headers or PUBLIC < size <= SMALL):
            async with _middling.take(scope["user"].id) as waited:
                if waited:
                    await require_still_let_in(Request(scope))
                await app(scope, receive, send)
        else:
            await app(scope, receive, send)

    return wait


class JsonRequest(Request[Any, Any, Any]):
    """A request whose `data` is decoded by `decode`, and whose body has to keep coming."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises ClientException (408) when it does not: others may wait for its turn; and as
        `require_still_let_in` does: an account may have been disabled, or a key revoked, meanwhile.
        """
        chunks, began, got = super().stream(), time.monotonic(), 0
        least = LEAST_OF_FORM_PER_S if _is_form(self) else LEAST_BYTES_PER_S
        while True:
            try:
                async with asyncio.timeout(PAUSE_S):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise _too_slow() from None
            except InternalServerException:  # as Litestar has it: no error of ours, and nobody is there to be told
                raise ClientException("the connection ended before the body was whole") from None
            if chunk is None:
                if time.monotonic() - began > LET_IN_S:
                    await require_still_let_in(self)
                return
            got += len(chunk)
            if time.monotonic() - began > PAUSE_S + got / least:
                raise _too_slow()
            yield chunk

    async def json(self) -> Any:
        """The handler's `data`. Raises InvalidInput, and ClientException when it is not JSON at all."""
        require_content_type(self, JSON)
        data_field = self.route_handler.parsed_data_field
        if data_field is None:
            raise TypeError(f"{self.route_handler} takes no data")
        async with room_for_body(self):  # strangers send nothing large
            body = await self.body()
        return decode(body, data_field.annotation)


def _is_form(request: Request[Any, Any, Any]) -> bool:
    return request.content_type[0] == FORM


def require_content_type(request: Request[Any, Any, Any], *allowed: str) -> str:
    """The request's media type. Raises ClientException (415) unless it is one of `allowed`.

    A body that a page on another site can post without asking (forms, plain text) is thereby no JSON.
    """
    media_type, _ = request.content_type
    if media_type not in allowed:
        raise ClientException(f"send the body as {' or '.join(allowed)}", status_code=415)
    return media_type


def _too_slow() -> ClientException:
    return ClientException("the body does not come, or too slowly; send it again", status_code=408)


async def read(request: Request[Any, Any, Any], *, at_most: int) -> bytearray:
    """The body, for a limit lower than the route's own. Raises RequestEntityTooLarge as soon as it is passed."""
    if (request.content_length or 0) > at_most:
        raise RequestEntityTooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > at_most:
            raise RequestEntityTooLarge
    return body


def decode(body: bytes | bytearray, kind: type[T]) -> T:
    """Decode JSON. Raises InvalidInput where it does not fit `kind`, and ClientException when it is not JSON at all."""
    if not body:
        raise InvalidInput({WHOLE: EMPTY})
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise invalid_body(error, kind) from None
    except NOT_JSON as error:
        raise ClientException(f"the body is not JSON: {error}") from None
