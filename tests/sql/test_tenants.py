"""Tenants apart, as Postgres sees it: raw SQL as the API's role reaches one workspace's rows and no other's."""

from __future__ import annotations

import pytest
from psycopg import Rollback, sql
from psycopg.errors import ActiveSqlTransaction, ForeignKeyViolation, InsufficientPrivilege

from app.db import Conn, Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User, create_user
from app.domain.workspaces.keys import create_key
from app.secrets import SecretBox
from tests.support.ledger import insert_campaign

TABLES = (
    "api_keys",
    "senders",
    "campaigns",
    "campaign_contents",
    "campaign_steps",
    "step_contents",
    "step_variants",
    "variant_contents",
    "domain_stops",
    "emails",
    "attempts",
    "addressed",
    "logins",
    "login_windows",
    "streams",
    "campaign_hours",
    "campaign_forecasts",
    "idempotency_keys",
    "sandbox_messages",
    "audit_log",
    "webhooks",
    "webhook_deliveries",
    "workspace_invitations",
    "templates",
    "signatures",
    "campaign_signatures",
    "recipient_lists",
    "recipient_list_chunks",
    "saved_lists",
    "saved_recipients",
    "refusals",
    "holds",
    "plan_changes",
    "sender_dns",
    "suppressions",
    "inboxes",
    "inbox_places",
    "responses",
    "sent_readings",
    "sent_copies",
    "files",
    "file_pieces",
    "wire_checks",
    "failure_decisions",
    "drafts",
)
VIEWS = ("read_senders",)
APPEND_ONLY = ("audit_log", "workspace_invitations")  # of the second the role removes rows, and changes none
# The service's own, to which the tenants' role has no rights at all.
WITHHELD = (
    "workspaces",
    "members",
    "users",
    "identities",
    "sessions",
    "password_resets",
    "invitations",
    "oidc_logins",
    "workers",
    "lanes",
    "installation",
)


