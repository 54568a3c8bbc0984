"""Named queries: every SQL statement the service runs, one file per concern.

A file holds blocks that begin with `-- name: some_name`; the comment below it says what the query is for.
Names are unique over all files. Modules fetch theirs at import (`EXCHANGE = query("exchange")`), so a missing or
doubled name stops the program at start and not at the first use.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def _load() -> dict[str, bytes]:
    queries: dict[str, bytes] = {}
    for file in sorted(Path(__file__).parent.glob("*.sql")):
        _, *parts = _NAME.split(file.read_text())
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in queries:
                raise RuntimeError(f"query {name!r} is defined twice, the second time in {file.name}")
            queries[name] = text.strip().rstrip(";").encode()
    return queries


_QUERIES = _load()


def query(name: str) -> bytes:
    """The text of the query `name`. Raises RuntimeError when there is none."""
    try:
        return _QUERIES[name]
    except KeyError:
        raise RuntimeError(f"no query named {name!r} in app/sql") from None


def names() -> list[str]:
    """All query names, for the tests that walk over them."""
    return list(_QUERIES)
