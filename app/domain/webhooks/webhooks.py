"""Webhooks: addresses to which a workspace has us tell what happens, and the log of what they were told.

The secret that deliveries are signed with (Standard Webhooks) is shown when it is made and is stored encrypted. The
SQL function `tell` writes what happened to `webhook_deliveries`, in the statement that makes it happen; `deliveries`
sends it.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from typing import Literal, NoReturn, cast, get_args
from urllib.parse import urlsplit

import httpx
import msgspec

from app.bounds import REMARK, Bounds
from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.operations import host_policy
from app.domain.operations.host_policy import STRICT, HostPolicy, RefusedHost
from app.domain.pages import Page, PageRequest, page_of
from app.domain.workspaces import audit
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_deliveries
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

EventType = Literal[
    "email.failed",
    "email.unknown",
    "email.replied",
    "email.bounced",
    "sender.blocked",
    "campaign.held",
    "campaign.paused",  # by itself
    "campaign.finished",
    "recipient.suppressed",
    "recipient.unsubscribed",
    "recipient.resubscribed",  # by themselves
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
DeliveryStatus = Literal["PENDING", "DELIVERED", "FAILED"]
URL = Bounds(1, 2000)  # characters
MOST = 20  # webhooks of a workspace: each event is written once for each of them
MARK = "whsec_"  # Standard Webhooks
SECRET_BYTES = 32


class Webhook(msgspec.Struct, rename="camel", kw_only=True):
    """`disabled_reason` None although `disabled_at` is not: a person disabled it. `failing_since`: the latest try
    failed, for `last_error`, and nothing is tried before `retry_at`. `secret` is there only when it has just been made.
    """

    id: int
    url: str
    description: str
    events: list[EventType]
    enabled: bool
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None
    last_error: str | None
    retry_at: datetime | None
    secret: str | msgspec.UnsetType = msgspec.UNSET


class Delivery(msgspec.Struct, rename="camel"):
    """One event for one webhook. `message_id` is its `webhook-id`, the same at every try.

    `status_code` and `error` are the latest try's (`attempted_at`); `error` None: it was taken.
    """

    id: int
    message_id: str
    event: str
    created_at: datetime
    status: DeliveryStatus
    attempts: int
    attempted_at: datetime | None
    status_code: int | None
    error: str | None
    next_attempt_at: datetime | None


class WebhookChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The changes to make; None leaves a field as it is."""

    url: str | None = None
    description: str | None = None
    events: list[EventType] | None = None
    enabled: bool | None = None


def check(changes: WebhookChanges, policy: HostPolicy) -> None:
    """Raises InvalidInput naming every wrong field. A host that is a name is not looked up: that is for whoever
    connects to it.
    """
    wrong: dict[str, str] = {}
    if changes.url is not None and (why := _wrong_with_url(changes.url, policy)):
        wrong["url"] = why
    if changes.description is not None and (
        not REMARK.allow(len(changes.description)) or any(ord(c) < 32 or ord(c) == 127 for c in changes.description)
    ):
        wrong["description"] = f"give at most {REMARK.most} characters, without line breaks or control characters"
    if changes.events is not None and not changes.events:
        wrong["events"] = f"is empty; give some of {', '.join(EVENT_TYPES)}"
    if wrong:
        raise InvalidInput(wrong)


def _wrong_with_url(url: str, policy: HostPolicy) -> str | None:
    schemes = {"https", "http"} if policy.allow_private else {"https"}
    if len(url) > URL.most or not url.isascii() or any(ord(c) <= 32 or ord(c) == 127 for c in url) or "\\" in url:
        return f"give at most {URL.most:,} characters of plain ASCII, without spaces; encode others (RFC 3986)"
    try:
        parts = urlsplit(url)
        port = parts.port
        httpx.URL(url)  # with which it is called; what stands beside an address in brackets some Pythons do not see
    except (ValueError, httpx.InvalidURL):
        return "is not a URL"
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        return f"give a URL that begins with {' or '.join(f'{scheme}://' for scheme in sorted(schemes, reverse=True))}"
    if parts.username is not None or parts.password is not None:
        return "has a login in it; the signature tells who is calling"
    if "#" in url:
        return "has a fragment (#…), which no server is told"
    try:
        host_policy.canonical(parts.hostname, allow_private=policy.allow_private)
    except RefusedHost as refused:
        return f"its host {refused}"
    return None


