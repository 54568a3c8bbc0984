"""The API's reference at /docs: a page of HTML, made from the same document as /api/schema, that needs no script.

It is made once, when somebody first asks: the document depends on nothing that changes while the service runs.
"""

from __future__ import annotations

import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from litestar import Litestar, MediaType, Request, Response, get
from litestar.routes import HTTPRoute
from markupsafe import Markup, escape

from app.http.auth import require_scope, scope_of
from app.http.openapi import description, operation_id

Node = dict[str, Any]

CHANGES: list[Node] = tomllib.loads(Path(__file__).with_name("changes.toml").read_text())["changes"]

_STYLE = Markup("""
:root { color-scheme: light dark; --line: #8886; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem; overflow-wrap: anywhere; }
nav ul { columns: 18rem; padding-left: 1.25rem; }
h2 { margin-top: 3rem; } h3 { margin: 2.5rem 0 0.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
table { width: 100%; border-collapse: collapse; margin: 0.5rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--line); }
td:first-child { width: 14rem; } td:nth-child(2) { width: 14rem; }
code, pre { font: 0.9em/1.5 ui-monospace, monospace; } pre { overflow-x: auto; padding: 0.75rem; border: 1px solid var(--line); }
.small { opacity: 0.8; font-size: 0.9em; } a { color: inherit; }
@media (max-width: 40rem) { td, th { display: block; width: auto !important; border: 0; padding: 0; } tr { display: block; padding: 0.5rem 0; } }
""")  # noqa: E501 -- one rule a line
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
    ),
    "Cache-Control": "no-cache",
}
_INTRODUCTION = Markup("""
<p>Requests and answers are JSON in UTF-8; times are RFC 3339 with an offset. The document itself, OpenAPI 3.1, is at
<a href="/api/schema">/api/schema</a>, for tools that make clients of it.</p>
<p>A program names its key in a header: <code>Authorization: Bearer KEY</code>. The page "API keys" of the settings
makes one, or <code>reachinbox create-api-key EMAIL</code>. A key has scopes: <code>read</code> for what only reads,
<code>send</code> for what writes, <code>admin</code> where that is said; and it opens what its maker's role in the
workspace does.</p>
<p>Lists come in pages: <code>limit</code> says how many, <code>cursor</code> is the <code>nextCursor</code> of the page
before. A request with an <code>Idempotency-Key</code> can be repeated safely.</p>
<p>Every failure is <a href="#Problem">problem details</a> (RFC 9457): 400 not understood, 401 no key or session, 403 a
scope or role is lacking, 404 not there, 409 the state of things forbids it, 413 too large, 415 another media type, 422
wrong fields, each named in <code>errors</code>, 429 too often (see <code>Retry-After</code>), 503 try again.</p>
""")


@get("/docs", include_in_schema=False, media_type=MediaType.HTML, sync_to_thread=True)
def show_reference(request: Request[Any, Any, Any]) -> Response[str]:
    state = request.app.state
    if "reference" not in state:
        state["reference"] = page(request.app.openapi_schema.to_schema(), dict(_needs(request.app)))
    return Response(state["reference"], headers=_HEADERS)


def _needs(app: Litestar) -> Iterator[tuple[str, str]]:
    """The scope of the key and the role in the workspace that each call takes, by its `operationId`."""
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            guards = cast("list[Any]", handler.resolve_guards())  # pyright: ignore[reportUnknownMemberType]
            if require_scope in guards:
                scope, role = scope_of(handler, min(handler.http_methods)), handler.opt.get("role")
                needs = f"the scope `{scope}`" + (f" and the role `{role}` or more" if role else "")
                yield operation_id(handler), needs


