"""The roles that may read responses: those are people's mail, and a workspace says from which role on."""

from __future__ import annotations

from app.db import Pool, fetch_one, transaction
from app.domain.workspaces.roles import Role, covers
from app.errors import Forbidden
from app.sql import queries

sql = queries(__name__)


async def check(pool: Pool, workspace_id: int, role: Role) -> None:
    """Raises Forbidden for a role that does not read it."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.responses_for, {"workspace_id": workspace_id})
    if row is None or not covers(role, row["responses_for"]):
        needed = "owner" if row is None else row["responses_for"]
        raise Forbidden(f"what came back is for the role {needed} in this workspace, and you are {role}")
