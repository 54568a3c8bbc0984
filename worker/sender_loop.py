"""The sender loop: trades outcomes for due emails until nothing of the sender is due soon.

Each turn is one exchange with the ledger; while it runs, lanes finish and pile up the next turn's outcomes.
`worker.steps` decides what comes after an exchange. The loop opens lanes only while every one of them finds work,
doubling like TCP's slow start, and closes them when it ends. It waits in place for an email due within seconds;
otherwise it ends and says when to look again.
"""

from __future__ import annotations

import asyncio
import time

import structlog

from app.db import DATABASE_AWAY, Row, until_answered
from app.domain.ledger import exchange
from app.domain.senders import for_workers
from worker.desk import Desk
from worker.instruments import BACK_OFFS
from worker.lanes import Crew, Share
from worker.steps import (
    RELOOK_S,
    BackOff,
    Crewed,
    Done,
    DueAt,
    End,
    Exchanged,
    Grow,
    HandOn,
    Look,
    Mend,
    NextTurn,
    Step,
    Wait,
    Yielded,
    after_exchange,
    after_look,
    due_at,
)
from worker.trade import Trade
from worker.verdicts import ServerTrouble

REFRESH_EVERY_S = 5.0
QUEUED_S = 60.0  # between looks of a sender that waits for its first lane: the budget rings when it is its turn
QUANTUM_S = 5.0  # how long a sender keeps its last lane while others wait for one

log = structlog.get_logger()


class Bell:
    """Wakes a sender loop that waits. Rung while the loop is at work, it keeps the loop from waiting after that."""

    def __init__(self) -> None:
        self._rung = False
        self._signal: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self._rung = True
        if self._signal is not None and not self._signal.done():
            self._signal.set_result(None)

    def still(self) -> None:
        """From here on the loop sees everything anew."""
        self._rung = False

    async def wait(self, seconds: float | None) -> None:
        """Until it rings, `seconds` at the most."""
        if self._rung:
            return
        loop = asyncio.get_running_loop()
        self._signal = loop.create_future()
        timer = None if seconds is None else loop.call_later(max(seconds, 0), self.ring)
        await self._signal
        if timer is not None:
            timer.cancel()


class SenderLoop:
    """Looks after one sender: `run` ends when nothing of it is due soon, or after `stop`."""

    def __init__(self, desk: Desk, sender_id: int) -> None:
        self.desk = desk
        self.sender_id = sender_id
        self.bell = Bell()
        self.poked = False
        self.stopping = False

    def poke(self) -> None:
        """Something about the sender has changed: look again."""
        self.poked = True
        self.bell.ring()

    def stop(self) -> None:
        """Claim nothing more; finish what is in flight and end."""
        self.stopping = True
        self.bell.ring()

    async def run(self) -> End:
        """Returns when the sender should be looked at next."""
        self.poked = False
        sender = await self.load_sender()
        return Done() if sender is None else await _Run(self, sender).run()

    async def load_sender(self) -> Row | None:
        return await until_answered(lambda: for_workers.load_sender(self.desk.pool, self.sender_id))


