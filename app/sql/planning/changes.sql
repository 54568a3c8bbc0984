-- name: ask_for_campaign
-- Have a campaign planned again on all of its senders, or on one, if anything waits there. Asked for once more, it is
-- planned once more. With `hold`, or where others of its senders may have given an email that waits for that, nothing goes by
-- the times that it has.
INSERT INTO plan_changes AS p (workspace_id, campaign_id, sender_id, holds_from)
SELECT s.workspace_id, s.campaign_id, s.sender_id,
       CASE WHEN %(hold)s
                 OR EXISTS (SELECT FROM plan_changes o WHERE o.workspace_id = s.workspace_id
                              AND o.campaign_id = s.campaign_id AND o.holds_from IS NOT NULL)
            THEN '-infinity'::timestamptz END
FROM streams s
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s AND s.scheduled > 0
  AND (%(sender_id)s::bigint IS NULL OR s.sender_id = %(sender_id)s)
ORDER BY s.sender_id
ON CONFLICT (workspace_id, campaign_id, sender_id) DO UPDATE
SET asked_at = clock_timestamp(), holds_from = coalesce(excluded.holds_from, p.holds_from)
RETURNING sender_id;

-- name: ask_for_senders
-- The same for all active campaigns of senders, of which one can be left out. Unless `anew`, a plan under way goes on. By id,
-- so that two that ask do not wait for each other.
INSERT INTO plan_changes AS p (workspace_id, campaign_id, sender_id, holds_from)
SELECT s.workspace_id, s.campaign_id, s.sender_id,
       CASE WHEN EXISTS (SELECT FROM plan_changes o WHERE o.workspace_id = s.workspace_id
                           AND o.campaign_id = s.campaign_id AND o.holds_from IS NOT NULL)
            THEN '-infinity'::timestamptz END
FROM streams s
WHERE s.workspace_id = %(workspace_id)s AND s.sender_id = ANY (%(sender_ids)s::bigint[]) AND s.open AND s.scheduled > 0
  AND s.campaign_id IS DISTINCT FROM %(except_campaign_id)s::bigint
ORDER BY s.campaign_id, s.sender_id
ON CONFLICT (workspace_id, campaign_id, sender_id) DO UPDATE
SET asked_at = CASE WHEN %(anew)s THEN clock_timestamp() ELSE p.asked_at END,
    holds_from = coalesce(excluded.holds_from, p.holds_from)
RETURNING sender_id;

-- name: ask_behind_others
-- The same for a new campaign while others of a sender of its are asked for: it was planned around times that change.
INSERT INTO plan_changes (workspace_id, campaign_id, sender_id)
SELECT s.workspace_id, s.campaign_id, s.sender_id FROM streams s
WHERE s.workspace_id = %(workspace_id)s AND s.campaign_id = %(campaign_id)s
  AND EXISTS (SELECT FROM plan_changes p WHERE p.workspace_id = s.workspace_id AND p.sender_id = s.sender_id)
ORDER BY s.sender_id
ON CONFLICT (workspace_id, campaign_id, sender_id) DO UPDATE SET asked_at = clock_timestamp();

-- name: hold_unplanned
-- Of what a campaign has asked for and nobody has done, if few emails wait in it, and in all that is asked for of each of these
-- senders: nothing of it goes by the times that it has. On all of them or none, since a hold comes to each that is asked later.
-- Asked for once more, since who is at it holds nothing. By id, since that is how everybody locks.
WITH locked AS MATERIALIZED (
    SELECT p.sender_id
    FROM plan_changes p
    WHERE p.workspace_id = %(workspace_id)s AND p.campaign_id = %(campaign_id)s
    ORDER BY p.sender_id
    FOR UPDATE OF p
),
long AS (
    SELECT o.sender_id
    FROM locked l
    JOIN plan_changes o ON o.workspace_id = %(workspace_id)s AND o.sender_id = l.sender_id
    JOIN streams s ON s.workspace_id = o.workspace_id AND s.campaign_id = o.campaign_id AND s.sender_id = o.sender_id
    GROUP BY o.sender_id
    HAVING sum(s.scheduled) > %(most)s
)
UPDATE plan_changes p SET asked_at = clock_timestamp(), holds_from = '-infinity'
FROM locked l
WHERE p.workspace_id = %(workspace_id)s AND p.campaign_id = %(campaign_id)s AND p.sender_id = l.sender_id
  AND p.holds_from IS NULL AND NOT EXISTS (SELECT FROM long)
  AND (SELECT scheduled FROM campaign_counts(p.workspace_id, p.campaign_id)) <= %(most)s
