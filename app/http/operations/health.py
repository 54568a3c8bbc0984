"""For the operator: is the process alive, and can it do its work?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import msgspec
from litestar import Router, get

from app.domain.operations import readiness
from app.http.errors import problems
from app.http.parameters import ThePool


class Health(msgspec.Struct):
    status: Literal["ok"] = "ok"


@get("/healthz", summary="Whether the process is alive")
async def healthz() -> Health:
    return Health()


@get(
    "/readyz",
    summary="Whether the database answers and has every migration",
    responses={HTTPStatus.SERVICE_UNAVAILABLE: problems()[HTTPStatus.SERVICE_UNAVAILABLE]},
)
async def readyz(pool: ThePool) -> Health:
    await readiness.check(pool)
    return Health()


router = Router("/", tags=["health"], route_handlers=[healthz, readyz])
