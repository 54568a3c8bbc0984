"""Everything at once, for a long time: people who change their minds, servers in every mood, what dies and comes back.

The ledger is checked all the while and compared with the sink's log in the end: nothing lost, nothing handed over twice
but what was in doubt, nothing leaked. The seed in the first figure repeats the choices, not their timing.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from app.db import Pool, migrate, open_pool
from app.domain.accounts.actor import LOCAL
from app.domain.workspaces.keys import create_key
from app.embedded.postgres import EmbeddedPostgres
from bench.api import api
from bench.leaks import Held, figures, leaks, look
from bench.registry import Failed, Figure, Run, bench
from tests.support.engine import (
    NO_LIMIT,
    SECRET_KEY,
    Fleet,
    Owner,
    addresses,
    check_deliveries,
    create_owner,
    execute,
    rows,
    settings_for,
    value,
    wake_all,
)
from tests.support.sinkproc import Sink
from tests.support.sinkscript import MOODS

EARLY_S = 120.0  # when what is held is first looked at
CALM_S = 120.0  # how long nothing may move while everything settles
ACT_EVERY_S, DISASTER_EVERY_S = 0.5, 30.0
MOST_WAITING = 15_000
LEASE_S = 5.0
AWAY = (OperationalError, PoolTimeout, httpx.TransportError)

_MISCOUNTED = """
SELECT s.id, s.campaign_id, s.total, s.scheduled, s.sending, s.sent, s.failed, s.unknown, s.cancelled, e.*
FROM streams s
CROSS JOIN LATERAL (
    SELECT count(*) AS n, count(*) FILTER (WHERE status = 'SCHEDULED') AS n_scheduled,
           count(*) FILTER (WHERE status = 'SENDING') AS n_sending, count(*) FILTER (WHERE status = 'SENT') AS n_sent,
           count(*) FILTER (WHERE status = 'FAILED') AS n_failed,
           count(*) FILTER (WHERE status = 'UNKNOWN') AS n_unknown,
           count(*) FILTER (WHERE status = 'CANCELLED') AS n_cancelled
    FROM emails WHERE workspace_id = s.workspace_id AND stream_id = s.id
) e
WHERE (s.total, s.scheduled, s.sending, s.sent, s.failed, s.unknown, s.cancelled)
      <> (e.n, e.n_scheduled, e.n_sending, e.n_sent, e.n_failed, e.n_unknown, e.n_cancelled)
"""

_UNSETTLED = """
SELECT c.id, c.status::text, c.hourly_limit, c.delay_ms, n.scheduled, n.sending, first_s::float8, last_s::float8
FROM campaigns c
CROSS JOIN LATERAL campaign_counts(c.workspace_id, c.id) n
CROSS JOIN LATERAL (
    SELECT coalesce(extract(epoch FROM min(scheduled_at) - now()), 0) AS first_s,
           coalesce(extract(epoch FROM max(scheduled_at) - now()), 0) AS last_s
    FROM emails WHERE workspace_id = c.workspace_id AND campaign_id = c.id AND status = 'SCHEDULED'
) due
WHERE n.scheduled + n.sending > 0
ORDER BY c.id
"""


@bench("soak", only_if_named=True)
def soak(run: Run) -> Iterator[Figure]:
    """Twenty minutes (--minutes) of load, faults and restarts, the ledger checked throughout; fails with what broke."""
    seed = random.SystemRandom().randrange(10**6)
    yield Figure("seed", seed, "")
    temporary = run.directory / "tmp"
    temporary.mkdir()
    with (
        patch.dict(os.environ, TMPDIR=str(temporary)),  # of the API and the workers
        EmbeddedPostgres(run.directory) as postgres,
        Sink(log=run.directory / "accepted.log") as sink,
    ):
        found = asyncio.run(_soak(run, postgres, sink, temporary, random.Random(seed)))  # noqa: S311
    yield from found


async def _soak(
    run: Run, postgres: EmbeddedPostgres, sink: Sink, temporary: Path, chance: random.Random
) -> list[Figure]:
    migrate(postgres.url)
    async with await open_pool(postgres.url) as pool:
        owner = await create_owner(pool)
        key = await create_key(pool, LOCAL.of(owner.id), owner.workspace_id, "soak")
        logs = run.directory / "logs"
        logs.mkdir()
        with api(postgres.url, key, SECRET_KEY) as (client, api_process), Fleet(postgres.url, logs) as fleet:
            async with _same(client) as http:
                it = Soak(pool, http, owner, sink, postgres, fleet, chance)
                held = {"API": api_process.pid, "worker that nobody ends": it.steady.process.pid}
                early, late = await it.run(run.minutes * 60, held, [temporary])
        await check_deliveries(pool, sink)
        if broken := leaks(early, late) + [line for line in fleet.complaints() if not _tells_of_restart(line)]:
            raise Failed("after all that:\n" + "\n".join(broken[:20]))
        return [*await it.figures(), *figures(early, late)]


def _tells_of_restart(line: str) -> bool:
    """When Postgres breaks off, Procrastinate's worker or a job of it may end with that error; ours starts over."""
    kinds = ("incarnation ended", "never retrieved")
    return any(kind in line for kind in kinds) and any(error in line for error in ("OperationalError", "PoolTimeout"))


