-- name: lock_window
-- Wait for our turn among the exchanges of the sender's login: what follows in the transaction sees what they recorded.
-- Opens the current window if it is not there yet; NULL: no such sender.
SELECT lock_window(%(workspace_id)s::bigint, %(sender_id)s::bigint) AS login_id;

-- name: login_evidence
-- When the server last took an email of the login, as far as a witness may be old.
SELECT now() AS now, max(accepted_at) AS accepted_at
FROM login_windows
WHERE workspace_id = %(workspace_id)s::bigint AND login_id = %(login_id)s::bigint
  AND window_start >= this_hour() - interval '1 day';

-- name: emails_judged
-- Emails that are still ours, with the last attempt at each before this one.
SELECT e.id, e.stream_id, e.campaign_id, e.recipient, e.attempts, e.retry_count,
       a.recorded_at, a.outcome, a.command, a.code, a.enhanced_code, a.reply
FROM emails e
LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
WHERE e.workspace_id = %(workspace_id)s::bigint AND e.id = ANY (%(ids)s::bigint[]) AND e.claim_token = %(token)s::uuid;

-- name: streams_accepted
-- When the server last took an email of each stream.
SELECT id, accepted_at FROM streams
WHERE workspace_id = %(workspace_id)s::bigint AND id = ANY (%(stream_ids)s::bigint[]) AND accepted_at IS NOT NULL;

-- name: refusals_of_login
-- Refusals of the login within a day, the latest first and only so much: the words are a server's.
SELECT stream_id, signature, last_at, emails, domains, passed_at, greylisting_until
FROM refusals
WHERE workspace_id = %(workspace_id)s::bigint AND login_id = %(login_id)s::bigint
  AND last_at > now() - interval '1 day'
ORDER BY last_at DESC
LIMIT 500;

-- name: keep_refusals
-- Keep the judge's conclusion on a refusal.
INSERT INTO refusals (workspace_id, login_id, stream_id, signature, last_at, emails, domains, passed_at,
                      greylisting_until)
VALUES (%(workspace_id)s, %(login_id)s, %(stream_id)s, %(signature)s, %(last_at)s, %(emails)s, %(domains)s,
        %(passed_at)s, %(greylisting_until)s)
ON CONFLICT (workspace_id, login_id, signature, stream_id) DO UPDATE
SET last_at = excluded.last_at, emails = excluded.emails, domains = excluded.domains, passed_at = excluded.passed_at,
    greylisting_until = excluded.greylisting_until;

-- name: domain_accepts
-- Whether an email of the stream to a recipient at this domain was ever accepted.
SELECT EXISTS (
    SELECT FROM emails
    WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND status = 'SENT'
      AND split_part(lower(recipient), '@', 2) = %(domain)s
) AS accepts;

-- name: holds_of_login
-- The holds of the login and of its streams.
SELECT stream_id, reason, signature, words, since, probe_at, probes
FROM holds
WHERE workspace_id = %(workspace_id)s::bigint AND login_id = %(login_id)s::bigint;

-- name: keep_hold
-- A hold begins, or its next probe has a time.
INSERT INTO holds (workspace_id, login_id, stream_id, reason, signature, words, since, probe_at, probes)
VALUES (%(workspace_id)s, %(login_id)s, %(stream_id)s, %(reason)s, %(signature)s, %(words)s, %(since)s,
        %(probe_at)s, %(probes)s)
ON CONFLICT (workspace_id, login_id, stream_id) DO UPDATE
SET words = excluded.words, probe_at = excluded.probe_at, probes = excluded.probes;

-- name: lift_hold
-- An email got through.
DELETE FROM holds
WHERE workspace_id = %(workspace_id)s AND login_id = %(login_id)s
  AND stream_id IS NOT DISTINCT FROM %(stream_id)s::bigint;

-- name: hold_login
-- A login is held for a bounce's words, until a probe gets through; what holds it already goes on doing so.
INSERT INTO holds (workspace_id, login_id, reason, signature, words, since, probe_at)
VALUES (%(workspace_id)s, %(login_id)s, 'REFUSED', %(signature)s, %(words)s, now(), now() + make_interval(secs => %(first_s)s))
ON CONFLICT (workspace_id, login_id, stream_id) DO NOTHING;
