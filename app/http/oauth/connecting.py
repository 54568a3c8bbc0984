"""Connecting a mailbox at its provider: two addresses for browsers, not for programs, and what there is to choose from.

After a failure the person ends at a page of ours, which has a sentence for each code; the log has the reason, and no
word of the provider's is shown.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Router, get
from litestar.params import PathParameter
from litestar.response import Redirect
from litestar.status_codes import HTTP_302_FOUND, HTTP_303_SEE_OTHER

from app.domain.oauth import authorizations, connecting
from app.domain.oauth.connecting import ConnectFailed, Failure, Place
from app.domain.workspaces.roles import MEMBER, VIEWER, covers
from app.errors import AnotherAccount, AppError, Unauthenticated
from app.http.auth import authenticate
from app.http.errors import problems
from app.http.parameters import MAX_ID, TheActor, TheBox, TheMailProviders, ThePool, TheQuotas, TheSettings
from app.http.round_trips import BrowserCookie, own_path, returned_with
from app.settings import Settings

PATH = "/api/senders/connect"
PAGE = "/senders"
_COOKIE = BrowserCookie("reachinbox-connect")

_log = logging.getLogger(__name__)


class Choice(msgspec.Struct):
    """A provider that mailboxes are connected at, by OAuth; `label` is for people."""

    name: str
    label: str


class ConnectFailure(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The query of /senders where a mailbox could not be connected: why, and which page was to be shown then."""

    connect_failed: Failure
    next: str | None = None


@get(
    "/senders/providers",
    opt={"role": VIEWER},
    tags=["senders"],
    summary="Providers to connect mailboxes at",
    responses=problems(),
)
async def list_providers(mail_providers: TheMailProviders) -> list[Choice]:
    return [Choice(provider.name, provider.label) for provider in mail_providers.values()]


@get("/{name:str}")
async def begin(
    request: Request[Any, Any, Any],
    pool: ThePool,
    settings: TheSettings,
    mail_providers: TheMailProviders,
    name: Annotated[str, PathParameter(name="name")],
) -> Redirect:
    """`?sender=` is the id of a mailbox to connect again, `?next=` the page to show afterwards."""
    next_page = own_path(request.query_params.get("next"))
    try:
        place = await _place(request, settings)
        if not covers(place.user.role, MEMBER):
            raise ConnectFailed("role", f"this takes the role {MEMBER}")
        chosen = mail_providers.get(name)
        if chosen is None:
            raise ConnectFailed("failed", f"no provider {name[:100]!r} is set up")
        begun = await connecting.begin(pool, chosen, place, _id(request.query_params.get("sender")), next_page)
    except Exception as error:
        return _failed(settings, error, next_page)
    cookie = _COOKIE.make(settings, begun.browser, authorizations.AUTHORIZATION_S)
    return Redirect(begun.url, status_code=HTTP_302_FOUND, cookies=[cookie])


@get("/callback")
async def finish(
    request: Request[Any, Any, Any],
    pool: ThePool,
    settings: TheSettings,
    box: TheBox,
    quotas: TheQuotas,
    actor: TheActor,
    mail_providers: TheMailProviders,
) -> Redirect:
    """Where the provider sends the browser back to (RFC 6749, section 4.1.2)."""
    terms = connecting.Terms(box, settings.default_emails_per_hour, quotas)
    try:
        place = await _place(request, settings)
        returned = returned_with(request, settings, _COOKIE)
        connected = await connecting.finish(pool, mail_providers, terms, place, actor.of(place.user.id), returned)
    except Unauthenticated as error:  # the session has ended meanwhile: the login says what came of it
        return _failed(settings, error, _page_of(ConnectFailure("expired")))
    except Exception as error:
        return _failed(settings, error, error.next if isinstance(error, ConnectFailed) else None)
    page = own_path(connected.next) or f"{PAGE}?{urlencode({'connected': connected.sender_id})}"
    return Redirect(page, status_code=HTTP_303_SEE_OTHER, cookies=[_COOKIE.remove(settings)])


async def _place(request: Request[Any, Any, Any], settings: Settings) -> Place:
    """The user who asks, and their session. Raises Unauthenticated, Forbidden."""
    user, access = await authenticate(request)
    if access.session_id is None:
        raise Unauthenticated("mailboxes are connected by people who are logged in")
    return Place(settings.base_url.rstrip("/") + f"{PATH}/callback", user, access.session_id)


def _id(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID):
        raise ConnectFailed("failed", "the sender's id is none")
    return int(text)


def _failed(settings: Settings, error: Exception, next_page: str | None) -> Redirect:
    cookies = [_COOKIE.remove(settings)]
    if isinstance(error, Unauthenticated):
        query = urlencode({"next": own_path(next_page) or PAGE})
        return Redirect(f"/login?{query}", status_code=HTTP_303_SEE_OTHER, cookies=cookies)
    code: Failure = error.code if isinstance(error, ConnectFailed) else "failed"
    if isinstance(error, AnotherAccount):
        code = "another_account"
    if isinstance(error, ConnectFailed | AppError):
        _log.warning("connecting a mailbox failed (%s): %s", code, error)
    else:
        _log.error("connecting a mailbox failed", exc_info=error)
    page = _page_of(ConnectFailure(code, own_path(next_page)))
    return Redirect(page, status_code=HTTP_303_SEE_OTHER, cookies=cookies)


def _page_of(failure: ConnectFailure) -> str:
    return f"{PAGE}?{urlencode(msgspec.to_builtins(failure))}"


router = Router(PATH, include_in_schema=False, route_handlers=[begin, finish])