@asynccontextmanager
async def _same(client: httpx.Client) -> AsyncGenerator[httpx.AsyncClient, None]:
    """An asynchronous client that is logged in as this one is."""
    async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers, timeout=60) as http:
        yield http


class Soak:
    """The state of a run, and what has been seen so far."""

    def __init__(
        self,
        pool: Pool,
        http: httpx.AsyncClient,
        owner: Owner,
        sink: Sink,
        postgres: EmbeddedPostgres,
        fleet: Fleet,
        chance: random.Random,
    ) -> None:
        self._pool, self._http, self._owner, self._sink = pool, http, owner, sink
        self._postgres, self._fleet, self._chance = postgres, fleet, chance
        self._settings = settings_for(sink, lanes=8, lease_s=LEASE_S)
        self.steady, self._struck = fleet.start(self._settings, 2)
        self._campaigns: list[int] = []
        self._done: Counter[str] = Counter()
        self._checks = 0

    async def run(self, seconds: float, held: dict[str, int], folders: list[Path]) -> tuple[Held, Held]:
        """Act until the time is over, then settle; what was held early on and in the end."""
        began = time.monotonic()
        early: Held | None = None
        disaster_at = began + DISASTER_EVERY_S / 2
        await self._schedule()
        while (now := time.monotonic()) < began + seconds:
            if now >= disaster_at:
                disaster_at = now + DISASTER_EVERY_S
                await self._strike()
            await self._act()
            await self._check()
            if early is None and now > began + min(EARLY_S, seconds / 2):
                early = await look(self._pool, held, folders)
            await asyncio.sleep(ACT_EVERY_S)
        await self._settle()
        assert early is not None
        return early, await look(self._pool, held, folders)

    async def figures(self) -> list[Figure]:
        emails = await rows(self._pool, "SELECT status::text, count(*) AS n FROM emails GROUP BY 1 ORDER BY 2 DESC")
        became = ", ".join(f"{row['status']} {row['n']:,}" for row in emails)
        tries = await rows(self._pool, "SELECT outcome::text, count(*) AS n FROM attempts GROUP BY 1 ORDER BY 2 DESC")
        tried = ", ".join(f"{row['outcome']} {row['n']:,}" for row in tries)
        acts = ", ".join(f"{name} {n}" for name, n in self._done.most_common())
        return [
            Figure("emails", sum(row["n"] for row in emails), "", became),
            Figure("attempts", sum(row["n"] for row in tries), "", tried),
            Figure("acts", self._done.total(), "", acts),
            Figure("checks of the whole ledger", self._checks, "", "conservation of every campaign"),
        ]

    # Acts of people

    async def _act(self) -> None:
        acts: list[Callable[[], Awaitable[object]]] = [
            self._schedule,
            self._schedule,
            *(lambda verb=verb: self._campaign(verb) for verb in ("pause", "resume", "resume", "resume")),
            self._cancel,
            self._change_pace,
            self._change_sender,
            self._change_mood,
            self._change_mood,
            lambda: self._call("retry", "POST", "/api/emails/retry", {"campaignId": self._any()}),
            lambda: self._call(
                "resolve",
                "POST",
                "/api/emails/resolve",
                {"campaignId": self._any(), "as": self._chance.choice(["sent", "resend"])},
            ),
        ]
        await self._chance.choice(acts)()

    def _any(self) -> int:
        return self._chance.choice(self._campaigns)

    async def _call(self, name: str, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """A call, repeated while Postgres is away. 404 and 409 are answers as good as any; other errors break it."""
        headers = {"Idempotency-Key": key} if key else {}
        deadline = time.monotonic() + 60
        while True:
            answer = await self._http.request(method, path, json=body, headers=headers)
            if answer.status_code != 503 or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        if answer.status_code not in (200, 201, 404, 409):
            raise Failed(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        self._done[name if answer.is_success else f"{name} refused"] += 1
        return answer.json()

    async def _schedule(self) -> None:
        if await self._value("SELECT count(*) FROM emails WHERE status = 'SCHEDULED'") > MOST_WAITING:
            return
        number = self._done["schedule"]
        body: dict[str, Any] = {"subject": "Hello", "body": "Hello, world.", "senderId": self._owner.sender_id}
        body["recipients"] = addresses(self._chance.randint(100, 3_000), f"c{number}x")
        body |= {"onUnknown": self._chance.choice(["hold", "hold", "resend", "assume_sent"])}
        body |= {"delayBetweenMs": self._chance.choice([0, 0, 1, 5])}
        answer = await self._call("schedule", "POST", "/api/campaigns/schedule", body, f"soak-{number}")
        self._campaigns.append(answer["campaign"]["id"])

    async def _campaign(self, verb: str) -> None:
        await self._call(verb, "POST", f"/api/campaigns/{self._any()}/{verb}")

    async def _cancel(self) -> None:
        if self._chance.random() < 0.2:
            await self._campaign("cancel")

    async def _change_pace(self) -> None:
        changes = {
            "delayBetweenMs": self._chance.choice([0, 1, 5, 50]),
            "hourlyLimit": self._chance.choice([None, 1_000, 100_000]),
        }
        await self._call("pace", "PATCH", f"/api/campaigns/{self._any()}", changes)

    async def _change_sender(self) -> None:
        changes = {
            "hourlyLimit": self._chance.choice([1_000, NO_LIMIT, NO_LIMIT]),
            "maxConnections": self._chance.randint(1, 16),
        }
        await self._call("limits", "PATCH", f"/api/senders/{self._owner.sender_id}", changes)

    # Faults

    async def _change_mood(self) -> None:
        self._sink.script(self._chance.sample(MOODS, self._chance.randint(0, 4)))
        await self._forgive()
        self._done["mood"] += 1

    async def _forgive(self) -> None:
        """Let no back-off of minutes stand between a fault and the next."""
        try:
            await execute(self._pool, "UPDATE senders SET blocked_until = now() WHERE blocked_until IS NOT NULL")
            await wake_all(self._pool)
        except AWAY:
            self._done["database away"] += 1

    async def _strike(self) -> None:
        """A worker killed or ended and replaced, or Postgres gone for a moment."""
        disaster = self._chance.choice(["SIGKILL", "SIGTERM", "Postgres"])
        if disaster == "Postgres":
            restart = asyncio.create_task(asyncio.to_thread(self._restart_postgres))
            while not restart.done():  # nobody waits for it
                await self._act()
            await restart
        else:
            if disaster == "SIGKILL":
                self._struck.kill()
            elif code := await asyncio.to_thread(self._struck.drain, 60):
                raise Failed(f"a worker told to end ended with code {code}:\n{self._struck.log[-2000:]}")
            (self._struck,) = self._fleet.start(self._settings)
        self._done[disaster] += 1

    def _restart_postgres(self) -> None:
        self._postgres.stop("immediate")
        time.sleep(self._chance.choice([0, 1, 5]))
        self._postgres.start()

    # Checks of what must hold

    async def _check(self) -> None:
        if self.steady.process.poll() is not None:
            raise Failed(f"a worker that nobody ended did:\n{self.steady.log[-2000:]}")
        try:
            wrong = await rows(self._pool, _MISCOUNTED)
        except AWAY:
            self._done["database away"] += 1
            return
        if wrong:
            raise Failed(f"counts that are not what the emails say: {wrong}")
        self._checks += 1

    async def _value(self, text: str) -> Any:
        deadline = time.monotonic() + 60
        while True:
            try:
                return await value(self._pool, text)
            except AWAY:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)

    async def _settle(self) -> None:
        """Calm everything, lift the limits, and wait until nothing waits."""
        self._sink.script([])
        path = f"/api/senders/{self._owner.sender_id}"
        await self._call("limits", "PATCH", path, {"hourlyLimit": NO_LIMIT, "maxConnections": 16})
        fewest, deadline = None, 0.0
        while unsettled := await self._unsettled():
            left = sum(campaign["scheduled"] + campaign["sending"] for campaign in unsettled)
            if fewest is None or left < fewest:
                fewest, deadline = left, time.monotonic() + CALM_S
            if time.monotonic() > deadline:
                senders = await rows(
                    self._pool,
                    "SELECT s.id, s.blocked_until, s.block_reason, l.hourly_limit FROM senders s"
                    " JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id",
                )
                raise Failed(
                    f"in calm, and for {CALM_S:.0f} s no email of these has settled: {unsettled}; senders {senders}; "
                    f"the sink {self._sink.stats()}; the workers' last words:\n"
                    + "\n".join(worker.log[-1500:] for worker in (self.steady, self._struck))
                )
            await self._forgive()
            for campaign in unsettled:
                if campaign["status"] == "PAUSED":
                    await self._call("resume", "POST", f"/api/campaigns/{campaign['id']}/resume")
                if campaign["last_s"] > 5:
                    # Plans again, from now: what was put off for minutes by a temporary failure comes forward.
                    changes = {"hourlyLimit": None, "delayBetweenMs": 0}
                    await self._call("pace", "PATCH", f"/api/campaigns/{campaign['id']}", changes)
            await self._check()
            await asyncio.sleep(2)

    async def _unsettled(self) -> list[dict[str, Any]]:
        return await rows(self._pool, _UNSETTLED)
