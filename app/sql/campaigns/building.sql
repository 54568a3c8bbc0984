-- name: campaign_content
-- What the messages of a campaign from one of its senders are made of.
SELECT c.subject, coalesce(c.body_made, c.body) AS body, coalesce(c.html_made, c.body_html) AS body_html, c.language,
       c.unsubscribe, c.reply_to, c.headers, c.cc, c.bcc, c.attachments,
       c.images || coalesce(g.images, '{}') AS images, coalesce(g.images, '{}') AS signature_images,
       c.postal_address, c.content_version, c.thread,
       s.imap_host IS NOT NULL AS is_read, NOT coalesce(w.habit_kept, true) AS is_renamed,
       s.email, s.display_name, s.reply_to AS sender_reply_to, g.text AS signature_text, g.html AS signature_html
FROM campaigns c
JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = %(sender_id)s
LEFT JOIN wire_checks w ON w.workspace_id = s.workspace_id AND w.sender_id = s.id
LEFT JOIN campaign_signatures g
    ON g.workspace_id = c.workspace_id AND g.campaign_id = c.id AND g.sender_id = s.id
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;

-- name: step_content
-- What the messages of a later step are made of.
SELECT subject, coalesce(body_made, body) AS body, coalesce(html_made, body_html) AS body_html FROM campaign_steps
WHERE workspace_id = %(workspace_id)s AND id = %(step_id)s;

-- name: variant_content
-- The same of a variant with a text of its own.
SELECT subject, coalesce(body_made, body) AS body, coalesce(html_made, body_html) AS body_html FROM step_variants
WHERE workspace_id = %(workspace_id)s AND id = %(variant_id)s;
