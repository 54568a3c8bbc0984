"""The Procrastinate side: thin tasks that hand wake-ups to the dispatcher.

A wake-up ends at once and the sender loop goes on by itself, so a worker of the queue can be restarted (it ends when
Postgres is away for long) without touching what is being sent. If this process dies, the sweep of another finds the
sender neglected and wakes it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException
from structlog.contextvars import bind_contextvars

from app.jobs import (
    CHECK_WIRE,
    DELIVER_WEBHOOKS,
    PLAN_AGAIN,
    POLLING_INTERVAL_S,
    SEND_DUE,
    SEND_PASSWORD_RESET,
    VERIFY_SENDER,
)
from worker.housekeeping import step

AGAIN_S = 0.5
JOB_INSERTED = '{"type": "job_inserted", "job_id": 0}'  # Procrastinate's word for "look for jobs"

log = structlog.get_logger()


class Connector(PsycopgConnector):
    """Tells when our connection no longer listens for new jobs, as after a restart of Postgres, and misses none.

    Procrastinate watches its helpers (listening, heartbeat) until the first of them ends, and that is the one for
    periodic tasks, which has nothing to do here and ends at once. Its worker would go on without the others: polling
    for jobs, and taken for dead by the next one that starts. Where listening never began, polling has to do meanwhile.

    Nor does Procrastinate hear of what came before it listened, and it forgets what it hears while it looks for jobs.
    So it is told twice: at once, and a moment later.
    """

    def __init__(self, deaf: Callable[[BaseException], None]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType] -- types of JSON that are left open
        self._deaf = deaf
        self._listening = set[asyncio.Task[Any] | None]()

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        channels = list(channels)
        while True:
            try:
                await super().listen_notify(on_notification, channels)
            except ConnectorException as error:
                if asyncio.current_task() in self._listening:
                    self._deaf(error)
                    raise
                log.warning("cannot listen for new jobs, polling for them", error=str(error.__cause__))
            await asyncio.sleep(POLLING_INTERVAL_S)

    async def _loop_notify(self, on_notification: Notify, *args: Any, **kwargs: Any) -> None:
        self._listening.add(asyncio.current_task())
        heard = asyncio.Event()
        heard.set()

        async def tell(*, channel: str, payload: str) -> None:
            heard.set()
            await on_notification(channel=channel, payload=payload)

        async def tell_again() -> None:
            while await heard.wait():
                heard.clear()
                await asyncio.sleep(AGAIN_S)
                with step("notice_jobs"):  # polling finds what this misses
                    await on_notification(channel="", payload=JOB_INSERTED)

        telling = asyncio.create_task(tell_again())
        try:
            await super()._loop_notify(tell, *args, **kwargs)
        finally:
            telling.cancel()


async def _own_up(work: Callable[[], Awaitable[Any]], context: JobContext, _worker: object) -> Any:
    """Have the job's task say so where its end cannot be recorded, as while Postgres is away: nobody else asks it. The
    sweep finds the job once this worker of the queue has ended.
    """

    def say(task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            reason = str(error.__cause__ or error).partition("\n")[0]
            log.warning("end of a job not recorded", task=context.job.task_name, job_id=context.job.id, error=reason)

    if (task := asyncio.current_task()) is not None:
        task.add_done_callback(say)
    return await work()


def make_queue(
    wake: Callable[[int], None],
    plan: Callable[[int, int], None],
    verify: Callable[[int], Awaitable[None]],
    check_wire: Callable[[int, int], Awaitable[None]],
    send_reset: Callable[[int], Awaitable[None]],
    deliver: Callable[[int], Awaitable[None]],
    *,
    deaf: Callable[[BaseException], None],
) -> App:
    """The queue's application with our tasks, to be opened on the worker's pool; says when it listens no more."""
    queue = App(connector=Connector(deaf), worker_defaults={"worker_middleware": [_own_up]})

    # Each job runs in a task of its own, so what is bound there ends with it.
    @queue.task(name=SEND_DUE, pass_context=True)
    async def send_due(context: JobContext, sender_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        bind_contextvars(job_id=context.job.id, sender_id=sender_id)
        wake(sender_id)

    @queue.task(name=PLAN_AGAIN, pass_context=True)
    async def plan_again(context: JobContext, workspace_id: int, sender_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        bind_contextvars(job_id=context.job.id, sender_id=sender_id)
        plan(workspace_id, sender_id)

    @queue.task(name=VERIFY_SENDER, pass_context=True)
    async def verify_sender(context: JobContext, sender_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        bind_contextvars(job_id=context.job.id, sender_id=sender_id)
        await verify(sender_id)

    @queue.task(name=CHECK_WIRE, pass_context=True)
    async def check_sender_on_wire(context: JobContext, workspace_id: int, sender_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        bind_contextvars(job_id=context.job.id, sender_id=sender_id)
        await check_wire(workspace_id, sender_id)

    @queue.task(name=SEND_PASSWORD_RESET, pass_context=True, retry=RetryStrategy(max_attempts=5, wait=60))
    async def send_password_reset(context: JobContext, reset_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        bind_contextvars(job_id=context.job.id, reset_id=reset_id)
        await send_reset(reset_id)

    @queue.task(name=DELIVER_WEBHOOKS, pass_context=True)
    async def deliver_webhooks(context: JobContext, webhook_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        bind_contextvars(job_id=context.job.id, webhook_id=webhook_id)
        await deliver(webhook_id)

    return queue
