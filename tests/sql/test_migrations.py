"""Migrations: once, twice, all at once, and after a crash in the middle."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from app.db import MIGRATIONS, migrate
from app.sql import functions
from tests.support.pg import TemplateServer, migrate_to

MIGRATE = "import sys; from app.db import migrate; print(migrate(sys.argv[1]))"
NAMES = sorted(file.stem for file in MIGRATIONS.glob("[0-9]*"))
COUNT = len(NAMES)


@pytest.fixture
def empty_url(postgres: TemplateServer) -> str:
    """A database that has seen no migration."""
    return postgres.empty()


def _start(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MIGRATE, url], stdout=subprocess.PIPE, text=True)  # noqa: S603


def test_a_second_run_finds_nothing_to_do(empty_url: str) -> None:
    assert migrate(empty_url) == COUNT
    assert migrate(empty_url) == 0


def test_of_several_hosts_in_the_url_the_one_that_is_there_is_migrated(empty_url: str) -> None:
    parts = urlsplit(empty_url)
    login, _, host = parts.netloc.rpartition("@")
    url = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:1,{host}"))
    assert migrate(url) == COUNT
    assert migrate(url) == 0


def test_of_several_containers_starting_at_once_one_migrates(empty_url: str) -> None:
    starters = [_start(empty_url) for _ in range(4)]
    applied = sorted(int(starter.communicate(timeout=60)[0]) for starter in starters)
    assert applied == [0, 0, 0, COUNT]


def test_a_lock_row_left_by_a_killed_process_is_broken(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    assert migrate(database_url) == 0


def test_a_migration_that_was_applied_but_not_marked_may_run_again(
    postgres: TemplateServer, empty_url: str, subtests: pytest.Subtests
) -> None:
    """A kill between the commit of a step and its mark leaves just this."""
    for name in NAMES:
        with subtests.test(name):
            assert migrate_to(empty_url, name) == 1
            with psycopg.connect(empty_url, autocommit=True) as conn:
                conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = %s", (name,))
            assert migrate_to(empty_url, name) == 1
    assert migrate(empty_url) == 0  # which makes the functions
    with postgres.clone() as at_once:
        assert _schema(empty_url) == _schema(at_once)


def _schema(url: str) -> list[tuple[str, str]]:
    """The parts of the schema, each by its definition."""
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT 'column', relname || '.' || attname || ' ' || format_type(atttypid, atttypmod) || attnotnull"
            " FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND NOT attisdropped"
            " UNION SELECT 'constraint', conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            " UNION SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " UNION SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
            " UNION SELECT 'policy', tablename || ' ' || policyname || roles::text || qual FROM pg_policies"
            " UNION SELECT 'function', pg_get_functiondef(oid) || coalesce(proacl::text, '') FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace"
            " UNION SELECT 'rights', relname || relrowsecurity || relforcerowsecurity || coalesce(relacl::text, '')"
            " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')"
            " ORDER BY 1, 2"
        ).fetchall()


def test_a_process_killed_in_the_middle_leaves_a_database_that_can_be_migrated(empty_url: str) -> None:
    migrate_to(empty_url, "0003_tenants")
    with psycopg.connect(empty_url, autocommit=True) as conn:
        conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0003_tenants'")
        with psycopg.connect(empty_url) as holder:
            holder.execute("LOCK TABLE emails")  # where the third migration has to stop
            victim = _start(empty_url)
            while not conn.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'relation'").fetchone():
                assert victim.poll() is None
            victim.kill()
            victim.communicate()
    assert migrate(empty_url) == COUNT - 2


def test_procrastinates_schema_is_the_one_the_migration_was_written_for() -> None:
    """After an upgrade of the library that changes it: write a migration that makes the same change, then pin anew."""
    pinned = re.search(r'SCHEMA_SHA256 = "(\w+)"', Path(MIGRATIONS, "0001_procrastinate.py").read_text())
    assert pinned
    assert hashlib.sha256(SchemaManager.get_schema().encode()).hexdigest() == pinned[1]


OTHERS = "CREATE FUNCTION exchange_0123456789ab() RETURNS void LANGUAGE sql AS 'SELECT'"
WORKER = "INSERT INTO workers (token, name, lease_until) VALUES (gen_random_uuid(), 'test', now() + interval '%s s')"


def _functions(conn: psycopg.Connection[tuple[str]]) -> set[str]:
    there = conn.execute("SELECT proname FROM pg_proc WHERE proname ~ '_[0-9a-f]{12}$'").fetchall()
    return {name for (name,) in there}


@pytest.mark.parametrize(("lease_s", "kept"), [(60, True), (-60, False), (None, False)])
def test_a_function_of_another_version_stays_as_long_as_a_worker_may_call_it(
    database_url: str, lease_s: int | None, kept: bool
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        assert _functions(conn) == set(functions())
        conn.execute(OTHERS)
        if lease_s is not None:
            conn.execute((WORKER % lease_s).encode())
        migrate(database_url)
        assert _functions(conn) - set(functions()) == ({"exchange_0123456789ab"} if kept else set())


def test_a_function_that_is_missing_is_made_again(database_url: str) -> None:
    """A `migrate` that was killed between the last migration and the functions has left none."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        for name in functions():
            conn.execute(f"DROP FUNCTION {name}".encode())
        assert migrate(database_url) == 0
        assert _functions(conn) == set(functions())


def test_nobody_else_may_call_a_function_of_the_workers(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        for name in functions():
            allowed = conn.execute(
                "SELECT has_function_privilege('reachinbox_tenant', oid, 'EXECUTE') FROM pg_proc WHERE proname = %s",
                [name],
            ).fetchone()
            assert allowed == (False,)
