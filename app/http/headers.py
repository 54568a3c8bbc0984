"""Headers that tell a browser what our answers may do: on every answer, failures included."""

from __future__ import annotations

from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from app.http.auth import is_https
from app.settings import Settings

# HTML that a user wrote: our frame shows it, and it runs nothing, loads nothing and sends nothing. All answers of a
# route with `opt={"framed": True}` have them: of a refusal, the frame would show nothing else but the browser's own.
_FRAMED = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
# The same, with pictures from wherever they lie, of which nobody learns the page that shows them.
WITH_IMAGES = {
    "Content-Security-Policy": _FRAMED["Content-Security-Policy"].replace(
        "img-src data:", "img-src data: https: http:"
    ),
    "Referrer-Policy": "no-referrer",
}


def policy(nonce: str | None = None) -> str:
    """The Content-Security-Policy. Scripts are files of ours alone; a style element needs this page load's `nonce`."""
    styles = "'self'" if nonce is None else f"'self' 'nonce-{nonce}'"
    return (
        f"default-src 'self'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


_HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HEADERS_OF_HTTPS = _HEADERS | {"Strict-Transport-Security": "max-age=31536000"}


async def security_headers(message: Message, scope: Scope) -> None:
    """A hook for `before_send`."""
    if message["type"] == "http.response.start":
        settings: Settings = Litestar.from_scope(scope).state["settings"]
        answer = MutableScopeHeaders.from_message(message)
        usual = _HEADERS_OF_HTTPS if is_https(settings) else _HEADERS
        is_framed = "route_handler" in scope and scope["route_handler"].opt.get("framed")
        for name, value in (usual | _FRAMED if is_framed else usual).items():
            if name not in answer:
                answer[name] = value
        if scope["path"].startswith("/api/"):
            answer["Cache-Control"] = "no-store"
