-- name: walks
-- For whom something may still wait.
SELECT workspace_id, key, kind, name, walked_to FROM suppressions
WHERE walked_to IS NOT NULL
ORDER BY workspace_id, id
LIMIT %(limit)s;

-- name: end_walks
-- Nothing waits for these any more.
UPDATE suppressions s SET walked_to = NULL
FROM (SELECT workspace_id, key FROM suppressions
      WHERE workspace_id = %(workspace_id)s AND key = ANY (%(keys)s::bytea[])
      ORDER BY key FOR UPDATE) o
WHERE s.workspace_id = o.workspace_id AND s.key = o.key;

-- name: look_through
-- The next emails of the workspace: up to which id they go, NULL where these were the last, and which of them wait for the
-- domain or one below it.
WITH batch AS MATERIALIZED (
    SELECT id, recipient, status = 'SCHEDULED' OR follow_at IS NOT NULL AS is_owed FROM emails
    WHERE workspace_id = %(workspace_id)s AND id > %(walked_to)s
    ORDER BY id
    LIMIT %(limit)s
)
SELECT CASE WHEN count(*) = %(limit)s THEN max(id) END AS last_id,
       coalesce(array_agg(id) FILTER (
           WHERE is_owed
             AND right('.' || split_part(address_key(recipient), '@', 2), length(%(name)s) + 1) = '.' || %(name)s), '{}') AS waiting
FROM batch;

-- name: go_on
-- Note how far the walk has come. No row: it is not ours to go on with.
UPDATE suppressions SET walked_to = %(to)s
WHERE workspace_id = %(workspace_id)s AND key = %(key)s AND walked_to = %(walked_to)s
RETURNING id;
