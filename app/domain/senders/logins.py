"""Logins: how senders log in to their servers, which limits belong to.

Two senders that log in to the same server as the same user, case aside, share one login: its limits and its connections
are for both, however each has written its password down. A sender on the fallback server has a login of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from psycopg.errors import InvalidParameterValue

from app.db import Conn, fetch_all, fetch_exactly_one
from app.domain.senders.draft import Proof, SenderDraft, Server, limits_of
from app.errors import InvalidInput
from app.sql import queries

sql = queries(__name__)

DEFAULT_MAX_CONNECTIONS = 5
Course = Literal[  # of a sender that logs in elsewhere
    "STAYS",  # with the login that it has
    "JOINS",  # others', whose limits it takes
    "LEAVES",  # others, with limits of its own
]
FALLBACK_MAX_CONNECTIONS = 100  # the fallback server is the operator's own: WORKER_CONCURRENCY is the limit
_COLUMNS = (
    "hourly_limit",
    "max_connections",
    "daily_limit",
    "least_gap_ms",
    "ramp_from",
    "ramp_per_day",
    "timezone",
)


async def lock(conn: Conn, workspace_id: int) -> None:
    """Be the only one until the commit to change who logs in as whom."""
    await conn.execute(sql.lock_logins, {"workspace_id": workspace_id})


class Grant(NamedTuple):
    """The proof that a mailbox has, and by which provider's grant."""

    proof: Proof = "NONE"
    provider: str | None = None


async def grant_at(conn: Conn, workspace_id: int, sender_id: int | None, server: Server | None) -> Grant:
    """Whether the mailbox that is logged in to there is connected, for this sender or others."""
    if server is None or server.username is None or "\0" in server.host + server.username:
        return Grant()
    params = _named(workspace_id, sender_id, server)
    senders = await fetch_all(conn, sql.granted_senders, params)
    if not senders:
        return Grant()
    is_shared = any(row["id"] != sender_id for row in senders)
    return Grant("SHARED_GRANT" if is_shared else "GRANT", senders[0]["provider"])


async def login_for(conn: Conn, workspace_id: int, draft: SenderDraft, default_hourly_limit: int) -> int:
    """Of a new sender: the login of another that logs in alike, or one with the limits that are asked for. Comes after
    `lock`.
    """
    server = draft.server
    found = await _find(conn, workspace_id, None, server)
    if found["login_id"] is not None:
        return found["login_id"]
    defaults = {
        "hourly_limit": default_hourly_limit,
        "max_connections": DEFAULT_MAX_CONNECTIONS if server else FALLBACK_MAX_CONNECTIONS,
    }
    params = dict.fromkeys(_COLUMNS) | defaults | limits_of(draft) | {"workspace_id": workspace_id}
    with _known_zone():
        return (await fetch_exactly_one(conn, sql.insert_login, params))["id"]


async def follow_server(conn: Conn, workspace_id: int, sender_id: int, server: Server | None) -> Course:
    """The sender, whose row names this server already, gets the login that others have there; or one of its own, with
    the same limits, where it leaves one that others keep.
    """
    found = await _find(conn, workspace_id, sender_id, server)
    login_id, course = found["login_id"], "JOINS"
    if login_id is None and found["is_shared"]:
        params = {"workspace_id": workspace_id, "login_id": found["mine"]}
        login_id, course = (await fetch_exactly_one(conn, sql.copy_login, params))["id"], "LEAVES"
    if login_id is None or login_id == found["mine"]:
        return "STAYS"
    params = {"workspace_id": workspace_id, "sender_id": sender_id, "login_id": login_id}
    await conn.execute(sql.move_to_login, params)
    return course


async def limit(conn: Conn, workspace_id: int, sender_id: int, limits: Mapping[str, Any]) -> None:
    """Set limits of the sender's login, by their columns, from the current window on. Raises InvalidInput."""
    if not limits:
        return
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    columns = dict.fromkeys(_COLUMNS) | dict(limits) | {"sets": list(limits)}
    with _known_zone():
        login = await fetch_exactly_one(conn, sql.update_login, params | columns)
    await conn.execute(sql.allow, params | login)


async def _find(conn: Conn, workspace_id: int, sender_id: int | None, server: Server | None) -> dict[str, Any]:
    return await fetch_exactly_one(conn, sql.shared_login, _named(workspace_id, sender_id, server))


def _named(workspace_id: int, sender_id: int | None, server: Server | None) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "sender_id": sender_id,
        "host": server and server.host,
        "username": server and server.username,
    }


@contextmanager
def _known_zone() -> Generator[None]:
    """PostgreSQL has zones of its own, perhaps of another year."""
    try:
        yield
    except InvalidParameterValue:
        words = "is no time zone that this database knows; give another of the same hours"
        raise InvalidInput({"timezone": words}) from None
