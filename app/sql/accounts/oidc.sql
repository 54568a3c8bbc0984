-- name: user_of_identity
-- The user whose account at the provider this is.
SELECT i.user_id, u.disabled_at FROM identities i JOIN users u ON u.id = i.user_id
WHERE i.issuer = %(issuer)s AND i.subject = %(subject)s;

-- name: insert_identity
-- From now on this account at the provider logs the user in.
INSERT INTO identities (issuer, subject, user_id) VALUES (%(issuer)s, %(subject)s, %(user_id)s);
