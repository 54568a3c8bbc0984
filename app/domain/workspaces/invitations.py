"""Invitations into a workspace: a link that works once, for a week, for one address if it names one.

It opens no more than its maker could: it ends when they own the workspace no more, and with a reset of their
password. A person who has an
account accepts it when logged in; one who has none registers with it, though registration be closed.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.accounts.attempts import count_visitor
from app.domain.accounts.tokens import digest, new_token
from app.domain.workspaces import audit, members
from app.domain.workspaces.roles import Role
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.mail.addresses import InvalidAddress, normalize
from app.sql import queries

sql = queries(__name__)

INVITATION_S = 7 * 24 * 3600
MOST_OPEN = 100  # in one workspace


class WorkspaceInvitation(msgspec.Struct, rename="camel"):
    """`email` None: for whoever has the link. `token` is there only when it has just been made."""

    id: int
    role: Role
    email: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    token: str | msgspec.UnsetType = msgspec.UNSET


class Offer(msgspec.Struct, rename="camel"):
    """The workspace and role that an invitation leads to. `invited_by` is the address of its maker."""

    workspace_name: str
    role: Role
    invited_by: str
    expires_at: datetime


async def invite(pool: Pool, actor: Actor, workspace_id: int, role: Role, email: str | None) -> WorkspaceInvitation:
    """A link for one person. Raises InvalidInput, NotFound, Forbidden, and Conflict when too many are open."""
    token = new_token()
    params = {
        "workspace_id": workspace_id,
        "token_sha256": digest(token),
        "user_id": actor.user_id,
        "role": role,
        "email": None if email is None else _check_email(email),
        "for_s": INVITATION_S,
    }
    async with transaction(pool) as conn:  # the service's, which locks workspaces
        await members.lock_as_owner(conn, actor, workspace_id)  # of two together, the second counts the first
        count = await fetch_exactly_one(conn, sql.count_open_workspace_invitations, {"workspace_id": workspace_id})
        if count["open"] >= MOST_OPEN:
            raise Conflict(f"{count['open']} invitations are open; take some back first")
        row = await fetch_exactly_one(conn, sql.insert_workspace_invitation, params)
        subject = f"members/invitations/{row['id']}, {role}"
        await audit.record(conn, actor, workspace_id, "member.invited", subject)
    return WorkspaceInvitation(**row, token=token)


async def list_invitations(pool: Pool, workspace_id: int) -> list[WorkspaceInvitation]:
    """Newest first, used ones included."""
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "limit": 5 * MOST_OPEN}
        return [WorkspaceInvitation(**row) for row in await fetch_all(conn, sql.list_workspace_invitations, params)]


async def revoke(pool: Pool, actor: Actor, workspace_id: int, invitation_id: int) -> None:
    """Raises NotFound for one that is not there or used already."""
    params = {"workspace_id": workspace_id, "invitation_id": invitation_id}
    async with transaction(pool, workspace_id) as conn:
        if await fetch_one(conn, sql.revoke_workspace_invitation, params) is None:
            raise NotFound(f"no open invitation {invitation_id}")
        subject = f"members/invitations/{invitation_id}"
        await audit.record(conn, actor, workspace_id, "member.invitation_revoked", subject)


async def look_up(pool: Pool, actor: Actor, token: str) -> Offer:
    """The invitation's offer, for anybody who has its link. Raises NotFound for one that opens nothing, TooMany."""
    await count_visitor(pool, actor, "invitation")
    async with transaction(pool) as conn:
        row = await find_open(conn, token, None)
    if row is None:
        raise NotFound("this invitation is not, or no longer, valid; ask for a new one")
    return Offer(**{name: row[name] for name in Offer.__struct_fields__})


async def accept(pool: Pool, actor: Actor, email: str, token: str) -> int:
    """The actor, whose address is `email`, joins; the workspace's id. Raises Forbidden, Conflict."""
    async with transaction(pool) as conn:
        invitation = await take(conn, token, email)
        if invitation is None:
            raise Forbidden("this invitation is not, or no longer, valid for your address; ask for a new one")
        return await join(conn, actor, invitation)


async def find_open(conn: Conn, token: str, email: str | None) -> Row | None:
    """The invitation, if it is one that can be used, by whoever has the link or this address."""
    return await fetch_one(conn, sql.open_workspace_invitation, {"token_sha256": digest(token), "email": email})


async def take(conn: Conn, token: str, email: str) -> Row | None:
    """Use the invitation up, if it is one and for this address; its workspace and role. None: it is not."""
    await conn.execute(sql.lock_workspace_of_invitation, {"token_sha256": digest(token)})
    invitation = await find_open(conn, token, email)
    used = invitation and await fetch_one(conn, sql.use_workspace_invitation, invitation)
    return invitation if used else None


async def join(conn: Conn, actor: Actor, invitation: Row) -> int:
    """The actor joins with the role that `take` gave; the workspace's id. Raises NotFound, Conflict."""
    assert actor.user_id is not None  # noqa: S101 -- somebody is logged in, or has just registered
    workspace_id = int(invitation["workspace_id"])
    await members.join(conn, workspace_id, actor.user_id, invitation["role"])
    subject = f"members/{actor.user_id}, {invitation['role']}"
    await audit.record(conn, actor, workspace_id, "member.joined", subject)
    return workspace_id


def _check_email(email: str) -> str:
    try:
        return normalize(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
