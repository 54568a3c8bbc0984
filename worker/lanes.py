"""Lanes: the SMTP connections of one sender in this worker, each used for one message at a time.

A lane offers itself for work only once it is connected and logged in, so a server that is down costs no email
anything. The crew is the sender's lanes, and its share is how many they may be.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from app import traces
from app.db import Pool, Row, until_answered
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.operations import workers
from app.domain.senders import for_workers
from app.jobs import defer_help
from app.mail.addresses import domain_of
from worker.desk import Budget, Desk
from worker.handover import Handover, Result
from worker.instruments import CONNECT_DURATION, CONNECTION_FAILURES
from worker.smtp import Conversation
from worker.steps import GROW_EVERY_S, PATIENCE_S
from worker.verdicts import ServerTrouble

IDLE_LANE_S = 10.0
HELP_EVERY_S = 2.0
FIRST_CAP_S, LONGEST_CAP_S = 15.0, 600.0
# The columns of a sender that say who lets it in, and as whom.
_LOGIN = ("host", "port", "security", "username", "password_encrypted", "login_id", "credential", "provider")


class Share:
    """How many lanes a sender may have in this worker: within the worker's budget, the max_connections of the sender's
    login over all workers (of which the worker reserves some in Postgres), and what the server has been seen to accept.

    `ring` wakes the sender loop.
    """

    def __init__(self, pool: Pool, budget: Budget, claimant: Claimant, ring: Callable[[], None]) -> None:
        self._pool = pool
        self._budget = budget
        self._claimant = claimant
        self._ring = ring
        self.taken = 0  # from the budget
        self.reserved = 0  # lanes the ledger grants us
        self._kept = 0  # lanes that it gives to nobody else: as many, or those that were open when it granted fewer
        self._granted_at = 0.0  # since when it grants us any
        self._others_wait = False  # senders of the same login
        self._asked = False  # for any: then there may be something to release
        self._cap = Cap()
        self._grow_after = 0.0
        self._help_after = 0.0

    @property
    def surplus(self) -> int:
        """How many lanes other senders need more than this one."""
        return self._budget.surplus(self._lane_free)

    @property
    def awaited(self) -> bool:
        """Whether the sender has a place in the queue for a lane."""
        return self._budget.awaited_by(self._lane_free)

    @property
    def wanted_elsewhere(self) -> bool:
        """Whether another sender waits for a lane of ours: in this worker, or one of the same login."""
        return self._budget.contended or self._others_wait

    def is_over(self, began: float, quantum_s: float) -> bool:
        """Whether we have had our lanes for long enough, since others wait; `began`: when our loop did."""
        now = time.monotonic()
        waited_for = self._others_wait and self.reserved > 0 and now - self._granted_at > quantum_s
        return waited_for or (self._budget.contended and now - began > quantum_s)

    async def take(self, count: int) -> int:
        """Take up to `count` lanes more, for the caller to open; returns how many it got."""
        now = time.monotonic()
        if now < self._grow_after:
            return 0
        if self._others_wait and not self.taken:
            await self._let_go()  # and ask again: it is their turn
        target = max(self.taken, min(self.taken + count, self._cap.lanes(now)))
        if target > self.reserved and (room := self._budget.room(self._lane_free)):
            await self._reserve(min(target, self.taken + room))
        self._budget.answered(self._lane_free)
        # With none to be had in this worker, ask all the same: that is a place in the queue.
        granted = min(target, self.reserved) if self._budget.room(self._lane_free) else target
        room = granted - self.taken
        got = self._budget.take(self._lane_free, room) if room > 0 else 0
        self.taken += got
        if not got:
            self._grow_after = now + GROW_EVERY_S
            if not self._budget.room(self._lane_free) and now >= self._help_after:
                self._help_after = now + HELP_EVERY_S
                await until_answered(self._ask_for_help)
        return got

    def give_back(self) -> None:
        """One lane has ended, its connection is closed."""
        self.taken -= 1
        self._budget.give_back(self._lane_free)

    def cap(self) -> None:
        """The server refused one lane more than we have: that is all it wants, for a while."""
        self._cap.lower(self.taken, time.monotonic())

    def halve(self) -> None:
        """The server wants less of us: half the lanes, for a while."""
        now = time.monotonic()
        if self._cap.lanes(now) >= self.taken:  # else it is one more refusal of the same burst
            self._cap.lower(self.taken // 2, now)

    async def refresh(self) -> None:
        """Ask anew for what was refused, and for what we have: max_connections may have changed."""
        self._grow_after = self._help_after = 0.0
        if self.taken:
            await self._reserve(self.taken)
        elif self._others_wait:
            await self._let_go()

    async def hand_on(self) -> None:
        """Let others have what was granted no longer, as far as it is closed by now."""
        if max(self.reserved, self.taken) < self._kept:
            await self._reserve(max(self.reserved, self.taken))

    def leave(self) -> None:
        """Wait for lanes no longer."""
        self._budget.leave(self._lane_free)

    async def release(self) -> None:
        """Leave what we reserved to other workers."""
        if self._asked:
            await until_answered(lambda: for_workers.release_lanes(self._pool, self._claimant))

    def _lane_free(self) -> None:
        """The budget has a lane for us, or another sender waits for one of ours."""
        self._grow_after = 0.0
        self._ring()

    async def _let_go(self) -> None:
        if self.reserved:
            self.reserved = self._kept = 0
            await self.release()

    async def _reserve(self, wanted: int) -> None:
        self._asked = True
        before = self.reserved
        held = self.taken
        granted = await until_answered(lambda: for_workers.reserve_lanes(self._pool, self._claimant, wanted, held))
        self.reserved, self._others_wait = granted
        self._kept = max(self.reserved, held)
        if self.reserved and not before:
            self._granted_at = time.monotonic()

    async def _ask_for_help(self) -> None:
        """One that finds no other worker finds it for all: thousands may wait."""
        if time.monotonic() < self._budget.helpless_until:
            return
        async with self._pool.connection() as conn:
            if await workers.has_others(conn, self._claimant):
                await defer_help(conn, self._claimant.sender_id)
            else:
                self._budget.helpless_until = time.monotonic() + HELP_EVERY_S


class Cap:
    """The lanes that a sender's server has been seen to accept. A connection that is lost looks like one that is
    refused, and servers change their minds: so the cap holds for a while, and for twice as long where it is met again
    soon after.
    """

    def __init__(self) -> None:
        self._lanes = 0
        self._until = 0.0
        self._for_s = 0.0

    def lanes(self, now: float) -> int:
        """The most that may be tried."""
        return self._lanes if now < self._until else 1_000_000

    def lower(self, lanes: int, now: float) -> None:
        """One more than `lanes` was refused at this time (of time.monotonic)."""
        if now >= self._until:  # else it is one more of those that were tried together
            met_again = self._for_s and now - self._until < self._for_s
            self._for_s = min(self._for_s * 2, LONGEST_CAP_S) if met_again else FIRST_CAP_S
            self._until = now + self._for_s
        self._lanes = max(lanes, 1)


class Crew:
    """The lanes of one sender in this worker. They give what they finish to `hand_in`; `ring` wakes the sender loop."""

    def __init__(
        self,
        desk: Desk,
        sender: Row,
        share: Share,
        *,
        hand_in: Callable[[Report], None],
        ring: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._sender = sender
        self._share = share
        self._hand_in = hand_in
        self._ring = ring
        self.handover = Handover(desk, sender)
        self.lanes = set[Lane]()
        self.idle: list[Lane] = []
        self.trouble: ServerTrouble | None = None  # the sender's: nothing more is to be tried
        self.crash: BaseException | None = None  # of a lane, which should not be
        self._opened_at = -math.inf  # the latest lane

    @property
    def connecting_s(self) -> float:
        """For how long no other lane may try, since the server may refuse the login of those that connect; 0: one is
        let in, none connects, or it takes so long that another may fare better.
        """
        current = [lane for lane in self.lanes if not lane.outdated]
        if not current or any(lane.connected for lane in current):
            return 0.0
        return max(self._opened_at + PATIENCE_S - time.monotonic(), 0.0)

    def take_sender(self, sender: Row) -> None:
        """The sender has changed: no lane that is open or being opened gets another message, and those that have one
        hand it over as the sender that they were opened for. Trouble of before says nothing of the sender as it is now.
        """
        moved = any(sender[name] != self._sender[name] for name in _LOGIN)
        self._sender = sender
        self.handover = Handover(self._desk, sender)
        self.trouble = None
        for lane in self.lanes:
            lane.outdated = True
            lane.former_login = lane.former_login or moved

    def give(self, claims: list[Claim]) -> None:
        """To idle lanes, of which there must be as many."""
        for claim in claims:
            self.idle.pop().give(claim)

    async def grow(self, count: int) -> bool:
        """Open up to `count` more lanes, as far as our share goes. Whether we have a lane then, or queue for one.

        After a failure one is enough until an email has its answer: a silent server leaves each that it was given in
        doubt.
        """
        if self.handover.failing:
            if not all(lane.outdated for lane in self.lanes):
                return True
            count = min(count, 1)
        for _ in range(await self._share.take(count)):
            lane = Lane(self)
            self.lanes.add(lane)
            self._opened_at = time.monotonic()
            lane.task.add_done_callback(self._lane_done)
        return bool(self.lanes) or self._share.awaited

    def retire_idle(self) -> None:
        """Retire all lanes that are idle."""
        self._retire_idle(len(self.idle))

    def sort_idle(self) -> None:
        """Retire idle lanes that are dead, outdated, idle for long, granted no longer or wanted by another sender."""
        surplus = self._share.surplus
        if len(self.lanes) > self._share.reserved:
            surplus = max(surplus, sum(not lane.outdated for lane in self.lanes) - self._share.reserved)
        if not surplus and all(lane.connected and not lane.outdated for lane in self.idle):
            if len(self.lanes) == 1 or not self.idle:
                return
            if time.monotonic() - self.idle[0].idle_since < IDLE_LANE_S:
                return
            surplus = 1
        self._retire_idle(surplus)

    def _retire_idle(self, surplus: int) -> None:
        kept: list[Lane] = []
        for number, lane in enumerate(self.idle):
            if number < surplus or lane.outdated or not lane.connected:
                lane.outdated = True
                lane.give(None)
            else:
                kept.append(lane)
        self.idle = kept

    async def retire(self) -> None:
        """Have every lane end, once it has finished what it is at, and wait for it."""
        for lane in self.lanes:
            lane.outdated = True  # a cancel alone can get lost: asyncio.wait_for drops one that comes with the result
            if lane in self.idle:
                lane.give(None)
        self.idle = []
        await asyncio.gather(*(lane.task for lane in self.lanes), return_exceptions=True)
        for lane in list(self.lanes):  # cancelled before they ran at all
            self.ended(lane, None)

    async def close(self) -> None:
        """Like `retire`, but a lane that is connecting or hanging up ends at once; then give up our share."""
        self._share.leave()
        for lane in self.lanes:
            if lane not in self.idle:
                lane.task.cancel()
        await self.retire()
        await self._share.release()

    # Called by lanes

    async def connect(self) -> Conversation:
        """A conversation with the sender's server. Raises ServerTrouble."""
        began = time.perf_counter()
        with traces.span("smtp connect", sender_id=self._sender["id"]), self._desk.budget.connecting():
            server = self._desk.server_of(self._sender)
            name = self._desk.ehlo_name or domain_of(self._sender["email"])
            conversation = await Conversation.open(server, name)
        CONNECT_DURATION.observe(time.perf_counter() - began)
        return conversation

    def offer(self, lane: Lane) -> None:
        """The lane has nothing to do."""
        lane.idle_since = time.monotonic()
        self.idle.append(lane)
        self._ring()

    def finished(self, lane: Lane, result: Result) -> None:
        self._hand_in(result.report)
        if lane.handover is not self.handover:  # a server of before says nothing of the sender as it is now
            self._ring()
            return
        if result.fault == "connections" and len(self.lanes) > 1:
            self._share.halve()
        elif result.fault == "connections":
            result = result._replace(fault="sender")
        if result.fault == "sender":
            kind = "reply" if result.report.command else "internal"
            self.trouble = self.trouble or ServerTrouble(result.report.reply or "", kind, result.report.code)
        self._ring()

    def ended(self, lane: Lane, trouble: ServerTrouble | None) -> None:
        self.lanes.discard(lane)
        if lane in self.idle:
            self.idle.remove(lane)
        self._share.give_back()
        if trouble is not None and any(other.connected and not other.former_login for other in self.lanes):
            self._share.cap()
        elif trouble is not None:
            self.trouble = self.trouble or trouble
        self._ring()

    def _lane_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.crash = task.exception()
            self._ring()


