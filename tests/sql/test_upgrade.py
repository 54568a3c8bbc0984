"""Upgrades that break with the version before: to workspaces (migration 0011), and to streams (0022)."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from app.db import migrate
from app.domain.accounts.tokens import digest
from app.errors import Conflict
from app.settings import Settings
from tests.support.api import api_client
from tests.support.pg import TemplateServer, migrate_to

BEFORE = "0010_sending"
ACCOUNTS = (3, 8)  # with gaps: accounts were made and removed
TABLES = (
    "api_keys",
    "senders",
    "campaigns",
    "campaign_contents",
    "emails",
    "attempts",
    "sender_windows",
    "idempotency_keys",
    "sandbox_messages",
    "audit_log",
    "webhooks",
    "webhook_deliveries",
    "lanes",
)
OF_ACCOUNTS = ("users", "identities", "sessions", "password_resets", "invitations")
WORKER = "6f1d4b0a-0000-4000-8000-000000000001"

# Of one account, in the order that foreign keys ask for; `u` is its id.
FILL = """
INSERT INTO users (id, email, email_proven_at, is_admin) OVERRIDING SYSTEM VALUE
VALUES (%(u)s, %(u)s || '@example.com', now(), %(u)s = 3);
INSERT INTO identities (issuer, subject, user_id) VALUES ('https://issuer.example', %(u)s::text, %(u)s);
INSERT INTO sessions (token_sha256, user_id, expires_at, address, user_agent)
VALUES (%(session)s, %(u)s, now() + interval '1 day', '192.0.2.1', 'a browser');
INSERT INTO password_resets (user_id, expires_at) VALUES (%(u)s, now());
INSERT INTO invitations (token_sha256, invited_by, expires_at) VALUES (sha256(%(u)s::text::bytea), %(u)s, now());
INSERT INTO api_keys (user_id, key_sha256, name, prefix) VALUES (%(u)s, %(key)s, 'k', 'rib_');
INSERT INTO senders (user_id, email, hourly_limit, max_connections, is_default)
VALUES (%(u)s, %(u)s || '@example.com', 5, 1, true);
INSERT INTO campaigns (user_id, sender_id, name, subject, body, start_at, total, scheduled, sent)
SELECT %(u)s, id, 'n', 's', 'b', now(), 2, 1, 1 FROM senders WHERE user_id = %(u)s;
INSERT INTO campaign_contents (user_id, campaign_id, version, subject, body)
SELECT %(u)s, id, 1, 's', 'b' FROM campaigns WHERE user_id = %(u)s;
INSERT INTO emails (user_id, campaign_id, recipient, status, scheduled_at, sent_at)
SELECT %(u)s, c.id, s.status || '@example.com', s.status::email_status, now() + interval '1 day',
       CASE WHEN s.status = 'SENT' THEN now() END
FROM campaigns c, unnest('{SENT,SCHEDULED}'::text[]) AS s (status) WHERE c.user_id = %(u)s;
INSERT INTO attempts (user_id, email_id, number, outcome, claimed_at)
SELECT %(u)s, id, 1, 'ACCEPTED', now() FROM emails WHERE user_id = %(u)s AND status = 'SENT';
INSERT INTO sender_windows (user_id, sender_id, window_start, used)
SELECT %(u)s, id, date_trunc('hour', now(), 'UTC'), 1 FROM senders WHERE user_id = %(u)s;
INSERT INTO idempotency_keys (user_id, key, fingerprint) VALUES (%(u)s, 'k', 'f');
INSERT INTO sandbox_messages (user_id, envelope_from, envelope_to, content)
VALUES (%(u)s, 'a@example.com', '{b@example.com}', 'x');
INSERT INTO audit_log (user_id, action, subject, address, user_agent)
VALUES (%(u)s, 'sender.changed', 'senders/1', '192.0.2.1', 'a browser'), (%(u)s, 'login', '', '192.0.2.1', 'a browser'),
       (%(u)s, 'key.created', 'keys/1', 'local', 'reachinbox');
