-- name: standing
-- All that may hold back emails, of each email named and of the first that waits in each stream of campaigns and in the
-- first streams of senders. `about` is the id that was asked for.
WITH asked AS (
    SELECT t.campaign_id AS about, t.id AS stream_id, NULL::email_status AS status, h.scheduled_at, h.until, h.attempts,
           h.zone, h.after_at, CASE WHEN t.stepped THEN (
               SELECT min(e.follow_at) FROM emails e
               WHERE e.workspace_id = t.workspace_id AND e.stream_id = t.id AND e.follow_at IS NOT NULL
           ) END AS follow_at
    FROM streams t
    LEFT JOIN LATERAL (
        SELECT e.scheduled_at, e.until, e.attempts, coalesce(e.zone, zone_brought(e.fields)) AS zone, e.after_at
        FROM emails e
        WHERE e.workspace_id = t.workspace_id AND e.stream_id = t.id AND e.status = 'SCHEDULED' AND t.scheduled > 0
        ORDER BY e.scheduled_at, e.id
        LIMIT 1
    ) h ON true
    WHERE t.workspace_id = %(workspace_id)s AND t.campaign_id = ANY (%(campaign_ids)s::bigint[])
    UNION ALL
    SELECT s.id, t.id, NULL, h.scheduled_at, h.until, h.attempts, h.zone, h.after_at, NULL
    FROM unnest(%(sender_ids)s::bigint[]) AS s (id)
    CROSS JOIN LATERAL (
        SELECT n.id FROM streams n
        WHERE n.workspace_id = %(workspace_id)s AND n.sender_id = s.id AND n.open AND n.next_due_at IS NOT NULL
        ORDER BY n.next_due_at
        LIMIT 5
    ) t
    CROSS JOIN LATERAL (
        SELECT e.scheduled_at, e.until, e.attempts, coalesce(e.zone, zone_brought(e.fields)) AS zone, e.after_at
        FROM emails e
        WHERE e.workspace_id = %(workspace_id)s AND e.stream_id = t.id AND e.status = 'SCHEDULED'
        ORDER BY e.scheduled_at, e.id
        LIMIT 1
    ) h
    UNION ALL
    SELECT e.id, e.stream_id, e.status, CASE WHEN e.status = 'SCHEDULED' THEN e.scheduled_at END, e.until, e.attempts,
           coalesce(e.zone, zone_brought(e.fields)), e.after_at, NULL
    FROM emails e
    WHERE e.workspace_id = %(workspace_id)s AND e.id = ANY (%(email_ids)s::bigint[])
)
SELECT a.about, a.status, a.scheduled_at, a.until, a.attempts, a.zone, a.after_at, a.follow_at,
       CASE WHEN a.after_at IS NOT NULL THEN coalesce(
           inbox_read_at(t.workspace_id, t.campaign_id, t.sender_id, %(sandboxed)s)
               < greatest(a.after_at, now() - interval '30 minutes'), true) ELSE false END AS unread,
       now() AS now, t.campaign_id, c.status AS campaign_status, t.open,
       t.direct, greatest(t.start_at, 'epoch') AS start_at, t.latest_at, c.calendar,
       c.hourly_limit AS campaign_hourly_limit, c.share_percent, t.copies,
       CASE WHEN t.stepped AND a.after_at IS NULL AND a.scheduled_at > now() THEN (
           SELECT array_agg(ARRAY[extract(epoch FROM n.wait)::float8, n.business_days::integer::float8,
                                  coalesce(extract(epoch FROM n.time_of_day)::float8, -1)] ORDER BY n.position)
           FROM campaign_steps n
           WHERE n.workspace_id = t.workspace_id AND n.campaign_id = t.campaign_id AND n.position > 1
             AND n.removed_at IS NULL) END AS waits,
       a.scheduled_at > now() AND EXISTS (
           SELECT FROM senders p
           JOIN streams n ON n.workspace_id = p.workspace_id AND n.sender_id = p.id AND n.stepped AND n.open
           WHERE p.workspace_id = s.workspace_id AND p.login_id = s.login_id) AS login_owes,
       CASE WHEN spaced_room(t.free_at, t.gap_ms) = 0 THEN spaced_from(t.free_at, t.gap_ms) END AS spaced_from,
       coalesce(used_this_hour(o.window_start, o.used), 0) AS campaign_used,
       used_this_hour(t.window_start, t.window_used) AS stream_used,
       EXISTS (SELECT FROM plan_changes p
               WHERE p.workspace_id = t.workspace_id AND p.campaign_id = t.campaign_id AND p.sender_id = t.sender_id
              ) AS plan_changing,
       EXISTS (SELECT FROM plan_changes p
               WHERE p.workspace_id = t.workspace_id AND p.campaign_id = t.campaign_id AND p.holds_from <= now()
              ) AS plan_holds,
       s.email AS sender, s.blocked_until, s.block_reason, s.login_id,
       l.hourly_limit, l.max_connections, l.daily_limit, l.least_gap_ms, l.ramp_from, l.ramp_per_day, l.timezone,
       coalesce(w.used + t.copies >= w.allowed, r.used + t.copies >= r.allowed) AS window_full, w.free_at AS login_free_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'reason', h.reason, 'words', h.words, 'whole', h.stream_id IS NULL,
                   -- One that follows another stream's has no tries of its own.
                   'probe_at', coalesce((SELECT o.probe_at FROM holds o
                                         WHERE o.workspace_id = h.workspace_id AND o.stream_id = h.of_stream),
                                        h.probe_at))), '[]')
        FROM holds h
        WHERE h.workspace_id = s.workspace_id AND h.login_id = s.login_id
          AND (h.stream_id IS NULL OR h.stream_id = t.id)) AS holds
