-- name: emails_to_address
-- Every email to an address, in whatever ASCII case it was written. Asked as the service: row-level security would keep
-- lower() from its index. It is one at most for each campaign.
SELECT id FROM emails_to(%(workspace_id)s::bigint, ARRAY[address_digest(%(email)s::text)],
                         ARRAY[address_key(%(email)s::text)])
ORDER BY campaign_id;

-- name: personal_suppression
-- Why the address is written to no more, by itself or with its domain.
SELECT reason, CASE kind WHEN 'DOMAIN' THEN name END AS domain, note, created_at AS since
FROM suppression_of(%(workspace_id)s::bigint, %(email)s::text);

-- name: personal_emails
-- Emails to an address with all their columns but their texts.
SELECT e.id, e.recipient, e.fields, e.status, e.scheduled_at, e.sent_at, e.message_id, c.id AS campaign_id, c.name,
       s.email AS sender
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[])
ORDER BY e.id;

-- name: personal_sandbox_messages
-- Messages that the sandbox mailbox received for an address, in the form in which they were handed over.
SELECT id, received_at AS "receivedAt", envelope_from AS "envelopeFrom", content AS raw FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s
  AND EXISTS (SELECT FROM unnest(envelope_to) AS t (address)
              WHERE address_key(t.address) = ANY (%(addresses)s::text[]))
ORDER BY id;

-- name: personal_rejects
-- Rows with an address that were refused, left out, repaired or asked about, in answers kept for requests that are repeated.
-- Such a row can hold more than the address, a name before it for one: `pattern` finds it as a word of its own.
SELECT k.created_at AS at, (r.row ->> 'row')::bigint AS row, r.row ->> 'email' AS email,
       coalesce(r.row ->> 'reason', r.row ->> 'what', r.row ->> 'meant') AS reason
FROM idempotency_keys k
CROSS JOIN LATERAL (VALUES ('rejected'), ('repairedRows'), ('suppressedRows'), ('earlierRows'), ('suspectRows')) AS part (name)
CROSS JOIN LATERAL jsonb_array_elements(k.answer -> part.name) AS r (row)
WHERE k.workspace_id = %(workspace_id)s AND names_it(r.row::text, %(pattern)s)
ORDER BY k.created_at;

-- name: copied_to
-- Campaigns of which an address gets, or got, a copy of each message or the answers, and in which texts of theirs.
SELECT c.id AS campaign_id, c.name, t.version, t.cc, t.bcc, t.reply_to
FROM (
    SELECT id AS campaign_id, content_version AS version, cc, bcc, reply_to FROM campaigns
    WHERE workspace_id = %(workspace_id)s AND (cc <> '{}' OR bcc <> '{}' OR reply_to IS NOT NULL)
    UNION ALL
    SELECT campaign_id, version, cc, bcc, reply_to FROM campaign_contents
    WHERE workspace_id = %(workspace_id)s AND (cc <> '{}' OR bcc <> '{}' OR reply_to IS NOT NULL)
) t
JOIN campaigns c ON c.workspace_id = %(workspace_id)s AND c.id = t.campaign_id
WHERE names_any(t.cc || t.bcc || t.reply_to, %(addresses)s::text[])
ORDER BY c.id, t.version;

-- name: personal_responses
-- Responses to emails to an address, or from it.
SELECT r.id, effective_kind(r) AS kind, r.email_id AS "emailId", r.writer, r.received_at AS "receivedAt", r.subject, r.text,
       r.attachments, r.diagnostic, r.label
FROM responses r
WHERE r.workspace_id = %(workspace_id)s
  AND (address_key(r.recipient) = ANY (%(addresses)s::text[]) OR address_key(r.writer) = ANY (%(addresses)s::text[]))
ORDER BY r.id;

-- name: named_in
-- Kept texts that send copies or answers to an address, mailboxes whose answers go there, and drafts that name it.
SELECT 'template' AS kind, id, name FROM templates
WHERE workspace_id = %(workspace_id)s AND names_any(cc || bcc || reply_to, %(addresses)s::text[])
UNION ALL
SELECT 'sender', id, email FROM senders
WHERE workspace_id = %(workspace_id)s AND names_any(ARRAY[reply_to], %(addresses)s::text[])
UNION ALL
SELECT 'draft', id, name FROM drafts WHERE workspace_id = %(workspace_id)s AND names_it(content::text, %(pattern)s)
ORDER BY kind, id;
