"""/metrics for Prometheus, and what every request adds to it: its duration, and a span where traces are on."""

from __future__ import annotations

import time

from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from app import traces
from app.collectors import CONTENT_TYPE, LedgerCollector, ReplacedCollector, admits, is_shown, new_registry
from app.errors import NotFound, Unauthenticated
from app.http.parameters import ThePool, TheSettings

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The API's registry; one for each run of the application."""

    def __init__(self) -> None:
        self.registry: CollectorRegistry = new_registry("api")
        self.ledger = LedgerCollector()
        self.registry.register(self.ledger)
        self.registry.register(ReplacedCollector())
        self.requests = Histogram(
            "reachinbox_http_request_duration_seconds",
            "From a request to the beginning of its answer.",
            ("method", "route", "status"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )


def measured(app: ASGIApp) -> ASGIApp:
    """The application around which requests are timed, those that reach no handler included."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        metrics: Metrics = Litestar.from_scope(scope).state["metrics"]
        method = scope["method"] if scope["method"] in METHODS else "other"
        began = time.perf_counter()
        with traces.server_span(method) as span:

            async def observing_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    route, status = scope.get("path_template") or "unmatched", message["status"]
                    duration_s = time.perf_counter() - began
                    metrics.requests.labels(method, route, f"{status // 100}xx").observe(duration_s)
                    span.update_name(f"{method} {route}")
                    span.set_attributes(
                        {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                    )
                await send(message)

            await app(scope, receive, observing_send)

    return application


@get("/metrics", summary="Prometheus metrics", include_in_schema=False)
async def show_metrics(request: Request[None, None, State], pool: ThePool, settings: TheSettings) -> Response[bytes]:
    if not is_shown(settings):
        raise NotFound("there is nothing at this address")
    if not admits(settings.metrics_token, request.headers.get("Authorization")):
        raise Unauthenticated("give METRICS_TOKEN as a bearer token")
    metrics: Metrics = request.app.state["metrics"]
    await metrics.ledger.refresh(pool)
    return Response(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE})
