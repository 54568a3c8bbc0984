"""Headers that tell a browser what our answers may do: on every answer, failures included."""

from __future__ import annotations

from litestar.datastructures import MutableScopeHeaders
from litestar.types import BeforeMessageSendHookHandler, Message, Scope

from app.http.auth import is_https
from app.settings import Settings

# HTML that a user wrote: our frame shows it, and it runs nothing, loads nothing and sends nothing.
FRAMED = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}


def policy(nonce: str | None = None) -> str:
    """The Content-Security-Policy. Scripts are files of ours alone; a style element needs this page load's `nonce`."""
    styles = "'self'" if nonce is None else f"'self' 'nonce-{nonce}'"
    return (
        f"default-src 'self'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def security_headers(settings: Settings) -> BeforeMessageSendHookHandler:
    """A hook for `before_send`."""
    headers = {
        "Content-Security-Policy": policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if is_https(settings):
        headers["Strict-Transport-Security"] = "max-age=31536000"

    async def add(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            answer = MutableScopeHeaders.from_message(message)
            for name, value in headers.items():
                if name not in answer:
                    answer[name] = value
            if scope["path"].startswith("/api/"):
                answer["Cache-Control"] = "no-store"

    return add