INSERT INTO webhooks (user_id, url, events) VALUES (%(u)s, 'https://example.com', '{email.failed}');
INSERT INTO webhook_deliveries (user_id, webhook_id, event, data)
SELECT %(u)s, id, 'email.failed', '{}' FROM webhooks WHERE user_id = %(u)s;
INSERT INTO lanes (user_id, sender_id, worker_token, count)
SELECT %(u)s, id, '6f1d4b0a-0000-4000-8000-000000000001', 1 FROM senders WHERE user_id = %(u)s;
"""


@pytest.fixture
def before(postgres: TemplateServer) -> str:
    """The URL of a database of before, with rows in every table; its worker has died."""
    url = postgres.empty()
    migrate_to(url, BEFORE)
    with psycopg.connect(url) as conn:
        conn.execute("INSERT INTO workers (token, name, lease_until) VALUES (%s, 'host:1', now())", [WORKER])
        for account in ACCOUNTS:
            known = {"u": account, "session": digest(f"session {account}"), "key": digest(f"rib_{account}")}
            for statement in FILL.split(";\n"):
                if statement.strip():
                    conn.execute(statement.encode(), known)
        conn.execute("SELECT setval(pg_get_serial_sequence('users', 'id'), 11)")
    return url


def _rows(url: str, table: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as conn:
        found = conn.execute(f"SELECT to_jsonb(t) AS r FROM {table} t ORDER BY to_jsonb(t)::text".encode())  # noqa: S608
        return [row["r"] for row in found]


def test_the_rows_fill_every_table_that_had_a_user(before: str) -> None:
    with psycopg.connect(before) as conn:
        with_user = conn.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name = 'user_id' AND table_schema = 'public'"
        )
        assert {name for (name,) in with_user} == {*TABLES, *OF_ACCOUNTS} - {"users", "invitations"}
    assert all(len(_rows(before, table)) >= len(ACCOUNTS) for table in (*TABLES, *OF_ACCOUNTS))


def test_every_row_is_found_again_under_the_workspace_of_its_account(before: str) -> None:
    was = {table: _rows(before, table) for table in (*TABLES, *OF_ACCOUNTS)}
    assert migrate_to(before, "0011_workspaces") > 0
    for table in OF_ACCOUNTS:
        assert [{name: row[name] for name in was[table][0]} for row in _rows(before, table)] == was[table]
    for table in TABLES:
        now = _rows(before, table)
        assert len(now) == len(was[table])
        for row in was[table]:
            account = row.pop("user_id")
            of_account = table == "audit_log" and row["action"] == "login"
            row["workspace_id"] = None if of_account else account
            if table == "api_keys":
                row["made_by"] = account
            if table == "audit_log":
                row["user_id"] = None if row["address"] == "local" else account
            assert any(row.items() <= found.items() for found in now), (table, row)
    assert [(w["id"], w["name"]) for w in _rows(before, "workspaces")] == [(a, f"{a}@example.com") for a in ACCOUNTS]
    members = [(m["workspace_id"], m["user_id"], m["role"]) for m in _rows(before, "members")]
    assert sorted(members) == [(a, a, "owner") for a in ACCOUNTS]


async def test_sessions_and_keys_of_before_open_what_they_opened(before: str, settings: Settings) -> None:
    migrate(before)
    async with api_client(settings, before) as client:
        for account in ACCOUNTS:
            for headers in ({"Authorization": f"Bearer rib_{account}"}, {"Cookie": f"reachinbox=session {account}"}):
                me = (await client.get("/api/auth/me", headers=headers)).json()
                assert (me["id"], me["workspaceId"], me["role"]) == (account, account, "owner")
                for path, field in (("senders", "email"), ("campaigns", "name"), ("webhooks", "url"), ("keys", "name")):
                    (only,) = (await client.get(f"/api/{path}", headers=headers)).json()["items"]
                    assert only[field]
                entries = (await client.get("/api/audit", headers=headers)).json()["items"]
                own = 1 if "Cookie" in headers else 0  # of the account itself, which a key does not show
                assert sorted(entry["who"] for entry in entries) == [f"{account}@example.com"] * (1 + own) + [
                    "command line"
                ]


async def test_a_new_accounts_workspace_is_nobody_elses(before: str, settings: Settings) -> None:
    migrate(before)
    async with api_client(settings, before) as client:
        taken = set(ACCOUNTS)
        for number in range(4):
            client.cookies.clear()
            person = {"email": f"new{number}@example.com", "password": "correct horse"}
            made = (await client.post("/api/auth/register", json=person)).json()
            assert made["workspaceId"] not in taken
            taken.add(made["workspaceId"])
            assert (await client.get("/api/campaigns")).json()["items"] == []


def test_a_living_worker_is_named_and_a_lease_that_is_over_is_no_life(before: str) -> None:
    with psycopg.connect(before, autocommit=True) as conn:
        conn.execute("UPDATE workers SET lease_until = now() + interval '1 hour'")
        with pytest.raises(Conflict, match=r"and these live: host:1\. End them"):
            migrate(before)
        assert conn.execute("SELECT count(user_id) FROM emails").fetchone() == (4,)
        said: list[str] = []

        def waiting(sentence: str) -> None:
            said.append(sentence)
            conn.execute("UPDATE workers SET lease_until = now()")

        assert migrate(before, waiting=waiting) > 0
        assert len(said) == 1
        assert "host:1" in said[0]
        assert conn.execute("SELECT count(workspace_id) FROM emails").fetchone() == (4,)


def test_what_campaigns_store_already_counts_for_the_quota(before: str) -> None:
    migrate(before)
    emails = len("SENT@example.com{}SCHEDULED@example.com{}")
    assert [campaign["stored_bytes"] for campaign in _rows(before, "campaigns")] == [len("sb") + emails] * len(ACCOUNTS)


def test_run_again_it_makes_nobody_a_member_of_what_came_since(before: str) -> None:
    """The number of an account made since is that of a workspace, too: of somebody else's."""
    migrate_to(before, "0011_workspaces")
    with psycopg.connect(before, autocommit=True) as conn:
        conn.execute("INSERT INTO users (id, email) OVERRIDING SYSTEM VALUE VALUES (12, 'new@example.com')")
        conn.execute("INSERT INTO workspaces (id, name) VALUES (12, 'of account 3')")
        conn.execute("INSERT INTO members (workspace_id, user_id, role) VALUES (12, 3, 'owner')")
        conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0011_workspaces'")  # applied and not marked
    migrate(before)
    assert [m["user_id"] for m in _rows(before, "members") if m["workspace_id"] == 12] == [3]


