-- name: lock_window
-- Wait for our turn among the exchanges of the sender: what follows in the transaction sees what they recorded. Opens the
-- current window if it is not there yet.
INSERT INTO sender_windows AS w (workspace_id, sender_id, window_start)
VALUES (%(workspace_id)s::bigint, %(sender_id)s::bigint, this_hour())
ON CONFLICT (workspace_id, sender_id, window_start) DO UPDATE SET used = w.used;

-- name: sender_evidence
-- When the server last took an email of the sender, as far as a witness may be old.
SELECT now() AS now, max(accepted_at) AS accepted_at
FROM sender_windows
WHERE workspace_id = %(workspace_id)s::bigint AND sender_id = %(sender_id)s::bigint
  AND window_start >= this_hour() - interval '1 day';

-- name: emails_judged
-- Emails that are still ours, with the last attempt at each before this one.
SELECT e.id, e.campaign_id, e.recipient, e.attempts, e.retry_count,
       a.recorded_at, a.outcome, a.command, a.code, a.enhanced_code, a.reply
FROM emails e
LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
WHERE e.workspace_id = %(workspace_id)s::bigint AND e.id = ANY (%(ids)s::bigint[]) AND e.claim_token = %(token)s::uuid;

-- name: campaigns_accepted
-- When the server last took an email of each campaign.
SELECT id, accepted_at FROM campaigns
WHERE workspace_id = %(workspace_id)s::bigint AND id = ANY (%(campaign_ids)s::bigint[]) AND accepted_at IS NOT NULL;

-- name: refusals_of_sender
-- What was refused to the sender within a day, the latest first and only so much: the words are a server's.
SELECT campaign_id, signature, last_at, emails, domains, passed_at, greylisting_until
FROM refusals
WHERE workspace_id = %(workspace_id)s::bigint AND sender_id = %(sender_id)s::bigint
  AND last_at > now() - interval '1 day'
ORDER BY last_at DESC
LIMIT 500;

-- name: keep_refusals
-- What the judge made of a refusal.
INSERT INTO refusals (workspace_id, sender_id, campaign_id, signature, last_at, emails, domains, passed_at,
                      greylisting_until)
VALUES (%(workspace_id)s, %(sender_id)s, %(campaign_id)s, %(signature)s, %(last_at)s, %(emails)s, %(domains)s,
        %(passed_at)s, %(greylisting_until)s)
ON CONFLICT (workspace_id, sender_id, signature, campaign_id) DO UPDATE
SET last_at = excluded.last_at, emails = excluded.emails, domains = excluded.domains, passed_at = excluded.passed_at,
    greylisting_until = excluded.greylisting_until;

-- name: domain_accepts
-- Whether an email of the campaign to a recipient at this domain was ever accepted.
SELECT EXISTS (
    SELECT FROM emails
    WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND status = 'SENT'
      AND split_part(lower(recipient), '@', 2) = %(domain)s
) AS accepts;

-- name: holds_of_sender
-- What holds the sender back, or a campaign on it.
SELECT campaign_id, reason, signature, words, since, probe_at, probes
FROM holds
WHERE workspace_id = %(workspace_id)s::bigint AND sender_id = %(sender_id)s::bigint;

-- name: keep_hold
-- A hold begins, or its next probe has a time.
INSERT INTO holds (workspace_id, sender_id, campaign_id, reason, signature, words, since, probe_at, probes)
VALUES (%(workspace_id)s, %(sender_id)s, %(campaign_id)s, %(reason)s, %(signature)s, %(words)s, %(since)s,
        %(probe_at)s, %(probes)s)
ON CONFLICT (workspace_id, sender_id, campaign_id) DO UPDATE
SET words = excluded.words, probe_at = excluded.probe_at, probes = excluded.probes;

-- name: lift_hold
-- An email got through.
DELETE FROM holds
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s
  AND campaign_id IS NOT DISTINCT FROM %(campaign_id)s::bigint;
