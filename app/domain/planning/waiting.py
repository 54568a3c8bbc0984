"""Why it does not go now: of campaigns, senders and emails. Facts are read here, for a whole page at once, and
`reasons.decide` decides; the API, the dashboard and the tests ask no other.

Of a campaign or a sender the answer is that of the stream that goes next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, transaction
from app.domain.operations import installation
from app.domain.operations.installation import Ours
from app.domain.planning.calendar import Calendar
from app.domain.planning.campaign_calendar import RECIPIENT, in_zone, of_kept
from app.domain.planning.follow import Clock, Wait
from app.domain.planning.owed import owed_by_logins
from app.domain.planning.reasons import HOUR, Facts, Hold, Service, Taker, Waiting, decide
from app.domain.planning.slots import DAY_HOURS, Limits, Ramp, hour_of
from app.domain.planning.zones import zone_named
from app.errors import NotFound
from app.sql import queries

sql = queries(__name__)

MOST_COUNTED = 100_000  # of a stream, in one slot: a limit beyond that holds nobody back
_NOTHING = Waiting("NOTHING_WAITS", None, "Nothing of it waits to be sent.")
_FAR = datetime.max.replace(tzinfo=UTC)


async def of_campaign(pool: Pool, workspace_id: int, campaign_id: int, ours: Ours) -> Waiting:
    """Raises NotFound."""
    service = await read_service(pool, ours)
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id}
    async with transaction(pool, workspace_id) as conn:
        if not (await fetch_exactly_one(conn, sql.campaign_is_there, params))["there"]:
            raise NotFound(f"no campaign {campaign_id}")
        return (await of_campaigns(conn, workspace_id, [campaign_id], service)).get(campaign_id, _NOTHING)


async def of_email(pool: Pool, workspace_id: int, email_id: int, ours: Ours) -> Waiting:
    """Raises NotFound."""
    service = await read_service(pool, ours)
    async with transaction(pool, workspace_id) as conn:
        found = await of_emails(conn, workspace_id, [email_id], service)
    if email_id not in found:
        raise NotFound(f"no email {email_id}")
    return found[email_id]


async def of_senders(pool: Pool, workspace_id: int, sender_ids: Sequence[int], ours: Ours) -> dict[int, Waiting]:
    """Of those among them of which something waits."""
    service = await read_service(pool, ours)
    async with transaction(pool, workspace_id) as conn:
        facts = await read_facts(conn, workspace_id, sender_ids=sender_ids, service=service)
    return _next_of_each(facts)


async def of_campaigns(
    conn: Conn, workspace_id: int, campaign_ids: Sequence[int], service: Service
) -> dict[int, Waiting]:
    """Of all of them that have a stream."""
    return _next_of_each(await read_facts(conn, workspace_id, campaign_ids=campaign_ids, service=service))


async def of_emails(conn: Conn, workspace_id: int, email_ids: Sequence[int], service: Service) -> dict[int, Waiting]:
    """Of all of them that are there."""
    return _next_of_each(await read_facts(conn, workspace_id, email_ids=email_ids, service=service))


async def read_service(pool: Pool, ours: Ours) -> Service:
    """Whether anything is sent at all, which is nobody's in particular."""
    other = await installation.trouble(pool, ours)
    async with pool.connection() as conn:
        return Service(other, **await fetch_exactly_one(conn, sql.workers_live))


def _next_of_each(facts: list[tuple[int, Facts]]) -> dict[int, Waiting]:
    """By what was asked about: of the stream that goes next. One that nobody knows an end of goes last."""
    next_of: dict[int, tuple[tuple[bool, datetime], Waiting]] = {}
    for about, one in facts:
        waiting = decide(one)
        order = (one.scheduled_at is None, waiting.until or _FAR)
        if about not in next_of or order < next_of[about][0]:
            next_of[about] = order, waiting
    return {about: waiting for about, (_, waiting) in next_of.items()}


