"""Login with Google, or the provider that OIDC_ISSUER names: two addresses for browsers, not for programs.

After a failure the person ends at the login page, which has a sentence for each code; the log has the reason.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.response import Redirect
from litestar.status_codes import HTTP_302_FOUND, HTTP_303_SEE_OTHER

from app.domain.accounts import oidc
from app.domain.accounts.provider import Failure, LoginFailed, Provider
from app.domain.oauth import authorizations
from app.errors import NotFound
from app.http.auth import session_cookie
from app.http.parameters import TheActor, ThePool, TheProvider, TheSettings, TheTerms
from app.http.round_trips import BrowserCookie, own_path, returned_with
from app.settings import Settings

CALLBACK = "/api/auth/google/callback"
_COOKIE = BrowserCookie("reachinbox-login")

_log = logging.getLogger(__name__)


class LoginFailure(msgspec.Struct, omit_defaults=True):
    """The query of /login after a login that failed: why, and which page was to be shown after it."""

    error: Failure
    next: str | None = None


def open_provider(settings: Settings) -> Provider | None:
    """None where login with Google is not set up."""
    if settings.google_client_id is None or settings.google_client_secret is None:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.google_client_id,
        settings.google_client_secret,
        settings.base_url.rstrip("/") + CALLBACK,
        settings.google_allowed_domains,
    )


def provide_provider(state: State) -> Provider:
    """Raises NotFound: without a provider its addresses are not there."""
    if state["provider"] is None:
        raise NotFound("login with Google is not set up here")
    return state["provider"]


@get("/")
async def begin(
    request: Request[Any, Any, Any], pool: ThePool, settings: TheSettings, actor: TheActor, provider: TheProvider
) -> Redirect:
    """`?invitation=` is the token of an invitation's link, `?next=` the page to show after the login."""
    next_page = own_path(request.query_params.get("next"))
    try:
        begun = await oidc.begin(pool, provider, actor, request.query_params.get("invitation"), next_page)
    except Exception as error:
        return _failed(settings, error, next_page)
    cookie = _COOKIE.make(settings, begun.browser, authorizations.AUTHORIZATION_S)
    return Redirect(begun.url, status_code=HTTP_302_FOUND, cookies=[cookie])


@get("/callback")
async def finish(
    request: Request[Any, Any, Any],
    pool: ThePool,
    settings: TheSettings,
    terms: TheTerms,
    actor: TheActor,
    provider: TheProvider,
) -> Redirect:
    """Where the provider sends the browser back to (RFC 6749, section 4.1.2)."""
    try:
        let_in = await oidc.finish(pool, provider, terms, actor, returned_with(request, settings, _COOKIE))
    except Exception as error:
        return _failed(settings, error, error.next if isinstance(error, LoginFailed) else None)
    cookies = [session_cookie(settings, let_in.token), _COOKIE.remove(settings)]
    return Redirect(own_path(let_in.next) or "/", status_code=HTTP_303_SEE_OTHER, cookies=cookies)


def _failed(settings: Settings, error: Exception, next_page: str | None) -> Redirect:
    if isinstance(error, LoginFailed):
        code: Failure = error.code
        _log.warning("a login at %s failed (%s): %s", settings.oidc_issuer, code, error)
    else:
        code = "failed"
        _log.error("a login at %s failed", settings.oidc_issuer, exc_info=error)
    query = msgspec.to_builtins(LoginFailure(code, own_path(next_page)))
    cookies = [_COOKIE.remove(settings)]
    return Redirect(f"/login?{urlencode(query)}", status_code=HTTP_303_SEE_OTHER, cookies=cookies)


router = Router("/api/auth/google", include_in_schema=False, route_handlers=[begin, finish])
