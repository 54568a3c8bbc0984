"""The later steps of a plan "if nobody answers": by counts of the emails that fall due together, not by email.

A later step falls due at a time that its wait and the calendar fix (`follow.Clock`), and from when the email before it
has a place, its hour is promised: nobody new takes that room, nor its places where a stream keeps a gap. In its turn,
the longest due first, it takes the soonest place of its stream, ahead of all that is new; what an hour has no room for
waits for the next. And a new recipient begins only where each later step finds room within a day of when it falls due.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from app.domain.planning.calendar import DAY, Calendar
from app.domain.planning.follow import EPOCH, Clock, Spread, Wait
from app.domain.planning.slots import HOUR, CampaignRoom, Room, Slot, hour_of, slots
from app.domain.planning.stream import Stream

NO_BOUND = 1 << 62


class Later(NamedTuple):
    """`size` emails of a later step, which is numbered from 0, on a stream: each `gap` after the one before."""

    step: int
    stream: int
    at: datetime
    size: int
    gap: timedelta


class _Owed(NamedTuple):
    """In the order in which they take their places; all fall due within a clock hour."""

    at: datetime
    number: int
    size: int
    gap: timedelta
    step: int
    stream: int
    zone: int


class Following:
    """`waits`: of each later step; `calendars` and `latest` are those of the plan; nothing is asked from before
    `start`. `later`: what has its places. `late`: how many of each step never go, since the campaign ends before.
    """

    def __init__(
        self,
        waits: Sequence[Wait],
        streams: Sequence[Stream],
        calendars: Sequence[Calendar | None],
        start: datetime,
        *,
        campaign: CampaignRoom | None = None,
        latest: datetime | None = None,
        weight: int = 1,
    ) -> None:
        self.later: list[Later] = []
        self.late = Counter[int]()
        self.weight = weight
        self._waits = waits
        self._streams = streams
        self._calendars = calendars
        self._campaign = campaign
        self._latest = latest
        self._clocks = [Clock(calendar, start) for calendar in calendars]
        self._owed: list[list[_Owed]] = [[] for _ in calendars]
        self._count = 0  # of what was ever owed: what falls due at one instant goes in the order in which it came
        self._at = start  # what fell due before this was tried
        self._promised_to = (start - EPOCH) // HOUR
        self._placed = [Counter[int]() for _ in streams]  # of each stream, by hour
        self._promised = [Counter[int]() for _ in streams]
        self._days_at: tuple[datetime, int] | None = None  # for whom `_days` is: many ask for the same
        self._days: list[tuple[list[int], int]] = []

    def __bool__(self) -> bool:
        """Whether anything has no place yet."""
        return any(self._owed)

    def begin(self, stream: int, at: datetime, size: int, gap: timedelta, zone: int = 0) -> None:
        """New emails have these places."""
        self._placed[stream][(at - EPOCH) // HOUR] += size
        self._owe(0, stream, Spread(at, size, gap), zone)

    def _owe(self, step: int, stream: int, sent: Spread, zone: int) -> None:
        if step == len(self._waits):
            return
        for spread in self._clocks[zone].follow(sent, self._waits[step]):
            self._push(spread, step, stream, zone)

    def _push(self, spread: Spread, step: int, stream: int, zone: int) -> None:
        if self._latest is not None and spread.at >= self._latest:
            self._end(spread.size, step)
            return
        self._count += 1
        heapq.heappush(self._owed[zone], _Owed(spread.at, self._count, spread.size, spread.gap, step, stream, zone))
        self._promise(stream, (max(spread.at, self._at) - EPOCH) // HOUR, spread.size)

    def _end(self, size: int, step: int) -> None:
        for later in range(step, len(self._waits)):
            self.late[later] += size

    def _promise(self, stream: int, hour: int, count: int) -> None:
        self._promised[stream][hour] += count
        at = EPOCH + hour * HOUR
        self._streams[stream].room.promise(at, count * self.weight)
        if self._campaign is not None:
            self._campaign.promise(at, count * self.weight)

    def settle(self, slot: Slot) -> None:
        """Give what falls due in the slot its places, as far as there are any."""
        self._at = max(self._at, slot.begin)
        self._promise_anew((slot.begin - EPOCH) // HOUR)
        if self._latest is not None and slot.begin >= self._latest:
            for owed in self._owed:
                while owed:
                    self._drop(heapq.heappop(owed))
            return
        zones = [self._owed[zone] for zone, _ in slot.opened]
        full, waiting = set[int](), list[_Owed]()
        while len(full) < len(self._streams) and (due := [owed for owed in zones if owed and owed[0].at < slot.end]):
            owed = heapq.heappop(min(due))
            if owed.stream in full:
                waiting.append(owed)
            else:
                full |= self._place(slot, owed)
        for owed in waiting:
            heapq.heappush(self._owed[owed.zone], owed)

    def _promise_anew(self, now: int) -> None:
        """Promise this hour to those that had no place in the hour promised before."""
        for hour in range(self._promised_to, now):
            for stream, promised in enumerate(self._promised):
                if count := promised.pop(hour, 0):
                    self._promise(stream, hour, -count)
                    self._promise(stream, now, count)
        self._promised_to = max(self._promised_to, now)

    def _drop(self, owed: _Owed) -> None:
        self._promise(owed.stream, (max(owed.at, self._at) - EPOCH) // HOUR, -owed.size)
        self._end(owed.size, owed.step)

    def settle_all(self) -> None:
        """The same with all that is left, when there is nothing new any more."""
        while self:
            next_at = min(owed[0].at for owed in self._owed if owed)
            for slot in slots(max(next_at, self._at), self._calendars, self._latest):
                self.settle(slot)
                if not self or min(owed[0].at for owed in self._owed if owed) - slot.end > DAY:
                    break
            else:
                return

    def _place(self, slot: Slot, owed: _Owed) -> set[int]:
        """The first places that are left to it on its stream, as many as it takes; the streams that have no more."""
        stream, hour = self._streams[owed.stream], hour_of(slot.begin)
        left = stream.room.left_for_owed(hour)[0]
        of_all = left if self._campaign is None else self._campaign.left_for_owed(hour)[0]
        left = min(left, of_all)
        at, gap = max(owed.at, stream.next_for_owed(slot)), stream.pace.gap
        fit = owed.size
        if at == owed.at and owed.gap >= gap:
            gap = owed.gap
        elif owed.gap > gap:  # late, it catches up with itself
            fit = min(fit, -((owed.at - at) // (owed.gap - gap)))
        in_slot = fit if at < slot.end else 0
        if in_slot and gap:
            in_slot = min(fit, -((at - slot.end) // gap))
        size = min(in_slot, left // self.weight)
        if size:
            self._take(owed, Later(owed.step, owed.stream, at, size, gap), hour)
        if size < owed.size:
            rest = owed._replace(at=owed.at + size * owed.gap, size=owed.size - size)
            heapq.heappush(self._owed[owed.zone], rest)
        if size < in_slot:
            return {
                number
                for number, other in enumerate(self._streams)
                if other.room is stream.room
                or (of_all - size * self.weight < self.weight and self._campaign is not None)
            }
        return {owed.stream} if size < fit else set()

    def _take(self, owed: _Owed, later: Later, hour: datetime) -> None:
        _, number, at, size, gap = later
        stream = self._streams[number]
        self.later.append(later)
        self._promise(number, (hour - EPOCH) // HOUR, -size)
        self._placed[number][(hour - EPOCH) // HOUR] += size
        stream.take_ahead(at, at + (size - 1) * gap + stream.pace.gap)
        stream.room.take(hour, size * self.weight)
        if self._campaign is not None:
            self._campaign.take(hour, size * self.weight)
        self._owe(owed.step + 1, number, Spread(at, size, gap), owed.zone)

    def pieces(self, slot: Slot) -> list[Slot]:
        """The slot, cut where places that are taken begin and end."""
        edges = sorted({edge for stream in self._streams for edge in stream.edges(slot)})
        if not edges:
            return [slot]
        return [slot._replace(begin=begin, end=end) for begin, end in pairwise([slot.begin, *edges, slot.end])]

    def most_new(self, room: Room | CampaignRoom, at: datetime, zone: int) -> int:
        """For how many that begin then each later step finds room within a day of when it falls due. Where limits have
        none for a whole sequence even then, one at a time.
        """
        most = NO_BOUND
        for hours, together in self._days_of(at, zone):
            left = room.left_of_day(hours) // self.weight
            most = min(most, left // together if left >= together or self else min(left, 1))
        return most

    def most_of_stream(self, stream: int, at: datetime, zone: int) -> int:
        """The same of the places that its gap leaves a stream."""
        most, gap = NO_BOUND, self._streams[stream].pace.gap
        if not gap or HOUR // gap >= self._streams[stream].room.hourly:
            return most
        for hours, together in self._days_of(at, zone):
            places = len(hours) * HOUR // gap - sum(
                self._placed[stream][hour] + self._promised[stream][hour] for hour in hours
            )
            most = min(most, max(places // together, 0 if self else 1))
        return most

    def _days_of(self, at: datetime, zone: int) -> list[tuple[list[int], int]]:
        """Of each step of one that begins then, in which open hours of the day behind it there should be room, and how
        many of the steps fall due in these.
        """
        if self._days_at != (at, zone):
            clock, dues = self._clocks[zone], [at]
            for wait in self._waits:
                dues.append(clock.due(dues[-1], wait))
            dues = [due for due in dues if self._latest is None or due < self._latest]
            days = [(clock.open_hours(due), sum(due <= other < due + DAY for other in dues)) for due in dues]
            self._days_at, self._days = (at, zone), [day for n, day in enumerate(days) if n or day[1] > 1]
        return self._days
