"""Members of a workspace: who they are, what they may do, and how they leave.

A role that changes holds from the next request on; a member who leaves is in another workspace of theirs, and their
keys to this one open nothing. Invitations that somebody made as an owner end with that. A workspace always has an
owner, which the table's trigger sees to, too.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.workspaces import audit
from app.domain.workspaces.roles import OWNER, Role
from app.domain.workspaces.workspaces import lock_people, make_for_homeless
from app.errors import Conflict, Forbidden, NotFound
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

MOST_MEMBERS = 500


class Member(msgspec.Struct, rename="camel"):
    """`id` is the person's; `created_at` when they joined."""

    id: int
    email: str
    role: Role
    created_at: datetime


async def list_members(pool: Pool, workspace_id: int) -> list[Member]:
    """All of them, in the order in which they joined."""
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.list_members, {"workspace_id": workspace_id, "user_id": None})
    return [Member(**row) for row in rows]


async def role_in(pool: Pool, workspace_id: int, user_id: int) -> Role:
    """Raises NotFound where the user is no member."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.role_of_member, {"workspace_id": workspace_id, "user_id": user_id})
    if row is None:
        raise NotFound(f"no workspace {workspace_id}")
    return row["role"]


async def hold_role(conn: Conn, workspace_id: int, user_id: int) -> Role:
    """The same, and nobody changes it until the end of the transaction. Raises NotFound."""
    row = await fetch_one(conn, sql.hold_role, {"workspace_id": workspace_id, "user_id": user_id})
    if row is None or row["role"] is None:
        raise NotFound(f"no workspace {workspace_id}")
    return row["role"]


async def change_role(pool: Pool, actor: Actor, workspace_id: int, user_id: int, role: Role) -> Member:
    """Raises NotFound, Forbidden, and Conflict where nobody would be an owner any more."""
    params = {"workspace_id": workspace_id, "user_id": user_id}
    async with transaction(pool) as conn:
        await lock_as_owner(conn, actor, workspace_id)
        before = await _role_of(conn, workspace_id, user_id)
        if before != role:
            if role != OWNER:
                await _check_other_owner(conn, workspace_id, user_id, before)
            await conn.execute(sql.set_role, params | {"role": role})
            if before == OWNER:
                await revoke_invitations_by(conn, actor, user_id, workspace_id)
            await audit.record(conn, actor, workspace_id, "member.changed", f"members/{user_id}, {before} to {role}")
        (row,) = await fetch_all(conn, sql.list_members, params)
    return Member(**row)


async def remove(
    pool: Pool, box: SecretBox, actor: Actor, workspace_id: int, user_id: int, *, default_hourly_limit: int
) -> None:
    """Take the member out; one who is a member of nothing else gets a workspace of their own.

    Raises NotFound, Forbidden, and Conflict for the last owner.
    """
    params = {"workspace_id": workspace_id, "user_id": user_id}
    async with transaction(pool) as conn:
        await lock_people(conn, [user_id])
        if actor.user_id == user_id:
            await lock_workspace(conn, workspace_id)
        else:
            await lock_as_owner(conn, actor, workspace_id)
        before = await _role_of(conn, workspace_id, user_id)
        await _check_other_owner(conn, workspace_id, user_id, before)
        await conn.execute(sql.delete_member, params)
        await conn.execute(sql.revoke_keys_of_member, params)
        await revoke_invitations_by(conn, actor, user_id, workspace_id)
        await make_for_homeless(conn, box, [user_id], default_hourly_limit=default_hourly_limit)
        action = "member.left" if actor.user_id == user_id else "member.removed"
        await audit.record(conn, actor, workspace_id, action, f"members/{user_id}")


async def join(conn: Conn, workspace_id: int, user_id: int, role: Role) -> None:
    """A new member. Raises NotFound for a deleted workspace, Conflict for a member and for a full one."""
    params = {"workspace_id": workspace_id, "user_id": user_id}
    await lock_workspace(conn, workspace_id)
    if (await fetch_exactly_one(conn, sql.count_members, params))["members"] >= MOST_MEMBERS:
        raise Conflict(f"the workspace has {MOST_MEMBERS} members, which is the most")
    if await fetch_one(conn, sql.insert_member, params | {"role": role}) is None:
        raise Conflict("you are a member of this workspace already")


async def lock_workspace(conn: Conn, workspace_id: int) -> None:
    """Its members are changed by nobody else until the end of the transaction. Raises NotFound."""
    if await fetch_one(conn, sql.lock_workspace, {"workspace_id": workspace_id}) is None:
        raise NotFound(f"no workspace {workspace_id}")


async def lock_as_owner(conn: Conn, actor: Actor, workspace_id: int) -> None:
    """The same, for a person who has to own it still: the request may have waited. Raises NotFound, Forbidden."""
    await lock_workspace(conn, workspace_id)
    if actor.user_id is not None and await _role_of(conn, workspace_id, actor.user_id) != OWNER:
        raise Forbidden(f"this takes the role {OWNER} in the workspace, which you have no more")


async def owned_alone(conn: Conn, user_id: int) -> dict[int, bool]:
    """The workspaces that somebody owns and nobody else who is let in; for each, whether a disabled account does."""
    return {row["workspace_id"]: row["shared"] for row in await fetch_all(conn, sql.owned_alone, {"user_id": user_id})}


async def revoke_invitations_by(conn: Conn, actor: Actor, user_id: int, workspace_id: int | None = None) -> None:
    """Those into the workspace, or into any, that somebody made and nobody has used. The workspaces' logs say so."""
    params = {"user_id": user_id, "workspace_id": workspace_id}
    for row in await fetch_all(conn, sql.revoke_workspace_invitations_by, params):
        subject = f"members/invitations/{row['id']}"
        await audit.record(conn, actor, row["workspace_id"], "member.invitation_revoked", subject)


async def _role_of(conn: Conn, workspace_id: int, user_id: int) -> Role:
    row = await fetch_one(conn, sql.role_of_member, {"workspace_id": workspace_id, "user_id": user_id})
    if row is None:
        raise NotFound(f"no member {user_id}")
    return row["role"]


async def _check_other_owner(conn: Conn, workspace_id: int, user_id: int, role: Role) -> None:
    shared = (await owned_alone(conn, user_id)).get(workspace_id) if role == OWNER else None
    if shared:
        raise Conflict("the accounts of the other owners are disabled: make another member an owner first")
    if shared is not None:
        raise Conflict("the workspace would have no owner: make another member an owner first, or delete the workspace")
