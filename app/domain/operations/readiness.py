"""Whether the service can do its work: the database answers, and its schema is the one this code was written for."""

from __future__ import annotations

from psycopg.errors import UndefinedTable

from app.db import MIGRATIONS, Pool, fetch_all
from app.errors import Unavailable
from app.sql import queries

sql = queries(__name__)

_NEEDED = frozenset(file.stem for file in MIGRATIONS.glob("[0-9]*") if file.suffix in {".sql", ".py"})


async def check(pool: Pool) -> None:
    """Raises Unavailable for a schema that lacks a migration, psycopg.OperationalError for a database that is down."""
    async with pool.connection() as conn:
        try:
            applied = {row["migration_id"] for row in await fetch_all(conn, sql.applied_migrations)}
        except UndefinedTable:
            applied = set[str]()
    if missing := sorted(_NEEDED - applied):
        raise Unavailable(f"the database lacks migrations: {', '.join(missing)}; run `reachinbox migrate`")
