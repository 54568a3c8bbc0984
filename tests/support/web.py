"""Web servers on loopback, one with TLS and one without, that answer for any name; and a lookup that leads there."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import trustme

from app.domain.operations.host_policy import AddressInfo

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """`pages` are by scheme and host with path, such as `https://example.com/a`: bytes, or what answers itself."""

    def __init__(self, *names: str) -> None:
        self.pages: dict[str, bytes | Answer] = {}
        self.asked: list[str] = []
        self.places: dict[str, str] = {}  # addresses of names that are not at loopback
        authority = trustme.CA()
        self.tls = ssl.create_default_context()
        authority.configure_trust(self.tls)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        self._servers = {scheme: ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, scheme)) for scheme in _PORTS}
        secure = self._servers["https"]
        secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            for server in self._servers.values()
        ]

    async def lookup(self, host: str, port: int) -> Sequence[AddressInfo]:
        """Of any name; the ports of the web are ours."""
        if host in self.places:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.places[host], port))]
        scheme = next((scheme for scheme, known in _PORTS.items() if known == port), None)
        here = self._servers[scheme].server_port if scheme else port
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", here))]

    def __enter__(self) -> Self:
        for server, thread in zip(self._servers.values(), self._threads, strict=True):
            server.daemon_threads = True
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server, thread in zip(self._servers.values(), self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


_PORTS = {"https": 443, "http": 80}


def redirect(to: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", to)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def endless(request: BaseHTTPRequestHandler) -> None:
    """A gigabyte, as far as anybody takes it."""
    request.send_response(200)
    request.send_header("Content-Length", str(1 << 30))
    request.end_headers()
    try:
        for _ in range(1 << 14):
            request.wfile.write(b" " * (1 << 16))
    except (ConnectionError, ssl.SSLError):
        return


def _handler(web: Web, scheme: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(f"{scheme}://{self.headers['Host']}{self.path}")
            page = web.pages.get(f"{scheme}://{self.headers['Host']}{self.path.partition('?')[0]}")
            if callable(page):
                page(self)
                return
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, ssl.SSLError, TimeoutError):
                return  # whoever asked has heard enough

    return Handler
