"""Lanes: the SMTP connections of one sender in this worker, each used for one message at a time.

A lane offers itself for work only once it is connected and logged in, so a server that is down costs no email
anything. The budget shares the worker's lanes among the senders it looks after.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple, Protocol

from app import traces
from app.domain.emails import Claim, Report
from worker.connect import Server
from worker.instruments import CONNECT_DURATION, CONNECTION_FAILURES, LANES_OPEN
from worker.smtp import Conversation
from worker.verdicts import Fault, ServerTrouble


class Budget:
    """How many lanes this worker may have open, and who waits for one."""

    def __init__(self, size: int) -> None:
        self.free = size
        self._size = size
        self._holders: dict[Callable[[], None], int] = {}
        self._waiting: dict[Callable[[], None], None] = {}

    def take(self, wake: Callable[[], None], wanted: int) -> int:
        """Take up to `wanted` lanes; `wake`, which names the taker, is called when one may be had again."""
        taken = min(wanted, self.free)
        if taken:
            self.free -= taken
            LANES_OPEN.inc(taken)
            self._holders[wake] = self._holders.get(wake, 0) + taken
            self._waiting.pop(wake, None)
        elif wake not in self._holders and wake not in self._waiting:
            self._waiting[wake] = None
            for holder in list(self._holders):
                holder()  # it may have lanes to spare
        return taken

    def give_back(self, wake: Callable[[], None], count: int = 1) -> None:
        self.free += count
        LANES_OPEN.dec(count)
        self._holders[wake] -= count
        if not self._holders[wake]:
            del self._holders[wake]
        self._wake_next()

    def leave(self, wake: Callable[[], None]) -> None:
        """Wait no longer; a free lane is the next one's."""
        if wake in self._waiting:
            del self._waiting[wake]
            self._wake_next()

    def _wake_next(self) -> None:
        """First come, first served, and one for each free lane: thousands may wait."""
        for waiter in list(islice(self._waiting, self.free)):
            waiter()

    def surplus(self, wake: Callable[[], None]) -> int:
        """How many of its lanes the holder should let go, since others have none."""
        if not self._waiting:
            return 0
        share = max(1, self._size // (len(self._holders) + len(self._waiting)))
        return max(0, self._holders.get(wake, 0) - share)

    def awaited_by(self, wake: Callable[[], None]) -> bool:
        """Whether it waits for a lane."""
        return wake in self._waiting

    @property
    def contended(self) -> bool:
        return bool(self._waiting)


class Result(NamedTuple):
    """What a lane says after a message: the report for the ledger, whose fault a failure was."""

    report: Report
    fault: Fault


class Crew(Protocol):
    """What a lane needs of the sender loop it works for."""

    sender_id: int
    local_hostname: str

    @property
    def server(self) -> Server: ...
    async def deliver(self, conversation: Conversation, claim: Claim) -> Result: ...
    def idle(self, lane: Lane) -> None: ...
    def finished(self, result: Result) -> None: ...
    def ended(self, lane: Lane, trouble: ServerTrouble | None) -> None: ...


class Lane:
    """One connection and the task that works it. It ends when retired, or when its server will not have it."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._conversation: Conversation | None = None
        self._next: asyncio.Future[Claim | None] | None = None
        self.idle_since = 0.0
        self.outdated = False  # no further message on this connection: the server changed, or the loop ends
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self._work())

    @property
    def connected(self) -> bool:
        return self._conversation is not None and self._conversation.connected

    def give(self, claim: Claim | None) -> None:
        """Hand an idle lane its next email; None retires it."""
        assert self._next is not None  # noqa: S101 -- only an idle lane is given anything
        self._next.set_result(claim)

    async def _connect(self) -> Conversation:
        began = time.perf_counter()
        with traces.span("smtp connect", sender_id=self._crew.sender_id):
            conversation = await Conversation.open(self._crew.server, self._crew.local_hostname)
        CONNECT_DURATION.observe(time.perf_counter() - began)
        return conversation

    async def _work(self) -> None:
        trouble: ServerTrouble | None = None
        try:
            while not self.outdated:
                if self._conversation is None or not self._conversation.connected:
                    self._conversation = await self._connect()
                    continue  # that took a while: it may be outdated now
                self._next = self._loop.create_future()
                self._crew.idle(self)
                claim = await self._next
                if claim is None:
                    return
                result = await self._crew.deliver(self._conversation, claim)
                self._crew.finished(result)
                if result.fault == "sender":
                    return
                if result.fault == "connection":
                    await self._conversation.close()
        except ServerTrouble as error:
            trouble = error
            CONNECTION_FAILURES.labels(error.kind).inc()
        finally:
            try:
                if self._conversation is not None:
                    await self._conversation.close()
            finally:
                self._crew.ended(self, trouble)
