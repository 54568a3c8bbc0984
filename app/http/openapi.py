"""What the API says of itself: OpenAPI 3.1 at /api/schema, as JSON alone (documentation pages load from elsewhere)."""

from __future__ import annotations

from importlib import metadata

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityRequirement, SecurityScheme
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

SECURITY: list[SecurityRequirement] = [{"apiKey": []}]


def _operation_id(handler: HTTPRouteHandler, _method: Method, _path: list[str | PathParameterDefinition]) -> str:
    """The handler's name in camelCase: `scheduleCampaign`."""
    first, *rest = handler.handler_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def openapi_config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="ReachInbox",
        version=metadata.version("reachinbox"),
        summary="Email campaigns from your own mailboxes: scheduled, spaced, within each mailbox's hourly limit.",
        path="/api/schema",
        render_plugins=[JsonRenderPlugin(path="/")],
        operation_id_creator=_operation_id,
        components=Components(security_schemes={"apiKey": SecurityScheme(type="http", scheme="bearer")}),
    )
