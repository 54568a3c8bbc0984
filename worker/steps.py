"""The next step of a sender loop, which two pure functions choose from what the loop has seen.

`after_exchange` chooses once an exchange is over, and mostly that is all. Where the exchange gave less than the loop
asked for, or there was no lane to ask with, the loop looks at what the ledger expects, and `after_look` chooses.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.domain.ledger.exchange import Outlook
from app.domain.planning.replan import OVERDUE_S
from app.jobs import EARLY
from worker.verdicts import ServerTrouble

PATIENCE_S = EARLY.total_seconds() + 2  # a wake-up comes this early: wait for the instant in place
CONNECT_AHEAD_S = 2.0
RELOOK_S = 0.02  # something is due that another worker has locked: look again
GROW_EVERY_S = 1.0  # after growth was refused


class NextTurn(msgspec.Struct, frozen=True):
    """Begin the next turn at once."""


class Look(msgspec.Struct, frozen=True):
    """Ask the ledger what comes next for the sender."""


class Wait(msgspec.Struct, frozen=True):
    """Until something happens, `seconds` at the most; `lend`: without the idle lanes, which others may need."""

    seconds: float | None = None
    lend: bool = False


class Grow(msgspec.Struct, frozen=True):
    """Open up to `count` more lanes, then wait like `Wait`: `without_s` if we neither have a lane nor queue for one."""

    count: int
    seconds: float | None = None
    without_s: float | None = None


class Mend(msgspec.Struct, frozen=True):
    """Bring the sender's plans back to what can be; `over_limit`: a window is too full for what is due."""

    over_limit: bool


class BackOff(msgspec.Struct, frozen=True):
    """Leave the sender alone for a while, and end."""

    trouble: ServerTrouble


class HandOn(msgspec.Struct, frozen=True):
    """This worker stops: have another one look at the sender when its next email is due, and end."""


class Done(msgspec.Struct, frozen=True):
    """The end: nothing waits that we know of. A transaction that plans something defers a wake-up."""


class DueAt(msgspec.Struct, frozen=True):
    """The end: the sender has to be looked at again at this time."""

    instant: datetime


class Yielded(msgspec.Struct, frozen=True):
    """The end: other senders need the lanes. The sender has to be looked at again at once, after them."""


End = Done | DueAt | Yielded
Step = NextTurn | Look | Wait | Grow | Mend | BackOff | HandOn | End


def due_at(instant: datetime | None) -> End:
    return Done() if instant is None else DueAt(instant)


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that a turn has seen once its exchange is over, or was not needed."""

    winding_up: bool  # the turn asked for nothing: we stop, or are in trouble, or our time is over
    stopping: bool
    trouble: ServerTrouble | None
    wanted: int
    claimed: int
    reports: int  # that came in since
    held: int  # claims that are not reported yet
    lanes: int


def after_exchange(seen: Exchanged) -> Step:
    """The first row that fits decides.

    | seen                                   | step                                             |
    | -------------------------------------- | ------------------------------------------------ |
    | reports came in                        | NextTurn                                         |
    | winding up, claims held                | Wait, for their outcomes                         |
    | winding up, stopping                   | HandOn                                           |
    | winding up, in trouble                 | BackOff                                          |
    | winding up                             | Yielded                                          |
    | every lane that asked got an email     | Grow by as many lanes as there are, and Wait     |
    | else                                   | Look                                             |
    """
    if seen.reports:
        return NextTurn()
    if seen.winding_up:
        if seen.held:
            return Wait()
        if seen.stopping:
            return HandOn()
        return Yielded() if seen.trouble is None else BackOff(seen.trouble)
    if seen.wanted and seen.claimed == seen.wanted:
        return Grow(seen.lanes)
    return Look()


class Crewed(msgspec.Struct, frozen=True, kw_only=True):
    """The claims and lanes of a loop at the time of a look."""

    held: int  # claims that are not reported yet
    lanes: int
    idle: int  # lanes without an email
    connecting_s: float  # until another lane may try, while those that there are connect
    contended: bool  # other senders wait for a lane
    mended: bool  # we have mended plans before


def after_look(look: Outlook | None, seen: Crewed) -> Step:
    """There is nothing more to claim this instant. The first row that fits decides; claims that are held keep a loop
    from ending unless the sender is gone.

    | the ledger expects                         | and the loop has       | step                                      |
    | ------------------------------------------ | ---------------------- | ----------------------------------------- |
    | nothing: the sender is gone                |                        | Done                                      |
    | a back-off to end within PATIENCE_S        |                        | Wait until then, lend                     |
    | a back-off to end later                    | claims held            | Wait PATIENCE_S, lend                     |
    | a back-off to end later                    |                        | DueAt its end                             |
    | no email                                   | claims held            | Wait PATIENCE_S; lend if contended        |
    | no email                                   |                        | Done                                      |
    | a due email that a limit holds back        |                        | Mend                                      |
    | an email overdue by OVERDUE_S              | not mended plans yet   | Mend                                      |
    | the next email later than PATIENCE_S       | claims held            | Wait PATIENCE_S; lend if contended        |
    | the next email later than PATIENCE_S       |                        | DueAt its time                            |
    | a due email                                | idle lanes             | Wait RELOOK_S: another worker has it      |
    | a due email                                | lanes that connect     | Wait until another may try                |
    | a due email                                | no idle lane           | Grow by one; Wait PATIENCE_S, or          |
    |                                            |                        | GROW_EVERY_S without a lane to come       |
    | the next email within CONNECT_AHEAD_S      | no lane                | Grow by one; Wait until it is due         |
    | the next email within PATIENCE_S           | no lane                | Wait until CONNECT_AHEAD_S before         |
    | the next email within PATIENCE_S           | lanes                  | Wait until it is due; lend if contended   |
    """
    if look is None:
        return Done()
    if look.blocked_s is not None and look.blocked_s > 0:
        if seen.held or look.blocked_s <= PATIENCE_S:
            return Wait(min(look.blocked_s, PATIENCE_S), lend=True)
        return due_at(look.blocked_until)
    if look.due_s is None:
        return Wait(PATIENCE_S, lend=seen.contended) if seen.held else Done()
    if look.over_limit or (look.due_s < -OVERDUE_S and not seen.mended):
        return Mend(look.over_limit)
    if look.due_s > PATIENCE_S:
        return Wait(PATIENCE_S, lend=seen.contended) if seen.held else due_at(look.due_at)
    if look.due_s <= 0:
        if seen.idle:
            return Wait(RELOOK_S)
        return Wait(seen.connecting_s) if seen.connecting_s else Grow(1, PATIENCE_S, without_s=GROW_EVERY_S)
    if seen.lanes:
        return Wait(look.due_s, lend=seen.contended)
    if look.due_s <= CONNECT_AHEAD_S:
        return Grow(1, look.due_s, without_s=look.due_s)
    return Wait(look.due_s - CONNECT_AHEAD_S)
