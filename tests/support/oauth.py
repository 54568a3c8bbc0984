"""An OAuth provider of mailboxes on loopback: codes with PKCE, refresh tokens that rotate, expire and are revoked, and
introspection (RFC 7662), by which Dovecot asks whose a bearer is.

It is as strict as providers are: a code and a rotated refresh token work once, and a client has to show its secret. It
fails on request, in the ways that providers fail.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.oidc import first_key

CLIENT_ID = "reachinbox-tests"
CLIENT_SECRET = "a client secret of some length, for tests"  # noqa: S105


class Fault(NamedTuple):
    """An answer of the token endpoint instead, and after how long; one that says nothing is slow and no more."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = {}  # noqa: RUF012 -- nobody changes it
    after_s: float = 0.0


TOO_MANY = Fault(429, b'{"error": "rate_limited"}', headers={"Retry-After": "7"})
BROKEN = Fault(503, b"upstream is away", "text/plain")
A_PAGE = Fault(200, b"<!doctype html><title>We are down for maintenance</title>", "text/html")


class _Grant(NamedTuple):
    address: str
    scope: str


class MailProvider:
    """`requests` counts what was asked for: a path, or the token endpoint's `grant_type`."""

    def __init__(self, *, rotates: bool = True, lives_s: int = 3600) -> None:
        self.rotates = rotates
        self.forgets = True  # a refresh token that it has given another one for; Microsoft does not
        self.lives_s = lives_s  # an access token
        self.fault: Fault | None = None
        self.before_answer: Callable[[str], None] = lambda grant_type: None  # once tokens are made, before they go out
        self.requests: Counter[str] = Counter()
        self.forms: list[dict[str, str]] = []
        self.agrees = ""  # who sits in a real browser, and agrees as soon as the page is there
        self.claims: dict[str, Any] = {}  # instead of the right ones of an ID token
        self._lock = threading.Lock()
        self._key = first_key()
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_tokens: dict[str, _Grant] = {}
        self._access_tokens: dict[str, tuple[_Grant, float]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # Acts of people

    def consent(self, url: str, address: str, *, scope: str | None = None) -> str:
        """Somebody logs in at the page that `url` leads to, and agrees; returns where they are sent back to."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert (asked["client_id"], asked["response_type"]) == (CLIENT_ID, "code")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked | {"address": address, "scope": scope or asked["scope"]}
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def grant(self, address: str) -> tuple[str, str]:
        """A refresh and an access token, as if `address` had connected before."""
        with self._lock:
            tokens = self._tokens(_Grant(address, "mail"))
        return tokens["refresh_token"], tokens["access_token"]

    def revoke(self, address: str) -> None:
        """Its owner takes back what they agreed to."""
        with self._lock:
            self._refresh_tokens = {t: g for t, g in self._refresh_tokens.items() if g.address != address}
        self.expire(address)

    def expire(self, address: str) -> None:
        """Its access tokens are good no more, whatever was said about how long they would be."""
        with self._lock:
            self._access_tokens = {t: (g, u) for t, (g, u) in self._access_tokens.items() if g.address != address}

    def knows(self, refresh_token: str) -> bool:
        return refresh_token in self._refresh_tokens

    # Requests to it

    def answer(self, path: str, form: dict[str, str], authorization: str | None) -> Fault:
        self.requests[path] += 1
        if path == "/.well-known/openid-configuration":
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint")
            return _json({"issuer": self.issuer} | {name: f"{self.issuer}/{name}" for name in names})
        if path == "/jwks_uri":
            return _json(KeySet([self._key]).as_dict())
        if path == "/introspect":
            grant, until = self._access_tokens.get(form.get("token", ""), (None, 0.0))
            if grant is None or until < time.time():
                return _json({"active": False})
            return _json({"active": True, "email": grant.address, "scope": grant.scope, "client_id": CLIENT_ID})
        if path == "/token":
            with self._lock:
                self.forms.append(form)
                self.requests[form.get("grant_type", "")] += 1
                if self.fault is not None and self.fault != Fault(after_s=self.fault.after_s):
                    return self.fault
                given = self._token(form, authorization)
            if given.status == 200:
                self.before_answer(form["grant_type"])
            return given if self.fault is None else given._replace(after_s=self.fault.after_s)
        return Fault(404, b"")

    def _token(self, form: dict[str, str], authorization: str | None) -> Fault:
        shown = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        in_form = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if authorization != f"Basic {shown}" and not in_form:
            return _json({"error": "invalid_client"}, 401)
        if form["grant_type"] == "refresh_token":
            used = form["refresh_token"]
            grant = self._refresh_tokens.get(used)
            if grant is None:
                return _json({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400)
            if self.rotates and self.forgets:
                del self._refresh_tokens[used]
            return _json(self._tokens(grant, None if self.rotates else used))
        asked = self._codes.pop(form["code"], None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return _json({"error": "invalid_grant", "error_description": "Bad code."}, 400)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if challenge.decode() != asked["code_challenge"]:
            return _json({"error": "invalid_grant", "error_description": "Bad verifier."}, 400)
        tokens = self._tokens(_Grant(asked["address"], asked["scope"]))
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "sub": asked["address"], "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "email": asked["address"], "email_verified": True} | self.claims
        id_token = jwt.encode({"alg": "RS256", "kid": "first"}, claims, self._key)
        return _json(tokens | {"id_token": id_token})

    def _tokens(self, grant: _Grant, refresh_token: str | None = None) -> dict[str, Any]:
        refresh = refresh_token or secrets.token_urlsafe(24)
        access = secrets.token_urlsafe(24)
        self._refresh_tokens[refresh] = grant
        self._access_tokens[access] = (grant, time.time() + self.lives_s)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": self.lives_s,
            "scope": grant.scope,
        }


def _json(answer: dict[str, Any], status: int = 200) -> Fault:
    return Fault(status, json.dumps(answer).encode())


def _handler(provider: MailProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            path = urlsplit(self.path).path
            if path == "/authorize":
                given = Fault(302, headers={"Location": provider.consent(self.path, provider.agrees)})
            else:
                given = provider.answer(path, dict(parse_qsl(body)), self.headers.get("Authorization"))
            if given.after_s:
                time.sleep(given.after_s)
            try:
                self.send_response(given.status)
                self.send_header("Content-Type", given.content_type)
                self.send_header("Content-Length", str(len(given.body)))
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(given.body)
            except ConnectionError:
                return  # whoever asked has gone, as a slow provider has to expect

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
