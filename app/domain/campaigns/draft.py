"""A campaign as somebody asks for it, and the ranges of what may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from app.bounds import HOURLY_LIMIT, LABEL, YEARS, Bounds
from app.domain.campaigns.campaigns import OnUnknown
from app.domain.campaigns.content import Content
from app.domain.campaigns.lacking import IfBlank
from app.domain.campaigns.steps import Step
from app.domain.campaigns.variants import Variant
from app.domain.planning.campaign_calendar import CampaignCalendar
from app.errors import InvalidInput

DELAY_MS = Bounds(0, 30 * 24 * 3600 * 1000)
JITTER_PERCENT = Bounds(0, 100)
SENDERS = Bounds(1, 50)  # of one campaign
SHARE_PERCENT = Bounds(1, 100)
DAYS_AGO = Bounds(1, 3_650)
EARLIER = Bounds(1, 50)  # campaigns whose recipients are left out


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as asked for; `start_time` None or past means now. Of `sender_id` and `sender_ids` one; neither is the
    workspace's default sender. The delay is between two emails of one sender; `calendar` is a checked one. `if_blank`:
    what to do for recipients who have nothing for a field. Left out are those to whom something went in the last
    `not_if_written_to_days`, and those of `not_in_campaigns`. `weight`: of `content` beside its `variants`, None: 1;
    `steps` are the later ones; a reply stops them, with `stop_on_domain` for all of their domain, and with
    `stop_on_auto_reply` an absence note, too; with `follow_up_without_reading` they go although nobody reads the
    answers.
    """

    content: Content
    name: str | None = None
    sender_id: int | None = None
    sender_ids: Sequence[int] | None = None
    start_time: datetime | None = None
    latest_at: datetime | None = None
    delay_between_ms: int = 0
    jitter_percent: int = 0
    hourly_limit: int | None = None
    share_percent: int | None = None
    calendar: CampaignCalendar | None = None
    on_unknown: OnUnknown = "hold"
    if_blank: Mapping[str, IfBlank] = {}
    not_if_written_to_days: int | None = None
    not_in_campaigns: Sequence[int] | None = None
    weight: int | None = None
    variants: Sequence[Variant] = ()
    steps: Sequence[Step] = ()
    stop_on_auto_reply: bool = False
    stop_on_domain: bool = False
    follow_up_without_reading: bool = False


def check_pace(delay_between_ms: int | None, hourly_limit: int | None, jitter_percent: int | None = None) -> None:
    """Raises InvalidInput when a delay, a jitter or a limit is out of range."""
    wrong: dict[str, str] = {}
    if delay_between_ms is not None and not DELAY_MS.allow(delay_between_ms):
        wrong["delayBetweenMs"] = f"is out of range; give {DELAY_MS} (30 days)"
    if hourly_limit is not None and not HOURLY_LIMIT.allow(hourly_limit):
        wrong["hourlyLimit"] = f"is out of range; give {HOURLY_LIMIT}, or leave it out"
    if jitter_percent is not None and not JITTER_PERCENT.allow(jitter_percent):
        wrong["jitterPercent"] = f"is out of range; give {JITTER_PERCENT}, of the delay"
    if wrong:
        raise InvalidInput(wrong)


def check_share(share_percent: int | None) -> None:
    """Raises InvalidInput for a part of its senders' room that is none."""
    if share_percent is not None and not SHARE_PERCENT.allow(share_percent):
        raise InvalidInput({"sharePercent": f"is out of range; give {SHARE_PERCENT}, or leave it out"})


def check_start(start_time: datetime | None) -> None:
    """Raises InvalidInput for a start without an offset from UTC, or so far off that times no longer compute."""
    _check_time("startTime", start_time)


def check_latest(latest_at: datetime | None, start_time: datetime | None = None) -> None:
    """The same for the end, which also comes after the start."""
    _check_time("latestAt", latest_at)
    if latest_at is not None and start_time is not None and latest_at <= start_time:
        raise InvalidInput({"latestAt": "is not after the start, so nothing would leave; give a later time"})


def _check_time(field: str, at: datetime | None) -> None:
    if at is None:
        return
    if at.utcoffset() is None:
        raise InvalidInput({field: "has no offset from UTC; write 2030-01-31T09:00:00+01:00 or end it with Z"})
    if not YEARS.allow(at.year):
        raise InvalidInput({field: f"is out of range; give a time in the years {YEARS.least} to {YEARS.most}"})


def check_senders(sender_id: int | None, sender_ids: Sequence[int] | None) -> None:
    """Raises InvalidInput for none or too many, one that is there twice, or both ways of saying it."""
    if sender_ids is None:
        return
    if sender_id is not None:
        raise InvalidInput({"senderId": "is for one sender, and senderIds for several; leave one of the two out"})
    if not SENDERS.allow(len(sender_ids)):
        raise InvalidInput({"senderIds": f"are {len(sender_ids)}; give {SENDERS}"})
    if len(set(sender_ids)) < len(sender_ids):
        raise InvalidInput({"senderIds": "name a sender twice"})


def check_earlier(days: int | None, campaign_ids: Sequence[int] | None) -> None:
    """Raises InvalidInput when recipients of too long ago, or of too many campaigns, are to be left out."""
    if days is not None and not DAYS_AGO.allow(days):
        raise InvalidInput({"notIfWrittenToDays": f"is out of range; give {DAYS_AGO} (ten years), or leave it out"})
    if campaign_ids is not None and not EARLIER.allow(len(campaign_ids)):
        raise InvalidInput({"notInCampaigns": f"are {len(campaign_ids)}; give {EARLIER}, or leave it out"})


def check_following(draft: Draft) -> None:
    """Raises InvalidInput for what is said about later steps where there are none."""
    if draft.steps:
        return
    if draft.follow_up_without_reading:
        raise InvalidInput({"followUpWithoutReading": "is for later steps; give `steps`, or leave it out"})
    if draft.stop_on_auto_reply and not draft.stop_on_domain:  # which stops first steps, too
        raise InvalidInput({"stopOn.autoReply": "stops later steps; give `steps`, or leave it out"})


def check_name(name: str) -> None:
    """Raises InvalidInput for a name that is empty, overlong or holds a NUL."""
    if not name.strip() or not LABEL.allow(len(name)) or "\0" in name:
        raise InvalidInput({"name": f"give {LABEL} characters"})
