"""Sessions of people in browsers: a random token in a cookie, its digest in Postgres, new at every login.

A session ends when it was idle for long, when it is old, when its user or the administrator says so, and when the
password changes.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from app.db import Conn, Pool, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.accounts.tokens import digest, new_token
from app.domain.accounts.users import User, user_of
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Action
from app.errors import NotFound, Unauthenticated
from app.sql import queries

sql = queries(__name__)

IDLE_S = 7 * 24 * 3600
ABSOLUTE_S = 30 * 24 * 3600
MOST = 100  # of a person; the one that was used longest ago ends first


class Session(msgspec.Struct, rename="camel"):
    """Where somebody is logged in; `current`: it is the one that asks."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    current: bool


class LoggedIn(NamedTuple):
    """The user of a session, and which session it is."""

    user: User
    session_id: int


async def begin(conn: Conn, user_id: int, actor: Actor, workspace_id: int | None = None) -> str:
    """A new session, in that workspace or the first of theirs; returns its token, for the cookie."""
    token = new_token()
    await conn.execute(sql.end_old_sessions, {"idle_s": IDLE_S})
    await conn.execute(
        sql.insert_session,
        {
            "token_sha256": digest(token),
            "user_id": user_id,
            "workspace_id": workspace_id,
            "absolute_s": ABSOLUTE_S,
            "address": actor.address,
            "user_agent": actor.user_agent[:500],
        },
    )
    await conn.execute(sql.end_surplus_sessions, {"user_id": user_id, "most": MOST})
    return token


async def find(pool: Pool, token: str) -> LoggedIn:
    """In the workspace selected, or in another of theirs when they have left that.

    Raises Unauthenticated for a token that is not, or no longer, a session's; Forbidden for a member of no workspace.
    """
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.touch_session, {"token_sha256": digest(token), "idle_s": IDLE_S})
    if row is None:
        raise Unauthenticated("the session has ended; log in again")
    return LoggedIn(user_of(row), row["session_id"])


async def select_workspace(pool: Pool, user: User, session_id: int, workspace_id: int) -> User:
    """The user as the session's next request has them. Raises NotFound where they are no member."""
    params = {"session_id": session_id, "user_id": user.id, "workspace_id": workspace_id}
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.select_workspace, params)
    if row is None:
        raise NotFound(f"no workspace {workspace_id}")
    return msgspec.structs.replace(user, **row)


async def list_sessions(pool: Pool, user_id: int, current_id: int | None) -> list[Session]:
    """The user's live sessions, latest used first."""
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.list_sessions, {"user_id": user_id, "idle_s": IDLE_S})
    return [Session(**row, current=row["id"] == current_id) for row in rows]


async def end(pool: Pool, actor: Actor, session_id: int, action: Action = "session.ended") -> None:
    """Log one session of the actor out. Raises NotFound."""
    async with transaction(pool) as conn:
        if await fetch_one(conn, sql.end_session, {"user_id": actor.user_id, "session_id": session_id}) is None:
            raise NotFound(f"no session {session_id}")
        await audit.record(conn, actor, None, action, f"sessions/{session_id}")


async def end_others(conn: Conn, user_id: int, but_session_id: int | None) -> int:
    """Log the user out everywhere but here; how many sessions that ended."""
    return len(await fetch_all(conn, sql.end_sessions, {"user_id": user_id, "but_session_id": but_session_id}))
