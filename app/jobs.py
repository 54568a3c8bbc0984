"""Wake-ups: Procrastinate jobs that say "look at this sender now" and carry no email.

Deferring one joins the caller's transaction, so work and its wake-up commit together. One per sender and second:
`queueing_lock` is derived from both, and a clash only means that it is there already. Future jobs are found by polling,
so a wake-up comes early by more than the polling interval and the sender loop waits for the due instant itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from app.db import Conn

SEND_DUE = "send_due"
PLAN_AGAIN = "plan_again"
VERIFY_SENDER = "verify_sender"
CHECK_WIRE = "check_wire"
SEND_PASSWORD_RESET = "send_password_reset"  # noqa: S105 -- a task's name
DELIVER_WEBHOOKS = "deliver_webhooks"  # deferred in SQL, too: see `exchange`
# Queues: wake-ups never wait behind jobs that talk to other servers; nor do links to a new password wait behind servers
# that users name.
# Nor do short checks wait for mail to come back.
QUICK, RESETS, CHECKS, WIRE_CHECKS, WEBHOOKS = "quick", "resets", "checks", "wire_checks", "webhooks"
_QUEUE_OF = {
    SEND_DUE: QUICK,
    PLAN_AGAIN: QUICK,
    VERIFY_SENDER: CHECKS,
    CHECK_WIRE: WIRE_CHECKS,
    SEND_PASSWORD_RESET: RESETS,
    DELIVER_WEBHOOKS: WEBHOOKS,
}
POLLING_INTERVAL_S = 5.0
EARLY = timedelta(seconds=10)

# Defers on the caller's connection only and is never opened.
_queue = App(connector=PsycopgConnector())


async def defer_wake_up(conn: Conn, sender_id: int, due: datetime | None = None) -> None:
    """Have a worker look at the sender: now, or a little before `due` (by the database's clock)."""
    at = None if due is None else (due - EARLY).replace(microsecond=0)
    lock = f"{SEND_DUE}:{sender_id}:{'now' if at is None else int(at.timestamp())}"
    await _defer(conn, SEND_DUE, lock, at, sender_id=sender_id)


async def defer_help(conn: Conn, sender_id: int) -> None:
    """Ask other workers to join in: more is due than this one can hand over."""
    await _defer(conn, SEND_DUE, f"{SEND_DUE}:{sender_id}:help", None, sender_id=sender_id)


async def defer_planning(conn: Conn, workspace_id: int, sender_id: int) -> None:
    """Have a worker plan what was asked for the sender."""
    lock = f"{PLAN_AGAIN}:{sender_id}"
    await _defer(conn, PLAN_AGAIN, lock, None, workspace_id=workspace_id, sender_id=sender_id)


async def defer_verification(conn: Conn, workspace_id: int, sender_id: int) -> None:
    """Have a worker connect to the sender's server and log in, when it is done with the workspace's other senders."""
    one_at_a_time = f"{VERIFY_SENDER}:workspace:{workspace_id}"
    await _defer(conn, VERIFY_SENDER, f"{VERIFY_SENDER}:{sender_id}", None, one_at_a_time, sender_id=sender_id)


async def defer_wire_check(conn: Conn, workspace_id: int, sender_id: int) -> None:
    """Have a worker send a mail as the sender and read it back, when it is done with the workspace's other checks."""
    one_at_a_time = f"{CHECK_WIRE}:workspace:{workspace_id}"
    lock = f"{CHECK_WIRE}:{sender_id}"
    await _defer(conn, CHECK_WIRE, lock, None, one_at_a_time, workspace_id=workspace_id, sender_id=sender_id)


async def defer_password_reset_mail(conn: Conn, reset_id: int) -> None:
    """Have a worker send the link of a password reset."""
    await _defer(conn, SEND_PASSWORD_RESET, f"{SEND_PASSWORD_RESET}:{reset_id}", None, reset_id=reset_id)


async def defer_deliveries(conn: Conn, webhook_id: int) -> None:
    """Have a worker deliver what is due to the webhook."""
    await _defer(conn, DELIVER_WEBHOOKS, f"{DELIVER_WEBHOOKS}:{webhook_id}", None, webhook_id=webhook_id)


async def _defer(
    conn: Conn, task: str, queueing_lock: str, at: datetime | None, lock: str | None = None, **ids: int
) -> None:
    """Jobs of one `lock` run one after the other; only for what is due at once, or it would hold up the others."""
    job = _queue.configure_task(
        task, queue=_QUEUE_OF[task], queueing_lock=queueing_lock, lock=lock, schedule_at=at, connection=conn
    )
    try:
        async with conn.transaction():  # a clash poisons the transaction it happens in: only this savepoint
            await job.defer_async(**ids)
    except AlreadyEnqueued:
        return
    except ConnectorException as error:
        if isinstance(error.__cause__, psycopg.Error):
            raise error.__cause__ from None  # as every other query on the caller's connection would
        raise
