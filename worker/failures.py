"""Failed emails are sorted, and people's decisions on many of them carried out: a batch at a time, with a rest after
each, for others send meanwhile.
"""

from __future__ import annotations

import asyncio
import time

from app.db import Pool
from app.domain.ledger.failure_decisions import carry_on_all
from app.domain.workspaces.quotas import Quotas
from worker.housekeeping import step

EVERY_S = 2.0


async def keep_deciding(pool: Pool, most: Quotas) -> None:
    """Until cancelled. Several workers do not harm each other."""
    while True:
        worked = False
        began = time.monotonic()
        with step("failures"):
            worked = await carry_on_all(pool, most)
        await asyncio.sleep(time.monotonic() - began if worked else EVERY_S)