async def _fill(pool: Pool, user: User) -> None:
    """At least one row of the user in every tenant table."""
    await create_key(pool, LOCAL.of(user.id), user.workspace_id, "test")
    async with transaction(pool) as conn:
        campaign_id, sender_id = await insert_campaign(conn, user.workspace_id, ["SENT", "SCHEDULED"])
        params = {"user": user.workspace_id, "sender": sender_id, "campaign": campaign_id}
        for statement in (
            b"INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at) "
            b"SELECT workspace_id, id, 1, 'ACCEPTED', now() FROM emails WHERE workspace_id = %(user)s LIMIT 1",
            b"UPDATE emails SET recipient_key = address_digest(recipient) WHERE workspace_id = %(user)s",
            b"INSERT INTO campaign_steps (workspace_id, campaign_id, position, wait) "
            b"VALUES (%(user)s, %(campaign)s, 1, '0')",
            b"INSERT INTO step_contents (workspace_id, step_id, version, body, replaced_at) "
            b"SELECT workspace_id, id, 1, 'b', now() FROM campaign_steps WHERE workspace_id = %(user)s",
            b"INSERT INTO step_variants (workspace_id, campaign_id, position, weight) "
            b"VALUES (%(user)s, %(campaign)s, 1, 1)",
            b"INSERT INTO variant_contents (workspace_id, variant_id, version, body, replaced_at) "
            b"SELECT workspace_id, id, 1, 'b', now() FROM step_variants WHERE workspace_id = %(user)s",
            b"INSERT INTO domain_stops (workspace_id, campaign_id, domain) "
            b"VALUES (%(user)s, %(campaign)s, 'x.example')",
            b"INSERT INTO campaign_contents (workspace_id, campaign_id, version, subject, body) "
            b"VALUES (%(user)s, %(campaign)s, 1, 'Hello', 'You')",
            b"INSERT INTO login_windows (workspace_id, login_id, window_start, allowed) "
            b"SELECT workspace_id, id, now(), 1 FROM logins WHERE workspace_id = %(user)s",
            b"INSERT INTO campaign_hours (workspace_id, campaign_id, allowed) VALUES (%(user)s, %(campaign)s, 1)",
            b"INSERT INTO campaign_forecasts (workspace_id, campaign_id, ats, counts, gaps_ms) "
            b"VALUES (%(user)s, %(campaign)s, '{}', '{}', '{}')",
            b"INSERT INTO plan_changes (workspace_id, campaign_id, sender_id) "
            b"VALUES (%(user)s, %(campaign)s, %(sender)s)",
            b"INSERT INTO sender_dns (workspace_id, sender_id, domain) VALUES (%(user)s, %(sender)s, 'example.com')",
            b"INSERT INTO inboxes (workspace_id, sender_id) VALUES (%(user)s, %(sender)s)",
            b"INSERT INTO inbox_places (workspace_id, sender_id, folder, uid_validity, uid) "
            b"VALUES (%(user)s, %(sender)s, 'INBOX', 1, 1)",
            b"INSERT INTO sent_readings (workspace_id, email_id, attempt, last_at) "
            b"SELECT workspace_id, id, 1, now() FROM emails WHERE workspace_id = %(user)s",
            b"INSERT INTO sent_copies (workspace_id, email_id) SELECT workspace_id, id FROM emails "
            b"WHERE workspace_id = %(user)s",
            b"INSERT INTO responses (workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak, "
            b"message_id, folder, uid_validity, uid, received_at, subject, text, attachments) "
            b"VALUES (%(user)s, 'REPLY', 1, %(campaign)s, 1, %(sender)s, 'a@example.com', false, 'm', 'INBOX', 1, 1, "
            b"now(), '', '', '{}')",
            b"INSERT INTO suppressions (workspace_id, key, kind, name, reason) "
            b"VALUES (%(user)s, address_digest('a@example.com'), 'ADDRESS', 'a@example.com', 'MANUAL')",
            b"INSERT INTO wire_checks (workspace_id, sender_id, reader_id) VALUES (%(user)s, %(sender)s, %(sender)s)",
            b"INSERT INTO drafts (workspace_id, name, content, size) VALUES (%(user)s, 'd', '{}', 2)",
            b"INSERT INTO failure_decisions (workspace_id, verb, total) VALUES (%(user)s, 'RETRY', 1)",
            b"INSERT INTO idempotency_keys (workspace_id, key, fingerprint) VALUES (%(user)s, 'k', 'f')",
            b"INSERT INTO sandbox_messages (workspace_id, envelope_from, envelope_to, content) "
            b"VALUES (%(user)s, 'a@example.com', '{b@example.com}', 'x')",
            b"INSERT INTO webhooks (workspace_id, url, events) "
            b"VALUES (%(user)s, 'https://example.com', '{email.failed}')",
            b"INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, data) "
            b"SELECT workspace_id, id, 'email.failed', '{}' FROM webhooks WHERE workspace_id = %(user)s",
            b"INSERT INTO workspace_invitations (workspace_id, token_sha256, invited_by, role, expires_at) "
            b"SELECT workspace_id, sha256(workspace_id::text::bytea), user_id, 'viewer', now() FROM members "
            b"WHERE workspace_id = %(user)s",
            b"INSERT INTO signatures (workspace_id, sender_id, text) VALUES (%(user)s, %(sender)s, 'Ann')",
            b"INSERT INTO campaign_signatures (workspace_id, campaign_id, sender_id, text) "
            b"VALUES (%(user)s, %(campaign)s, %(sender)s, 'Ann')",
            b"INSERT INTO templates (workspace_id, name, subject, body) VALUES (%(user)s, 'n', 's', 'b')",
            b"INSERT INTO files (workspace_id, name, type, is_image, size) VALUES (%(user)s, 'a', 'b/c', false, 1)",
            b"INSERT INTO file_pieces (workspace_id, file_id, number, content) "
            b"SELECT workspace_id, id, 0, 'x' FROM files WHERE workspace_id = %(user)s",
            b"INSERT INTO recipient_lists (workspace_id, kind, size, rows) VALUES (%(user)s, 'json', 1, 1)",
            b"INSERT INTO recipient_list_chunks (workspace_id, list_id, number, content) "
            b"SELECT workspace_id, id, 0, 'x' FROM recipient_lists WHERE workspace_id = %(user)s",
            b"INSERT INTO saved_lists (workspace_id, name) VALUES (%(user)s, 'Buyers')",
            b"INSERT INTO saved_recipients (workspace_id, list_id, mailbox, address, fields) "
            b"SELECT workspace_id, id, 'a@example.com', 'A@example.com', '{}' FROM saved_lists "
            b"WHERE workspace_id = %(user)s",
            b"INSERT INTO refusals (workspace_id, login_id, stream_id, signature, last_at, emails) "
            b"SELECT workspace_id, login_id, streams.id, 'x', now(), 5 "
            b"FROM streams JOIN senders USING (workspace_id) WHERE workspace_id = %(user)s",
            b"INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at) "
            b"SELECT workspace_id, login_id, streams.id, 'REFUSED', 'x', '554 no', now(), now() "
            b"FROM streams JOIN senders USING (workspace_id) WHERE workspace_id = %(user)s",
        ):
            await conn.execute(statement, params)


