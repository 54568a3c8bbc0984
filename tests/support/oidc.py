"""OpenID Connect providers on loopback: a real one in a process of its own, and one whose every answer a test makes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey
from joserfc.jws import JWSRegistry

CLIENT_ID = "reachinbox-tests"
CLIENT_SECRET = "a client secret of some length, for tests"  # noqa: S105

_SIGNATURES = JWSRegistry(algorithms=["RS256"], strict_check_header=False)


@cache
def first_key() -> RSAKey:
    """The same for all providers of this process: to make one takes longer than most tests."""
    return RSAKey.generate_key(2048, {"kid": "first"})


class ProviderProcess:
    """`oidc-provider-mock`: lets anybody in as anybody."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def set_user(self, subject: str, **claims: Any) -> None:
        """Set the claims of the provider on the person who logs in as `subject`."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def log_in(self, url: str, subject: str) -> str:
        """Log in, as a person does, at the page that our redirect leads to; returns where they are sent back to."""
        return self._answer(url, sub=subject)

    def deny(self, url: str) -> str:
        """The person does not want to. The state comes back with that, too (RFC 6749, 4.1.2.1): this one forgets it."""
        state = dict(parse_qsl(urlsplit(url).query))["state"]
        return f"{self._answer(url, action='deny')}&state={state}"

    def _answer(self, url: str, **form: str) -> str:
        response = httpx.post(url, data=form)
        assert response.status_code == 302, response.text
        return response.headers["location"]


@contextmanager
def provider_process() -> Generator[ProviderProcess]:
    """Run it on a free port."""
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", "0", "--require-nonce", "true"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603 -- our own interpreter
        assert process.stderr
        try:
            for line in process.stderr:
                if running := re.search(r"running on (http://[\d.:]+)", line):
                    break
            else:
                raise RuntimeError(f"the provider ended with code {process.wait()}")
            rest = threading.Thread(target=process.stderr.read)  # else it would stop at a full pipe
            rest.start()
            yield ProviderProcess(running[1])
        finally:
            process.terminate()
        rest.join()


class FakeProvider:
    """Answers the code of any login with the ID token that `forge` makes of a good one's claims.

    `requests` counts what was asked for, by path; `token_requests` has the form and the Authorization of each exchange.
    """

    def __init__(self) -> None:
        self.key = first_key()
        self.published: list[Key] = [self.key]
        self.forge: Callable[[dict[str, Any]], str] = self.sign
        self.requests: Counter[str] = Counter()
        self.token_requests: list[tuple[dict[str, str], str | None]] = []
        self.answers: dict[str, tuple[int, bytes]] = {}  # by path, instead of the right ones
        self.metadata: dict[str, Any] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def log_in(self, url: str) -> str:
        """The person logs in; returns where they are sent back to."""
        query = dict(parse_qsl(urlsplit(url).query))
        return f"{query['redirect_uri']}?code={query['nonce']}&state={query['state']}"

    def sign(self, claims: dict[str, Any], key: Key | None = None, **header: Any) -> str:
        key = self.key if key is None else key
        return jwt.encode({"alg": "RS256", "kid": key.kid} | header, claims, key, registry=_SIGNATURES)

    def claims(self, code: str) -> dict[str, Any]:
        """Those of a good token. The code is the nonce, so that logins may overlap."""
        now = int(time.time())
        return {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "nonce": code,
            "email": "ada@example.com",
            "email_verified": True,
        }

    def answer(self, path: str, form: dict[str, str], authorization: str | None) -> tuple[int, bytes]:
        self.requests[path] += 1
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            endpoints = {
                name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
            }
            return 200, json.dumps({"issuer": self.issuer} | endpoints | self.metadata).encode()
        if path == "/jwks_uri":
            return 200, json.dumps(KeySet(self.published).as_dict()).encode()
        if path == "/token_endpoint":
            tokens = {"access_token": "a", "token_type": "Bearer", "id_token": self.forge(self.claims(form["code"]))}
            self.token_requests.append((form, authorization))
            return 200, json.dumps(tokens).encode()
        return 404, b""


def _handler(provider: FakeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: value for name, (value,) in parse_qs(body).items()}
            status, answer = provider.answer(self.path, form, self.headers.get("Authorization"))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", answer.decode())
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
