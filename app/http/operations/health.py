"""For the operator: is the process alive, and can it do its work?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import msgspec
from litestar import Router, get

from app.domain.operations import readiness
from app.domain.operations.installation import trouble
from app.http.errors import problems
from app.http.parameters import TheInstallation, ThePool


class Health(msgspec.Struct):
    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, rename="camel"):
    """`otherInstallation`: why workers send nothing from this database. The API does its work all the same, so it is
    ready: people have to read the same in the dashboard.
    """

    status: Literal["ok"] = "ok"
    other_installation: str | msgspec.UnsetType = msgspec.UNSET


@get("/healthz", summary="Whether the process is alive")
async def healthz() -> Health:
    return Health()


@get(
    "/readyz",
    summary="Whether the database answers and has every migration",
    responses={HTTPStatus.SERVICE_UNAVAILABLE: problems()[HTTPStatus.SERVICE_UNAVAILABLE]},
)
async def readyz(pool: ThePool, installation: TheInstallation) -> Readiness:
    await readiness.check(pool)
    return Readiness(other_installation=await trouble(pool, installation) or msgspec.UNSET)


router = Router("/", tags=["health"], route_handlers=[healthz, readyz])
