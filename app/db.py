"""The database: pools, transactions, migrations.

A function whose first parameter is a pool owns its transaction; one whose first parameter is a connection joins
the caller's. `transaction` opens one: for a workspace it works as the role `reachinbox_tenant`, to which
row-level security shows that workspace's rows only; without one, as the service itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import LockNotAvailable, ReadOnlySqlTransaction, RestrictViolation
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from yoyo import (  # pyright: ignore[reportMissingTypeStubs] -- it has none
    default_migration_table,
    read_migrations,  # pyright: ignore[reportUnknownVariableType]
)
from yoyo.backends import PostgresqlPsycopgBackend  # pyright: ignore[reportMissingTypeStubs]
from yoyo.connections import DatabaseURI  # pyright: ignore[reportMissingTypeStubs]

from app.errors import Conflict, TooMany, Unavailable
from app.sql import functions, queries
from app.turns import Turns

Row = dict[str, Any]
Conn = AsyncConnection[Row]
Pool = AsyncConnectionPool[Conn]
Admit = Callable[[Conn], Awaitable[None]]
T = TypeVar("T")

# Errors that a call raises while the database cannot be reached, cuts us off, or takes no writing, as a standby before
# its promotion; or has no answer for it now, since others are in its way or something runs short. A repetition may get
# one. The call may have been committed all the same.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout, ReadOnlySqlTransaction)
# Of these, the SQLSTATEs that say so of the database and not of the call: no connection, a shutdown or a start, too
# many connections, a standby.
_AWAY_FOR_ALL = ("08", "57P", "53300", "25006")
# All that the database may refuse; those are named for which the API has words of its own.
DATABASE_ERRORS = (psycopg.Error, OperationalError, LockNotAvailable, RestrictViolation)

sql = queries(__name__)
MIGRATIONS = Path(__file__).parent.parent / "migrations"
_MIGRATION_LOCK = 0x5EAC41B0  # any constant, as long as it stays
_MIGRATION_DEADLINE_S = 300
LOCK_MS = 5_000  # how long a transaction for a user waits for a lock
STATEMENT_MS = 30_000  # and for the answer to one statement, unless it says otherwise
_PATIENCE_S = 10.0  # how long a caller waits for a connection
# While the database is away the pool doubles its pauses up to minutes, and would sleep on after it is back. It gives up
# early instead: then the next request for a connection makes it try at once.
_RECONNECT_S = 3.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
# A host that vanished answers nothing; without these, a query would wait for it for hours.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
# The same the other way round: what a host that vanished had locked is free after a while, and its connections end.
_SERVER_OPTIONS = (
    "-c idle_in_transaction_session_timeout=60s "
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=20000"
)
_shares: WeakKeyDictionary[Pool, Turns] = WeakKeyDictionary()
_DIRECT = "-c reachinbox.direct=yes"
POOLED = (
    "DATABASE_URL leads through a connection pooler, such as PgBouncer. Migrations and workers need sessions of their "
    "own: give it the address of PostgreSQL itself, and the pooler's in DATABASE_POOLER_URL, for the API"
)
NOT_THE_OWNER = (
    "the service's role has to own the database, and reachinbox_tenant be granted to it (docs/deploy.md, Without a "
    "container)"
)
NOT_UTF8 = (
    "the database's encoding is {}, which has no room for all letters: make it with ENCODING 'UTF8' TEMPLATE template0 "
    "(docs/deploy.md)"
)
WORKERS_LIVE = (
    "this release changes the tables under the workers of the version before, and these live: {}. End them (SIGTERM: "
    "they finish what they are sending), or wait until their leases are over"
)

log = structlog.get_logger()


async def open_pool(
    url: str, *, min_size: int = 1, max_size: int = 10, options: str = "", admit: Admit | None = None
) -> Pool:
    """Open a pool of autocommit connections that give rows as dicts and times in UTC.

    `options` are further server settings in libpq's form (`-c name=value`). `admit` is shown each new connection before
    its first use; by raising, it keeps the connection out, and the database is as good as away. Raises
    psycopg_pool.PoolTimeout when the database cannot be reached within ten seconds, then and later; Unavailable when it
    is not reached directly.
    """

    async def configure(conn: Conn) -> None:
        await _configure(conn)
        if admit is not None:
            try:
                await admit(conn)
            except BaseException:
                await conn.close()  # which the pool does not
                raise

    sessions = f"-c timezone=UTC {_SERVER_OPTIONS} {_DIRECT} {options}"
    pool = await _open(url, configure, min_size, max_size, options=sessions, **_writable(url))
    async with pool.connection() as conn:
        direct = await fetch_exactly_one(conn, sql.is_direct)
    if not direct["is_direct"]:
        await pool.close()
        raise Unavailable(POOLED)
    return pool


def patience() -> str:
    """For `options`: nothing waits for a lock or an answer longer than a user does, unless it says otherwise."""
    return f"-c lock_timeout={LOCK_MS} -c statement_timeout={STATEMENT_MS}"


async def open_pool_through_pooler(url: str, *, min_size: int = 1, max_size: int = 10) -> Pool:
    """Open a pool like `open_pool` on a pooler that lends a server connection for a transaction at a time.

    So nothing that outlives a transaction may be used on it: prepared statements, LISTEN, session locks, SET. Raises
    psycopg_pool.PoolTimeout like `open_pool`. The pooler chooses the server: what it tells a client of that
    (`in_hot_standby`) it remembers from the first one, so `_writable` would refuse good connections after a failover.
    """
    return await _open(url, _configure_through_pooler, min_size, max_size, prepare_threshold=None)


async def connect(url: str) -> Conn:
    """One connection like those of `open_pool`, for a look at a database; the caller closes it. Raises
    psycopg.OperationalError.
    """
    conn = await Conn.connect(
        url, autocommit=True, row_factory=dict_row, connect_timeout=int(_PATIENCE_S), **_KEEPALIVE, **_writable(url)
    )
    await _configure(conn)
    return conn


class _LastFirst(deque[Conn]):
    """Connections that wait in a pool: the one that came back last is given first. Its backend has plans and catalogue
    in its memory, and the processor has those in its caches: taken in turns, ten cost an exchange a fifth more.
    """

    append = deque[Conn].appendleft


class _Lock(asyncio.Lock):
    """One that tells who waits for it: from its release until the first of them has run, it is not locked."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted = 0  # by so many that do not have it yet

    async def acquire(self) -> Literal[True]:
        self.wanted += 1
        try:
            return await super().acquire()
        finally:
            self.wanted -= 1

    def is_free(self) -> bool:
        """Whether whoever asks for it now has it without a wait."""
        return not self.wanted and not self.locked()