def test_later_migrations_leave_living_workers_alone(before: str) -> None:
    """From 0022 on the rule holds again: expand, then contract."""
    migrate_to(before, "0022_streams")
    with psycopg.connect(before, autocommit=True) as conn:
        conn.execute("UPDATE workers SET lease_until = now() + interval '1 hour'")
        conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0022_streams'")  # applied and not marked
    assert migrate(before) > 0


# Rows of each workspace when streams come: campaigns in all states, with and without a limit and a delay, claimed from
# and not; a server's refusals, and the holds that follow.
FILL_STREAMS = """
INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at, delay_ms, hourly_limit, status,
                       finished_at, content_version, total, scheduled, sending, sent, failed, unknown, cancelled,
                       window_start, window_used, accepted_at, free_at, first_email_id, last_email_id)
SELECT s.workspace_id, s.id, c.status, 's', 'b', now(), c.delay_ms, c.hourly_limit, c.status::campaign_status,
       CASE WHEN c.status = 'FINISHED' THEN now() END, 3, 6, c.waiting, c.waiting, 1, 1, 1, 3 - 2 * c.waiting,
       c.window_start, c.used, now(), CASE WHEN c.delay_ms > 0 THEN now() + interval '1 minute' END, 1, 1000
FROM senders s,
     (VALUES ('ACTIVE', 60000, 10, 1, date_trunc('hour', now(), 'UTC'), 4), ('PAUSED', 0, NULL, 1, 'epoch', 0),
             ('CANCELLED', 0, 7, 1, '2001-01-01', 2), ('FINISHED', 0, NULL, 0, '2001-01-01', 2))
     AS c (status, delay_ms, hourly_limit, waiting, window_start, used);
INSERT INTO emails (workspace_id, campaign_id, recipient, status, scheduled_at, claim_token, claimed_at, sent_at)
SELECT c.workspace_id, c.id, n || '@example.com', e.status::email_status, now() + n * interval '1 minute',
       CASE WHEN e.status = 'SENDING' THEN gen_random_uuid() END, now(), CASE WHEN e.status = 'SENT' THEN now() END
FROM campaigns c
CROSS JOIN LATERAL unnest(ARRAY['SENT', 'FAILED', 'UNKNOWN', 'CANCELLED',
                                CASE WHEN c.scheduled > 0 THEN 'SCHEDULED' ELSE 'CANCELLED' END,
                                CASE WHEN c.sending > 0 THEN 'SENDING' ELSE 'CANCELLED' END])
     WITH ORDINALITY AS e (status, n)
WHERE c.content_version = 3;
INSERT INTO refusals (workspace_id, sender_id, campaign_id, signature, last_at, emails)
SELECT workspace_id, sender_id, id, 'RCPT 550', now(), 4 FROM campaigns;
INSERT INTO holds (workspace_id, sender_id, campaign_id, reason, signature, words, since, probe_at)
SELECT workspace_id, sender_id, id, 'REFUSED', 'RCPT 550', '550 no', now(), now() FROM campaigns
WHERE status = 'ACTIVE';
INSERT INTO holds (workspace_id, sender_id, reason, signature, words, since, probe_at)
SELECT workspace_id, id, 'SERVER_SLOW', 'RCPT 450', '450 slow', now(), now() FROM senders;
INSERT INTO plan_changes (workspace_id, campaign_id, sender_id)
SELECT workspace_id, id, sender_id FROM campaigns WHERE status = 'ACTIVE';
"""


