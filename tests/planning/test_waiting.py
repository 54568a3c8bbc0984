"""Why not now, asked of the ledger: what is told is what an exchange does, until then and afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection

from app.db import Pool, transaction
from app.domain.campaigns import campaigns
from app.domain.campaigns.steps import Step
from app.domain.ledger import exchange
from app.domain.ledger.claims import Claimant
from app.domain.ledger.exchange import Patience
from app.domain.operations import installation
from app.domain.operations.installation import Ours
from app.domain.planning import changes, waiting
from app.domain.planning.reasons import Waiting
from app.domain.senders.draft import SenderChanges
from app.domain.senders.senders import change_sender
from app.errors import NotFound
from app.secrets import SecretBox
from tests.ledger.test_follow_ups import tell
from tests.ledger.test_holds import Lane
from tests.support.api import Headers, problem, schedule
from tests.support.engine import (
    Owner,
    addresses,
    clear_of_the_hour,
    execute,
    ours_in,
    row,
    schedule_campaign,
    the_clock_moves_on,
    value,
)

HOUR = timedelta(hours=1)
SOON = timedelta(minutes=10)
PATIENCE = Patience(None, 96)


@pytest.fixture
def ours(tmp_path: Path) -> Ours:
    return ours_in(tmp_path)


@pytest.fixture
async def claimant(pool: Pool, owner: Owner) -> Claimant:
    """A worker that is alive."""
    token: UUID = uuid4()
    await execute(pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'why', 'infinity')", token)
    return Claimant(token, *owner)


@pytest.fixture
async def campaign(pool: Pool, owner: Owner) -> int:
    """Three emails that are due, and not for long: what waits out the end of an hour does so before there are any."""
    await clear_of_the_hour()
    return (await schedule_campaign(pool, owner, 3)).campaign.id


async def _claims(pool: Pool, claimant: Claimant, wanted: int = 1) -> int:
    """How many emails an exchange would give now."""
    async with pool.connection() as conn:
        await conn.execute("SELECT lock_window(%s, %s)", (claimant.workspace_id, claimant.sender_id))
        await conn.commit()  # a case may fill the window, which has to be there
        async with conn.transaction(force_rollback=True):
            return len((await exchange.exchange(conn, claimant, [], wanted, patience=PATIENCE)).claims)


async def _why(pool: Pool, owner: Owner, campaign_id: int, ours: Ours) -> Waiting:
    """Of the campaign; its sender and the first of its emails say the same."""
    found = await waiting.of_campaign(pool, owner.workspace_id, campaign_id, ours)
    email_id = await value(
        pool, "SELECT id FROM emails WHERE campaign_id = %s ORDER BY scheduled_at, id LIMIT 1", campaign_id
    )
    assert await waiting.of_email(pool, owner.workspace_id, email_id, ours) == found
    if found.reason != "PAUSED":  # of a sender it is what goes next
        senders = await waiting.of_senders(pool, owner.workspace_id, [owner.sender_id], ours)
        assert senders[owner.sender_id] == found
    return found


Case = Callable[[Pool, Owner], Awaitable[object]]


def _sql(text: str) -> Case:
    async def do(pool: Pool, owner: Owner) -> None:
        await execute(pool, text)

    return do


async def _time_passes(pool: Pool, owner: Owner) -> None:
    await the_clock_moves_on(pool, SOON + timedelta(seconds=1))
    await execute(pool, "UPDATE login_windows SET free_at = free_at - %s", SOON + timedelta(seconds=1))


async def _the_hour_passes(pool: Pool, owner: Owner) -> None:
    await the_clock_moves_on(pool, HOUR)


HOLD = (
    "INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at)"
    " SELECT s.workspace_id, s.login_id, {stream}, '{reason}', 'x', '554 no', now(), now() + interval '10 min'"
    " FROM streams t JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id"
)
CASES: list[tuple[str, timedelta | None, Case, Case]] = [
    ("NOT_DUE", SOON, _sql("UPDATE emails SET scheduled_at = now() + interval '10 min'"), _time_passes),
    ("NOT_DUE", SOON, _sql("UPDATE streams SET start_at = now() + interval '10 min'"), _time_passes),
    ("NOT_DUE", SOON, _sql("UPDATE streams SET gap_ms = 900000, free_at = now() + interval '10 min'"), _time_passes),
    (
        "SENDER_BLOCKED",
        SOON,
        _sql("UPDATE senders SET blocked_until = now() + interval '10 min', block_reason = '535 wrong password'"),
        _time_passes,
    ),
    ("REFUSED", SOON, _sql(HOLD.format(stream="t.id", reason="REFUSED")), _time_passes),
    ("REFUSED", SOON, _sql(HOLD.format(stream="NULL", reason="REFUSED")), _time_passes),
    ("SERVER_SLOW", SOON, _sql(HOLD.format(stream="NULL", reason="SERVER_SLOW")), _time_passes),
    ("HOURLY_LIMIT", None, _sql("UPDATE login_windows SET used = allowed"), _the_hour_passes),
    (
        "CAMPAIGN_LIMIT",
        None,
        _sql(
            "WITH c AS (UPDATE campaigns SET hourly_limit = 7 RETURNING workspace_id, id)"
            " INSERT INTO campaign_hours (workspace_id, campaign_id, allowed, window_start, used)"
            " SELECT workspace_id, id, 7, this_hour(), 7 FROM c"
        ),
        _the_hour_passes,
    ),
    (
        "NO_WORKER",
        None,
        _sql("UPDATE workers SET lease_until = now()"),
        _sql("UPDATE workers SET lease_until = 'infinity'"),
    ),
]


@pytest.mark.parametrize(("reason", "for_", "hold", "remedy"), CASES)
async def test_what_is_told_to_wait_does_not_go_and_goes_afterwards(
    pool: Pool,
    owner: Owner,
    ours: Ours,
    claimant: Claimant,
    campaign: int,
    reason: str,
    for_: timedelta | None,
    hold: Case,
    remedy: Case,
) -> None:
    assert await _claims(pool, claimant) == 1
    before = await _why(pool, owner, campaign, ours)
    assert (before.reason, before.detail[:14]) == ("NOT_DUE", "It is its turn")
    await hold(pool, owner)
    asked_at = await value(pool, "SELECT now()")
    assert await _claims(pool, claimant) == 0
    found = await _why(pool, owner, campaign, ours)
    assert found.reason == reason
    if for_ is not None:
        assert found.until is not None
        assert abs(found.until - asked_at - for_) < timedelta(seconds=5)
    elif reason != "NO_WORKER":
        assert found.until == await value(pool, "SELECT this_hour() + interval '1 hour'")
    await remedy(pool, owner)
    assert await _claims(pool, claimant) == 1
    assert (await _why(pool, owner, campaign, ours)).reason in {"NOT_DUE", "SERVER_SLOW"}  # it is its turn


@pytest.mark.parametrize("limit", ["daily_limit = 40", "ramp_from = 40, ramp_per_day = 5"])
async def test_a_day_that_is_used_up_ends_when_room_comes(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int, limit: str
) -> None:
    await execute(pool, f"UPDATE logins SET {limit}")  # noqa: S608
    await _claims(pool, claimant)
    await execute(pool, "UPDATE login_windows SET used = 40, allowed = 40")
    found = await _why(pool, owner, campaign, ours)
    assert found.until is not None
    hour = await value(pool, "SELECT this_hour()")
    if "daily" in limit:
        assert (found.reason, found.until) == ("DAILY_LIMIT", hour + 24 * HOUR)
        assert "the 40 emails in 24 hours of owner@example.com" in found.detail
    else:
        midnight = hour.replace(hour=0) + 24 * HOUR
        assert (found.reason, found.until) == ("RAMP", midnight)
    assert await _claims(pool, claimant) == 0


async def test_a_campaign_that_waits_behind_another_names_it_and_says_what_to_do(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, box: SecretBox
) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=10))
    await schedule_campaign(pool, owner, addresses(200, "large"), name="Big list")
    news = (await schedule_campaign(pool, owner, addresses(5, "news"))).campaign.id
    found = await waiting.of_campaign(pool, owner.workspace_id, news, ours)
    assert found == Waiting(
        "HOURLY_LIMIT",
        await value(pool, "SELECT min(scheduled_at) FROM emails WHERE campaign_id = %s", news),
        "“Big list” uses the 10 emails an hour of owner@example.com until then;"
        " put this campaign first, raise the limit or add a sender.",
    )


async def test_an_hour_that_is_used_up_names_the_campaign_that_used_most_of_it(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, box: SecretBox
) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=10))
    large = (await schedule_campaign(pool, owner, addresses(200, "large"), name="Big list")).campaign.id
    news = (await schedule_campaign(pool, owner, addresses(5, "news"), name="News")).campaign.id
    await _claims(pool, claimant)
    await execute(pool, "UPDATE login_windows SET used = 10, allowed = 10")
    used = "UPDATE streams SET window_start = this_hour(), window_used = %s WHERE campaign_id = %s"
    await execute(pool, used, 8, large)
    await execute(pool, used, 2, news)
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE campaign_id = %s", news)
    found = await waiting.of_campaign(pool, owner.workspace_id, news, ours)
    assert found.reason == "HOURLY_LIMIT"
    assert found.detail == (
        "“Big list” has used 8 of the 10 emails an hour of owner@example.com by now;"
        " raise that, or add a sender to the campaign."
    )
    # What one person was written to about is nobody else's to read.
    await execute(pool, "UPDATE campaigns SET kind = 'DIRECT', name = 'Answer: your illness' WHERE name = 'Big list'")
    found = await waiting.of_campaign(pool, owner.workspace_id, news, ours)
    assert found.detail.startswith("Direct mail has used 8 of the 10 emails an hour of owner@example.com by now;")


@pytest.mark.parametrize(
    ("limit", "reason", "allowed"),
    [
        ("daily_limit = 40", "DAILY_LIMIT", "the 40 emails in 24 hours of owner@example.com"),
        ("ramp_from = 40, ramp_per_day = 3", "RAMP", "what owner@example.com may send today"),
    ],
)
async def test_a_day_that_is_used_up_names_the_campaigns_that_used_most_of_it(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, limit: str, reason: str, allowed: str
) -> None:
    await clear_of_the_hour()
    # Where it is afternoon now: the hour before this one is of the same day.
    now = await value(pool, "SELECT now()")
    zone = f"Etc/GMT{now.hour - 14:+}"
    await execute(pool, f"UPDATE logins SET {limit}, hourly_limit = 100, timezone = %s", zone)  # noqa: S608
    large, news, old = [
        (await schedule_campaign(pool, owner, addresses(50, name[:3]), name=name)).campaign.id
        for name in ("Big list", "News", "Old")
    ]
    # What they sent earlier today stays known as they go on in this hour; what the last did yesterday does not count.
    used = "UPDATE streams SET window_start = %s, window_used = %s WHERE campaign_id = %s"
    today = await value(pool, "SELECT this_hour() - interval '1 hour'")
    for campaign, emails in ((large, 25), (news, 15)):
        await execute(pool, used, today, emails, campaign)
    await execute(pool, used, today - 26 * HOUR, 500, old)
    await _claims(pool, claimant)
    for campaign in (large, news, old):
        await execute(
            pool, "UPDATE streams SET window_start = this_hour(), window_used = 0 WHERE campaign_id = %s", campaign
        )
    await execute(pool, "UPDATE login_windows SET used = 40, allowed = 40")
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE campaign_id = %s AND status = 'SCHEDULED'", news)
    found = await waiting.of_campaign(pool, owner.workspace_id, news, ours)
    assert found.reason == reason
    assert f"“Big list” has used 25 of {allowed}" in found.detail


async def test_ones_own_emails_are_nobodys_fault(pool: Pool, owner: Owner, ours: Ours, claimant: Claimant) -> None:
    await clear_of_the_hour()
    await schedule_campaign(pool, owner, 30, hourly_limit=10)
    last = await row(pool, "SELECT id, scheduled_at FROM emails ORDER BY id DESC LIMIT 1")
    found = await waiting.of_email(pool, owner.workspace_id, last["id"], ours)
    assert (found.reason, found.until) == ("CAMPAIGN_LIMIT", last["scheduled_at"])
    assert "may send 10 emails an hour" in found.detail


async def test_a_paused_campaign_waits_for_a_person(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int
) -> None:
    await campaigns.pause(pool, owner.workspace_id, campaign)
    assert (await _why(pool, owner, campaign, ours)).reason == "PAUSED"
    assert await _claims(pool, claimant) == 0
    await campaigns.resume(pool, owner.workspace_id, campaign)
    assert await _claims(pool, claimant) == 1


async def test_a_plan_that_is_being_changed_says_so(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int
) -> None:
    await execute(pool, "UPDATE emails SET scheduled_at = now() + interval '3 hours'")
    async with transaction(pool, owner.workspace_id) as conn:
        await changes.ask_for_campaign(conn, owner.workspace_id, campaign)
    found = await _why(pool, owner, campaign, ours)
    assert (found.reason, found.until) == ("PLAN_CHANGING", None)
    assert await _claims(pool, claimant) == 0
    assert await changes.carry_out(pool, owner.workspace_id, owner.sender_id)
    assert await _claims(pool, claimant) == 1


async def test_a_retry_keeps_its_time_while_plans_change(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int
) -> None:
    later = "now() + interval '30 min'"
    await execute(pool, f"UPDATE emails SET (scheduled_at, not_before, attempts) = ({later}, {later}, 1)")  # noqa: S608
    async with transaction(pool, owner.workspace_id) as conn:
        await changes.ask_for_campaign(conn, owner.workspace_id, campaign)
    found = await _why(pool, owner, campaign, ours)
    assert found.reason == "NOT_DUE"
    assert "tried again" in found.detail


async def test_nothing_goes_from_another_installations_database(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int
) -> None:
    async with pool.connection() as conn:
        await installation.admit(conn, ours)
    await execute(pool, "UPDATE installation SET database_oid = 1")
    found = await _why(pool, owner, campaign, ours)
    assert found.reason == "OTHER_INSTALLATION"
    assert "take-over" in found.detail


async def test_what_is_over_waits_for_nothing(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int
) -> None:
    email_id = await value(pool, "SELECT min(id) FROM emails")
    await campaigns.cancel(pool, owner.workspace_id, campaign)
    assert (await waiting.of_campaign(pool, owner.workspace_id, campaign, ours)).reason == "NOTHING_WAITS"
    found = await waiting.of_email(pool, owner.workspace_id, email_id, ours)
    assert found == Waiting("NOTHING_WAITS", None, "The email is CANCELLED; it waits for nothing.")
    assert await waiting.of_senders(pool, owner.workspace_id, [owner.sender_id], ours) == {}


async def test_what_does_not_exist_has_no_reason(pool: Pool, owner: Owner, ours: Ours) -> None:
    with pytest.raises(NotFound):
        await waiting.of_campaign(pool, owner.workspace_id, 99, ours)
    with pytest.raises(NotFound):
        await waiting.of_email(pool, owner.workspace_id, 99, ours)


async def test_a_calendar_that_is_closed_says_when_it_opens(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int
) -> None:
    """And an email whose slot is over is no longer due."""
    now = datetime.now(UTC)
    opens = (now + 3 * HOUR).replace(minute=0, second=0, microsecond=0)
    calendar = f"{opens:%H:%M}", f"{opens + HOUR:%H:%M}"
    await execute(
        pool,
        "UPDATE campaigns SET calendar = jsonb_build_object('zone', 'UTC', 'recipientZones', false, 'days',"
        " '[0, 1, 2, 3, 4, 5, 6]'::jsonb, 'from', %s::text, 'to', %s::text, 'holidays', NULL)",
        *calendar,
    )
    await execute(pool, "UPDATE emails SET scheduled_at = %s, until = %s", opens, opens + HOUR)
    found = await _why(pool, owner, campaign, ours)
    assert (found.reason, found.until) == ("CALENDAR", opens)
    assert "{} to {}, UTC".format(*calendar) in found.detail
    await execute(pool, "UPDATE emails SET scheduled_at = now() - interval '2 h', until = now() - interval '1 h'")
    found = await _why(pool, owner, campaign, ours)
    assert (found.reason, found.until) == ("CALENDAR", opens)


async def test_a_campaign_of_several_senders_waits_for_the_one_that_goes_next(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant, campaign: int
) -> None:
    """Its other stream is put beside the one that it has."""
    await execute(
        pool,
        "INSERT INTO senders (workspace_id, login_id, email, display_name)"
        " SELECT workspace_id, login_id, 'anna@example.com', '' FROM senders",
    )
    await execute(
        pool,
        "INSERT INTO streams (workspace_id, campaign_id, sender_id, gap_ms, total, scheduled)"
        " SELECT t.workspace_id, t.campaign_id, s.id, 0, 1, 1 FROM streams t, senders s"
        " WHERE s.email = 'anna@example.com'",
    )
    await execute(
        pool,
        "INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at)"
        " SELECT workspace_id, campaign_id, max(id), 'x@example.com', now() + interval '1 hour' FROM streams"
        " GROUP BY 1, 2",
    )
    await execute(pool, "UPDATE senders SET blocked_until = now() + interval '2 h', block_reason = 'no'")
    found = await waiting.of_campaign(pool, owner.workspace_id, campaign, ours)
    assert found.reason == "SENDER_BLOCKED"
    await execute(
        pool, "UPDATE senders SET blocked_until = now() + interval '3 h' WHERE email <> %s", "owner@example.com"
    )
    found = await waiting.of_campaign(pool, owner.workspace_id, campaign, ours)
    assert found.reason == "SENDER_BLOCKED"
    assert "owner@example.com" in found.detail


# Over HTTP


async def test_the_api_says_why(api: httpx.AsyncClient, stranger: Headers, pool: Pool) -> None:
    campaign = (await schedule(api, startTime="2030-01-31T08:00:00Z"))["campaign"]
    told = {
        "reason": "NOT_DUE",
        "until": "2030-01-31T08:00:00Z",
        "detail": "Its campaign starts then; move the start to have it go sooner.",
    }
    (email,) = (await api.get("/api/emails")).json()["items"]
    for url in (f"/api/campaigns/{campaign['id']}/waiting", f"/api/emails/{email['id']}/waiting"):
        assert (await api.get(url)).json() == told
        problem(await api.get(url, headers=stranger), 404)
    senders = {"id": [campaign["senderId"], 12345]}
    assert (await api.get("/api/senders/waiting", params=senders)).json() == [
        {"senderId": campaign["senderId"], "waiting": told}
    ]
    assert (await api.get("/api/senders/waiting", params=senders, headers=stranger)).json() == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The statements that are executed."""
    statements: list[bytes] = []
    execute_ = AsyncConnection.execute

    async def counted(self: Any, query: Any, *more: Any, **named: Any) -> Any:
        statements.append(query)
        return await execute_(self, query, *more, **named)

    monkeypatch.setattr(AsyncConnection, "execute", counted)
    return statements


