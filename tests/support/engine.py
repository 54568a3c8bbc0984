"""The engine under test: workers in this process or in processes of their own, campaigns, and what the ledger says.

Workers in processes are for signals: killed, stopped, suspended. Everything else runs `worker.__main__.Worker` in the
test's own loop, which starts at once and lets a test shorten a timeout; the sockets and the Postgres are as real.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID, uuid4

from psycopg import OperationalError

from app.db import Conn, Pool, open_pool
from app.domain.accounts.users import create_user
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.schedule import Request, Scheduled, schedule
from app.domain.operations import installation, workers
from app.domain.operations.host_policy import HostPolicy
from app.domain.operations.installation import Ours
from app.domain.recipients.lists import from_json
from app.jobs import defer_wake_up
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.forks import Forked, start_worker
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S, clear_of
from worker.__main__ import CONNECTIONS, PLANNER_OPTIONS, Worker
from worker.connect import Server
from worker.desk import size_for_one

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
SECRET_KEY = "a secret for tests"  # noqa: S105
LEASE_S = 2.0
CONTENT = Content(subject="Hello", body="Hello, world.")
NO_LIMIT = 10_000_000
ANYWHERE = HostPolicy(allow_private=True, ports=None, imap_ports=None)  # sinks are on loopback, at ports of their own
FAILURES = ("incarnation ended", "loop failed", "never retrieved", "deadlock")


class Owner(NamedTuple):
    """A user and the default sender, whose server is the fallback one."""

    workspace_id: int
    sender_id: int


async def create_owner(pool: Pool, email: str = "owner@example.com", *, hourly_limit: int = NO_LIMIT) -> Owner:
    user = await create_user(pool, SecretBox(SECRET_KEY), email, "correct horse", default_hourly_limit=hourly_limit)
    return Owner(
        user.workspace_id, await value(pool, "SELECT id FROM senders WHERE workspace_id = %s", user.workspace_id)
    )


async def add_sender(pool: Pool, owner: Owner, email: str, hourly_limit: int = 1000) -> Owner:
    """One more in the owner's workspace, with a login of its own."""
    return Owner(
        owner.workspace_id,
        await value(
            pool,
            "WITH login AS (INSERT INTO logins (workspace_id, hourly_limit, max_connections) VALUES (%s, %s, 5)"
            " RETURNING *)"
            " INSERT INTO senders (workspace_id, email, login_id) SELECT workspace_id, %s, id FROM login RETURNING id",
            owner.workspace_id,
            hourly_limit,
            email,
        ),
    )


def addresses(count: int, stem: str = "r") -> list[str]:
    return [f"{stem}{number}@example.com" for number in range(count)]


async def schedule_campaign(
    pool: Pool, owner: Owner, recipients: int | Sequence[str], *, content: Content = CONTENT, **draft: Any
) -> Scheduled:
    """A campaign of the owner's sender or of `sender_ids`; `recipients` is how many, or who."""
    people = addresses(recipients) if isinstance(recipients, int) else recipients
    if "sender_ids" not in draft:
        draft.setdefault("sender_id", owner.sender_id)
    request = Request(Draft(content=content, **draft), lambda required: from_json(people, required=required))
    return await schedule(pool, owner.workspace_id, request)


# The ledger


async def rows(pool: Pool, text: str, *params: object) -> list[dict[str, Any]]:
    async with pool.connection() as conn:
        return await (await conn.execute(text.encode(), params)).fetchall()


async def row(pool: Pool, text: str, *params: object) -> dict[str, Any]:
    (only,) = await rows(pool, text, *params)
    return only


async def value(pool: Pool, text: str, *params: object) -> Any:
    (only,) = (await row(pool, text, *params)).values()
    return only


async def execute(pool: Pool, text: str, *params: object) -> int:
    """How many rows it changed. Emails that it moves, exchanges find where they are then."""
    async with pool.connection() as conn, conn.transaction():
        changed = (await conn.execute(text.encode(), params)).rowcount
        if text.startswith("UPDATE emails"):
            await settle_streams(conn)
        return changed