def secret_place(webhook_id: int) -> str:
    """The place that a webhook's secret is bound to."""
    return f"webhooks/{webhook_id}/secret"


async def create(
    pool: Pool,
    box: SecretBox,
    workspace_id: int,
    url: str,
    events: list[EventType],
    description: str = "",
    *,
    policy: HostPolicy = STRICT,
    actor: Actor = LOCAL,
) -> Webhook:
    """With its secret, shown this once. Raises InvalidInput, and Conflict when the workspace has too many."""
    check(WebhookChanges(url=url, events=events, description=description), policy)
    async with transaction(pool, workspace_id) as conn:
        if (await fetch_exactly_one(conn, sql.count_webhooks, {"workspace_id": workspace_id}))["n"] >= MOST:
            raise Conflict(f"there are {MOST} webhooks, which is as many as there can be; delete one first")
        params = {"workspace_id": workspace_id, "url": url, "description": description, "events": _in_order(events)}
        webhook_id = cast(int, (await fetch_exactly_one(conn, sql.insert_webhook, params))["id"])
        secret = await _new_secret(conn, box, workspace_id, webhook_id)
        await audit.record(conn, actor, workspace_id, "webhook.created", f"webhooks/{webhook_id}")
        return await _read(conn, workspace_id, webhook_id, secret)


async def rotate_secret(
    pool: Pool, box: SecretBox, workspace_id: int, webhook_id: int, *, actor: Actor = LOCAL
) -> Webhook:
    """A new secret, shown this once; whatever is sent from now on is signed with it. Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        secret = await _new_secret(conn, box, workspace_id, webhook_id)
        await audit.record(conn, actor, workspace_id, "webhook.secret_rotated", f"webhooks/{webhook_id}")
        rotated = await _read(conn, workspace_id, webhook_id, secret)
        if rotated.enabled:
            await defer_deliveries(conn, webhook_id)
        return rotated


async def _new_secret(conn: Conn, box: SecretBox, workspace_id: int, webhook_id: int) -> str:
    secret = MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    sealed = box.seal(secret, secret_place(webhook_id))
    params = {"workspace_id": workspace_id, "webhook_id": webhook_id, "secret_encrypted": sealed}
    if await fetch_one(conn, sql.set_webhook_secret, params) is None:
        _not_there(webhook_id)
    return secret


async def list_webhooks(pool: Pool, workspace_id: int, page: PageRequest) -> Page[Webhook]:
    after = page.check()
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "webhook_id": None, "after": after, "limit": page.limit + 1}
        rows = await fetch_all(conn, sql.list_webhooks, params)
    return page_of([_webhook(row) for row in rows], [row["id"] for row in rows], page.limit)


async def get_webhook(pool: Pool, workspace_id: int, webhook_id: int) -> Webhook:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        return await _read(conn, workspace_id, webhook_id)


async def change(
    pool: Pool,
    workspace_id: int,
    webhook_id: int,
    changes: WebhookChanges,
    *,
    policy: HostPolicy = STRICT,
    actor: Actor = LOCAL,
) -> Webhook:
    """Enabled again, it is told what was left PENDING. Raises NotFound, InvalidInput."""
    check(changes, policy)
    async with transaction(pool, workspace_id) as conn:
        before = await _read(conn, workspace_id, webhook_id)
        moved = changes.url is not None and changes.url != before.url
        params = {
            "workspace_id": workspace_id,
            "webhook_id": webhook_id,
            "url": changes.url,
            "description": changes.description,
            "events": None if changes.events is None else _in_order(changes.events),
            "enabled": changes.enabled,
            "starts_anew": moved or changes.enabled is True,
            "moved": moved,
        }
        await conn.execute(sql.update_webhook, params)
        await audit.record(conn, actor, workspace_id, "webhook.changed", f"webhooks/{webhook_id}")
        after = await _read(conn, workspace_id, webhook_id)
        if after.enabled:
            await defer_deliveries(conn, webhook_id)
        return after


async def delete(pool: Pool, workspace_id: int, webhook_id: int, *, actor: Actor = LOCAL) -> None:
    """Its log goes with it. Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        if await fetch_one(conn, sql.delete_webhook, {"workspace_id": workspace_id, "webhook_id": webhook_id}) is None:
            _not_there(webhook_id)
        await audit.record(conn, actor, workspace_id, "webhook.deleted", f"webhooks/{webhook_id}")


