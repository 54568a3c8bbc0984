"""The API's document of itself: OpenAPI 3.1 at /api/schema, as JSON alone (documentation pages load from elsewhere)."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import msgspec
from litestar import Response, Router
from litestar._openapi.schema_generation import SchemaCreator
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin  # there is no public name for it
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIMediaType,
    Reference,
    RequestBody,
    Schema,
    SecurityRequirement,
    SecurityScheme,
)
from litestar.params import KwargDefinition
from litestar.typing import FieldDefinition

from app.bounds import Bounds

DESCRIPTIONS: dict[str, str] = tomllib.loads(Path(__file__).with_name("descriptions.toml").read_text())
SECURITY: list[SecurityRequirement] = [{"apiKey": []}, {"session": []}]


def schema_name(name: str) -> KwargDefinition:
    """Names a generic answer, which would otherwise be called after the module that it is from."""
    return KwargDefinition(schema_component_key=name)


class StructSchemas(StructSchemaPlugin):
    """Says of bodies what Litestar leaves out: that they refuse unknown fields, and the `Bounds` of their fields."""

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:
        schema = super().to_openapi_schema(field_definition, schema_creator)
        kind = field_definition.origin or field_definition.annotation
        if kind.__struct_config__.forbid_unknown_fields:
            schema.additional_properties = False
        for name, keywords in _bounds(kind).items():
            said = cast(Schema, (schema.properties or {})[name])
            for keyword, bound in keywords.items():
                setattr(said, _snake(keyword), bound)
        for name, said in (schema.properties or {}).items():
            said.description = said.description or description(kind.__name__, name)
        return schema


def description(struct: str, field: str) -> str | None:
    """The description of a field; None: it has none."""
    return DESCRIPTIONS.get(f"{struct}.{field}") or DESCRIPTIONS.get(field)


# Each is about one kind of value alone (JSON Schema Validation, 6), so it also fits a field that may be null.
_KEYWORDS = {
    int: ("minimum", "maximum"),
    str: ("minLength", "maxLength"),
    list: ("minItems", "maxItems"),
    dict: ("minProperties", "maxProperties"),
}


def _bounds(kind: type[msgspec.Struct]) -> dict[str, dict[str, int]]:
    """The `Bounds` of a struct's fields as JSON Schema says them, by the fields' names on the wire."""
    found: dict[str, dict[str, int]] = {}
    for field in msgspec.structs.fields(kind):
        annotation, *metadata = get_args(field.type) if get_origin(field.type) is Annotated else [field.type]
        for bounds in metadata:
            if isinstance(bounds, Bounds):
                several = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
                kinds = {get_origin(each) or each for each in several}
                least, most = next(words for of, words in _KEYWORDS.items() if of in kinds)
                found[field.encode_name] = {least: bounds.least, most: bounds.most}
    return found


def _snake(keyword: str) -> str:
    """As Litestar calls it: `min_length`."""
    return re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", keyword)


def operation_id(handler: HTTPRouteHandler, *_where: object) -> str:
    """The handler's name in camelCase: `scheduleCampaign`."""
    first, *rest = handler.handler_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _no_pages(response: Response[Any]) -> Response[Any]:
    """Below /api/schema Litestar answers with a page of HTML what it does not know; we answer as everywhere."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response


def openapi_config() -> OpenAPIConfig:
    return _Config(
        title="ReachInbox",
        version=metadata.version("reachinbox"),
        summary="Email campaigns from your own mailboxes: scheduled, spaced, within each mailbox's hourly limit.",
        openapi_router=Router("/api/schema", route_handlers=[], include_in_schema=False, after_request=_no_pages),
        render_plugins=[JsonRenderPlugin(path="/")],
        operation_id_creator=operation_id,
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
            },
        ),
    )


# Bodies that handlers decode by themselves, as components, which Litestar does not know of.
FORMS: dict[str, Any] = {}


# What any request may meet beyond what handlers name: another account's session, others who hold a lock or have all
# turns; and with a body one that does not come, is too large, or of another kind.
_ALWAYS = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)
_WITH_A_BODY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


class _Document(OpenAPI):
    """With the bodies that handlers decode by themselves, and failures that are none of theirs."""

    def to_schema(self) -> dict[str, Any]:
        document = super().to_schema()
        document["components"]["schemas"] = FORMS | document["components"]["schemas"]
        for operation in (each for path in document["paths"].values() for each in path.values()):
            responses = operation["responses"]
            if (problem := responses.get(str(HTTPStatus.BAD_REQUEST.value))) is None:
                continue
            for status in (*_ALWAYS, *(_WITH_A_BODY if "requestBody" in operation else ())):
                responses.setdefault(str(status.value), problem | {"description": status.phrase})
            operation["responses"] = dict(sorted(responses.items()))
        return document


class _Config(OpenAPIConfig):
    def to_openapi_schema(self) -> OpenAPI:
        made = super().to_openapi_schema()
        return _Document(**{field.name: getattr(made, field.name) for field in dataclasses.fields(made)})


def one_of_forms(forms: Mapping[str, type[msgspec.Struct]], within: Sequence[type[msgspec.Struct]] = ()) -> RequestBody:
    """How the document shows a body that a handler decodes by itself: by media type. The structs become components, and
    so do those `within` them that no other part of the document has.
    """
    content: dict[str, OpenAPIMediaType] = {}
    for media_type, form in forms.items():
        (reference,), components = msgspec.json.schema_components([form], ref_template="#/components/schemas/{name}")
        for each in (form, *within):
            component = components[each.__name__]
            for name, keywords in _bounds(each).items():
                component["properties"][name] |= keywords
            for name, said in component["properties"].items():
                said.setdefault("description", description(each.__name__, name))
            FORMS[each.__name__] = component
        content[media_type] = OpenAPIMediaType(schema=Reference(ref=reference["$ref"]))
    return RequestBody(required=True, content=content)
