"""The audit log over HTTP."""

from __future__ import annotations

from typing import Annotated

from litestar import get

from app.domain.pages import Page, PageRequest
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Entry
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Limit, ThePool, TheUser


@get("/audit", tags=["accounts"], summary="What one did, newest first", responses=problems())
async def list_audit(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Entry], schema_name("AuditPage")]:
    return await audit.list_entries(pool, user.workspace_id, user.id, PageRequest(limit, cursor))