@pytest.fixture
async def other(pool: Pool, box: SecretBox, user: User) -> User:
    other = await create_user(pool, box, "other@example.com", "battery staple", default_hourly_limit=100)
    await _fill(pool, user)
    await _fill(pool, other)
    return other


async def _count(conn: Conn, table: str, where: str = "true") -> int:
    query = sql.SQL("SELECT count(*) AS n FROM {} WHERE {}").format(sql.Identifier(table), sql.SQL(where))  # pyright: ignore
    row = await (await conn.execute(query)).fetchone()
    assert row
    return row["n"]


async def test_every_table_with_a_workspace_id_is_a_tenant_table(pool: Pool) -> None:
    async with pool.connection() as conn:
        rows = await conn.execute(
            "SELECT table_name FROM information_schema.columns "
            "WHERE column_name = 'workspace_id' AND table_schema = 'public'"
        )
        with_workspace = {row["table_name"] for row in await rows.fetchall()}
    assert with_workspace - set(WITHHELD) == {*TABLES, *VIEWS}


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_shows_what_its_reader_may_see(pool: Pool, user: User, other: User, view: str) -> None:
    async with transaction(pool) as conn:
        await conn.execute(b"UPDATE senders SET imap_host = 'imap.example.com', imap_port = 993, imap_security = 'tls'")
        assert await _count(conn, view, f"workspace_id = {other.workspace_id}") == 1
    async with transaction(pool, user.workspace_id) as conn:
        assert await _count(conn, view) == 1
        assert await _count(conn, view, f"workspace_id IS DISTINCT FROM {user.workspace_id}") == 0


@pytest.mark.parametrize("table", TABLES)
async def test_a_user_sees_own_rows_only(pool: Pool, user: User, other: User, table: str) -> None:
    async with transaction(pool, user.workspace_id) as conn:
        assert await _count(conn, table) >= 1
        assert await _count(conn, table, f"workspace_id IS DISTINCT FROM {user.workspace_id}") == 0
    async with transaction(pool) as conn:
        assert await _count(conn, table, f"workspace_id = {other.workspace_id}") >= 1


async def test_nobody_changes_the_log_or_an_invitation(pool: Pool, user: User, other: User) -> None:
    for statement in (
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "UPDATE workspace_invitations SET role = 'owner'",
    ):
        with pytest.raises(InsufficientPrivilege):
            async with transaction(pool, user.workspace_id) as conn:
                await conn.execute(statement.encode())


@pytest.mark.parametrize("table", [table for table in TABLES if table not in APPEND_ONLY])
async def test_a_user_changes_and_deletes_own_rows_only(pool: Pool, user: User, other: User, table: str) -> None:
    async with transaction(pool) as conn:
        before = await _count(conn, table, f"workspace_id = {other.workspace_id}")
    async with transaction(pool, user.workspace_id) as conn:
        name = sql.Identifier(table)
        changed = await conn.execute(
            sql.SQL("UPDATE {} SET workspace_id = workspace_id WHERE workspace_id = {}").format(
                name, other.workspace_id
            )
        )
        assert changed.rowcount == 0
        deleted = await conn.execute(sql.SQL("DELETE FROM {} WHERE workspace_id = {}").format(name, other.workspace_id))
        assert deleted.rowcount == 0
    async with transaction(pool) as conn:
        assert await _count(conn, table, f"workspace_id = {other.workspace_id}") == before


async def test_a_user_writes_no_row_for_another(pool: Pool, user: User, other: User) -> None:
    with pytest.raises(InsufficientPrivilege, match="row-level security"):
        async with transaction(pool, user.workspace_id) as conn:
            await conn.execute(
                "INSERT INTO idempotency_keys (workspace_id, key, fingerprint) VALUES (%s, 'mine', 'x')",
                (other.workspace_id,),
            )


