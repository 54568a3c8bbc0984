"""Workers that are killed, stopped, or lose their Postgres in the middle of a campaign."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from procrastinate.exceptions import ConnectorException
from structlog.testing import capture_logs

from app.db import Pool, migrate, open_pool
from app.domain.campaigns import campaigns, change
from app.domain.campaigns.change import Changes
from app.domain.operations import installation
from app.domain.planning import changes
from app.domain.planning.campaign_calendar import DAYS, CampaignCalendar
from app.embedded.postgres import EmbeddedPostgres
from app.jobs import QUICK, SEND_DUE, defer_wake_up
from app.secrets import SecretBox
from tests.support.engine import (
    NO_LIMIT,
    SECRET_KEY,
    Fleet,
    WorkerProcess,
    add_sender,
    check_conservation,
    create_owner,
    ours_in,
    recipients_by_status,
    rows,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.pg import TemplateServer
from tests.support.ports import free_port
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker.__main__ import CONCURRENCY, PLANNER_OPTIONS, Worker
from worker.connect import Server
from worker.tasks import make_queue

WORKERS, LANES = 3, 8
# Slow where a death leaves nothing at the server, and slow where the message is accepted but the answer not yet given.
LONGEST_S = 0.12
SLOW = {"rcpt": {"slow": 0.05}, "dot": {"slow": 0.07}}


def _slow_and_held(emails: int) -> list[object]:
    """SLOW, but the last tenth gets no answer: however long the test stalls, there is a worker left to kill."""
    return [
        {"at": "rcpt", "do": SLOW["rcpt"]},
        {"at": "dot", "when": {"times": emails * 9 // 10}, "do": SLOW["dot"]},
        {"at": "dot", "do": "hold"},
    ]


def series(*long: int) -> pytest.MarkDecorator:
    """`emails` and `times`: a fifth of a long series tells whether something is wrong; the long one, how rarely."""
    short = tuple(count // 5 for count in long)
    return pytest.mark.parametrize(("emails", "times"), [short, pytest.param(*long, marks=pytest.mark.long)])


class _Mailing(NamedTuple):
    postgres: EmbeddedPostgres
    pool: Pool
    campaign: int
    fleet: Fleet


@pytest.fixture
def chance() -> random.Random:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return random.Random(seed)  # noqa: S311


async def _at_work(pool: Pool, fleet: Fleet) -> list[WorkerProcess]:
    """Workers that hold an email this moment, so that a death is not wasted on one that is still starting."""
    busy = await rows(
        pool,
        "SELECT DISTINCT w.name FROM workers w JOIN emails e ON e.claim_token = w.token WHERE e.status = 'SENDING'",
    )
    names = {found["name"] for found in busy}
    return [worker for worker in fleet.all if worker.process.poll() is None and worker.name in names]


async def _progress(pool: Pool, campaign_id: int, sent: int) -> bool:
    return (await check_conservation(pool, campaign_id))["SENT"] >= sent


async def _check_outcome(pool: Pool, campaign_id: int, sink: Sink) -> Counter[str]:
    """Every SENT email was accepted exactly once, every UNKNOWN one at most once, and there are no others."""
    counts = await check_conservation(pool, campaign_id)
    accepted = Counter(entry.envelope_to for entry in sink.accepted())
    status_of = await recipients_by_status(pool, campaign_id)
    assert set(counts) <= {"SENT", "UNKNOWN"}
    assert set(accepted) <= set(status_of)
    assert {to for to, n in accepted.items() if n > 1} == set()
    assert {to for to, status in status_of.items() if status == "SENT" and not accepted[to]} == set()
    return counts


@series(3000, 30)
async def test_workers_killed_again_and_again_send_nothing_twice_and_lose_nothing(
    pool: Pool, fleet: Fleet, sink: Sink, chance: random.Random, emails: int, times: int
) -> None:
    began = time.monotonic()
    sink.script(_slow_and_held(emails))
    owner = await create_owner(pool)
    campaign = (await schedule_campaign(pool, owner, emails)).campaign.id
    fleet.start(settings_for(sink, lanes=LANES), WORKERS)

    for moment in sorted(chance.sample(range(1, emails * 4 // 5), times)):
        await wait_for(lambda moment=moment: _progress(pool, campaign, moment), f"{moment} to be sent")
        victims = await wait_for(lambda: _at_work(pool, fleet), "a worker that holds emails")
        chance.choice(victims).kill()
        fleet.start(settings_for(sink, lanes=LANES))
    sink.script(SLOW)
    sink.release()
    await wait_until_settled(pool, campaign)

    counts = await _check_outcome(pool, campaign, sink)
    print(f"{counts['SENT']} sent, {counts['UNKNOWN']} in doubt, {time.monotonic() - began:.0f} s")
    assert 0 < counts["UNKNOWN"] <= times * LANES
    assert fleet.complaints() == []


@series(2000, 15)
async def test_workers_killed_under_a_campaign_of_five_senders_send_nothing_twice_and_lose_nothing(
    pool: Pool, fleet: Fleet, sink: Sink, chance: random.Random, emails: int, times: int
) -> None:
    """With a calendar and jitter, which the claim and the plans made after each death have to keep to."""
    sink.script(_slow_and_held(emails))
    settings = settings_for(sink, lanes=LANES)
    owner = await create_owner(pool)
    others = [await add_sender(pool, owner, f"sender{number}@example.com", NO_LIMIT) for number in range(4)]
    senders = [owner.sender_id, *(other.sender_id for other in others)]
    began = time.monotonic()
    hours = CampaignCalendar(timezone="Asia/Kolkata", days=list(DAYS), opens="00:00", closes="00:00")
    made = await schedule_campaign(
        pool, owner, emails, sender_ids=senders, calendar=hours, delay_between_ms=20, jitter_percent=50
    )
    campaign = made.campaign.id
    fleet.start(settings, WORKERS)

    for moment in sorted(chance.sample(range(1, emails * 4 // 5), times)):
        await wait_for(lambda moment=moment: _progress(pool, campaign, moment), f"{moment} to be sent")
        victims = await wait_for(lambda: _at_work(pool, fleet), "a worker that holds emails")
        chance.choice(victims).kill()
        fleet.start(settings)
    sink.script(SLOW)
    sink.release()
    await wait_until_settled(pool, campaign)

    counts = await _check_outcome(pool, campaign, sink)
    print(f"{counts['SENT']} sent, {counts['UNKNOWN']} in doubt, {time.monotonic() - began:.0f} s")
    assert counts["UNKNOWN"] <= times * settings.worker_concurrency
    from_each = Counter(entry.envelope_from for entry in sink.accepted())
    assert len(from_each) == 5
    assert max(from_each.values()) - min(from_each.values()) <= counts["UNKNOWN"] + 1, "each sent its part"
    assert fleet.complaints() == []


async def test_a_worker_killed_while_it_makes_a_plan_leaves_one_that_another_finishes(
    pool: Pool, fleet: Fleet, sink: Sink
) -> None:
    """Sending goes on beside it. New times come in batches of 500; about ten of sixty are written when it dies."""
    emails, at_once = 30_000, changes.AT_ONCE
    sink.script(SLOW)
    owner = await create_owner(pool)
    made = (await schedule_campaign(pool, owner, emails, delay_between_ms=10)).campaign.id
    (worker,) = fleet.start(settings_for(sink, lanes=LANES))
    await wait_for(lambda: _progress(pool, made, 50), "50 to be sent")
    before = await value(pool, "SELECT max(scheduled_at) FROM emails")
    await change.change(pool, owner.workspace_id, made, Changes(delay_between_ms=40))

    async def under_way() -> bool:
        """The plan before ended before the 12,500th of the new one."""
        later = await value(pool, "SELECT count(*) FROM emails WHERE scheduled_at > %s", before)
        return later > at_once + 2_500 - emails // 4

    await wait_for(under_way, "a part of the plan")
    worker.kill()
    assert await value(pool, "SELECT count(*) FROM plan_changes") == 1
    half = await value(pool, "SELECT count(*) FROM emails WHERE scheduled_at <= %s", before)
    assert half > emails // 4, "it was killed before the end"
    fleet.start(settings_for(sink, lanes=LANES))

    async def planned() -> bool:
        return await value(pool, "SELECT count(*) FROM plan_changes") == 0

    await wait_for(planned, "the plan", 90)
    await campaigns.pause(pool, owner.workspace_id, made)

    async def nothing_sent() -> bool:
        return (await check_conservation(pool, made))["SENDING"] == 0

    await wait_for(nothing_sent, "what was claimed to be sent")
    counts = await check_conservation(pool, made)
    assert counts.total() == emails
    assert counts["UNKNOWN"] <= LANES + 1
    accepted = Counter(entry.envelope_to for entry in sink.accepted())
    assert max(accepted.values()) == 1
    status_of = await recipients_by_status(pool, made)
    assert {to for to, status in status_of.items() if status == "SENT"} <= set(accepted)
    assert {status_of[to] for to in accepted} <= {"SENT", "UNKNOWN"}
    gaps = await rows(
        pool,
        "SELECT extract(epoch FROM scheduled_at - lag(scheduled_at) OVER (ORDER BY id)) * 1000 AS gap_ms"
        " FROM emails WHERE status = 'SCHEDULED' ORDER BY id OFFSET 1",
    )
    assert {round(found["gap_ms"]) for found in gaps} == {40}, "in the order of the list, each in its place"
    assert fleet.complaints() == []


@series(1800, 10)
async def test_workers_told_to_stop_leave_nothing_in_doubt(
    pool: Pool, fleet: Fleet, sink: Sink, chance: random.Random, emails: int, times: int
) -> None:
    sink.script(SLOW)
    settings = settings_for(sink, lanes=LANES, lease_s=20)  # none dies, however long the machine stalls
    owner = await create_owner(pool)
    campaign = (await schedule_campaign(pool, owner, emails)).campaign.id
    fleet.start(settings, WORKERS)

    # All in the first third: a stop takes a while, and the others go on meanwhile.
    for moment in sorted(chance.sample(range(1, emails // 3), times)):
        await wait_for(lambda moment=moment: _progress(pool, campaign, moment), f"{moment} to be sent")
        victims = await wait_for(lambda: _at_work(pool, fleet), "a worker that holds emails")
        assert chance.choice(victims).drain() == 0
        fleet.start(settings)
    await wait_until_settled(pool, campaign)

    assert await _check_outcome(pool, campaign, sink) == {"SENT": emails}
    assert len(sink.accepted()) == emails
    assert fleet.complaints() == []


@asynccontextmanager
async def _mailing(tmp_path: Path, emails: int, sink: Sink) -> AsyncGenerator[_Mailing]:
    """A campaign on a Postgres of its own, workers on it; in the end they must drain."""
    with closing_postgres(tmp_path) as postgres:
        migrate(postgres.url)
        async with await open_pool(postgres.url) as pool:
            campaign = (await schedule_campaign(pool, await create_owner(pool), emails)).campaign.id
            with Fleet(postgres.url, tmp_path) as fleet:
                fleet.start(settings_for(sink, lanes=LANES, lease_s=8), WORKERS)
                yield _Mailing(postgres, pool, campaign, fleet)
                assert [worker.drain() for worker in fleet.all] == [0] * WORKERS


@contextmanager
def closing_postgres(data_dir: Path) -> Generator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(data_dir, on_a_port=True)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()


async def _quiet(sink: Sink) -> bool:
    """Every lane has finished its message, and none gets another."""
    before = len(sink.accepted())
    await asyncio.sleep(5 * LONGEST_S)
    return len(sink.accepted()) == before


@pytest.mark.parametrize(("emails", "times"), [(800, 2), pytest.param(4000, 10, marks=pytest.mark.long)])
async def test_a_service_whose_postgres_crashes_goes_on_by_itself(
    tmp_path: Path, sink: Sink, chance: random.Random, emails: int, times: int
) -> None:
    sink.script(SLOW)
    async with _mailing(tmp_path, emails, sink) as it:
        url = it.postgres.url
        for number, moment in enumerate(sorted(chance.sample(range(1, emails * 4 // 5), times))):
            await wait_for(lambda moment=moment: _progress(it.pool, it.campaign, moment), f"{moment} to be sent")
            it.postgres.stop("immediate")
            if number % 2:
                await wait_for(lambda: _quiet(sink), "the lanes to run out of work")
            assert it.postgres.start() == url
        await wait_until_settled(it.pool, it.campaign)

        assert await _check_outcome(it.pool, it.campaign, sink) == {"SENT": emails}
        assert len(sink.accepted()) == emails
        assert it.fleet.logged("loop failed") == []


async def test_after_a_moment_without_postgres_a_worker_listens_again(
    tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.__main__.POLLING_INTERVAL_S", 3600)  # it does not happen to ask in that moment
    settings = settings_for(sink, lanes=1, lease_s=60)
    with closing_postgres(tmp_path) as postgres:
        migrate(postgres.url)
        async with await open_pool(postgres.url, options=PLANNER_OPTIONS) as pool:
            server = Server("127.0.0.1", sink.port, "none", policy=None)
            keys = await installation.read_keys(pool)
            worker = Worker(settings, pool, SecretBox(SECRET_KEY), server, ours_in(tmp_path), keys)
            working = asyncio.create_task(worker.run(asyncio.Event()))
            await wait_for(lambda: _listening(pool), "it to listen")
            await asyncio.to_thread(postgres.stop, "immediate")
            await asyncio.to_thread(postgres.start)
            with pytest.raises(ConnectorException):  # so that another follows
                await asyncio.wait_for(working, BOUND_S)


async def test_a_worker_that_ends_without_postgres_leaves_no_error_unsaid(tmp_path: Path, sink: Sink) -> None:
    """Each of its queues meets one; asyncio logs those that nobody asks for."""
    with closing_postgres(tmp_path) as postgres:
        migrate(postgres.url)
        async with await open_pool(postgres.url, options=PLANNER_OPTIONS) as pool:
            server = Server("127.0.0.1", sink.port, "none", policy=None)
            keys = await installation.read_keys(pool)
            worker = Worker(settings_for(sink), pool, SecretBox(SECRET_KEY), server, ours_in(tmp_path), keys)
            working = asyncio.create_task(worker.run(asyncio.Event()))
            await wait_for(lambda: _listening(pool), "it to listen")
            tasks = asyncio.all_tasks()
            await asyncio.to_thread(postgres.stop, "immediate")
            pool.timeout = 0.2
            with pytest.raises(ConnectorException):
                await asyncio.wait_for(working, BOUND_S)
    unsaid = [task for task in tasks if task._log_traceback]  # pyright: ignore[reportAttributeAccessIssue] -- read before it is asked
    failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception() is not None]
    assert unsaid == []
    assert len(failed) >= len(CONCURRENCY)


@pytest.mark.alone
async def test_where_it_cannot_listen_a_worker_polls_until_it_can(
    pool: Pool, postgres: TemplateServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.tasks.POLLING_INTERVAL_S", 0.1)
    ended: list[BaseException] = []
    told: list[dict[str, object]] = []

    async def tell(**notification: object) -> None:
        told.append(notification)

    async def has_looked() -> bool:
        return bool(told)

    async def tried_twice() -> bool:
        return len(logged) > 1

    queue = make_queue(_never, _never, _never, _never, _never, _never, deaf=ended.append)
    async with queue.open_async(pool):
        with capture_logs() as logged:
            postgres.refuse_connections(database_url)
            listening = asyncio.create_task(queue.job_manager.listen_for_jobs(on_notification=tell, queues=["quick"]))
            await wait_for(tried_twice, "it to have tried twice")
            postgres.accept_connections(database_url)
            await pool.check()
            await wait_for(lambda: _listening(pool, 1), "it to listen")
            await wait_for(has_looked, "it to look for what came before")
        assert (ended, listening.done()) == ([], False)
        assert {entry["event"] for entry in logged} == {"cannot listen for new jobs, polling for them"}
        listening.cancel()


async def test_a_job_whose_end_postgres_does_not_take_says_so_itself(
    pool: Pool, postgres: TemplateServer, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def wake(_sender_id: int) -> None:
        postgres.refuse_connections(database_url)
        pool.timeout = 0.2

    gc.collect()  # of tests before
    caplog.clear()
    queue = make_queue(wake, _never, _never, _never, _never, _never, deaf=_never)
    async with pool.connection() as conn:
        await defer_wake_up(conn, 1)
    async with queue.open_async(pool):
        with capture_logs() as logged, pytest.raises(ConnectorException):
            await queue.run_worker_async(queues=[QUICK], wait=False, listen_notify=False, install_signal_handlers=False)
        gc.collect()
    assert [(entry["event"], entry["task"]) for entry in logged] == [("end of a job not recorded", SEND_DUE)]
    assert not [record for record in caplog.records if "never retrieved" in record.getMessage()]


def _never(*_: object, **__: object) -> NoReturn:
    raise AssertionError("nothing was asked for")


async def _listening(pool: Pool, workers: int = len(CONCURRENCY)) -> bool:
    # The last query of a backend may be this very one.
    listening = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%LISTEN %%' AND query NOT LIKE 'SELECT count%%'"
    )
    return await value(pool, listening) == workers


@pytest.mark.long  # half a minute, and it compares with the seconds that a pool left to itself would take
async def test_a_long_outage_of_postgres_leaves_nothing_in_doubt_and_is_over_when_it_is_over(
    tmp_path: Path, sink: Sink
) -> None:
    emails = 600
    sink.script(SLOW)
    async with _mailing(tmp_path, emails, sink) as it:
        await wait_for(lambda: _progress(it.pool, it.campaign, 50), "50 to be sent")
        it.postgres.stop("immediate")
        await asyncio.sleep(16)  # by then a pool left to itself looks again in another quarter of a minute
        it.postgres.start()
        await wait_until_settled(it.pool, it.campaign, 12)

        assert await _check_outcome(it.pool, it.campaign, sink) == {"SENT": emails}
        assert it.fleet.logged("loop failed") == []


async def test_a_mail_server_that_dies_and_comes_back_costs_no_email_more_than_a_doubt(
    pool: Pool, fleet: Fleet, tmp_path: Path
) -> None:
    emails, lanes = 400, 2 * LANES
    log = tmp_path / "accepted.log"
    with Sink(SLOW, log=log, port=free_port()) as sink:
        campaign = (await schedule_campaign(pool, await create_owner(pool), emails)).campaign.id
        fleet.start(settings_for(sink, lanes=LANES, lease_s=20), 2)  # none dies, however long the machine stalls
        await wait_for(lambda: _progress(pool, campaign, 100), "100 to be sent")
        sink.kill()
        await wait_for(lambda: _backed_off(pool), "the sender to be backed off")
        assert (await check_conservation(pool, campaign))["SCHEDULED"] > 0
        with Sink(log=log, port=sink.port) as sink:
            await wait_until_settled(pool, campaign)
            counts = await _check_outcome(pool, campaign, sink)
    assert counts["UNKNOWN"] <= lanes
    assert await value(pool, "SELECT max(retry_count) FROM emails") == 0
    assert await value(pool, "SELECT block_reason FROM senders") is None
    assert fleet.complaints() == []


async def _backed_off(pool: Pool) -> bool:
    return await value(pool, "SELECT count(*) FROM senders WHERE blocked_until > now()") == 1
