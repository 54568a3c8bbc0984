"""What the API says of itself: OpenAPI 3.1 at /api/schema, as JSON alone (documentation pages load from elsewhere)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from importlib import metadata
from typing import Any

import msgspec
from litestar import Response, Router
from litestar._openapi.schema_generation import SchemaCreator
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin  # there is no public name for it
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPIMediaType, RequestBody, Schema, SecurityRequirement, SecurityScheme
from litestar.params import KwargDefinition
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition
from litestar.typing import FieldDefinition

SECURITY: list[SecurityRequirement] = [{"apiKey": []}, {"session": []}]


def schema_name(name: str) -> KwargDefinition:
    """Names a generic answer, which would otherwise be called after the module that it is from."""
    return KwargDefinition(schema_component_key=name)


class ClosedStructs(StructSchemaPlugin):
    """Says of bodies that refuse unknown fields that they do, which Litestar leaves out."""

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:
        schema = super().to_openapi_schema(field_definition, schema_creator)
        kind = field_definition.origin or field_definition.annotation
        if kind.__struct_config__.forbid_unknown_fields:
            schema.additional_properties = False
        return schema


def _operation_id(handler: HTTPRouteHandler, _method: Method, _path: list[str | PathParameterDefinition]) -> str:
    """The handler's name in camelCase: `scheduleCampaign`."""
    first, *rest = handler.handler_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _no_pages(response: Response[Any]) -> Response[Any]:
    """Below /api/schema Litestar answers with a page of HTML what it does not know; we answer as everywhere."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response


def openapi_config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="ReachInbox",
        version=metadata.version("reachinbox"),
        summary="Email campaigns from your own mailboxes: scheduled, spaced, within each mailbox's hourly limit.",
        openapi_router=Router("/api/schema", route_handlers=[], include_in_schema=False, after_request=_no_pages),
        render_plugins=[JsonRenderPlugin(path="/")],
        operation_id_creator=_operation_id,
        components=Components(
            security_schemes={
                "apiKey": SecurityScheme(
                    type="http", scheme="bearer", description="An API key; `reachinbox create-api-key EMAIL` makes one."
                ),
                "session": SecurityScheme(
                    type="apiKey",
                    name="reachinbox",
                    security_scheme_in="cookie",
                    description="A session, as login gives it; `__Host-reachinbox` where BASE_URL is https.",
                ),
            }
        ),
    )


def one_of_forms(forms: Mapping[str, type[msgspec.Struct]]) -> RequestBody:
    """How the document shows a body that a handler decodes by itself: by media type. Structs within are components."""
    content: dict[str, OpenAPIMediaType] = {}
    for media_type, form in forms.items():
        _, components = msgspec.json.schema_components([form], ref_template="#/components/schemas/{name}")
        content[media_type] = OpenAPIMediaType(schema=components[form.__name__])
    return RequestBody(required=True, content=content)
