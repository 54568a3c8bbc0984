"""Turns at what only so many may do at once, so that no workspace keeps the others from it.

A caller that waits holds nothing meanwhile: take a turn before the body that fills memory, and before the connection.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """`at_once` turns, at most `of_one` of them one workspace's, or another's whom `whose` names.

    Next is whose workspace has the fewest, and among these who came first.
    """

    def __init__(self, at_once: int, *, of_one: int) -> None:
        self._free = at_once
        self._of_one = of_one
        self._taken: Counter[Hashable] = Counter()  # by workspace
        self._waiting: dict[asyncio.Future[None], Hashable] = {}  # in the order in which they came

    @asynccontextmanager
    async def take(self, whose: Hashable) -> AsyncGenerator[bool]:
        """Wait for a turn, and have it for the length of the block; whether there was none at once."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = whose
        self._give()
        waits = not turn.done()
        try:
            await turn
            yield waits
        finally:
            if self._waiting.pop(turn, None) is None:  # `_give` gave the turn, if to a task cancelled meanwhile
                self._take_back(whose)

    def _give(self) -> None:
        while self._free:
            able = [turn for turn, whose in self._waiting.items() if self._taken[whose] < self._of_one]
            if not able:
                return
            turn = min(able, key=lambda turn: self._taken[self._waiting[turn]])
            self._taken[self._waiting.pop(turn)] += 1
            self._free -= 1
            if not turn.done():  # cancelled: its own clean-up takes the turn back
                turn.set_result(None)

    def _take_back(self, whose: Hashable) -> None:
        self._taken[whose] -= 1
        if not self._taken[whose]:
            del self._taken[whose]
        self._free += 1
        self._give()


class OneByOne:
    """Of those who name the same thing one goes on; the others wait for it, in order."""

    def __init__(self) -> None:
        self._locks: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._here: Counter[Hashable] = Counter()  # who goes on and who waits

    @asynccontextmanager
    async def alone(self, name: Hashable) -> AsyncGenerator[bool]:
        """Wait until nobody else is in such a block with this name; whether somebody was."""
        waits = name in self._here
        self._here[name] += 1
        try:
            async with self._locks[name]:
                yield waits
        finally:
            self._here[name] -= 1
            if not self._here[name]:
                del self._here[name], self._locks[name]
