"""An account is removed for good, and what it alone owned is handed over or deleted.

Workspaces that others own go on without it. Keys that it made end with it, in every workspace; the logs keep what it
did, by nobody.
"""

from __future__ import annotations

from app.db import Conn, Pool, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.accounts.administration import check_dispensable
from app.domain.accounts.users import Terms
from app.domain.workspaces import audit, keys, members
from app.domain.workspaces.workspaces import check_nothing_owed, close, lock_people, make_for_homeless
from app.errors import Conflict, InvalidInput
from app.sql import queries

sql = queries(__name__)


async def remove(pool: Pool, terms: Terms, actor: Actor, user_id: int, heir_id: int | None) -> None:
    """Workspaces that nobody else who is let in owns go to the account `heir_id`; with None they are deleted, but for
    those that a disabled account owns, too, whose they are then.

    Raises NotFound, InvalidInput for an heir that there is not or that is disabled, and Conflict for oneself, for the
    last administrator, and while something is to be sent from what would be deleted or left to nobody who is let in.
    """
    named = [user_id] if heir_id is None else [user_id, heir_id]
    async with transaction(pool) as conn:
        await check_dispensable(conn, actor, user_id)
        people = {
            row["user_id"] for row in await fetch_all(conn, sql.people_around, {"user_id": user_id, "named": named})
        }
        if heir_id is not None:
            await _check_heir(conn, user_id, heir_id)
        await lock_people(conn, people)
        await conn.execute(sql.lock_workspaces_for_removal, {"user_id": user_id})
        around = await fetch_all(conn, sql.people_around, {"user_id": user_id, "named": named})
        if {row["user_id"] for row in around} - people:
            raise Conflict("somebody has just joined a workspace of the account; try again")
        await keys.revoke_made_by(conn, actor, user_id)  # they go with the account: for the workspaces' logs
        for workspace_id, shared in (await members.owned_alone(conn, user_id)).items():
            if heir_id is not None:
                await conn.execute(sql.make_owner, {"workspace_id": workspace_id, "heir_id": heir_id})
                handed = f"workspaces/{workspace_id}, users/{user_id} to users/{heir_id}"
                for log in (None, workspace_id):
                    await audit.record(conn, actor, log, "workspace.handed_over", handed)
            elif shared:
                await check_nothing_owed(conn, workspace_id)
            else:
                await close(conn, workspace_id)
                await audit.record(conn, actor, None, "workspace.deleted", f"workspaces/{workspace_id}")
        for row in await fetch_all(conn, sql.workspaces_of, {"user_id": user_id}):
            await audit.record(conn, actor, row["workspace_id"], "member.removed", f"members/{user_id}")
        await conn.execute(sql.remove_used_invitations, {"user_id": user_id})
        await conn.execute(sql.remove_user, {"user_id": user_id})
        left = people - {user_id}
        await make_for_homeless(conn, terms.box, left, default_hourly_limit=terms.default_hourly_limit)
        await audit.record(conn, actor, None, "account.removed", f"users/{user_id}")


async def _check_heir(conn: Conn, user_id: int, heir_id: int) -> None:
    """Raises InvalidInput for one that there is not, and for one that is disabled; accounts are locked."""
    heir = await fetch_one(conn, sql.heir, {"heir_id": heir_id})
    if heir_id == user_id or heir is None:
        raise InvalidInput({"heirId": "is no other account"})
    if not heir["let_in"]:
        raise InvalidInput({"heirId": "is a disabled account; enable it first, or name another one"})