async def settle_streams(conn: Conn) -> None:
    """After a change to emails by hand: when the first of each stream is due."""
    await conn.execute(
        "UPDATE streams s"
        " SET next_due_at = (SELECT due_at FROM first_due(s.workspace_id, s.id)), passed_at = '-infinity'"
        " FROM (SELECT id FROM streams ORDER BY id FOR NO KEY UPDATE) o WHERE o.id = s.id"
    )


async def statuses(pool: Pool, campaign_id: int) -> Counter[str]:
    found = await rows(pool, "SELECT status, count(*) AS n FROM emails WHERE campaign_id = %s GROUP BY 1", campaign_id)
    return Counter({str(r["status"]): r["n"] for r in found})


async def recipients_by_status(pool: Pool, campaign_id: int) -> dict[str, str]:
    found = await rows(pool, "SELECT recipient, status FROM emails WHERE campaign_id = %s", campaign_id)
    return {r["recipient"]: r["status"] for r in found}


async def check_conservation(pool: Pool, campaign_id: int) -> Counter[str]:
    """The campaign's counters are what its emails say and add up to its total, all seen at one instant; and whatever is
    cancelled says why.
    """
    seen = await row(
        pool,
        """
        SELECT n.total, c.status, f.following, f.recipients,
               (SELECT count(*) FROM emails WHERE campaign_id = c.id AND follow_at IS NOT NULL) AS owing,
               (SELECT count(*) FROM emails WHERE campaign_id = c.id AND follows_id IS NULL) AS first,
               jsonb_build_object('SCHEDULED', n.scheduled, 'SENDING', n.sending, 'SENT', n.sent, 'FAILED', n.failed,
                                  'UNKNOWN', n.unknown, 'CANCELLED', n.cancelled) AS counters,
               (SELECT jsonb_object_agg(e.status, e.n)
                FROM (SELECT status, count(*) AS n FROM emails WHERE campaign_id = c.id GROUP BY 1) e) AS emails,
               (SELECT count(*) FROM emails WHERE campaign_id = c.id
                  AND (status = 'CANCELLED') <> (cancel_reason IS NOT NULL)) AS for_no_reason
        FROM campaigns c CROSS JOIN LATERAL campaign_counts(c.workspace_id, c.id) n
        CROSS JOIN LATERAL campaign_recipients(c.workspace_id, c.id) f WHERE c.id = %s
        """,
        campaign_id,
    )
    asleep = await rows(
        pool,
        "SELECT s.id, s.next_due_at, e.due_at FROM streams s, LATERAL first_due(s.workspace_id, s.id) e"
        " WHERE s.campaign_id = %s AND (s.next_due_at IS NULL OR s.next_due_at > e.due_at OR s.passed_at > e.due_at)",
        campaign_id,
    )
    assert asleep == [], "no exchange would look at these in time"
    counters = Counter({status: n for status, n in seen["counters"].items() if n})
    assert counters == Counter(seen["emails"])
    assert not seen["for_no_reason"], "only what is cancelled has a reason for that, and has it"
    assert counters.total() == seen["total"]
    assert (seen["following"], seen["recipients"]) == (seen["owing"], seen["first"])
    return counters


async def check_deliveries(pool: Pool, sink: Sink) -> None:
    """With nothing in flight: what each email was, what its attempts say and what the server took are one story.

    Nothing was taken twice but what was in doubt before, and nothing is SENT that was never handed over.
    """
    copies = Counter(entry.envelope_to for entry in sink.accepted())
    story = await rows(
        pool,
        """
        SELECT e.recipient, e.status, e.attempts, count(a.number) AS rows, coalesce(max(a.number), 0) AS last,
               count(*) FILTER (WHERE a.outcome = 'ACCEPTED') AS accepted,
               count(*) FILTER (WHERE a.outcome = 'UNKNOWN') AS unknown
        FROM emails e LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id
        GROUP BY e.workspace_id, e.id
        """,
    )
    for email in story:
        assert email["attempts"] == email["rows"] == email["last"], email
        assert email["accepted"] <= 1, email
        taken = copies.pop(email["recipient"], 0)
        assert email["accepted"] <= taken <= email["accepted"] + email["unknown"], (email, taken)
        assert email["status"] != "SENT" or email["accepted"] or email["unknown"], email
    assert not copies, f"nobody was owed these: {copies}"


