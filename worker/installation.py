"""A worker's guard against a database that is another installation's: it lets no connection to one be used.

To the rest of the worker such a database is as good as away. Nothing is claimed or sent, webhooks and mail of the
service included; outcomes of what was at a server are kept, and recorded once an administrator has run `reachinbox
take-over`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import structlog

from app.db import DATABASE_AWAY, Conn, connect
from app.domain.operations import installation
from app.domain.operations.installation import OtherInstallation, Ours

LOOK_EVERY_S = 2.0
SAY_EVERY_S = 300.0

log = structlog.get_logger()


class Guard:
    """Compares every connection before its first use, and says what it finds: at once, and then every few minutes."""

    def __init__(self, ours: Ours) -> None:
        self.ours = ours
        self._said: str | None = None  # what we have found, None: that it is ours
        self._said_at = 0.0

    async def admit(self, conn: Conn) -> None:
        """Raises OtherInstallation."""
        try:
            await installation.admit(conn, self.ours)
        except OtherInstallation as other:
            self._say(other.detail)
            raise
        self._say(None)

    async def wait(self, database_url: str, stop: asyncio.Event) -> None:
        """Until the database is ours or `stop` is set; one that does not answer is for the caller to find out."""
        while not stop.is_set():
            try:
                async with await connect(database_url) as conn:
                    await self.admit(conn)
            except OtherInstallation:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            except DATABASE_AWAY:
                return
            else:
                return

    def _say(self, found: str | None) -> None:
        if found is None:
            if self._said is not None:
                log.info("the database is this installation's")
        elif found != self._said or time.monotonic() - self._said_at > SAY_EVERY_S:
            log.error("nothing is claimed or sent", reason=found)
            self._said_at = time.monotonic()
        self._said = found
