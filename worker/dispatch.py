"""One sender loop for each sender that has something to do, started and poked by wake-ups."""

from __future__ import annotations

import asyncio

import psycopg
import structlog
from structlog.contextvars import bind_contextvars

from app.jobs import defer_wake_up
from worker.desk import Desk
from worker.instruments import SENDER_LOOP_FAILURES, SENDER_LOOPS
from worker.sender_loop import SenderLoop
from worker.steps import Done, DueAt, End, Yielded

AGAIN_S = 5.0

log = structlog.get_logger()


class Dispatcher:
    """Holds the sender loops of this worker. One that fails begins anew a while later, and ends nothing else."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._loops: dict[int, tuple[SenderLoop, asyncio.Task[None]]] = {}
        self._stopping = False

    def wake(self, sender_id: int) -> None:
        """Look at this sender now."""
        if running := self._loops.get(sender_id):
            running[0].poke()
        elif not self._stopping:
            loop = SenderLoop(self._desk, sender_id)
            self._loops[sender_id] = (loop, asyncio.create_task(self._run(sender_id, loop)))

    def looked_after(self) -> list[int]:
        """The senders that have a loop."""
        return list(self._loops)

    async def stop(self) -> None:
        """Have all loops finish what is in flight, and wait for it."""
        self._stopping = True
        running = list(self._loops.values())
        for loop, _ in running:
            loop.stop()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)

    async def _run(self, sender_id: int, loop: SenderLoop) -> None:
        bind_contextvars(sender_id=sender_id)  # in this task and what it starts; job_id is that of the wake-up
        try:
            with SENDER_LOOPS.track_inprogress():
                end = await loop.run()
                while loop.poked and not self._stopping:
                    end = await loop.run()
        except Exception:
            log.exception("sender loop failed")
            SENDER_LOOP_FAILURES.inc()
            asyncio.get_running_loop().call_later(AGAIN_S, self.wake, sender_id)
            end = Done()
        del self._loops[sender_id]  # from here on a wake-up starts a new loop
        await self._defer_wake_up(sender_id, end)

    async def _defer_wake_up(self, sender_id: int, end: End) -> None:
        match end:
            case Done():
                return
            case DueAt(instant):
                due_at = instant
            case Yielded():
                due_at = None  # now
        try:
            async with self._desk.pool.connection() as conn:
                await defer_wake_up(conn, sender_id, due_at)
        except psycopg.Error:
            log.warning("wake-up not deferred, the sweep will find it")
