"""Plans against the ledger: what a sender's windows hold already, the course of a campaign through them, and giving
emails the times that it has for them.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from psycopg.errors import LockNotAvailable

from app.db import LOCK_MS, Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.ledger import streams
from app.domain.planning.calendar import Calendar
from app.domain.planning.campaign_calendar import RECIPIENT, CampaignCalendar, in_zone, of_kept
from app.domain.planning.follow import Clocks, Wait
from app.domain.planning.following import Following
from app.domain.planning.owed import Owed, owed_by_login
from app.domain.planning.plan import (
    HORIZON,
    Place,
    Plan,
    check_copies,
    in_order,
    place_in,
    plan,
)
from app.domain.planning.slots import CampaignRoom, Limits, Ramp, Room, hour_of
from app.domain.planning.stream import MICROSECOND, Pace, Stream, pace_of
from app.domain.planning.zones import zone_named
from app.errors import InvalidInput, NotFound, PlanChanging
from app.sql import queries

sql = queries(__name__)

TELLING = 10_000  # emails that mostly are of all the zones that a campaign has
BATCH = 500  # emails that are moved in one transaction: it keeps others from their stream, and from planning


class SenderLoad(NamedTuple):
    """The load that plans of a sender must respect. `now`: the database's clock; `taken`: what each window of its login
    holds, used or planned; `own`: of that, what the campaign that is planned keeps there; `days_sent`: on how many days
    before `since` it sent, for the ramp. `owed`: what follows emails of campaigns with steps, if nobody answers.
    """

    now: datetime
    login_id: int
    hourly_limit: int
    limits: Limits
    taken: Counter[datetime]
    own: Counter[datetime]
    since: date
    days_sent: int
    owed: Sequence[Owed] = ()

    def room(self, share: int | None, copies: int, own: Mapping[datetime, int] | None = None) -> Room:
        limits = self.limits._replace(share=share, copies=copies)
        room = Room(limits, self.taken, self.own if own is None else own, self.days_sent, self.since)
        for owed in self.owed:
            room.promise(owed.hour, owed.recipients, own=owed.own)
        return room


@asynccontextmanager
async def planning(pool: Pool) -> AsyncGenerator[Conn]:
    """A transaction in which plans are read and written, as the service: row-level security would hide from the planner
    that an email is best found by its key. The caller has looked at who may ask for a plan.

    Raises PlanChanging where others hold for too long what it needs.
    """
    try:
        async with transaction(pool) as conn:
            await conn.execute(sql.careful_planning, {"lock_ms": str(LOCK_MS)})
            yield conn
    except LockNotAvailable:
        raise PlanChanging from None


async def lock_plan(conn: Conn, *sender_ids: int) -> None:
    """Make plans of the senders' logins one at a time until the commit, since each counts what the others took.

    Once in a transaction, for all senders that it is about, and before any row is locked. Raises PlanChanging when that
    takes longer than the transaction waits for locks.
    """
    try:
        await conn.execute(sql.lock_plan, {"sender_ids": list(sender_ids)})
    except LockNotAvailable:
        raise PlanChanging from None


async def sender_load(
    conn: Conn,
    workspace_id: int,
    sender_id: int,
    *,
    campaign_id: int | None = None,
    except_campaign_ids: Sequence[int] = (),
    of_all: bool = False,
) -> SenderLoad:
    """The load that a new plan of this sender, for this campaign, must respect. The sender's streams of campaigns that
    are left out do not count: they are planned again next. Those of other senders with its login do, but for the
    campaign's own where it is planned `of_all` of its senders.

    Raises NotFound when the user has no such sender.
    """
    params = {
        "workspace_id": workspace_id,
        "sender_id": sender_id,
        "campaign_id": campaign_id,
        "except_campaign_ids": list(except_campaign_ids),
        "of_all": of_all,
        "horizon": HORIZON,
    }
    login = await fetch_one(conn, sql.login_of_plan, params)
    if login is None:
        raise NotFound(f"no sender {sender_id}")
    planned = await fetch_all(conn, sql.planned_by_window, params)
    taken = Counter({row["window_start"]: row["planned"] for row in planned})
    for row in await fetch_all(conn, sql.used_by_window, params):
        taken[row["window_start"]] += row["used"]
    own = Counter({row["window_start"]: row["own"] for row in planned if row["own"]})
    return SenderLoad(
        login["now"],
        login["login_id"],
        login["hourly_limit"],
        _limits(login),
        taken,
        own,
        login["since"],
        login["days_sent"],
        await owed_by_login(conn, login["now"], params) if login["owes"] else (),
    )


async def check_copies_of(conn: Conn, workspace_id: int, sender_id: int, copies: int, share: int | None = None) -> None:
    """Whether a sender's limits let emails with so many copies go at all. Raises NotFound, InvalidInput."""
    if copies:
        load = await sender_load(conn, workspace_id, sender_id)
        check_copies(copies, load.room(share, copies).most)


