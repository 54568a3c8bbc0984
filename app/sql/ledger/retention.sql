-- name: eldest_worker
-- Whether this worker is the live one that started first: it alone cleans up.
SELECT token = %(token)s AS is_us FROM workers WHERE lease_until > now() ORDER BY started_at, token LIMIT 1;

-- name: note_cancelled
-- Cancelled campaigns age from when they are first seen here.
UPDATE campaigns SET cancelled_at = now() WHERE status = 'CANCELLED' AND cancelled_at IS NULL;

-- name: note_spans
-- Where the emails of a campaign lie that a version wrote which did not note it; of one, since it is a long look.
UPDATE campaigns c
SET (first_email_id, last_email_id) = (
    SELECT coalesce(min(e.id), 1), coalesce(max(e.id), 0) FROM emails e WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.id)
WHERE (c.workspace_id, c.id) = (
    SELECT workspace_id, id FROM campaigns
    WHERE first_email_id IS NULL AND emails_removed_at IS NULL
      AND coalesce(finished_at, cancelled_at) < now() - make_interval(days => %(days)s)
    LIMIT 1)
RETURNING 0 AS removed;

-- name: remove_emails
-- Remove a batch of emails, and their attempts with them, of the campaign that has been over the longest; nothing of
-- it waits or is being sent. Its counters stay. The rest begins where the batch ended, or with what was left of it since
-- somebody had decided on it, so that a crash at any point costs nothing but the batch. No row: no campaign is old enough.
WITH old AS MATERIALIZED (
    SELECT c.workspace_id, c.id, c.first_email_id, c.last_email_id FROM campaigns c
    WHERE coalesce(c.finished_at, c.cancelled_at) < now() - make_interval(days => %(days)s)
      AND c.first_email_id <= c.last_email_id AND NOT EXISTS (
          SELECT FROM streams s
          WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.scheduled + s.sending > 0)
    ORDER BY coalesce(c.finished_at, c.cancelled_at)
    LIMIT 1
),
-- Nobody decides on its emails meanwhile.
streams AS MATERIALIZED (
    SELECT s.id FROM streams s JOIN old o ON o.workspace_id = s.workspace_id AND o.id = s.campaign_id
    ORDER BY s.id
    FOR NO KEY UPDATE OF s
),
batch AS MATERIALIZED (
    SELECT e.* FROM old o
    CROSS JOIN LATERAL emails_within(o.workspace_id, o.id, o.first_email_id, o.last_email_id, %(batch)s) e
),
removed AS (
    DELETE FROM emails e USING batch b
    WHERE e.workspace_id = b.workspace_id AND e.id = b.id AND (SELECT count(*) FROM streams) > 0
      AND e.status NOT IN ('SCHEDULED', 'SENDING')  -- as somebody may have decided just before
    RETURNING e.id
),
n AS (
    SELECT count(*) AS n, max(b.id) AS last_id, count(r.id) AS removed, min(b.id) FILTER (WHERE r.id IS NULL) AS left_id
    FROM batch b LEFT JOIN removed r USING (id)
),
settled AS (  -- nobody is asked about them any more
    UPDATE streams s SET settled = s.failed
    FROM old o, n
    WHERE s.workspace_id = o.workspace_id AND s.campaign_id = o.id AND s.settled < s.failed
)
UPDATE campaigns c
SET emails_removed_at = coalesce(c.emails_removed_at, now()),
    first_email_id = coalesce(n.left_id, CASE WHEN n.n = %(batch)s THEN n.last_id ELSE c.last_email_id END + 1)
FROM old o, n
WHERE c.workspace_id = o.workspace_id AND c.id = o.id
RETURNING n.removed;

-- name: remove_attempts
-- The same for attempts alone: of a batch of emails of the campaign that has been over the longest.
WITH old AS MATERIALIZED (
    SELECT c.workspace_id, c.id, greatest(c.first_email_id, c.attempts_removed_to + 1) AS first_email_id,
           c.last_email_id
    FROM campaigns c
    WHERE coalesce(c.finished_at, c.cancelled_at) < now() - make_interval(days => %(days)s)
      AND c.attempts_removed_to < c.last_email_id AND c.first_email_id <= c.last_email_id
      AND NOT EXISTS (
          SELECT FROM streams s
          WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.scheduled + s.sending > 0)
    ORDER BY coalesce(c.finished_at, c.cancelled_at)
    LIMIT 1
    FOR NO KEY UPDATE OF c SKIP LOCKED
),
batch AS MATERIALIZED (
    SELECT e.* FROM old o
    CROSS JOIN LATERAL emails_within(o.workspace_id, o.id, o.first_email_id, o.last_email_id, %(batch)s) e
),
removed AS (
    DELETE FROM attempts a USING batch b WHERE a.workspace_id = b.workspace_id AND a.email_id = b.id RETURNING 1
),
n AS (SELECT count(*) AS n, max(id) AS last_id FROM batch)
UPDATE campaigns c
SET attempts_removed_to = CASE WHEN n.n = %(batch)s THEN n.last_id ELSE c.last_email_id END
FROM old o, n
WHERE c.workspace_id = o.workspace_id AND c.id = o.id
RETURNING (SELECT count(*) FROM removed) AS removed;

