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
-- A clean end; it holds nothing any more.
DELETE FROM workers WHERE token = %(token)s;

-- name: other_workers
-- Whether a worker besides this one is alive.
SELECT EXISTS (SELECT FROM workers WHERE token <> %(token)s AND lease_until > now()) AS any;