def _limits(login: Row) -> Limits:
    return Limits(
        login["hourly_limit"],
        daily=login["daily_limit"],
        least_gap=timedelta(milliseconds=login["least_gap_ms"]),
        ramp=None if login["ramp_from"] is None else Ramp(login["ramp_from"], login["ramp_per_day"]),
        zone=ZoneInfo(login["timezone"]),
    )


def streams_of(
    begins: Sequence[datetime], loads: Sequence[SenderLoad], rooms: Mapping[int, Room], delay: timedelta, jitter: int
) -> list[Stream]:
    """The streams of a plan over several senders, from when each on; `rooms` are those of their logins. Senders of one
    login keep its least gap among them.
    """
    of_login = Counter(load.login_id for load in loads)
    before = Counter[int]()
    streams_planned: list[Stream] = []
    for begin, load in zip(begins, loads, strict=True):
        least = load.limits.least_gap
        pace = pace_of(delay, jitter, least * of_login[load.login_id])
        streams_planned.append(Stream(begin, pace, rooms[load.login_id], before[load.login_id] * least))
        before[load.login_id] += 1
    return streams_planned


class Course:
    """The places that emails of a campaign's stream get, one after the other, and how its login's windows fill up."""

    def __init__(self, stream: Row, load: SenderLoad, campaign_taken: Mapping[datetime, int]) -> None:
        self.now = load.now
        self.taken = load.taken
        self.calendar = of_kept(stream["calendar"])
        self.has_later_steps: bool = stream["stepped"]
        self._delay = timedelta(milliseconds=stream["delay_ms"])
        own = load.own.copy()
        own[hour_of(load.now)] += stream["own_used"]
        pace = pace_of(self._delay, stream["jitter_percent"], load.limits.least_gap)
        # Where thousands are due at once, none of them moves to be due now.
        self.stays_due_at = None if pace.gap else load.now
        self._copies: int = stream["copies"]
        self.begins_at = max(load.now, stream["start_at"])
        self._clocks = Clocks(self.calendar, self.begins_at)
        self._latest: datetime | None = stream["latest_at"]
        self._campaign: CampaignRoom | None = None
        if stream["hourly_limit"] is not None:
            taken = Counter(campaign_taken)
            taken[hour_of(load.now)] += stream["campaign_used"]
            self._campaign = CampaignRoom(stream["hourly_limit"], taken)
        self._stream = Stream(self._first_at(stream, pace), pace, load.room(stream["share_percent"], self._copies, own))
        self._waits = [Wait.of_row(one) for one in stream["waits"] or ()]
        self._following: Following | None = None

    def _first_at(self, stream: Row, pace: Pace) -> datetime:
        """A campaign under way keeps its distance from what was claimed last, as the exchange will."""
        free_at: datetime | None = stream["free_at"]
        return self.begins_at if free_at is None else max(self.begins_at, min(free_at, self.begins_at + pace.gap))

    @property
    def by_zone(self) -> bool:
        """Emails overtake each other: places are given to all that wait, and not to some after the others."""
        return self.calendar is not None and self.calendar.timezone == RECIPIENT

    def plan(self, zones: Sequence[str | None], horizon: timedelta | None = None, *, owed: bool = False) -> Plan:
        """The next emails, one for each of `zones` (what recipients say of theirs), which take their room. `owed`: of
        later steps, which take what is promised.

        Raises InvalidInput as `plan` does.
        """
        if self.calendar is None or not self.by_zone:
            calendars: list[Calendar | None] = [None if self.calendar is None else in_zone(self.calendar)]
            numbers = None
        else:
            calendars, numbers = zoned(self.calendar, zones)
        made = plan(
            len(zones),
            [self._stream],
            calendars,
            zones=numbers,
            campaign=self._campaign,
            latest=self._latest,
            horizon=horizon,
            copies=self._copies,
            following=None if owed else self._followed(calendars),
            owed=owed,
        )
        for run in made.runs:
            self.taken[hour_of(run.at)] += run.size * (1 + self._copies)
        return made

    def _followed(self, calendars: Sequence[Calendar | None]) -> Following | None:
        """The later steps of the emails planned so far, which go ahead of new ones; None: there are none."""
        if self._waits and (self._following is None or self.by_zone):
            self._following = Following(
                self._waits,
                [self._stream],
                calendars,
                self._stream.at,
                campaign=self._campaign,
                latest=self._latest,
            )
        return self._following

    def places(self, zones: Sequence[str | None], owed: int = 0) -> list[Place]:
        """Of the next emails, the first `owed` of which are of later steps."""
        begin = self._stream.at
        places = places_of(self.plan(zones[:owed], owed=True), owed) if owed else []
        if owed and self.by_zone:  # those of other zones may leave before them
            self._stream.at = begin
            for at in sorted(place.at for place in places):
                self._stream.take_ahead(at, at + self._stream.pace.gap)
        if zones[owed:]:
            places = [*places, *places_of(self.plan(zones[owed:]), len(zones) - owed)]
        return places

    def kept(self, at: datetime, zone: str | None) -> Place:
        """Of a retry, whose time it is: there, or where the calendar opens next."""
        found = self._clocks.of(zone).leaves(at, None)
        return Place(0, found.at, timedelta(0), found.until)