async def campaign_status(pool: Pool, campaign_id: int) -> str:
    return await value(pool, "SELECT status FROM campaigns WHERE id = %s", campaign_id)


async def attempts(pool: Pool, campaign_id: int, recipient: str) -> list[dict[str, Any]]:
    return await rows(
        pool,
        """
        SELECT a.* FROM attempts a JOIN emails e ON e.workspace_id = a.workspace_id AND e.id = a.email_id
        WHERE e.campaign_id = %s AND e.recipient = %s ORDER BY a.number
        """,
        campaign_id,
        recipient,
    )


async def the_clock_moves_on(pool: Pool, by: timedelta) -> None:
    """Move every row that holds a time into the past, as if `by` had passed, and wake all senders."""
    async with pool.connection() as conn, conn.transaction():
        # No exchange is under way: it would look for the window of an hour that has become another.
        await conn.execute("LOCK TABLE login_windows IN EXCLUSIVE MODE")
        # The earliest first: none meets the one before it.
        for window in await (await conn.execute("SELECT * FROM login_windows ORDER BY window_start")).fetchall():
            await conn.execute(
                "UPDATE login_windows SET window_start = window_start - %(by)s, accepted_at = accepted_at - %(by)s,"
                " free_at = free_at - %(by)s"
                " WHERE workspace_id = %(workspace_id)s AND login_id = %(login_id)s"
                " AND window_start = %(window_start)s",
                window | {"by": by},
            )
        await conn.execute("UPDATE campaign_hours SET window_start = window_start - %s WHERE used > 0", [by])
        await conn.execute(
            "UPDATE streams SET start_at = start_at - %(by)s, accepted_at = accepted_at - %(by)s,"
            " free_at = free_at - %(by)s, next_due_at = next_due_at - %(by)s, passed_at = passed_at - %(by)s,"
            " window_start = CASE WHEN window_used > 0 THEN window_start - %(by)s ELSE window_start END",
            {"by": by},
        )
        # By way of where no hours are: one by one, an hour would come upon the one before it.
        await conn.execute("UPDATE stream_hours SET hour = hour - interval '1000 days'")
        await conn.execute("UPDATE stream_hours SET hour = hour + interval '1000 days' - %s", [by])
        await conn.execute("UPDATE senders SET blocked_until = blocked_until - %s", [by])
        await conn.execute("UPDATE holds SET since = since - %s, probe_at = probe_at - %s", [by, by])
        await conn.execute(
            "UPDATE refusals SET last_at = last_at - %(by)s, passed_at = passed_at - %(by)s,"
            " greylisting_until = greylisting_until - %(by)s",
            {"by": by},
        )
        await conn.execute("UPDATE attempts SET claimed_at = claimed_at - %s, recorded_at = recorded_at - %s", [by, by])
        await conn.execute(
            "UPDATE emails SET scheduled_at = scheduled_at - %(by)s, not_before = not_before - %(by)s,"
            " until = until - %(by)s WHERE status = 'SCHEDULED'",
            {"by": by},
        )
        await conn.execute(
            "UPDATE emails SET claimed_at = claimed_at - %(by)s, follow_at = follow_at - %(by)s", {"by": by}
        )
    await wake_all(pool)


async def wake_all(pool: Pool) -> None:
    async with pool.connection() as conn:
        for found in await rows(pool, "SELECT id FROM senders"):
            await defer_wake_up(conn, found["id"])


# Waiting


