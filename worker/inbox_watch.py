"""Mailboxes that are watched: a server says at once that something came (IDLE, RFC 2177), and the mailbox is read.

So many at once as a setting allows, each by one worker. One that cannot be watched, or whose connection is lost, is
polled as all are: nothing here is needed for an answer to be found, it only is found sooner.
"""

from __future__ import annotations

import asyncio
import time

import structlog

from app.db import DATABASE_AWAY, Pool
from app.domain.inbound import inboxes
from app.domain.inbound.inboxes import Inbox
from app.domain.operations.host_policy import Lookup
from app.domain.senders import for_workers
from worker.credentials import Credentials
from worker.housekeeping import step
from worker.imap import Mailbox, Session
from worker.inbox_pass import is_at_gmail, is_done
from worker.instruments import WATCHED
from worker.verdicts import ServerTrouble

ROUND_S = 120.0  # then IDLE begins anew: servers end it after half an hour, and what is between them sooner
PAUSE_S = 4.0  # after news, however much comes; the server tells of it as soon as it is listened to again
SOON_S = 600.0  # a server that ends it within that does not want it
LEFT_ALONE_S = 1800.0  # a mailbox whose server does not want it

log = structlog.get_logger()


class Watches:
    """Those of one worker, `most` at once."""

    def __init__(self, pool: Pool, credentials: Credentials, lookup: Lookup, most: int) -> None:
        self._pool = pool
        self._credentials = credentials
        self._lookup = lookup
        self._most = most
        self._watching: dict[int, asyncio.Task[None]] = {}  # by sender
        self._left_alone: dict[int, float] = {}  # senders, until when

    def begin(self, inbox: Inbox) -> None:
        """Watch a mailbox that was just read, if there is room."""
        now = time.monotonic()
        self._left_alone = {one: until for one, until in self._left_alone.items() if until > now}
        if inbox.sender_id in self._watching.keys() | self._left_alone.keys() or len(self._watching) >= self._most:
            return
        watching = asyncio.create_task(self._watch(inbox))
        self._watching[inbox.sender_id] = watching
        watching.add_done_callback(lambda _: self._watching.pop(inbox.sender_id, None))

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """To be cancelled."""
        return list(self._watching.values())

    async def _watch(self, inbox: Inbox) -> None:
        """As long as there is a reason to, and the connection."""
        WATCHED.inc()
        began = time.monotonic()
        try:
            if await inboxes.watch(self._pool, inbox):
                await self._keep_watching(inbox)
        except ServerTrouble as trouble:
            if time.monotonic() - began < SOON_S:
                self._leave_alone(inbox)
            log.info("inbox watched no more", sender_id=inbox.sender_id, kind=trouble.kind, code=trouble.code)
            log.debug("why an inbox is watched no more", sender_id=inbox.sender_id, reason=str(trouble))
        except DATABASE_AWAY as error:
            log.info("inbox watched no more", sender_id=inbox.sender_id, error=str(error).strip())
        except Exception:
            self._leave_alone(inbox)
            log.exception("inbox watched no more", sender_id=inbox.sender_id)
        finally:
            WATCHED.dec()
            with step("watch_no_more"):
                await inboxes.watch_no_more(self._pool, inbox)

    async def _keep_watching(self, inbox: Inbox) -> None:
        row = await for_workers.load_sender(self._pool, inbox.sender_id)
        server = None if row is None else self._credentials.imap_server_of(row)
        if server is None:  # read no more since a moment
            return
        mailbox = await Mailbox.open(server, self._lookup)
        try:
            if not await mailbox.do(lambda session: session.has("IDLE")):
                self._leave_alone(inbox)
                return
            if not await self._is_read(inbox, mailbox):
                await inboxes.note_news(self._pool, inbox)
            while await inboxes.watch(self._pool, inbox, goes_on=True):
                if await mailbox.wait_for_news(ROUND_S):
                    await inboxes.note_news(self._pool, inbox)
                    await asyncio.sleep(PAUSE_S)
        finally:
            await mailbox.close()

    async def _is_read(self, inbox: Inbox, mailbox: Mailbox) -> bool:
        """Open the folder that answers come into; whether nothing came into it since it was read."""
        folders = await mailbox.do(Session.folders)
        is_gmail = await mailbox.do(lambda session: is_at_gmail(session, folders))
        name = next((folder.name for folder in folders if is_gmail and "\\all" in folder.uses), "INBOX")
        state = await mailbox.do(lambda session: session.examine(name))
        place = (await inboxes.places(self._pool, inbox)).get(name)
        return place is not None and is_done(place, state)

    def _leave_alone(self, inbox: Inbox) -> None:
        self._left_alone[inbox.sender_id] = time.monotonic() + LEFT_ALONE_S
