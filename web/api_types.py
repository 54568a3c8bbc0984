"""Writes src/api/schema.d.ts, the types of the API, from the OpenAPI document of the API itself.

python web/api_types.py            write it
python web/api_types.py --check    fail if it is not what would be written
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from app.asgi import create_app
from app.settings import Settings
from web.build import BuildFailed, run

TYPES = Path(__file__).resolve().parent / "src" / "api" / "schema.d.ts"


def document() -> str:
    """The OpenAPI document as JSON; made without a database and without a server."""
    return json.dumps(create_app(Settings(), "postgresql://").openapi_schema.to_schema())


def generate(target: Path, folder: Path) -> None:
    source = folder / "openapi.json"
    source.write_text(document())
    run("api-types", str(source), "--output", str(target), quiet=True)


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = folder / "schema.d.ts" if check else TYPES
        try:
            generate(target, folder)
        except BuildFailed as error:
            sys.exit(str(error))
        if check and target.read_text() != TYPES.read_text():
            sys.exit("web/src/api/schema.d.ts is not what the API says of itself; run `make api-types`")


if __name__ == "__main__":
    main()
