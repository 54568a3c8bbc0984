"""The audit log over HTTP: a viewer reads that of their own account, whoever may send also the workspace's."""

from __future__ import annotations

from typing import Annotated

from litestar import get

from app.domain.pages import Page, PageRequest
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Entry
from app.domain.workspaces.roles import MEMBER, VIEWER, covers
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Limit, ThePool, TheUser


@get(
    "/audit",
    opt={"role": VIEWER},
    tags=["accounts"],
    summary="Who did what in the workspace and to one's own account, newest first",
    responses=problems(),
)
async def list_audit(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Entry], schema_name("AuditPage")]:
    workspace_id = user.workspace_id if covers(user.role, MEMBER) else None
    return await audit.list_entries(pool, workspace_id, user.id, PageRequest(limit, cursor))
