"""Tenants apart: the role the API works as, and what it may see.

`reachinbox_tenant` cannot log in; the API takes it on with SET LOCAL ROLE for the length of a transaction and
names the user in `reachinbox.user_id`. Row-level security is forced, so that the owner of the tables obeys it
too; the owner itself (worker, migrations) has a policy that lets it pass.

Harmless when run twice: policies are dropped before they are made, the role is made only when it is not there.
"""

from typing import Any

from yoyo import step

TENANT_TABLES = (
    "api_keys",
    "senders",
    "campaigns",
    "emails",
    "attempts",
    "sender_windows",
    "idempotency_keys",
    "sandbox_messages",
)

# Whoever set the database up may have made the role and granted it: then the owner needs no right to make roles.
ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reachinbox_tenant') THEN
        CREATE ROLE reachinbox_tenant NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole cluster: another database of it, or another container starting now, made it.
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
MEMBERSHIP = """
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_auth_members
        WHERE roleid = 'reachinbox_tenant'::regrole AND member = current_user::regrole AND NOT admin_option
    ) THEN
        GRANT reachinbox_tenant TO CURRENT_USER;
    END IF;
END $$
"""


def apply(conn: Any) -> None:
    cursor = conn.cursor()
    cursor.execute(ROLE)
    cursor.execute(MEMBERSHIP)
    cursor.execute("SELECT current_schema(), current_user")
    schema, owner = cursor.fetchone()
    cursor.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO reachinbox_tenant')
    for table in TENANT_TABLES:
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO reachinbox_tenant")
        cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        cursor.execute(f"DROP POLICY IF EXISTS own_rows ON {table}")
        cursor.execute(
            f"CREATE POLICY own_rows ON {table} TO reachinbox_tenant USING "
            "(user_id = (SELECT nullif(current_setting('reachinbox.user_id', true), '')::bigint))"
        )
        cursor.execute(f"DROP POLICY IF EXISTS service ON {table}")
        cursor.execute(f'CREATE POLICY service ON {table} TO "{owner}" USING (true)')
    # A wake-up is deferred in the transaction that makes it due; its arguments are ids only.
    cursor.execute("GRANT SELECT, INSERT ON procrastinate_jobs, procrastinate_events TO reachinbox_tenant")
    cursor.execute(
        "GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO reachinbox_tenant"
    )


steps = [step(apply)]
