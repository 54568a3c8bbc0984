-- name: lock_drafts
-- One at a time adds a draft, so that two together do not pass the most that there may be.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox drafts', %(workspace_id)s));

-- name: count_drafts
-- How many drafts a workspace keeps.
SELECT count(*) AS n FROM drafts WHERE workspace_id = %(workspace_id)s;

-- name: page_of_drafts
-- A page of drafts, newest first, with who saved each last, which the tenants' role may not read.
SELECT d.id, d.name, d.version, d.created_at, d.changed_at, u.email AS changed_by
FROM drafts d
LEFT JOIN users u ON u.id = d.changed_by
WHERE d.workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR d.id < %(before)s)
ORDER BY d.id DESC
LIMIT %(limit)s;

-- name: get_kept_draft
-- A draft with all that it holds.
SELECT d.id, d.name, d.version, d.created_at, d.changed_at, u.email AS changed_by, d.content
FROM drafts d
LEFT JOIN users u ON u.id = d.changed_by
WHERE d.workspace_id = %(workspace_id)s AND d.id = %(id)s;

-- name: insert_draft
-- Keep a draft for the workspace.
INSERT INTO drafts (workspace_id, name, content, lists, files, size, changed_by)
VALUES (%(workspace_id)s, %(name)s, %(content)s, %(lists)s::bigint[], %(files)s::bigint[], %(size)s, %(changed_by)s)
RETURNING id;

-- name: lock_draft
-- The version and size of a draft, held against others who save or remove it.
SELECT version, size FROM drafts WHERE workspace_id = %(workspace_id)s AND id = %(id)s FOR NO KEY UPDATE;

-- name: save_draft
-- Write a draft anew, as its next version.
UPDATE drafts
SET name = %(name)s, content = %(content)s, lists = %(lists)s::bigint[], files = %(files)s::bigint[], size = %(size)s,
    version = version + 1,
    changed_by = %(changed_by)s, changed_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: remove_draft
-- A draft is kept no longer.
DELETE FROM drafts WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: drafts_that_name
-- Drafts in which an address stands.
SELECT id FROM drafts WHERE workspace_id = %(workspace_id)s AND names_it(content::text, %(pattern)s) ORDER BY id;

-- name: lock_content
-- The content of a draft, held against others who save it.
SELECT content FROM drafts WHERE workspace_id = %(workspace_id)s AND id = %(id)s FOR NO KEY UPDATE;

-- name: erase_from_draft
-- The same without somebody's address. It is a version of its own: to save an older one would bring the address back.
UPDATE drafts SET content = %(content)s, size = %(size)s, version = version + 1
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;
