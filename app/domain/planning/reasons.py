"""Why an email does not go now, decided from facts that `waiting` has read: pure, by the bounds that an exchange has.

Of several bounds that hold, the one that ends last is the reason. A plan that gives an email a later time has a reason,
too: what the slot was full of, or closed for, in which it could have gone first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from app.domain.ledger.judge import HoldReason
from app.domain.planning.calendar import Calendar, Opening
from app.domain.planning.follow import Wait
from app.domain.planning.following import Following
from app.domain.planning.slots import DAY_HOURS, Limit, Limits, Room, hour_of
from app.domain.planning.stream import Pace, Stream

# docs/waiting.md says what each means; the dashboard has words for each (`web/src/features/planning/words.ts`).
Reason = Literal[
    "NOT_DUE",
    "FOLLOWS",  # a later step's, which is owed and no email yet
    "PAUSED",
    "STOPPED",  # the recipient or a person has stopped it: comes with opt-out
    "CALENDAR",
    "HOURLY_LIMIT",
    "DAILY_LIMIT",
    "CAMPAIGN_LIMIT",
    "RAMP",
    "LEAST_GAP",
    "FOLLOW_UPS",  # the room is there, and kept for later steps of this campaign or another of the login
    "SENDER_BLOCKED",
    "LOGIN_EXPIRED",  # a grant that its provider takes no more: comes with logins by OAuth
    "SERVER_SLOW",
    "REFUSED",
    "INBOX_UNREAD",  # nobody knows whether an answer is there
    "PLAN_CHANGING",
    "OTHER_INSTALLATION",
    "NO_WORKER",
    "NOTHING_WAITS",
]

HOUR = timedelta(hours=1)
LATE = timedelta(minutes=1)  # due for longer, with nothing that forbids it: connections are too few or too slow
ASIDE = timedelta(minutes=1)  # what follows, while its inbox is unread
LOOKED_AT_AGAIN = timedelta(seconds=1)  # what is held until its plan is made
_MOST_NAMED = 3  # campaigns in a sentence
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Waiting(msgspec.Struct, rename="camel", frozen=True):
    """Why it does not go now. `until`: when that ends by itself, as far as is known now; null: not by itself, or nobody
    knows. `detail` says what would change it.
    """

    reason: Reason
    until: datetime | None
    detail: str


class Service(NamedTuple):
    """Whether anything is sent at all. `other`: it is another installation's database, in words; `alive`: a worker, and
    one that is `sandboxed`.
    """

    other: str | None = None
    alive: bool = True
    sandboxed: bool = False


class Hold(NamedTuple):
    """A server's words hold back the stream, or (`whole`) all of its login."""

    reason: HoldReason
    words: str
    probe_at: datetime
    whole: bool


