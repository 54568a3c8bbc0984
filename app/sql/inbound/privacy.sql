-- name: responses_for
-- The least role that reads what came back.
SELECT responses_for FROM workspaces WHERE id = %(workspace_id)s;
