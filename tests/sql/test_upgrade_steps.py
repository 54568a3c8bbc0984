"""To senders that know that their campaign has steps (migration 0082)."""

from __future__ import annotations

import psycopg

from app.db import migrate
from tests.support.pg import TemplateServer, migrate_to

BEFORE = "0079_zzz"
FILL = """
INSERT INTO workspaces (id, name) VALUES (1, 'Mine');
INSERT INTO logins (workspace_id, hourly_limit, max_connections) VALUES (1, 5, 1);
INSERT INTO senders (workspace_id, login_id, email)
SELECT 1, id, n || '@example.com' FROM logins, unnest('{a,b}'::text[]) n;
INSERT INTO campaigns (workspace_id, sender_id, name, subject, body, start_at)
SELECT 1, min(s.id), n, 's', 'b', now() FROM senders s, unnest('{stepped,plain}'::text[]) n GROUP BY n;
INSERT INTO campaign_steps (workspace_id, campaign_id, position, wait)
SELECT 1, id, 1, '0' FROM campaigns WHERE name = 'stepped';
INSERT INTO streams (workspace_id, campaign_id, sender_id, gap_ms, stepped, total, scheduled)
SELECT 1, c.id, s.id, 0, c.name = 'stepped' AND s.email = 'a@example.com', 1, 1 FROM campaigns c, senders s;
INSERT INTO emails (workspace_id, campaign_id, stream_id, recipient, scheduled_at, step_id)
SELECT 1, t.campaign_id, t.id, t.id || '@example.com', now(), p.id
FROM streams t LEFT JOIN campaign_steps p ON p.campaign_id = t.campaign_id
"""


def test_a_sender_that_was_added_to_a_campaign_with_steps_can_record_what_it_sent(postgres: TemplateServer) -> None:
    url = postgres.empty()
    migrate_to(url, BEFORE)
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in FILL.split(";\n"):
            conn.execute(statement.encode())
        migrate(url)
        stepped = "SELECT c.name, t.stepped FROM streams t JOIN campaigns c ON c.id = t.campaign_id ORDER BY 1, 2"
        assert conn.execute(stepped.encode()).fetchall() == [("plain", False)] * 2 + [("stepped", True)] * 2
        conn.execute("UPDATE streams SET following = following + 1 WHERE stepped")
