"""A Python client, made of nothing but the API's document: a struct for each schema, a method for each call.

As programs make theirs. No other generator could make more of the document.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

JSON = "application/json"
HEAD = """\
from __future__ import annotations

from typing import Any, Literal

import httpx
import msgspec
from msgspec import UNSET, UnsetType
"""
CLIENT = """
class Client:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def _call(self, method, path, answer, body=None, **query):
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        params = {name: value for name, value in query.items() if value is not None}
        response = await self.http.request(method, path, params=params, content=content, headers=headers)
        response.raise_for_status()
        return None if answer is None else msgspec.json.decode(response.content, type=answer)
"""
_TYPES = {"bool", "dict", "float", "int", "list", "str"}
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def client_of(document: Mapping[str, Any], name: str = "reachinbox_client") -> ModuleType:
    """The module, imported under the name."""
    module = ModuleType(name)
    sys.modules[name] = module  # where its structs look up what they name
    exec(compile(source_of(document), name, "exec"), module.__dict__)  # noqa: S102 -- it is what is tested
    return module


def source_of(document: Mapping[str, Any]) -> str:
    structs = "".join(_struct(name, schema) for name, schema in document["components"]["schemas"].items())
    calls = "".join(
        _call(method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path.startswith("/api/")
    )
    return HEAD + structs + CLIENT + calls


def _struct(name: str, schema: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return f"\n{name} = {_type(schema)!r}\n" if "$ref" in schema else f"\n{name} = {_type(schema)}\n"
    lines = [f"\n\nclass {name}(msgspec.Struct, kw_only=True):"]
    for field, of in schema["properties"].items():
        kind = _type(of)
        given = f'name="{field}"'
        if field not in schema.get("required", ()):
            kind, given = f"{kind} | UnsetType", f"{given}, default=UNSET"
        lines.append(f"    {_name(field)}: {kind} = msgspec.field({given})")
    return "\n".join(lines) + ("\n" if len(lines) > 1 else "\n    pass\n")


def _call(method: str, path: str, operation: Mapping[str, Any]) -> str:
    takes: list[str] = re.findall(r"{(\w+)}", path)
    query = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    arguments = ["self", *map(_name, takes), "*"] if query or body else ["self", *map(_name, takes)]
    arguments += [f"body: {_type(body['schema'])}"] if body else []
    arguments += [f"{_name(each)}=None" for each in query]
    given = ["body=body"] if body else []
    given += [f"**{{{each!r}: {_name(each)}}}" for each in query]
    where = re.sub(r"{(\w+)}", lambda found: f"{{{_name(found[1])}}}", path)
    answer = next(_answers(operation), "None")
    head = f"\n    async def {_name(operation['operationId'])}({', '.join(arguments)}):\n"
    told = ", ".join([repr(method.upper()), f"f{where!r}", answer, *given])
    return f"{head}        return await self._call({told})\n"


def _answers(operation: Mapping[str, Any]) -> Iterator[str]:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if status.startswith("2") and content:
            yield _type(content[JSON]["schema"]) if JSON in content else "None"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].removeprefix("#/components/schemas/")
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = dict.fromkeys(map(_type, schema[several]))
            told_apart = sum(kind not in {*_PLAIN.values()} for kind in kinds) < 2
            return " | ".join(kinds) if told_apart else "Any"
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(map(repr, schema.get('enum', [schema.get('const')])))}]"
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(dict.fromkeys(_type({**schema, "type": each}) for each in kind))
    if kind == "array":
        return f"list[{_type(schema.get('items', {}))}]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"dict[str, {_type(schema['additionalProperties'])}]"
    return "dict[str, Any]" if kind == "object" else _PLAIN.get(kind or "", "Any")


def _name(name: str) -> str:
    """`listId` is `list_id`; `from` is `from_`, and so is what types are written with: `list`."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda capital: f"_{capital[1].lower()}", re.sub(r"\W", "_", name))
    return f"{snake}_" if keyword.iskeyword(snake) or snake in _TYPES else snake
