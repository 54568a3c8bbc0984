"""The tables can be distributed by workspace_id, as Citus does it: docs/scaling.md says when, this keeps it possible.

A distributed table needs the distribution column in its primary key, in each unique constraint and index, and in each
foreign key between two such tables, paired with itself. References to small tables that are copied to every node
(`users`, `workers`) need not have it. A new table goes into DISTRIBUTED, or into LOCAL with a reason.
"""

from __future__ import annotations

from app.db import Pool
from tests.support.engine import rows

# Tables that grow with emails, and those that are read in one query with them.
DISTRIBUTED = {
    "senders",
    "campaigns",
    "campaign_contents",
    "campaign_steps",
    "step_contents",
    "step_variants",
    "variant_contents",
    "domain_stops",
    "campaign_signatures",
    "signatures",
    "emails",
    "attempts",
    "addressed",
    "logins",
    "login_windows",
    "streams",
    "stream_hours",
    "earlier_mailboxes",
    "campaign_hours",
    "campaign_forecasts",
    "plan_changes",
    "webhook_deliveries",
    "webhooks",
    "lanes",
    "idempotency_keys",
    "refusals",
    "holds",
    "sender_dns",
    "suppressions",
    "inboxes",
    "inbox_places",
    "responses",
    "gone_responses",
    "sent_readings",
    "sent_copies",
    "wire_checks",
    "failure_decisions",
    "files",
    "file_pieces",
}
# These stay on one node, each for a reason.
LOCAL = {
    "workspaces": "small; copied to every node",
    "members": "small; found by person, before anybody knows in which workspace",
    "workspace_invitations": "small; found by token, before anybody knows into which workspace",
    "recipient_lists": "removed when unused for days; not read with emails",
    "drafts": "small; read by whoever writes, not with emails",
    "templates": "small; read by whoever writes, not with emails",
    "recipient_list_chunks": "removed with their list; not read with emails",
    "saved_lists": "small beside the emails; not read with them",
    "saved_recipients": "copied into a campaign as it is scheduled; not read with emails",
    "audit_log": "small beside the emails; what somebody did to their own account belongs to no workspace",
    "users": "small; found by address at login, before anybody knows who it is",
    "identities": "small; found by issuer and subject at login",
    "api_keys": "small; found by digest, before anybody knows whose it is",
    "sessions": "small; found by token, before anybody knows whose it is",
    "password_resets": "small; found by the id in the link",
    "invitations": "small; found by token, and their user does not exist yet",
    "oidc_logins": "small; nobody's yet",
    "login_attempts": "small; counts by address",
    "workers": "small; everybody's",
    "installation": "one row; everybody's",
    "sandbox_messages": "trials only",
}


async def test_every_table_is_either_distributed_by_workspace_or_has_a_reason_not_to_be(pool: Pool) -> None:
    ours = await rows(
        pool,
        r"""
        SELECT relname FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relispartition
          AND relname NOT LIKE 'procrastinate\_%%' AND relname NOT LIKE '\_yoyo%%' AND relname <> 'yoyo_lock'
        """,
    )
    assert {r["relname"] for r in ours} == DISTRIBUTED | LOCAL.keys()


async def test_every_unique_key_of_a_distributed_table_has_the_workspace_in_it(pool: Pool) -> None:
    without = await rows(
        pool,
        """
        SELECT i.indexrelid::regclass::text AS name
        FROM pg_index i
        WHERE i.indrelid::regclass::text = ANY (%s) AND (i.indisunique OR i.indisexclusion)
          AND NOT EXISTS (
              SELECT FROM pg_attribute a
              WHERE a.attrelid = i.indrelid AND a.attname = 'workspace_id'
                AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
          )
        """,
        list(DISTRIBUTED),
    )
    assert without == []


async def test_every_workspace_id_of_a_distributed_table_is_there(pool: Pool) -> None:
    nullable = await rows(
        pool,
        """
        SELECT attrelid::regclass::text AS name FROM pg_attribute
        WHERE attrelid::regclass::text = ANY (%s) AND attname = 'workspace_id' AND attnotnull
          AND atttypid = 'bigint'::regtype
        """,
        list(DISTRIBUTED),
    )
    assert {r["name"] for r in nullable} == DISTRIBUTED


async def test_a_foreign_key_between_distributed_tables_pairs_the_workspace_with_itself(pool: Pool) -> None:
    keys = await rows(
        pool,
        """
        SELECT c.conrelid::regclass::text AS "from", c.confrelid::regclass::text AS "to",
               EXISTS (
                   SELECT FROM unnest(c.conkey, c.confkey) AS pair (own, theirs)
                   JOIN pg_attribute o ON o.attrelid = c.conrelid AND o.attnum = pair.own AND o.attname = 'workspace_id'
                   JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = pair.theirs
                                       AND t.attname = 'workspace_id'
               ) AS pairs_workspace
        FROM pg_constraint c
        WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY (%s)
        """,
        list(DISTRIBUTED),
    )
    between = [key for key in keys if key["to"] in DISTRIBUTED]
    assert len(between) >= 5
    assert [key for key in between if not key["pairs_workspace"]] == []
    # To what stays local: only to what is small enough to be copied to every node.
    assert {key["to"] for key in keys} - DISTRIBUTED <= {"workspaces", "users", "workers"}
