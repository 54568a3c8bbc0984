-- name: compare
-- The identity of this database as `installation` has it, beside the one that it has now. Without a row, or without an id in
-- it, no worker has started here.
SELECT i.id, i.system_identifier, i.timeline, i.database_oid, i.host, i.generation, i.behind_since,
       h.system_identifier AS here_system_identifier, h.timeline AS here_timeline, h.database_oid AS here_database_oid
FROM installation_here() h LEFT JOIN installation i ON true;

-- name: settle
-- The first worker writes down where it is; of two, the one that is faster.
INSERT INTO installation AS i (id, system_identifier, timeline, database_oid, host)
SELECT gen_random_uuid(), h.system_identifier, h.timeline, h.database_oid, %(host)s FROM installation_here() h
ON CONFLICT (only_row) DO UPDATE
SET id = excluded.id, system_identifier = excluded.system_identifier, timeline = excluded.timeline,
    database_oid = excluded.database_oid, host = excluded.host
WHERE i.id IS NULL;

-- name: adopt
-- Note the changes of identity that need no question: another timeline where AFTER_FAILOVER says so, a first name of the host,
-- a server that tells more than before.
UPDATE installation i
SET system_identifier = coalesce(i.system_identifier, h.system_identifier),
    timeline = coalesce(h.timeline, i.timeline),
    host = coalesce(i.host, %(host)s)
FROM installation_here() h
WHERE i.id = %(id)s AND i.behind_since IS NULL;

-- name: mark_behind
-- A worker has seen a later generation of this installation: this is an older state of the database, for every worker.
UPDATE installation SET behind_since = now() WHERE id = %(id)s AND behind_since IS NULL;

-- name: take_over
-- From now on it is this installation's, under another id: what was seen of the one before says nothing about it.
INSERT INTO installation AS i (id, system_identifier, timeline, database_oid, host)
SELECT gen_random_uuid(), h.system_identifier, h.timeline, h.database_oid, %(host)s FROM installation_here() h
ON CONFLICT (only_row) DO UPDATE
SET id = excluded.id, system_identifier = excluded.system_identifier, timeline = excluded.timeline,
    database_oid = excluded.database_oid, host = excluded.host, generation = 0, behind_since = NULL;

-- name: keys
-- The keys of Message-IDs, links and digests of addresses. The migrations make them; nothing changes them.
SELECT message_key, link_key, address_key FROM installation;
