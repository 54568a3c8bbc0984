-- name: followed_by_window
-- Follow-ups that others will owe on a sender's login, by the hour.
SELECT f.* FROM senders s
CROSS JOIN LATERAL (
    SELECT * FROM followed_of_login(s.workspace_id, s.login_id, now() + %(horizon)s::interval,
           CASE WHEN NOT %(of_all)s THEN s.id END,
           %(except_campaign_ids)s::bigint[])
) f
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s
ORDER BY f.hour, f.campaign_id;

-- name: followed_by_logins
-- The same of several logins, each up to a time.
SELECT w.login_id, f.*
FROM unnest(%(login_ids)s::bigint[], %(tos)s::timestamptz[]) AS w (login_id, to_at)
CROSS JOIN LATERAL (SELECT * FROM followed_of_login(%(workspace_id)s, w.login_id, w.to_at, NULL, '{}')) f
ORDER BY w.login_id, f.hour, f.campaign_id;
