"""Traces: what reaches a collector, and that nothing of it is there unless it is asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app import traces
from app.db import Pool
from app.domain.accounts.users import User
from app.settings import Settings
from tests.support.api import api_client, authorization
from tests.support.engine import (
    ROOT,
    Owner,
    running_workers,
    schedule_campaign,
    settings_for,
    wait_until_settled,
)
from tests.support.sinkproc import Sink


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.services: set[str] = set()
        self.spans: list[tuple[str, dict[str, Any]]] = []
        self.text = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    raise AssertionError("not asked for")
                collector.take(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def take(self, body: bytes) -> None:
        self.text += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                for span in scope.spans:
                    values = {pair.key: pair.value for pair in span.attributes}
                    plain = {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}
                    self.spans.append((span.name, plain))

    def named(self, name: str) -> list[dict[str, Any]]:
        return [attributes for its_name, attributes in self.spans if its_name == name]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    collector.thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server.server_port}")
    yield collector
    traces.shutdown()
    collector.server.shutdown()
    collector.thread.join()
    collector.server.server_close()


async def test_a_worker_traces_exchanges_connections_and_handovers(
    pool: Pool, database_url: str, owner: Owner, sink: Sink, collector: Collector
) -> None:
    sink.script([{"at": "rcpt", "when": {"to": "no@example.com"}, "do": "550 5.1.1 <no@example.com> is not here"}])
    campaign = (await schedule_campaign(pool, owner, ["yes@example.com", "no@example.com"])).campaign.id
    traces.configure("worker")
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_settled(pool, campaign)
    traces.shutdown()

    assert collector.services == {"reachinbox-worker"}
    handovers = collector.named("smtp handover")
    assert {span["outcome"] for span in handovers} == {"ACCEPTED", "REJECTED"}
    for span in handovers:
        assert (span["sender_id"], span["campaign_id"]) == (owner.sender_id, campaign)
        assert span["email_id"] > 0
    assert sum(span["claims"] for span in collector.named("exchange")) == 2
    assert collector.named("smtp connect")[0] == {"sender_id": owner.sender_id}
    assert b"example.com" not in collector.text


async def test_a_server_that_refuses_leaves_the_type_of_the_error_and_not_its_words(
    pool: Pool, owner: Owner, collector: Collector
) -> None:
    traces.configure("worker")
    with pytest.raises(ValueError, match="not welcome"), traces.span("smtp connect", sender_id=1):
        raise ValueError("ann@example.com is not welcome")
    traces.shutdown()
    assert collector.named("smtp connect") == [{"sender_id": 1, "error.type": "ValueError"}]
    assert b"example.com" not in collector.text


async def test_the_api_traces_each_request_by_its_route(
    settings: Settings, database_url: str, pool: Pool, user: User, collector: Collector
) -> None:
    async with api_client(settings, database_url, await authorization(pool, user)) as api:
        await api.get("/api/emails/17?q=ann@example.com")
        await api.get("/api/nowhere/ann@example.com")
    assert collector.services == {"reachinbox-api"}
    assert collector.spans == [
        (
            "GET /api/emails/{id}",
            {"http.request.method": "GET", "http.route": "/api/emails/{id}", "http.response.status_code": 404},
        ),
        (
            "GET unmatched",
            {"http.request.method": "GET", "http.route": "unmatched", "http.response.status_code": 404},
        ),
    ]
    assert b"example.com" not in collector.text


async def test_sampling_follows_the_standard_variables(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traces.configure("worker")
    with traces.span("exchange"):
        pass
    traces.shutdown()
    assert collector.spans == []


def test_without_an_endpoint_nothing_of_it_is_imported() -> None:
    code = (
        "import sys; from app import asgi, traces; from app.settings import Settings; import worker.__main__;"
        "traces.configure('worker')\nwith traces.span('x', y=1) as s: s.set_attributes({})\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, check=True)  # noqa: S603 -- ours
