-- name: get_signature
-- What a sender's messages end with. No row: there is no such sender.
SELECT coalesce(g.text, '') AS text, g.html
FROM senders s
LEFT JOIN signatures g ON g.workspace_id = s.workspace_id AND g.sender_id = s.id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;

-- name: put_signature
-- What a sender's messages end with from now on. No row: there is no such sender.
INSERT INTO signatures (workspace_id, sender_id, text, html)
SELECT workspace_id, id, %(text)s, %(html)s FROM senders WHERE workspace_id = %(workspace_id)s AND id = %(sender_id)s
ON CONFLICT (workspace_id, sender_id) DO UPDATE SET text = excluded.text, html = excluded.html
RETURNING text, html;

-- name: sign_campaign
-- The signatures of a campaign's senders as they are now: what was sent is told by them, whatever they become.
INSERT INTO campaign_signatures (workspace_id, campaign_id, sender_id, text, html)
SELECT DISTINCT t.workspace_id, t.campaign_id, t.sender_id, g.text, g.html
FROM streams t
JOIN signatures g ON g.workspace_id = t.workspace_id AND g.sender_id = t.sender_id
WHERE t.workspace_id = %(workspace_id)s AND t.campaign_id = %(campaign_id)s AND g.text <> ''
ON CONFLICT DO NOTHING;