-- name: remove_sandbox_messages
-- Old messages of the sandbox mailbox.
WITH removed AS (
    DELETE FROM sandbox_messages WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM sandbox_messages WHERE received_at < now() - make_interval(days => %(days)s)
        ORDER BY received_at LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_deliveries
-- Remove deliveries too old for the log of webhooks, sent or not: after days of trying, such a webhook is disabled.
WITH removed AS (
    DELETE FROM webhook_deliveries WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM webhook_deliveries WHERE created_at < now() - make_interval(days => %(days)s)
        ORDER BY created_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_responses
-- Remove responses that came long ago. Their consequences, and the counts, stay: what each counted as is kept as long as its email
-- is there, and the stop of a domain is for good.
WITH gone AS MATERIALIZED (
    SELECT r AS it, r.workspace_id, r.id FROM responses r
    WHERE r.ctid = ANY (ARRAY (
        SELECT ctid FROM responses WHERE recorded_at < now() - make_interval(days => %(days)s)
        ORDER BY recorded_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED))
),
kinds AS MATERIALIZED (
    SELECT e.workspace_id, e.id AS email_id, counts_as(g.it) AS kind
    FROM gone g
    JOIN emails e ON e.workspace_id = g.workspace_id AND e.id = (g.it).email_id
    WHERE (g.it).forgotten_at IS NULL AND counts_as(g.it) IS NOT NULL
    ORDER BY e.workspace_id, e.id
    FOR KEY SHARE OF e  -- nobody removes these meanwhile
),
kept AS (
    INSERT INTO gone_responses (workspace_id, email_id, kind) SELECT DISTINCT workspace_id, email_id, kind FROM kinds
    ON CONFLICT DO NOTHING
),
stopping AS (
    UPDATE domain_stops d SET for_good = true
    FROM gone g CROSS JOIN LATERAL domain_stopped_by(g.it) o
    WHERE d.workspace_id = g.workspace_id AND d.campaign_id = o.campaign_id AND d.domain = o.domain AND NOT d.lifted
),
removed AS (
    DELETE FROM responses r USING gone g WHERE r.workspace_id = g.workspace_id AND r.id = g.id RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_stream_hours
-- Hours of streams, older than a day whose campaigns are named.
WITH removed AS (
    DELETE FROM stream_hours WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM stream_hours WHERE hour < now() - make_interval(days => %(days)s)
        ORDER BY hour LIMIT %(batch)s FOR UPDATE SKIP LOCKED))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_windows
-- Old hours of logins: what the charts are made of. A limit looks at a day of them; of older ones the ramp counts the days
-- on which something was sent, so a day whose last such hour goes is counted on its login.
WITH removed AS (
    DELETE FROM login_windows WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM login_windows WHERE window_start < now() - make_interval(days => %(days)s)
        ORDER BY window_start LIMIT %(batch)s))
    RETURNING workspace_id, login_id, window_start, used
),
counted AS (
    UPDATE logins l SET days_sent = l.days_sent + n.days
    FROM (
        SELECT r.workspace_id, r.login_id, count(DISTINCT d.day) AS days
        FROM removed r
        JOIN logins l ON l.workspace_id = r.workspace_id AND l.id = r.login_id
        CROSS JOIN LATERAL (SELECT (r.window_start AT TIME ZONE l.timezone)::date AS day) d
        WHERE r.used > 0
          AND NOT EXISTS (
              SELECT FROM login_windows w
              WHERE w.workspace_id = r.workspace_id AND w.login_id = r.login_id AND w.used > 0
                AND w.window_start BETWEEN r.window_start - interval '26 hours' AND r.window_start + interval '26 hours'
                AND (w.window_start AT TIME ZONE l.timezone)::date = d.day
                AND (w.window_start) NOT IN (SELECT o.window_start FROM removed o
                                             WHERE o.workspace_id = w.workspace_id AND o.login_id = w.login_id))
        GROUP BY r.workspace_id, r.login_id
    ) n
    WHERE l.workspace_id = n.workspace_id AND l.id = n.login_id
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_unused_lists
-- Lists of recipients that nobody uses and no draft names, a few at once: each can be hundreds of megabytes.
WITH removed AS (
    DELETE FROM recipient_lists WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM recipient_lists l
        WHERE used_at < now() - make_interval(days => %(days)s)
          AND NOT EXISTS (SELECT FROM drafts d WHERE d.workspace_id = l.workspace_id AND l.id = ANY (d.lists))
        ORDER BY used_at LIMIT greatest(%(batch)s / 200, 1) FOR UPDATE SKIP LOCKED))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_idempotency_keys