FROM asked a
JOIN streams t ON t.workspace_id = %(workspace_id)s AND t.id = a.stream_id
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
CROSS JOIN LATERAL login_room(l.workspace_id, l.id, this_hour()) r
LEFT JOIN login_windows w
    ON w.workspace_id = l.workspace_id AND w.login_id = l.id AND w.window_start = this_hour()
LEFT JOIN campaign_hours o ON o.workspace_id = c.workspace_id AND o.campaign_id = c.id
ORDER BY a.about, t.id;

-- name: used_of_logins
-- Emails that logins have sent by the hour, in this one and the 47 before it, which is more than a day of any zone; and on how
-- many days before the first of these hours they sent.
SELECT l.id AS login_id, w.window_start, w.used,
       days_sent(l.workspace_id, l.id, (coalesce(min(w.window_start) OVER (PARTITION BY l.id), now())
                                        AT TIME ZONE l.timezone)::date) AS days_sent
FROM logins l
LEFT JOIN login_windows w
    ON w.workspace_id = l.workspace_id AND w.login_id = l.id AND w.used > 0
   AND w.window_start > this_hour() - interval '48 hours'
WHERE l.workspace_id = %(workspace_id)s AND l.id = ANY (%(login_ids)s::bigint[]);

-- name: sent_of_logins
-- The emails of each campaign that logins sent, by the hour, in this one and the 24 before it, which is the longest day;
-- direct mail together and without a name, which says what one person was written to about.
SELECT s.login_id, k.campaign_id, k.name, h.hour, sum(h.used) AS used
FROM senders s
JOIN streams n ON n.workspace_id = s.workspace_id AND n.sender_id = s.id AND n.window_start > this_hour() - interval '25 hours'
JOIN campaigns c ON c.workspace_id = n.workspace_id AND c.id = n.campaign_id
LEFT JOIN LATERAL (SELECT c.id AS campaign_id, c.name WHERE c.kind <> 'DIRECT') k ON true
CROSS JOIN LATERAL (
    SELECT n.window_start AS hour, n.window_used AS used WHERE n.window_used > 0
    UNION ALL
    SELECT o.hour, o.used FROM stream_hours o
    WHERE o.workspace_id = n.workspace_id AND o.stream_id = n.id AND o.hour > this_hour() - interval '25 hours'
      AND o.hour < n.window_start
) h
WHERE s.workspace_id = %(workspace_id)s AND s.login_id = ANY (%(login_ids)s::bigint[])
GROUP BY s.login_id, k.campaign_id, k.name, h.hour;

-- name: planned_of_logins
-- Emails planned for logins, by the hour and the campaign, each between two times, with the rest of a campaign, which
-- other logins send; what is overdue counts as due now. So few emails as limits let be planned there, and no more than
-- `most` of a stream. Direct mail has no name.
SELECT w.number, hour_of(greatest(e.scheduled_at, now())) AS hour, t.campaign_id,
       CASE WHEN c.kind <> 'DIRECT' THEN c.name END AS name, t.of_login, sum(1 + t.copies) AS emails
FROM unnest(%(login_ids)s::bigint[], %(campaign_ids)s::bigint[], %(froms)s::timestamptz[], %(tos)s::timestamptz[])
     WITH ORDINALITY AS w (login_id, campaign_id, from_at, to_at, number)
CROSS JOIN LATERAL (
    SELECT n.workspace_id, n.id, n.campaign_id, n.copies, true AS of_login
    FROM senders s
    JOIN streams n ON n.workspace_id = s.workspace_id AND n.sender_id = s.id AND n.open AND n.next_due_at < w.to_at
    WHERE s.workspace_id = %(workspace_id)s AND s.login_id = w.login_id
    UNION ALL
    SELECT n.workspace_id, n.id, n.campaign_id, n.copies, false
    FROM streams n
    JOIN senders s ON s.workspace_id = n.workspace_id AND s.id = n.sender_id AND s.login_id <> w.login_id
    WHERE n.workspace_id = %(workspace_id)s AND n.campaign_id = w.campaign_id AND n.open AND n.next_due_at < w.to_at
) t
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
CROSS JOIN LATERAL (
    SELECT m.scheduled_at FROM emails m
    WHERE m.workspace_id = t.workspace_id AND m.stream_id = t.id AND m.status = 'SCHEDULED'
      AND m.scheduled_at >= CASE WHEN w.from_at > now() THEN w.from_at ELSE '-infinity' END
      AND m.scheduled_at < w.to_at
    LIMIT %(most)s
) e
GROUP BY w.number, hour, t.campaign_id, c.kind, c.name, t.of_login;

-- name: workers_live
-- Whether any worker is alive, and whether one has the sandbox.
SELECT count(*) > 0 AS alive, coalesce(bool_or(sandboxed), false) AS sandboxed FROM workers WHERE lease_until > now();

-- name: campaign_is_there
-- Whether there is such a campaign.
SELECT EXISTS (SELECT FROM campaigns WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s) AS there;
