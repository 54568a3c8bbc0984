"""The installation that a database belongs to, so that a restored or cloned one does not send by itself.

The original may have sent long ago, or be about to send, emails that a copy of a database takes for waiting. So the
table `installation` says which server, which timeline of it, which database in it and which host it was that workers
sent from; every connection of a worker is compared with that before its first use, and the generation with what was
last seen of it. A worker that finds a difference sends nothing until an administrator has said `reachinbox take-over`.

Workers alone write here, and `take_over`; others, as the API, only look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.ledger import after_restore
from app.domain.workspaces import audit
from app.errors import Conflict
from app.last_seen import LastSeen
from app.mail.opaque import Keys
from app.settings import Settings
from app.sql import queries

sql = queries(__name__)
log = structlog.get_logger()

NOTHING_IS_SENT = (
    "This database is another installation's, or an older state of this one's: {}. Nothing is sent until an"
    " administrator has looked into it and run `reachinbox take-over` (docs/operations.md)."
)


class Ours(NamedTuple):
    """The facts that this process has about the installation that it is part of."""

    host: str | None  # of BASE_URL; None: a name for any machine
    continues: bool  # after a failover, on another timeline
    last_seen: LastSeen


def ours(settings: Settings) -> Ours:
    return Ours(settings.named_host, settings.after_failover == "continue", LastSeen(settings.data_dir))


class OtherInstallation(Conflict):
    """The database is not this installation's, or not as late as it was. `detail` is for people."""

    code = "other_installation"

    def __init__(self, found: Sequence[str]) -> None:
        super().__init__(NOTHING_IS_SENT.format("; ".join(found)))


async def look(conn: Conn, ours: Ours) -> None:
    """Raises OtherInstallation; a database on which no worker has started yet is anybody's."""
    seen = ours.last_seen.generations()
    if found := differences(await fetch_exactly_one(conn, sql.compare), ours, seen):
        raise OtherInstallation(found)


async def trouble(pool: Pool, ours: Ours) -> str | None:
    """The difference that `look` finds, for people; None: there is none."""
    async with pool.connection() as conn:
        try:
            await look(conn, ours)
        except OtherInstallation as other:
            return other.detail
    return None


async def admit(conn: Conn, ours: Ours) -> None:
    """`look` for a worker: the first one writes down where it is, later ones what may change without a question; one
    that has seen a later state of the database tells the others. Raises OtherInstallation.
    """
    seen = ours.last_seen.generations()
    row = await fetch_exactly_one(conn, sql.compare)
    if row["id"] is None:
        await conn.execute(sql.settle, {"host": ours.host})
        row = await fetch_exactly_one(conn, sql.compare)
    found = differences(row, ours, seen)
    if not found and _has_changed(row, ours):
        await conn.execute(sql.adopt, {"id": row["id"], "host": ours.host})
        found = differences(await fetch_exactly_one(conn, sql.compare), ours, seen)
        if not found:
            log.warning("the installation has changed", timeline=row["here_timeline"], host=ours.host)
    if _BEHIND in found and row["behind_since"] is None and not _has_other_host(row, ours):
        await conn.execute(sql.mark_behind, {"id": row["id"]})
    if found:
        raise OtherInstallation(found)


async def take_over(pool: Pool, ours: Ours) -> None:
    """The database is this installation's from now on, whatever it was. Raises Conflict while a worker lives: it sends
    from the database, and so somebody else is at home there.
    """
    async with transaction(pool) as conn:
        if live := await fetch_all(conn, after_restore.sql.live_workers):
            names = ", ".join(row["name"] for row in live)
            raise Conflict(
                f"a worker is at work on this database ({names}): is DATABASE_URL the right one? Stop it, or wait until"
                " its lease is over, and repeat this"
            )
        await conn.execute(sql.take_over, {"host": ours.host})
        await audit.record(conn, LOCAL, None, "installation.take-over", ours.host or "")


async def read_keys(pool: Pool) -> Keys:
    """See `keys`."""
    async with transaction(pool) as conn:
        return await keys(conn)


async def keys(conn: Conn) -> Keys:
    """The keys of Message-IDs, links and digests of addresses; as the service, since no tenant may."""
    row = await fetch_exactly_one(conn, sql.keys)
    return Keys(row["message_key"], row["link_key"], row["address_key"])


_BEHIND = "it is older than what a worker has seen of it, as a snapshot that was put back is"


def differences(row: Row, ours: Ours, seen: Mapping[UUID, int]) -> list[str]:
    """The differences between what is written down and what is here; `seen` was read before the row. A fact that the
    server does not tell counts as the same.
    """
    if row["id"] is None:
        return []
    found: list[str] = []
    if _differs(row, "system_identifier"):
        found.append("it lies on another server than before, as after a dump was restored")
    elif _differs(row, "database_oid"):
        found.append("it is another database of its server than before, as a copy is")
    elif _differs(row, "timeline") and not ours.continues:
        found.append("its server was restored to an earlier moment, or a standby was promoted")
    if _has_other_host(row, ours):
        found.append(f"it belongs to {row['host']}, and BASE_URL names {ours.host or 'only this machine'}")
    if row["behind_since"] is not None or row["generation"] < seen.get(row["id"], 0):
        found.append(_BEHIND)
    return found


def _differs(row: Row, what: str) -> bool:
    written, here = row[what], row[f"here_{what}"]
    return written is not None and here is not None and written != here


def _has_other_host(row: Row, ours: Ours) -> bool:
    """Whether we are strangers, whatever we have seen."""
    return row["host"] is not None and row["host"] != ours.host


def _has_changed(row: Row, ours: Ours) -> bool:
    """In what asks no question."""
    return (
        (row["here_timeline"] is not None and row["here_timeline"] != row["timeline"])
        or (row["system_identifier"] is None and row["here_system_identifier"] is not None)
        or (row["host"] is None and ours.host is not None)
    )