class Taker(NamedTuple):
    """A campaign that sends by the same login: its emails sent in this hour and the day before it, and those planned
    around the slot; `own`: it is the one that is asked about. Without `name`: all direct mail together.
    """

    name: str | None
    sent: Counter[datetime]
    planned: Counter[datetime]
    own: bool = False

    @property
    def said(self) -> str:
        return "direct mail" if self.name is None else f"“{self.name}”"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Of one email, or of the first that waits in a stream (`scheduled_at` None: nothing does), at `now`."""

    now: datetime
    status: str | None = None  # of the email, if it was one that was asked about
    service: Service = Service()
    # The email
    scheduled_at: datetime | None
    until: datetime | None = None  # the end of its slot
    attempts: int = 0
    follows: bool = False  # it is a later step's
    unread: bool = False  # nobody has read, lately and since the email before it, where an answer would lie
    follow_at: datetime | None = None  # when a later step of the stream falls due first that is no email yet
    # Its campaign and the stream
    campaign_status: str
    open: bool = True
    direct: bool = False  # it is written by hand to one recipient, and has no campaign's plan
    start_at: datetime
    latest_at: datetime | None = None
    calendar: Calendar | None = None
    spaced_from: datetime | None = None  # the campaign's delay lets it go
    campaign_hourly: int | None = None
    campaign_used: int = 0  # this hour, by all its senders
    plan_changing: bool = False
    plan_holds: bool = False  # what is due has its time from a calendar that is no more
    # Its sender and the login
    sender: str
    connections: int = 1
    blocked_until: datetime | None = None
    block_reason: str | None = None
    holds: tuple[Hold, ...] = ()
    limits: Limits
    used: Mapping[datetime, int] = {}  # of the login, by hour, up to now
    days_sent: int = 0
    window_full: bool = False  # the exchange gives nothing of this hour any more
    takers: tuple[Taker, ...] = ()
    login_free_at: datetime | None = None  # the login's least gap lets it go
    # Around the slot in which it could have gone first: by hour, used or planned
    taken: Mapping[datetime, int] = {}
    own: Mapping[datetime, int] = {}
    campaign: Mapping[datetime, int] = {}  # the campaign's, by all its senders
    # Later steps owed around then and in the days of its own: by hour, by this campaign and by others
    owed: Mapping[datetime, int] = {}
    owed_by_others: Mapping[datetime, int] = {}
    waits: tuple[Wait, ...] = ()  # of the later steps, of a first one

    @property
    def earliest(self) -> datetime:
        """When it could go, were it not for limits and calendar."""
        return max(self.now, self.start_at, self.spaced_from or self.now)

    def first_slot(self) -> Opening | None:
        """The slot in which it could have gone first; None: the calendar is never open again."""
        return _first_slot(self.calendar, self.earliest)

    def first_that_was_missed(self) -> datetime | None:
        """The hour of that slot, if its time is in a later one that has to be accounted for."""
        if self.scheduled_at is None or self.scheduled_at <= self.earliest or self._is_retry or self.follows:
            return None
        slot = self.first_slot()
        return None if slot is None or self.scheduled_at < slot.end else hour_of(slot.begin)

    @property
    def _is_retry(self) -> bool:
        return self.attempts > 0 and self.scheduled_at is not None and self.scheduled_at > self.now


_NEVER = datetime.max.replace(tzinfo=UTC)


@lru_cache(256)  # emails of a page have it in common
def _first_slot(calendar: Calendar | None, earliest: datetime) -> Opening | None:
    openings = iter([Opening(earliest, _NEVER)]) if calendar is None else calendar.openings(earliest)
    if (opening := next(openings, None)) is None:
        return None
    return Opening(opening.begin, min(opening.end, hour_of(opening.begin) + HOUR))


def decide(facts: Facts) -> Waiting:
    """The reason, until when, and what would change it."""
    if (facts.scheduled_at or facts.follow_at) is None or facts.campaign_status == "CANCELLED":
        return Waiting("NOTHING_WAITS", None, _nothing(facts))
    if facts.campaign_status == "PAUSED":
        return Waiting("PAUSED", None, "Resume the campaign, and what waits is planned from then on.")
    if not facts.open:
        text = f"{facts.sender} is out of the campaign, and its emails are being given to the other senders."
        return Waiting("PLAN_CHANGING", None, text)
    if facts.scheduled_at is None:
        text = "Nothing waits but later steps, each for so long after the one before it; whoever answers gets none."
        return Waiting("FOLLOWS", facts.follow_at, text)
    if facts.latest_at is not None and facts.latest_at <= facts.now:
        text = "It is too late for what has not gone: it is being cancelled, since the campaign says so."
        return Waiting("NOTHING_WAITS", None, text)
    if max(facts.scheduled_at, facts.start_at) <= facts.now:
        if facts.service.other is not None:
            return Waiting("OTHER_INSTALLATION", None, facts.service.other)
        if not facts.service.alive:
            return Waiting("NO_WORKER", None, "No worker is running, so nothing is sent; start one (`reachinbox up`).")
    if bounds := [(until, bound) for until, bound in _bounds(facts, facts.scheduled_at) if until > facts.now]:
        return max(bounds, key=lambda bound: bound[0])[1]
    return _its_turn(facts, facts.scheduled_at)


def _nothing(facts: Facts) -> str:
    if facts.status is not None and facts.status != "SCHEDULED":
        return f"The email is {facts.status}; it waits for nothing."
    return "Nothing of it waits to be sent."


def _its_turn(facts: Facts, scheduled_at: datetime) -> Waiting:
    if facts.now - scheduled_at > LATE:
        connections = "one connection" if facts.connections == 1 else f"{facts.connections} connections"
        text = (
            f"It is due, and nothing forbids it: the server of {facts.sender} takes emails no faster over the "
            f"{connections} that it may have at once; allow more of them, or add a sender."
        )
        return Waiting("SERVER_SLOW", None, text)
    return Waiting("NOT_DUE", scheduled_at, "It is its turn: it goes as soon as a connection is free.")


def _bounds(facts: Facts, scheduled_at: datetime) -> Iterator[tuple[datetime, Waiting]]:
    """All that hold it, each with its end; those that a person hears of first, first."""
    if facts.blocked_until is not None:
        why = f": {facts.block_reason}" if facts.block_reason else ""
        text = f"{facts.sender} is tried again then{why}. Mend what that says and verify the sender to go on at once."
        yield _until(facts.blocked_until, "SENDER_BLOCKED", text)
    for hold in facts.holds:
        yield _until(hold.probe_at, hold.reason, _held(facts, hold))
    if facts.window_full:
        yield _full(facts)
    if facts.campaign_hourly is not None and facts.campaign_used + facts.limits.copies >= facts.campaign_hourly:
        most = _n(facts.campaign_hourly)
        if facts.limits.copies >= facts.campaign_hourly:
            yield _until(_NEVER, "CAMPAIGN_LIMIT", _too_many(facts, f"the {most} an hour of the campaign"))
        text = f"The campaign has sent the {most} that it may send in this hour; raise its limit."
        yield _until(hour_of(facts.now) + HOUR, "CAMPAIGN_LIMIT", text)
    if facts.login_free_at is not None:
        yield _until(facts.login_free_at, "LEAST_GAP", _keeps_gap(facts))
    if facts.until is not None and facts.until <= facts.now:
        slot = facts.first_slot()
        yield _until(_NEVER if slot is None else slot.begin, "CALENDAR", _closed(facts, "Its hours are over"))
    if facts.unread and scheduled_at <= facts.now + ASIDE:
        text = (
            "It follows another email, and nobody has read since that one and in the last half hour whether"
            f" {facts.sender} has an answer to it; the mailbox is read at once. See whether its inbox can be read."
        )
        yield _until(max(scheduled_at, facts.now + LOOKED_AT_AGAIN), "INBOX_UNREAD", text)
    if facts.plan_holds:
        text = "The campaign's calendar was changed, and nothing goes before it has its time by the new one."
        yield facts.now + LOOKED_AT_AGAIN, Waiting("PLAN_CHANGING", None, text)
    yield max(scheduled_at, facts.start_at), _planned(facts, scheduled_at)
    if facts.spaced_from is not None:
        text = "The campaign's delay lies between two of its emails; shorten it to send sooner."
        yield _until(facts.spaced_from, "NOT_DUE", text)


def _until(until: datetime, reason: Reason, detail: str) -> tuple[datetime, Waiting]:
    return until, Waiting(reason, None if until == _NEVER else until, detail)


def _held(facts: Facts, hold: Hold) -> str:
    what = f"all that {facts.sender} sends" if hold.whole else f"the campaign's emails from {facts.sender}"
    if hold.reason == "SERVER_SLOW":
        return f"Its server takes no more of {what} for now, and one email is tried then. It said: {hold.words}"
    return (
        f"Its server refuses {what}, one after the other, and one is tried then; look at what it says and answer"
        f" whether to try now, let them fail or go on: {hold.words}"
    )


def _full(facts: Facts) -> tuple[datetime, Waiting]:
    """The login's hour: what of its limits is used up, and the first hour in which it is not."""
    room = Room(facts.limits._replace(share=None), facts.used, days_sent=facts.days_sent)
    hour = hour_of(facts.now)
    left, bound = room.left_for_owed(hour)
    if left > facts.limits.copies:  # what the window allows was reckoned before a limit was raised
        bound = "HOURLY_LIMIT"
    until = hour + HOUR
    while (later := room.left_for_owed(until))[0] <= facts.limits.copies:
        if until - hour >= timedelta(days=3):  # by then nothing of what was sent counts
            return _until(_NEVER, later[1], _too_many(facts, _allowed(facts, later[1])))
        until += HOUR
    users = _users(facts, bound, hour)
    used = (
        f"{users} of {_allowed(facts, bound)} by now" if users else f"The sender has used up {_allowed(facts, bound)}"
    )
    return _until(until, bound, f"{used}; raise that, or add a sender to the campaign.")


