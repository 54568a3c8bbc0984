"""`python -m worker`: the wiring of a worker process and its signals.

The process lives through incarnations: when Postgres was away for too long or the lease ran out, what is in flight is
finished, and a new incarnation starts under a new token. SIGTERM or SIGINT end it the same way: nothing new is
claimed, what is in flight is finished and reported, nothing is left in doubt.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from uuid import uuid4

import psycopg
import structlog
import uvloop

from app import log as logs
from app import traces
from app.collectors import PoolCollector, is_shown
from app.db import Pool, open_pool
from app.domain.ledger.claims import Claimant
from app.domain.ledger.exchange import Patience
from app.domain.oauth.providers import read_providers
from app.domain.operations import installation, sandbox, workers
from app.domain.operations.host_policy import HostPolicy
from app.domain.operations.installation import OtherInstallation, Ours
from app.domain.operations.resolver import Resolver
from app.domain.workspaces.quotas import quotas_of
from app.embedded import mailbox
from app.embedded.postgres import EmbeddedPostgres
from app.jobs import CHECKS, POLLING_INTERVAL_S, QUICK, RESETS, WEBHOOKS, WIRE_CHECKS
from app.mail.opaque import Keys, Links, MessageIds
from app.secrets import SecretBox, open_secret_box, secret_key
from app.settings import Settings, SettingsError, check_secret_key, from_env
from app.watched import keep_beating
from worker.connect import Server
from worker.credentials import Credentials
from worker.desk import Budget, Desk
from worker.dispatch import Dispatcher
from worker.dns_checks import keep_checked
from worker.failures import keep_deciding
from worker.inbox import Reader
from worker.installation import Guard
from worker.instruments import LANES_MAX, REGISTRY, RESTARTS
from worker.lease import Lease
from worker.metrics_listener import Listener
from worker.notices import send_password_reset
from worker.pieces import Pieces
from worker.planning import Planning
from worker.retention import clean_up
from worker.sender_checks import Checks
from worker.sweep import sweep
from worker.tasks import make_queue
from worker.unrecorded import Unrecorded
from worker.webhooks import Courier

CONCURRENCY = {QUICK: 20, RESETS: 2, CHECKS: 8, WIRE_CHECKS: 4, WEBHOOKS: 4}  # jobs at once, by queue
READY = 2 * len(CONCURRENCY) + 2  # connections: each queue listens on one and may look for jobs on another
CONNECTIONS = READY + 2  # at most
NEVER_S = 365 * 24 * 3600.0  # nobody aborts jobs of ours
QUEUE_GRACE_S = 10  # for the jobs of a queue, once it is to end
RESTART_PAUSE_S = 1.0
# The exchange is planned once and for all, and must be right however small the tables were at that time. Rows are dear:
# by the usual costs a walk through thousands of them, that are in memory anyway, is taken for a few look-ups.
PLANNER_OPTIONS = (
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off "
    "-c jit=off -c random_page_cost=1.1 -c cpu_tuple_cost=0.5 -c cpu_index_tuple_cost=0.5"
)

log = structlog.get_logger()


class Worker:
    """One incarnation: a token, a lease, the sender loops, the queue."""

    def __init__(
        self, settings: Settings, pool: Pool, box: SecretBox, fallback: Server, ours: Ours, keys: Keys
    ) -> None:
        self._settings = settings
        self._ours = ours
        self._pool = pool
        self._fallback = fallback
        self._credentials = Credentials(settings, pool, box, fallback, read_providers(settings))
        self._token = uuid4()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        patience = Patience(settings.max_attempts, settings.retry_for_hours)
        self._unrecorded = Unrecorded(pool, patience)
        self._pieces = Pieces(pool)
        desk = Desk(
            pool=pool,
            budget=Budget(settings.worker_concurrency),
            unrecorded=self._unrecorded,
            claimant_of=partial(Claimant, self._token),
            server_of=self._credentials.server_of,
            ehlo_name=settings.ehlo_name,
            patience=patience,
            message_ids=MessageIds(keys.message),
            links=Links(settings.base_url, keys),
            one_click=settings.one_click,
            pieces=self._pieces,
        )
        self._dispatcher = Dispatcher(desk)
        self._planning = Planning(pool)
        self._courier = Courier(pool, box, HostPolicy.of(settings))
        self._reader = Reader(
            pool,
            self._token,
            self._credentials,
            desk.message_ids,
            desk.links,
            settings.inbox_poll_seconds,
            settings.max_attempts,
            one_click=settings.one_click,
            most_watched=settings.inbox_watch_connections,
            kept_days=settings.retention_responses_days,
        )
        checks = Checks(settings, pool, self._credentials)
        self._queue = make_queue(
            self._dispatcher.wake,
            self._planning.wake,
            checks.verify,
            checks.check_wire,
            self._send_reset,
            self._courier.deliver,
            deaf=self._fail,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set or something ends this incarnation, then finish what is in flight.

        Raises what ended it.
        """
        lease_s = self._settings.worker_lease_seconds
        name = f"{socket.gethostname()}:{os.getpid()}"
        sandboxed = self._settings.sandboxed
        await workers.register(self._pool, self._token, name, lease_s, self._ours, sandboxed=sandboxed)
        lease = Lease(self._pool, self._token, lease_s, self._ours)
        log.info("worker started", lanes=self._settings.worker_concurrency)
        async with self._queue.open_async(self._pool):
            stopped = asyncio.create_task(stop.wait())
            helpers = self._begin_helpers(lease, lease_s)
            queues = [self._begin_queue(name, concurrency) for name, concurrency in CONCURRENCY.items()]
            watched = [self._failed, *queues, *helpers]
            try:
                await asyncio.wait([stopped, *watched], return_when=asyncio.FIRST_COMPLETED)
            finally:
                await self._finish(queues, helpers)
                stopped.cancel()
            # Every one is asked: asyncio logs the error of those that are not.
            errors = [ended.exception() for ended in watched if ended.done() and not ended.cancelled()]
            if (error := next(filter(None, errors), None)) is not None:
                raise error

    def _begin_helpers(self, lease: Lease, lease_s: float) -> list[asyncio.Task[None]]:
        settings, looked_after = self._settings, self._dispatcher.looked_after
        return [
            asyncio.create_task(lease.keep()),
            asyncio.create_task(sweep(self._pool, self._queue, lease, lease_s, settings.max_attempts, looked_after)),
            asyncio.create_task(clean_up(self._pool, self._queue, self._token, settings)),
            asyncio.create_task(keep_deciding(self._pool, quotas_of(settings))),
            asyncio.create_task(self._credentials.keep_fresh()),
            asyncio.create_task(self._reader.keep_reading()),
            asyncio.create_task(keep_checked(self._pool, Resolver.of(settings))),
        ]

    def _begin_queue(self, name: str, concurrency: int) -> asyncio.Task[None]:
        return asyncio.create_task(
            self._queue.run_worker_async(
                queues=[name],
                concurrency=concurrency,
                fetch_job_polling_interval=POLLING_INTERVAL_S,
                abort_job_polling_interval=NEVER_S,
                delete_jobs="successful",
                install_signal_handlers=False,
                shutdown_graceful_timeout=QUEUE_GRACE_S,
            )
        )

    async def _finish(self, queues: list[asyncio.Task[None]], helpers: list[asyncio.Task[None]]) -> None:
        log.info("finishing what is in flight")
        self._courier.stop()
        ending = [asyncio.create_task(_end(queue, QUEUE_GRACE_S + 1)) for queue in queues]
        await self._planning.stop()
        await self._dispatcher.stop()
        await self._pieces.close()
        await self._unrecorded.close()
        await asyncio.gather(*ending, *(_end(task) for task in helpers), return_exceptions=True)
        await self._credentials.close()
        with suppress(psycopg.Error):  # the lease runs out by itself
            await workers.unregister(self._pool, self._token)

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    async def _send_reset(self, reset_id: int) -> None:
        key = secret_key(self._settings)
        await send_password_reset(self._pool, self._settings, key, self._fallback, reset_id)