@pytest.fixture
def before_streams(before: str) -> str:
    """The URL of a database with all that counted on campaigns and senders; its worker has died."""
    migrate_to(before, "0018_holds")
    with psycopg.connect(before) as conn:
        for statement in FILL_STREAMS.split(";\n"):
            conn.execute(statement.encode())
    return before


def _by_campaign(found: list[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    return {row["campaign_id"]: row for row in found}


def test_what_counted_on_campaigns_counts_on_their_streams(before_streams: str) -> None:
    was = {table: _rows(before_streams, table) for table in ("campaigns", "senders", "sender_windows", "emails")}
    assert migrate(before_streams) > 0
    streams = _by_campaign(_rows(before_streams, "streams"))
    hours = _by_campaign(_rows(before_streams, "campaign_hours"))
    assert len(streams) == len(was["campaigns"]) == 10
    counted = ("total", "scheduled", "sending", "sent", "failed", "unknown", "cancelled")
    same = (*counted, "workspace_id", "sender_id", "content_version", "accepted_at", "window_start", "window_used")
    for campaign in was["campaigns"]:
        stream = streams[campaign["id"]]
        assert {name: stream[name] for name in same} == {name: campaign[name] for name in same}
        assert stream["gap_ms"] == campaign["delay_ms"]
        assert stream["open"] == (campaign["status"] in {"ACTIVE", "FINISHED"})
        claimed_from = campaign["free_at"] is not None or not campaign["window_start"].startswith("1970")
        assert (stream["free_at"] is not None) == claimed_from
        waiting = [
            email["scheduled_at"]
            for email in was["emails"]
            if email["campaign_id"] == campaign["id"] and email["status"] == "SCHEDULED"
        ]
        assert stream["next_due_at"] == min(waiting, default=None)
        if campaign["hourly_limit"] is None:
            assert campaign["id"] not in hours
        else:
            hour = hours[campaign["id"]]
            assert (hour["allowed"], hour["used"]) == (campaign["hourly_limit"], campaign["window_used"])
    for email in _rows(before_streams, "emails"):
        assert email["stream_id"] == streams[email["campaign_id"]]["id"]
    logins = {login["id"]: login for login in _rows(before_streams, "logins")}
    login_of = {sender["id"]: sender["login_id"] for sender in _rows(before_streams, "senders")}
    for sender in was["senders"]:
        login = logins[login_of[sender["id"]]]
        limits = (login["workspace_id"], login["hourly_limit"], login["max_connections"])
        assert limits == (sender["workspace_id"], sender["hourly_limit"], sender["max_connections"])
    windows = {(w["login_id"], w["window_start"]): w for w in _rows(before_streams, "login_windows")}
    assert len(windows) == len(was["sender_windows"]) > 0
    for window in was["sender_windows"]:
        moved = windows[login_of[window["sender_id"]], window["window_start"]]
        assert (moved["used"], moved["allowed"]) == (window["used"], logins[moved["login_id"]]["hourly_limit"])


def test_what_a_server_refused_is_kept_of_streams_and_logins(before_streams: str) -> None:
    was = {table: _rows(before_streams, table) for table in ("refusals", "holds")}
    migrate(before_streams)
    of = {stream["id"]: stream for stream in _rows(before_streams, "streams")}
    login_of = {sender["id"]: sender["login_id"] for sender in _rows(before_streams, "senders")}
    for table, rows in was.items():
        now = _rows(before_streams, table)
        found = {(row["login_id"], row["stream_id"] and of[row["stream_id"]]["campaign_id"]) for row in now}
        assert len(now) == len(rows)
        assert found == {(login_of[row["sender_id"]], row["campaign_id"]) for row in rows}


def test_streams_wait_for_workers_of_the_version_before(before_streams: str) -> None:
    with psycopg.connect(before_streams, autocommit=True) as conn:
        conn.execute("UPDATE workers SET lease_until = now() + interval '1 hour'")
        with pytest.raises(Conflict, match=r"and these live: host:1\. End them"):
            migrate(before_streams)
        assert conn.execute("SELECT sum(total) FROM campaigns").fetchone() == (8 * 6 + 2 * 2,)
        conn.execute("UPDATE workers SET lease_until = now()")
    assert migrate(before_streams) > 0


def test_streams_that_are_made_by_halves_are_finished_by_the_next_run(before_streams: str) -> None:
    """Killed while emails are told their stream: those that were told stay, and no stream is made twice."""
    with psycopg.connect(before_streams, autocommit=True) as conn:
        conn.execute(
            "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE crash_shutdown USING MESSAGE = 'the power is gone'; END $$;"
            "CREATE TRIGGER stop BEFORE UPDATE ON emails FOR EACH ROW WHEN (OLD.workspace_id = 8)"
            " EXECUTE FUNCTION stop()"
        )
        with pytest.raises(psycopg.errors.CrashShutdown, match="the power is gone"):
            migrate(before_streams)
        assert conn.execute("SELECT count(*) FROM emails WHERE stream_id IS NULL").fetchone() == (26,)
        conn.execute("DROP TRIGGER stop ON emails; DROP FUNCTION stop")
        assert migrate(before_streams) > 0
        left = conn.execute("SELECT count(*) FROM streams WHERE scheduled > 0 AND next_due_at IS NULL").fetchone()
        assert (left, len(_rows(before_streams, "streams"))) == ((0,), 10)
