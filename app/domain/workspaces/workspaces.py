"""Workspaces: made, listed, renamed, deleted.

Everybody is a member of some workspace at every instant: an account begins with one of its own, and a person who loses
the last one (removed from it, or it was deleted) gets a new one. A transaction that locks people and workspaces locks
people first.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from app.bounds import Bounds
from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.senders.draft import SenderDraft
from app.domain.senders.senders import insert_sender
from app.domain.workspaces import audit, postal_addresses
from app.domain.workspaces.roles import VIEWER, Role
from app.errors import Conflict, InvalidInput, NotFound
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

MOST_OWNED = 20  # by one person
MOST_LISTED = 500
NAME = Bounds(1, 100)  # characters
BOUNCE_LIMIT = Bounds(1, 100)  # percent
DEFAULT_BOUNCE_LIMIT = 5  # as the column's


class Workspace(msgspec.Struct, rename="camel"):
    """One of the person's. `selected`: it is the one that this request is about. `bounce_limit`: a campaign pauses
    itself once more percent of those who were written to do not exist; None: none does. `postal_address`: what messages
    end with, of campaigns that are scheduled from now on. `responses_for`: the least role that reads what came back.
    """

    id: int
    name: str
    role: Role
    created_at: datetime
    selected: bool
    bounce_limit: int | None
    postal_address: str | None
    responses_for: Role


async def make(
    conn: Conn, box: SecretBox, user_id: int, email: str, name: str, *, default_hourly_limit: int
) -> tuple[int, datetime]:
    """A workspace that the user owns, with a default sender that uses the fallback server; its id and when."""
    made = await fetch_exactly_one(conn, sql.insert_workspace, {"name": name, "user_id": user_id})
    workspace_id = int(made["id"])
    sender = SenderDraft(email=email)
    await insert_sender(conn, box, workspace_id, sender, default_hourly_limit=default_hourly_limit, is_default=True)
    return workspace_id, made["created_at"]


async def make_for_homeless(conn: Conn, box: SecretBox, people: Collection[int], *, default_hourly_limit: int) -> None:
    """A workspace of their own for those of `people`, locked by `lock_people`, who are members of none any more."""
    for row in await fetch_all(conn, sql.people_without, {"user_ids": list(people)}):
        await make(conn, box, row["id"], row["email"], row["email"], default_hourly_limit=default_hourly_limit)


async def lock_people(conn: Conn, people: Collection[int]) -> None:
    """Nobody else changes whether they are members of anything until the end of the transaction."""
    await conn.execute(sql.lock_people, {"user_ids": sorted(people)})


async def create(
    pool: Pool, box: SecretBox, actor: Actor, email: str, name: str, *, default_hourly_limit: int
) -> Workspace:
    """A further workspace of the actor, whose address is `email`. Raises InvalidInput, Conflict."""
    name = _check_name(name)
    assert actor.user_id is not None  # noqa: S101 -- somebody is logged in
    async with transaction(pool) as conn:
        await lock_people(conn, [actor.user_id])
        owned = (await fetch_exactly_one(conn, sql.count_owned, {"user_id": actor.user_id}))["owned"]
        if owned >= MOST_OWNED:
            raise Conflict(f"you own {owned} workspaces, which is the most; delete one first")
        limit = default_hourly_limit
        workspace_id, at = await make(conn, box, actor.user_id, email, name, default_hourly_limit=limit)
        await audit.record(conn, actor, workspace_id, "workspace.created", f"workspaces/{workspace_id}")
    return Workspace(
        workspace_id,
        name,
        "owner",
        at,
        selected=False,
        bounce_limit=DEFAULT_BOUNCE_LIMIT,
        postal_address=None,
        responses_for=VIEWER,
    )


async def list_of(pool: Pool, user_id: int, selected_id: int, *, only: int | None = None) -> list[Workspace]:
    """The user's workspaces in the order in which they joined them, or only the one named."""
    params = {"user_id": user_id, "only": only, "limit": MOST_LISTED}
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.list_workspaces, params)
    return [Workspace(**row, selected=row["id"] == selected_id) for row in rows]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The changes to make; UNSET leaves a field as it is, None removes where there may be none."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    bounce_limit: int | msgspec.UnsetType | None = msgspec.UNSET
    postal_address: str | msgspec.UnsetType | None = msgspec.UNSET
    responses_for: Role | msgspec.UnsetType = msgspec.UNSET