def page(document: Node, needs: Mapping[str, str]) -> str:
    """The whole reference, by tags, then what the structs are, then what changed."""
    tags: dict[str, list[tuple[str, str, Node]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            operation = operation | {"needs": needs.get(operation["operationId"])}
            tags.setdefault((operation.get("tags") or ["service"])[0], []).append((method.upper(), path, operation))
    parts: list[Markup] = [_contents(tags)]
    for tag, operations in sorted(tags.items()):
        parts.append(Markup('<h2 id="tag-{}">{}</h2>').format(tag, tag.capitalize()))
        parts += [_operation(*each) for each in operations]
    parts.append(Markup('<h2 id="structs">What bodies consist of</h2>'))
    parts += [_struct(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    parts.append(Markup('<h2 id="changes">Changes of the API</h2>'))
    for change in CHANGES:
        items = Markup("").join(Markup("<li>{}</li>").format(_words(what)) for what in change["what"])
        parts.append(Markup("<h3>{}</h3><ul>{}</ul>").format(change["version"], items))
    title = f"{document['info']['title']} API {document['info']['version']}"
    return str(
        Markup(
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width, initial-scale=1"><title>{title}</title><style>{style}</style></head>'
            "<body><main><h1>{title}</h1>{introduction}{content}</main></body></html>\n"
        ).format(title=title, style=_STYLE, introduction=_INTRODUCTION, content=Markup("\n").join(parts))
    )


def _contents(tags: dict[str, list[tuple[str, str, Node]]]) -> Markup:
    links = [
        Markup('<li><a href="#tag-{}">{}</a></li>').format(tag, f"{tag.capitalize()} ({len(tags[tag])})")
        for tag in sorted(tags)
    ]
    links.append(Markup('<li><a href="#structs">What bodies consist of</a></li>'))
    links.append(Markup('<li><a href="#changes">Changes of the API</a></li>'))
    return Markup('<nav aria-label="Contents"><ul>{}</ul></nav>').format(Markup("").join(links))


def _operation(method: str, path: str, operation: Node) -> Markup:
    parts = [
        Markup('<h3 id="{}"><code>{} {}</code></h3><p>{}</p>').format(
            operation["operationId"], method, path, _words(operation.get("summary", ""))
        )
    ]
    if said := operation.get("description"):
        parts.append(Markup("<p>{}</p>").format(_words(said)))
    if needed := operation["needs"]:
        parts.append(Markup('<p class="small">Needs {}.</p>').format(_words(needed)))
    if parameters := operation.get("parameters"):
        rows = [
            (p["name"], p["schema"], p.get("description") or description("", p["name"]) or "", p.get("required", False))
            for p in parameters
        ]
        parts.append(_table("Parameters", rows))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(_body(f"Body, {media_type}", content["schema"]))
    for status, answer in operation["responses"].items():
        if status < "400":
            parts += [
                _body(f"Answer {status}, {media_type}", content.get("schema", {}))
                for media_type, content in answer.get("content", {}).items()
            ] or [Markup("<p>Answer {}, without a body.</p>").format(status)]
    failures = ", ".join(status for status in operation["responses"] if status >= "400")
    parts.append(Markup('<p class="small">Fails with {}.</p>').format(failures))
    return Markup("\n").join(parts)


def _body(title: str, schema: Node) -> Markup:
    if "properties" in schema:
        return _table(title, list(_fields(schema))) + _example(schema)
    return Markup("<p>{}: {}</p>").format(title, _kind(schema))


def _struct(name: str, schema: Node) -> Markup:
    heading = Markup('<h3 id="{}">{}</h3>').format(name, name)
    if "properties" not in schema:
        return heading + Markup("<p>{}</p>").format(_kind(schema))
    said = _words(schema.get("description", ""))
    example = _example(schema) if schema.get("additionalProperties") is False else Markup("")
    return heading + Markup("<p>{}</p>").format(said) + _table("", list(_fields(schema))) + example


def _fields(schema: Node) -> Iterator[tuple[str, Node, str, bool]]:
    for name, field in schema["properties"].items():
        yield name, field, field.get("description", ""), name in schema.get("required", ())


def _table(title: str, rows: list[tuple[str, Node, str, bool]]) -> Markup:
    cells = [
        Markup("<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>").format(
            name, " (required)" if required else "", _kind(schema), _words(said)
        )
        for name, schema, said, required in rows
    ]
    heading = Markup("<p><strong>{}</strong></p>").format(title) if title else Markup("")
    return heading + Markup("<table><tbody>{}</tbody></table>").format(Markup("").join(cells))


def _kind(schema: Node) -> Markup:
    """The kind of a value, with its limits; a struct is a link."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#{}">{}</a>').format(name, name)
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return Markup(" or ").join(_kind(each) for each in schema[several]) + _limits(schema)
    if "enum" in schema:
        return Markup(", ").join(Markup("<code>{}</code>").format(json.dumps(word)) for word in schema["enum"])
    if schema.get("type") == "array":
        return Markup("list of ") + _kind(schema.get("items", {})) + _limits(schema)
    if isinstance(schema.get("additionalProperties"), dict):
        return Markup("object of ") + _kind(schema["additionalProperties"]) + _limits(schema)
    kind = schema.get("type", "anything")
    name = schema.get("format") or (" or ".join(cast("list[str]", kind)) if isinstance(kind, list) else str(kind))
    return escape(name) + _limits(schema)


def _limits(schema: Node) -> Markup:
    said: list[str] = []
    for least, most, of in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ):
        if most in schema and schema[most] < 2**53:
            said.append(f"{schema.get(least, 0):,.0f} to {schema[most]:,.0f}{of}")
    if "default" in schema:
        said.append(f"default {json.dumps(schema['default'])}")
    return Markup(" <span class=small>{}</span>").format("; ".join(said)) if said else Markup("")


def _example(schema: Node) -> Markup:
    """The smallest body: the fields that are required."""
    body = {name: _sample(name, schema["properties"][name]) for name in schema.get("required", ())}
    return Markup("<pre>{}</pre>").format(json.dumps(body, indent=2, ensure_ascii=False))


def _sample(name: str, schema: Node) -> Any:
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return _sample(name, schema[several][0])
    if "enum" in schema:
        return schema["enum"][0]
    kinds: Node = {"integer": schema.get("minimum", 1), "number": 1, "boolean": True, "array": [], "object": {}}
    words = {"email": "ada@example.com", "subject": "Hello {{ name }}", "url": "https://example.com/hook"}
    return kinds.get(schema.get("type", ""), words.get(name, f"a {name}"))


def _words(text: str) -> Markup:
    """The text, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 -- escaped just now
