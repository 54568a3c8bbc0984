"""OpenTelemetry traces, where they are asked for: OTEL_EXPORTER_OTLP_ENDPOINT says where they go.

Without it nothing of OpenTelemetry is imported, and a span costs a function call. The other standard variables
(OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME ...) mean what OpenTelemetry says. Attributes are
ids and codes. Addresses and texts do not belong in a trace, so of an exception only its type is kept.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind, Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class NoSpan:
    """Takes what a span would have been told."""

    def set_attributes(self, attributes: dict[str, Any]) -> None: ...

    def update_name(self, name: str) -> None: ...


_nothing = nullcontext(NoSpan())
_provider: TracerProvider | None = None
_tracer: Tracer | None = None


def configure(component: Literal["api", "worker"]) -> None:
    """Begin to trace, if the environment names an endpoint. Once for each process; `shutdown` sends what is left."""
    global _provider, _tracer
    if not any(os.environ.get(name) for name in _ENDPOINTS) or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": f"reachinbox-{component}"}
    _provider = TracerProvider(resource=Resource.create(named))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("reachinbox")


def shutdown() -> None:
    """Send the spans that have not left yet, and trace no more. Blocks."""
    global _provider, _tracer
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def server_span(name: str) -> AbstractContextManager[Any]:
    """A span of a request that a client sends us."""
    if _tracer is None:
        return _nothing
    from opentelemetry.trace import SpanKind

    return _recorded(_tracer, name, SpanKind.SERVER, {})


def span(name: str, **attributes: int | str) -> AbstractContextManager[Any]:
    """A span of a request that we send to another server, with the ids of what it is about."""
    if _tracer is None:
        return _nothing
    from opentelemetry.trace import SpanKind

    return _recorded(_tracer, name, SpanKind.CLIENT, attributes)


@contextmanager
def _recorded(tracer: Tracer, name: str, kind: SpanKind, attributes: dict[str, int | str]) -> Generator[Any]:
    from opentelemetry.trace import StatusCode

    with tracer.start_as_current_span(
        name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as recording:
        try:
            yield recording
        except BaseException as error:
            recording.set_attribute("error.type", type(error).__name__)
            recording.set_status(StatusCode.ERROR)
            raise
