"""The named queries: each says what it is for, parses, and has a user."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import sql
from app.db import Pool

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "app" / "sql").glob("*.sql"))


def test_every_query_is_fetched_somewhere_in_the_code() -> None:
    code = "".join(file.read_text() for folder in ("app", "worker") for file in (ROOT / folder).rglob("*.py"))
    fetched = set(re.findall(r'query\("(\w+)"\)', code))
    assert fetched == set(sql.names())


def test_every_query_says_what_it_is_for() -> None:
    for file in FILES:
        for name, comment in re.findall(r"^-- name: (\w+)\n(.*)$", file.read_text(), re.MULTILINE):
            assert re.fullmatch("-- .{20,}", comment), f"{name} in {file.name} has no comment"


def test_an_unknown_name_stops_the_program_at_import() -> None:
    with pytest.raises(RuntimeError, match="no query named 'no_such_query'"):
        sql.query("no_such_query")


UTILITIES = {"copy_recipients", "stage_recipients"}  # no plans, so nothing to prepare


async def test_every_query_is_understood_by_postgres(pool: Pool) -> None:
    """PREPARE parses and analyses: a column or type that does not exist fails here."""
    async with pool.connection() as conn:
        await conn.execute(sql.query("stage_recipients").replace(b" ON COMMIT DROP", b""))
        for name in sorted(set(sql.names()) - UTILITIES):
            await conn.execute(b"PREPARE %b AS %b" % (name.encode(), _numbered(sql.query(name))))


def _numbered(text: bytes) -> bytes:
    """`%(name)s` as `$1`, the form that PREPARE knows."""
    names = list(dict.fromkeys(re.findall(rb"%\((\w+)\)s", text)))
    return re.sub(rb"%\((\w+)\)s", lambda match: b"$%d" % (names.index(match[1]) + 1), text)
