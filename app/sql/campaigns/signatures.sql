-- name: get_signature
-- The signature of a sender. No row: there is no such sender.
SELECT coalesce(g.text, '') AS text, g.html
FROM senders s
LEFT JOIN signatures g ON g.workspace_id = s.workspace_id AND g.sender_id = s.id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;

-- name: put_signature
-- Set the signature of a sender. No row: there is no such sender.
INSERT INTO signatures (workspace_id, sender_id, text, html, images)
SELECT workspace_id, id, %(text)s, %(html)s, %(images)s FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s
ON CONFLICT (workspace_id, sender_id) DO UPDATE SET text = excluded.text, html = excluded.html, images = excluded.images
RETURNING text, html;

-- name: sign_campaign
-- The signatures of senders of a campaign as they are now: what was sent is told by them, whatever they become. One who
-- has none is noted with nothing, and one who sent the campaign before keeps what is noted.
INSERT INTO campaign_signatures (workspace_id, campaign_id, sender_id, text, html, images)
SELECT s.workspace_id, %(campaign_id)s, s.id, coalesce(g.text, ''), g.html, coalesce(g.images, '{}')
FROM senders s
LEFT JOIN signatures g ON g.workspace_id = s.workspace_id AND g.sender_id = s.id
WHERE s.workspace_id = %(workspace_id)s AND s.id = ANY (%(sender_ids)s::bigint[])
ON CONFLICT DO NOTHING;