async def _end(task: asyncio.Task[None], patience_s: float = 1) -> None:
    """Cancel it until it ends, again each `patience_s`: a cancel that comes while the database answers can get lost."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=patience_s)


async def serve(settings: Settings, database_url: str) -> None:
    """Run incarnations until SIGTERM or SIGINT."""
    keep_beating(asyncio.get_running_loop())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    box = open_secret_box(settings)
    guard = Guard(installation.ours(settings))
    await guard.wait(database_url, stop)
    if stop.is_set():
        return
    pool = await open_pool(
        database_url, min_size=READY, max_size=CONNECTIONS, options=PLANNER_OPTIONS, admit=guard.admit
    )
    REGISTRY.register(PoolCollector(pool))
    LANES_MAX.set(settings.worker_concurrency)
    async with pool:
        inbox = await mailbox.serve(partial(sandbox.store, pool)) if settings.sandboxed else None
        fallback = (
            Server("127.0.0.1", inbox.port, "none", policy=None)
            if inbox
            else Server(
                settings.smtp_host or "",
                settings.smtp_port,
                settings.smtp_security,
                settings.smtp_username,
                settings.smtp_password,
                policy=None,
                ca_file=settings.smtp_ca_file,
            )
        )
        while not stop.is_set():
            try:
                keys = await installation.read_keys(pool)
                await Worker(settings, pool, box, fallback, guard.ours, keys).run(stop)
            except OtherInstallation:  # the guard says why
                log.info("worker incarnation ended")
            except Exception:
                log.exception("worker incarnation ended, a new one follows")
                RESTARTS.inc()
                await pool.check()  # of connections that died with the database, each would fail one more start
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RESTART_PAUSE_S)
            await guard.wait(database_url, stop)
        if inbox:
            await inbox.close()
    log.info("worker stopped")


def main() -> None:
    try:
        settings = from_env()
        check_secret_key(settings)
        read_providers(settings)
    except SettingsError as error:
        sys.exit("\n".join(error.problems))
    logs.configure(settings)
    # Modules stay, and the objects of an email are freed without the collector: it looked for cycles
    # for a sixteenth of the time.
    gc.freeze()
    gc.set_threshold(20_000)
    with _observed(settings):
        if settings.database_url is not None:
            uvloop.run(serve(settings, settings.database_url))
        else:
            with EmbeddedPostgres(settings.data_dir) as postgres:
                uvloop.run(serve(settings, postgres.url))


@contextmanager
def _observed(settings: Settings) -> Generator[None]:
    """Show metrics and send traces, each if it is wanted."""
    listener: Listener | None = None
    if settings.worker_metrics_port is not None and not is_shown(settings):
        log.warning("WORKER_METRICS_PORT shows nothing: set METRICS_TOKEN, by which to ask for it")
    elif settings.worker_metrics_port is not None:
        try:
            listener = Listener(settings.host, settings.worker_metrics_port, settings.metrics_token)
        except OSError as error:
            sys.exit(
                f"cannot listen on {settings.host}:{settings.worker_metrics_port} ({error.strerror}); "
                "set WORKER_METRICS_PORT to another"
            )
        listener.start()
    traces.configure("worker")
    try:
        yield
    finally:
        traces.shutdown()
        if listener is not None:
            listener.stop()


if __name__ == "__main__":
    main()