async def wait_for(condition: Callable[[], Awaitable[T]], what: str, timeout_s: float = BOUND_S) -> T:
    """The first truthy answer of `condition`, asked fifty times a second, and later ten times: to ask is work, too.

    A database that is away is no answer.
    """
    began = time.monotonic()
    while True:
        seen: object
        try:
            if seen := await condition():
                return seen
        except OperationalError as error:
            seen = error
        waited_s = time.monotonic() - began
        if waited_s > timeout_s:
            raise AssertionError(f"waited {timeout_s} s for {what}, have {seen!r}")
        await asyncio.sleep(0.02 if waited_s < 1 else 0.1)


async def wait_until_blocked(pool: Pool) -> None:
    """Wait until somebody waits for a lock that somebody else has."""
    blocked = (
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    await wait_for(lambda: value(pool, blocked), "somebody to wait for a lock")


async def wait_until_settled(pool: Pool, campaign_id: int, timeout_s: float = BOUND_S) -> Counter[str]:
    """Wait until nothing of the campaign waits or is being sent; conservation is checked all the while."""

    async def settled() -> Counter[str] | None:
        counts = await check_conservation(pool, campaign_id)
        return None if counts["SCHEDULED"] or counts["SENDING"] else counts

    return await wait_for(settled, "the campaign to settle", timeout_s)


async def wait_until_sent(pool: Pool, campaign_id: int, timeout_s: float = BOUND_S) -> None:
    counts = await wait_until_settled(pool, campaign_id, timeout_s)
    assert set(counts) == {"SENT"}
    assert await campaign_status(pool, campaign_id) == "FINISHED"


async def clear_of_the_hour(seconds: float = 120) -> None:
    """Wait out the end of a clock hour that a test of one window must not run across.

    Unless told otherwise a test gets what a busy machine needs for the longest of them, a minute, twice.
    """
    await clear_of(3600, seconds)


# Workers


def settings_for(sink: Sink, *, lanes: int = 8, lease_s: float = LEASE_S, **more: Any) -> Settings:
    """`lanes` is how many one sender gets."""
    return Settings(
        secret_key=SECRET_KEY,
        smtp_host="127.0.0.1",
        smtp_port=sink.port,
        smtp_security="none",
        smtp_allow_private=ANYWHERE.allow_private,
        smtp_allowed_ports=ANYWHERE.ports,
        imap_allowed_ports=ANYWHERE.imap_ports,
        worker_concurrency=size_for_one(lanes),
        worker_lease_seconds=lease_s,
        **more,
    )


def ours_in(data_dir: Path) -> Ours:
    """The facts that a test's workers know of its installation."""
    return installation.ours(Settings(data_dir=data_dir))


async def no_lease(pool: Pool) -> bool:
    """Whether no worker lives, as far as the ledger knows."""
    return not await value(pool, "SELECT count(*) FROM workers WHERE lease_until > now()")


async def register_worker(pool: Pool, name: str) -> UUID:
    """A worker that takes a lease of a minute and does nothing; its token."""
    token = uuid4()
    with TemporaryDirectory() as data_dir:
        await workers.register(pool, token, name, 60, ours_in(Path(data_dir)))
    return token


@asynccontextmanager
async def running_workers(
    database_url: str, settings: Settings, count: int = 1, *, fallback: Server | None = None
) -> AsyncGenerator[None]:
    """Workers in this process, drained in the end. An incarnation that fails fails the test."""
    fallback = fallback or Server(settings.smtp_host or "", settings.smtp_port, settings.smtp_security, policy=None)
    async with AsyncExitStack() as stack:
        ours = ours_in(Path(stack.enter_context(TemporaryDirectory())))
        stop = asyncio.Event()
        incarnations: list[asyncio.Task[None]] = []
        for _ in range(count):
            pool = await stack.enter_async_context(
                await open_pool(database_url, min_size=2, max_size=CONNECTIONS, options=PLANNER_OPTIONS)
            )
            worker = Worker(settings, pool, SecretBox(SECRET_KEY), fallback, ours, await installation.read_keys(pool))
            incarnations.append(asyncio.create_task(worker.run(stop)))
        try:
            yield
        finally:
            stop.set()
            _, stuck = await asyncio.wait(incarnations, timeout=BOUND_S)
            stacks = [str(task.get_stack()) + str(task.get_coro()) for task in asyncio.all_tasks()] if stuck else []
            for task in stuck:
                task.cancel()
            ended = await asyncio.gather(*incarnations, return_exceptions=True)
        assert not stuck, "a worker does not drain; tasks:\n" + "\n".join(stacks)
        for error in ended:
            if error is not None:
                raise error


class WorkerProcess:
    """`python -m worker`, and what it logged. It is forked where it needs nothing that has to be there from the start.

    `launcher` is put before the command, which it has to become (`ip netns exec`); `env` is added to the environment;
    `source` is the checkout that it runs.
    """

    def __init__(
        self,
        database_url: str,
        settings: Settings,
        log: Path,
        *,
        launcher: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        source: Path = ROOT,
    ) -> None:
        full_env = {
            "PATH": os.environ["PATH"],
            "REACHINBOX_DATA_DIR": str(log.parent / "data"),
            "DATABASE_URL": database_url,
            "SECRET_KEY": SECRET_KEY,
            "SMTP_HOST": settings.smtp_host or "",
            "SMTP_PORT": str(settings.smtp_port),
            "SMTP_SECURITY": settings.smtp_security,
            "SMTP_ALLOW_PRIVATE": str(settings.smtp_allow_private),
            "SMTP_ALLOWED_PORTS": ",".join(map(str, settings.smtp_allowed_ports or ["*"])),
            "IMAP_ALLOWED_PORTS": ",".join(map(str, settings.imap_allowed_ports or ["*"])),
            "WORKER_CONCURRENCY": str(settings.worker_concurrency),
            "WORKER_LEASE_SECONDS": str(settings.worker_lease_seconds),
            "MAX_ATTEMPTS": str(settings.max_attempts or ""),
            "RETENTION_EMAILS_DAYS": str(settings.retention_emails_days),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": settings.log_level,
        }
        if settings.worker_metrics_port is not None:
            full_env["WORKER_METRICS_PORT"] = str(settings.worker_metrics_port)
        for name in ("SSL_CERT_FILE", "TMPDIR"):  # whom a test has us trust; where it looks for what we leave behind
            if name in os.environ:
                full_env[name] = os.environ[name]
        full_env |= env or {}
        self._log = log
        self.process: Forked | subprocess.Popen[bytes]
        with log.open("w") as file:
            if launcher or source != ROOT or "LD_PRELOAD" in full_env:
                command = [*launcher, sys.executable, "-m", "worker"]
                self.process = subprocess.Popen(command, cwd=source, env=full_env, stderr=file)  # noqa: S603 -- ours
            else:
                self.process = start_worker(full_env, file.fileno())
        self.name = f"{socket.gethostname()}:{self.process.pid}"  # as in the ledger's workers table

    @property
    def log(self) -> str:
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def drain(self, timeout_s: float = BOUND_S) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        return self.process.wait(timeout_s)


class Fleet:
    """The worker processes of a test, with `env` in their environment; those that are left in the end are killed."""

    def __init__(self, database_url: str, logs: Path, **env: str) -> None:
        self._database_url = database_url
        self._logs = logs
        self._env = env
        self.all: list[WorkerProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.all:
            worker.kill()

    def start(self, settings: Settings, count: int = 1) -> list[WorkerProcess]:
        started = [
            WorkerProcess(
                self._database_url, settings, self._logs / f"worker-{len(self.all) + number}.log", env=self._env
            )
            for number in range(count)
        ]
        self.all += started
        return started

    def complaints(self) -> list[str]:
        """Lines that no worker should ever have to log: incarnations that failed, stray exceptions."""
        lines = (line for worker in self.all for line in worker.log.splitlines())
        return [line for line in lines if not line.startswith("{")] + self.logged(*FAILURES)

    def logged(self, *events: str) -> list[str]:
        lines = (line for worker in self.all for line in worker.log.splitlines())
        return [line for line in lines if any(event in line for event in events)]
