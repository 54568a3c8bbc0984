-- name: named_emails
-- Emails of the workspace that answers name: by id, or by the Message-ID that a server put in the place of ours. `tried_at`
-- is when the first try was.
WITH named AS (
    SELECT * FROM emails WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[])
    UNION ALL
    SELECT * FROM emails
    WHERE workspace_id = %(workspace_id)s AND provider_message_id = ANY (%(provider_ids)s::text[])
      AND provider_message_id IS NOT NULL  -- or no plan has the index
)
SELECT e.id, e.campaign_id, e.stream_id, t.sender_id, e.recipient, e.status, e.provider_message_id,
       coalesce(e.recipient_key, address_digest(e.recipient)) AS recipient_key,
       coalesce(a.claimed_at, e.sent_at, e.claimed_at) AS tried_at, i.opaque_since
FROM named e
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = 1
CROSS JOIN installation i
WHERE e.erased_at IS NULL;

-- name: written_to
-- The latest email to each of the addresses from the senders of a mailbox, of the last 90 days; `first_at`: when the first of
-- these was sent.
SELECT DISTINCT ON (address_key(e.recipient))
       e.id, e.campaign_id, e.stream_id, t.sender_id, e.recipient, e.status, e.provider_message_id,
       min(coalesce(e.sent_at, e.claimed_at)) OVER (PARTITION BY address_key(e.recipient)) AS first_at
FROM emails_to(%(workspace_id)s::bigint, ARRAY(SELECT address_digest(a) FROM unnest(%(addresses)s::text[]) AS a),
               %(addresses)s::text[]) e
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
JOIN read_senders r ON r.workspace_id = t.workspace_id AND r.sender_id = t.sender_id AND r.inbox_id = %(sender_id)s
WHERE e.status IN ('SENT', 'UNKNOWN') AND e.erased_at IS NULL
  AND coalesce(e.sent_at, e.claimed_at) > now() - interval '90 days'
ORDER BY address_key(e.recipient), coalesce(e.sent_at, e.claimed_at) DESC;

-- name: own_addresses
-- Those of the addresses that are the workspace's own senders'.
SELECT address_key(email) AS address FROM senders
WHERE workspace_id = %(workspace_id)s AND address_key(email) = ANY (%(addresses)s::text[]);

-- name: subjects
-- All subjects of campaigns' emails, as they were written, those before a change among them.
SELECT id AS campaign_id, subject FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(campaign_ids)s::bigint[])
UNION ALL
SELECT campaign_id, subject FROM campaign_contents
WHERE workspace_id = %(workspace_id)s AND campaign_id = ANY (%(campaign_ids)s::bigint[])
UNION ALL
SELECT campaign_id, subject FROM campaign_steps
WHERE workspace_id = %(workspace_id)s AND campaign_id = ANY (%(campaign_ids)s::bigint[]) AND subject IS NOT NULL
UNION ALL
SELECT campaign_id, subject FROM step_variants
WHERE workspace_id = %(workspace_id)s AND campaign_id = ANY (%(campaign_ids)s::bigint[]) AND subject IS NOT NULL;
