-- name: register_worker
-- A worker process and its first lease.
INSERT INTO workers (token, name, lease_until)
VALUES (%(token)s, %(name)s, now() + make_interval(secs => %(lease_s)s));

-- name: renew_lease
-- Still alive. No row: the lease ran out and others took what we held for lost.
UPDATE workers SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE token = %(token)s
RETURNING token;

-- name: unregister_worker
-- A clean end; it holds nothing any more.
DELETE FROM workers WHERE token = %(token)s;

-- name: other_workers
-- Whether a worker besides this one is alive.
SELECT EXISTS (SELECT FROM workers WHERE token <> %(token)s AND lease_until > now()) AS any;
