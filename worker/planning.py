"""Plans that were changed, made again in the background: senders take turns, and each rests after a batch, so that
sending goes on beside it.
"""

from __future__ import annotations

import asyncio

import structlog

from app.db import Pool
from app.domain.planning.changes import carry_out
from app.errors import PlanChanging
from app.turns import Turns
from worker.housekeeping import step

AT_ONCE = 3
REST = 2.0  # times as long as a batch took

log = structlog.get_logger()


class Planning:
    """Makes the plans that were asked for. One that fails is asked for still, and the sweep has it made again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turns = Turns(AT_ONCE, of_one=AT_ONCE - 1)
        self._at_work: dict[int, asyncio.Task[None]] = {}
        self._asked = set[int]()  # while at work

    def wake(self, workspace_id: int, sender_id: int) -> None:
        """Plan what was asked for the sender."""
        self._asked.add(sender_id)
        if sender_id not in self._at_work:
            self._at_work[sender_id] = asyncio.create_task(self._plan(workspace_id, sender_id))

    async def stop(self) -> None:
        """End at once: a batch that is not through yet is taken back."""
        running = list(self._at_work.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _plan(self, workspace_id: int, sender_id: int) -> None:
        try:
            async with self._turns.take(workspace_id):
                while sender_id in self._asked:
                    self._asked.discard(sender_id)
                    with step("plan_again"):
                        try:
                            if await carry_out(self._pool, workspace_id, sender_id, rest=REST):
                                log.info("planned again", sender_id=sender_id)
                        except PlanChanging:
                            log.info("somebody else plans for the sender", sender_id=sender_id)
        finally:
            self._asked.discard(sender_id)
            del self._at_work[sender_id]