-- Answers nobody will ask for again.
WITH removed AS (
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM idempotency_keys WHERE created_at < now() - make_interval(days => %(days)s)
        ORDER BY created_at LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_expired_sessions
-- Sessions that nobody can use any more.
WITH removed AS (
    DELETE FROM sessions WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM sessions
        WHERE expires_at < now() OR last_seen_at < now() - make_interval(secs => %(idle_s)s) LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_expired_invitations
-- Invitations, used or not, that have been over for a while.
WITH removed AS (
    DELETE FROM invitations WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM invitations WHERE expires_at < now() - make_interval(days => %(days)s) LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_expired_resets
-- Password resets whose link has stopped working.
WITH removed AS (
    DELETE FROM password_resets WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM password_resets WHERE expires_at < now() - make_interval(days => %(days)s) LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_unfinished_logins
-- Logins at a provider that were begun and never came back.
WITH removed AS (
    DELETE FROM oidc_logins WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM oidc_logins WHERE created_at < now() - make_interval(days => %(days)s) LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_login_attempts
-- Counts of failed logins from windows long closed.
WITH removed AS (
    DELETE FROM login_attempts WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM login_attempts WHERE window_start < now() - make_interval(days => %(days)s) LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_emails_of_deleted
-- A batch of emails, and their attempts with them, of deleted workspaces; what waits is cancelled first, by the sweep.
WITH batch AS MATERIALIZED (
    SELECT e.workspace_id, e.id
    FROM workspaces w
    CROSS JOIN LATERAL (
        SELECT e.workspace_id, e.id FROM emails e
        WHERE e.workspace_id = w.id AND e.status NOT IN ('SCHEDULED', 'SENDING')
        LIMIT %(batch)s
    ) e
    WHERE w.deleted_at IS NOT NULL
    LIMIT %(batch)s
),
removed AS (
    DELETE FROM emails e USING batch b WHERE e.workspace_id = b.workspace_id AND e.id = b.id RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_recipients_of_deleted
-- A batch of the saved recipients of deleted workspaces.
WITH batch AS MATERIALIZED (
    SELECT r.workspace_id, r.list_id, r.id
    FROM workspaces w
    CROSS JOIN LATERAL (
        SELECT r.workspace_id, r.list_id, r.id FROM saved_recipients r WHERE r.workspace_id = w.id LIMIT %(batch)s
    ) r
    WHERE w.deleted_at IS NOT NULL
    LIMIT %(batch)s
),
removed AS (
    DELETE FROM saved_recipients r USING batch b
    WHERE r.workspace_id = b.workspace_id AND r.list_id = b.list_id AND r.id = b.id
    RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_suppressions_of_deleted
-- A batch of the suppressions of deleted workspaces.
WITH batch AS MATERIALIZED (
    SELECT p.workspace_id, p.key
    FROM workspaces w
    CROSS JOIN LATERAL (
        SELECT p.workspace_id, p.key FROM suppressions p WHERE p.workspace_id = w.id LIMIT %(batch)s
    ) p
    WHERE w.deleted_at IS NOT NULL
    LIMIT %(batch)s
),
removed AS (
    DELETE FROM suppressions p USING batch b WHERE p.workspace_id = b.workspace_id AND p.key = b.key RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_unused_files
-- A batch of files that nothing has come to name for so long: those that are named are looked at again after as long, the
-- others go. A campaign names its files until its emails are removed. A file is large, so these are few at a time.
WITH batch AS MATERIALIZED (
    SELECT workspace_id, id FROM files
    WHERE used_at < now() - make_interval(days => %(days)s)
    ORDER BY used_at
    LIMIT greatest(%(batch)s / 50, 1)
    FOR UPDATE SKIP LOCKED
),
named AS MATERIALIZED (
    SELECT b.workspace_id, b.id FROM batch b
    WHERE EXISTS (SELECT FROM campaigns c
                  WHERE (c.attachments <> '{}' OR c.images <> '{}') AND (c.attachments || c.images) @> ARRAY[b.id]
                    AND c.workspace_id = b.workspace_id AND c.emails_removed_at IS NULL)
       OR EXISTS (SELECT FROM campaign_contents t
                  JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
                  WHERE (t.attachments <> '{}' OR t.images <> '{}') AND (t.attachments || t.images) @> ARRAY[b.id]
                    AND t.workspace_id = b.workspace_id AND c.emails_removed_at IS NULL)
       OR EXISTS (SELECT FROM drafts d
                  WHERE d.files <> '{}' AND d.files @> ARRAY[b.id] AND d.workspace_id = b.workspace_id)
       OR EXISTS (SELECT FROM templates t
                  WHERE (t.attachments <> '{}' OR t.images <> '{}') AND (t.attachments || t.images) @> ARRAY[b.id]
                    AND t.workspace_id = b.workspace_id)
       OR EXISTS (SELECT FROM signatures g
                  WHERE g.images <> '{}' AND g.images @> ARRAY[b.id] AND g.workspace_id = b.workspace_id)
       OR EXISTS (SELECT FROM campaign_signatures g
                  JOIN campaigns c ON c.workspace_id = g.workspace_id AND c.id = g.campaign_id
                  WHERE g.images <> '{}' AND g.images @> ARRAY[b.id]
                    AND g.workspace_id = b.workspace_id AND c.emails_removed_at IS NULL)
),
kept AS (
    UPDATE files f SET used_at = now() FROM named n WHERE f.workspace_id = n.workspace_id AND f.id = n.id
),
removed AS (
    DELETE FROM files f USING batch b
    WHERE f.workspace_id = b.workspace_id AND f.id = b.id
      AND NOT EXISTS (SELECT FROM named n WHERE n.workspace_id = b.workspace_id AND n.id = b.id)
    RETURNING 1
)
SELECT (SELECT count(*) FROM removed) AS removed FROM batch HAVING count(*) > 0;

-- name: remove_files_of_deleted
-- A few files of deleted workspaces.
WITH batch AS MATERIALIZED (
    SELECT f.workspace_id, f.id FROM workspaces w JOIN files f ON f.workspace_id = w.id
    WHERE w.deleted_at IS NOT NULL
    LIMIT 20
),
removed AS (
    DELETE FROM files f USING batch b WHERE f.workspace_id = b.workspace_id AND f.id = b.id RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_responses_of_deleted
-- A batch of the responses of deleted workspaces.
WITH batch AS MATERIALIZED (
    SELECT r.workspace_id, r.id
    FROM workspaces w
    CROSS JOIN LATERAL (
        SELECT r.workspace_id, r.id FROM responses r WHERE r.workspace_id = w.id LIMIT %(batch)s
    ) r
    WHERE w.deleted_at IS NOT NULL
    LIMIT %(batch)s
),
removed AS (
    DELETE FROM responses r USING batch b WHERE r.workspace_id = b.workspace_id AND r.id = b.id RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_deleted_workspace
-- A deleted workspace without emails, saved recipients, suppressions, files and responses, with all else that is its own. No
-- row: none is there.
WITH gone AS MATERIALIZED (
    SELECT w.id FROM workspaces w
    WHERE w.deleted_at IS NOT NULL AND NOT EXISTS (SELECT FROM emails e WHERE e.workspace_id = w.id)
      AND NOT EXISTS (SELECT FROM saved_recipients r WHERE r.workspace_id = w.id)
      AND NOT EXISTS (SELECT FROM suppressions p WHERE p.workspace_id = w.id)
      AND NOT EXISTS (SELECT FROM files f WHERE f.workspace_id = w.id)
      AND NOT EXISTS (SELECT FROM responses r WHERE r.workspace_id = w.id)
    LIMIT 1
    FOR UPDATE SKIP LOCKED
),
campaigns AS (DELETE FROM campaigns c USING gone g WHERE c.workspace_id = g.id)
DELETE FROM workspaces w USING gone g WHERE w.id = g.id
RETURNING 1 AS removed;

-- name: remove_workspace_invitations
-- Invitations into workspaces, used or not, that have been over for a while.
WITH removed AS (
    DELETE FROM workspace_invitations WHERE expires_at < now() - make_interval(days => %(days)s) RETURNING 1
)
SELECT count(*) AS removed FROM removed HAVING count(*) > 0;

-- name: remove_refusals
-- A batch of what servers refused so long ago that the judge no longer asks for it.
WITH gone AS (
    DELETE FROM refusals
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM refusals
                            WHERE last_at < now() - make_interval(days => %(days)s) LIMIT %(batch)s))
    RETURNING 1
)
SELECT count(*) AS removed FROM gone HAVING count(*) > 0;