RETURNING p.sender_id;

-- name: asked
-- The changes asked for a sender's plan, locked until the commit: whether another is at it, and whether the campaign is held
-- until it has its times; and what says whose turn is first. By id, since that is how everybody locks.
SELECT p.campaign_id, p.asked_at, coalesce(p.taken_by <> %(taker)s::uuid AND p.taken_until > now(), false) AS elsewhere,
       p.holds_from IS NOT NULL AS holds, coalesce(c.kind = 'DIRECT', false) AS direct, c.ahead_at
FROM plan_changes p
LEFT JOIN campaigns c ON c.workspace_id = p.workspace_id AND c.id = p.campaign_id
WHERE p.workspace_id = %(workspace_id)s AND p.sender_id = %(sender_id)s
ORDER BY p.campaign_id
FOR UPDATE OF p;

-- name: take
-- All that we hold of it is ours to plan for a while. A change that came since `asked` is not: its asker may wait for us.
UPDATE plan_changes SET taken_by = %(taker)s, taken_until = now() + make_interval(secs => %(for_s)s)
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND campaign_id = ANY (%(asked)s::bigint[]);

-- name: still_ours
-- Renew the time we have, unless it was asked for once more or somebody else has taken it; no row then. `over`: the
-- campaign was cancelled meanwhile, or ended.
UPDATE plan_changes SET taken_until = now() + make_interval(secs => %(for_s)s)
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND sender_id = %(sender_id)s
  AND taken_by = %(taker)s AND asked_at = %(asked_at)s
RETURNING EXISTS (SELECT FROM campaigns c WHERE c.workspace_id = plan_changes.workspace_id AND c.id = plan_changes.campaign_id
                    AND c.status IN ('CANCELLED', 'FINISHED')) AS over;

-- name: hold_from
-- Emails due from then on have no new time yet. Until then the campaign goes on.
UPDATE plan_changes SET holds_from = %(holds_from)s::timestamptz
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND sender_id = %(sender_id)s;

-- name: done
-- The campaign is planned, unless it was asked for once more.
DELETE FROM plan_changes
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND sender_id = %(sender_id)s
  AND taken_by = %(taker)s AND asked_at = %(asked_at)s;

-- name: let_go
-- Give up what we have not finished: it is anybody's.
UPDATE plan_changes SET taken_until = '-infinity'
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND taken_by = %(taker)s;

-- name: senders_beside
-- The senders that have a login of the streams' senders.
SELECT DISTINCT o.id AS sender_id
FROM streams s
JOIN senders p ON p.workspace_id = s.workspace_id AND p.id = s.sender_id
JOIN senders o ON o.workspace_id = p.workspace_id AND o.login_id = p.login_id
WHERE s.workspace_id = %(workspace_id)s AND s.id = ANY (%(stream_ids)s::bigint[])
ORDER BY o.id;

-- name: waiting
-- The emails that wait in a stream, of later steps (`owed`) or of the first, as the list had them: in that order a plan that
-- was broken off comes out the same when it is begun again. `kept_at`: the time of a retry that keeps its own; `due_s`: when it
-- was due before, with `holds`; `zone`: what the recipient brought as theirs, with `by_zone`.
SELECT e.id, CASE WHEN keeps_its_time(e.not_before, %(from)s::timestamptz) THEN e.scheduled_at END AS kept_at,
       CASE WHEN %(holds)s THEN extract(epoch FROM e.scheduled_at)::float8 END AS due_s,
       CASE WHEN %(by_zone)s THEN coalesce(e.zone, zone_brought(e.fields)) END AS zone
FROM emails e
WHERE e.workspace_id = %(workspace_id)s AND e.stream_id = %(stream_id)s AND e.status = 'SCHEDULED'
  AND (e.follows_id IS NOT NULL) = %(owed)s
ORDER BY e.id
LIMIT %(limit)s::bigint;

-- name: neglected
-- Senders for which plans were asked a while ago and that nobody is at.
SELECT DISTINCT workspace_id, sender_id FROM plan_changes
WHERE taken_until < now() AND asked_at < now() - make_interval(secs => %(asked_s)s);

-- name: campaigns_asked
-- The sender's campaigns that are to be planned again.
SELECT campaign_id FROM plan_changes WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s;
