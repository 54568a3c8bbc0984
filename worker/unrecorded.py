"""Reports that the ledger refuses, each by itself: kept, and offered again until the ledger takes them.

A report can be refused for what it says or for the rows that it meets. `worker.trade` records the others without it and
hands it over to `Unrecorded`, which belongs to the worker and not to a sender loop: that goes on, and may end.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import structlog

from app.db import Pool
from app.domain.ledger import exchange
from app.domain.ledger.claims import Claimant, Report
from app.domain.ledger.exchange import Patience
from worker.instruments import REPORTS_UNRECORDED

MOST_OF_A_SENDER = 8  # where more than that are refused, the fault is no report's
AGAIN_S = 5.0

log = structlog.get_logger()


class Unrecorded:
    """Keeps reports that were refused, and offers each to the ledger by itself every few seconds."""

    def __init__(self, pool: Pool, patience: Patience) -> None:
        self._pool = pool
        self._patience = patience
        self._kept: dict[tuple[Claimant, int], Report] = {}
        self._offering: asyncio.Task[None] | None = None

    def keep(self, claimant: Claimant, report: Report, error: Exception) -> bool:
        """Whether we take it over: not if there are many of the sender already."""
        if len(self.of(claimant)) >= MOST_OF_A_SENDER:
            return False
        self._kept[claimant, report.id] = report
        REPORTS_UNRECORDED.set(len(self._kept))
        log.error("the ledger refuses a report, which is kept and offered again", **_whole(report), error=str(error))
        if self._offering is None or self._offering.done():
            self._offering = asyncio.create_task(self._offer_again())
        return True

    def of(self, claimant: Claimant) -> set[int]:
        """The emails whose reports we keep: the ledger has them as claimed still."""
        return {email_id for who, email_id in self._kept if who == claimant}

    async def close(self) -> None:
        """Offer each a last time. A report refused even then is logged, and the sweep will find its email in doubt."""
        if self._offering is not None:
            self._offering.cancel()
            await asyncio.wait([self._offering])
        await self._offer()
        for (_, email_id), report in self._kept.items():
            log.error("a report was never recorded", email_id=email_id, **_whole(report))

    async def _offer_again(self) -> None:
        while self._kept:
            await asyncio.sleep(AGAIN_S)
            await self._offer()

    async def _offer(self) -> None:
        for (claimant, email_id), report in list(self._kept.items()):
            with suppress(Exception):  # as logged when it was refused first; the next time is soon
                async with self._pool.connection() as conn:
                    traded = await exchange.exchange(conn, claimant, [report], 0, patience=self._patience)
                    if traded.late:
                        await exchange.record_late(conn, claimant, [report])
                del self._kept[claimant, email_id]
                REPORTS_UNRECORDED.set(len(self._kept))
                log.info("a report that was refused is recorded", email_id=email_id)


def _whole(report: Report) -> dict[str, object]:
    """For the log, which is the only other place where this outcome stands."""
    return {"report": msgspec.structs.asdict(report)}
