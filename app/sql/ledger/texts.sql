-- name: texts_of_emails
-- The texts that emails are made from: before they are tried, and where they wait to be tried again, the campaign's text; after
-- that the text which the latest try had. Where the try does not say, since its worker was lost or it was removed, it is the
-- text of that time. `as_sent`: the latest try had just this. `begun_by` is the email that began the thread of one that has no
-- subject of its own, and `answered` what stands above an answer to an email.
SELECT t.*, in_thread(t.subject) AS answered FROM (
    SELECT e.id, e.recipient, e.erased_at,
           CASE WHEN p.id IS NULL THEN e.fields
                ELSE e.fields || jsonb_build_object('sent_at', followed_on(e, c.calendar)) END AS fields,
           CASE WHEN CASE WHEN z.version IS NULL THEN v.subject ELSE z.subject END IS NOT NULL
                    THEN CASE WHEN z.version IS NULL THEN v.subject ELSE z.subject END
                WHEN CASE WHEN h.version IS NULL THEN p.subject ELSE h.subject END IS NOT NULL
                    THEN CASE WHEN h.version IS NULL THEN p.subject ELSE h.subject END
                WHEN p.id IS NOT NULL THEN in_thread(CASE WHEN k.version IS NULL THEN c.subject ELSE k.subject END)
                WHEN k.version IS NULL THEN c.subject ELSE k.subject END AS subject,
           CASE WHEN z.version IS NOT NULL THEN coalesce(z.body_made, z.body) WHEN v.id IS NOT NULL THEN coalesce(v.body_made, v.body)
                WHEN h.version IS NOT NULL THEN coalesce(h.body_made, h.body) WHEN p.id IS NOT NULL THEN coalesce(p.body_made, p.body)
                WHEN k.version IS NULL THEN coalesce(c.body_made, c.body) ELSE coalesce(k.body_made, k.body) END AS body,
           CASE WHEN z.version IS NOT NULL THEN coalesce(z.html_made, z.body_html)
                WHEN v.id IS NOT NULL THEN coalesce(v.html_made, v.body_html)
                WHEN h.version IS NOT NULL THEN coalesce(h.html_made, h.body_html)
                WHEN p.id IS NOT NULL THEN coalesce(p.html_made, p.body_html)
                WHEN k.version IS NULL THEN coalesce(c.html_made, c.body_html)
                ELSE coalesce(k.html_made, k.body_html) END AS body_html,
           CASE WHEN k.version IS NULL THEN c.language ELSE k.language END AS language,
           CASE WHEN k.version IS NULL THEN c.unsubscribe ELSE k.unsubscribe END AS unsubscribe, c.postal_address,
           CASE WHEN k.version IS NULL THEN c.reply_to ELSE k.reply_to END AS reply_to,
           CASE WHEN k.version IS NULL THEN c.headers ELSE k.headers END AS headers,
           CASE WHEN k.version IS NULL THEN c.cc ELSE k.cc END AS cc,
           CASE WHEN k.version IS NULL THEN c.bcc ELSE k.bcc END AS bcc,
           CASE WHEN p.id IS NOT NULL THEN '{}' WHEN k.version IS NULL THEN c.attachments
                ELSE k.attachments END AS attachments,
           g.text AS signature_text, g.html AS signature_html,
           e.attempts > 0 AND coalesce(
               coalesce(k.version, c.content_version) = a.content_version, c.content_version = 1) AS as_sent,
           CASE WHEN p.id IS NOT NULL AND CASE WHEN h.version IS NULL THEN p.subject ELSE h.subject END IS NULL THEN (
               WITH RECURSIVE earlier AS (
                   SELECT e.follows_id AS id, 1 AS back
                   UNION ALL
                   SELECT o.follows_id, b.back + 1
                   FROM earlier b JOIN emails o ON o.workspace_id = e.workspace_id AND o.id = b.id
                   WHERE o.follows_id IS NOT NULL
               )
               SELECT o.id FROM earlier b
               JOIN emails o ON o.workspace_id = e.workspace_id AND o.id = b.id
               LEFT JOIN campaign_steps q ON q.workspace_id = o.workspace_id AND q.id = o.step_id
               WHERE q.subject IS NOT NULL OR o.follows_id IS NULL
               ORDER BY b.back LIMIT 1) END AS begun_by
    FROM emails e
    JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
    JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
    LEFT JOIN campaign_signatures g
        ON g.workspace_id = s.workspace_id AND g.campaign_id = s.campaign_id AND g.sender_id = s.sender_id
    LEFT JOIN campaign_steps p ON p.workspace_id = e.workspace_id AND p.id = e.step_id AND e.follows_id IS NOT NULL
    LEFT JOIN step_variants v ON v.workspace_id = e.workspace_id AND v.id = variant_of(e) AND v.body IS NOT NULL
    LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
    LEFT JOIN LATERAL (
        SELECT * FROM campaign_contents t
        WHERE t.workspace_id = e.workspace_id AND t.campaign_id = e.campaign_id
          AND e.status NOT IN ('SCHEDULED', 'SENDING') AND e.attempts > 0
          AND CASE WHEN a.content_version IS NULL THEN t.replaced_at > e.claimed_at ELSE t.version = a.content_version END
        ORDER BY t.version
        LIMIT 1
    ) k ON true
    LEFT JOIN LATERAL (
        SELECT * FROM step_contents t
        WHERE t.workspace_id = p.workspace_id AND t.step_id = p.id
          AND e.status NOT IN ('SCHEDULED', 'SENDING') AND e.attempts > 0
          AND CASE WHEN a.content_version IS NULL THEN t.replaced_at > e.claimed_at ELSE t.version >= a.content_version END
        ORDER BY t.version
        LIMIT 1
    ) h ON true
    LEFT JOIN LATERAL (
        SELECT * FROM variant_contents t
        WHERE t.workspace_id = v.workspace_id AND t.variant_id = v.id
          AND e.status NOT IN ('SCHEDULED', 'SENDING') AND e.attempts > 0
          AND CASE WHEN a.content_version IS NULL THEN t.replaced_at > e.claimed_at ELSE t.version >= a.content_version END
        ORDER BY t.version
        LIMIT 1
    ) z ON true
    WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[])
) t ORDER BY t.id;

-- name: quoted_by
-- The email that one follows, if its step quotes it; who sent that, and on which day.
SELECT e.follows_id AS id, coalesce(nullif(p.display_name, ''), p.email) AS who, followed_on(e, c.calendar) AS sent_on
FROM emails e
JOIN campaign_steps s ON s.workspace_id = e.workspace_id AND s.id = e.step_id
JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
JOIN senders p ON p.workspace_id = t.workspace_id AND p.id = t.sender_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s AND s.quotes AND e.follows_id IS NOT NULL;
