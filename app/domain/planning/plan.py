"""When each email of a campaign leaves, and from which sender: the one function behind the schedule, the preview and
every change of plan.

A plan is a list of runs, not of emails: within a run the places of one stream lie a gap apart, so a million emails at
a hundred an hour are ten thousand runs, and SQL spreads them over the rows. Every email takes the soonest place that
any stream has, in the order of the list. Only where recipients' zones open at different times do emails overtake each
other, those of one zone never; then the plan also says which place is whose.

An email leaves a little after its place, by as much of the jitter as follows from its address (`jittered`): never out
of its slot, and never past the email after it.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import md5
from typing import NamedTuple

from app.domain.planning.calendar import Calendar
from app.domain.planning.follow import EPOCH
from app.domain.planning.following import Following, Later
from app.domain.planning.slots import Bound, CampaignRoom, Room, Slot, hour_of, slots
from app.domain.planning.stream import MICROSECOND, Stream
from app.errors import InvalidInput

HORIZON = timedelta(days=5 * 365)
NEVER = -1  # in place of microseconds: no `until`


class Run(NamedTuple):
    """`size` places of the stream `stream` from `at` on, each a gap after the one before, all before `end`; none of
    them for who has no room until `until` (None: without a calendar). `first`: the number of the plan's email that has
    the first place of the run's slot. `late`: behind the plan's `latest`.
    """

    stream: int
    first: int
    size: int
    at: datetime
    gap: timedelta
    jitter: timedelta
    end: datetime
    until: datetime | None
    late: bool = False


class Place(NamedTuple):
    """An email's: it leaves at `at` or at most `jitter` later."""

    stream: int
    at: datetime
    jitter: timedelta
    until: datetime | None


class Places:
    """Of each email by its number, where they do not follow from the runs. Times are microseconds since 1970."""

    def __init__(self, count: int) -> None:
        self.streams = array("H", bytes(2 * count))
        self.ats = array("q", bytes(8 * count))
        self.jitters = array("q", bytes(8 * count))
        self.untils = array("q", bytes(8 * count))

    def __getitem__(self, number: int) -> Place:
        until = self.untils[number]
        return Place(
            self.streams[number],
            EPOCH + self.ats[number] * MICROSECOND,
            self.jitters[number] * MICROSECOND,
            None if until == NEVER else EPOCH + until * MICROSECOND,
        )


class Plan(NamedTuple):
    """`held_back`: for each bound that moved the plan, in how many slots it did. `places`: for plans over zones.
    `later`: what follows if nobody answers; `later_late`: of each later step, how many would leave behind `latest`.
    """

    runs: list[Run]
    held_back: dict[Bound, int]
    places: Places | None = None
    later: Sequence[Later] = ()
    later_late: Mapping[int, int] = {}

    @property
    def first_at(self) -> datetime:
        return min(run.at for run in self.runs if run.first == 0)

    @property
    def last_at(self) -> datetime:
        last = self.runs[-1].first
        return max(run.at + (run.size - 1) * run.gap for run in self.runs if run.first == last)


def jitter_of(address: str) -> float:
    """How much of its jitter an email takes, from 0 to below 1. The SQL function of that name says the same."""
    return int.from_bytes(md5(address.encode(), usedforsecurity=False).digest()[:4]) / 2**32


