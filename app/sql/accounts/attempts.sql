-- name: count_attempt
-- Count one more before anything is looked at, and tell how many that makes in this window. One statement: attempts in
-- parallel are counted one after the other. Old windows go at the same time, those that others remove aside.
WITH stale AS (
    DELETE FROM login_attempts WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM login_attempts WHERE window_start < now() - interval '1 hour'
        LIMIT 100 FOR UPDATE SKIP LOCKED))
)
INSERT INTO login_attempts AS a (subject, window_start, count)
VALUES (%(subject)s, date_bin('15 minutes', now(), 'epoch'), 1)
ON CONFLICT (subject, window_start) DO UPDATE SET count = a.count + 1
RETURNING count, extract(epoch FROM window_start + interval '15 minutes' - now())::integer AS retry_s;

-- name: forget_attempts
-- A login that worked starts the account's count anew.
DELETE FROM login_attempts WHERE subject = %(subject)s;

-- name: take_back_attempt
-- One that worked does not count.
UPDATE login_attempts SET count = count - 1
WHERE subject = %(subject)s AND window_start = date_bin('15 minutes', now(), 'epoch') AND count > 0;

-- name: forget_visitors
-- Forget the log's entries about people who were not logged in, after a quarter of a year.
DELETE FROM audit_log
WHERE user_id IS NULL AND action IN ('account.unknown', 'attempts.refused') AND at < now() - interval '90 days';
