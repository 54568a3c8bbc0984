"""Whether the service can do its work: the database answers, and its schema is the one this code was written for."""

from __future__ import annotations

from psycopg.errors import UndefinedTable

from app.db import MIGRATIONS, Pool, fetch_all
from app.errors import Unavailable
from app.sql import functions, queries

sql = queries(__name__)

_NEEDED = frozenset(file.stem for file in MIGRATIONS.glob("[0-9]*") if file.suffix in {".sql", ".py"})
_FUNCTIONS = frozenset(functions())


async def check(pool: Pool) -> None:
    """Raises Unavailable for a schema that lacks a migration or a function of this version,
    psycopg.OperationalError for a database that is down.
    """
    async with pool.connection() as conn:
        try:
            applied = {row["migration_id"] for row in await fetch_all(conn, sql.applied_migrations)}
        except UndefinedTable:
            applied = set[str]()
        made = {row["name"] for row in await fetch_all(conn, sql.made_functions, {"names": sorted(_FUNCTIONS)})}
    if missing := sorted(_NEEDED - applied):
        raise Unavailable(f"the database lacks migrations: {', '.join(missing)}; run `reachinbox migrate`")
    if missing := sorted(_FUNCTIONS - made):
        raise Unavailable(f"the database lacks functions: {', '.join(missing)}; run `reachinbox migrate`")
