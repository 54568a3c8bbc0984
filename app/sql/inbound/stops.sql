-- name: stopped_beside
-- Emails of a campaign that were cancelled for the recipient of one of them, since they answered or do not exist, where nothing
-- that came back says so any more.
SELECT id FROM emails_beside(%(workspace_id)s::bigint, %(email_id)s::bigint)
WHERE status = 'CANCELLED' AND cancel_reason IN ('REPLIED', 'BOUNCED')
  AND NOT has_stopped(%(workspace_id)s::bigint, %(email_id)s::bigint);

-- name: unstop
-- The campaign of an email does not end for its recipient where nothing that came back says so any more.
UPDATE emails e SET stopped = NULL
FROM emails_beside(%(workspace_id)s::bigint, %(email_id)s::bigint) o
WHERE e.workspace_id = %(workspace_id)s AND e.id = o.id AND o.stopped = 'REPLIED'
  AND NOT has_stopped(%(workspace_id)s::bigint, %(email_id)s::bigint)
RETURNING e.id;

-- name: owe_again
-- These owe what follows, as if nobody had answered, and the others of an email's recipient that owe something owe it from when
-- what stands now says. Their stream is locked.
UPDATE emails e SET follow_at = f.at
FROM campaigns c, emails_beside(%(workspace_id)s::bigint, %(email_id)s::bigint) o, owes_at(o) AS f (at)
WHERE (o.id = ANY (%(ids)s::bigint[]) OR o.follow_at IS NOT NULL) AND f.at IS NOT NULL
  AND c.workspace_id = o.workspace_id AND c.id = o.campaign_id AND c.emails_removed_at IS NULL
  AND e.workspace_id = o.workspace_id AND e.id = o.id AND e.follow_at IS DISTINCT FROM f.at;

-- name: stop_domain
-- Note that somebody at a domain has answered a campaign that stops for all of it then: one that is nobody's own.
INSERT INTO domain_stops AS d (workspace_id, campaign_id, domain)
SELECT e.workspace_id, e.campaign_id, domain_of(e.recipient)
FROM emails e JOIN campaigns c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s AND c.stop_on_domain AND e.erased_at IS NULL
  AND domain_of(e.recipient) <> ALL (%(shared)s::text[])
ON CONFLICT (workspace_id, campaign_id, domain) DO UPDATE SET lifted = false, walked_to = 0
WHERE d.lifted;

-- name: lift_domain
-- It was no answer: the campaign goes on for the domain of an email's recipient, unless somebody else there has answered.
UPDATE domain_stops d SET lifted = true, walked_to = 0
FROM emails e
WHERE e.workspace_id = %(workspace_id)s AND e.id = %(email_id)s
  AND d.workspace_id = e.workspace_id AND d.campaign_id = e.campaign_id AND d.domain = domain_of(e.recipient) AND NOT d.lifted
  AND NOT d.for_good
  AND NOT EXISTS (SELECT FROM responses r CROSS JOIN LATERAL domain_stopped_by(r) o
                  WHERE r.workspace_id = d.workspace_id AND o.campaign_id = d.campaign_id AND o.domain = d.domain);

-- name: domains_to_walk
-- Of which not all are stopped yet, or go on.
SELECT workspace_id, campaign_id, domain, walked_to, lifted FROM domain_stops
WHERE walked_to IS NOT NULL
ORDER BY workspace_id, campaign_id, domain;

