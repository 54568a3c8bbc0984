-- name: register_worker
-- A worker process and its first lease, which raises the installation's generation.
WITH raised AS (
    UPDATE installation SET generation = generation + 1 RETURNING id, generation
)
INSERT INTO workers (token, name, lease_until, sandboxed)
VALUES (%(token)s, %(name)s, now() + make_interval(secs => %(lease_s)s), %(sandboxed)s)
RETURNING (SELECT id FROM raised) AS installation, (SELECT generation FROM raised) AS generation;

-- name: renew_lease
-- Still alive, and another generation. No row: the lease ran out and others took what we held for lost.
WITH raised AS (
    UPDATE installation SET generation = generation + 1
    WHERE EXISTS (SELECT FROM workers WHERE token = %(token)s)
    RETURNING id, generation
)
UPDATE workers SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE token = %(token)s
RETURNING (SELECT id FROM raised) AS installation, (SELECT generation FROM raised) AS generation;

-- name: unregister_worker
-- A clean end. Mailboxes that it read or watched and could not give back, as when Postgres was away in mid-pass, are anybody's
-- as they are of a dead worker: without a row of it nobody would see that it is gone.
WITH dropped AS (
    DELETE FROM workers WHERE token = %(token)s
)
UPDATE inboxes i
SET lease_token = CASE WHEN i.lease_token <> %(token)s THEN i.lease_token END,
    lease_until = CASE WHEN i.lease_token <> %(token)s THEN i.lease_until END,
    next_at = CASE WHEN i.lease_token = %(token)s THEN least(i.next_at, now()) ELSE i.next_at END,
    watch_token = CASE WHEN i.watch_token <> %(token)s THEN i.watch_token END,
    watched_until = CASE WHEN i.watch_token <> %(token)s THEN i.watched_until END
WHERE %(token)s IN (i.lease_token, i.watch_token);

-- name: other_workers
-- Whether a worker besides this one is alive.
SELECT EXISTS (SELECT FROM workers WHERE token <> %(token)s AND lease_until > now()) AS any;
