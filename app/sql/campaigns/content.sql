-- name: campaign_content
-- What the messages of a campaign from one of its senders are made of.
SELECT c.subject, c.body, c.body_html, c.content_version, s.email, s.display_name
FROM campaigns c
JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = %(sender_id)s
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s;
