"""The database refuses impossible states by itself, whatever the code above it does."""

from __future__ import annotations

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, LockNotAvailable, UniqueViolation

from app.db import Pool, transaction
from app.domain.accounts.users import User
from tests.support.ledger import insert_campaign


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE streams SET sent = sent + 1",  # counts that do not add up to the total
        "UPDATE streams SET scheduled = scheduled - 1",
        "UPDATE streams SET total = total + 1",
        "UPDATE streams SET scheduled = -1, sent = sent + 2",
        "UPDATE streams SET given = 1",  # without why and when
        "UPDATE streams SET given_for = 'LOGIN', given_at = now()",  # nothing
        "UPDATE streams SET gap_ms = -1",
        "UPDATE campaigns SET status = 'FINISHED', finished_at = now()",  # with an email still waiting
        "UPDATE campaigns SET finished_at = now()",  # while ACTIVE
        "UPDATE campaigns SET delay_ms = -1",
        "UPDATE campaigns SET hourly_limit = 0",
        "UPDATE campaigns SET stored_bytes = -1",
        "UPDATE emails SET status = 'SENT' WHERE status = 'SCHEDULED'",  # without a time
        "UPDATE emails SET sent_at = NULL WHERE status = 'SENT'",
        "UPDATE emails SET status = 'FAILED' WHERE status = 'SENT'",  # with one
        "UPDATE emails SET status = 'SENDING' WHERE status = 'SCHEDULED'",  # without an owner
        "UPDATE emails SET claim_token = gen_random_uuid() WHERE status = 'SCHEDULED'",
        "UPDATE emails SET status = 'SENDING', claim_token = gen_random_uuid(), claimed_at = NULL "
        "WHERE status = 'SCHEDULED'",
        "UPDATE logins SET hourly_limit = 0",
        "UPDATE logins SET max_connections = 0",
        "UPDATE logins SET daily_limit = 0",
        "UPDATE logins SET least_gap_ms = -1",
        "UPDATE logins SET ramp_from = 5",  # without what comes on each day
        "UPDATE senders SET block_kind = 'MOOD'",
        "INSERT INTO campaign_hours (workspace_id, campaign_id, allowed) SELECT workspace_id, id, 0 FROM campaigns",
        "UPDATE senders SET port = 25",  # of no host
        "UPDATE senders SET host = 'h', port = 70000, security = 'tls'",
        "UPDATE senders SET username = 'u'",  # without a password
        "UPDATE senders SET username = 'u', password_encrypted = 'x'",  # for the fallback server
        "UPDATE senders SET blocked_until = now()",  # without a reason
        "INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, used) "
        "SELECT workspace_id, id, now(), 1, -1 FROM logins",
        "UPDATE api_keys SET key_sha256 = 'short'",
        "UPDATE streams SET bounced = -1",
        "UPDATE streams SET insists = true",  # of a campaign to a list
        "UPDATE workspaces SET bounce_limit = 0",
        "UPDATE installation SET link_key = 'short'",
        "UPDATE streams SET replied = -1",
        "INSERT INTO inboxes (workspace_id, sender_id, lease_token) "
        "SELECT workspace_id, id, gen_random_uuid() FROM senders",  # without an end
        "INSERT INTO inboxes (workspace_id, sender_id, failures) SELECT workspace_id, id, 1 FROM senders",  # no words
        "INSERT INTO inboxes (workspace_id, sender_id, watched_until) SELECT workspace_id, id, now() FROM senders",
        "INSERT INTO responses (workspace_id, kind, email_id, campaign_id, stream_id, sender_id, recipient, weak, "
        "message_id, folder, uid_validity, uid, received_at, subject, text, attachments) "
        "SELECT workspace_id, 'BOUNCE', 1, 1, 1, 1, 'a', false, 'm', 'INBOX', 1, 1, now(), '', '', '{}' FROM emails",
        "INSERT INTO suppressions (workspace_id, key, kind, name, reason) "
        "SELECT id, 'short', 'ADDRESS', 'a@example.com', 'MANUAL' FROM workspaces",
    ],
)
async def test_an_impossible_state_is_refused(pool: Pool, user: User, change: str) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "SENT"])
        await conn.execute(
            "INSERT INTO api_keys (workspace_id, made_by, key_sha256, name) VALUES (%s, %s, sha256('k'), 'n')",
            (user.workspace_id, user.id),
        )
    with pytest.raises(CheckViolation):
        async with transaction(pool) as conn:
            await conn.execute(change.encode())


