"""How long a test waits for what should happen at once before it says that it does not happen.

Far more than it takes: a machine that does other things, too, is no fault; and when all is well a bound costs nothing.
An event that would happen by itself within it (a poll, a time-out) has to be put off, or its time compared with.
"""

from __future__ import annotations

import asyncio
import time

BOUND_S = 60.0


async def clear_of(window_s: float, seconds: float) -> None:
    """Wait out the end of a window of the clock, if no more than so many seconds of it are left."""
    left = window_s - time.time() % window_s
    if left < seconds:
        await asyncio.sleep(left + 1)


async def clear_of_the_quarter() -> None:
    """Attempts are counted by quarters of an hour."""
    await clear_of(900, 30)