async def read_facts(
    conn: Conn,
    workspace_id: int,
    *,
    campaign_ids: Sequence[int] = (),
    sender_ids: Sequence[int] = (),
    email_ids: Sequence[int] = (),
    service: Service,
) -> list[tuple[int, Facts]]:
    """By what was asked about, which has several where it has several streams: four queries, however many that are,
    and one more where later steps may keep room.
    """
    params = {
        "workspace_id": workspace_id,
        "campaign_ids": list(campaign_ids),
        "sender_ids": list(sender_ids),
        "email_ids": list(email_ids),
        "sandboxed": service.sandboxed,
    }
    rows = await fetch_all(conn, sql.standing, params)
    facts = [_facts(row, service) for row in rows]
    missed = [one.first_that_was_missed() for one in facts]
    concerned = {row["login_id"] for row, hour in zip(rows, missed, strict=True) if hour or row["window_full"]}
    if not concerned:
        return [(row["about"], one) for row, one in zip(rows, facts, strict=True)]
    used = await _used(conn, workspace_id, concerned)
    sent = await _sent(conn, workspace_id, concerned)
    around = [_Around.of(row, one, hour) if hour else None for row, one, hour in zip(rows, facts, missed, strict=True)]
    planned = await _planned(conn, workspace_id, sorted({one for one in around if one}))
    owed = await _owed(conn, workspace_id, rows, around)
    found: list[tuple[int, Facts]] = []
    for row, one, looked in zip(rows, facts, around, strict=True):
        so_far = used.get(row["login_id"], _Used(Counter(), 0))
        near = planned.get(looked, []) if looked else []
        changes: dict[str, Any] = so_far._asdict() | {"takers": _takers(row, sent.get(row["login_id"], []), near)}
        if looked:
            changes |= _accounted(row, one, so_far.used, near)
            changes |= _kept_for(row, looked, owed.get(row["login_id"], Counter()))
        found.append((row["about"], msgspec.structs.replace(one, **changes)))
    return found


class _Around(NamedTuple):
    """Between which times to look for what is planned, to say what a slot was full of. `campaign_id`, where
    that has a limit of its own, with all its senders; else 0.
    """

    login_id: int
    campaign_id: int
    begin: datetime
    end: datetime

    @staticmethod
    def of(row: Row, facts: Facts, hour: datetime) -> _Around:
        limits = facts.limits
        day = (DAY_HOURS - 1) * HOUR if limits.daily is not None or limits.ramp is not None else timedelta(0)
        end = hour + HOUR + day
        if facts.waits:  # its own later steps are to find room within a day
            clock, due = Clock(facts.calendar, hour), hour
            for wait in facts.waits:
                due = clock.due(due, wait)
            end = max(end, hour_of(due) + DAY_HOURS * HOUR + day)
        campaign_id = 0 if facts.campaign_hourly is None else row["campaign_id"]
        return _Around(row["login_id"], campaign_id, hour - day, end)


class _Used(NamedTuple):
    """Emails that a login sent, by the hour, and on how many days before the first of these hours."""

    used: Counter[datetime]
    days_sent: int


async def _used(conn: Conn, workspace_id: int, login_ids: set[int]) -> dict[int, _Used]:
    params = {"workspace_id": workspace_id, "login_ids": sorted(login_ids)}
    found: dict[int, _Used] = {}
    for row in await fetch_all(conn, sql.used_of_logins, params):
        sent = found.setdefault(row["login_id"], _Used(Counter(), row["days_sent"]))
        if row["used"] is not None:
            sent.used[row["window_start"]] = row["used"]
    return found


async def _sent(conn: Conn, workspace_id: int, login_ids: set[int]) -> dict[int, list[Row]]:
    """The emails of each campaign that logins sent, by the hour."""
    params = {"workspace_id": workspace_id, "login_ids": sorted(login_ids)}
    found: dict[int, list[Row]] = defaultdict(list)
    for row in await fetch_all(conn, sql.sent_of_logins, params):
        found[row["login_id"]].append(row)
    return found


async def _planned(conn: Conn, workspace_id: int, around: list[_Around]) -> dict[_Around, list[Row]]:
    if not around:
        return {}
    params = {
        "workspace_id": workspace_id,
        "login_ids": [one.login_id for one in around],
        "campaign_ids": [one.campaign_id for one in around],
        "froms": [one.begin for one in around],
        "tos": [one.end for one in around],
        "most": MOST_COUNTED,
    }
    planned: dict[_Around, list[Row]] = {}
    for row in await fetch_all(conn, sql.planned_of_logins, params):
        planned.setdefault(around[int(row["number"]) - 1], []).append(row)
    return planned


