"""The tables of tenants, a row in each, and what retention leaves of them."""

from __future__ import annotations

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.ledger import retention
from app.domain.operations import workers
from app.domain.workspaces.keys import create_key
from app.settings import Settings
from tests.support.engine import register_worker
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
    "stream_hours",
    "earlier_mailboxes",
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
    "gone_responses",
    "sent_readings",
    "sent_copies",
    "files",
    "file_pieces",
    "wire_checks",
    "failure_decisions",
    "drafts",
)


async def fill(pool: Pool, user: User) -> None:
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
            b"INSERT INTO stream_hours (workspace_id, stream_id, hour, used) "
            b"SELECT workspace_id, id, this_hour(), 1 FROM streams WHERE workspace_id = %(user)s",
            b"INSERT INTO earlier_mailboxes (workspace_id, stream_id, sender_id) "
            b"SELECT workspace_id, id, sender_id FROM streams WHERE workspace_id = %(user)s",
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
            b"INSERT INTO gone_responses (workspace_id, email_id, kind) "
            b"SELECT workspace_id, id, 'REPLY' FROM emails WHERE workspace_id = %(user)s LIMIT 1",
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
            b"INSERT INTO saved_lists (workspace_id, name, recipients, size) VALUES (%(user)s, 'Buyers', 1, 50)",
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


async def clean_up(pool: Pool) -> None:
    """Remove all that retention removes, to the end."""
    token = await register_worker(pool, "cleaner")
    for chore in retention.chores(Settings()):
        while await retention.remove_batch(pool, token, chore) is not None:
            pass
    await workers.unregister(pool, token)
