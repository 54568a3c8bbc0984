-- name: hold_password
-- Keep a password as it is until the end of the transaction; no row: it is another already.
SELECT id FROM users
WHERE id = %(user_id)s AND password_hash IS NOT DISTINCT FROM %(password_hash)s
FOR NO KEY UPDATE;

-- name: count_login_attempt
-- Count one more attempt before the password is looked at, and tell how many that makes in this window. One statement:
-- attempts in parallel are counted one after the other.
INSERT INTO login_attempts AS a (subject, window_start, count)
VALUES (%(subject)s, date_bin('15 minutes', now(), 'epoch'), 1)
ON CONFLICT (subject, window_start) DO UPDATE SET count = a.count + 1
RETURNING count, extract(epoch FROM window_start + interval '15 minutes' - now())::integer AS retry_s;

-- name: forget_login_attempts
-- A login that worked starts the account's count anew; old windows go at the same time.
DELETE FROM login_attempts WHERE subject = %(subject)s OR window_start < now() - interval '1 hour';