def jittered(place: Place, address: str) -> datetime:
    """When the email leaves. The SQL function of that name says the same."""
    if not place.jitter:
        return place.at
    return place.at + int(jitter_of(address) * (place.jitter // MICROSECOND)) * MICROSECOND


def plan(
    count: int,
    streams: Sequence[Stream],
    calendars: Sequence[Calendar | None] = (None,),
    *,
    zones: Sequence[int] | None = None,
    campaign: CampaignRoom | None = None,
    latest: datetime | None = None,
    horizon: timedelta | None = None,
    copies: int = 0,
    following: Following | None = None,
    owed: bool = False,
) -> Plan:
    """Plan `count` (1 or more) emails on the streams from where they are, and take their room: for each its own
    recipient's and that of `copies`. Their later steps go ahead of new recipients. `owed`: they are of later steps
    themselves, and take what is promised.

    `calendars`: one, or one a zone, and `zones` says of each email by its number which. Places before and behind
    `latest` lie in slots of their own.
    Raises InvalidInput for a calendar that is never open, and when the last email would leave later than `horizon`
    after the first might; a plan that was accepted once has none, since what waits must find a time whatever became of
    limits.
    """
    weight = _weight(streams, campaign, copies, may_refuse=horizon is not None)
    if following is not None:
        following.weight = weight
    start = min(stream.at for stream in streams)
    waiting = _InOrder(count) if zones is None else _ByZone(zones, len(calendars))
    runs: list[Run] = []
    held_back: dict[Bound, int] = {}
    done = 0
    for slot in slots(start, calendars, latest):
        if horizon is not None and max(slot.begin, min(stream.at for stream in streams)) - start > horizon:
            raise InvalidInput(
                {"delayBetweenMs": "would take longer than five years; lower the delay or raise the limits"}
            )
        if following is not None:
            following.settle(slot)
        late = latest is not None and slot.begin >= latest
        until = slot.opened[0][1] if zones is None else None
        bounds = set[Bound]()
        for piece in (slot,) if following is None else following.pieces(slot):
            if not (wanted := waiting.wanted(piece)):
                break
            shares = _divide(piece, streams, wanted, campaign, bounds, weight, following, owed=owed)
            for share in shares:
                pace = streams[share.stream].pace
                runs.append(Run(share.stream, done, share.size, share.at, pace.gap, pace.jitter, slot.end, until, late))
            seated = waiting.seat(piece, runs[len(runs) - len(shares) :])
            if following is not None:
                for zone, run in seated:
                    following.begin(run.stream, run.at, run.size, run.gap, zone)
            done += sum(share.size for share in shares)
        for bound in bounds:
            held_back[bound] = held_back.get(bound, 0) + 1
        if following is not None:
            following.settle(slot)  # what follows within the hour
        if done == count:
            return Plan(runs, held_back, waiting.places)
    raise InvalidInput({"calendar": "is never open again; add a day or move the dates"})


def with_later(made: Plan, following: Following) -> Plan:
    """And all that follows, to the end."""
    following.settle_all()
    return made._replace(later=following.later, later_late=following.late)


def _weight(streams: Sequence[Stream], campaign: CampaignRoom | None, copies: int, *, may_refuse: bool) -> int:
    """How much room an email takes. Where a limit that was lowered lets none go at all, plans give each hour one, so
    that they end: the claim holds it back. Raises InvalidInput.
    """
    most = min(stream.room.most for stream in streams)
    most = most if campaign is None else min(most, campaign.most)
    if may_refuse:
        check_copies(copies, most)
    return 1 + copies if copies < most else max(most, 1)


def check_copies(copies: int, most: int) -> None:
    """Whether an email with its copies can go at all where `most` may in an hour or day. Raises InvalidInput."""
    if copies >= most:
        why = f"each email goes to {1 + copies} addresses with its copies, and a limit lets {most} go in an hour or day"
        raise InvalidInput({"cc": f"{why}; raise the limit or take copies out"})


class _Share:
    """The part of a slot that a stream may take: `size` places from `at` on. `bound`: what allows no more there."""

    def __init__(self, number: int, stream: Stream, at: datetime, size: int) -> None:
        self.stream = number
        self.at = at
        self.gap = stream.pace.gap
        self.size = size
        self.bound: Bound | None = None

    def up_to(self, at: datetime) -> int:
        """How many of the places lie no later."""
        if at < self.at:
            return 0
        return min(self.size, (at - self.at) // self.gap + 1) if self.gap else self.size


def _divide(
    slot: Slot,
    streams: Sequence[Stream],
    wanted: int,
    campaign: CampaignRoom | None,
    bounds: set[Bound],
    weight: int,
    following: Following | None,
    *,
    owed: bool,
) -> list[_Share]:
    """The soonest places of the slot, `wanted` of them or as many as there is room for, by stream; they are taken.
    `bounds`: what held some back.
    """
    hour = hour_of(slot.begin)
    shares: list[_Share] = []
    for number, stream in enumerate(streams):
        at, end = (stream.next_in(slot), slot.end) if following is None else stream.free_in(slot)
        if at < end:
            gap = stream.pace.gap
            shares.append(_Share(number, stream, at, -((at - end) // gap) if gap else wanted))
    by_room: dict[Room | CampaignRoom, list[_Share]] = {}
    for share in shares:
        by_room.setdefault(streams[share.stream].room, []).append(share)
    if campaign is not None:
        by_room[campaign] = shares
    for room, sharing in by_room.items():
        left, bound = room.left_for_owed(hour) if owed else room.left(hour)
        left //= weight
        _keep(sharing, min(left, wanted), bound if left < wanted else None)
        if following is not None and sharing and left:
            followed = following.most_new(room, min(share.at for share in sharing), slot.opened[0][0])
            _keep(sharing, followed, "FOLLOW_UPS")
    if following is not None:
        for share in shares:
            _keep([share], following.most_of_stream(share.stream, share.at, slot.opened[0][0]), "FOLLOW_UPS")
    _keep(shares, wanted, None)
    bounds |= {share.bound for share in shares if share.bound is not None}
    shares = [share for share in shares if share.size]
    for share in shares:
        stream = streams[share.stream]
        stream.at = share.at + share.size * share.gap
        stream.room.take(hour, share.size * weight)
        if campaign is not None:
            campaign.take(hour, share.size * weight)
    return shares


def _keep(shares: Sequence[_Share], most: int, bound: Bound | None) -> None:
    """Of all the places the first `most`, those at one instant divided evenly; `bound` is why, where it loses one."""
    if sum(share.size for share in shares) <= most:
        return
    for share in shares:
        share.bound = bound or share.bound
    if len(shares) == 1:
        shares[0].size = most
        return
    at = _instant_of(shares, most)
    kept = [share.up_to(at - MICROSECOND) for share in shares]
    room = [share.up_to(at) - before for share, before in zip(shares, kept, strict=True)]
    rest = most - sum(kept)
    while rest:
        taking = [number for number, left in enumerate(room) if left]
        each = max(1, rest // len(taking))
        for number in taking:
            n = min(each, room[number], rest)
            kept[number], room[number], rest = kept[number] + n, room[number] - n, rest - n
    for share, size in zip(shares, kept, strict=True):
        share.size = size


def _instant_of(shares: Sequence[_Share], number: int) -> datetime:
    """When the place with this number, from 1 on, lies; there are more."""
    low = min(share.at for share in shares) - MICROSECOND
    high = max(share.at + max(share.size - 1, 0) * share.gap for share in shares)
    while high - low > MICROSECOND:
        middle = low + (high - low) // 2
        low, high = (low, middle) if sum(share.up_to(middle) for share in shares) >= number else (middle, high)
    return high


def in_order(runs: Sequence[Run]) -> Iterator[tuple[datetime, int, Run]]:
    """The places of one slot's runs as emails take them: time, number within the run, run."""
    if len(runs) == 1:
        run = runs[0]
        return ((run.at + number * run.gap, number, run) for number in range(run.size))
    places = ((run.at + number * run.gap, number, run.stream, run) for run in runs for number in range(run.size))
    return ((at, number, run) for at, number, _, run in sorted(places, key=lambda place: place[:3]))


def number_in_order(runs: Sequence[Run], run: Run, place: int) -> int:
    """How many places of the slot's runs `in_order` has before this one of `run`."""
    at = run.at + place * run.gap
    return place + sum(_before(other, at, place, run.stream) for other in runs if other is not run)


def _before(run: Run, at: datetime, place: int, stream: int) -> int:
    """How many places of the run come before the one with that number, of another stream, which lies at `at`."""
    if not run.gap:
        return run.size if run.at < at else min(run.size, place + (run.stream < stream)) if run.at == at else 0
    earlier = min(run.size, max(0, -((run.at - at) // run.gap)))
    at_once = earlier < run.size and run.at + earlier * run.gap == at
    return earlier + (at_once and (earlier, run.stream) < (place, stream))


def place_in(run: Run, at: datetime) -> Place:
    return Place(run.stream, at, min(run.jitter, run.end - at), run.until)


class _InOrder:
    """Emails that all wait for the same calendar: they take the places one after the other."""

    places = None

    def __init__(self, count: int) -> None:
        self._left = count

    def wanted(self, slot: Slot) -> int:
        del slot
        return self._left

    def seat(self, slot: Slot, runs: Sequence[Run]) -> Iterable[tuple[int, Run]]:
        """Give the next their places; which of them are of which calendar."""
        del slot
        self._left -= sum(run.size for run in runs)
        return ((0, run) for run in runs)


class _ByZone:
    """Emails of several zones: a place is the first's of those whose zone is open."""

    def __init__(self, zones: Sequence[int], count: int) -> None:
        self.places: Places = Places(len(zones))
        self._waiting = [array("I") for _ in range(count)]
        for number, zone in enumerate(zones):
            self._waiting[zone].append(number)
        self._next = [0] * count

    def wanted(self, slot: Slot) -> int:
        return sum(len(self._waiting[zone]) - self._next[zone] for zone, _ in slot.opened)

    def seat(self, slot: Slot, runs: Sequence[Run]) -> Iterable[tuple[int, Run]]:
        """The same, where those of one zone among others are taken to lie evenly apart."""
        seated: dict[tuple[int, int], tuple[datetime, datetime, int, Run]] = {}
        untils = {zone: NEVER if until is None else (until - EPOCH) // MICROSECOND for zone, until in slot.opened}
        first = [
            (self._waiting[zone][at], zone) for zone in untils if (at := self._next[zone]) < len(self._waiting[zone])
        ]
        heapq.heapify(first)
        for at, _, run in in_order(runs):
            number, zone = first[0]
            its_first, _, before, _ = seated.get((run.stream, zone), (at, at, 0, run))
            seated[run.stream, zone] = its_first, at, before + 1, run
            self.places.streams[number] = run.stream
            self.places.ats[number] = (at - EPOCH) // MICROSECOND
            if run.jitter:
                self.places.jitters[number] = min(run.jitter, run.end - at) // MICROSECOND
            self.places.untils[number] = untils[zone]
            self._next[zone] += 1
            if self._next[zone] < len(self._waiting[zone]):
                heapq.heapreplace(first, (self._waiting[zone][self._next[zone]], zone))
            else:
                heapq.heappop(first)
        return (
            (zone, run._replace(at=begin, size=size, gap=(end - begin) / max(size - 1, 1)))
            for (_, zone), (begin, end, size, run) in seated.items()
        )