async def test_a_page_costs_no_query_for_each_row(
    pool: Pool, owner: Owner, ours: Ours, box: SecretBox, claimant: Claimant, asked: list[bytes]
) -> None:
    await clear_of_the_hour()
    await change_sender(pool, box, owner.workspace_id, owner.sender_id, SenderChanges(hourly_limit=10))
    for number in range(6):
        await schedule_campaign(pool, owner, addresses(10, f"c{number}-"), name=f"Campaign {number}")
    ids = [number for number in range(1, 10)]
    service = await waiting.read_service(pool, ours)
    async with transaction(pool, owner.workspace_id) as conn:
        asked.clear()
        found = await waiting.of_campaigns(conn, owner.workspace_id, ids, service)
    assert len(found) == 6
    assert {one.reason for one in found.values()} <= {"NOT_DUE", "HOURLY_LIMIT"}
    assert "“Campaign 0”" in found[max(found)].detail
    assert len(asked) == 4


async def test_room_that_is_kept_for_later_steps_is_said_and_of_which_campaigns(
    pool: Pool, owner: Owner, ours: Ours, claimant: Claimant
) -> None:
    await clear_of_the_hour()
    await execute(pool, "UPDATE logins SET hourly_limit = 4")
    steps = (Step(wait=2 * HOUR, body="Did you see it?"), Step(wait=30 * HOUR, body="Well?"))
    await schedule_campaign(pool, owner, 4, steps=steps, follow_up_without_reading=True)
    lane = Lane(pool, claimant)
    claims = await lane.claim()
    await tell(lane, claims)
    await the_clock_moves_on(pool, 2 * HOUR)
    await execute(pool, "UPDATE emails SET sent_at = sent_at - %s, follow_at = follow_at - %s", 2 * HOUR, 2 * HOUR)
    other = (await schedule_campaign(pool, owner, addresses(3, "o"))).campaign.id
    next_hour = await value(pool, "SELECT this_hour() + interval '1 hour'")
    found = await _why(pool, owner, other, ours)
    assert (found.reason, found.until) == ("FOLLOW_UPS", next_hour)
    assert "later steps of other campaigns of" in found.detail
    assert await _claims(pool, claimant) == 0
    await execute(pool, "UPDATE emails SET follow_at = NULL, stopped = 'REPLIED' WHERE follow_at IS NOT NULL")
    assert (await _why(pool, owner, other, ours)).reason == "NOT_DUE", "they have answered, and it moves up"
