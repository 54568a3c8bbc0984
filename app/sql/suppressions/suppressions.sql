-- name: patience
-- Nobody's request waits longer for a lock than others do.
SELECT set_config('lock_timeout', %(lock_ms)s, true);

-- name: page_of_suppressions
-- Suppressions, newest first: those with a part of the name, or what keeps a whole address or domain from being written
-- to, whether or not it was erased. The digests are made once, and not for each row.
SELECT id, kind, name, reason, note, email_id, made_by, created_at FROM suppressions
WHERE workspace_id = %(workspace_id)s AND id < coalesce(%(before)s::bigint, 9223372036854775807)
  AND (%(q)s::text IS NULL OR name COLLATE "C" ILIKE %(q)s
       OR key IN (SELECT unnest(address_digest(%(whole)s::text) || domain_digests(%(whole)s::text))))
  AND (%(reason)s::suppression_reason IS NULL OR reason = %(reason)s::suppression_reason)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: suppressions_of_address
-- All that keep an address from being written to, its own first.
SELECT id, kind, name, reason, note, email_id, made_by, created_at FROM suppressions
WHERE workspace_id = %(workspace_id)s AND key = ANY (address_digest(%(address)s) || domain_digests(%(address)s))
ORDER BY kind, id;

-- name: suppressions_after
-- The same, oldest first, without those that were erased.
SELECT id, kind, name, reason, note, created_at FROM suppressions
WHERE workspace_id = %(workspace_id)s AND id > %(after)s AND name IS NOT NULL
  AND (%(q)s::text IS NULL OR name COLLATE "C" ILIKE %(q)s
       OR key IN (SELECT unnest(address_digest(%(whole)s::text) || domain_digests(%(whole)s::text))))
  AND (%(reason)s::suppression_reason IS NULL OR reason = %(reason)s::suppression_reason)
ORDER BY id
LIMIT %(limit)s;

-- name: count_by_reason
-- How many there are of each reason.
SELECT reason, count(*) AS n FROM suppressions WHERE workspace_id = %(workspace_id)s GROUP BY reason;

-- name: remove_suppression
-- Somebody may be written to again.
DELETE FROM suppressions WHERE workspace_id = %(workspace_id)s AND id = %(id)s RETURNING reason;

-- name: remove_some
-- A batch of those that nobody said themselves: of a campaign, since a time, or both. In the order in which others lock them.
DELETE FROM suppressions s
USING (SELECT workspace_id, key FROM suppressions
       WHERE workspace_id = %(workspace_id)s AND reason = %(reason)s::suppression_reason AND NOT is_own_wish(reason)
         AND (%(campaign_id)s::bigint IS NULL OR campaign_id = %(campaign_id)s)
         AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
         AND id <= %(newest)s
       ORDER BY key
       LIMIT %(limit)s
       FOR UPDATE) o
WHERE s.workspace_id = o.workspace_id AND s.key = o.key;
