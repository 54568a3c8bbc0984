-- name: insert_first_step
-- The row that stands for the campaign's own text, once later steps follow it.
INSERT INTO campaign_steps (workspace_id, campaign_id, position, wait)
VALUES (%(workspace_id)s, %(campaign_id)s, 1, '0')
RETURNING id;

-- name: insert_step
-- A later step, at its place behind the first.
INSERT INTO campaign_steps (workspace_id, campaign_id, position, wait, business_days, time_of_day, quotes, subject, body,
                            body_html, body_made, html_made)
VALUES (%(workspace_id)s, %(campaign_id)s, %(position)s, %(wait)s, %(business_days)s, %(time_of_day)s, %(quotes)s, %(subject)s,
        %(body)s, %(body_html)s, %(body_made)s, %(html_made)s)
RETURNING id;

-- name: senders_unread
-- Senders of which nobody would read the mailbox that answers come to: one that is retired is read again once something waits
-- (`awaits_answers`). What has no server goes to the sandbox, where there is one.
SELECT s.id, s.email FROM senders s
CROSS JOIN LATERAL (SELECT coalesce(%(reply_to)s::text, s.reply_to) AS answers_to) a
WHERE s.workspace_id = %(workspace_id)s AND s.id = ANY (%(sender_ids)s::bigint[])
  AND NOT (%(sandboxed)s::boolean AND s.host IS NULL)
  AND NOT EXISTS (SELECT FROM senders p
                  WHERE p.workspace_id = s.workspace_id AND p.imap_host IS NOT NULL
                    AND CASE WHEN a.answers_to IS NULL THEN p.id = s.id
                             ELSE address_key(p.email) = address_key(a.answers_to) END)
ORDER BY s.id;

-- name: steps_of_campaign
-- The steps of a campaign in their order, with what became of their emails.
WITH campaign AS (
    SELECT c.workspace_id, c.id, c.subject, c.body, c.body_html, c.first_email_id, c.last_email_id FROM campaigns c
    WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
      AND EXISTS (SELECT FROM campaign_steps s WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.id)
),
email AS (
    SELECT e.step_id, count(*) AS total, count(*) FILTER (WHERE e.status = 'SENT') AS sent,
           count(*) FILTER (WHERE e.status IN ('SCHEDULED', 'SENDING')) AS waiting, count(e.follow_at) AS following
    FROM campaign c
    JOIN emails e ON e.workspace_id = c.workspace_id AND e.id BETWEEN c.first_email_id AND c.last_email_id
        AND e.campaign_id = c.id
    GROUP BY e.step_id
),
response AS (
    SELECT e.step_id, count(DISTINCT e.id) FILTER (WHERE k.kind = 'REPLY') AS answered,
           count(DISTINCT e.id) FILTER (WHERE k.kind = 'BOUNCE') AS bounced,
           count(DISTINCT e.id) FILTER (WHERE k.kind IN ('UNSUBSCRIBE', 'COMPLAINT')) AS opted_out
    FROM campaign c
    CROSS JOIN LATERAL came_to(c.workspace_id, c.id) k
    JOIN emails e ON e.workspace_id = c.workspace_id AND e.id = k.email_id
    GROUP BY e.step_id
)
SELECT s.id, s.position AS step, s.wait, s.business_days, s.time_of_day, s.quotes,
       CASE WHEN s.position = 1 THEN c.subject ELSE s.subject END AS subject,
       CASE WHEN s.position = 1 THEN c.body ELSE s.body END AS body,
       CASE WHEN s.position = 1 THEN c.body_html ELSE s.body_html END AS body_html,
       coalesce(n.total, 0) AS total, coalesce(n.sent, 0) AS sent, coalesce(n.waiting, 0) AS waiting,
       coalesce(n.following, 0) AS following, coalesce(r.answered, 0) AS answered, coalesce(r.bounced, 0) AS bounced,
       coalesce(r.opted_out, 0) AS opted_out
FROM campaign c
JOIN campaign_steps s ON s.workspace_id = c.workspace_id AND s.campaign_id = c.id AND s.removed_at IS NULL
LEFT JOIN email n ON n.step_id = s.id
LEFT JOIN response r ON r.step_id = s.id
ORDER BY s.position;
