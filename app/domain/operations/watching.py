"""One look at the database a second for all who watch a workspace, however many streams they have open.

Each `watch` gets all that was found and says itself what of it is news to its stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress

import structlog

from app.db import Pool
from app.domain.operations import events
from app.domain.operations.events import CampaignProgress, Event, SenderState

EVERY_S = 1.0

log = structlog.get_logger()


class Watching:
    """The watchers of workspaces, in this process. `stop` ends them all."""

    def __init__(self, pool: Pool, stop: asyncio.Event) -> None:
        self._pool = pool
        self._stop = stop
        self._lookouts: dict[int, _Lookout] = {}  # by workspace

    async def watch(self, workspace_id: int) -> AsyncGenerator[list[Event]]:
        """Every second what changed since the second before, first the state of all that moves; until it stops or the
        database does not answer.
        """
        lookout = self._lookouts.get(workspace_id)
        if lookout is None:
            lookout = _Lookout(self._pool, workspace_id, self._stop, over=lambda: self._lookouts.pop(workspace_id))
            self._lookouts[workspace_id] = lookout
        told: dict[tuple[str, int], Event] = {}
        number = 0
        lookout.watchers += 1
        try:
            while (number := await lookout.next(number)) is not None:
                changed = [event for event in lookout.found if told.get((event.kind, event.id)) != event]
                told |= {(event.kind, event.id): event for event in changed}
                yield changed
        finally:
            lookout.watchers -= 1

    async def end(self) -> None:
        """Wait until nobody looks any more, `stop` being set: a cancel in a query would cost the pool a connection."""
        await asyncio.gather(*(lookout.task for lookout in tuple(self._lookouts.values())))


class _Lookout:
    """Looks for one workspace as long as it has watchers. `found`: what the last look, the `number`th, found."""

    def __init__(self, pool: Pool, workspace_id: int, stop: asyncio.Event, over: Callable[[], object]) -> None:
        self.watchers = 0
        self.found: Sequence[Event] = ()
        self._number = 0
        self._is_over = False
        self._looked = asyncio.Condition()
        self.task = asyncio.create_task(self._look(pool, workspace_id, stop, over))

    async def next(self, number: int) -> int | None:
        """Wait for a look after the `number`th, and give its own; None: there are no more."""
        async with self._looked:
            await self._looked.wait_for(lambda: self._is_over or self._number > number)
        return None if self._is_over else self._number

    async def _look(self, pool: Pool, workspace_id: int, stop: asyncio.Event, over: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                self.found = await events.look(pool, workspace_id, *_to_follow(self.found))
                self._number += 1
                await self._tell()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), EVERY_S)
                if not self.watchers:
                    break
        except Exception:  # what it is concerns all who watch: their streams end, and they ask anew
            log.exception("the events of a workspace cannot be read", workspace_id=workspace_id)
        finally:
            self._is_over = True
            over()  # nobody joins any more
            await self._tell()

    async def _tell(self) -> None:
        async with self._looked:
            self._looked.notify_all()


def _to_follow(found: Sequence[Event]) -> tuple[list[int], list[int]]:
    """The campaigns and senders to look at once more, even if nothing of them moves then: that is news."""
    campaigns = [e.id for e in found if isinstance(e, CampaignProgress) and e.status in {"ACTIVE", "PAUSED"}]
    senders = [e.id for e in found if isinstance(e, SenderState) and (e.blocked_until or e.held)]
    return campaigns, senders
