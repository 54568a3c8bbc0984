"""The next step of a sender loop: the tables of `worker.steps`, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from app.domain.ledger.exchange import Outlook
from app.domain.planning.replan import OVERDUE_S
from worker.steps import (
    CONNECT_AHEAD_S,
    GROW_EVERY_S,
    PATIENCE_S,
    RELOOK_S,
    BackOff,
    Crewed,
    Done,
    DueAt,
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
)
from worker.verdicts import ServerTrouble

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TROUBLE = ServerTrouble("not today", "greeting", 554)
SOON_S, LATE_S = PATIENCE_S - 1, PATIENCE_S + 1


def exchanged(**seen: Any) -> Exchanged:
    nothing: dict[str, Any] = {
        "winding_up": False,
        "stopping": False,
        "trouble": None,
        "wanted": 0,
        "claimed": 0,
        "reports": 0,
        "held": 0,
        "lanes": 0,
    }
    return Exchanged(**(nothing | seen))


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        ({"reports": 1}, NextTurn()),
        ({"reports": 1, "winding_up": True, "stopping": True}, NextTurn()),
        ({"reports": 1, "wanted": 2, "claimed": 2, "lanes": 2}, NextTurn()),
        ({"winding_up": True, "stopping": True, "held": 1}, Wait()),
        ({"winding_up": True, "trouble": TROUBLE, "held": 1}, Wait()),
        ({"winding_up": True, "held": 1}, Wait()),
        ({"winding_up": True, "stopping": True}, HandOn()),
        ({"winding_up": True, "stopping": True, "trouble": TROUBLE}, HandOn()),
        ({"winding_up": True, "trouble": TROUBLE}, BackOff(TROUBLE)),
        ({"winding_up": True}, Yielded()),
        ({"wanted": 1, "claimed": 1, "held": 1, "lanes": 1}, Grow(1)),
        ({"wanted": 2, "claimed": 2, "held": 5, "lanes": 5}, Grow(5)),
        # Stopped or in trouble only since: the next turn winds up.
        ({"wanted": 2, "claimed": 2, "held": 2, "lanes": 2, "stopping": True}, Grow(2)),
        ({"wanted": 2, "claimed": 1, "held": 1, "lanes": 2, "trouble": TROUBLE}, Look()),
        ({"wanted": 2, "claimed": 1, "held": 1, "lanes": 2}, Look()),
        ({"wanted": 1, "lanes": 1}, Look()),
        ({"held": 1, "lanes": 1}, Look()),
        ({}, Look()),
    ],
)
def test_after_an_exchange(seen: dict[str, Any], step: Step) -> None:
    assert after_exchange(exchanged(**seen)) == step


def outlook(*, due_s: float | None = None, blocked_s: float | None = None, over_limit: bool = False) -> Outlook:
    return Outlook(
        blocked_until=None if blocked_s is None else NOW + timedelta(seconds=blocked_s),
        blocked_s=blocked_s,
        due_at=None if due_s is None else NOW + timedelta(seconds=due_s),
        due_s=due_s,
        over_limit=over_limit,
    )


def crewed(**seen: Any) -> Crewed:
    none = {"held": 0, "lanes": 0, "idle": 0, "connecting_s": 0.0, "contended": False, "mended": False}
    return Crewed(**(none | seen))


def at(seconds: float) -> DueAt:
    return DueAt(NOW + timedelta(seconds=seconds))


WORKING: dict[str, Any] = {"held": 1, "lanes": 1}
IDLE: dict[str, Any] = {"lanes": 1, "idle": 1}
WANTED = {"contended": True}


@pytest.mark.parametrize(
    ("look", "seen", "step"),
    [
        # The sender is gone.
        (None, {}, Done()),
        (None, WORKING, Done()),
        # The sender is backed off, or was.
        (outlook(blocked_s=SOON_S, due_s=-1), {}, Wait(SOON_S, lend=True)),
        (outlook(blocked_s=SOON_S, due_s=-1), IDLE, Wait(SOON_S, lend=True)),
        (outlook(blocked_s=SOON_S), WORKING, Wait(SOON_S, lend=True)),
        (outlook(blocked_s=LATE_S, due_s=-1), WORKING, Wait(PATIENCE_S, lend=True)),
        (outlook(blocked_s=LATE_S, due_s=-1), IDLE, at(LATE_S)),
        (outlook(blocked_s=LATE_S), {}, at(LATE_S)),
        (outlook(blocked_s=0.0, due_s=-1), IDLE, Wait(RELOOK_S)),
        (outlook(blocked_s=-1), {}, Done()),
        # No email.
        (outlook(), WORKING, Wait(PATIENCE_S)),
        (outlook(), WORKING | WANTED, Wait(PATIENCE_S, lend=True)),
        (outlook(), IDLE, Done()),
        (outlook(), {}, Done()),
        # A due email that a limit holds back.
        (outlook(due_s=-1, over_limit=True), IDLE, Mend(over_limit=True)),
        (outlook(due_s=-1, over_limit=True), IDLE | {"mended": True}, Mend(over_limit=True)),
        (outlook(due_s=0.0, over_limit=True), WORKING | WANTED, Mend(over_limit=True)),
        # An email that is long overdue.
        (outlook(due_s=-OVERDUE_S - 1), {}, Mend(over_limit=False)),
        (outlook(due_s=-OVERDUE_S - 1), IDLE, Mend(over_limit=False)),
        (outlook(due_s=-OVERDUE_S - 1), IDLE | {"mended": True}, Wait(RELOOK_S)),
        (outlook(due_s=-OVERDUE_S), IDLE, Wait(RELOOK_S)),
        # The next email is far off.
        (outlook(due_s=LATE_S), WORKING, Wait(PATIENCE_S)),
        (outlook(due_s=LATE_S), WORKING | WANTED, Wait(PATIENCE_S, lend=True)),
        (outlook(due_s=LATE_S), IDLE, at(LATE_S)),
        (outlook(due_s=LATE_S), {}, at(LATE_S)),
        # An email is due.
        (outlook(due_s=-1), IDLE, Wait(RELOOK_S)),
        (outlook(due_s=0.0), IDLE | WANTED, Wait(RELOOK_S)),
        (outlook(due_s=-1), {}, Grow(1, PATIENCE_S, without_s=GROW_EVERY_S)),
        (outlook(due_s=0.0), WORKING, Grow(1, PATIENCE_S, without_s=GROW_EVERY_S)),
        (outlook(due_s=-1), {"lanes": 1}, Grow(1, PATIENCE_S, without_s=GROW_EVERY_S)),
        (outlook(due_s=-1), {"lanes": 1, "connecting_s": 3.0}, Wait(3.0)),
        (outlook(due_s=-1), IDLE | {"connecting_s": 3.0}, Wait(RELOOK_S)),
        # An email is due soon.
        (outlook(due_s=CONNECT_AHEAD_S), {}, Grow(1, CONNECT_AHEAD_S, without_s=CONNECT_AHEAD_S)),
        (outlook(due_s=0.5), WANTED, Grow(1, 0.5, without_s=0.5)),
        (outlook(due_s=0.5), IDLE, Wait(0.5)),
        (outlook(due_s=0.5), IDLE | WANTED, Wait(0.5, lend=True)),
        (outlook(due_s=SOON_S), {}, Wait(SOON_S - CONNECT_AHEAD_S)),
        (outlook(due_s=PATIENCE_S), {}, Wait(PATIENCE_S - CONNECT_AHEAD_S)),
        (outlook(due_s=SOON_S), IDLE, Wait(SOON_S)),
        (outlook(due_s=SOON_S), WORKING | WANTED, Wait(SOON_S, lend=True)),
    ],
)
def test_after_a_look(look: Outlook | None, seen: dict[str, Any], step: Step) -> None:
    assert after_look(look, crewed(**seen)) == step


def test_no_loop_ends_with_claims_that_are_not_reported() -> None:
    for winding_up, stopping, trouble, wanted in product((False, True), (False, True), (None, TROUBLE), (0, 1)):
        seen = exchanged(winding_up=winding_up, stopping=stopping, trouble=trouble, wanted=wanted, held=1)
        assert isinstance(after_exchange(seen), Wait | Grow | Look)
    for due_s, blocked_s, lanes, contended in product(
        (None, -1000, -1, 0, 1, 5, 1000), (None, 1, 1000), (0, 1), (False, True)
    ):
        seen = crewed(held=1, lanes=lanes, contended=contended)
        assert isinstance(after_look(outlook(due_s=due_s, blocked_s=blocked_s), seen), Wait | Grow | Mend)