async def change(pool: Pool, actor: Actor, workspace_id: int, changes: Changes) -> None:
    """Raises InvalidInput, NotFound."""
    asked: dict[str, object] = {
        name: it for name, it in msgspec.structs.asdict(changes).items() if it is not msgspec.UNSET
    }
    if changes.name is not msgspec.UNSET:
        asked["name"] = _check_name(changes.name)
    limit = changes.bounce_limit
    if isinstance(limit, int) and not BOUNCE_LIMIT.allow(limit):
        raise InvalidInput({"bounceLimit": f"give {BOUNCE_LIMIT} percent, or null for no limit"})
    if not isinstance(changes.postal_address, msgspec.UnsetType):
        asked["postal_address"] = postal_addresses.checked(changes.postal_address)
    async with transaction(pool) as conn:
        params = {"workspace_id": workspace_id, "names": list(asked)} | dict.fromkeys(Changes.__struct_fields__) | asked
        if await fetch_one(conn, sql.change_workspace, params) is None:
            raise NotFound(f"no workspace {workspace_id}")
        if "name" in asked:
            await audit.record(conn, actor, workspace_id, "workspace.renamed", f"workspaces/{workspace_id}")
        if asked.keys() - {"name"}:
            await audit.record(conn, actor, workspace_id, "workspace.changed", f"workspaces/{workspace_id}")


async def delete(pool: Pool, box: SecretBox, actor: Actor, workspace_id: int, *, default_hourly_limit: int) -> None:
    """From the commit on nobody is a member and no key opens it; retention removes the rows, however many.

    Raises NotFound, and Conflict for somebody's last workspace, while anything in it is to be sent and when somebody
    joins it meanwhile.
    """
    assert actor.user_id is not None  # noqa: S101 -- somebody is logged in
    named = {"workspace_id": workspace_id}
    async with transaction(pool) as conn:
        people = await _people_of(conn, workspace_id)
        await lock_people(conn, people)
        if await fetch_one(conn, sql.lock_workspace_to_delete, named) is None:
            raise NotFound(f"no workspace {workspace_id}")
        if await _people_of(conn, workspace_id) - people:  # they may leave their other workspaces this moment
            raise Conflict("somebody has just joined the workspace; try again")
        if not (await fetch_exactly_one(conn, sql.has_another, named | {"user_id": actor.user_id}))["has_another"]:
            raise Conflict("this is your last workspace; make another one first")
        await close(conn, workspace_id)
        await make_for_homeless(conn, box, people, default_hourly_limit=default_hourly_limit)
        # In the account's own log: that of the workspace goes with it.
        await audit.record(conn, actor, None, "workspace.deleted", f"workspaces/{workspace_id}")


async def close(conn: Conn, workspace_id: int) -> None:
    """Nobody is a member of the locked workspace any more. Raises Conflict while anything in it is to be sent."""
    await check_nothing_owed(conn, workspace_id)
    await conn.execute(sql.delete_workspace, {"workspace_id": workspace_id})


async def check_nothing_owed(conn: Conn, workspace_id: int) -> None:
    """Raises Conflict while anything in the locked workspace is to be sent."""
    owed = await fetch_exactly_one(conn, sql.owed_by_workspace, {"workspace_id": workspace_id})
    if owed["campaigns"]:
        raise Conflict(f"campaigns that are not over: {owed['campaigns']}; cancel them or let them finish first")
    if owed["sending"]:
        raise Conflict(f"{owed['sending']} emails are being sent this moment; try again in a minute")


async def _people_of(conn: Conn, workspace_id: int) -> set[int]:
    return {row["user_id"] for row in await fetch_all(conn, sql.people_of, {"workspace_id": workspace_id})}


def _check_name(name: str) -> str:
    name = name.strip()
    if not NAME.allow(len(name)) or not name.isprintable():
        raise InvalidInput({"name": f"give {NAME} characters on one line"})
    return name
