"""Staying alive in the ledger's eyes, and cleaning up after those that did not.

Every worker renews its own lease and sweeps: emails of dead workers are put in doubt, cancels of large campaigns are
finished, jobs of dead queue workers removed, neglected senders woken. Sweeps of several workers do not harm each other.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from app.db import Pool
from app.domain import campaigns, workers
from worker.send import DATABASE_AWAY

# A queue's worker gives a sign of life every 10 s, whatever our leases are.
STALLED_JOB_S = 60.0
LONGEST_PAUSE_S = 5.0  # between sweeps: well below the time a wake-up comes early

log = structlog.get_logger()


class LeaseLost(Exception):
    """We could not renew in time: what we held counts as in doubt, and we start over under a new name."""


async def keep_lease(pool: Pool, token: UUID, lease_s: float) -> None:
    """Renew the lease until cancelled. Raises LeaseLost."""
    while True:
        await asyncio.sleep(lease_s / 5)
        try:
            if not await workers.renew(pool, token, lease_s):
                raise LeaseLost
        except DATABASE_AWAY as error:
            log.warning("lease not renewed", error=str(error).strip())
            await pool.check()  # where one connection died the others probably did: callers would find out one by one


async def sweep(pool: Pool, queue: App, lease_s: float, max_attempts: int) -> None:
    """Sweep every few seconds until cancelled."""
    pause_s = min(lease_s / 5, LONGEST_PAUSE_S)
    while True:
        try:
            if in_doubt := await workers.recover(pool, lease_s, max_attempts):
                log.error("emails of a lost worker are in doubt", emails=in_doubt)
            # As far ahead as the next sweep and some more: what a dead worker was waiting for still leaves on time.
            if woken := await workers.wake_neglected(pool, 2 * pause_s):
                log.info("woke neglected senders", senders=woken)
            if cancelled := await campaigns.finish_cancels(pool):
                log.info("finished cancelling", emails=cancelled)
            for job in await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_JOB_S):
                # Not run again: the emails table alone says what is owed, and neglect was just looked for.
                with suppress(ConnectorException):  # another worker's sweep was faster
                    await queue.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
        except (*DATABASE_AWAY, ConnectorException) as error:
            log.warning("sweep failed, will be repeated", error=str(error).strip())
        await asyncio.sleep(pause_s)
