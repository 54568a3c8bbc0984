"""The desk that a worker's sender loops share: above all the budget of its lanes, which each sender gets some of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from app.db import Pool, Row
from app.domain.ledger.claims import Claimant
from app.domain.ledger.exchange import Patience
from app.mail.opaque import Links, MessageIds
from worker.connect import Server
from worker.instruments import LANES_OPEN
from worker.pieces import Pieces
from worker.unrecorded import Unrecorded

LENT_AFTER_S = 1.0  # of connecting
HUNGRY_S = 2.0  # how long a refusal is remembered: longer than a sender waits before it asks again


def reserve_of(size: int) -> int:
    """How many lanes are kept for senders that have none: one in eight, so that servers that hang hold never all."""
    return min(size - 1, max(1, size // 8))


def size_for_one(lanes: int) -> int:
    """The smallest budget of which one sender may have that many lanes."""
    size = lanes
    while size > 1 and size - reserve_of(size) < lanes:
        size += 1
    return size


class Budget:
    """How many lanes this worker may have open, and who waits for one.

    A sender that has a lane gets another only while more are free than the reserve. One that has less than its share
    and gets none makes those that have more let go of what falls idle.
    """

    def __init__(self, size: int) -> None:
        self.free = size
        self._size = size
        self._reserve = reserve_of(size)
        self._lent = 0
        self._holders: dict[Callable[[], None], int] = {}
        self._waiting: dict[Callable[[], None], None] = {}
        self._called = set[Callable[[], None]]()  # of those, who were woken for a lane and have not come for it yet
        self.helpless_until = 0.0  # time.monotonic(): until then nobody asks once more whether there are other workers
        self._hungry: dict[Callable[[], None], float] = {}  # with lanes, but fewer than their share: when last refused

    def room(self, wake: Callable[[], None]) -> int:
        """How many lanes it could take now."""
        beyond_reserve = max(self.free - self._reserve, 0)
        return beyond_reserve if wake in self._holders else max(beyond_reserve, min(self.free, 1), 0)

    def take(self, wake: Callable[[], None], wanted: int) -> int:
        """Take up to `wanted` lanes; `wake`, which names the taker, is called when one may be had again."""
        taken = min(wanted, self.room(wake))
        self._hungry.pop(wake, None)
        if taken:
            self.free -= taken
            LANES_OPEN.inc(taken)
            self._holders[wake] = self._holders.get(wake, 0) + taken
            self._waiting.pop(wake, None)
        elif wake not in self._holders and wake not in self._waiting:
            is_first = not self._waiting
            self._waiting[wake] = None
            for holder in list(self._holders) if is_first else ():  # those behind find that they were told
                holder()  # it may have lanes to spare
        elif self._holders.get(wake, 0) < self._share:
            self._hungry[wake] = time.monotonic()
        return taken

    def answered(self, wake: Callable[[], None]) -> None:
        """It has come for the lane that it was woken for, whether it takes it or not: from here on it is woken anew."""
        self._called.discard(wake)

    def give_back(self, wake: Callable[[], None], count: int = 1) -> None:
        self.free += count
        LANES_OPEN.dec(count)
        self._holders[wake] -= count
        if not self._holders[wake]:
            del self._holders[wake]
            self._hungry.pop(wake, None)
        self._wake_next()

    @contextmanager
    def connecting(self) -> Generator[None]:
        """While a lane connects. Once that takes long, others may have one in its place, so servers that do not answer
        hold nobody's lanes; then there may be more than the budget, twice as many at the most.
        """
        lent = False

        def lend() -> None:
            nonlocal lent
            if self._lent < self._size:
                lent = True
                self._lent += 1
                self.free += 1
                self._wake_next()

        timer = asyncio.get_running_loop().call_later(LENT_AFTER_S, lend)
        try:
            yield
        finally:
            timer.cancel()
            if lent:
                self._lent -= 1
                self.free -= 1

    def leave(self, wake: Callable[[], None]) -> None:
        """Wait no longer; a free lane is the next one's."""
        self._called.discard(wake)
        if wake in self._waiting:
            del self._waiting[wake]
            self._wake_next()

    def _wake_next(self) -> None:
        """First come, first served, and one for each free lane: thousands may wait. A loop that is on the way is not
        woken once more, or it would look at the ledger once more.
        """
        for waiter in list(islice(self._waiting, max(self.free, 0))):
            if waiter not in self._called:
                self._called.add(waiter)
                waiter()
        for holder in list(islice(self._hungry, max(self.free - self._reserve, 0))):
            holder()

    def surplus(self, wake: Callable[[], None]) -> int:
        """How many of its lanes the holder should let go, since others have none or fewer than their share."""
        if not self._waiting and not self._hungry:
            return 0
        beyond_share = max(0, self._holders.get(wake, 0) - self._share)
        if not beyond_share or self._waiting:
            return beyond_share
        now = time.monotonic()
        self._hungry = {holder: at for holder, at in self._hungry.items() if now - at < HUNGRY_S}
        return beyond_share if self._hungry else 0

    @property
    def _share(self) -> int:
        """Of each sender that has or wants lanes."""
        senders = len(self._holders) + len(self._waiting)
        return max(1, (self._size - self._reserve) // max(1, senders))

    def awaited_by(self, wake: Callable[[], None]) -> bool:
        """Whether it waits for a lane."""
        return wake in self._waiting

    @property
    def contended(self) -> bool:
        return bool(self._waiting)


class Desk(NamedTuple):
    """The parts that all sender loops of a worker share."""

    pool: Pool
    budget: Budget
    unrecorded: Unrecorded
    claimant_of: Callable[[int, int], Claimant]  # of a user id and a sender id
    server_of: Callable[[Row], Server]  # raises ServerTrouble when the password cannot be read
    ehlo_name: str | None  # None: each sender's own domain
    patience: Patience
    message_ids: MessageIds
    links: Links
    one_click: bool  # mail programs reach the page to unsubscribe
    pieces: Pieces