class Lane:
    """One connection and the task that works it. It ends when retired, or when its server will not have it."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self.handover = crew.handover
        self._conversation: Conversation | None = None
        self._next: asyncio.Future[Claim | None] | None = None
        self.idle_since = 0.0
        self.outdated = False  # no further message on this connection: the server changed, or the loop ends
        self.former_login = False  # that it is let in says nothing of the login as it is now
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(self._work())

    @property
    def connected(self) -> bool:
        return self._conversation is not None and self._conversation.connected

    def give(self, claim: Claim | None) -> None:
        """Hand an idle lane its next email; None retires it."""
        assert self._next is not None  # noqa: S101 -- only an idle lane is given anything
        self._next.set_result(claim)

    async def _work(self) -> None:
        trouble: ServerTrouble | None = None
        try:
            while not self.outdated:
                if self._conversation is None or not self._conversation.connected:
                    self._conversation = await self._crew.connect()
                    continue  # that took a while: it may be outdated now
                self._next = self._loop.create_future()
                self._crew.offer(self)
                claim = await self._next
                if claim is None:
                    return
                result = await self.handover.deliver(self._conversation, claim)
                self._crew.finished(self, result)
                if result.fault == "sender":
                    return
                if result.fault == "connection" or self._conversation.used_up:
                    await self._conversation.close()
                if result.fault == "connections":
                    return
        except ServerTrouble as error:
            trouble = None if self.outdated else error  # met with a server or a login of before, it says nothing of now
            CONNECTION_FAILURES.labels(error.kind).inc()
        finally:
            try:
                if self._conversation is not None:
                    await self._conversation.close()
            finally:
                self._crew.ended(self, trouble)
