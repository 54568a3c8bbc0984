"""Named queries: every SQL statement the service runs, one file for each module that runs any.

A file holds blocks that begin with `-- name: some_name`; the comment below it says what the query is for. A module
asks for its own file, and for no other: `sql = queries(__name__)` in `app.domain.ledger.exchange` reads
`ledger/exchange.sql`, and `sql.outlook` is the text of a query in it. What the module's code names and what its file
holds must be the same set: a missing, doubled or unused name stops the program at import, not at the first use.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path

_FOLDER = Path(__file__).parent
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_USE = re.compile(r"(?<![\w.])sql\.(\w+)")


class Queries:
    """The queries of one module as attributes, each the text as bytes."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self.__dict__.update(texts)

    def __getattr__(self, name: str) -> bytes:  # only what is not there arrives here
        raise AttributeError(f"no query named {name!r}")


def queries(module: str) -> Queries:
    """The queries of the module with this `__name__`. Raises RuntimeError when its code and its file do not agree."""
    room = module.removeprefix("app.").removeprefix("domain.").replace(".", "/")
    texts = read(room)
    used = set(_USE.findall(inspect.getsource(sys.modules[module])))
    if wrong := sorted(used ^ texts.keys()):
        raise RuntimeError(f"{module} and app/sql/{room}.sql do not agree on {', '.join(wrong)}")
    return Queries(texts)


def read(room: str) -> dict[str, bytes]:
    """The queries of a file by name, such as "ledger/exchange". Raises RuntimeError for a name given twice."""
    texts: dict[str, bytes] = {}
    _, *parts = _NAME.split((_FOLDER / f"{room}.sql").read_text())
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if name in texts:
            raise RuntimeError(f"query {name!r} is defined twice in app/sql/{room}.sql")
        texts[name] = text.strip().rstrip(";").encode()
    return texts


def read_all() -> dict[str, bytes]:
    """The queries of all files by name, for tests and benchmarks. Raises RuntimeError for a name given twice."""
    texts: dict[str, bytes] = {}
    for file in sorted(_FOLDER.rglob("*.sql")):
        room = read(file.relative_to(_FOLDER).with_suffix("").as_posix())
        if doubled := texts.keys() & room.keys():
            raise RuntimeError(f"{file.name} defines {', '.join(sorted(doubled))} once more")
        texts |= room
    return texts
