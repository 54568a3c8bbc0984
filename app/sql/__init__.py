"""Named queries: every SQL statement the service runs, one file for each module that runs any.

A file holds blocks that begin with `-- name: some_name`; the comment below it says what the query is for. A module
asks for its own file, and for no other: `sql = queries(__name__)` in `app.domain.ledger.exchange` reads
`ledger/exchange.sql`, and `sql.outlook` is the text of a query in it. The names in the module's code and in its file
must be the same set: a missing, doubled or unused name stops the program at import, not at the first use.

A block that begins `-- function: some_name` makes a function in the database, for the queries of its file.
`app.db.migrate` makes it, under a name that has a digest of its text: so programs of two versions each call their own.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_FOLDER = Path(__file__).parent
_NAME = re.compile(r"^-- (name|function): (\w+)$", re.MULTILINE)
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
    functions: dict[str, str] = {}
    for kind, name, text in _blocks(room):
        if kind == "function":
            functions[name] = _versioned(name, text)
            continue
        if name in texts:
            raise RuntimeError(f"query {name!r} is defined twice in app/sql/{room}.sql")
        for function, versioned in functions.items():
            text = _called(function, versioned, text)
        texts[name] = text.strip().rstrip(";").encode()
    return texts


def functions() -> dict[str, bytes]:
    """The functions of all files by the names that they have in the database, each as the statements that make it."""
    texts: dict[str, bytes] = {}
    for room in _rooms():
        for kind, name, text in _blocks(room):
            if kind == "function":
                versioned = _versioned(name, text)
                texts[versioned] = _called(name, versioned, text).strip().encode()
    return texts


def _rooms() -> list[str]:
    return [file.relative_to(_FOLDER).with_suffix("").as_posix() for file in sorted(_FOLDER.rglob("*.sql"))]


def _blocks(room: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and text of each."""
    _, *parts = _NAME.split((_FOLDER / f"{room}.sql").read_text())
    return zip(parts[::3], parts[1::3], parts[2::3], strict=True)


def _versioned(name: str, text: str) -> str:
    return f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _called(name: str, versioned: str, text: str) -> str:
    return re.sub(rf"(?<=FUNCTION ){name}\b|(?<=FROM ){name}(?=\()", versioned, text)


def read_all() -> dict[str, bytes]:
    """The queries of all files by name, for tests and benchmarks. Raises RuntimeError for a name given twice."""
    texts: dict[str, bytes] = {}
    for room in _rooms():
        found = read(room)
        if doubled := texts.keys() & found.keys():
            raise RuntimeError(f"app/sql/{room}.sql defines {', '.join(sorted(doubled))} once more")
        texts |= found
    return texts
