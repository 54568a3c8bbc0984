-- name: emails_to_address
-- Every email to an address, in whatever ASCII case it was written. Asked as the service: row-level security would keep
-- lower() from its index. It is one at most for each campaign.
SELECT id FROM emails_to(%(workspace_id)s::bigint, ARRAY[address_digest(%(email)s::text)],
                         ARRAY[address_key(%(email)s::text)])
ORDER BY campaign_id;

-- name: personal_suppression
-- Why the address is written to no more, by itself or with its domain.
SELECT reason, note, created_at, CASE kind WHEN 'DOMAIN' THEN name END AS domain
FROM suppression_of(%(workspace_id)s::bigint, %(email)s::text);

-- name: erase_suppression
-- That an address is written to no more stays, and is known by its digest alone.
UPDATE suppressions SET name = NULL, note = NULL
WHERE workspace_id = %(workspace_id)s AND key = address_digest(%(email)s::text);

-- name: personal_emails
-- What is known of emails, but for their texts.
SELECT e.id, e.recipient, e.fields, e.status, e.scheduled_at, e.sent_at, e.message_id, c.id AS campaign_id, c.name,
       s.email AS sender
FROM emails e
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[])
ORDER BY e.id;

-- name: personal_sandbox_messages
-- What the sandbox mailbox received for an address, in the form in which it was handed over.
SELECT id, received_at, envelope_from, content FROM sandbox_messages
WHERE workspace_id = %(workspace_id)s
  AND EXISTS (SELECT FROM unnest(envelope_to) AS t (address)
              WHERE lower(t.address COLLATE "C") = ANY (%(addresses)s::text[]))
ORDER BY id;

-- name: personal_rejects
-- Rows with an address that were refused, left out, repaired or asked about, in answers kept for requests that are repeated. Such
-- a row can hold more than the address, a name before it for one: `pattern` finds it as a word of its own.
SELECT k.created_at, r.row ->> 'row' AS row, r.row ->> 'email' AS email,
       coalesce(r.row ->> 'reason', r.row ->> 'what', r.row ->> 'meant') AS reason
FROM idempotency_keys k
CROSS JOIN LATERAL (VALUES ('rejected'), ('repairedRows'), ('suppressedRows'), ('earlierRows'), ('suspectRows')) AS part (name)
CROSS JOIN LATERAL jsonb_array_elements(k.answer -> part.name) AS r (row)
WHERE k.workspace_id = %(workspace_id)s AND lower(r.row::text COLLATE "C") ~ %(pattern)s
ORDER BY k.created_at;

-- name: erase_emails
-- Put a placeholder in an address's place, drop its fields and what servers replied, and cancel what waits. The rest of
-- the ledger stays and adds up. `freed`: streams with room for others now. The emails' streams are locked already; campaigns that end are locked in their order.
WITH found AS (
    SELECT id, status FROM emails
    WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[]) AND status <> 'SENDING'
    FOR UPDATE
),
erased AS (
    UPDATE emails e
    SET recipient = 'erased-' || e.id || '@erased.invalid',
        recipient_key = NULL,
        fields = '{}',
        erased_at = now(),
        follow_at = NULL,
        status = CASE WHEN f.status = 'SCHEDULED' THEN 'CANCELLED' ELSE f.status END,
        cancel_reason = CASE WHEN f.status = 'SCHEDULED' THEN 'ERASED' ELSE e.cancel_reason END
    FROM found f
    WHERE e.workspace_id = %(workspace_id)s AND e.id = f.id
    RETURNING e.id, e.stream_id, e.campaign_id, f.status = 'SCHEDULED' AS cancelled
),
hushed AS (
    UPDATE attempts a SET reply = NULL
    FROM erased e
    WHERE a.workspace_id = %(workspace_id)s AND a.email_id = e.id AND a.reply IS NOT NULL
),
ending AS MATERIALIZED (
    SELECT id FROM campaigns
    WHERE workspace_id = %(workspace_id)s AND id IN (SELECT campaign_id FROM erased WHERE cancelled)
    ORDER BY id
    FOR NO KEY UPDATE
),
tallied AS (
    UPDATE streams s
    SET scheduled = s.scheduled - n.n, cancelled = s.cancelled + n.n
    FROM (SELECT stream_id, count(*) AS n FROM erased WHERE cancelled GROUP BY stream_id) n
    WHERE s.workspace_id = %(workspace_id)s AND s.id = n.stream_id AND (SELECT count(*) FROM ending) > 0
)
SELECT count(*) AS emails, count(*) FILTER (WHERE cancelled) AS cancelled,
       coalesce(array_agg(DISTINCT stream_id) FILTER (WHERE cancelled), '{}') AS freed
FROM erased;

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

-- name: keep_text_with_copies
-- What was sent with the text of a campaign, which is locked, stays known by that text's number.
INSERT INTO campaign_contents (workspace_id, campaign_id, version, subject, body, body_html, language, unsubscribe,
                               reply_to, headers, cc, bcc, attachments, images, body_made, html_made, replaced_at)
