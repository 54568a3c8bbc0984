-- name: people_around
-- The account, who gets its workspaces, and all who share one with it.
SELECT id AS user_id FROM users WHERE id = ANY (%(named)s::bigint[])
UNION
SELECT user_id FROM members WHERE workspace_id IN (SELECT workspace_id FROM members WHERE user_id = %(user_id)s);

-- name: lock_workspaces_for_removal
-- The account's workspaces, which nobody joins, leaves or deletes until the end of the transaction.
SELECT id FROM workspaces WHERE id IN (SELECT workspace_id FROM members WHERE user_id = %(user_id)s)
ORDER BY id FOR UPDATE;

-- name: heir
-- Whether the account that is to get workspaces is let in. No row: there is none.
SELECT disabled_at IS NULL AS let_in FROM users WHERE id = %(heir_id)s;

-- name: workspaces_of
-- The workspaces of which the account is a member.
SELECT workspace_id FROM members WHERE user_id = %(user_id)s ORDER BY workspace_id;

-- name: make_owner
-- The heir of a workspace owns it from now on, whether or not they were a member of it.
INSERT INTO members (workspace_id, user_id, role, created_at)
VALUES (%(workspace_id)s, %(heir_id)s, 'owner', clock_timestamp())
ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = 'owner';

-- name: remove_used_invitations
-- The invitations by which somebody of the account's address came in name it, and are of no more use.
WITH gone AS (SELECT email FROM users WHERE id = %(user_id)s),
workspaces AS (
    DELETE FROM workspace_invitations i USING gone g
    WHERE i.used_at IS NOT NULL AND address_key(i.email) = address_key(g.email)
)
DELETE FROM invitations i USING gone g WHERE i.used_at IS NOT NULL AND address_key(i.email) = address_key(g.email);

-- name: remove_user
-- The account is gone with its memberships, sessions, keys, links and invitations; the log keeps what it did.
DELETE FROM users WHERE id = %(user_id)s;
