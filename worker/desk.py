"""What all sender loops of a worker share: above all the budget of its lanes, which each sender gets some of."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from app.db import Pool, Row
from app.domain.ledger.exchange import Claimant
from worker.connect import Server
from worker.instruments import LANES_OPEN
from worker.unrecorded import Unrecorded


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


class Desk(NamedTuple):
    """What all sender loops of a worker share."""

    pool: Pool
    budget: Budget
    unrecorded: Unrecorded
    claimant_of: Callable[[int, int], Claimant]  # of a user id and a sender id
    server_of: Callable[[Row], Server]  # raises ServerTrouble when the password cannot be read
    ehlo_name: str | None  # None: each sender's own domain
    max_attempts: int
