"""The reading of mailboxes: those that are due are leased, and some are read at once, a pass each.

A mailbox that cannot be read is left alone for longer each time, with its server's words for a person. A worker that
dies in the middle of a pass leaves a lease that runs out, and places from which the next goes on.
"""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import structlog

from app.db import DATABASE_AWAY, Pool
from app.domain.inbound import inboxes
from app.domain.inbound.inboxes import Inbox, LeaseLost
from app.domain.operations.host_policy import Lookup, look_up
from app.domain.senders import for_workers
from app.mail.inbound.apart import NotRead
from app.mail.opaque import Links, MessageIds
from worker.credentials import Credentials
from worker.housekeeping import step
from worker.imap import Mailbox
from worker.inbox_pass import Pass
from worker.inbox_watch import Watches
from worker.instruments import PASSES
from worker.sent_copies import SentCopies
from worker.verdicts import ServerTrouble

AT_ONCE = 16  # as many as there are threads
EVERY_S = 1.0
SETTLE_EVERY_S = 10.0

log = structlog.get_logger()


class Reader:
    """Reads mailboxes until cancelled."""

    def __init__(
        self,
        pool: Pool,
        token: UUID,
        credentials: Credentials,
        ids: MessageIds,
        links: Links,
        poll_s: float,
        max_attempts: int | None = None,
        *,
        one_click: bool = False,
        lookup: Lookup = look_up,
        most_watched: int = 0,
    ) -> None:
        self._pool = pool
        self._token = token
        self._credentials = credentials
        self._ids = ids
        self._links = links
        self._poll_s = poll_s
        self._max_attempts = max_attempts
        self._copies = SentCopies(pool, ids, links, one_click=one_click)
        self._lookup = lookup
        self._reading = set[asyncio.Task[None]]()
        self._watches = Watches(pool, credentials, lookup, most_watched)

    async def keep_reading(self) -> None:
        settled_at = float("-inf")
        try:
            while True:
                more_may_be_due = False
                with step("read_inboxes"):
                    if time.monotonic() - settled_at > SETTLE_EVERY_S:
                        await inboxes.settle(self._pool, poll_s=self._poll_s)
                        settled_at = time.monotonic()
                    more_may_be_due = await self._begin()
                if not more_may_be_due:
                    await asyncio.sleep(EVERY_S)
                elif len(self._reading) == AT_ONCE:  # they wait for a place alone
                    await asyncio.wait(self._reading, timeout=EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end()

    async def _begin(self) -> bool:
        """Begin a pass through each that is due, as far as there are places; whether there may be more."""
        free = AT_ONCE - len(self._reading)
        leased = await inboxes.lease(self._pool, self._token, free) if free > 0 else []
        for inbox in leased:
            reading = asyncio.create_task(self.read(inbox))
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)
        return len(leased) == free

    async def _end(self) -> None:
        ending = [*self._reading, *self._watches.tasks]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def read(self, inbox: Inbox) -> None:
        """One pass, whatever comes of it."""
        try:
            is_whole = await self._pass(inbox)
            await inboxes.end(self._pool, inbox, is_whole=is_whole, poll_s=self._poll_s)
            PASSES["whole" if is_whole else "cut_short"].inc()
            if is_whole:
                self._watches.begin(inbox)
        except ServerTrouble as trouble:
            PASSES["failed"].inc()
            # Not the reason itself, which may be the server's words.
            log.warning("inbox not read", sender_id=inbox.sender_id, kind=trouble.kind, code=trouble.code)
            log.debug("why an inbox was not read", sender_id=inbox.sender_id, reason=str(trouble))
            with step("leave_inbox"):
                await inboxes.fail(self._pool, inbox, str(trouble), poll_s=self._poll_s)
        except LeaseLost:
            log.warning("inbox left to others", sender_id=inbox.sender_id)
        except DATABASE_AWAY as error:
            log.warning("inbox left, will be looked at again", sender_id=inbox.sender_id, error=str(error).strip())
            with step("leave_inbox"):
                await inboxes.leave(self._pool, inbox, 5.0)
        except asyncio.CancelledError:
            with step("leave_inbox"):
                await inboxes.leave(self._pool, inbox, 0.0)
            raise
        except Exception as error:
            PASSES["broken"].inc()
            log.exception("inbox left, will be looked at again", sender_id=inbox.sender_id)
            with step("leave_inbox"):
                await inboxes.leave(self._pool, inbox, 5.0 if isinstance(error, NotRead) else self._poll_s)

    async def _pass(self, inbox: Inbox) -> bool:
        row = await for_workers.load_sender(self._pool, inbox.sender_id)
        server = None if row is None else self._credentials.imap_server_of(row)
        if server is None:  # read no more since a moment
            raise LeaseLost
        mailbox = await Mailbox.open(server, self._lookup)
        try:
            return await Pass(
                self._pool, inbox, mailbox, self._ids, self._links, self._copies, self._max_attempts
            ).run()
        finally:
            await mailbox.close()
