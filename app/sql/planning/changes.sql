-- name: ask_for_campaign
-- Have a campaign planned again, if anything waits in it. Asked for once more, it is planned once more.
INSERT INTO plan_changes (workspace_id, campaign_id, sender_id)
SELECT workspace_id, campaign_id, sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND scheduled > 0
ORDER BY id
LIMIT 1
ON CONFLICT (workspace_id, campaign_id, sender_id) DO UPDATE SET asked_at = clock_timestamp();

-- name: ask_for_sender
-- The same for all active campaigns of a sender, of which one can be left out. By id, so that two that ask do not wait
-- for each other.
INSERT INTO plan_changes (workspace_id, campaign_id, sender_id)
SELECT workspace_id, campaign_id, sender_id FROM streams
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND open AND scheduled > 0
  AND campaign_id IS DISTINCT FROM %(except_campaign_id)s::bigint
ORDER BY campaign_id
ON CONFLICT (workspace_id, campaign_id, sender_id) DO UPDATE SET asked_at = clock_timestamp();

-- name: ask_behind_others
-- The same for a new campaign while others of its sender are asked for: it was planned around times that change.
INSERT INTO plan_changes (workspace_id, campaign_id, sender_id)
SELECT %(workspace_id)s::bigint, %(campaign_id)s::bigint, %(sender_id)s::bigint
WHERE EXISTS (SELECT FROM plan_changes WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s)
ON CONFLICT (workspace_id, campaign_id, sender_id) DO UPDATE SET asked_at = clock_timestamp();

-- name: asked
-- What was asked for a sender, held until the commit, and whether another is at it; and what says whose turn is first.
-- By id, since that is how everybody locks.
SELECT p.campaign_id, p.asked_at, coalesce(p.taken_by <> %(taker)s::uuid AND p.taken_until > now(), false) AS elsewhere,
       coalesce(c.kind = 'DIRECT', false) AS direct, c.ahead_at
FROM plan_changes p
LEFT JOIN campaigns c ON c.workspace_id = p.workspace_id AND c.id = p.campaign_id
WHERE p.workspace_id = %(workspace_id)s AND p.sender_id = %(sender_id)s
ORDER BY p.campaign_id
FOR UPDATE OF p;

-- name: take
-- All that we hold of it is ours to plan for a while. What came since `asked` is not: whoever asked may wait for us.
UPDATE plan_changes SET taken_by = %(taker)s, taken_until = now() + make_interval(secs => %(for_s)s)
WHERE workspace_id = %(workspace_id)s AND campaign_id = ANY (%(asked)s::bigint[]);

-- name: still_ours
-- Renew the time we have, unless it was asked for once more or somebody else has taken it; no row then.
UPDATE plan_changes SET taken_until = now() + make_interval(secs => %(for_s)s)
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND taken_by = %(taker)s
  AND asked_at = %(asked_at)s
RETURNING campaign_id;

-- name: done
-- The campaign is planned, unless it was asked for once more.
DELETE FROM plan_changes
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND taken_by = %(taker)s
  AND asked_at = %(asked_at)s;

-- name: let_go
-- What we have not finished is anybody's.
UPDATE plan_changes SET taken_until = '-infinity'
WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s AND taken_by = %(taker)s;

-- name: waiting
-- The emails that wait in a stream and have no time of their own to keep, as the list had them: in that order a plan
-- that was broken off comes out the same when it is begun again.
SELECT id FROM emails
WHERE workspace_id = %(workspace_id)s AND stream_id = %(stream_id)s AND status = 'SCHEDULED'
  AND NOT keeps_its_time(attempts, scheduled_at, %(from)s::timestamptz)
ORDER BY id
LIMIT %(limit)s::bigint;

-- name: neglected
-- Senders for which plans were asked a while ago and that nobody is at.
SELECT DISTINCT workspace_id, sender_id FROM plan_changes
WHERE taken_until < now() AND asked_at < now() - make_interval(secs => %(asked_s)s);

-- name: campaigns_asked
-- The sender's campaigns that are to be planned again.
SELECT campaign_id FROM plan_changes WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s;
