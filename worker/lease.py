"""A worker's sign of life in the ledger, which it renews until it ends or cannot renew in time."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import psycopg
import structlog

from app.db import Pool
from app.domain.operations import workers
from app.domain.operations.installation import Ours

log = structlog.get_logger()


class LeaseLost(Exception):
    """We could not renew in time: what we held counts as in doubt, and we start over under a new name."""


class Lease:
    """Our sign of life in the ledger, and whether we may judge others by theirs.

    While Postgres cannot be reached no worker's lease is renewed, and the first that is back would take the others for
    dead, or even itself. So only a worker that could renew in time for as long as a lease lasts may judge. One that
    starts may be the first that is back, too.
    """

    def __init__(self, pool: Pool, token: UUID, lease_s: float, ours: Ours) -> None:
        self._pool = pool
        self._ours = ours
        self._token = token
        self._lease_s = lease_s
        self._period_s = lease_s / 5
        self._renewed_at = time.monotonic()
        self._in_time_since = self._renewed_at  # we have registered just now

    async def keep(self) -> None:
        """Renew it until cancelled. Raises LeaseLost, OtherInstallation."""
        while True:
            await asyncio.sleep(self._period_s)
            try:
                async with asyncio.timeout(self._lease_s):
                    if not await workers.renew(self._pool, self._token, self._lease_s, self._ours):
                        raise LeaseLost
            except (psycopg.Error, TimeoutError) as error:
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
