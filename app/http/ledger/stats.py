"""Figures for charts over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import Router, get
from litestar.params import QueryParameter

from app.domain.ledger import stats
from app.domain.ledger.stats import Hour, Totals
from app.domain.planning import forecast
from app.domain.planning import planned as planning
from app.domain.planning.forecast import ForecastOfAll
from app.domain.planning.planned import Planned
from app.domain.workspaces.roles import VIEWER
from app.http.errors import problems
from app.http.parameters import CampaignIdFilter, SenderIdFilter, ThePool, TheUser


@get("/hourly", opt={"role": VIEWER}, summary="What became of attempts, hour by hour", responses=problems())
async def hourly_stats(
    pool: ThePool,
    user: TheUser,
    hours: Annotated[int, QueryParameter(name="hours", description="How many hours back.")] = 24,
    sender_id: SenderIdFilter = None,
) -> list[Hour]:
    return await stats.hourly(pool, user.workspace_id, hours, sender_id)


@get(
    "/totals",
    opt={"role": VIEWER},
    summary="How many emails are in each status, and how many are due",
    responses=problems(),
)
async def email_totals(
    pool: ThePool,
    user: TheUser,
    due_before: Annotated[
        datetime | None, QueryParameter(name="dueBefore", description="Count what is due before then, not by now.")
    ] = None,
) -> Totals:
    return await stats.totals(pool, user.workspace_id, due_before)


@get("/planned", opt={"role": VIEWER}, summary="What is planned to go when, over all campaigns", responses=problems())
async def planned_emails(
    pool: ThePool,
    user: TheUser,
    hours: Annotated[int, QueryParameter(name="hours", description="How many hours ahead.")] = 24 * 7,
    campaign_id: CampaignIdFilter = None,
    sender_id: SenderIdFilter = None,
) -> Planned:
    return await planning.planned(pool, user.workspace_id, hours, campaign_id, sender_id)


@get(
    "/forecast",
    opt={"role": VIEWER},
    summary="What campaigns planned first, and what was sent, over all of them",
    responses=problems(),
)
async def forecast_of_all(
    pool: ThePool,
    user: TheUser,
    days: Annotated[int, QueryParameter(name="days", description="How many days back.")] = 30,
) -> ForecastOfAll:
    return await forecast.of_all(pool, user.workspace_id, days)


router = Router("/stats", tags=["stats"], route_handlers=[hourly_stats, email_totals, planned_emails, forecast_of_all])
