"""The page by which recipients unsubscribe: for people with any browser, and for providers that post by themselves.

There is no login, cookie or script, and no look at where a request comes from: anybody who has the link may. Programs
open every link that they see, so GET and HEAD change nothing. A provider's post (RFC 8058) is taken in whatever form it
comes: it says nothing that the link does not.

Links stay out of logs: their readers could use them.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qs

from litestar import MediaType, Response, Router, get, head, post, route
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter
from markupsafe import Markup, escape

from app.db import DATABASE_ERRORS
from app.domain.suppressions import unsubscribing
from app.domain.suppressions.unsubscribing import Asked, UnknownLink
from app.errors import AppError, NotFound, TooMany
from app.http.bodies import PUBLIC, read
from app.http.errors import HANDLERS, AnyRequest
from app.http.parameters import TheActor, ThePool
from app.http.suppressions.words import WORDS, Words, language_of

_STYLE = Markup("""
:root { color-scheme: light dark; background: Canvas; color: CanvasText; }
body { margin: 0; font: 1.125rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 36rem; margin: 0 auto; padding: 3rem 1.25rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
button { min-height: 3rem; padding: 0.5rem 1rem; border: 2px solid; border-radius: 0.5rem; font: inherit; }
button { cursor: pointer; }
.main { background: #14532d; border-color: #14532d; color: #fff; font-weight: 600; }
""")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Language",
}
_PAGE = Markup(
    '<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    "<style>{style}</style></head>\n<body><main>\n<h1>{title}</h1>\n{content}</main></body></html>\n"
)
_PARAGRAPH = Markup("<p>{}</p>\n")
_NAME = Markup("<b><bdi>{}</bdi></b>")  # one that is written from right to left turns nothing else around
_FORM = Markup(
    '<form method="post"><input type="hidden" name="{name}" value="{value}">'
    '<button class="{kind}">{label}</button></form>\n'
)
_UNDO = "undo"

_PAGES: dict[int, ResponseSpec] = {
    int(status): ResponseSpec(str, generate_examples=False, description=status.phrase, media_type=MediaType.HTML)
    for status in (
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
}

Token = Annotated[str, PathParameter(description="The end of the link in an email.")]

_log = logging.getLogger(__name__)


@get(
    "/{token:str}",
    media_type=MediaType.HTML,
    summary="The page to unsubscribe, for whoever has the link of an email; changes nothing",
    responses=_PAGES,
)
async def show_page(request: AnyRequest, pool: ThePool, actor: TheActor, token: Token) -> Response[str]:
    words = _words(request)
    return _answer(request, _of(await unsubscribing.look(pool, actor, token), words))


@head("/{token:str}", media_type=MediaType.HTML, include_in_schema=False)
async def show_head(request: AnyRequest, pool: ThePool, actor: TheActor, token: Token) -> Response[None]:
    await unsubscribing.look(pool, actor, token)
    return Response(None, media_type=MediaType.HTML, headers=_headers(request))


@post(
    "/{token:str}",
    status_code=HTTPStatus.OK,
    media_type=MediaType.HTML,
    summary="Unsubscribe, as the page does and, in one click, mail programs (RFC 8058)",
    responses=_PAGES,
)
async def act(request: AnyRequest, pool: ThePool, actor: TheActor, token: Token) -> Response[str]:
    words = _words(request)
    if _is_undone(request, await read(request, at_most=PUBLIC)):
        asked = await unsubscribing.withdraw(pool, actor, token)
    else:
        asked = await unsubscribing.unsubscribe(pool, actor, token)
    return _answer(request, _of(asked, words))


@route(["/", "/{token:str}/{more:path}"], http_method=["GET", "HEAD", "POST"], include_in_schema=False)
async def show_unknown() -> None:
    """A link that lost its token, or has something else within it."""
    raise UnknownLink


def _is_undone(request: AnyRequest, body: bytearray) -> bool:
    """Only our own page says that it was a mistake."""
    if request.content_type[0] != RequestEncodingType.URL_ENCODED:
        return False
    try:
        return _UNDO in parse_qs(body.decode("ascii"), max_num_fields=20)
    except ValueError:
        return False


def _of(asked: Asked, words: Words) -> Markup:
    """The text of the page."""
    names = {"sender": _NAME.format(asked.sender), "recipient": _NAME.format(asked.recipient)}
    is_known = None not in {asked.sender, asked.recipient}
    if not asked.is_over:
        ask = escape(words.ask if is_known else words.ask_nobody).format(**names)
        button = _FORM.format(name="List-Unsubscribe", value="One-Click", kind="main", label=words.button)
        return _PARAGRAPH.format(ask) + button
    said = _PARAGRAPH.format(escape(words.done if is_known else words.done_nobody).format(**names))
    said += _PARAGRAPH.format(words.on_its_way)
    if asked.may_withdraw:
        said += _PARAGRAPH.format(words.mistake)
        said += _FORM.format(name=_UNDO, value="yes", kind="undo", label=words.undo)
    return said


def _words(request: AnyRequest) -> Words:
    return WORDS[language_of(request.headers.get("accept-language", ""))]


def _headers(request: AnyRequest) -> dict[str, str]:
    return _HEADERS | {"Content-Language": language_of(request.headers.get("accept-language", ""))}


def _answer(request: AnyRequest, content: Markup, status: HTTPStatus = HTTPStatus.OK, **more: str) -> Response[str]:
    headers = _headers(request)
    page = _PAGE.format(
        language=headers["Content-Language"], title=_words(request).title, style=_STYLE, content=content
    )
    return Response(str(page), media_type=MediaType.HTML, status_code=status, headers=headers | more)


def _unknown(request: AnyRequest, _error: NotFound) -> Response[str]:
    return _answer(request, _PARAGRAPH.format(_words(request).unknown), HTTPStatus.NOT_FOUND)


def _too_many(request: AnyRequest, error: TooMany) -> Response[str]:
    waits = {"Retry-After": str(error.retry_s)}
    return _answer(request, _PARAGRAPH.format(_words(request).too_many), HTTPStatus.TOO_MANY_REQUESTS, **waits)


def _not_taken(request: AnyRequest, error: HTTPException) -> Response[str]:
    """A body that is too large, or does not come; another method."""
    status = HTTPStatus(error.status_code)
    return _answer(request, _PARAGRAPH.format(_words(request).failed), status, **(error.headers or {}))


def _failed(request: AnyRequest, error: Exception) -> Response[str]:
    """The page after a failure: its reader may try again. The log does not name the link."""
    away = isinstance(error, (AppError, *DATABASE_ERRORS))
    _log.error("a link to unsubscribe failed: %s", type(error).__name__, exc_info=None if away else error)
    status = HTTPStatus.SERVICE_UNAVAILABLE if away else HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(request, _PARAGRAPH.format(_words(request).failed), status)


_HANDLERS: dict[int | type[Exception], Any] = {
    **dict.fromkeys([*HANDLERS, *DATABASE_ERRORS], _failed),
    NotFound: _unknown,
    TooMany: _too_many,
    HTTPException: _not_taken,
    ValidationException: _not_taken,
}

router = Router(
    "/u",
    tags=["suppressions"],
    security=[{}],
    request_max_body_size=PUBLIC,
    exception_handlers=_HANDLERS,
    route_handlers=[show_page, show_head, act, show_unknown],
)
