-- name: campaign_of_email
-- The state of an email's campaign. Its stream is locked, so it does not change.
SELECT c.id, c.status, c.emails_removed_at, coalesce(c.latest_at <= now(), false) AS is_too_late FROM campaigns c
JOIN emails e ON e.workspace_id = c.workspace_id AND e.campaign_id = c.id
WHERE c.workspace_id = %(workspace_id)s AND e.id = %(email_id)s;

-- name: stop_of
-- Why the campaign of an email writes to its recipient no more, NULL: it does; and whether the email's step was removed.
SELECT stop_of(e) AS why, is_of_removed_step(e) AS removed FROM emails e WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s;

-- name: came_back
-- Whether an email was sent and came back for a fault of its sender.
SELECT EXISTS (SELECT FROM emails e
               WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s AND e.status = 'SENT'
                 AND came_back(e)) AS came_back;

-- name: undecided_emails
-- A batch of a campaign's emails in one status that waits for a person's word, oldest first, within a span of ids.
SELECT id FROM emails
WHERE workspace_id = %(workspace_id)s AND id BETWEEN %(first_id)s AND %(last_id)s AND campaign_id = %(campaign_id)s
  AND status = %(status)s::email_status AND settled IS NULL
ORDER BY id
LIMIT %(limit)s;

-- name: decide_emails
-- A person's word on emails that ended FAILED or UNKNOWN, or were SENT and came back for a fault of their sender, or were
-- CANCELLED for a response that was taken for something else: send them (again), or take them as sent. Only from the
-- status the person saw; nothing is sent of a cancelled campaign, of one whose emails are being removed, or to a recipient who
-- was erased, nor after the campaign's end, nor to one whom the campaign writes to no more, nor what went to a corrected
-- address, nor what is of a removed step. Emails that go again go from now on, spaced as their stream is, the first after
-- `ahead` others of each stream; with a calendar their old slots say nothing, so the claim has them planned. The streams' counts
-- move along; they are locked, and their campaigns after the emails, in their order. Emails that go again count no more for the
-- brake, neither now nor in what it has counted when it paused the campaign.
WITH picked AS (
    SELECT e.id, e.campaign_id, c.status = 'FINISHED' AS ended, CASE WHEN c.calendar IS NOT NULL THEN now() END AS until,
           now() + least((row_number() OVER (PARTITION BY s.id ORDER BY e.id) - 1 + coalesce(o.n, 0))
                         * make_interval(secs => s.gap_ms / 1000.0), interval '5 years') AS due_at,
           -- Unless a bounce says so, too, which still counts. One that was sent again since counts no more already.
           %(from)s::email_status = 'FAILED' AND coalesce(a.dead, false)
               AND NOT (SELECT k.bounced FROM response_kinds(e.workspace_id, e.id) k) AS dead,
           e.settled IS NOT NULL AS settled,
           coalesce(%(from)s::email_status IN ('FAILED', 'SENT') AND a.recorded_at <= c.braked_at, false) AS braked
    FROM emails e
    JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
    JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
    LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
    LEFT JOIN unnest(%(stream_ids)s::bigint[], %(ahead)s::bigint[]) AS o (stream_id, n) ON o.stream_id = s.id
    WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.status = %(from)s::email_status
      AND (%(from)s::email_status <> 'SENT' OR came_back(e))
      AND (%(from)s::email_status <> 'CANCELLED' OR e.cancel_reason IN ('REPLIED', 'BOUNCED'))
      AND (%(to)s::email_status <> 'SCHEDULED'
           OR e.settled IS DISTINCT FROM 'MENDED' AND c.status <> 'CANCELLED' AND c.emails_removed_at IS NULL
              AND e.erased_at IS NULL AND coalesce(c.latest_at > now(), true) AND stop_of(e) IS NULL
              AND NOT is_of_removed_step(e))
),
changed AS (
    UPDATE emails e
    SET status = %(to)s::email_status,
        scheduled_at = CASE WHEN %(from)s::email_status = 'CANCELLED' THEN greatest(e.scheduled_at, p.due_at)
                            WHEN %(to)s::email_status = 'SCHEDULED' THEN p.due_at ELSE e.scheduled_at END,
        cancel_reason = NULL,
        failed_for = NULL,
        settled = NULL,
        until = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN p.until ELSE e.until END,
        retry_count = CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN 0 ELSE e.retry_count END,
        sent_at = CASE WHEN %(to)s::email_status = 'SENT' THEN now() END,
        follow_at = CASE WHEN %(to)s::email_status = 'SENT' AND e.step_id IS NOT NULL
                         THEN follows_at(e.workspace_id, e.id, now()) END
    FROM picked p
    WHERE e.workspace_id = %(workspace_id)s AND e.id = p.id AND e.status = %(from)s::email_status
    RETURNING e.campaign_id, e.stream_id, p.ended, p.dead, p.braked, p.settled
),
moved AS (
    SELECT stream_id, count(*) AS n, bool_or(ended) AS ended, count(*) FILTER (WHERE dead) AS dead,
           count(*) FILTER (WHERE settled) AS settled
    FROM changed GROUP BY stream_id
),
campaign AS MATERIALIZED (
    SELECT id FROM campaigns
    WHERE workspace_id = %(workspace_id)s AND id IN (SELECT campaign_id FROM changed)
    ORDER BY id
    FOR NO KEY UPDATE
),
tried_again AS (
    UPDATE campaigns c
    SET attempts_removed_to = 0, braked_gone = c.braked_gone - n.gone, braked_bounced = c.braked_bounced - n.bounced
    FROM campaign o
    JOIN (SELECT campaign_id, count(*) FILTER (WHERE braked) AS gone, count(*) FILTER (WHERE braked AND dead) AS bounced
          FROM changed GROUP BY campaign_id) n ON n.campaign_id = o.id
    WHERE c.workspace_id = %(workspace_id)s AND c.id = o.id
)
UPDATE streams s
SET failed = failed - CASE WHEN %(from)s::email_status = 'FAILED' THEN m.n ELSE 0 END,
    unknown = unknown - CASE WHEN %(from)s::email_status = 'UNKNOWN' THEN m.n ELSE 0 END,
    cancelled = cancelled - CASE WHEN %(from)s::email_status = 'CANCELLED' THEN m.n ELSE 0 END,
    settled = s.settled - m.settled,
    bounced = bounced - m.dead,
    scheduled = scheduled + CASE WHEN %(to)s::email_status = 'SCHEDULED' THEN m.n ELSE 0 END,
    sent = sent + CASE WHEN %(to)s::email_status = 'SENT' THEN m.n WHEN %(from)s::email_status = 'SENT' THEN -m.n ELSE 0 END,
    open = open OR %(to)s::email_status = 'SCHEDULED' AND m.ended  -- a finished campaign goes on
FROM moved m
WHERE s.workspace_id = %(workspace_id)s AND s.id = m.stream_id AND (SELECT count(*) FROM campaign) > 0
RETURNING s.id AS stream_id, s.sender_id, m.n;
