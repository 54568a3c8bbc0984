"""Whether a process still answers: the supervisor asks it, or hears its signs of life.

Counted is the time in which we ran ourselves. After a machine was suspended, or all of us were stopped, the first look
finds a long silence that says nothing about anybody.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

Ask = Callable[[], Awaitable[None]]
STARTING_LOOK_S = 0.2


class Patience(msgspec.Struct, frozen=True):
    """How long a process may be silent: `start_s` until it has been heard once, then `silent_s`."""

    silent_s: float = 60
    start_s: float = 600  # it may wait for its database, or for others that migrate it
    look_s: float = 5  # how often we ask, and look


class Vigil:
    """Over one process. With `ask`, which raises OSError when there is no answer, it is asked; else it has to write to
    `theirs`, the end of a pipe that it inherits.
    """

    def __init__(self, ask: Ask | None, patience: Patience) -> None:
        self._ask = ask
        self._patience = patience
        self._silent_s = 0.0
        self._heard = False
        self._ours, self.theirs = (None, None) if ask else os.pipe()

    def begin(self) -> None:
        """The process has its end of the pipe, and we keep none of it."""
        if self._ours is not None and self.theirs is not None:
            os.close(self.theirs)
            self.theirs = None
            os.set_blocking(self._ours, False)
            asyncio.get_running_loop().add_reader(self._ours, self._read, self._ours)

    def close(self) -> None:
        if self._ours is not None:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
        if self.theirs is not None:
            os.close(self.theirs)
        self._ours = self.theirs = None

    async def until_silent(self) -> float:
        """Return for how many seconds nothing was heard, once that is too long."""
        asking = asyncio.create_task(self._keep_asking(self._ask)) if self._ask else None
        clock = asyncio.get_running_loop().time
        looked_at = clock()
        try:
            while self._silent_s < (self._patience.silent_s if self._heard else self._patience.start_s):
                await asyncio.sleep(self._patience.look_s)
                self._silent_s += min(clock() - looked_at, 2 * self._patience.look_s)
                looked_at = clock()
        finally:
            if asking is not None:
                asking.cancel()
        return self._silent_s

    def _hear(self) -> None:
        self._heard, self._silent_s = True, 0.0

    def _read(self, ours: int) -> None:
        if os.read(ours, 1 << 16):
            self._hear()
        else:  # the process has ended, or closed its end: there is nothing more to hear
            asyncio.get_running_loop().remove_reader(ours)

    async def _keep_asking(self, ask: Ask) -> None:
        while True:
            with suppress(OSError):
                # An answer is one, however late: a busy process is none that hangs.
                async with asyncio.timeout(self._patience.silent_s):
                    await ask()
                self._hear()
            # Soon again as long as it starts: what hangs before it was heard has the patience of a start.
            await asyncio.sleep(self._patience.look_s if self._heard else STARTING_LOOK_S)
