"""Tenants apart, as Postgres sees it: raw SQL as the API's role reaches one workspace's rows and no other's."""

from __future__ import annotations

import pytest
from psycopg import Rollback, sql
from psycopg.errors import ActiveSqlTransaction, ForeignKeyViolation, InsufficientPrivilege

from app.db import Conn, Pool, transaction
from app.domain.accounts.users import User, create_user
from app.secrets import SecretBox
from tests.support.tenants import TABLES, fill

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


@pytest.fixture
async def other(pool: Pool, box: SecretBox, user: User) -> User:
    other = await create_user(pool, box, "other@example.com", "battery staple", default_hourly_limit=100)
    await fill(pool, user)
    await fill(pool, other)
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


# Ways out for somebody who could run SQL of their own within a tenant's transaction. Row-level security bounds what a
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