SELECT workspace_id, id, content_version, subject, body, body_html, language, unsubscribe, reply_to, headers, cc, bcc,
       attachments, images, body_made, html_made, clock_timestamp()
FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s
  AND names_any(cc || bcc || reply_to, %(addresses)s::text[]);

-- name: erase_copies
-- An address gets no copy of a campaign's messages any more. The number tells workers to write them anew.
UPDATE campaigns
SET cc = without_any(cc, %(addresses)s::text[]),
    bcc = without_any(bcc, %(addresses)s::text[]),
    reply_to = (without_any(ARRAY[reply_to], %(addresses)s::text[]))[1],
    content_version = content_version + 1
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s
  AND names_any(cc || bcc || reply_to, %(addresses)s::text[]);

-- name: erase_former_copies
-- The same of the campaign's former texts.
UPDATE campaign_contents
SET cc = without_any(cc, %(addresses)s::text[]),
    bcc = without_any(bcc, %(addresses)s::text[]),
    reply_to = (without_any(ARRAY[reply_to], %(addresses)s::text[]))[1]
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s
  AND names_any(cc || bcc || reply_to, %(addresses)s::text[]);

-- name: count_copies
-- How many get each email now; its streams are locked.
UPDATE streams s SET copies = cardinality(c.cc || c.bcc), content_version = c.content_version
FROM campaigns c
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s
  AND c.workspace_id = s.workspace_id AND c.id = s.campaign_id;

-- name: erase_words_about_copies
-- What servers said of copies of a campaign's emails, where it names the address.
UPDATE attempts a SET reply = %(erased)s
FROM emails e
WHERE e.workspace_id = %(workspace_id)s AND e.campaign_id = %(campaign_id)s
  AND a.workspace_id = e.workspace_id AND a.email_id = e.id
  AND a.reply LIKE '%%No copy to %%' AND lower(a.reply COLLATE "C") ~ %(pattern)s;

-- name: erase_from_templates
-- An address that kept texts send copies or answers to.
UPDATE templates
SET cc = without_any(cc, %(addresses)s::text[]),
    bcc = without_any(bcc, %(addresses)s::text[]),
    reply_to = (without_any(ARRAY[reply_to], %(addresses)s::text[]))[1]
WHERE workspace_id = %(workspace_id)s AND names_any(cc || bcc || reply_to, %(addresses)s::text[]);

-- name: erase_from_senders
-- An address that answers to a mailbox went to: they come to the mailbox itself.
UPDATE senders SET reply_to = NULL
WHERE workspace_id = %(workspace_id)s AND names_any(ARRAY[reply_to], %(addresses)s::text[]);

