-- name: lock_kept
-- One upload at a time ends in a workspace, so that two together do not pass what it may keep.
SELECT pg_advisory_xact_lock(hashtextextended('recipient_lists', %(workspace_id)s));

-- name: kept
-- The lists that a workspace keeps, and their size.
SELECT count(*) AS lists, coalesce(sum(size), 0)::bigint AS size FROM recipient_lists WHERE workspace_id = %(workspace_id)s;

-- name: insert_list
-- A list, its chunks still to be inserted in the same transaction.
INSERT INTO recipient_lists (workspace_id, kind, name, size, rows, csv)
VALUES (%(workspace_id)s, %(kind)s, %(name)s, %(size)s, %(rows)s, %(csv)s)
RETURNING id, kind, name, rows, csv, created_at;

-- name: insert_chunk
-- The next lines of a list.
INSERT INTO recipient_list_chunks (workspace_id, list_id, number, content)
VALUES (%(workspace_id)s, %(id)s, %(number)s, %(content)s);

-- name: count_chunks
-- In how many pieces a list lies.
SELECT count(*) AS chunks FROM recipient_list_chunks WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s;

-- name: chunk_of_list
-- One piece of a list. No row: the list is gone.
SELECT content FROM recipient_list_chunks
WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s AND number = %(number)s;

-- name: list_of
-- A list without its lines.
SELECT id, kind, name, rows, csv, created_at FROM recipient_lists WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: use_list
-- A list that is read now: it is kept anew, and nobody removes it while this transaction lasts.
UPDATE recipient_lists SET used_at = now() WHERE workspace_id = %(workspace_id)s AND id = %(id)s RETURNING kind, csv;

-- name: chunks_of_list
-- The lines of a list, in order.
SELECT content FROM recipient_list_chunks WHERE workspace_id = %(workspace_id)s AND list_id = %(id)s ORDER BY number;

-- name: lists_of_workspace
-- All lists, to look for an address in them.
SELECT id FROM recipient_lists WHERE workspace_id = %(workspace_id)s ORDER BY id;

-- name: lists_of_ids
-- Lists without their lines, in the order in which they came.
SELECT id, kind, name, rows, csv, created_at FROM recipient_lists
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[])
ORDER BY id;

-- name: is_drafted
-- Whether a draft names the list.
SELECT EXISTS (SELECT FROM drafts WHERE workspace_id = %(workspace_id)s AND %(id)s = ANY (lists)) AS drafted;

-- name: remove_lists
-- Lists that go with all of their lines.
WITH removed AS (
    DELETE FROM recipient_lists WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[]) RETURNING 1
)
SELECT count(*) AS n FROM removed;
