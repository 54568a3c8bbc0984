-- name: lock_quota
-- One at a time adds what this quota counts, so that two together do not pass it.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox quota ' || %(quota)s, %(workspace_id)s));

-- name: count_senders
-- How many mailboxes a workspace has.
SELECT count(*) AS n FROM senders WHERE workspace_id = %(workspace_id)s AND retired_at IS NULL;

-- name: count_keys
-- How many keys open a workspace.
SELECT count(*) AS n FROM api_keys
WHERE workspace_id = %(workspace_id)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());

-- name: has_more_suppressions
-- Whether a workspace has more suppressions than so many.
SELECT EXISTS (SELECT FROM suppressions WHERE workspace_id = %(workspace_id)s OFFSET %(most)s) AS has_more;

-- name: full_until
-- When the oldest of the last so many campaigns is a day old. No row: there are fewer, or it is.
SELECT created_at + interval '1 day' AS until
FROM (
    SELECT created_at FROM campaigns WHERE workspace_id = %(workspace_id)s
    ORDER BY id DESC OFFSET %(before)s LIMIT 1
) oldest
WHERE created_at > now() - interval '1 day';

-- name: stored
-- The bytes that a workspace stores: of its campaigns, until retention removes their emails, of its files, drafts, and lists,
-- uploaded and saved.
SELECT (coalesce((SELECT sum(stored_bytes) FROM campaigns
                  WHERE workspace_id = %(workspace_id)s AND emails_removed_at IS NULL), 0)
        + coalesce((SELECT sum(size) FROM recipient_lists WHERE workspace_id = %(workspace_id)s), 0)
        + coalesce((SELECT sum(size) FROM files WHERE workspace_id = %(workspace_id)s), 0)
        + coalesce((SELECT sum(size) FROM saved_lists WHERE workspace_id = %(workspace_id)s), 0)
        + coalesce((SELECT sum(size) FROM drafts WHERE workspace_id = %(workspace_id)s), 0))::bigint AS bytes;
