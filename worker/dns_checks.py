"""Asking DNS again, each day, for the senders whose domains somebody has had checked."""

from __future__ import annotations

import asyncio

from app.db import Pool
from app.domain.operations.resolver import Resolver
from app.domain.senders import dns
from worker.housekeeping import step

EVERY_S = 60.0
AT_ONCE = 5


async def keep_checked(pool: Pool, resolver: Resolver) -> None:
    """Until cancelled. Several workers may ask for the same one: it is a few questions."""
    while True:
        with step("check_dns"):
            while await dns.check_again(pool, resolver, AT_ONCE):
                continue
        await asyncio.sleep(EVERY_S)
