-- name: wait_longer
-- For the rest of the transaction: wait for a transaction that schedules a million recipients this moment.
SELECT set_config('lock_timeout', '25s', true);

-- name: linked
-- The sender and recipient of a link's email, and what the recipient has said already. No row: the workspace is gone, or never
-- was. An id may be another email's, after a backup was restored: that has another recipient.
SELECT e.recipient, s.email AS sender, s.display_name, coalesce(is_own_wish(x.reason), false) AS is_over,
       coalesce(x.reason = 'UNSUBSCRIBED' AND NOT is_of_response(x), false) AS is_done,
       coalesce(x.reason = 'UNSUBSCRIBED' AND x.email_id = %(email_id)s AND x.created_at > now() - interval '1 day', false)
           AS may_withdraw
FROM workspaces w
LEFT JOIN emails e
    ON e.workspace_id = w.id AND e.id = %(email_id)s AND e.erased_at IS NULL
       AND coalesce(e.recipient_key, address_digest(e.recipient)) = %(digest)s
LEFT JOIN streams t ON t.workspace_id = e.workspace_id AND t.id = e.stream_id
LEFT JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
LEFT JOIN suppressions x ON x.workspace_id = w.id AND x.key = %(digest)s
WHERE w.id = %(workspace_id)s AND w.deleted_at IS NULL;
