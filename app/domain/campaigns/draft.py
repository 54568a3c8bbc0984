"""A campaign as somebody asks for it, and the ranges of what may be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from app.bounds import HOURLY_LIMIT, LABEL, YEARS, Bounds
from app.domain.campaigns.campaigns import OnUnknown
from app.domain.campaigns.content import Content
from app.domain.campaigns.lacking import IfBlank
from app.errors import InvalidInput

DELAY_MS = Bounds(0, 30 * 24 * 3600 * 1000)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as asked for; `start_time` None or past means now, `sender_id` None the workspace's default sender.
    `if_blank`: what to do for recipients who have nothing for a field.
    """

    content: Content
    name: str | None = None
    sender_id: int | None = None
    start_time: datetime | None = None
    delay_between_ms: int = 0
    hourly_limit: int | None = None
    on_unknown: OnUnknown = "hold"
    if_blank: Mapping[str, IfBlank] = {}


def check_pace(delay_between_ms: int | None, hourly_limit: int | None) -> None:
    """Raises InvalidInput when a delay or limit is out of range."""
    wrong: dict[str, str] = {}
    if delay_between_ms is not None and not DELAY_MS.allow(delay_between_ms):
        wrong["delayBetweenMs"] = f"is out of range; give {DELAY_MS} (30 days)"
    if hourly_limit is not None and not HOURLY_LIMIT.allow(hourly_limit):
        wrong["hourlyLimit"] = f"is out of range; give {HOURLY_LIMIT}, or leave it out"
    if wrong:
        raise InvalidInput(wrong)


def check_start(start_time: datetime | None) -> None:
    """Raises InvalidInput for a start without an offset from UTC, or so far off that times no longer compute."""
    if start_time is None:
        return
    if start_time.utcoffset() is None:
        raise InvalidInput({"startTime": "has no offset from UTC; write 2030-01-31T09:00:00+01:00 or end it with Z"})
    if not YEARS.allow(start_time.year):
        raise InvalidInput({"startTime": f"is out of range; give a time in the years {YEARS.least} to {YEARS.most}"})


def check_name(name: str) -> None:
    """Raises InvalidInput for a name that is empty, overlong or holds a NUL."""
    if not name.strip() or not LABEL.allow(len(name)) or "\0" in name:
        raise InvalidInput({"name": f"give {LABEL} characters"})
