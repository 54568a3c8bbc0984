-- name: newest
-- The latest suppression of the workspace; 0: there is none.
SELECT coalesce(max(id), 0) AS id FROM suppressions WHERE workspace_id = %(workspace_id)s;

-- name: suppressed_of_staged
-- Recipients of the stage who are suppressed, by the address or by its domain: their numbers, and the first as they are shown.
WITH domain AS MATERIALIZED (
    SELECT d.domain, p.*
    FROM (SELECT DISTINCT split_part(address_key(recipient), '@', 2) AS domain FROM staged
          WHERE (SELECT EXISTS (SELECT FROM suppressions WHERE workspace_id = %(workspace_id)s AND kind = 'DOMAIN'))) d
    CROSS JOIN LATERAL (
        SELECT p.name, p.reason, p.created_at FROM suppressions p
        WHERE p.workspace_id = %(workspace_id)s AND p.key = ANY (domain_digests('@' || d.domain))
        ORDER BY p.id
        LIMIT 1
    ) p
),
found AS MATERIALIZED (
    SELECT s.number, s.row, s.recipient, p.reason, p.created_at, NULL AS domain
    FROM staged s JOIN suppressions p ON p.workspace_id = %(workspace_id)s AND p.key = s.key
    UNION ALL
    SELECT s.number, s.row, s.recipient, d.reason, d.created_at, d.name
    FROM domain d JOIN staged s ON split_part(address_key(s.recipient), '@', 2) = d.domain
    WHERE NOT EXISTS (SELECT FROM suppressions p WHERE p.workspace_id = %(workspace_id)s AND p.key = s.key)
)
SELECT ARRAY(SELECT number FROM found ORDER BY number) AS numbers,
       (SELECT coalesce(jsonb_agg(to_jsonb(f) ORDER BY f.number), '[]')
        FROM (SELECT number, row, recipient AS email, reason, created_at AS since, domain FROM found
              ORDER BY number LIMIT %(shown)s) f) AS shown;

-- name: take_out
-- Forget some of the staged. A statement of its own: mostly there are none, and then the stage is not gone through.
DELETE FROM staged WHERE number = ANY (%(numbers)s::integer[]);

-- name: suppressed_since
-- Keys suppressed after the first look. One that an exchange wrote meanwhile may be missing; claims see it.
SELECT ARRAY(SELECT key FROM suppressions WHERE workspace_id = %(workspace_id)s AND id > %(newest)s) AS keys;

-- name: walk_again
-- Of domains that were suppressed after the first look, emails are looked at anew: some were not there yet.
UPDATE suppressions SET walked_to = 0 WHERE workspace_id = %(workspace_id)s AND id > %(newest)s AND kind = 'DOMAIN';

-- name: owe_something
-- Nobody suppresses in the workspace until the commit; many hold it at once. Taken after `lock_plan` and before streams.
SELECT pg_advisory_xact_lock_shared(hashtextextended('reachinbox owed', %(workspace_id)s));

-- name: suppression_of
-- Why an address is written to no more.
SELECT reason, created_at, CASE kind WHEN 'DOMAIN' THEN name END AS domain
FROM suppression_of(%(workspace_id)s::bigint, %(address)s::text);

-- name: suppressed_of
-- Emails in a status whose recipients are suppressed; where somebody insists, since then.
SELECT e.id, e.recipient, p.reason, p.created_at, CASE p.kind WHEN 'DOMAIN' THEN p.name END AS domain
FROM emails e
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
CROSS JOIN LATERAL (
    SELECT p.kind, p.name, p.reason, p.created_at FROM suppressions p
    WHERE p.workspace_id = e.workspace_id AND p.key = ANY (address_digest(e.recipient) || domain_digests(e.recipient))
      AND (NOT s.insists OR p.created_at > s.start_at)
    ORDER BY p.kind, p.id
    LIMIT 1
) p
WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(ids)s::bigint[]) AND e.status = %(status)s::email_status
  AND e.erased_at IS NULL
ORDER BY e.id;
