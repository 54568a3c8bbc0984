-- name: insert_file
-- A file to go along with messages; its pieces follow in the same transaction.
INSERT INTO files (workspace_id, name, type, is_image, size, warning)
VALUES (%(workspace_id)s, %(name)s, %(type)s, %(is_image)s, %(size)s, %(warning)s)
RETURNING id, name, type, is_image, size, warning, created_at;

-- name: insert_piece
-- A piece of a file that was just inserted.
INSERT INTO file_pieces (workspace_id, file_id, number, content)
VALUES (%(workspace_id)s, %(id)s, %(number)s, %(content)s);

-- name: file_of
-- A file, without its content.
SELECT id, name, type, is_image, size, warning, created_at FROM files WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: files_named
-- Files by their ids, without their content.
SELECT id, name, type, is_image, size, warning, created_at FROM files
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[]);

-- name: use_files
-- The same, which something is about to name: nobody removes them before it does.
WITH held AS MATERIALIZED (
    SELECT workspace_id, id FROM files
    WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[])
    ORDER BY id
    FOR NO KEY UPDATE
)
UPDATE files f SET used_at = now()
FROM held h WHERE f.workspace_id = h.workspace_id AND f.id = h.id
RETURNING f.id, f.name, f.type, f.is_image, f.size, f.warning, f.created_at;

-- name: piece_of_file
-- One piece of a file, for whoever sends or shows it.
SELECT content FROM file_pieces WHERE workspace_id = %(workspace_id)s AND file_id = %(id)s AND number = %(number)s;

-- name: lock_files
-- One at a time adds a file, so that two together do not pass the most that there may be.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox files', %(workspace_id)s));

-- name: count_files
-- How many files a workspace keeps.
SELECT count(*) AS n FROM files WHERE workspace_id = %(workspace_id)s;