def _too_many(facts: Facts, allowed: str) -> str:
    """A limit was lowered below what one email takes."""
    goes = f"Each email goes to {1 + facts.limits.copies} addresses with its copies"
    return f"{goes}, for which {allowed} leave no room; raise that, or take copies out."


def _planned(facts: Facts, scheduled_at: datetime) -> Waiting:
    """Why its time is no earlier."""
    if facts.attempts and scheduled_at > facts.now:
        text = "The server did not take it for good when it was tried; it is tried again then, by itself."
        return Waiting("NOT_DUE", scheduled_at, text)
    if facts.follows and scheduled_at > facts.now:
        text = "It follows another email, after the wait of its step; until then an answer stops it."
        return Waiting("NOT_DUE", scheduled_at, text)
    if scheduled_at <= facts.start_at:
        return Waiting("NOT_DUE", facts.start_at, "Its campaign starts then; move the start to have it go sooner.")
    if facts.plan_changing:
        text = (
            "Its time is being planned anew, after a change of a limit, a campaign or a sender; look again in a moment."
        )
        return Waiting("PLAN_CHANGING", None, text)
    slot = facts.first_slot()
    if slot is None:
        return Waiting("CALENDAR", None, _closed(facts, "The calendar is never open again"))
    if scheduled_at >= slot.end:
        hour = hour_of(slot.begin)
        left, bound = Room(facts.limits, facts.taken, facts.own, facts.days_sent).left_for_owed(hour)
        if facts.campaign_hourly is not None and facts.campaign_hourly - facts.campaign.get(hour, 0) < left:
            left, bound = facts.campaign_hourly - facts.campaign.get(hour, 0), "CAMPAIGN_LIMIT"
        if left <= facts.limits.copies:
            return Waiting(bound, scheduled_at, _limit(facts, bound, hour))
        if not facts.follows and _keeps_room(facts, slot, left):
            return Waiting("FOLLOW_UPS", scheduled_at, _kept(facts))
    if slot.begin > facts.earliest:
        return Waiting("CALENDAR", scheduled_at, _closed(facts, "The calendar is closed"))
    if facts.direct:
        text = "It was asked to go then, so long after it was written; limits and other emails do not hold it."
        return Waiting("NOT_DUE", scheduled_at, text)
    text = "Its turn in the plan is then: the campaign's delay and the emails before it come first; shorten the delay."
    return Waiting("NOT_DUE", scheduled_at, text)