async def list_deliveries(pool: Pool, workspace_id: int, webhook_id: int, page: PageRequest) -> Page[Delivery]:
    """Newest first. Raises NotFound."""
    before = page.check()
    async with transaction(pool, workspace_id) as conn:
        await _read(conn, workspace_id, webhook_id)
        params = {"workspace_id": workspace_id, "webhook_id": webhook_id, "before": before, "limit": page.limit + 1}
        rows = await fetch_all(conn, sql.list_deliveries, params)
    return page_of([Delivery(**row) for row in rows], [row["id"] for row in rows], page.limit)


async def replay(pool: Pool, workspace_id: int, webhook_id: int, delivery_id: int, *, actor: Actor = LOCAL) -> Delivery:
    """Send it once more, under the same `webhook-id`. Raises NotFound, and Conflict for a disabled webhook."""
    params = {"workspace_id": workspace_id, "webhook_id": webhook_id, "delivery_id": delivery_id}
    async with transaction(pool, workspace_id) as conn:
        await _try_now(conn, workspace_id, webhook_id)
        row = await fetch_one(conn, sql.replay_delivery, params)
        if row is None:
            raise NotFound(f"no delivery {delivery_id} of webhook {webhook_id}")
        subject = f"webhooks/{webhook_id}/deliveries/{delivery_id}"
        await audit.record(conn, actor, workspace_id, "webhook.replayed", subject)
        return Delivery(**row)


async def test(pool: Pool, workspace_id: int, webhook_id: int) -> Delivery:
    """Send an event `webhook.test`; the log tells what came of it. Raises NotFound, and Conflict for a disabled one."""
    async with transaction(pool, workspace_id) as conn:
        await _try_now(conn, workspace_id, webhook_id)
        params = {"workspace_id": workspace_id, "webhook_id": webhook_id}
        return Delivery(**await fetch_exactly_one(conn, sql.insert_test_delivery, params))


async def _try_now(conn: Conn, workspace_id: int, webhook_id: int) -> None:
    row = await fetch_one(conn, sql.try_webhook_now, {"workspace_id": workspace_id, "webhook_id": webhook_id})
    if row is None:
        _not_there(webhook_id)
    if row["disabled_at"] is not None:
        raise Conflict("the webhook is disabled; enable it first")
    await defer_deliveries(conn, webhook_id)


async def _read(conn: Conn, workspace_id: int, webhook_id: int, secret: str | None = None) -> Webhook:
    params = {"workspace_id": workspace_id, "webhook_id": webhook_id, "after": None, "limit": 1}
    row = await fetch_one(conn, sql.list_webhooks, params)
    if row is None:
        _not_there(webhook_id)
    webhook = _webhook(row)
    if secret is not None:
        webhook.secret = secret
    return webhook


def _webhook(row: Row) -> Webhook:
    return Webhook(**row, enabled=row["disabled_at"] is None)


def _in_order(events: list[EventType]) -> list[EventType]:
    return [event for event in EVENT_TYPES if event in events]


def _not_there(webhook_id: int) -> NoReturn:
    raise NotFound(f"no webhook {webhook_id}")
