"""The named queries: each says what it is for, parses, and has a user."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from app import sql
from app.db import Pool, open_pool, transaction
from app.domain.accounts.users import User
from app.domain.campaigns.campaigns import get_campaign, pause
from app.domain.senders.senders import get_sender
from tests.support.ledger import insert_campaign

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "app" / "sql").rglob("*.sql"))
MODULES = sorted(file for folder in ("app", "worker") for file in (ROOT / folder).rglob("*.py"))

Written = Callable[[str, str], str]


def test_every_file_of_queries_belongs_to_a_module() -> None:
    asked = {
        file.relative_to(ROOT / "app").with_suffix("").as_posix().removeprefix("domain/")
        for file in MODULES
        if file.parent.name != "sql" and "sql = queries(__name__)" in file.read_text()
    }
    assert asked == {file.relative_to(ROOT / "app" / "sql").with_suffix("").as_posix() for file in FILES}


def test_no_name_stands_twice() -> None:
    assert sql.read_all()


def test_every_query_says_what_it_is_for() -> None:
    for file in FILES:
        for name, comment in re.findall(r"^-- name: (\w+)\n(.*)$", file.read_text(), re.MULTILINE):
            assert re.fullmatch("-- .{20,}", comment), f"{name} in {file.name} has no comment"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Writes a module and its queries; gives the module's name."""
    monkeypatch.setattr(sql, "_FOLDER", tmp_path)

    def write(code: str, queries: str) -> str:
        (tmp_path / "made_up.py").write_text(code)
        (tmp_path / "made_up.sql").write_text(queries)
        module = ModuleType("made_up")
        module.__file__ = str(tmp_path / "made_up.py")
        monkeypatch.setitem(sys.modules, "made_up", module)
        return module.__name__

    return write


def test_a_module_finds_its_own_queries(written: Written) -> None:
    name = written("sql.first, sql.second", "-- name: first\n-- One.\nSELECT 1;\n\n-- name: second\n-- Two.\nSELECT 2;")
    assert sql.queries(name).second.endswith(b"SELECT 2")


@pytest.mark.parametrize(
    ("code", "queries", "complaint"),
    [
        ("sql.first, sql.missing", "-- name: first\nSELECT 1;", "do not agree on missing"),
        ("sql.first", "-- name: first\nSELECT 1;\n-- name: unused\nSELECT 2;", "do not agree on unused"),
        ("sql.first", "-- name: first\nSELECT 1;\n-- name: first\nSELECT 2;", "'first' is defined twice"),
    ],
)
def test_a_missing_unused_or_doubled_name_stops_the_program_at_import(
    written: Written, code: str, queries: str, complaint: str
) -> None:
    name = written(code, queries)
    with pytest.raises(RuntimeError, match=complaint):
        sql.queries(name)


# No plans, so nothing to prepare.
UTILITIES = {
    "copy_places",
    "copy_recipients",
    "copy_saved",
    "empty_stage",
    "stage_places",
    "stage_recipients",
    "stage_saved",
}


async def test_every_query_is_understood_by_postgres(pool: Pool) -> None:
    """PREPARE parses and analyses: a column or type that does not exist fails here."""
    queries = sql.read_all()
    async with pool.connection() as conn:
        await conn.execute(queries["stage_recipients"].replace(b" ON COMMIT DROP", b""))
        await conn.execute(queries["stage_places"].replace(b" ON COMMIT DROP", b""))
        for name in sorted(queries.keys() - UTILITIES):
            await conn.execute(b"PREPARE %b AS %b" % (name.encode(), numbered(queries[name])))


async def _answers(pool: Pool) -> dict[str, int]:
    """How many columns each query gives."""
    queries = sql.read_all()
    async with pool.connection() as conn:
        await conn.execute(queries["stage_recipients"].replace(b" ON COMMIT DROP", b""))
        await conn.execute(queries["stage_places"].replace(b" ON COMMIT DROP", b""))
        for name in sorted(queries.keys() - UTILITIES):
            await conn.execute(b"PREPARE %b AS %b" % (name.encode(), numbered(queries[name])))
        rows = await conn.execute(
            "SELECT name, cardinality(result_types) AS n FROM pg_prepared_statements WHERE from_sql"
        )
        answers = {row["name"]: row["n"] for row in await rows.fetchall()}
        await conn.execute("DEALLOCATE ALL")
        await conn.execute("DROP TABLE staged, placed")
    return answers


async def _add_a_column_everywhere(pool: Pool) -> None:
    """As the migration of a later version may, while this one runs."""
    async with pool.connection() as conn:
        tables = await conn.execute(
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = current_schema::regnamespace"
        )
        for row in await tables.fetchall():
            await conn.execute(f"ALTER TABLE {row['name']} ADD COLUMN of_a_later_version integer".encode())


async def test_no_query_gives_whatever_columns_its_table_has(pool: Pool) -> None:
    """A statement that a pool has prepared fails once its answer has another shape: name the columns."""
    before = await _answers(pool)
    await _add_a_column_everywhere(pool)
    after = await _answers(pool)
    assert [name for name in before if after[name] != before[name]] == []


async def test_a_column_added_while_a_pool_runs_breaks_nothing(database_url: str, pool: Pool, user: User) -> None:
    async with await open_pool(database_url, max_size=1) as running:
        async with transaction(running) as conn:
            campaign_id, sender_id = await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])

        async def work() -> None:
            await get_campaign(running, user.workspace_id, campaign_id)
            await pause(running, user.workspace_id, campaign_id)
            await get_sender(running, user.workspace_id, sender_id)

        for _ in range(6):  # psycopg prepares what it is asked for the sixth time
            await work()
        async with running.connection() as conn:
            rows = await conn.execute("SELECT count(*) AS n FROM pg_prepared_statements")
            assert [row["n"] > 3 for row in await rows.fetchall()] == [True]
        await _add_a_column_everywhere(pool)
        await work()


def numbered(text: bytes) -> bytes:
    """`%(name)s` as `$1`, the form that PREPARE knows."""
    names = list(dict.fromkeys(re.findall(rb"%\((\w+)\)s", text)))
    return re.sub(rb"%\((\w+)\)s", lambda match: b"$%d" % (names.index(match[1]) + 1), text)
