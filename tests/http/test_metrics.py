"""/metrics: who may read it, and what it says."""

from __future__ import annotations

import httpx
import pytest
from msgspec import structs

from app import asgi, collectors
from app.db import Pool, transaction
from app.domain.accounts.users import User
from app.domain.ledger import follow_ups
from app.settings import Settings
from tests.support.api import api_client, problem, schedule
from tests.support.engine import execute
from tests.support.ledger import insert_campaign
from tests.support.pg import TemplateServer
from tests.support.prometheus import check_metrics, samples

TOKEN = "a token for tests"  # noqa: S105
PUBLIC = "https://mail.example.com"


async def scrape(client: httpx.AsyncClient) -> dict[str, float]:
    response = await client.get("/metrics")
    assert response.status_code == 200
    return samples(response.text)


async def test_on_ones_own_machine_it_is_open(api: httpx.AsyncClient) -> None:
    del api.headers["Authorization"]
    response = await api.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_elsewhere_it_is_not_there_without_a_token_set(settings: Settings, database_url: str) -> None:
    async with api_client(structs.replace(settings, base_url=PUBLIC), database_url) as client:
        problem(await client.get("/metrics"), 404)
        problem(await client.get("/metrics", headers={"Authorization": "Bearer "}), 404)


@pytest.mark.parametrize("base_url", [PUBLIC, "http://127.0.0.1:3000"])
async def test_a_token_that_is_set_is_asked_for(settings: Settings, database_url: str, base_url: str) -> None:
    guarded = structs.replace(settings, base_url=base_url, metrics_token=TOKEN)
    async with api_client(guarded, database_url) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer é"}):
            response = await client.get("/metrics", headers=[(k, v.encode()) for k, v in headers.items()])
            problem(response, 401)
            assert response.headers["www-authenticate"] == "Bearer"
        assert (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


async def test_it_counts_emails_by_status_and_those_that_are_due(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(
            conn, user.workspace_id, ["SCHEDULED"] * 5 + ["SENT"] * 3 + ["FAILED", "UNKNOWN", "UNKNOWN"]
        )
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * 7, status="PAUSED")
        await conn.execute(
            "UPDATE emails SET scheduled_at = now() + CASE id % 2 WHEN 0 THEN interval '1 h' ELSE interval '-90 s' END"
        )
        due = await (
            await conn.execute(
                "SELECT count(*) AS n FROM emails JOIN campaigns c ON c.id = campaign_id"
                " WHERE emails.status = 'SCHEDULED' AND scheduled_at < now() AND c.status = 'ACTIVE'"
            )
        ).fetchone()
    seen = await scrape(api)
    assert due is not None
    assert due["n"] > 0
    assert seen["reachinbox_emails status=scheduled"] == 12
    assert seen["reachinbox_emails status=sent"] == 3
    assert seen["reachinbox_emails status=failed"] == 1
    assert seen["reachinbox_emails status=unknown"] == 2
    assert seen["reachinbox_emails_undecided"] == 1
    assert seen["reachinbox_emails_due sender=ready"] == due["n"]
    assert seen["reachinbox_emails_due sender=backed_off"] == 0
    assert 90 <= seen["reachinbox_emails_oldest_due_seconds sender=ready"] < 150
    assert seen["reachinbox_emails_oldest_due_seconds sender=backed_off"] == 0
    assert seen["reachinbox_ledger_up"] == 1


async def test_what_somebody_decided_on_waits_for_no_word(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["FAILED"] * 3)
        await conn.execute("UPDATE streams SET settled = 2")
    seen = await scrape(api)
    assert (seen["reachinbox_emails status=failed"], seen["reachinbox_emails_undecided"]) == (3, 1)


async def test_emails_of_a_sender_that_is_backed_off_are_told_apart(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * 4)
        await conn.execute("UPDATE senders SET blocked_until = now() + interval '1 hour', block_reason = 'x'")
    seen = await scrape(api)
    assert seen["reachinbox_emails_due sender=backed_off"] == 4
    assert seen["reachinbox_emails_due sender=ready"] == 0
    assert seen["reachinbox_senders_backed_off"] == 1


async def test_emails_that_a_servers_words_hold_back_are_not_overdue(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with transaction(pool) as conn:
        held, _ = await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * 4)
        over, _ = await insert_campaign(conn, user.workspace_id, ["SENT"], status="CANCELLED")
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * 3)
        for campaign in (held, over):
            await conn.execute(
                "INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at)"
                " SELECT workspace_id, login_id, streams.id, 'REFUSED', 'x', '554 no', now(), now()"
                " FROM streams JOIN senders USING (workspace_id) WHERE campaign_id = %s",
                [campaign],
            )
    seen = await scrape(api)
    assert seen["reachinbox_emails_due sender=backed_off"] == 4
    assert seen["reachinbox_emails_due sender=ready"] == 3
    assert seen["reachinbox_holds reason=refused"] == 1
    assert seen["reachinbox_holds reason=server_slow"] == 0
    assert seen["reachinbox_streams_held"] == 1


