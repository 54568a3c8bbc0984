-- name: kept_check
-- A sender's last DNS check, if there was one.
SELECT s.workspace_id, s.id AS sender_id, s.email, s.host, d.domain, d.selectors, d.findings, d.checked_at,
       d.checked_at > now() - make_interval(secs => %(kept_s)s) IS TRUE AS is_fresh
FROM senders s
LEFT JOIN sender_dns d ON d.workspace_id = s.workspace_id AND d.sender_id = s.id
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s;

-- name: keep_check
-- Keep the findings of a DNS check. No row: the sender has gone meanwhile.
INSERT INTO sender_dns (workspace_id, sender_id, domain, findings, checked_at)
SELECT s.workspace_id, s.id, %(domain)s, %(findings)s::jsonb, now() FROM senders s
WHERE s.workspace_id = %(workspace_id)s AND s.id = %(sender_id)s
ON CONFLICT (workspace_id, sender_id) DO UPDATE
SET selectors = CASE WHEN sender_dns.domain = excluded.domain THEN sender_dns.selectors ELSE '{}' END,
    domain = excluded.domain, findings = excluded.findings, checked_at = excluded.checked_at
RETURNING checked_at;

-- name: due_checks
-- Senders that somebody has looked at once, and whose check is a day old.
SELECT d.workspace_id, d.sender_id, s.email, s.host, d.selectors
FROM sender_dns d
JOIN senders s ON s.workspace_id = d.workspace_id AND s.id = d.sender_id
WHERE d.checked_at <= now() - make_interval(secs => %(kept_s)s) AND s.retired_at IS NULL
ORDER BY d.checked_at
LIMIT %(most)s;
