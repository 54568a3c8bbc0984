-- name: suppressed_copies
-- Of addresses, by their keys, those that the workspace writes to no more.
SELECT k.key FROM unnest(%(keys)s::text[]) AS k (key)
WHERE EXISTS (SELECT FROM suppression_of(%(workspace_id)s, k.key));
