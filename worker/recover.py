"""Staying alive in the ledger's eyes, and cleaning up after those that did not.

Every worker renews its own lease and sweeps: emails of dead workers are put in doubt, cancels of large campaigns are
finished, jobs of dead queue workers removed, neglected senders woken. Sweeps of several workers do not harm each other.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from uuid import UUID

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from app.db import DATABASE_AWAY, Pool, transaction
from app.domain import campaigns, deliveries, workers

# A queue's worker gives a sign of life every 10 s, whatever our leases are.
STALLED_JOB_S = 60.0
LONGEST_PAUSE_S = 5.0  # between sweeps: well below the time a wake-up comes early

log = structlog.get_logger()


class LeaseLost(Exception):
    """We could not renew in time: what we held counts as in doubt, and we start over under a new name."""


class Lease:
    """Our sign of life in the ledger, and whether we may judge others by theirs.

    While Postgres cannot be reached nobody's lease is renewed, and whoever is back first would take the others for
    dead, or even itself. So only a worker whose own renewals have come in time for as long as a lease lasts may
    judge, and one that starts afresh.
    """

    def __init__(self, pool: Pool, token: UUID, lease_s: float, *, fresh: bool) -> None:
        self._pool = pool
        self._token = token
        self._lease_s = lease_s
        self._period_s = lease_s / 5
        self._renewed_at = time.monotonic()
        self._in_time_since = self._renewed_at - lease_s if fresh else self._renewed_at

    async def keep(self) -> None:
        """Renew it until cancelled. Raises LeaseLost."""
        while True:
            await asyncio.sleep(self._period_s)
            try:
                async with asyncio.timeout(self._lease_s):
                    if not await workers.renew(self._pool, self._token, self._lease_s):
                        raise LeaseLost
            except (*DATABASE_AWAY, TimeoutError) as error:
                log.warning("lease not renewed", error=str(error).strip())
                # Where one connection died the others probably did: callers would find out one by one.
                await self._pool.check()
                continue
            late = self._late
            self._renewed_at = time.monotonic()
            if late:
                self._in_time_since = self._renewed_at

    @property
    def may_judge(self) -> bool:
        return not self._late and time.monotonic() - self._in_time_since >= self._lease_s

    @property
    def _late(self) -> bool:
        return time.monotonic() - self._renewed_at > 2 * self._period_s


async def sweep(pool: Pool, queue: App, lease: Lease, lease_s: float, max_attempts: int) -> None:
    """Sweep every few seconds until cancelled."""
    pause_s = min(lease_s / 5, LONGEST_PAUSE_S)
    while True:
        try:
            async with transaction(pool) as conn:
                # Asked only now: the wait for a connection may have been a long one.
                in_doubt = await workers.recover(conn, max_attempts) if lease.may_judge else []
            for email in in_doubt:
                log.error("email of a lost worker is in doubt", **email)
            # As far ahead as the next sweep and some more: what a dead worker was waiting for still leaves on time.
            if woken := await workers.wake_neglected(pool, 2 * pause_s):
                log.info("woke neglected senders", sender_ids=woken)
            await deliveries.wake_neglected(pool)
            for campaign_id, cancelled in (await campaigns.finish_cancels(pool)).items():
                log.info("finished cancelling", campaign_id=campaign_id, emails=cancelled)
            for job in await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_JOB_S):
                # Not run again: the emails table alone says what is owed, and neglect was just looked for.
                with suppress(ConnectorException):  # another worker's sweep was faster
                    await queue.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
        except (*DATABASE_AWAY, ConnectorException) as error:
            log.warning("sweep failed, will be repeated", error=str(error).strip())
        await asyncio.sleep(pause_s)