def _keeps_room(facts: Facts, slot: Opening, left: int) -> bool:
    """Whether what the slot has left for somebody new is promised to later steps, or their own later steps would find
    no room in time: by what plans reckon with.
    """
    hour, weight = hour_of(slot.begin), 1 + facts.limits.copies
    room = Room(facts.limits, facts.taken, facts.own, facts.days_sent)
    for promised, own in ((facts.owed, True), (facts.owed_by_others, False)):
        for at, count in promised.items():
            room.promise(at, count, own=own)
    if min(room.left(hour)[0], left - facts.owed.get(hour, 0) if facts.campaign_hourly is not None else left) < weight:
        return True
    following = Following(
        facts.waits, [Stream(slot.begin, Pace(timedelta(0)), room)], [facts.calendar], slot.begin, weight=weight
    )
    return following.most_new(room, slot.begin, 0) < 1


def _kept(facts: Facts) -> str:
    """A sentence on whose most of the later steps are, and what to do."""
    own, others = sum(facts.owed.values()), sum(facts.owed_by_others.values())
    whose = f"other campaigns of {facts.sender}" if others > own else "this campaign"
    return (
        f"Room is kept until then for the later steps of {whose}, as if nobody answered; as answers come in, it is"
        " used once a day or when you move new people up. Raise the limit, or add a sender."
    )


def _closed(facts: Facts, why: str) -> str:
    calendar = facts.calendar
    if calendar is None:
        return f"{why}; it gets a new time."
    days = ", ".join(DAYS[day] for day in sorted(calendar.days))
    hours = f"{calendar.opens:%H:%M} to {calendar.closes:%H:%M}"
    return f"{why}: the campaign sends {days}, {hours}, {calendar.zone.key}; change its days or hours to send sooner."


