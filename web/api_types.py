"""Writes what the dashboard knows of the API from the OpenAPI document of the API itself.

src/api/schema.d.ts has its types, src/api/constants.ts what is needed while the page runs: the words that a field may
be, and the bounds of numbers and lengths; of `IN_ADDRESSES`, too.

python web/api_types.py            write them
python web/api_types.py --check    fail if they are not what would be written
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from app.asgi import create_app
from app.http.accounts.google import LoginFailure
from app.http.oauth.connecting import ConnectFailure
from app.http.openapi import FORMS
from app.settings import Settings
from web.build import BuildFailed, run

# Structs that the API puts into the address of a page that it leads to; the document has bodies alone.
IN_ADDRESSES = [LoginFailure, ConnectFailure]
API = Path(__file__).resolve().parent / "src" / "api"
TYPES, CONSTANTS = "schema.d.ts", "constants.ts"

Node = dict[str, Any]

HEADER = "/** Values and limits of the API's fields. Written by web/api_types.py from the API's own document. */\n"
LIMITS = {
    **{"minimum": "min", "maximum": "max"},  # as Mantine's inputs have them
    **{word: word for word in ("minLength", "maxLength", "minItems", "maxItems")},
}
MAX_SAFE_INTEGER = 2**53 - 1  # what JavaScript can say of a number


def document() -> str:
    """The OpenAPI document as JSON; made without a database and without a server."""
    return json.dumps(create_app(Settings(), "postgresql://").openapi_schema.to_schema())


def constants(schemas: dict[str, Node]) -> str:
    """VALUES and LIMITS as TypeScript, of the document's components."""
    values: Node = {}
    limits: Node = {}
    for name, schema in schemas.items():
        for field, node in schema.get("properties", {}).items():
            for words in _enums(node):
                values.setdefault(name, {})[field] = [word for word in words if word is not None]
            if bounds := {word: bound for word, bound in node.items() if word in LIMITS and bound <= MAX_SAFE_INTEGER}:
                limits.setdefault(name, {})[field] = {LIMITS[word]: int(bound) for word, bound in bounds.items()}
    sections = {"VALUES": values, "LIMITS": limits}
    return HEADER + "".join(f"\nexport const {name} = {_typescript(of)} as const;\n" for name, of in sections.items())


def _enums(node: object) -> Iterator[list[str | None]]:
    """The lists of words in a field's schema, which may be within `oneOf` or `items`."""
    if isinstance(node, dict):
        schema = cast(Node, node)
        if "enum" in schema:
            yield schema["enum"]
        for part in ("items", "oneOf", "anyOf"):
            inner = schema.get(part, [])
            for each in inner if isinstance(inner, list) else [inner]:
                yield from _enums(each)


def _typescript(node: Node, indent: str = "  ") -> str:
    lines = (
        f"{indent}{name}: {_typescript(told, indent + '  ') if _is_nested(told) else json.dumps(told)},\n"
        for name, told in node.items()
    )
    return "{\n" + "".join(lines) + indent[2:] + "}"


def _is_nested(told: object) -> bool:
    """Whether it is a schema with its fields, rather than one field's words or bounds."""
    return isinstance(told, dict) and any(isinstance(each, dict | list) for each in cast(Node, told).values())


def _may_be_left_out(document: str) -> str:
    """Of forms without what is taken in place of a field: openapi-typescript would have every request say it."""
    told = json.loads(document)
    for name in FORMS:
        for field in told["components"]["schemas"][name]["properties"].values():
            field.pop("default", None)
    return json.dumps(told)


def generate(folder: Path) -> None:
    """Both files into `folder`."""
    text = document()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as source:
        source.write(_may_be_left_out(text))
        source.flush()
        run("api-types", source.name, "--output", str(folder / TYPES), quiet=True)
    _, in_addresses = msgspec.json.schema_components(IN_ADDRESSES)
    # The page asks of no form what a body of the same fields says, and has every word here in its first load.
    schemas = {name: of for name, of in json.loads(text)["components"]["schemas"].items() if name not in FORMS}
    (folder / CONSTANTS).write_text(constants(schemas | in_addresses))


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) if check else API
        try:
            generate(folder)
        except BuildFailed as error:
            sys.exit(str(error))
        for file in (TYPES, CONSTANTS):
            if (folder / file).read_text() != (API / file).read_text():
                sys.exit(f"web/src/api/{file} is not what the API says of itself; run `make api-types`")


if __name__ == "__main__":
    main()
