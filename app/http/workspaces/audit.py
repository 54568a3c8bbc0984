"""The audit log over HTTP: a viewer reads that of their own account, members also the workspace's. A key reads the
workspace's alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get

from app.domain.accounts.users import User
from app.domain.pages import Page, PageRequest
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Entry
from app.domain.workspaces.roles import MEMBER, VIEWER, covers
from app.http.auth import Access
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Limit, ThePool


@get(
    "/audit",
    opt={"role": VIEWER},
    tags=["accounts"],
    summary="Who did what in the workspace and to one's own account, newest first",
    responses=problems(),
)
async def list_audit(
    request: Request[User, Access, Any], pool: ThePool, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Entry], schema_name("AuditPage")]:
    user = request.user
    workspace_id = user.workspace_id if covers(user.role, MEMBER) else None
    user_id = user.id if request.auth.session_id is not None else None
    return await audit.list_entries(pool, workspace_id, user_id, PageRequest(limit, cursor))
