-- name: campaign_content
-- The content that a campaign's messages from one of its senders are made of: of its first step, or a later one, or of a
-- variant with a text of its own. One statement, so that all of it is of one version.
SELECT coalesce(v.subject, p.subject) AS own_subject, c.subject,
       CASE WHEN v.id IS NOT NULL THEN coalesce(v.body_made, v.body)
            WHEN p.id IS NOT NULL THEN coalesce(p.body_made, p.body) ELSE coalesce(c.body_made, c.body) END AS body,
       CASE WHEN v.id IS NOT NULL THEN coalesce(v.html_made, v.body_html)
            WHEN p.id IS NOT NULL THEN coalesce(p.html_made, p.body_html)
            ELSE coalesce(c.html_made, c.body_html) END AS body_html, c.language,
       c.unsubscribe, c.reply_to, c.headers, c.cc, c.bcc, c.attachments,
       c.images || coalesce(g.images, '{}') AS images, coalesce(g.images, '{}') AS signature_images,
       c.postal_address, c.content_version, c.thread,
       s.imap_host IS NOT NULL AS is_read, NOT coalesce(w.habit_kept, true) AS is_renamed,
       s.email, s.display_name, s.reply_to AS sender_reply_to, g.text AS signature_text, g.html AS signature_html
FROM campaigns c
JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = %(sender_id)s
LEFT JOIN campaign_steps p ON p.workspace_id = c.workspace_id AND p.id = %(step_id)s
LEFT JOIN step_variants v ON v.workspace_id = c.workspace_id AND v.id = %(variant_id)s
LEFT JOIN wire_checks w ON w.workspace_id = s.workspace_id AND w.sender_id = s.id
LEFT JOIN campaign_signatures g
    ON g.workspace_id = c.workspace_id AND g.campaign_id = c.id AND g.sender_id = s.id
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;
