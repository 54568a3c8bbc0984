"""Figures for charts over HTTP."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from app.domain import stats
from app.domain.stats import Hour
from app.http.errors import problems
from app.http.parameters import SenderIdFilter, ThePool, TheUser


@get("/hourly", summary="What became of attempts, hour by hour", responses=problems())
async def hourly_stats(
    pool: ThePool,
    user: TheUser,
    hours: Annotated[int, QueryParameter(name="hours", description="How many hours back.")] = 24,
    sender_id: SenderIdFilter = None,
) -> list[Hour]:
    return await stats.hourly(pool, user.id, hours, sender_id)


router = Router("/stats", tags=["stats"], route_handlers=[hourly_stats])