async def test_the_mailbox_that_was_read_the_longest_ago_is_told_while_its_sender_has_something_to_send(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with transaction(pool) as conn:
        _, sender_id = await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
        await conn.execute(
            "UPDATE senders SET imap_host = 'x', imap_port = 993, imap_security = 'tls' WHERE id = %s", [sender_id]
        )
        await conn.execute(
            "INSERT INTO inboxes (workspace_id, sender_id, whole_at) VALUES (%s, %s, now() - interval '40 min')",
            [user.workspace_id, sender_id],
        )
    assert 2_400 <= (await scrape(api))["reachinbox_inbox_unread_seconds"] < 2_500


async def test_follow_ups_are_counted_by_what_becomes_of_them(api: httpx.AsyncClient, pool: Pool) -> None:
    people = [f"{who}@example.com" for who in "abcd"]
    await schedule(api, people, steps=[{"wait": "P1D", "body": "x"}])
    await execute(pool, "UPDATE emails SET status = 'SENT', sent_at = now(), follow_at = now()")
    await execute(pool, "UPDATE streams SET scheduled = 0, sent = 4")
    emails = {one["recipient"][0]: one["id"] for one in (await api.get("/api/emails")).json()["items"]}
    assert (await api.post(f"/api/emails/{emails['a']}/stop")).status_code == 200
    assert (await api.post("/api/suppressions", json={"emails": ["b@example.com"]})).is_success
    await follow_ups.follow_up(pool)
    await execute(pool, "UPDATE senders SET host = 'smtp.example.com', port = 587, security = 'starttls'")
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE follows_id = %s", emails["c"])
    await execute(pool, "UPDATE streams SET next_due_at = now()")
    seen = await scrape(api)
    assert seen["reachinbox_following"] == 0
    assert seen["reachinbox_follow_ups_unread"] == 1
    stopped = {name.partition("=")[2]: n for name, n in seen.items() if "follow_ups_stopped" in name}
    assert stopped == {"person": 1, "suppressed": 1, "replied": 0, "ended": 0}


async def test_follow_ups_that_are_emails_by_now_are_counted_when_they_are_stopped(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    """They are made within the hour before they fall due, so of most an email waits when an answer comes."""
    people = [f"{who}@example.com" for who in "abcd"]
    steps = [{"wait": "P1D", "body": "x"}, {"wait": "P1D", "body": "y"}]
    made = (await schedule(api, people, steps=steps))["campaign"]
    await execute(pool, "UPDATE emails SET status = 'SENT', sent_at = now(), follow_at = now()")
    await execute(pool, "UPDATE streams SET scheduled = 0, sent = 4")
    await follow_ups.follow_up(pool)
    emails = {one["recipient"][0]: one["id"] for one in (await api.get("/api/emails")).json()["items"]}
    assert (await api.post(f"/api/emails/{emails['a']}/stop")).status_code == 200
    assert (await api.post("/api/suppressions", json={"emails": ["b@example.com"]})).is_success
    left = [{"id": made["steps"][2]["id"], "wait": "P1D", "body": "y"}]
    assert (await api.patch(f"/api/campaigns/{made['id']}", json={"steps": left})).is_success  # something else follows
    await follow_ups.follow_up(pool)
    assert (await api.post(f"/api/campaigns/{made['id']}/cancel")).status_code == 200
    seen = await scrape(api)
    stopped = {name.partition("=")[2]: n for name, n in seen.items() if "follow_ups_stopped" in name}
    assert stopped == {"person": 1, "suppressed": 1, "replied": 0, "ended": 2}


async def test_campaigns_that_are_late_with_nothing_that_holds_them_are_counted(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with transaction(pool) as conn:
        late, _ = await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * 4)
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"] * 4)  # due this moment
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"], status="PAUSED")
        for table, column in (("emails", "scheduled_at"), ("streams", "next_due_at")):
            old = f"UPDATE {table} SET {column} = now() - interval '2 min' WHERE campaign_id = %s"  # noqa: S608
            await conn.execute(old.encode(), [late])
        await conn.execute(
            "INSERT INTO plan_changes (workspace_id, campaign_id, sender_id, asked_at)"
            " SELECT workspace_id, campaign_id, sender_id, now() - interval '3 min' FROM streams LIMIT 1"
        )
    seen = await scrape(api)
    assert seen["reachinbox_streams_behind"] == 1
    assert 180 <= seen["reachinbox_plan_changes_oldest_seconds"] < 200
    assert seen["reachinbox_streams_held"] == 0


async def test_the_room_of_the_day_is_that_of_logins_that_have_such_a_limit(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    seen = await scrape(api)
    assert seen["reachinbox_day_room state=used"] == seen["reachinbox_day_room state=left"] == 0
    async with transaction(pool) as conn:
        await conn.execute("UPDATE logins SET daily_limit = 40")
        await conn.execute(
            "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used)"
            " SELECT workspace_id, id, this_hour() - n * interval '1 hour', 50, 15 FROM logins, generate_series(0, 1) n"
        )
    with pytest.MonkeyPatch.context() as patch:
        now = collectors.time.monotonic
        patch.setattr(collectors.time, "monotonic", lambda: now() + 3600)
        seen = await scrape(api)
    assert (seen["reachinbox_day_room state=used"], seen["reachinbox_day_room state=left"]) == (30, 10)
    assert seen["reachinbox_logins_day_full"] == 0


async def test_connected_mailboxes_are_counted_by_their_grants(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        await conn.execute(
            "INSERT INTO logins (workspace_id, hourly_limit, max_connections, credential, provider,"
            " refresh_token_encrypted, access_token_encrypted, access_expires_at, refresh_failures, grant_ended_at)"
            " SELECT %s, 5, 1, 'OAUTH', 'company', 'r', 'a', now() + interval '1 min', n %% 2,"
            " CASE WHEN n > 3 THEN now() END FROM generate_series(1, 5) n",
            [user.workspace_id],
        )
    seen = await scrape(api)
    states = {state: seen[f"reachinbox_grants state={state}"] for state in ("good", "failing", "ended")}
    assert states == {"good": 1, "failing": 2, "ended": 2}
    assert seen["reachinbox_tokens_near_end"] == 0  # nobody sends from them
    async with transaction(pool) as conn:
        await conn.execute("UPDATE senders SET login_id = (SELECT min(id) FROM logins WHERE credential = 'OAUTH')")
        await conn.execute("INSERT INTO workers (token, name, lease_until) VALUES (gen_random_uuid(), 'w', 'infinity')")
        await conn.execute(
            "INSERT INTO lanes (workspace_id, sender_id, worker_token, count)"
            " SELECT s.workspace_id, s.id, w.token, 1 FROM senders s, workers w LIMIT 1"
        )
    with pytest.MonkeyPatch.context() as patch:
        now = collectors.time.monotonic
        patch.setattr(collectors.time, "monotonic", lambda: now() + 3600)
        seen = await scrape(api)
    assert seen["reachinbox_tokens_near_end"] == 1


async def test_it_counts_jobs_workers_and_lanes(api: httpx.AsyncClient, pool: Pool) -> None:
    await schedule(api, startTime="2099-01-01T00:00:00Z")
    await schedule(api)
    async with transaction(pool) as conn:
        await conn.execute(
            "INSERT INTO workers (token, name, lease_until) VALUES (gen_random_uuid(), 'a', now() + interval '1 min'),"
            " (gen_random_uuid(), 'dead', now() - interval '1 min')"
        )
        await conn.execute(
            "INSERT INTO lanes SELECT s.workspace_id, s.id, w.token, 3 FROM senders s, workers w WHERE w.name = 'a'"
        )
    seen = await scrape(api)
    assert seen["reachinbox_queue_jobs queue=quick status=later"] == 1
    assert seen["reachinbox_queue_jobs queue=quick status=due"] == 1
    assert seen["reachinbox_workers_alive"] == 1
    assert seen["reachinbox_lanes_granted"] == 3


async def test_a_reading_of_the_database_is_kept_for_some_seconds(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await scrape(api))["reachinbox_emails status=sent"] == 0
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SENT"])
    assert (await scrape(api))["reachinbox_emails status=sent"] == 0
    now = collectors.time.monotonic
    monkeypatch.setattr(collectors.time, "monotonic", lambda: now() + 3600)
    assert (await scrape(api))["reachinbox_emails status=sent"] == 1


async def test_without_the_database_it_says_so_and_the_rest(
    settings: Settings, database_url: str, postgres: TemplateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "POOL_TIMEOUT_S", 0.2)
    async with api_client(settings, database_url) as client:
        postgres.refuse_connections(database_url)
        seen = await scrape(client)
        assert seen["reachinbox_ledger_up"] == 0
        assert "reachinbox_emails status=sent" not in seen
        assert seen["reachinbox_database_pool_connections_max"] == 10
        postgres.accept_connections(database_url)


async def test_requests_are_timed_by_route_method_and_class_of_status(api: httpx.AsyncClient) -> None:
    await schedule(api)
    assert (await api.get("/api/emails/1")).status_code == 200
    assert (await api.get("/api/emails/2")).status_code == 404
    await api.get("/api/no/such/thing")
    await api.get("/api/no/such/other/thing")
    await api.request("BREW", "/healthz")
    counts = {
        tuple(part.partition("=")[2] for part in name.split()[1:]): value
        for name, value in (await scrape(api)).items()
        if name.startswith("reachinbox_http_request_duration_seconds_count")
    }
    assert counts == {
        ("POST", "/api/campaigns/schedule", "2xx"): 1,
        ("GET", "/api/emails/{id}", "2xx"): 1,
        ("GET", "/api/emails/{id}", "4xx"): 1,
        ("GET", "unmatched", "4xx"): 2,
        ("other", "unmatched", "4xx"): 1,
    }


async def test_the_database_pool_is_shown(api: httpx.AsyncClient) -> None:
    seen = await scrape(api)
    assert seen["reachinbox_database_pool_connections state=used"] == 0
    assert seen["reachinbox_database_pool_connections state=idle"] >= 1
    assert seen["reachinbox_database_pool_waiting"] == 0


async def test_promtool_finds_nothing_to_complain_about(api: httpx.AsyncClient) -> None:
    text = (await api.get("/metrics")).content
    check_metrics(text)