async def _owed(
    conn: Conn, workspace_id: int, rows: list[Row], around: list[_Around | None]
) -> dict[int, Counter[tuple[datetime, int]]]:
    """Of logins that send later steps, and of which an hour is looked at."""
    up_to: dict[int, datetime] = {}
    for row, looked in zip(rows, around, strict=True):
        if looked and row["login_owes"]:
            up_to[looked.login_id] = max(looked.end, up_to.get(looked.login_id, looked.end))
    return await owed_by_logins(conn, workspace_id, rows[0]["now"], up_to) if up_to else {}


def _kept_for(row: Row, looked: _Around, owed: Counter[tuple[datetime, int]]) -> dict[str, Any]:
    """Follow-ups owed around the slot, by the campaign and by others."""
    own, others = Counter[datetime](), Counter[datetime]()
    for (hour, campaign_id), recipients in owed.items():
        if looked.begin <= hour < looked.end:
            (own if campaign_id == row["campaign_id"] else others)[hour] += recipients
    return {"owed": own, "owed_by_others": others}


def _accounted(row: Row, facts: Facts, used: Mapping[datetime, int], planned: list[Row]) -> dict[str, Any]:
    """The emails in the hours around the slot."""
    taken, own, campaign = Counter(used), Counter[datetime](), Counter[datetime]()
    own[hour_of(facts.now)] += row["stream_used"]
    campaign[hour_of(facts.now)] += facts.campaign_used
    for part in planned:
        if part["campaign_id"] == row["campaign_id"]:
            campaign[part["hour"]] += part["emails"]
        if not part["of_login"]:
            continue
        taken[part["hour"]] += part["emails"]
        if part["campaign_id"] == row["campaign_id"]:
            own[part["hour"]] += part["emails"]
    return {"taken": taken, "own": own, "campaign": campaign}


def _takers(row: Row, sent: list[Row], planned: list[Row]) -> tuple[Taker, ...]:
    """The campaigns of the login's emails, sent and planned; all direct mail is one of them."""
    takers: dict[int | None, Taker] = {}

    def taker(part: Row) -> Taker:
        is_own = part["campaign_id"] == row["campaign_id"]
        about = None if part["name"] is None and not is_own else part["campaign_id"]
        return takers.setdefault(about, Taker(part["name"], Counter(), Counter(), is_own))

    for part in sent:
        taker(part).sent[part["hour"]] += int(part["used"])
    for part in planned:
        if part["of_login"]:
            taker(part).planned[part["hour"]] += int(part["emails"])
    return tuple(takers.values())


def _facts(row: Row, service: Service) -> Facts:
    ramp = None if row["ramp_from"] is None else Ramp(row["ramp_from"], row["ramp_per_day"])
    least_gap = timedelta(milliseconds=row["least_gap_ms"])
    return Facts(
        now=row["now"],
        status=row["status"],
        service=service,
        scheduled_at=row["scheduled_at"],
        until=row["until"],
        attempts=row["attempts"] or 0,
        follows=row["after_at"] is not None,
        unread=row["unread"],
        follow_at=row["follow_at"],
        waits=tuple(Wait.of_row(wait) for wait in row["waits"] or ()),
        campaign_status=row["campaign_status"],
        open=row["open"],
        direct=row["direct"],
        start_at=row["start_at"],
        latest_at=row["latest_at"],
        calendar=_calendar(row),
        spaced_from=row["spaced_from"],
        campaign_hourly=row["campaign_hourly_limit"],
        campaign_used=row["campaign_used"],
        plan_changing=row["plan_changing"],
        plan_holds=row["plan_holds"],
        sender=row["sender"],
        connections=row["max_connections"],
        blocked_until=row["blocked_until"],
        block_reason=row["block_reason"],
        holds=tuple(
            Hold(hold["reason"], hold["words"], datetime.fromisoformat(hold["probe_at"]), hold["whole"])
            for hold in row["holds"]
        ),
        limits=Limits(
            row["hourly_limit"],
            row["daily_limit"],
            least_gap,
            ramp,
            ZoneInfo(row["timezone"]),
            share=row["share_percent"],
            copies=row["copies"],
        ),
        window_full=row["window_full"],
        login_free_at=row["login_free_at"],
    )


def _calendar(row: Row) -> Calendar | None:
    """By the clocks of the recipient, where the campaign asks for that."""
    calendar = of_kept(row["calendar"])
    if calendar is None:
        return None
    brought = row["zone"] if calendar.timezone == RECIPIENT else None
    return in_zone(calendar, brought and zone_named(brought))
