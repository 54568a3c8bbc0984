-- name: hold_password
-- Keep a password as it is until the end of the transaction; no row: it is another already, or the
-- account is disabled.
SELECT id FROM users
WHERE id = %(user_id)s AND password_hash IS NOT DISTINCT FROM %(password_hash)s AND disabled_at IS NULL
FOR NO KEY UPDATE;