class _Pool(AsyncConnectionPool[Conn]):
    """The library's, but for the order in which connections are given, and for a cancel while one is given back: of the
    library's, that loses the connection for good, and whoever was to have it next waits in vain.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._pool = _LastFirst()
        self._lock = self._gate = _Lock()
        self._given_back = set[asyncio.Task[None]]()

    async def putconn(self, conn: Conn) -> None:
        is_idle = conn.pgconn.transaction_status == TransactionStatus.IDLE
        if is_idle and not self._waiting and self._gate.is_free():  # then nothing is waited for, and a task is dear
            await super().putconn(conn)
            return
        giving = asyncio.create_task(super().putconn(conn))
        self._given_back.add(giving)
        giving.add_done_callback(self._given_back.discard)
        await asyncio.shield(giving)


async def _open(url: str, configure: Admit, min_size: int, max_size: int, **more: Any) -> Pool:
    pool: Pool = _Pool(
        url,
        min_size=min_size,
        max_size=max_size,
        kwargs={"row_factory": dict_row, **_KEEPALIVE, **more},
        configure=configure,
        timeout=_PATIENCE_S,
        reconnect_timeout=_RECONNECT_S,
        open=False,
    )
    await pool.open(wait=True, timeout=_PATIENCE_S)
    return pool


def _writable(url: str) -> dict[str, Any]:
    """Parameters by which libpq chooses, of several hosts, the writable one, unless the URL says which itself."""
    return {} if "target_session_attrs" in conninfo_to_dict(url) else {"target_session_attrs": "read-write"}


async def _configure(conn: Conn) -> None:
    await conn.set_autocommit(True)
    set_json_loads(msgspec.json.decode, conn)
    set_json_dumps(msgspec.json.encode, conn)


async def _configure_through_pooler(conn: Conn) -> None:
    await _configure(conn)
    # The one setting that PgBouncer carries along with us from server connection to server connection.
    await conn.execute(sql.times_in_utc)


def share_out(pool: Pool, *, at_once: int, of_one: int) -> None:
    """From now on workspaces have so many of the pool's connections, `of_one` of them one workspace: whatever takes
    long, one that asks for it again and again keeps no other waiting.
    """
    _shares[pool] = Turns(at_once, of_one=of_one)


@asynccontextmanager
async def _share(pool: Pool, workspace_id: int | None) -> AsyncGenerator[None, None]:
    """Raises TooMany after as long as the pool would make others wait."""
    turns = _shares.get(pool)
    if workspace_id is None or turns is None:
        yield
        return
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(pool.timeout):
                await stack.enter_async_context(turns.take(workspace_id))
        except TimeoutError:
            raise TooMany("there are too many requests at once; try again in a moment", retry_s=5) from None
        yield


@asynccontextmanager
async def transaction(pool: Pool, workspace_id: int | None = None) -> AsyncGenerator[Conn, None]:
    """One transaction; `workspace_id` makes it that workspace's (see the module's docstring), which does not wait for
    ever: psycopg's LockNotAvailable and QueryCanceled say so, and TooMany where the pool is shared out (`share_out`).
    """
    async with _share(pool, workspace_id), pool.connection() as conn, conn.transaction():
        if workspace_id is not None:
            params = {"workspace_id": workspace_id, "lock_ms": LOCK_MS, "statement_ms": STATEMENT_MS}
            await conn.execute(sql.become_tenant, {name: str(value) for name, value in params.items()})
        yield conn


def pauses() -> Iterator[float]:
    """How many seconds to wait before each further try while the database is away: soon first, then every 2 s."""
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def is_away_for_all(error: Exception) -> bool:
    """Whether the database would answer nothing else now either: not after a lock that was not to be had, say."""
    if not isinstance(error, DATABASE_AWAY):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_AWAY_FOR_ALL)


async def until_answered(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call that is harmless when repeated until the database answers."""
    pause = pauses()
    while True:
        try:
            return await call()
        except DATABASE_AWAY as error:
            log.warning("the database does not answer", error=str(error).strip())
            await asyncio.sleep(next(pause))


