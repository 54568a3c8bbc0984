"""The Procrastinate side: thin tasks that hand wake-ups to the dispatcher.

A wake-up ends at once and the sender loop goes on by itself, so a worker of the queue can be restarted (it ends when
Postgres is away for long) without touching what is being sent. If this process dies, the sweep of another finds the
sender neglected and wakes it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from procrastinate import App, PsycopgConnector, RetryStrategy

from app.jobs import DELIVER_WEBHOOKS, SEND_DUE, SEND_PASSWORD_RESET, VERIFY_SENDER


def make_queue(
    wake: Callable[[int], None],
    verify: Callable[[int], Awaitable[None]],
    send_reset: Callable[[int], Awaitable[None]],
    deliver: Callable[[int], Awaitable[None]],
) -> App:
    """The queue's application with our tasks, to be opened on the worker's pool."""
    queue = App(connector=PsycopgConnector())

    @queue.task(name=SEND_DUE)
    async def send_due(sender_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        wake(sender_id)

    @queue.task(name=VERIFY_SENDER)
    async def verify_sender(sender_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        await verify(sender_id)

    @queue.task(name=SEND_PASSWORD_RESET, retry=RetryStrategy(max_attempts=5, wait=60))
    async def send_password_reset(reset_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        await send_reset(reset_id)

    @queue.task(name=DELIVER_WEBHOOKS)
    async def deliver_webhooks(webhook_id: int) -> None:  # pyright: ignore[reportUnusedFunction] -- registered by name
        await deliver(webhook_id)

    return queue