-- name: look_through_campaign
-- The next emails from where the campaign's begin: up to which id they go, NULL where these were its last, and those of
-- the domain that are to be stopped; with `lifted`, that were, in the order of their senders: these are woken in it, or two
-- would wait for each other. No more of them than `most`: the emails go to the last of them.
WITH batch AS MATERIALIZED (
    SELECT e.id, e.campaign_id, e.recipient, e.status, e.cancel_reason, e.stopped, e.step_id, e.stream_id
    FROM campaigns c
    JOIN emails e ON e.workspace_id = c.workspace_id
        AND e.id BETWEEN greatest(%(walked_to)s::bigint + 1, c.first_email_id) AND c.last_email_id
    WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
    ORDER BY e.id
    LIMIT %(limit)s
),
its AS MATERIALIZED (
    SELECT id, stream_id FROM batch
    WHERE campaign_id = %(campaign_id)s AND domain_of(recipient) = %(domain)s
      AND CASE WHEN %(lifted)s THEN stopped = 'REPLIED' OR status = 'CANCELLED' AND cancel_reason = 'REPLIED'
               ELSE status = 'SCHEDULED' OR step_id IS NOT NULL AND stopped IS NULL AND status <> 'CANCELLED' END
    ORDER BY id
    LIMIT %(most)s
)
SELECT CASE WHEN (SELECT count(*) FROM its) = %(most)s THEN (SELECT max(id) FROM its)
            WHEN (SELECT count(*) FROM batch) = %(limit)s THEN (SELECT max(id) FROM batch) END AS last_id,
       ARRAY (SELECT i.id
              FROM its i
              JOIN streams t ON t.workspace_id = %(workspace_id)s AND t.id = i.stream_id
              ORDER BY t.sender_id, i.id) AS ids;

-- name: walk_on
-- Note how far the walk has come. No row: it was begun anew, or is another worker's.
UPDATE domain_stops SET walked_to = %(to)s
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND domain = %(domain)s
  AND walked_to = %(walked_to)s AND lifted = %(lifted)s
RETURNING walked_to;

-- name: wait_for_return
-- The next step for the recipient of an email waits until two days after the day that an absence note names. The stream is
-- locked.
UPDATE emails o SET follow_at = b.at
FROM emails_beside(%(workspace_id)s::bigint, %(email_id)s::bigint) t,
     away_until(%(workspace_id)s::bigint, %(email_id)s::bigint) AS b (at)
WHERE o.workspace_id = %(workspace_id)s AND o.id = t.id AND o.step_id IS NOT NULL AND o.follow_at < b.at;

-- name: waiting_until_return
-- Of that, what waits already and is due before, with what its new time depends on, as `owing` has it.
SELECT o.id, b.at AS follow_at, o.after_at AS sent_at, coalesce(o.zone, zone_brought(o.fields)) AS zone, c.calendar, s.wait,
       s.business_days, s.time_of_day
FROM emails_beside(%(workspace_id)s::bigint, %(email_id)s::bigint) t
CROSS JOIN away_until(%(workspace_id)s::bigint, %(email_id)s::bigint) AS b (at)
JOIN emails o ON o.workspace_id = %(workspace_id)s AND o.id = t.id
JOIN campaign_steps s ON s.workspace_id = o.workspace_id AND s.id = o.step_id
JOIN campaigns c ON c.workspace_id = o.workspace_id AND c.id = o.campaign_id
WHERE o.status = 'SCHEDULED' AND o.follows_id IS NOT NULL AND o.scheduled_at < b.at;

-- name: waited_for_return
-- Later steps for the recipient of an email that were put off until after a day, and by what stands now need not be, as
-- `waiting_until_return` has them. What was tried has its time from that.
SELECT o.id, greatest(o.after_at + s.wait, b.at) AS follow_at, o.after_at AS sent_at, now() AS now, o.not_before, t.sender_id,
       coalesce(o.zone, zone_brought(o.fields)) AS zone, c.calendar, s.wait, s.business_days, s.time_of_day
FROM away_until(%(workspace_id)s::bigint, %(email_id)s::bigint) AS b (at),
     (SELECT (%(back_on)s::date + 2)::timestamp AT TIME ZONE 'UTC') AS w (at),
     emails_beside(%(workspace_id)s::bigint, %(email_id)s::bigint) o
JOIN streams t ON t.workspace_id = o.workspace_id AND t.id = o.stream_id
JOIN campaign_steps s ON s.workspace_id = o.workspace_id AND s.id = o.step_id
JOIN campaigns c ON c.workspace_id = o.workspace_id AND c.id = o.campaign_id
WHERE (o.status = 'SCHEDULED' OR o.cancel_reason = 'REPLIED') AND o.follows_id IS NOT NULL AND o.attempts = 0
  AND o.not_before >= w.at AND coalesce(b.at < w.at, true)
ORDER BY t.sender_id, o.id;

-- name: put_off
-- It leaves then, later or earlier than it was to, and no plan moves it to before.
UPDATE emails SET scheduled_at = %(at)s, not_before = %(at)s, until = %(until)s
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;
