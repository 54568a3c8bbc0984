"""From a database of before workspaces, with rows in every table, to one with them (migration 0011)."""

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
    assert migrate(before) > 0
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
    """From 0011 on the rule holds again: expand, then contract."""
    migrate_to(before, "0011_workspaces")
    with psycopg.connect(before, autocommit=True) as conn:
        conn.execute("UPDATE workers SET lease_until = now() + interval '1 hour'")
        conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0011_workspaces'")  # applied and not marked
    assert migrate(before) > 0
