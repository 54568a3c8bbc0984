-- name: suppressed_copies
-- Those of the addresses that the workspace writes to no more.
SELECT a.address FROM unnest(%(addresses)s::text[]) AS a (address)
WHERE EXISTS (SELECT FROM suppression_of(%(workspace_id)s::bigint, a.address));
