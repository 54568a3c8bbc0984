"""Removing what is old, a little at a time: by the live worker that started first, so that one does it at a time.

It never takes more than half of one connection's time: after each batch it rests for as long as the batch took.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import structlog
from procrastinate import App

from app.db import Pool
from app.domain.ledger import retention
from app.domain.planning import forecast
from app.settings import Settings
from worker.housekeeping import step

EVERY_S = 600.0
FAILED_JOBS_KEPT_HOURS = 7 * 24  # those that succeed go at once

log = structlog.get_logger()


async def clean_up(pool: Pool, queue: App, token: UUID, settings: Settings) -> None:
    """Remove what is due, at once and then every ten minutes until cancelled."""
    while True:
        ours = False
        with step("clean_up"):
            ours = await retention.begin(pool, token)
        if ours:
            with step("forecasts"):  # before the emails of their campaigns go
                await forecast.measure_what_is_over(pool)
            for chore in retention.chores(settings):
                with step(chore.what):
                    await _do(pool, token, chore)
            with step("old_jobs"):
                await queue.job_manager.delete_old_jobs(
                    FAILED_JOBS_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
                )
        await asyncio.sleep(EVERY_S)


async def _do(pool: Pool, token: UUID, chore: retention.Chore) -> None:
    total = 0
    began = time.monotonic()
    while (removed := await retention.remove_batch(pool, token, chore)) is not None:
        total += removed
        await asyncio.sleep(time.monotonic() - began)
        began = time.monotonic()
    if total:
        log.info("removed what was old", what=chore.what, rows=total)
