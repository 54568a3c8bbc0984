"""The metrics that API and worker have in common, and the figures that the API reads from the database.

`docs/monitoring.md` lists every metric.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Iterable
from importlib.metadata import version
from typing import Literal

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Gauge, Metric, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from app.db import Pool
from app.domain.operations.gauges import Gauges, read_gauges
from app.settings import Settings
from app.watched import replaced

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
KEPT_S = 5.0  # a reading is shown again for this long, or ten times as long as it took

log = structlog.get_logger()
disable_created_metrics()  # each series would come twice, the second time with a date


def new_registry(component: Literal["api", "worker"]) -> CollectorRegistry:
    """A registry with what every process has to say: its build, memory, processor time."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Gauge(
        "reachinbox_build_info", "Always 1; the version that runs.", ("version", "component"), registry=registry
    )
    build.labels(version("reachinbox"), component).set(1)
    return registry


def is_shown(settings: Settings) -> bool:
    """Whether there is a /metrics: to those who bring METRICS_TOKEN, or, without one, in a trial to everybody."""
    return settings.metrics_token is not None or settings.is_local


def admits(token: str | None, authorization: str | None) -> bool:
    """Whether the Authorization header brings the bearer token, if there is one; in the same time, however much of it
    is right.
    """
    if token is None:
        return True
    scheme, _, given = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


class PoolCollector(Collector):
    """How a process uses its database connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterable[Metric]:
        stats = self._pool.get_stats()
        used = stats.get("pool_size", 0) - stats.get("pool_available", 0)
        connections = GaugeMetricFamily(
            "reachinbox_database_pool_connections", "Database connections of the process.", labels=["state"]
        )
        connections.add_metric(["used"], used)
        connections.add_metric(["idle"], stats.get("pool_available", 0))
        yield connections
        for name, text, key in (
            ("connections_max", "The most database connections the process may open.", "pool_max"),
            ("waiting", "Requests that wait for a database connection.", "requests_waiting"),
        ):
            yield GaugeMetricFamily(f"reachinbox_database_pool_{name}", text, stats.get(key, 0))
        yield CounterMetricFamily(
            "reachinbox_database_pool_errors",
            "Requests that got no database connection, or not in time.",
            stats.get("requests_errors", 0),
        )


class ReplacedCollector(Collector):
    """The supervisor's counts; no series without one."""

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "reachinbox_processes_replaced", "Processes killed because they did not answer.", labels=["process"]
        )
        for name, count in replaced().items():
            family.add_metric([name], count)
        yield family


class LedgerCollector(Collector):
    """The latest reading of the database, the same whichever process is asked. `refresh` comes before a scrape."""

    def __init__(self) -> None:
        self._gauges: Gauges | None = None
        self._good_until = 0.0
        self._lock = asyncio.Lock()

    async def refresh(self, pool: Pool) -> None:
        """Read anew unless the last reading is young. A database that does not answer is a reading, too."""
        async with self._lock:
            began = time.monotonic()
            if began < self._good_until:
                return
            try:
                self._gauges = await read_gauges(pool)
            except psycopg.OperationalError as error:
                log.warning("the database gave no figures for /metrics", error=str(error).strip())
                self._gauges = None
                self._good_until = time.monotonic() + KEPT_S
            else:
                ended = time.monotonic()
                self._good_until = ended + max(KEPT_S, 10 * (ended - began))

    def collect(self) -> Iterable[Metric]:
        gauges = self._gauges
        yield GaugeMetricFamily(
            "reachinbox_ledger_up", "1 when the database answered the latest reading.", int(gauges is not None)
        )
        if gauges is None:
            return
        yield from _labelled(gauges)
        for name, text, value in (
            ("emails_undecided", "Emails that failed and wait for a person's word.", gauges.undecided),
            ("workers_alive", "Workers whose lease holds.", gauges.workers),
            ("lanes_granted", "SMTP connections that workers may hold at present.", gauges.lanes),
            ("senders_backed_off", "Senders that wait because of trouble of theirs.", gauges.senders_backed_off),
            ("streams_held", "Streams with emails that a server's words hold back.", gauges.plans.held),
            ("streams_behind", "Streams late by over a minute with nothing that holds them.", gauges.plans.behind),
            ("plan_changes_oldest_seconds", "How long a change of plan has waited.", gauges.plans.changing_s),
            ("tokens_near_end", "Access tokens in use that end within two minutes.", gauges.grants.near_end),
            (
                "inbox_unread_seconds",
                "The longest that a mailbox of emails that wait was not read.",
                gauges.inbox_unread_s,
            ),
            ("following", "Emails that a later step follows.", gauges.follow_ups.following),
            ("follow_ups_unread", "Due follow-ups that wait for a reading of answers.", gauges.follow_ups.unread),
            ("logins_day_full", "Logins that may send nothing more today.", gauges.day.full),
        ):
            yield GaugeMetricFamily(f"reachinbox_{name}", text, value)


def _labelled(gauges: Gauges) -> Iterable[Metric]:
    """The metrics that have labels."""
    due = {"backed_off" if backed_off else "ready": each for backed_off, each in gauges.due.items()}
    states = ("good", "failing", "ended")
    for name, text, label, values in (
        ("emails", "Emails by status.", "status", gauges.emails),
        (
            "emails_due",
            "Emails that are due and wait, counted up to 100,000.",
            "sender",
            {state: each.waiting for state, each in due.items()},
        ),
        (
            "emails_oldest_due_seconds",
            "For how long the oldest one has been due.",
            "sender",
            {state: each.oldest_s for state, each in due.items()},
        ),
        ("holds", "Campaigns and senders that a server's words hold back.", "reason", gauges.holds),
        (
            "day_room",
            "What logins limited by the day have sent, and still may.",
            "state",
            {"used": gauges.day.used, "left": gauges.day.left},
        ),
        (
            "grants",
            "Connected mailboxes, by their grants.",
            "state",
            {state: getattr(gauges.grants, state) for state in states},
        ),
        (
            "follow_ups_stopped",
            "Emails that owed a later step until that was stopped.",
            "reason",
            gauges.follow_ups.stopped,
        ),
    ):
        family = GaugeMetricFamily(f"reachinbox_{name}", text, labels=[label])
        for state, value in values.items():
            family.add_metric([state], value)
        yield family
    jobs = GaugeMetricFamily("reachinbox_queue_jobs", "Jobs of the queue.", labels=["queue", "status"])
    for (queue, status), count in gauges.jobs.items():
        jobs.add_metric([queue, status], count)
    yield jobs
