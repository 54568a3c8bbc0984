"""A browser that is sent to a provider and comes back: the cookie that knows it again, and the page it was about."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from litestar import Request
from litestar.datastructures import Cookie

from app.domain.oauth.authorizations import Return
from app.http.auth import is_https
from app.settings import Settings

# A path and no host: browsers take `//host` and `/\\host` for one, leave out tabs and line breaks, and make `//host` of
# `/.//host`. No path of ours has an empty part.
_OWN_PATH = re.compile(r"\A(?![^?#]*(?://|\\))/[!-~]*\Z")


class BrowserCookie(NamedTuple):
    """Knows the browser again that began. Lax, since it comes back with a link of another site, the provider's."""

    name: str

    def make(self, settings: Settings, value: str, max_age_s: int) -> Cookie:
        return Cookie(
            key=self._key(settings),
            value=value,
            max_age=max_age_s,
            secure=is_https(settings),
            httponly=True,
            samesite="lax",
        )

    def remove(self, settings: Settings) -> Cookie:
        return self.make(settings, "", 0)

    def read(self, request: Request[Any, Any, Any], settings: Settings) -> str | None:
        return request.cookies.get(self._key(settings))

    def _key(self, settings: Settings) -> str:
        return f"__Host-{self.name}" if is_https(settings) else self.name


def returned_with(request: Request[Any, Any, Any], settings: Settings, cookie: BrowserCookie) -> Return:
    """The parameters that the browser brings back from the provider."""
    query = request.query_params
    browser = cookie.read(request, settings)
    return Return(query.get("state"), query.get("code"), query.get("error"), browser, query.get("iss"))


def own_path(page: str | None) -> str | None:
    """The page, if it is one of ours."""
    return page if page is not None and _OWN_PATH.match(page) else None
