"""JSON bodies, decoded straight from their bytes into the struct a handler asks for.

Strictly: a text is no number, and an unknown field is refused rather than passed over, so that a misspelt
`hourlyLimt` does not send a campaign without its limit.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import ClientException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from app.errors import InvalidInput
from app.http.validation import EMPTY, WHOLE, invalid_body

T = TypeVar("T", bound=msgspec.Struct)
JSON = "application/json"
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what msgspec raises on what is not, or too deep


class JsonRequest(Request[Any, Any, Any]):
    """A request whose `data` is decoded by `decode`."""

    async def json(self) -> Any:
        """The handler's `data`. Raises InvalidInput, and ClientException when it is not JSON at all."""
        require_content_type(self, JSON)
        data_field = self.route_handler.parsed_data_field
        if data_field is None:
            raise TypeError(f"{self.route_handler} takes no data")
        return decode(await self.body(), data_field.annotation)


def require_content_type(request: Request[Any, Any, Any], *allowed: str) -> str:
    """The request's media type. Raises ClientException (415) unless it is one of `allowed`.

    What a page on another site can post without asking (forms, plain text) is thereby no JSON.
    """
    media_type, _ = request.content_type
    if media_type not in allowed:
        raise ClientException(f"send the body as {' or '.join(allowed)}", status_code=415)
    return media_type


async def read(request: Request[Any, Any, Any], *, at_most: int) -> bytearray:
    """The body, for a limit lower than the route's own. Raises RequestEntityTooLarge as soon as it is passed."""
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
