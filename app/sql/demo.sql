-- name: is_first_start
-- Whether nobody has an account yet.
SELECT NOT EXISTS (SELECT FROM users) AS is_first_start;
