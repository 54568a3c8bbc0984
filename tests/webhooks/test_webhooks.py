"""/api/webhooks and /api/alerts: made, changed, seen, and refused when they would lead inside."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.operations import reseal
from app.domain.webhooks.webhooks import MOST, secret_place
from app.domain.workspaces.keys import create
from app.secrets import SecretBox
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import execute, value
from tests.support.ledger import insert_campaign

HOOK = {"url": "https://example.com/hook", "events": ["campaign.finished", "email.failed"]}


async def made(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await api.post("/api/webhooks", json=HOOK | fields)
    assert response.status_code == 201, response.text
    return response.json()


async def test_the_secret_is_shown_once_and_stored_encrypted(
    api: httpx.AsyncClient, pool: Pool, box: SecretBox
) -> None:
    webhook = await made(api, description="for tests")
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_")
    assert webhook["events"] == ["email.failed", "campaign.finished"]
    assert (await api.get(f"/api/webhooks/{webhook['id']}")).json() == webhook
    assert (await api.get("/api/webhooks")).json() == {"items": [webhook], "nextCursor": None}
    sealed = await value(pool, "SELECT secret_encrypted FROM webhooks")
    assert box.open(sealed, secret_place(webhook["id"])) == secret
    rotated = (await api.post(f"/api/webhooks/{webhook['id']}/rotate-secret")).json()
    assert rotated.pop("secret") != secret
    assert rotated == webhook


async def test_rotating_the_key_covers_webhooks(api: httpx.AsyncClient, pool: Pool, box: SecretBox) -> None:
    webhook = await made(api)
    new = SecretBox("new", "a secret for tests")
    assert await reseal.reseal(pool, new) == (1, [], [], [])
    assert await reseal.reseal(pool, new) == (0, [], [], [])
    assert await reseal.reseal(pool, SecretBox("lost")) == (0, [], [webhook["id"]], [])
    sealed = await value(pool, "SELECT secret_encrypted FROM webhooks")
    assert SecretBox("new").open(sealed, secret_place(webhook["id"])) == webhook["secret"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "give a URL that begins with https://"),
        ("ftp://example.com/", "give a URL that begins with https://"),
        ("https:///x", "give a URL that begins with https://"),
        ("https://example.com:99999/", "is not a URL"),
        ("https://[::1/", "is not a URL"),
        ("https://[2606:4700::1111]x/", "is not a URL"),  # which some versions of Python take for one
        ("https://[v1.x]/", "is not a URL"),
        ("https://ann:secret@example.com/", "has a login in it"),
        ("https://example.com/#x", "has a fragment"),
        ("https://example.com/a b", "without spaces"),
        ("https://127.0.0.1/", "its host is a loopback address"),
        ("https://[::ffff:10.0.0.1]/", "its host is an IPv4-mapped address"),
        ("https://2130706433/", "its host is an address in an unusual form"),
        ("https://169.254.169.254/latest", "its host is a link-local address"),
    ],
)
async def test_a_url_that_leads_nowhere_good_is_refused(api: httpx.AsyncClient, pool: Pool, url: str, why: str) -> None:
    assert why in wrong_fields(await api.post("/api/webhooks", json=HOOK | {"url": url}))["url"]
    webhook = await made(api)
    assert why in wrong_fields(await api.patch(f"/api/webhooks/{webhook['id']}", json={"url": url}))["url"]
    assert await value(pool, "SELECT count(*) FROM webhooks") == 1


async def test_an_event_that_is_none_is_refused(api: httpx.AsyncClient) -> None:
    problem(await api.post("/api/webhooks", json=HOOK | {"events": ["email.opened"]}), 422)
    assert "events" in wrong_fields(await api.post("/api/webhooks", json=HOOK | {"events": []}))


async def test_there_is_an_end_to_how_many(api: httpx.AsyncClient) -> None:
    for _ in range(MOST):
        await made(api)
    problem(await api.post("/api/webhooks", json=HOOK), 409)


async def test_it_is_changed_disabled_and_deleted_with_its_log_and_all_is_on_record(api: httpx.AsyncClient) -> None:
    webhook = await made(api)
    path = f"/api/webhooks/{webhook['id']}"
    told = await api.post(f"{path}/test")
    assert (told.status_code, told.json()["event"]) == (202, "webhook.test")
    for _ in range(2):
        await api.post(f"{path}/test")
    page = (await api.get(f"{path}/deliveries", params={"limit": 2})).json()
    last = (await api.get(f"{path}/deliveries", params={"cursor": page["nextCursor"]})).json()
    assert [*page["items"], *last["items"]][-1] == told.json()
    changed = (await api.patch(path, json={"enabled": False, "events": ["email.unknown"]})).json()
    assert (changed["enabled"], changed["disabledReason"], changed["events"]) == (False, None, ["email.unknown"])
    problem(await api.post(f"{path}/test"), 409)
    problem(await api.post(f"{path}/deliveries/{told.json()['id']}/replay"), 409)
    assert (await api.patch(path, json={"enabled": True})).json()["disabledAt"] is None
    replayed = await api.post(f"{path}/deliveries/{told.json()['id']}/replay")
    assert (replayed.status_code, replayed.json()["messageId"]) == (202, told.json()["messageId"])
    problem(await api.post(f"{path}/deliveries/999/replay"), 404)
    assert (await api.delete(path)).status_code == 204
    problem(await api.get(f"{path}/deliveries"), 404)
    actions = [entry["action"] for entry in (await api.get("/api/audit")).json()["items"]]
    assert actions[:5] == [
        "webhook.deleted", "webhook.replayed", "webhook.changed", "webhook.changed", "webhook.created",
    ]  # fmt: skip


async def test_a_key_without_the_scope_admin_changes_no_webhook(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    key = await create(pool, LOCAL.of(user.id), user.workspace_id, "tests", ["read", "send"])
    headers = {"Authorization": f"Bearer {key.key}"}
    problem(await api.post("/api/webhooks", json=HOOK, headers=headers), 403)
    assert (await api.get("/api/webhooks", headers=headers)).status_code == 200


# Alerts


async def test_alerts_say_what_needs_a_person_and_to_nobody_else(
    api: httpx.AsyncClient, pool: Pool, user: User, stranger: dict[str, str]
) -> None:
    await schedule(api)
    async with transaction(pool) as conn:
        campaign, sender = await insert_campaign(conn, user.workspace_id, ["FAILED", "FAILED", "UNKNOWN", "SENT"])
    await execute(
        pool,
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at) "
        "SELECT workspace_id, id, 0, 'REJECTED', now() FROM emails WHERE status = 'FAILED'",
    )
    await execute(
        pool,
        "UPDATE senders SET blocked_until = now() + interval '1 minute', blocked_since = now(), failures = 1, "
        "block_reason = 'down' WHERE id = %s",
        sender,
    )
    ids = [(await made(api))["id"] for _ in range(3)]
    await execute(
        pool,
        "UPDATE webhooks SET failures = 1, failing_since = now(), last_error = 'answered 500' WHERE id = %s",
        ids[0],
    )
    await execute(
        pool,
        "UPDATE webhooks SET disabled_at = now(), disabled_reason = 'the receiver answered 410 Gone' WHERE id = %s",
        ids[1],
    )
    await api.patch(f"/api/webhooks/{ids[2]}", json={"enabled": False})
    alerts = (await api.get("/api/alerts")).json()
    assert [(a["kind"], a["campaignId"], a["senderId"], a["webhookId"], a["count"]) for a in alerts] == [
        ("worker.missing", None, None, None, None),
        ("sender.blocked", None, sender, None, None),
        ("email.failed", campaign, None, None, 2),
        ("email.unknown", campaign, None, None, 1),
        ("webhook.failing", None, None, ids[0], None),
        ("webhook.disabled", None, None, ids[1], None),
    ]
    assert all(alert["since"] for alert in alerts if alert["kind"] not in {"worker.missing", "email.unknown"})
    assert alerts[1]["until"]
    assert alerts[1]["message"] == "owner@example.com is held back: down"
    assert alerts[4]["message"] == "The webhook to example.com fails: answered 500"

    await execute(
        pool,
        "INSERT INTO workers (token, name, lease_until) VALUES (gen_random_uuid(), 'w', now() + interval '1 hour')",
    )
    assert (await api.get("/api/alerts", headers=stranger)).json() == []
