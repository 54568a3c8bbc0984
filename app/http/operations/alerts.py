"""Alerts over HTTP."""

from __future__ import annotations

from litestar import get

from app.domain.operations import alerts
from app.domain.operations.alerts import Alert
from app.domain.workspaces.roles import VIEWER
from app.http.errors import problems
from app.http.parameters import TheInstallation, ThePool, TheUser


@get("/alerts", opt={"role": VIEWER}, tags=["alerts"], summary="What needs a person right now", responses=problems())
async def list_alerts(pool: ThePool, user: TheUser, installation: TheInstallation) -> list[Alert]:
    return await alerts.list_alerts(pool, user.workspace_id, user.role, installation)