-- name: erase_copies_in_answers
-- The same in answers that are kept for requests that are repeated.
UPDATE idempotency_keys k
SET answer = jsonb_set(k.answer, '{campaign}', (k.answer -> 'campaign') || '{"cc": [], "bcc": [], "replyTo": null}')
WHERE k.workspace_id = %(workspace_id)s
  AND lower(jsonb_build_array(k.answer #> '{campaign,cc}', k.answer #> '{campaign,bcc}',
                              k.answer #> '{campaign,replyTo}')::text COLLATE "C") ~ %(pattern)s;

-- name: lock_webhooks
-- Held against being deleted, since that takes their deliveries in an order of its own; nothing else waits for this.
SELECT id FROM webhooks WHERE workspace_id = %(workspace_id)s ORDER BY id FOR KEY SHARE;

-- name: erase_deliveries
-- What webhooks were or are to be told about emails to an address: the event stays, and whom it was about goes.
UPDATE webhook_deliveries
SET data = data - 'reply' || jsonb_build_object('recipient', 'erased@erased.invalid')
WHERE workspace_id = %(workspace_id)s AND lower((data->>'recipient') COLLATE "C") = ANY (%(addresses)s::text[]);

-- name: erase_words_about_senders
-- What mail servers said when they held a sender back or did not let it in, where they named an address: servers quote
-- what they refuse. That the sender is held back stays.
UPDATE senders
SET block_reason = CASE WHEN lower(block_reason COLLATE "C") ~ %(pattern)s THEN %(erased)s ELSE block_reason END,
    verify_error = CASE WHEN lower(verify_error COLLATE "C") ~ %(pattern)s THEN %(erased)s ELSE verify_error END
WHERE workspace_id = %(workspace_id)s
  AND (lower(block_reason COLLATE "C") ~ %(pattern)s OR lower(verify_error COLLATE "C") ~ %(pattern)s);

-- name: erase_words_of_holds
-- The same of what holds back a login or a stream.
UPDATE holds SET words = %(erased)s
WHERE workspace_id = %(workspace_id)s AND lower(words COLLATE "C") ~ %(pattern)s;

-- name: erase_words_in_deliveries
-- The same where webhooks were or are to be told it, and where a receiver's answer named the address that it was told.
UPDATE webhook_deliveries
SET data = CASE WHEN lower((data->>'reason') COLLATE "C") ~ %(pattern)s
                THEN jsonb_set(data, '{reason}', to_jsonb(%(erased)s::text))
                WHEN lower((data->>'reply') COLLATE "C") ~ %(pattern)s THEN data - 'reply' ELSE data END,
    error = CASE WHEN lower(error COLLATE "C") ~ %(pattern)s THEN %(erased)s ELSE error END
WHERE workspace_id = %(workspace_id)s
  AND (lower((data->>'reason') COLLATE "C") ~ %(pattern)s OR lower((data->>'reply') COLLATE "C") ~ %(pattern)s
       OR lower(error COLLATE "C") ~ %(pattern)s);

-- name: erase_words_about_webhooks
-- The same of the latest failure of a webhook.
UPDATE webhooks
SET last_error = CASE WHEN lower(last_error COLLATE "C") ~ %(pattern)s THEN %(erased)s ELSE last_error END,
    disabled_reason = CASE WHEN lower(disabled_reason COLLATE "C") ~ %(pattern)s THEN %(erased)s ELSE disabled_reason END
WHERE workspace_id = %(workspace_id)s
  AND (lower(last_error COLLATE "C") ~ %(pattern)s OR lower(disabled_reason COLLATE "C") ~ %(pattern)s);

-- name: erase_sandbox_messages
-- What the sandbox mailbox received for an address.
WITH erased AS (
    DELETE FROM sandbox_messages
    WHERE workspace_id = %(workspace_id)s
      AND EXISTS (SELECT FROM unnest(envelope_to) AS t (address)
                  WHERE lower(t.address COLLATE "C") = ANY (%(addresses)s::text[]))
    RETURNING 1
)
SELECT count(*) AS n FROM erased;

-- name: personal_responses
-- What came back for emails to an address, or from it.
SELECT r.id, r.kind, r.corrected_kind, r.email_id, r.writer, r.received_at, r.subject, r.text, r.attachments, r.diagnostic,
       r.label
FROM responses r
WHERE r.workspace_id = %(workspace_id)s
  AND (lower(r.recipient COLLATE "C") = ANY (%(addresses)s::text[]) OR lower(r.writer COLLATE "C") = ANY (%(addresses)s::text[]))
ORDER BY r.id;

-- name: erase_responses
-- Who answered, and what; that something came back stays, as in the counts.
WITH erased AS (
    UPDATE responses
    SET recipient = CASE WHEN lower(recipient COLLATE "C") = ANY (%(addresses)s::text[])
                         THEN 'erased@erased.invalid' ELSE recipient END, writer = NULL, writer_name = '', subject = '', text = '', html = NULL,
        attachments = '{}', diagnostic = NULL, label = NULL,
        forgotten_at = coalesce(forgotten_at, now())
    WHERE workspace_id = %(workspace_id)s
      AND (lower(recipient COLLATE "C") = ANY (%(addresses)s::text[]) OR lower(writer COLLATE "C") = ANY (%(addresses)s::text[]))
    RETURNING 1
)
SELECT count(*) AS n FROM erased;

-- name: erase_rejects
-- An address among the rows of kept answers, those that were refused, left out, repaired or asked about, and the first of a file.
-- The answers stay: a request that is repeated still writes nothing.
UPDATE idempotency_keys k
SET answer = k.answer || (
    SELECT jsonb_object_agg(part.name, (
        SELECT coalesce(jsonb_agg(CASE WHEN lower(r.row::text COLLATE "C") ~ %(pattern)s
                                       THEN r.row || part.erased ELSE r.row END ORDER BY r.number), '[]')
        FROM jsonb_array_elements(k.answer -> part.name) WITH ORDINALITY AS r (row, number)))
    FROM (VALUES ('rejected', '{"email": "", "reason": "erased"}'::jsonb),
                 ('repairedRows', '{"email": "", "address": "", "what": "erased", "others": []}'),
                 ('suppressedRows', '{"email": "", "reason": "erased"}'),
                 ('earlierRows', '{"email": "", "reason": "erased"}'),
                 ('suspectRows', '{"email": "", "meant": ""}')) AS part (name, erased)
    WHERE k.answer ? part.name)
    || CASE WHEN lower((k.answer #> '{reading,first}')::text COLLATE "C") ~ %(pattern)s
            THEN jsonb_build_object('reading', jsonb_set(k.answer -> 'reading', '{first}', '[]')) ELSE '{}' END
WHERE k.workspace_id = %(workspace_id)s
  AND (EXISTS (SELECT FROM (VALUES ('rejected'), ('repairedRows'), ('suppressedRows'), ('earlierRows'), ('suspectRows'))
                           AS part (name)
               CROSS JOIN LATERAL jsonb_array_elements(k.answer -> part.name) AS r (row)
               WHERE lower(r.row::text COLLATE "C") ~ %(pattern)s)
       OR lower((k.answer #> '{reading,first}')::text COLLATE "C") ~ %(pattern)s);
