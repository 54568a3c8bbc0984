-- name: erase_emails
-- Put a placeholder in an address's place, drop its fields, what servers replied and what they alone were answered, and
-- cancel what waits. The rest of the ledger stays and adds up. `freed`: streams with room for others now. The emails' streams
-- are locked already; campaigns that end are locked in their order.
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
unsaid AS (
    UPDATE campaigns c
    SET name = '(erased)', subject = '(erased)', body = '(erased)', body_html = NULL, body_made = NULL, html_made = NULL,
        thread = '{}'
    FROM erased e
    WHERE c.workspace_id = %(workspace_id)s AND c.id = e.campaign_id AND c.thread_email_id IS NOT NULL
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

-- name: lock_webhooks
-- Held against being deleted, since that takes their deliveries in an order of its own, and against the record of a try that
-- was told before: it looks then whether the delivery is what it was. Who tells something does not wait for this.
SELECT id FROM webhooks WHERE workspace_id = %(workspace_id)s ORDER BY id FOR NO KEY UPDATE;

-- name: erase_deliveries
-- Erase an address from what webhooks were or are to be told: the event stays, and whom it was about goes.
UPDATE webhook_deliveries
SET data = data - 'reply' || jsonb_build_object('recipient', 'erased@erased.invalid')
WHERE workspace_id = %(workspace_id)s AND address_key(data->>'recipient') = ANY (%(addresses)s::text[]);

-- name: erase_names_in_deliveries
-- The same of what answers to somebody were about, whose campaigns say that they were erased: see `erase_emails`.
UPDATE webhook_deliveries d
SET data = jsonb_set(d.data, '{name}', to_jsonb(c.name))
FROM campaigns c
WHERE d.workspace_id = %(workspace_id)s AND c.workspace_id = d.workspace_id AND c.id = (d.data->>'campaignId')::bigint
  AND c.thread_email_id IS NOT NULL AND c.name = '(erased)' AND d.data ? 'name';

-- name: erase_words_in_deliveries
-- The same where webhooks were or are to be told it, and where a receiver's answer named the address that it was told.
UPDATE webhook_deliveries
SET data = CASE WHEN names_it(data->>'reason', %(pattern)s) THEN jsonb_set(data, '{reason}', to_jsonb(%(erased)s::text))
                WHEN names_it(data->>'reply', %(pattern)s) THEN data - 'reply' ELSE data END,
    error = unsaid(error, %(pattern)s, %(erased)s)
WHERE workspace_id = %(workspace_id)s
  AND names_it(concat_ws(' ', data->>'reason', data->>'reply', error), %(pattern)s);

-- name: erase_words_about_webhooks
-- The same of the latest failure of a webhook.
UPDATE webhooks
SET last_error = unsaid(last_error, %(pattern)s, %(erased)s),
    disabled_reason = unsaid(disabled_reason, %(pattern)s, %(erased)s)
WHERE workspace_id = %(workspace_id)s AND names_it(concat_ws(' ', last_error, disabled_reason), %(pattern)s);

-- name: erase_words_about_senders
-- Erase words of mail servers that held a sender back or did not let it in, where they named an address: servers quote what
-- they refuse. That the sender is held back stays.
UPDATE senders
SET block_reason = unsaid(block_reason, %(pattern)s, %(erased)s),
    verify_error = unsaid(verify_error, %(pattern)s, %(erased)s),
    verify_imap_error = unsaid(verify_imap_error, %(pattern)s, %(erased)s)
WHERE workspace_id = %(workspace_id)s
  AND names_it(concat_ws(' ', block_reason, verify_error, verify_imap_error), %(pattern)s);

-- name: erase_words_about_inboxes
-- The same of why a mailbox could not be read.
UPDATE inboxes SET error = %(erased)s WHERE workspace_id = %(workspace_id)s AND names_it(error, %(pattern)s);

-- name: erase_words_about_logins
-- The same of why a provider gave no access token.
UPDATE logins SET grant_error = %(erased)s WHERE workspace_id = %(workspace_id)s AND names_it(grant_error, %(pattern)s);

-- name: erase_words_of_holds
-- The same of what holds back a login or a stream.
UPDATE holds SET words = %(erased)s WHERE workspace_id = %(workspace_id)s AND names_it(words, %(pattern)s);

-- name: erase_words_in_responses
-- The same of bounces of emails to others.
UPDATE responses SET diagnostic = %(erased)s
WHERE workspace_id = %(workspace_id)s AND names_it(diagnostic, %(pattern)s);

-- name: erase_words_in_attempts
-- The same of emails to others: of copies that went along, of a mailbox that sends all on to the address. It looks at
-- every attempt of the workspace, a million in less than a second.
UPDATE attempts SET reply = %(erased)s WHERE workspace_id = %(workspace_id)s AND names_it(reply, %(pattern)s);

-- name: erase_sandbox_messages
-- Remove messages that the sandbox mailbox received for an address.
WITH erased AS (
    DELETE FROM sandbox_messages
    WHERE workspace_id = %(workspace_id)s
      AND EXISTS (SELECT FROM unnest(envelope_to) AS t (address)
                  WHERE address_key(t.address) = ANY (%(addresses)s::text[]))
    RETURNING 1
)
SELECT count(*) AS n FROM erased;

-- name: erase_suppression
-- That an address is written to no more stays, and is known by its digest alone.
UPDATE suppressions SET name = NULL, note = NULL
WHERE workspace_id = %(workspace_id)s AND key = address_digest(%(email)s::text);

-- name: erase_responses
-- Erase who answered, and what; that something came back stays, as in the counts, and so does what followed from it.
WITH its AS MATERIALIZED (
    SELECT r AS it, r.workspace_id, r.id FROM responses r
    WHERE r.workspace_id = %(workspace_id)s
      AND (address_key(r.recipient) = ANY (%(addresses)s::text[]) OR address_key(r.writer) = ANY (%(addresses)s::text[]))
    FOR UPDATE
),
kinds AS MATERIALIZED (
    SELECT e.workspace_id, e.id AS email_id, counts_as(i.it) AS kind
    FROM its i
    JOIN emails e ON e.workspace_id = i.workspace_id AND e.id = (i.it).email_id
    WHERE (i.it).forgotten_at IS NULL AND counts_as(i.it) IS NOT NULL
    ORDER BY e.id
    FOR KEY SHARE OF e
),
kept AS (
    INSERT INTO gone_responses (workspace_id, email_id, kind) SELECT DISTINCT workspace_id, email_id, kind FROM kinds
    ON CONFLICT DO NOTHING
),
stopping AS (
    UPDATE domain_stops d SET for_good = true
    FROM its i CROSS JOIN LATERAL domain_stopped_by(i.it) o
    WHERE d.workspace_id = i.workspace_id AND d.campaign_id = o.campaign_id AND d.domain = o.domain AND NOT d.lifted
),
erased AS (
    UPDATE responses r
    SET recipient = CASE WHEN address_key(r.recipient) = ANY (%(addresses)s::text[])
                         THEN 'erased@erased.invalid' ELSE r.recipient END, writer = NULL, writer_name = '', subject = '',
                         text = '', html = NULL,
        attachments = '{}', diagnostic = NULL, label = NULL,
        forgotten_at = coalesce(r.forgotten_at, now())
    FROM its i
    WHERE r.workspace_id = i.workspace_id AND r.id = i.id
    RETURNING 1
)
SELECT count(*) AS n FROM erased;

-- name: erase_rejects
-- An address among the rows of kept answers, those that were refused, left out, repaired or asked about, and the first of a
-- file. The answers stay: a request that is repeated still writes nothing.
UPDATE idempotency_keys k
SET answer = k.answer || (
    SELECT jsonb_object_agg(part.name, (
        SELECT coalesce(jsonb_agg(CASE WHEN names_it(r.row::text, %(pattern)s)
                                       THEN r.row || part.erased ELSE r.row END ORDER BY r.number), '[]')
        FROM jsonb_array_elements(k.answer -> part.name) WITH ORDINALITY AS r (row, number)))
    FROM (VALUES ('rejected', '{"email": "", "reason": "erased"}'::jsonb),
                 ('repairedRows', '{"email": "", "address": "", "what": "erased", "others": []}'),
                 ('suppressedRows', '{"email": "", "reason": "erased"}'),
                 ('earlierRows', '{"email": "", "reason": "erased"}'),
                 ('suspectRows', '{"email": "", "meant": ""}')) AS part (name, erased)
    WHERE k.answer ? part.name)
    || CASE WHEN names_it((k.answer #> '{reading,first}')::text, %(pattern)s)
            THEN jsonb_build_object('reading', jsonb_set(k.answer -> 'reading', '{first}', '[]')) ELSE '{}' END
WHERE k.workspace_id = %(workspace_id)s
  AND (EXISTS (SELECT FROM (VALUES ('rejected'), ('repairedRows'), ('suppressedRows'), ('earlierRows'), ('suspectRows'))
                           AS part (name)
               CROSS JOIN LATERAL jsonb_array_elements(k.answer -> part.name) AS r (row)
               WHERE names_it(r.row::text, %(pattern)s))
       OR names_it((k.answer #> '{reading,first}')::text, %(pattern)s));

-- name: campaigns_with_copies
-- Campaigns of which an address gets, or got, a copy of each message or the answers.
SELECT id FROM campaigns
WHERE workspace_id = %(workspace_id)s AND names_any(cc || bcc || reply_to, %(addresses)s::text[])
UNION
SELECT campaign_id FROM campaign_contents
WHERE workspace_id = %(workspace_id)s AND names_any(cc || bcc || reply_to, %(addresses)s::text[])
ORDER BY id;

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
  AND names_it(jsonb_build_array(k.answer #> '{campaign,cc}', k.answer #> '{campaign,bcc}',
                                 k.answer #> '{campaign,replyTo}')::text, %(pattern)s);

-- name: keep_text_with_copies
-- Keep the text of a campaign, which is locked, under its number: emails that were sent with it refer to it.
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
