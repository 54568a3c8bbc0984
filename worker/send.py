"""The sender loop: trades outcomes for due emails until nothing of the sender is due soon.

Each turn is one exchange with the ledger; while it runs, lanes finish and pile up the next turn's outcomes. Lanes are
opened only while every one of them finds work, doubling like TCP's slow start, and closed when the loop ends. The
loop waits in place for an email due within seconds; otherwise it ends and says when to look again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, NamedTuple, TypeVar

import structlog
from psycopg import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

from app import traces
from app.db import Conn, Pool, Row
from app.domain.campaigns import content
from app.domain.ledger import exchange
from app.domain.ledger.exchange import Claim, Claimant, Outlook, Report
from app.domain.operations import workers
from app.domain.planning.replan import OVERDUE_S
from app.domain.senders import for_workers
from app.jobs import EARLY, defer_help
from app.mail.addresses import to_ascii
from app.mail.message import HeaderInjection, MessageBuilder
from app.mail.templates import TemplateError
from worker.lanes import Budget, Lane, Result
from worker.metrics import (
    BACK_OFFS,
    EXCHANGE_CLAIMS,
    EXCHANGE_DURATION,
    HANDOVER_DURATION,
    LATENESS,
    OUTCOMES,
)
from worker.smtp import Conversation, Server, ServerTrouble, Verdict

T = TypeVar("T")
Again = datetime | Literal["now"] | None

PATIENCE_S = EARLY.total_seconds() + 2  # a wake-up comes this early: wait for the instant in place
CONNECT_AHEAD_S = 2.0
IDLE_LANE_S = 10.0
RELOOK_S = 0.02  # something is due that another worker has locked: look again
GROW_EVERY_S = 1.0  # after growth was refused
HELP_EVERY_S = 2.0
REFRESH_EVERY_S = 5.0
QUANTUM_S = 5.0  # how long a sender keeps its last lane while others wait for one
FIRST_RETRY_S, LONGEST_RETRY_S = 60.0, 3600.0
MOST_LOSSES = 20
DATABASE_PAUSE_S, LONGEST_DATABASE_PAUSE_S = 0.05, 2.0
# At which a line tells what became of an email; a million accepted ones are not news.
_LEVELS = {
    "ACCEPTED": logging.DEBUG,
    "REJECTED": logging.INFO,
    "DEFERRED": logging.INFO,
    "RELEASED": logging.INFO,
    "UNKNOWN": logging.WARNING,
}
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)

log = structlog.get_logger()
_stdlib_log = logging.getLogger(__name__)  # to ask, for each email, whether anybody wants to read of it


class Desk(NamedTuple):
    """What all sender loops of a worker share."""

    pool: Pool
    budget: Budget
    claimant_of: Callable[[int, int], Claimant]  # of a user id and a sender id
    server_of: Callable[[Row], Server]
    local_hostname: str
    max_attempts: int


class SenderLoop:
    """Looks after one sender: `run` ends when nothing of it is due soon, or after `stop`."""

    def __init__(self, desk: Desk, sender_id: int) -> None:
        self._desk = desk
        self.sender_id = sender_id
        self.local_hostname = desk.local_hostname
        self.poked = False
        self._stopping = False
        self._woken = False
        self._signal: asyncio.Future[None] | None = None

    def poke(self) -> None:
        """Something about the sender has changed: look again."""
        self.poked = True
        self._wake()

    def stop(self) -> None:
        """Claim nothing more; finish what is in flight and end."""
        self._stopping = True
        self._wake()

    async def run(self) -> Again:
        """Returns when the sender should be looked at next."""
        self.poked = False
        row = await self._persistently(lambda: for_workers.load_sender(self._desk.pool, self.sender_id))
        if row is None:
            return None
        self._begin(row)
        try:
            return await self._trade()
        except Exception as error:
            return await self._quarantine(error)
        finally:
            await self._close()

    def _begin(self, row: Row) -> None:
        self._claimant = self._desk.claimant_of(row["workspace_id"], row["id"])
        self._take_sender(row)
        self._failing = row["failures"] > 0
        self._lanes: set[Lane] = set()
        self._idle: list[Lane] = []
        self._held: dict[int, Claim] = {}  # claimed, and not yet reported to the ledger
        self._reports: list[Report] = []
        self._unsure = False  # an exchange failed: the ledger may hold claims for us that we never heard of
        self._was_unsure = False
        self._reserved = 0  # lanes the ledger grants us
        self._asked = False  # for any: then there may be something to release
        self._cap = 1_000_000  # lowered when the server refuses one connection more
        self._grow_after = 0.0
        self._help_after = 0.0
        self._refresh_at = time.monotonic() + REFRESH_EVERY_S
        self._trouble: ServerTrouble | None = None
        self._crash: BaseException | None = None
        self._plans_mended = False
        self._began = time.monotonic()

    def _take_sender(self, row: Row) -> None:
        self._sender = {name: value for name, value in row.items() if name not in {"failures", "verify_requested_at"}}
        self._from, self._from_ascii = row["email"], to_ascii(row["email"])
        self._domain = self._from_ascii.rpartition("@")[2]
        self._builders: dict[int, asyncio.Task[tuple[int, MessageBuilder]]] = {}

    @property
    def server(self) -> Server:
        """Where lanes connect. Raises ServerTrouble when the password cannot be read."""
        return self._desk.server_of(self._sender)

    # The turns

    async def _trade(self) -> Again:
        while True:
            self._woken = False
            if self._crash is not None:
                raise self._crash
            if self.poked or time.monotonic() >= self._refresh_at:
                await self._refresh()
            yielding = self._desk.budget.contended and time.monotonic() - self._began > QUANTUM_S
            winding_up = self._stopping or self._trouble is not None or yielding
            self._sort_idle(retire_all=winding_up)
            wanted = 0 if winding_up else len(self._idle)
            claims = await self._exchange(wanted) if self._reports or wanted else []
            for claim in claims:
                self._held[claim.id] = claim
                self._idle.pop().give(claim)
            if self._reports:
                continue
            if winding_up and not self._held:
                return await self._wind_up()
            if winding_up:
                await self._wait(None)
            elif wanted and len(claims) == wanted:
                await self._grow(len(self._lanes))
                await self._wait(None)
            elif isinstance(step := await self._consider(), _End):
                return step.again
            else:
                await self._wait(step)

    async def _consider(self) -> float | _End:
        """There is nothing more to claim this instant: how many seconds to wait for, or the end."""
        look = await self._persistently(self._look)
        if look is None:
            return _End(None)
        if look.blocked_s is not None and look.blocked_s > 0:
            self._sort_idle(retire_all=True)
            if self._held or look.blocked_s <= PATIENCE_S:
                return min(look.blocked_s, PATIENCE_S)
            return _End(look.blocked_until)
        if self._desk.budget.contended and (look.due_s is None or look.due_s > 0):
            self._sort_idle(retire_all=True)
        if look.due_s is None:
            return PATIENCE_S if self._held else _End(None)
        if look.over_limit or (not self._plans_mended and look.due_s < -OVERDUE_S):
            # When a window is too full; and once at the start, for plans that passed while nobody looked.
            self._plans_mended = True
            pool, workspace_id, over_limit = self._desk.pool, self._claimant.workspace_id, look.over_limit
            await self._persistently(
                lambda: exchange.mend_plans(pool, workspace_id, self.sender_id, over_limit=over_limit)
            )
            return RELOOK_S if look.over_limit else 0.0
        if look.due_s > PATIENCE_S:
            return PATIENCE_S if self._held else _End(look.due_at)
        if look.due_s <= 0 and self._idle:
            return RELOOK_S
        if look.due_s <= (0 if self._lanes else CONNECT_AHEAD_S):
            await self._grow(1)
            if look.due_s > 0:
                return look.due_s
            return PATIENCE_S if self._lanes or self._desk.budget.awaited_by(self._lane_free) else GROW_EVERY_S
        return look.due_s if self._lanes else look.due_s - CONNECT_AHEAD_S

    async def _wind_up(self) -> Again:
        trouble = self._trouble
        if self._stopping:
            return await self._next_due()
        if trouble is None:
            return "now"
        return await self._back_off(trouble)

    async def _back_off(self, trouble: ServerTrouble) -> Again:
        # Not the reason itself, which may be the server's words.
        log.warning("sender backed off", kind=trouble.kind, code=trouble.code)
        log.debug("why the sender is backed off", reason=str(trouble))
        BACK_OFFS.labels(trouble.kind).inc()
        pool, workspace_id, reason = self._desk.pool, self._claimant.workspace_id, str(trouble)
        return await self._persistently(lambda: for_workers.block_sender(pool, workspace_id, self.sender_id, reason))

    async def _quarantine(self, error: Exception) -> Again:
        """An error that should not be: of this sender's making, as far as anybody knows, so it is this sender that
        waits. What is in flight is finished first, and what the error itself cut off counts as in doubt.
        """
        log.error("sender loop failed", exc_info=error)
        await self._retire_lanes()
        said = {report.id for report in self._reports}
        self._reports += [
            Report(email_id, "UNKNOWN", reply="the worker failed while it was being sent")
            for email_id in self._held.keys() - said
        ]
        while self._reports:
            await self._exchange(0)
        reason = f"internal error ({type(error).__name__}); the worker's log has it all"
        return await self._back_off(ServerTrouble(reason, "internal"))

    async def _next_due(self) -> Again:
        """For whoever looks after the sender once we have stopped; without an answer, the sweep finds it."""
        try:
            look = await self._look()
        except DATABASE_AWAY:
            return None
        return look.due_at if look else None

    async def _look(self) -> Outlook | None:
        async with self._desk.pool.connection() as conn:
            return await exchange.outlook(conn, self._claimant)

    async def _exchange(self, wanted: int) -> list[Claim]:
        """One trade with the ledger, repeated until the database answers: outcomes are never dropped."""
        reports, self._reports = {report.id: report for report in self._reports}, []
        pause = DATABASE_PAUSE_S
        while True:
            try:
                async with self._desk.pool.connection() as conn:
                    claims = await self._trade_once(conn, list(reports.values()), wanted)
                    if self._unsure:
                        # Asked only now: this exchange took its turn behind any that is still at work for us in
                        # Postgres, which goes on after a connection breaks.
                        heard_of = self._held.keys() | {claim.id for claim in claims}
                        for email_id in await exchange.held_claims(conn, self._claimant):
                            if email_id not in heard_of:
                                self._reports.append(Report(email_id, "UNBEGUN"))
                        self._unsure = False
            except DATABASE_AWAY as error:
                # It may have been committed all the same. Outcomes are fenced by their claim, so saying them twice
                # is harmless; claims we did not hear of are asked for and given back.
                self._unsure = self._was_unsure = True
                log.warning("exchange failed, will be repeated", error=str(error).strip())
                self._sort_idle(retire_all=True)
                wanted = 0
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_DATABASE_PAUSE_S)
            else:
                for email_id in reports:
                    self._held.pop(email_id, None)
                return claims

    async def _trade_once(self, conn: Conn, reports: list[Report], wanted: int) -> list[Claim]:
        began = time.perf_counter()
        with traces.span("exchange", sender_id=self.sender_id, reports=len(reports), wanted=wanted) as span:
            most = self._desk.max_attempts
            claims = await exchange.exchange(conn, self._claimant, reports, wanted, max_attempts=most)
            span.set_attributes({"claims": len(claims)})
        EXCHANGE_DURATION.observe(time.perf_counter() - began)
        EXCHANGE_CLAIMS.observe(len(claims))
        for claim in claims:
            LATENESS.observe((claim.claimed_at - claim.scheduled_at).total_seconds())
        return claims

    async def _persistently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Repeat a call that is harmless when repeated until the database answers."""
        pause = DATABASE_PAUSE_S
        while True:
            try:
                return await call()
            except DATABASE_AWAY as error:
                log.warning("the database does not answer", error=str(error).strip())
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_DATABASE_PAUSE_S)

    async def _refresh(self) -> None:
        """Take on what has changed about the sender: its server, its max_connections. After a poke, and every few
        seconds, since a wake-up reaches one worker only.
        """
        self.poked = False
        self._grow_after = 0.0
        self._help_after = 0.0
        self._refresh_at = time.monotonic() + REFRESH_EVERY_S
        self._unsure = self._unsure or self._was_unsure  # an exchange of the hour before may have come in late
        self._was_unsure = False
        if self._lanes:
            await self._reserve(len(self._lanes))
        row = await self._persistently(lambda: for_workers.load_sender(self._desk.pool, self.sender_id))
        if row is None or {name: row[name] for name in self._sender} == self._sender:
            return
        self._take_sender(row)
        for lane in self._lanes:
            lane.outdated = True

    def _wake(self) -> None:
        self._woken = True
        if self._signal is not None and not self._signal.done():
            self._signal.set_result(None)

    def _lane_free(self) -> None:
        """The budget has a lane for us, or somebody waits for one of ours."""
        self._grow_after = 0.0
        self._wake()

    async def _wait(self, seconds: float | None) -> None:
        """Until something happens, `seconds` at the most."""
        if self._woken:
            return
        loop = asyncio.get_running_loop()
        self._signal = loop.create_future()
        timer = None if seconds is None else loop.call_later(max(seconds, 0), self._wake)
        await self._signal
        if timer is not None:
            timer.cancel()

    # The lanes

    def idle(self, lane: Lane) -> None:
        lane.idle_since = time.monotonic()
        self._idle.append(lane)
        self._wake()

    def finished(self, result: Result) -> None:
        self._reports.append(result.report)
        if result.fault == "sender":
            self._trouble = self._trouble or ServerTrouble(result.report.reply or "", "reply", result.report.code)
        self._wake()

    def ended(self, lane: Lane, trouble: ServerTrouble | None) -> None:
        self._lanes.discard(lane)
        if lane in self._idle:
            self._idle.remove(lane)
        self._desk.budget.give_back(self._lane_free)
        if trouble is not None and any(other.connected for other in self._lanes):
            self._cap = len(self._lanes)  # it has let others in: that is all it wants
        elif trouble is not None:
            self._trouble = self._trouble or trouble
        self._wake()

    def _lane_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._crash = task.exception()
            self._wake()

    def _sort_idle(self, *, retire_all: bool) -> None:
        """Retire idle lanes that are dead, outdated, idle for long, granted no longer or wanted by another sender."""
        surplus = len(self._idle) if retire_all else self._desk.budget.surplus(self._lane_free)
        if len(self._lanes) > self._reserved:
            surplus = max(surplus, sum(not lane.outdated for lane in self._lanes) - self._reserved)
        if not surplus and all(lane.connected and not lane.outdated for lane in self._idle):
            if len(self._lanes) == 1 or not self._idle:
                return
            if time.monotonic() - self._idle[0].idle_since < IDLE_LANE_S:
                return
            surplus = 1
        kept: list[Lane] = []
        for number, lane in enumerate(self._idle):
            if number < surplus or lane.outdated or not lane.connected:
                lane.outdated = True
                lane.give(None)
            else:
                kept.append(lane)
        self._idle = kept

    async def _grow(self, count: int) -> None:
        """Open up to `count` more lanes, as far as the server, its max_connections and the worker's budget let us."""
        now = time.monotonic()
        if now < self._grow_after:
            return
        target = min(len(self._lanes) + count, self._cap)
        if target > self._reserved and self._desk.budget.free:
            await self._reserve(min(target, len(self._lanes) + self._desk.budget.free))
        # With none free in this worker, ask all the same: that is a place in the queue.
        granted = min(target, self._reserved) if self._desk.budget.free else target
        room = granted - len(self._lanes)
        opened = self._desk.budget.take(self._lane_free, room) if room > 0 else 0
        for _ in range(opened):
            lane = Lane(self)
            self._lanes.add(lane)
            lane.task.add_done_callback(self._lane_done)
        if not opened:
            self._grow_after = now + GROW_EVERY_S
            if not self._desk.budget.free and now >= self._help_after:
                self._help_after = now + HELP_EVERY_S
                await self._persistently(self._ask_for_help)

    async def _reserve(self, wanted: int) -> None:
        pool, claimant = self._desk.pool, self._claimant
        self._asked = True
        self._reserved = await self._persistently(lambda: for_workers.reserve_lanes(pool, claimant, wanted))

    async def _ask_for_help(self) -> None:
        async with self._desk.pool.connection() as conn:
            if await workers.has_others(conn, self._claimant):
                await defer_help(conn, self.sender_id)

    async def _close(self) -> None:
        self._desk.budget.leave(self._lane_free)
        for lane in self._lanes:
            if lane not in self._idle:
                lane.task.cancel()  # it is connecting or hanging up
        await self._retire_lanes()
        if self._asked:
            pool, claimant = self._desk.pool, self._claimant
            await self._persistently(lambda: for_workers.release_lanes(pool, claimant))

    async def _retire_lanes(self) -> None:
        """Have every lane end, once it has finished what it is at, and wait for it."""
        for lane in self._lanes:
            lane.outdated = True  # a cancel alone can get lost: asyncio.wait_for drops one that comes with the result
            if lane in self._idle:
                lane.give(None)
        self._idle = []
        await asyncio.gather(*(lane.task for lane in self._lanes), return_exceptions=True)
        for lane in list(self._lanes):  # cancelled before they ran at all
            self.ended(lane, None)

    # One email

    async def deliver(self, conversation: Conversation, claim: Claim) -> Result:
        """Build the message and hand it over."""
        ids = {"email_id": claim.id, "campaign_id": claim.campaign_id}
        with traces.span("smtp handover", sender_id=self.sender_id, **ids) as span:
            result = await self._hand_over(conversation, claim)
            report = result.report
            span.set_attributes({"outcome": report.kind, "smtp.code": report.code or 0})
        OUTCOMES[report.kind].inc()
        level = _LEVELS[report.kind]
        if _stdlib_log.isEnabledFor(level):
            facts = {"command": report.command, "code": report.code, "enhanced_code": report.enhanced_code}
            log.log(level, f"email {report.kind}", **ids, attempt=claim.attempts + 1, **facts)
            log.debug("the server's reply", **ids, reply=report.reply)
        return result

    async def _hand_over(self, conversation: Conversation, claim: Claim) -> Result:
        began = time.perf_counter()
        message_id = exchange.message_id(claim, self._domain)
        version = None
        try:
            version, builder = await self._builder(claim)
            message = builder.build(claim.recipient, claim.fields, message_id, claim.claimed_at)
        except Exception as error:  # whatever it is, nothing was sent, and it is this email's
            if not isinstance(error, HeaderInjection | TemplateError):
                log.exception("message not written", email_id=claim.id, campaign_id=claim.campaign_id)
            reply = f"cannot be written: {error}"
            return Result(Report(claim.id, "REJECTED", reply=reply, content_version=version), "email")
        handed_at = time.perf_counter()
        verdict = await conversation.deliver(self._from if message.smtputf8 else self._from_ascii, message)
        HANDOVER_DURATION.observe(time.perf_counter() - handed_at)
        if self._failing and verdict.fault == "email" and verdict.code is not None:
            self._failing = False
            pool, workspace_id = self._desk.pool, self._claimant.workspace_id
            await self._persistently(lambda: for_workers.unblock_sender(pool, workspace_id, self.sender_id))
        return Result(
            Report(
                id=claim.id,
                # A connection that is lost over this email each time: some day it is the email's failure.
                kind="DEFERRED" if verdict.code is None and claim.attempts >= MOST_LOSSES else verdict.kind,
                command=verdict.command,
                code=verdict.code,
                enhanced_code=verdict.enhanced_code,
                reply=verdict.text,
                duration_ms=round((time.perf_counter() - began) * 1000),
                server=conversation.server.address,
                message_id=message_id if verdict.kind in {"ACCEPTED", "UNKNOWN"} else None,
                again_in_s=_again_in_s(verdict, claim),
                content_version=version,
            ),
            verdict.fault,
        )

    async def _builder(self, claim: Claim) -> tuple[int, MessageBuilder]:
        """The campaign's builder, made once for each version of its content, which is the claim's or a newer one."""
        task = self._builders.get(claim.campaign_id)
        if task is None or (task.done() and task.result()[0] < claim.content_version):
            task = asyncio.create_task(self._load_builder(claim.campaign_id))
            self._builders[claim.campaign_id] = task
        return await task

    async def _load_builder(self, campaign_id: int) -> tuple[int, MessageBuilder]:
        pool, workspace_id = self._desk.pool, self._claimant.workspace_id
        return await self._persistently(lambda: content.message_builder(pool, workspace_id, campaign_id))


class _End(NamedTuple):
    again: Again


def _again_in_s(verdict: Verdict, claim: Claim) -> float | None:
    """When a deferred email, or one on which the connection was lost, is due next; None: when it was."""
    if verdict.kind == "DEFERRED":
        return min(FIRST_RETRY_S * 3**claim.retry_count, LONGEST_RETRY_S) * random.uniform(0.8, 1.2)  # noqa: S311
    if verdict.kind == "RELEASED" and verdict.code is None:
        return float(min(2**claim.attempts, 60))  # others first: it may be this very message that the server chokes on
    return None
