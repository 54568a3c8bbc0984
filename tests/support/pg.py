"""A Postgres for the tests: one server, one migrated template, a clone of it for each test."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Composed, Identifier
from yoyo import get_backend, read_migrations
from yoyo.migrations import MigrationList

from app.db import MIGRATIONS, migrate
from app.embedded import roles
from app.embedded.postgres import EmbeddedPostgres

TEMPLATE = "template_migrated"
SERVICE = Identifier(roles.SERVICE)
_numbers = count(1)


class TemplateServer:
    """The server and its template. `clone` costs a few hundredths of a second.

    Databases and their URLs are those of the service's role; the superuser makes them.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._url = server.url
        self._superuser_url = server.superuser_url
        # Kept: to connect takes as long as half a clone.
        self._conn = psycopg.connect(server.superuser_url, autocommit=True)
        # A lost test database is no loss.
        self._run(SQL("ALTER SYSTEM SET fsync = off"))
        self._run(SQL("SELECT pg_reload_conf()"))
        # Nor is a password that is easily guessed, which saves each connection thousands of digests.
        self._run(SQL("SET scram_iterations = 1"))
        self._run(SQL("ALTER ROLE {} PASSWORD {}").format(SERVICE, urlsplit(server.url).password or ""))
        self._run(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(TEMPLATE), SERVICE))
        migrate(self._url_of(TEMPLATE))
        # Nobody takes the id of one thing for that of another and gets away with it.
        with closing(psycopg.connect(self._url_of(TEMPLATE), autocommit=True)) as conn:
            conn.execute("ALTER TABLE logins ALTER id RESTART WITH 5001")
            conn.execute("ALTER TABLE streams ALTER id RESTART WITH 70001")

    @contextmanager
    def clone(self, of: str | None = None) -> Generator[str]:
        """The URL of a fresh, migrated database, dropped afterwards; or of a copy of that at another URL, which nobody
        may be connected to.
        """
        name = f"test_{next(_numbers)}"
        template = urlsplit(of).path.removeprefix("/") if of else TEMPLATE
        # Copying files is four times as fast as logging the copy, for it makes two checkpoints that cost nothing here.
        clone = SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY")
        self._run(clone.format(Identifier(name), SERVICE, Identifier(template)))
        yield self._url_of(name)
        self._run(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def empty(self, how: LiteralString = "") -> str:
        """The URL of a fresh database that has seen no migration; it goes with the server. `how`: it is made."""
        name = f"test_{next(_numbers)}"
        self._run(SQL("CREATE DATABASE {} OWNER {} ").format(Identifier(name), SERVICE) + SQL(how))
        return self._url_of(name)

    def as_superuser(self, database_url: str) -> str:
        """The same database's URL for the superuser."""
        return urlunsplit(urlsplit(self._superuser_url)._replace(path=urlsplit(database_url).path))

    def refuse_connections(self, database_url: str) -> None:
        """From now on the database is as good as down: sessions are ended, new ones refused."""
        name = urlsplit(database_url).path.removeprefix("/")
        self._run(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
        self._run(SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(name))

    def accept_connections(self, database_url: str) -> None:
        """Undo `refuse_connections`."""
        name = urlsplit(database_url).path.removeprefix("/")
        self._run(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(Identifier(name)))

    def take_no_writing(self, database_url: str) -> None:
        """From now on the database is as a standby before its promotion: old sessions are ended, new ones only read."""
        self._set_read_only(database_url, "on")

    def take_writing(self, database_url: str) -> None:
        """Undo `take_no_writing`."""
        self._set_read_only(database_url, "off")

    def _set_read_only(self, database_url: str, value: LiteralString) -> None:
        name = urlsplit(database_url).path.removeprefix("/")
        setting = SQL("ALTER DATABASE {} SET default_transaction_read_only = " + value)
        self._run(setting.format(Identifier(name)))
        self._run(SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(name))

    def close(self) -> None:
        self._conn.close()

    def _run(self, statement: SQL | Composed) -> None:
        self._conn.execute(statement)

    def _url_of(self, name: LiteralString | str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))


def migrate_to(url: str, name: str) -> int:
    """Apply what there was when the migration `name` was the newest; how many that are."""
    backend = get_backend(f"postgresql+psycopg://{url.partition('://')[2]}")
    with closing(backend.connection), backend.lock():
        wanted = backend.to_apply(_migrations()).filter(lambda migration: migration.id <= name)
        backend.apply_migrations(wanted)
        return len(wanted)


@cache
def _migrations() -> MigrationList:
    """To parse them takes longer than most of them do."""
    return read_migrations(str(MIGRATIONS))


@contextmanager
def template_server(data_dir: Path) -> Generator[TemplateServer]:
    """An embedded Postgres with its template, stopped in the end."""
    with EmbeddedPostgres(data_dir, on_a_port=True) as server, closing(TemplateServer(server)) as templates:
        yield templates
