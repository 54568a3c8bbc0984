-- name: insert_workspace
-- A workspace and its first owner.
WITH made AS (INSERT INTO workspaces (name) VALUES (%(name)s) RETURNING id, created_at),
owner AS (INSERT INTO members (workspace_id, user_id, role) SELECT id, %(user_id)s, 'owner' FROM made)
SELECT id, created_at FROM made;

-- name: people_without
-- Those of the named who are members of no workspace.
SELECT id, email FROM users u
WHERE id = ANY (%(user_ids)s::bigint[]) AND NOT EXISTS (SELECT FROM members m WHERE m.user_id = u.id)
ORDER BY id;

-- name: lock_people
-- Lock people: nobody else changes what they are members of until the end of the transaction.
SELECT id FROM users WHERE id = ANY (%(user_ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE;

-- name: count_owned
-- How many workspaces somebody owns, alone or with others.
SELECT count(*) AS owned FROM members WHERE user_id = %(user_id)s AND role = 'owner';

-- name: list_workspaces
-- A person's workspaces in the order in which they joined them, or only one of them.
SELECT w.id, w.name, m.role, w.created_at, w.bounce_limit, w.postal_address, w.responses_for
FROM members m JOIN workspaces w ON w.id = m.workspace_id
WHERE m.user_id = %(user_id)s AND (%(only)s::bigint IS NULL OR w.id = %(only)s)
ORDER BY m.created_at, w.id LIMIT %(limit)s;

-- name: change_workspace
-- Another name for it, limit of its brake, postal address or role that reads what came back: what is among `names`.
UPDATE workspaces
SET name = CASE WHEN 'name' = ANY (%(names)s) THEN %(name)s ELSE name END,
    bounce_limit = CASE WHEN 'bounce_limit' = ANY (%(names)s) THEN %(bounce_limit)s ELSE bounce_limit END,
    postal_address = CASE WHEN 'postal_address' = ANY (%(names)s) THEN %(postal_address)s ELSE postal_address END,
    responses_for = CASE WHEN 'responses_for' = ANY (%(names)s) THEN %(responses_for)s ELSE responses_for END
WHERE id = %(workspace_id)s AND deleted_at IS NULL
RETURNING id;

-- name: people_of
-- The users who are members of the workspace.
SELECT user_id FROM members WHERE workspace_id = %(workspace_id)s;

-- name: lock_workspace_to_delete
-- The workspace, which nobody joins, leaves or deletes until the end of the transaction.
SELECT id FROM workspaces WHERE id = %(workspace_id)s AND deleted_at IS NULL FOR UPDATE;

-- name: has_another
-- Whether somebody is a member of a workspace besides this one.
SELECT EXISTS (SELECT FROM members WHERE user_id = %(user_id)s AND workspace_id <> %(workspace_id)s) AS has_another;

-- name: owed_by_workspace
-- How many campaigns are not over, and how many emails are at an SMTP server.
SELECT (SELECT count(*) FROM campaigns
        WHERE workspace_id = %(workspace_id)s AND status IN ('ACTIVE', 'PAUSED')) AS campaigns,
       (SELECT coalesce(sum(sending), 0) FROM streams WHERE workspace_id = %(workspace_id)s) AS sending;

-- name: delete_workspace
-- Nobody is a member any more, so no session and no key opens it, no invitation leads into it, no webhook is told more.
WITH deleted AS (UPDATE workspaces SET deleted_at = now() WHERE id = %(workspace_id)s),
members AS (DELETE FROM members WHERE workspace_id = %(workspace_id)s),
invitations AS (DELETE FROM workspace_invitations WHERE workspace_id = %(workspace_id)s)
UPDATE webhooks SET disabled_at = coalesce(disabled_at, now()), disabled_reason = 'the workspace was deleted'
WHERE workspace_id = %(workspace_id)s;