def _limit(facts: Facts, bound: Limit, hour: datetime) -> str:
    """Cause, culprit, remedy."""
    if bound == "CAMPAIGN_LIMIT":
        may = f"may send {_n(facts.campaign_hourly)} an hour" if facts.campaign_hourly else ""
        share = f"may take {facts.limits.share} % of what {facts.sender} may send" if facts.limits.share else ""
        return f"The campaign {' and '.join(filter(None, (may, share)))}, and emails before it take that; raise it."
    allowed = _allowed(facts, bound)
    taken = [(_count(one.sent + one.planned, facts, bound, hour), one) for one in facts.takers]
    own = sum(count for count, one in taken if one.own)
    most, culprit = max(((count, one) for count, one in taken if not one.own), default=(0, None), key=_by_size)
    if culprit is None or most <= own:
        if bound == "LEAST_GAP":
            return _keeps_gap(facts)
        return f"Emails before it use {allowed} until then; raise the limit, or add a sender."
    raised = "shorten that gap" if bound == "LEAST_GAP" else "raise the limit"
    # Sent emails go behind nothing any more.
    if _count(culprit.sent, facts, bound, hour) * 2 > most and (users := _users(facts, bound, hour)):
        return f"{users} of {allowed}; {raised}, or add a sender."
    return f"{_capital(culprit.said)} uses {allowed} until then; put this campaign first, {raised} or add a sender."


def _keeps_gap(facts: Facts) -> str:
    return f"{facts.sender} keeps {_gap(facts)} between two emails; shorten that gap, or add a sender."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _by_size(counted: tuple[int, Taker]) -> tuple[int, str]:
    return counted[0], counted[1].said


def _count(emails: Mapping[datetime, int], facts: Facts, bound: Limit, hour: datetime) -> int:
    """How many of them count where the bound lets none go in that hour."""
    return sum(count for at, count in emails.items() if _counts(at, facts.limits, bound, hour))


def _counts(at: datetime, limits: Limits, bound: Limit, hour: datetime) -> bool:
    if bound == "DAILY_LIMIT":
        return abs(at - hour) < DAY_HOURS * HOUR
    if bound == "RAMP":
        return at.astimezone(limits.zone).date() == hour.astimezone(limits.zone).date()
    return at == hour


def _users(facts: Facts, bound: Limit, hour: datetime) -> str:
    """“A” has used 900 and “B” 700: the campaigns that sent most of what the login sent, as many as make up more than
    half, and of these no more by name than a person reads; "" where that is not known.
    """
    counted = [(count, one) for one in facts.takers if (count := _count(one.sent, facts, bound, hour))]
    counted.sort(key=_by_size, reverse=True)
    # Of a campaign that was deleted, or sent by another login then, the login alone knows.
    total = max(sum(count for count, _ in counted), _count(facts.used, facts, bound, hour))
    made, named = 0, list[str]()
    for count, one in counted[:_MOST_NAMED]:
        if made * 2 > total:
            break
        named.append(f"{one.said} {'' if named else 'has used '}{count:,}")
        made += count
    if made * 2 <= total and (others := counted[_MOST_NAMED:]):
        rest = sum(count for count, _ in others)
        named.append(f"{len(others):,} other campaign{'s' if len(others) > 1 else ''} {rest:,}")
        made += rest
    if made * 2 <= total:
        return ""
    return _capital(" and ".join(filter(None, (", ".join(named[:-1]), *named[-1:]))))


def _allowed(facts: Facts, bound: Limit) -> str:
    """Words on what the limit lets the login send, with its figures."""
    limits, sender = facts.limits, facts.sender
    if bound == "DAILY_LIMIT":
        return f"the {_n(limits.daily)} in 24 hours of {sender}"
    if bound == "RAMP" and limits.ramp is not None:
        more = f", {_n(limits.ramp.per_day)} more each day that it sends"
        return f"what {sender} may send today, since it began with {_n(limits.ramp.first)} a day{more}"
    if bound == "LEAST_GAP":
        return f"what {sender} may send with {_gap(facts)} between two emails"
    return f"the {_n(limits.hourly)} an hour of {sender}"


def _gap(facts: Facts) -> str:
    seconds = facts.limits.least_gap.total_seconds()
    return f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 60:,.0f} minutes"


def _n(count: int | None) -> str:
    return f"{count or 0:,} email{'' if count == 1 else 's'}"
