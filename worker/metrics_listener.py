"""A worker process's own small HTTP listener, which shows its instruments to Prometheus."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import generate_latest

from app.collectors import CONTENT_TYPE, admits
from worker.instruments import REGISTRY


class Listener:
    """Answers GET /metrics from a thread of its own, from `start` until `stop`."""

    def __init__(self, host: str, port: int, token: str | None) -> None:
        """Takes the address. Raises OSError."""
        server = _ServerV6 if ":" in host else _Server
        self._server = make_server(host, port, _application(token), server, _Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # the process ends without waiting for a scrape
    block_on_close = False


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = 10  # for a client that connects and says nothing

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is no event."""


StartResponse = Callable[[str, list[tuple[str, str]]], object]


def _application(token: str | None) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = "200 OK", [("Content-Type", CONTENT_TYPE)], b""
        if environ["PATH_INFO"] != "/metrics":
            status, headers, body = "404 Not Found", [("Content-Type", "text/plain")], b"only /metrics is here\n"
        elif not admits(token, environ.get("HTTP_AUTHORIZATION")):
            status, body = "401 Unauthorized", b"give METRICS_TOKEN as a bearer token\n"
            headers = [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")]
        else:
            body = generate_latest(REGISTRY)
        start_response(status, headers)
        return [body]

    return application