def zoned(calendar: CampaignCalendar, zones: Iterable[str | None]) -> tuple[list[Calendar | None], list[int]]:
    """A calendar for each of the zones, and which of them each is. An unknown zone means the calendar's own."""
    number_of: dict[str | None, int] = {}
    names: dict[str, int] = {}
    numbers: list[int] = []
    for zone in zones:
        if zone not in number_of:
            name = (zone and zone_named(zone)) or calendar.zone
            number_of[zone] = names.setdefault(name, len(names))
        numbers.append(number_of[zone])
    return [in_zone(calendar, name) for name in names], numbers


def places_of(made: Plan, count: int) -> list[Place]:
    """Of each email by its number."""
    if made.places is not None:
        return [made.places[number] for number in range(count)]
    slots = groupby(made.runs, key=lambda run: run.first)
    return [place_in(run, at) for _, runs in slots for at, _, run in in_order(list(runs))]


async def read_course(
    conn: Conn,
    workspace_id: int,
    campaign_id: int,
    sender_id: int,
    *,
    except_campaign_ids: Sequence[int] = (),
    changes: Mapping[str, object] | None = None,
    taken: Counter[datetime] | None = None,
) -> tuple[Row, Course]:
    """A campaign's stream on a sender, as it is or with `changes` of the campaign's columns, and its course from now
    on: through what its login's windows hold, or what the course before it has left. Raises NotFound.
    """
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "sender_id": sender_id, "horizon": HORIZON}
    row = await fetch_one(conn, sql.plan_inputs, params)
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    stream: Row = {**row, **(changes or {})}
    load = await sender_load(
        conn,
        workspace_id,
        sender_id,
        campaign_id=campaign_id,
        except_campaign_ids=[campaign_id, *except_campaign_ids],
    )
    campaign_taken: dict[datetime, int] = {}
    if stream["hourly_limit"] is not None:
        rows = await fetch_all(conn, sql.campaign_by_window, params)
        campaign_taken = {each["window_start"]: each["planned"] for each in rows}
    return stream, Course(stream, load if taken is None else load._replace(taken=taken), campaign_taken)