async def fetch_one(conn: Conn, text: bytes, params: dict[str, Any] | None = None) -> Row | None:
    """The first row, or None."""
    return await (await conn.execute(text, params)).fetchone()


async def fetch_exactly_one(conn: Conn, text: bytes, params: dict[str, Any] | None = None) -> Row:
    """The one row the query always gives."""
    (row,) = await fetch_all(conn, text, params)
    return row


async def fetch_all(conn: Conn, text: bytes, params: dict[str, Any] | None = None) -> list[Row]:
    """All rows."""
    return await (await conn.execute(text, params)).fetchall()


def containing(text: str) -> str:
    """The pattern by which ILIKE finds this text, wherever it stands."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def migrate(url: str, *, waiting: Callable[[str], None] | None = None) -> int:
    """Bring the schema up to date; returns how many migrations were applied.

    A migration that breaks with the version before refuses (`object_in_use`) while workers of it live, and names them.
    With `waiting`, which is called with the sentence for people, that is waited for, however long it takes.

    Safe with several processes starting at once: an advisory lock lets one work while the others poll for it.
    (Polling, since a waiting lock would hold a snapshot that CREATE INDEX CONCURRENTLY waits for in turn.)
    yoyo's own lock is a row that a killed process leaves behind; the holder of the advisory lock may break it.

    Raises Unavailable when the lock is not to be had in five minutes, or the database not reached directly; Conflict
    while workers of the version before live, and when a migration finds what a person has to decide.
    """
    deadline = time.monotonic() + _MIGRATION_DEADLINE_S
    with closing(psycopg.connect(url, autocommit=True, options=_DIRECT, **_writable(url))) as guard:
        (direct,) = guard.execute(sql.is_direct).fetchone() or (False,)
        if not direct:
            raise Unavailable(POOLED)
        if (encoding := guard.info.parameter_status("server_encoding")) != "UTF8":
            raise Unavailable(NOT_UTF8.format(encoding))
        if not (guard.execute(sql.may_create).fetchone() or (False,))[0]:
            raise Unavailable(NOT_THE_OWNER)
        while not _try_lock(guard):
            if time.monotonic() > deadline:
                raise Unavailable("another process has been migrating the database for five minutes")
            time.sleep(0.1)
        backend = _yoyo(url)
        with closing(backend.connection):
            migrations = read_migrations(str(MIGRATIONS))
            backend.break_lock()
            with backend.lock():
                pending = backend.to_apply(migrations)
                _apply(backend, migrations, waiting)
            if left := backend.to_apply(migrations):
                raise RuntimeError(f"migrations left to apply: {[m.id for m in left]}")
            _bring_functions(guard)
            return len(pending)


def _apply(backend: Any, migrations: Any, waiting: Callable[[str], None] | None) -> None:
    """Apply what is left, again and again while workers of the version before live. Raises Conflict."""
    said = None
    while True:
        try:
            backend.apply_migrations(backend.to_apply(migrations))
        except psycopg.errors.ObjectInUse as error:
            sentence = WORKERS_LIVE.format(error.diag.message_primary)
        except psycopg.errors.RaiseException as error:  # a migration says what somebody has to decide
            raise Conflict(error.diag.message_primary or "") from error
        else:
            return
        if waiting is None:
            raise Conflict(sentence)
        if sentence != said:
            waiting(sentence)
            said = sentence
        time.sleep(0.2)


def _bring_functions(conn: psycopg.Connection[Any]) -> None:
    """Make what is missing of this version's functions, and remove those of others unless a worker lives, which may
    call them. Harmless when repeated.
    """
    ours = functions()
    with conn.transaction():
        there = {name for (name,) in conn.execute(sql.functions_there).fetchall()}
        for name in sorted(ours.keys() - there):
            conn.execute(ours[name])
        others = sorted(there - ours.keys())
        (alive,) = conn.execute(sql.any_worker_lives).fetchone() or (True,)
        for name in [] if alive else others:
            conn.execute(SQL("DROP FUNCTION {}").format(Identifier(name)))


class _Backend(PostgresqlPsycopgBackend):
    """yoyo's, but connected by libpq, which takes all that DATABASE_URL may be, such as several hosts."""

    def connect(self, dburi: Any) -> psycopg.Connection[Any]:
        url: str = dburi.args["url"]
        return psycopg.connect(url, autocommit=True, **_writable(url))


def _yoyo(url: str) -> Any:
    nothing_parsed = DatabaseURI("postgresql+psycopg", None, None, None, None, None, {"url": url})
    backend: Any = _Backend(nothing_parsed, default_migration_table)
    backend.init_database()
    return backend


def _try_lock(conn: psycopg.Connection[Any]) -> bool:
    row = conn.execute(sql.try_migration_lock, {"key": _MIGRATION_LOCK}).fetchone()
    return bool(row and row[0])