class _Run:
    """One run of a sender loop: its turns, from the sender's row to the end."""

    def __init__(self, loop: SenderLoop, sender: Row) -> None:
        desk, bell = loop.desk, loop.bell
        claimant = desk.claimant_of(sender["workspace_id"], sender["id"])
        self._loop = loop
        self._desk = desk
        self._bell = bell
        self._sender = _settings(sender)
        self._share = Share(desk.pool, desk.budget, claimant, bell.ring)
        self._trade = Trade(desk.pool, claimant, desk.patience, desk.unrecorded, away=self._retire_idle)
        self._crew = Crew(desk, sender, self._share, hand_in=self._trade.hand_in, ring=bell.ring)
        self._failures: int = sender["failures"]  # of the sender, when the lanes that we have connected
        self._mended = False  # plans
        self._began = time.monotonic()
        self._refresh_at = self._began + REFRESH_EVERY_S

    async def run(self) -> End:
        try:
            return await self._turns()
        except Exception as error:
            return await self._quarantine(error)
        finally:
            await self._crew.close()

    async def _turns(self) -> End:
        while True:
            step = await self._turn()
            if isinstance(step, Look):
                step = await self._look()
            match step:
                case Wait(seconds, lend):
                    if lend:
                        self._crew.retire_idle()
                    await self._bell.wait(seconds)
                case Grow(count, seconds, without_s):
                    provided = await self._crew.grow(count)
                    if self._share.awaited and not self._crew.lanes:
                        seconds = QUEUED_S
                    await self._bell.wait(seconds if provided else without_s)
                case Mend(over_limit):
                    await self._mend_plans(over_limit)
                    await self._bell.wait(RELOOK_S if over_limit else 0.0)
                case BackOff(trouble):
                    return await self._back_off(trouble)
                case HandOn():
                    return await self._next_due()
                case Done() | DueAt() | Yielded():
                    return step
                case NextTurn() | Look():
                    continue

    async def _turn(self) -> Step:
        """One exchange, and what to do after it."""
        crew, trade = self._crew, self._trade
        self._bell.still()
        if crew.crash is not None:
            raise crew.crash
        if self._loop.poked or time.monotonic() >= self._refresh_at:
            await self._refresh()
        await self._share.hand_on()
        if not crew.lanes:  # a loop that waits for its first keeps its place in the queue, however long that is
            self._began = time.monotonic()
        yielding = self._share.is_over(self._began, QUANTUM_S)
        winding_up = self._loop.stopping or self._trouble is not None or yielding
        if winding_up:
            crew.retire_idle()
        else:
            crew.sort_idle()
        wanted = len(crew.idle)
        claims = await trade.exchange(wanted) if trade.reports or wanted else []
        crew.give(claims)
        return after_exchange(
            Exchanged(
                winding_up=winding_up or self._trouble is not None,
                stopping=self._loop.stopping,
                trouble=self._trouble,
                wanted=wanted,
                claimed=len(claims),
                reports=len(trade.reports),
                held=len(trade.held),
                lanes=len(crew.lanes),
            )
        )

    @property
    def _trouble(self) -> ServerTrouble | None:
        """The sender's: a lane met it, or refusals show it."""
        return self._crew.trouble or self._trade.trouble

    async def _look(self) -> Step:
        look = await until_answered(self._trade.look)
        crew = self._crew
        if self._trouble is not None:  # a lane has met it meanwhile: no other one tries
            return NextTurn()
        return after_look(
            look,
            Crewed(
                held=len(self._trade.held),
                lanes=len(crew.lanes),
                idle=len(crew.idle),
                connecting_s=crew.connecting_s,
                contended=self._share.wanted_elsewhere,
                mended=self._mended,
            ),
        )

    async def _refresh(self) -> None:
        """Take on what has changed about the sender: its server, its max_connections. After a poke, and every few
        seconds, since a wake-up reaches one worker only.
        """
        self._loop.poked = False
        self._refresh_at = time.monotonic() + REFRESH_EVERY_S
        self._trade.ask_again()
        await self._share.refresh()
        sender = await self._loop.load_sender()
        if sender is None:
            return
        failures: int = sender["failures"]  # one more since is of the hiccup that our lanes may be about to notice
        self._failures = min(self._failures, failures) if self._crew.lanes else failures
        if _settings(sender) == self._sender:
            return
        self._sender = _settings(sender)
        self._crew.take_sender(sender)

    async def _mend_plans(self, over_limit: bool) -> None:
        """For a window that is too full, and once at the start, for plans that passed while no loop ran."""
        self._mended = True
        pool, workspace_id, sender_id = self._desk.pool, self._sender["workspace_id"], self._loop.sender_id
        await until_answered(lambda: exchange.mend_plans(pool, workspace_id, sender_id, over_limit=over_limit))

    # The end

    async def _back_off(self, trouble: ServerTrouble) -> End:
        # Not the reason itself, which may be the server's words.
        log.warning("sender backed off", kind=trouble.kind, code=trouble.code)
        log.debug("why the sender is backed off", reason=str(trouble))
        BACK_OFFS.labels(trouble.kind).inc()
        pool, workspace_id, sender_id = self._desk.pool, self._sender["workspace_id"], self._loop.sender_id
        return due_at(
            await until_answered(
                lambda: for_workers.block_sender(
                    pool,
                    workspace_id,
                    sender_id,
                    str(trouble),
                    known_failures=self._failures,
                    kind=trouble.block_kind,
                )
            )
        )

    async def _quarantine(self, error: Exception) -> End:
        """An error that no rule foresees. As far as we can tell this sender causes it, so this sender
        waits. Emails in flight are finished and reported first; those that the error itself cut off, so that no lane
        can say what became of them, count as in doubt.
        """
        log.error("sender loop failed", exc_info=error)
        await self._crew.retire()
        await self._trade.give_up()
        reason = f"internal error ({type(error).__name__}); the worker's log has it all"
        return await self._back_off(ServerTrouble(reason, "internal"))

    async def _next_due(self) -> End:
        """The worker that takes the sender over looks at it then; without an answer, the sweep finds it."""
        try:
            look = await self._trade.look()
        except DATABASE_AWAY:
            return Done()
        return due_at(look.due_at if look else None)

    def _retire_idle(self) -> None:
        """The database is away: no lane waits for what cannot come."""
        self._crew.retire_idle()


def _settings(sender: Row) -> Row:
    """The columns whose changes a refresh has to notice."""
    return {name: value for name, value in sender.items() if name not in {"failures", "verify_requested_at"}}
