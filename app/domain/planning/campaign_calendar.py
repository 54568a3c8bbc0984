"""A campaign's calendar as people say it and as it is kept, and what it means in each zone."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import holidays
import msgspec

from app.domain.planning.calendar import Calendar
from app.domain.planning.zones import zone_named
from app.errors import InvalidInput

RECIPIENT: Literal["recipient"] = "recipient"  # in place of a zone: each recipient's own
ZONE_FIELDS = ("timezone", "time_zone", "tz")  # merge fields that say a recipient's zone; the first with a text counts
HOLIDAY_YEARS = 8  # from now on: further than any plan goes that is asked for

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9](?!\n)$")]


class CampaignCalendar(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """On which days a campaign sends, `from` when and until when by the clock of `timezone`: an IANA name, or
    "recipient" for each recipient's own (merge field `timezone`, `time_zone` or `tz`), `fallbackTimezone` for those who
    bring none.

    `to` at or before `from` is on the next morning, so equal times are the whole day. `holidays` (a country such as
    DE, or a part of one such as DE-BY) are days without.
    """

    timezone: str
    days: list[Day]
    opens: Clock = msgspec.field(name="from")
    closes: Clock = msgspec.field(name="to")
    holidays: str | None = None
    fallback_timezone: str | None = None

    @property
    def zone(self) -> str:
        """The zone of those who have none of their own; days are told in it."""
        return self.fallback_timezone or self.timezone


def checked(calendar: CampaignCalendar) -> CampaignCalendar:
    """With names as IANA and ISO have them. Raises InvalidInput for what is no zone, no country, or has no day."""
    wrong: dict[str, str] = {}
    timezone, fallback = calendar.timezone.strip(), (calendar.fallback_timezone or "").strip() or None
    if timezone.casefold() == RECIPIENT:
        timezone = RECIPIENT
        if fallback is None:
            wrong["calendar.fallbackTimezone"] = (
                'is missing; name the zone of recipients who bring none ("Europe/Berlin")'
            )
        else:
            fallback = _checked_zone(wrong, "calendar.fallbackTimezone", fallback)
    else:
        timezone = _checked_zone(wrong, "calendar.timezone", timezone)
        if fallback is not None:
            wrong["calendar.fallbackTimezone"] = 'is only for the timezone "recipient"; leave it out'
    if not calendar.days:
        wrong["calendar.days"] = f"has no day, so nothing would ever leave; give at least one of {', '.join(DAYS)}"
    country = None
    if calendar.holidays is not None and calendar.holidays.strip():
        country = calendar.holidays.strip().upper()
        if not _has_holidays(country):
            wrong["calendar.holidays"] = f'"{country[:20]}" has no known holidays; give a country such as DE, or DE-BY'
    if wrong:
        raise InvalidInput(wrong)
    days = [day for day in DAYS if day in calendar.days]
    return msgspec.structs.replace(calendar, timezone=timezone, fallback_timezone=fallback, days=days, holidays=country)


def _checked_zone(wrong: dict[str, str], field: str, name: str) -> str:
    zone = zone_named(name)
    if zone is None:
        wrong[field] = f'"{name[:60]}" is no time zone; give an IANA name such as Europe/Berlin'
    return zone or name


def _has_holidays(name: str) -> bool:
    country, _, part = name.partition("-")
    parts = holidays.list_supported_countries().get(country)
    return parts is not None and (not part or part in parts)


@cache
def _holidays(name: str, first_year: int) -> frozenset[date]:
    country, _, part = name.partition("-")
    years = range(first_year, first_year + HOLIDAY_YEARS)
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=years))


def in_zone(calendar: CampaignCalendar, zone: str | None = None) -> Calendar:
    """The calendar by the clocks of a zone, its own by default."""
    return Calendar(
        ZoneInfo(zone or calendar.zone),
        frozenset(DAYS.index(day) for day in calendar.days),
        time.fromisoformat(calendar.opens),
        time.fromisoformat(calendar.closes),
        frozenset() if calendar.holidays is None else _holidays(calendar.holidays, datetime.now(UTC).year),
    )


class Zones:
    """The zones of a list's recipients: of each, in order, which of `names` it is. `brought`: whether they said so, or
    have the calendar's.
    """

    def __init__(self, calendar: CampaignCalendar) -> None:
        self._calendar = calendar
        self.clear()

    def clear(self) -> None:
        self.names: list[str] = []
        self.numbers = array("H")
        self.brought = bytearray()
        self._number_of: dict[str, int] = {}

    def problem(self, fields: Mapping[str, str]) -> str:
        """Why the zone that a recipient brought is none; empty: it is one."""
        text = _brought(fields)
        if not text or zone_named(text):
            return ""
        return f'"{text[:60]}" is no time zone; an IANA name such as Europe/Berlin is one.'

    def add(self, fields: Mapping[str, str]) -> None:
        """The next recipient, with whom nothing is wrong."""
        text = _brought(fields)
        name = (text and zone_named(text)) or self._calendar.zone
        number = self._number_of.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        self.numbers.append(number)
        self.brought.append(bool(text))

    def leave_out(self, numbers: Sequence[int]) -> None:
        """Forget some of the recipients, by their numbers in order."""
        kept, brought, after = array("H"), bytearray(), 0
        for number in (*numbers, len(self.numbers)):
            kept += self.numbers[after:number]
            brought += self.brought[after:number]
            after = number + 1
        self.numbers, self.brought = kept, brought


def _brought(fields: Mapping[str, str]) -> str:
    """As the SQL function zone_brought has it."""
    return next((text for name in ZONE_FIELDS if (text := fields.get(name, "").strip(" "))), "")


def kept(calendar: CampaignCalendar | None) -> dict[str, Any] | None:
    """As `campaigns.calendar` has it."""
    if calendar is None:
        return None
    return {
        "zone": calendar.zone,
        "recipientZones": calendar.timezone == RECIPIENT,
        "days": [DAYS.index(day) for day in calendar.days],
        "from": calendar.opens,
        "to": calendar.closes,
        "holidays": calendar.holidays,
    }


def of_kept(row: Mapping[str, Any] | None) -> CampaignCalendar | None:
    if row is None:
        return None
    by_recipient = row["recipientZones"]
    return CampaignCalendar(
        timezone=RECIPIENT if by_recipient else row["zone"],
        fallback_timezone=row["zone"] if by_recipient else None,
        days=[DAYS[day] for day in row["days"]],
        opens=row["from"],
        closes=row["to"],
        holidays=row["holidays"],
    )