async def test_a_campaign_owes_an_address_one_email_whatever_its_case(pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
    with pytest.raises(UniqueViolation):
        async with transaction(pool) as conn:
            await conn.execute(
                "INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at) "
                "SELECT workspace_id, campaign_id, stream_id, upper(recipient), now() FROM emails"
            )


@pytest.mark.parametrize(
    "stray",
    [
        "INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at) "
        "SELECT workspace_id, campaign_id, stream_id + n, 'n' || n, now() FROM emails, generate_series(0, 9) n",
        "INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at) "
        "SELECT workspace_id, campaign_id + 1, stream_id, recipient, now() FROM emails",
        "INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at) "
        "SELECT workspace_id + 1, campaign_id, stream_id, recipient, now() FROM emails",
        "UPDATE emails SET stream_id = stream_id + 1",
        "UPDATE emails SET campaign_id = campaign_id + 1",
    ],
)
async def test_an_email_belongs_to_a_stream_of_its_campaign(pool: Pool, user: User, stray: str) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
    with pytest.raises(ForeignKeyViolation, match="has no stream"):
        async with transaction(pool) as conn:
            await conn.execute(stray.encode())


async def test_a_stream_that_is_deleted_takes_its_emails_along(pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED", "SENT"])
        await conn.execute("DELETE FROM streams WHERE id = (SELECT min(id) FROM streams)")
        emails = await (await conn.execute("SELECT count(*) AS n FROM emails")).fetchone()
    assert emails == {"n": 2}


async def test_a_stream_is_not_deleted_while_emails_are_made_for_it(pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
    async with transaction(pool) as conn:
        await conn.execute(
            "INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at) "
            "SELECT workspace_id, campaign_id, stream_id, 'another', now() FROM emails"
        )
        async with pool.connection() as other, other.transaction(force_rollback=True):
            await other.execute("SELECT set_config('lock_timeout', '50ms', true)")
            with pytest.raises(LockNotAvailable):
                await other.execute("DELETE FROM streams")


async def test_one_address_is_one_account_whatever_its_case(pool: Pool, user: User) -> None:
    with pytest.raises(UniqueViolation):
        async with transaction(pool) as conn:
            await conn.execute("INSERT INTO users (email) VALUES ('OWNER@Example.com')")


async def test_a_user_has_one_default_sender(pool: Pool, user: User) -> None:
    with pytest.raises(UniqueViolation):
        async with transaction(pool) as conn:
            await conn.execute(
                "INSERT INTO senders (workspace_id, email, login_id, is_default) "
                "SELECT workspace_id, 'b@example.com', id, true FROM logins WHERE workspace_id = %s",
                (user.workspace_id,),
            )


async def test_a_sender_with_campaigns_stays(pool: Pool, user: User) -> None:
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SENT"])
    with pytest.raises(ForeignKeyViolation):
        async with transaction(pool) as conn:
            await conn.execute("DELETE FROM senders")


async def test_an_attempt_has_a_number_of_its_own_and_goes_with_its_email(pool: Pool, user: User) -> None:
    attempt = (
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at) "
        "SELECT workspace_id, id, 1, 'ACCEPTED', now() FROM emails"
    )
    async with transaction(pool) as conn:
        await insert_campaign(conn, user.workspace_id, ["SENT"])
        kept, _ = await insert_campaign(conn, user.workspace_id, ["SENT"])
        await conn.execute(attempt)
    with pytest.raises(UniqueViolation):
        async with transaction(pool) as conn:
            await conn.execute(attempt)
    async with transaction(pool) as conn:
        await conn.execute("DELETE FROM campaigns WHERE id <> %s", [kept])
        left = await conn.execute(
            "SELECT e.campaign_id FROM attempts a"
            " LEFT JOIN emails e ON e.workspace_id = a.workspace_id AND e.id = a.email_id"
        )
        assert await left.fetchall() == [{"campaign_id": kept}]