async def check_plan(conn: Conn, workspace_id: int, campaign_id: int, changes: Mapping[str, object]) -> None:
    """Whether the campaign could be planned with `changes` of its columns; writes nothing.

    Raises NotFound, and InvalidInput for a plan that would take years, or of which nothing would leave in time.
    """
    senders = await fetch_all(conn, sql.senders_planned, {"workspace_id": workspace_id, "campaign_id": campaign_id})
    latest_at: datetime | None = None
    firsts: list[Plan] = []  # of each sender
    for sender in senders:
        stream, course = await read_course(conn, workspace_id, campaign_id, sender["sender_id"], changes=changes)
        if not stream["scheduled"]:  # the last that waited has gone meanwhile
            continue
        latest_at = stream["latest_at"] if changes.keys() & {"latest_at", "start_at", "calendar"} else None
        first = await _first_of_zones(conn, workspace_id, stream, course) if latest_at and course.by_zone else None
        # Zones move its end by a day at most: that of those without one stands for all.
        made = await asyncio.to_thread(course.plan, [None] * stream["scheduled"], HORIZON)
        firsts.append(first or made)
    if firsts:
        check_latest_met(min(firsts, key=lambda made: made.first_at), latest_at)


async def _first_of_zones(conn: Conn, workspace_id: int, stream: Row, course: Course) -> Plan | None:
    """A plan of one for each zone of those who wait, which takes nothing from the course: whoever is first in it leaves
    first. Where the first thousands show somebody in time, the others are not looked at. None: nobody waits any more.
    """
    made: Plan | None = None
    for most in (TELLING, None):
        params = {"workspace_id": workspace_id, "stream_id": stream["stream_id"], "most": most}
        brought = [row["zone"] for row in await fetch_all(conn, sql.zones_waiting, params)]
        zones = list({zone_named(zone) if zone else None for zone in brought})
        if not zones:
            break
        made = await asyncio.to_thread(_plan_aside, course, zones)
        if not made.runs[0].late:
            break
    return made


def _plan_aside(course: Course, zones: Sequence[str | None]) -> Plan:
    return copy.deepcopy(course).plan(zones, HORIZON)


def check_latest_met(made: Plan, latest_at: datetime | None) -> None:
    """Raises InvalidInput when nothing would leave in time."""
    if latest_at is not None and made.runs[0].late:
        first = made.first_at.strftime("%Y-%m-%d %H:%M UTC")
        raise InvalidInput({"latestAt": f"comes too soon: the first would leave at {first}; give a later time"})


async def move(
    conn: Conn, workspace_id: int, stream_id: int, ids: Sequence[int], places: Sequence[Place], course: Course
) -> int:
    """Give a batch of emails of a stream, which is locked, the places that the course has for them; returns how many of
    them changed their times.
    """
    return await _move(conn, workspace_id, stream_id, ids, places, course, of_retries=False)


async def keep(
    conn: Conn, workspace_id: int, stream_id: int, ids: Sequence[int], places: Sequence[Place], course: Course
) -> int:
    """The same for retries that keep their times as far as the calendar lets them."""
    return await _move(conn, workspace_id, stream_id, ids, places, course, of_retries=True)


async def _move(
    conn: Conn,
    workspace_id: int,
    stream_id: int,
    ids: Sequence[int],
    places: Sequence[Place],
    course: Course,
    *,
    of_retries: bool,
) -> int:
    params = {
        "workspace_id": workspace_id,
        "stream_id": stream_id,
        "ids": list(ids),
        "ats": [place.at for place in places],
        "jitters": [place.jitter // MICROSECOND for place in places],
        "untils": [place.until for place in places],
        "from": course.begins_at,
        "stays_due_at": course.stays_due_at,
        "of_retries": of_retries,
    }
    moved = (await conn.execute(sql.move_emails, params)).rowcount
    await streams.settle(conn, workspace_id, [stream_id])
    return moved


async def try_lock_plan(conn: Conn, sender_id: int) -> bool:
    """`lock_plan` without waiting: whether nobody else plans."""
    return (await fetch_exactly_one(conn, sql.try_lock_plan, {"sender_id": sender_id}))["is_ours"]
