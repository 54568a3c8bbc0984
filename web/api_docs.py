"""Fails where a field or a parameter of the API has no description: app/http/descriptions.toml has the words.

python -m web.api_docs
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from app.http.openapi import description
from web.api_types import document


def lacking(document: dict[str, Any]) -> Iterator[str]:
    """Schemas and fields without a description, and where they are."""
    schemas = dict(document["components"]["schemas"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            call = f"{method.upper()} {path}"
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                schemas[f"{call}, {media_type}"] = content["schema"]
            for parameter in operation.get("parameters", ()):
                if not (parameter.get("description") or description("", parameter["name"])):
                    yield f"{call}: parameter {parameter['name']}"
    for name, schema in schemas.items():
        yield from (
            f"{name}: {field}" for field, of in schema.get("properties", {}).items() if not of.get("description")
        )


if __name__ == "__main__":
    if found := list(lacking(json.loads(document()))):
        sys.exit("No description in app/http/descriptions.toml for\n" + "\n".join(found))