async def test_a_campaign_cannot_name_another_users_sender(pool: Pool, user: User, other: User) -> None:
    async with transaction(pool) as conn:
        row = await (
            await conn.execute("SELECT id FROM senders WHERE workspace_id = %s", (other.workspace_id,))
        ).fetchone()
        assert row
    with pytest.raises(ForeignKeyViolation):
        async with transaction(pool, user.workspace_id) as conn:
            await conn.execute("UPDATE campaigns SET sender_id = %s", (row["id"],))


async def test_no_foreign_key_of_a_tenant_table_reaches_into_anothers_rows(pool: Pool) -> None:
    """Foreign keys look past row-level security: each names the workspace on both sides."""
    async with pool.connection() as conn:
        found = await conn.execute(
            "SELECT c.conname FROM pg_constraint c WHERE c.contype = 'f'"
            " AND c.conrelid::regclass::text = ANY (%(tables)s) AND c.confrelid::regclass::text = ANY (%(tables)s)"
            " AND NOT EXISTS (SELECT FROM unnest(c.conkey, c.confkey) AS pair (own, theirs)"
            " JOIN pg_attribute o ON o.attrelid = c.conrelid AND o.attnum = pair.own AND o.attname = 'workspace_id'"
            " JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = pair.theirs"
            " AND t.attname = 'workspace_id')",
            {"tables": list(TABLES)},
        )
        assert await found.fetchall() == []


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_user_the_role_sees_nothing(pool: Pool, other: User, table: str) -> None:
    async with transaction(pool) as conn:
        await conn.execute("SET LOCAL ROLE reachinbox_tenant")
        assert await _count(conn, table) == 0


@pytest.mark.parametrize("table", [*WITHHELD, "login_attempts", "_yoyo_migration"])
async def test_the_role_has_no_rights_to_what_is_not_the_tenants(pool: Pool, user: User, table: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with transaction(pool, user.workspace_id) as conn:
            await _count(conn, table)


async def test_the_next_transaction_on_the_connection_is_nobodys(pool: Pool, user: User) -> None:
    async with pool.connection() as conn:
        async with conn.transaction():
            await conn.execute(
                "SELECT set_config('role', 'reachinbox_tenant', true), set_config('reachinbox.workspace_id', '1', true)"
            )
        row = await (
            await conn.execute("SELECT current_user, current_setting('reachinbox.workspace_id', true) AS u")
        ).fetchone()
    assert row
    assert row["current_user"] != "reachinbox_tenant"
    assert not row["u"]


# What is left to whoever could run SQL of their own within a tenant's transaction. Row-level security bounds what a
# query forgets, not what it says: RESET ROLE leads back to the service's role. That one is bounded in its turn.

OUT = (
    *("RESET ROLE", "SELECT set_config('role', 'none', true)", "SET LOCAL ROLE NONE"),
    "SET SESSION AUTHORIZATION DEFAULT",
)
FORBIDDEN = (
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY sandbox_messages (content) FROM '/etc/passwd'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "ALTER SYSTEM SET log_statement = 'all'",
    "CREATE ROLE another LOGIN",
    "ALTER ROLE reachinbox_service SUPERUSER",
    "ALTER ROLE reachinbox_service BYPASSRLS",
    "CREATE DATABASE another",
    "SET session_replication_role = 'replica'",
    "SET SESSION AUTHORIZATION reachinbox",
    "CREATE FUNCTION shell(text) RETURNS integer LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'",
)


@pytest.mark.parametrize("out", OUT)
async def test_beyond_the_role_there_is_the_service_and_not_the_server(pool: Pool, user: User, out: str) -> None:
    async with transaction(pool, user.workspace_id) as conn:
        await conn.execute(out.encode())
        row = await (await conn.execute("SELECT current_user")).fetchone()
        assert row == {"current_user": "reachinbox_service"}
        for statement in FORBIDDEN:
            refused = (InsufficientPrivilege, ActiveSqlTransaction)  # the second: not in any transaction
            with pytest.raises(refused):
                async with conn.transaction():
                    await conn.execute(statement.encode())


async def test_the_service_itself_is_bound_by_the_policies_of_each_table(pool: Pool, user: User, other: User) -> None:
    """It sees all rows since each table has a policy that says so, not since it bypasses them."""
    async with transaction(pool) as conn:
        row = await (
            await conn.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        ).fetchone()
        assert row == {"rolsuper": False, "rolbypassrls": False}
        await conn.execute("DROP POLICY service ON senders")
        assert await _count(conn, "senders") == 0
        raise Rollback
