"""Why not now, decided: every reason, and which of several."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.planning.calendar import Calendar
from app.domain.planning.follow import Wait
from app.domain.planning.reasons import Facts, Hold, Reason, Service, Taker, Waiting, decide
from app.domain.planning.slots import Limits, Ramp

NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)  # a Tuesday
HOUR = timedelta(hours=1)
THIS_HOUR = datetime(2026, 12, 1, 10, tzinfo=UTC)
NEXT_HOUR = THIS_HOUR + HOUR
TOMORROW = NOW + timedelta(days=1)
IN_TEN = NOW + timedelta(minutes=10)
OFFICE = Calendar(ZoneInfo("Europe/Berlin"), frozenset(range(5)), time(9), time(17))
DAY = timedelta(days=1)
LATER_ISSUES = {"FOLLOWS", "STOPPED", "INBOX_UNREAD", "LOGIN_EXPIRED"}


def taker(name: str | None, sent: dict[datetime, int], planned: dict[datetime, int], *, own: bool = False) -> Taker:
    return Taker(name, Counter(sent), Counter(planned), own)


def facts(**changes: Any) -> Facts:
    """Of an email that is due and that nothing holds, but for the changes."""
    usual: dict[str, Any] = {
        "now": NOW,
        "scheduled_at": NOW - timedelta(seconds=1),
        "campaign_status": "ACTIVE",
        "start_at": NOW - HOUR,
        "sender": "anna@example.com",
        "limits": Limits(50),
    }
    return Facts(**usual | changes)


CASES: list[tuple[Reason, datetime | None, dict[str, Any], str]] = [
    ("NOT_DUE", NOW - timedelta(seconds=1), {}, "It is its turn"),
    ("NOT_DUE", TOMORROW, {"start_at": TOMORROW, "scheduled_at": TOMORROW}, "starts then"),
    ("NOT_DUE", TOMORROW, {"start_at": TOMORROW}, "starts then"),  # a start that was moved holds at once
    ("NOT_DUE", IN_TEN, {"scheduled_at": IN_TEN}, "Its turn in the plan is then"),
    ("NOT_DUE", IN_TEN, {"scheduled_at": IN_TEN, "direct": True}, "It was asked to go then"),
    ("NOT_DUE", IN_TEN, {"scheduled_at": IN_TEN, "attempts": 1, "plan_changing": True}, "tried again then"),
    ("NOT_DUE", IN_TEN, {"spaced_from": IN_TEN}, "delay lies between"),
    ("PAUSED", None, {"campaign_status": "PAUSED", "open": False, "blocked_until": IN_TEN}, "Resume the campaign"),
    ("CALENDAR", NEXT_HOUR + 21 * HOUR, {"until": NOW, "calendar": OFFICE, "now": NOW + 6 * HOUR}, "Mon, Tue, Wed"),
    (
        "CALENDAR",
        datetime(2026, 12, 2, 8, tzinfo=UTC),
        {"now": NOW + 6 * HOUR, "scheduled_at": datetime(2026, 12, 2, 8, tzinfo=UTC), "calendar": OFFICE},
        "The calendar is closed: the campaign sends Mon, Tue, Wed, Thu, Fri, 09:00 to 17:00, Europe/Berlin;",
    ),
    ("HOURLY_LIMIT", NEXT_HOUR, {"window_full": True, "used": {THIS_HOUR: 50}}, "used up the 50 emails an hour of"),
    (
        "HOURLY_LIMIT",
        NEXT_HOUR,
        {"window_full": True, "used": {THIS_HOUR: 50}, "takers": (taker("Big list", {THIS_HOUR: 48}, {}),)},
        "“Big list” has used 48 of the 50 emails an hour of anna@example.com by now; raise that, or add a sender to",
    ),
    (
        "HOURLY_LIMIT",
        NEXT_HOUR,
        {"scheduled_at": NEXT_HOUR, "taken": {THIS_HOUR: 50}},
        "Emails before it use the 50 emails an hour of anna@example.com until then; raise the limit, or add a sender.",
    ),
    (
        "HOURLY_LIMIT",
        TOMORROW,
        {
            "scheduled_at": TOMORROW,
            "taken": {THIS_HOUR: 50},
            "takers": (
                taker("Big list", {}, {THIS_HOUR: 50, NEXT_HOUR: 50}),
                taker("Own", {}, {NEXT_HOUR: 500}, own=True),
            ),
        },
        "“Big list” uses the 50 emails an hour of anna@example.com until then; put this campaign first, raise",
    ),
    (
        "FOLLOW_UPS",
        NEXT_HOUR,
        {"scheduled_at": NEXT_HOUR, "taken": {THIS_HOUR: 20}, "owed_by_others": {THIS_HOUR: 30}},
        "kept until then for the later steps of other campaigns of anna@example.com, as if nobody answered",
    ),
    (
        "FOLLOW_UPS",
        NEXT_HOUR,
        {"scheduled_at": NEXT_HOUR, "owed": {THIS_HOUR: 2}, "campaign_hourly": 2},
        "kept until then for the later steps of this campaign",
    ),
    (
        "FOLLOW_UPS",
        TOMORROW,
        {
            "scheduled_at": TOMORROW,
            "limits": Limits(50, daily=40),
            "waits": (Wait(3 * DAY),),
            "owed": {THIS_HOUR + 3 * DAY: 40},
        },
        "later steps of this campaign",  # its own second step would find no room within a day
    ),
    ("NOT_DUE", NEXT_HOUR, {"scheduled_at": NEXT_HOUR, "owed": {THIS_HOUR: 49}}, "Its turn in the plan is then"),
    ("NOT_DUE", NEXT_HOUR, {"scheduled_at": NEXT_HOUR, "owed": {THIS_HOUR: 50}, "follows": True}, "It follows"),
    (
        "DAILY_LIMIT",
        THIS_HOUR + 20 * HOUR,
        {"window_full": True, "limits": Limits(50, daily=40), "used": {THIS_HOUR - 4 * HOUR: 40}},
        "the 40 emails in 24 hours of anna@example.com",
    ),
    (
        "DAILY_LIMIT",
        TOMORROW,
        {"scheduled_at": TOMORROW, "limits": Limits(50, daily=40), "taken": {NEXT_HOUR: 40}},
        "Emails before it use the 40 emails in 24 hours",
    ),
    (
        "DAILY_LIMIT",
        THIS_HOUR + 1 * HOUR,
        {
            "window_full": True,
            "limits": Limits(50, daily=40),
            "used": {THIS_HOUR - 23 * HOUR: 18, THIS_HOUR - 24 * HOUR: 50, THIS_HOUR - HOUR: 22},
            "takers": (
                taker("Big list", {THIS_HOUR - 23 * HOUR: 18, THIS_HOUR - 24 * HOUR: 50}, {}),
                taker("Own", {THIS_HOUR - HOUR: 12}, {}, own=True),
                taker("News", {THIS_HOUR - HOUR: 10}, {THIS_HOUR: 900}),
            ),
        },
        "“Big list” has used 18 and “Own” 12 of the 40 emails in 24 hours of anna@example.com by now; raise that",
    ),
    (
        "DAILY_LIMIT",
        TOMORROW,
        {
            "scheduled_at": TOMORROW,
            "limits": Limits(50, daily=40),
            "taken": {THIS_HOUR - HOUR: 30, NEXT_HOUR: 10},
            "takers": (taker("Big list", {THIS_HOUR - HOUR: 30}, {NEXT_HOUR: 10}),),
        },
        "“Big list” has used 30 of the 40 emails in 24 hours of anna@example.com; raise the limit, or add a sender.",
    ),
    (
        "DAILY_LIMIT",
        TOMORROW,
        {
            "scheduled_at": TOMORROW,
            "limits": Limits(50, daily=40),
            "taken": {THIS_HOUR - HOUR: 10, NEXT_HOUR: 30},
            "takers": (taker("Big list", {THIS_HOUR - HOUR: 10}, {NEXT_HOUR: 30}),),
        },
        "“Big list” uses the 40 emails in 24 hours of anna@example.com until then; put this campaign first, raise",
    ),
    (
        "DAILY_LIMIT",
        THIS_HOUR + 24 * HOUR,
        {
            "window_full": True,
            "limits": Limits(50, daily=40),
            "used": {THIS_HOUR: 40},
            "takers": (
                taker(None, {THIS_HOUR: 10}, {}),
                *(taker(f"No. {n}", {THIS_HOUR: 1}, {}) for n in range(10, 40)),
            ),
        },
        "Direct mail has used 10, “No. 39” 1, “No. 38” 1 and 28 other campaigns 28 of the 40 emails in 24 hours",
    ),
    (  # of most of it nobody knows any more who sent it
        "DAILY_LIMIT",
        THIS_HOUR + 24 * HOUR,
        {
            "window_full": True,
            "limits": Limits(50, daily=40),
            "used": {THIS_HOUR: 40},
            "takers": (taker("Own", {THIS_HOUR: 2}, {}, own=True), taker("News", {THIS_HOUR: 3}, {})),
        },
        "The sender has used up the 40 emails in 24 hours of anna@example.com; raise that",
    ),
    (
        "LEAST_GAP",
        NOW + timedelta(seconds=40),
        {
            "limits": Limits(50, least_gap=timedelta(minutes=1)),
            "login_free_at": NOW + timedelta(seconds=40),
            "takers": (taker("Other", {THIS_HOUR: 6}, {}), taker("Own", {THIS_HOUR: 5}, {}, own=True)),
        },
        "anna@example.com keeps 60 s between two emails; shorten that gap, or add a sender.",
    ),
    (
        "RAMP",
        datetime(2026, 12, 2, tzinfo=UTC),
        {
            "window_full": True,
            "limits": Limits(50, ramp=Ramp(5, 3)),
            "used": {THIS_HOUR: 5},
            # Yesterday's is no part of it.
            "takers": (
                taker("Old", {THIS_HOUR - 11 * HOUR: 90}, {}),
                taker("Big list", {THIS_HOUR - 10 * HOUR: 5}, {}),
            ),
        },
        "“Big list” has used 5 of what anna@example.com may send today, since it began with 5 emails a day",
    ),
    (
        "RAMP",
        datetime(2026, 12, 2, tzinfo=UTC),
        {"window_full": True, "limits": Limits(50, ramp=Ramp(5, 3)), "used": {THIS_HOUR: 5}},
        "since it began with 5 emails a day, 3 emails more each day",
    ),
    ("CAMPAIGN_LIMIT", NEXT_HOUR, {"campaign_used": 7, "campaign_hourly": 7}, "7 emails that"),
    # Limits that were lowered below what an email takes with its copies let none go until somebody changes that.
    (
        "HOURLY_LIMIT",
        None,
        {"window_full": True, "limits": Limits(3, copies=5)},
        "goes to 6 addresses with its copies, for which the 3 emails an hour of anna@example.com leave no room; raise",
    ),
    ("DAILY_LIMIT", None, {"window_full": True, "limits": Limits(50, daily=2, copies=2)}, "3 addresses"),
    (
        "CAMPAIGN_LIMIT",
        None,
        {"campaign_hourly": 2, "limits": Limits(50, copies=2)},
        "2 emails an hour of the campaign",
    ),
    (
        "CAMPAIGN_LIMIT",
        NEXT_HOUR,
        {"scheduled_at": NEXT_HOUR, "limits": Limits(50, share=10), "own": {THIS_HOUR: 5}},
        "may take 10 % of what anna@example.com may send",
    ),
    (
        "LEAST_GAP",
        IN_TEN,
        {"login_free_at": IN_TEN, "limits": Limits(50, least_gap=timedelta(seconds=90))},
        "keeps 90 s between",
    ),
    (
        "LEAST_GAP",
        NEXT_HOUR,
        {
            "scheduled_at": NEXT_HOUR,
            "limits": Limits(50, least_gap=timedelta(minutes=20)),
            "taken": {THIS_HOUR: 3},
            "takers": (taker("Big list", {}, {THIS_HOUR: 3}),),
        },
        "“Big list” uses what anna@example.com may send with 20 minutes between two emails until then",
    ),
    ("SENDER_BLOCKED", IN_TEN, {"blocked_until": IN_TEN, "block_reason": "535 no"}, "tried again then: 535 no"),
    ("SERVER_SLOW", IN_TEN, {"holds": (Hold("SERVER_SLOW", "450 slow", IN_TEN, whole=True),)}, "said: 450 slow"),
    ("SERVER_SLOW", None, {"scheduled_at": NOW - HOUR, "connections": 3}, "over the 3 connections that it may have"),
    ("REFUSED", IN_TEN, {"holds": (Hold("REFUSED", "554 spam", IN_TEN, whole=False),)}, "or go on: 554 spam"),
    ("PLAN_CHANGING", None, {"scheduled_at": TOMORROW, "plan_changing": True}, "planned anew"),
    ("PLAN_CHANGING", None, {"open": False}, "given to the other senders"),
    ("OTHER_INSTALLATION", None, {"service": Service("This database is another's.", alive=False)}, "is another's"),
    ("NO_WORKER", None, {"service": Service(None, alive=False)}, "No worker is running"),
    ("NOTHING_WAITS", None, {"scheduled_at": None}, "Nothing of it waits"),
    ("NOTHING_WAITS", None, {"scheduled_at": None, "status": "SENT"}, "The email is SENT"),
    ("NOTHING_WAITS", None, {"campaign_status": "CANCELLED", "open": False}, "Nothing of it waits"),
    ("NOTHING_WAITS", None, {"latest_at": NOW}, "too late"),
]


@pytest.mark.parametrize(("reason", "until", "changes", "words"), CASES)
def test_each_reason_has_its_end_and_what_would_change_it(
    reason: Reason, until: datetime | None, changes: dict[str, Any], words: str
) -> None:
    found = decide(facts(**changes))
    assert (found.reason, found.until) == (reason, until)
    assert words in found.detail
    assert found.detail.strip() == found.detail


def test_no_reason_is_forgotten() -> None:
    assert {reason for reason, *_ in CASES} == set(get_args(Reason)) - LATER_ISSUES


def test_what_ends_last_is_the_reason() -> None:
    """The reason that is told must not be followed by another wait that was there all the time."""
    both = {"blocked_until": IN_TEN, "window_full": True, "used": {THIS_HOUR: 50}}
    assert decide(facts(**both)).reason == "HOURLY_LIMIT"
    assert decide(facts(**both | {"blocked_until": TOMORROW})).reason == "SENDER_BLOCKED"
    planned = {"scheduled_at": TOMORROW, "blocked_until": IN_TEN}
    assert decide(facts(**planned)) == decide(facts(scheduled_at=TOMORROW))


def test_a_night_whose_morning_is_full_is_the_limits_fault() -> None:
    morning = datetime(2026, 12, 2, 8, tzinfo=UTC)
    night = {"now": NOW + 8 * HOUR, "calendar": OFFICE}
    later = facts(**night, scheduled_at=morning + 2 * HOUR, taken={morning: 50})
    assert later.first_that_was_missed() == morning
    assert decide(later).reason == "HOURLY_LIMIT"
    assert decide(facts(**night, scheduled_at=morning)).reason == "CALENDAR"


def test_what_is_not_due_says_nothing_of_workers() -> None:
    assert decide(facts(scheduled_at=TOMORROW, service=Service(None, alive=False))).reason == "NOT_DUE"


times = st.none() | st.integers(-120, 120).map(lambda minutes: NOW + timedelta(minutes=minutes))


@given(
    scheduled_at=times,
    start_at=st.integers(-120, 120).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    blocked_until=times,
    spaced_from=times,
    login_free_at=times,
    probe_at=times,
    until=times,
    latest_at=times,
    status=st.sampled_from(["ACTIVE", "PAUSED", "CANCELLED"]),
    window_full=st.booleans(),
    used=st.integers(0, 60),
    alive=st.booleans(),
    plan_changing=st.booleans(),
    calendar=st.none() | st.just(OFFICE),
)
def test_it_is_told_to_go_only_if_nothing_holds_it(
    scheduled_at: datetime | None, probe_at: datetime | None, status: str, used: int, alive: bool, **more: Any
) -> None:
    """And whatever holds it ends after now, or nobody knows when."""
    holds = () if probe_at is None else (Hold("REFUSED", "554", probe_at, whole=True),)
    one = facts(
        scheduled_at=scheduled_at,
        campaign_status=status,
        open=status == "ACTIVE",
        holds=holds,
        used={THIS_HOUR: used},
        service=Service(None, alive),
        **more,
    )
    held = [one.start_at, one.blocked_until, one.spaced_from, one.login_free_at, probe_at, scheduled_at]
    free = (
        status == "ACTIVE"
        and scheduled_at is not None
        and not one.window_full
        and alive
        and all(at is None or at <= NOW for at in held)
        and (one.until is None or one.until > NOW)
        and (one.latest_at is None or one.latest_at > NOW)
    )
    found: Waiting = decide(one)
    goes = (found.reason == "NOT_DUE" and found.until == scheduled_at and "its turn" in found.detail.lower()) or (
        found.reason == "SERVER_SLOW" and found.until is None
    )
    if free:
        assert goes
    elif found.until is not None:
        assert found.until > NOW
        assert found.until >= max((at for at in held if at is not None), default=NOW)
