-- function: exchange
-- Trade outcomes for new work: record what became of finished emails, give back and take allowance, claim due emails
-- for idle lanes. One call, so one transaction and one round trip; several statements, each of which sees all that was
-- committed before the locks that the ones before it waited for.
--
-- Locks, always in this order: the window of the sender's login (which makes the exchanges of one login take turns over
-- all workers, and covers what holds it back), streams by id, hours of campaigns, the emails that are reported, campaigns
-- that may end by id, the emails that are claimed, which nobody touches who does not hold their stream, suppressions of
-- addresses that do not exist by key, and where `tell` writes to the outbox, webhooks by id.
--
-- A crash before the commit leaves everything as it was. A crash after it leaves the claimed emails SENDING with
-- our token: that is the write-ahead record, and `recover` finds it.
CREATE FUNCTION exchange(
    of_workspace bigint, of_sender bigint, by_token uuid, ids bigint[], outcomes json, wanted integer,
    accepted_ago_s double precision, most_attempts integer, retry_for_hours double precision
) RETURNS TABLE (
    id bigint, campaign_id bigint, content_version integer, recipient text, fields jsonb, retry_count integer,
    attempts integer, scheduled_at timestamptz, claimed_at timestamptz, message_id text, probe boolean, step_id bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    hour constant timestamptz := this_hour();
    last_at constant timestamptz := now() - make_interval(secs => accepted_ago_s);
    of_login bigint;
    room integer;
    spaced bigint;         -- how many the login's least gap leaves, to all but direct mail
    due bigint[] := '{}';  -- streams of which something may go
    locked bigint[];       -- these, and those of the reports
    held boolean := false;
    limited boolean;       -- a campaign of them has a limit of its own
    copied boolean;        -- of one of them each email goes to more than its recipient: all count
    stepped boolean;       -- a campaign of them has later steps
    ending boolean;        -- perhaps
    -- An entry for each email that was recorded.
    recorded bigint[] := '{}';
    kinds text[];
    statuses text[];
    claim_times timestamptz[];
    due_times timestamptz[];
    dead bigint[];  -- of these, whose mailbox does not exist
    claims integer;
BEGIN
    FOR try IN 1..2 LOOP
        SELECT p.login_id, w.allowed - w.used, spaced_room(w.free_at, l.least_gap_ms) INTO of_login, room, spaced
        FROM senders p
        JOIN logins l ON l.workspace_id = p.workspace_id AND l.id = p.login_id
        JOIN login_windows w ON w.workspace_id = l.workspace_id AND w.login_id = l.id AND w.window_start = hour
        WHERE p.workspace_id = of_workspace AND p.id = of_sender
        FOR UPDATE OF w;
        EXIT WHEN FOUND;
        of_login := lock_window(of_workspace, of_sender);  -- a new hour
    END LOOP;
    wanted := greatest(least(wanted, coalesce(room, 0)), 0);

    IF wanted > 0 THEN
        -- Direct mail, and of the other streams those that have waited longest; so many that others wait no longer than a
        -- turn. Of what a hold covers, one email a probe.
        SELECT ARRAY(
            SELECT d.id
            FROM (
                (SELECT s.id FROM streams s
                 WHERE s.workspace_id = of_workspace AND s.sender_id = of_sender AND s.open AND s.direct
                   AND s.next_due_at <= now() AND s.start_at <= now() AND s.copies < room
                 ORDER BY s.next_due_at
                 LIMIT 200)
                UNION ALL
                (SELECT s.id FROM streams s
                 WHERE s.workspace_id = of_workspace AND s.sender_id = of_sender AND s.open AND NOT s.direct AND spaced > 0
                   -- A start that was moved holds before all has its new time.
                   AND s.next_due_at <= now() AND s.start_at <= now() AND s.copies < room
                   AND (s.latest_at <= now() OR spaced_room(s.free_at, s.gap_ms) > 0)
                   AND NOT EXISTS (SELECT FROM holds h WHERE h.workspace_id = of_workspace AND h.login_id = of_login
                                     AND h.probe_at > now() AND coalesce(h.stream_id, s.id) = s.id)
                   AND NOT EXISTS (SELECT FROM plan_changes p
                                   WHERE p.workspace_id = s.workspace_id AND p.campaign_id = s.campaign_id
                                     AND p.holds_from <= now())
                   AND NOT EXISTS (SELECT FROM campaign_hours o
                                   WHERE o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id
                                     AND used_this_hour(o.window_start, o.used) + s.copies >= o.allowed)
                 ORDER BY s.next_due_at
                 LIMIT 200)
            ) d
            WHERE EXISTS (SELECT FROM senders p WHERE p.workspace_id = of_workspace AND p.id = of_sender
                            AND (p.blocked_until IS NULL OR p.blocked_until <= now()))
              -- A worker whose lease ran out may report, but it gets nothing more.
              AND EXISTS (SELECT FROM workers k WHERE k.token = by_token AND k.lease_until > now())),
            EXISTS (SELECT FROM holds h WHERE h.workspace_id = of_workspace AND h.login_id = of_login)
        INTO due, held;
    END IF;
    IF due = '{}' AND ids = '{}' THEN
        RETURN;
    END IF;

    SELECT array_agg(t.id), bool_or(t.limited), bool_or(t.copies > 0), bool_or(t.stepped),
           bool_or(t.going <= cardinality(ids) + wanted)
    INTO locked, limited, copied, stepped, ending
    FROM (
        SELECT s.id, s.copies, s.stepped, s.scheduled + s.sending AS going,
               EXISTS (SELECT FROM campaign_hours o
                       WHERE o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id) AS limited
        FROM streams s
        WHERE s.workspace_id = of_workspace
          -- OFFSET 0 keeps the workspace a column, as below: else all its emails would be gone through for these.
          AND s.id = ANY (due || ARRAY(SELECT e.stream_id
                                       FROM (SELECT of_workspace AS workspace_id, unnest(ids) AS id OFFSET 0) r
                                       JOIN emails e ON e.workspace_id = r.workspace_id AND e.id = r.id))
        ORDER BY s.id
        FOR NO KEY UPDATE OF s
    ) t;
    IF limited THEN
        PERFORM FROM campaign_hours o
        WHERE o.workspace_id = of_workspace
          AND o.campaign_id IN (SELECT s.campaign_id FROM streams s WHERE s.workspace_id = of_workspace AND s.id = ANY (locked))
        ORDER BY o.campaign_id
        FOR NO KEY UPDATE;
    END IF;

    IF ids <> '{}' THEN
        WITH report AS MATERIALIZED (
            -- With workspace_id as a column, here and below, the planner has no other way to rows than by their key,
            -- however few there were when it looked.
            SELECT of_workspace AS workspace_id, r.*
            FROM json_to_recordset(outcomes) AS r (
                id bigint, kind text, command text, code integer, enhanced_code text, reply text,
                duration_ms integer, server text, message_id text, again_in_s double precision, content_version integer,
                dead boolean
            )
        ),
        finished AS (
            UPDATE emails e
            SET status = v.status,
                sent_at = CASE WHEN v.status = 'SENT' THEN now() END,
                follow_at = CASE WHEN v.status = 'SENT' AND e.step_id IS NOT NULL
                                 THEN follows_at(e.workspace_id, e.id, now()) END,
                scheduled_at = CASE WHEN v.status = 'SCHEDULED' THEN coalesce(v.not_before, e.scheduled_at)
                                    ELSE e.scheduled_at END,
                not_before = CASE WHEN v.status = 'SCHEDULED' THEN v.not_before END,
                cancel_reason = CASE WHEN v.status = 'CANCELLED' THEN coalesce(e.stopped, 'CAMPAIGN') END,
                claim_token = NULL,
                attempts = e.attempts + (v.kind <> 'UNBEGUN')::integer,
                retry_count = e.retry_count + (v.kind = 'DEFERRED')::integer,
                message_id = coalesce(v.message_id, e.message_id)
            FROM (
                SELECT r.*,
                       CASE r.kind
                           WHEN 'DEFERRED' THEN now() + retry_wait(b.retry_count + 1, b.id)
                           WHEN 'UNKNOWN' THEN now() + retry_wait(b.attempts + 1, b.id)
                           ELSE now() + make_interval(secs => r.again_in_s)
                       END AS not_before,
                       CASE
                           WHEN r.kind = 'ACCEPTED' THEN 'SENT'
                           WHEN r.kind = 'REJECTED' THEN 'FAILED'
                           WHEN r.kind = 'DEFERRED' AND (
                               b.retry_count + 1 >= most_attempts
                               OR retries_take(b.retry_count + 1) > make_interval(secs => 3600 * retry_for_hours)
                           ) THEN 'FAILED'
                           ELSE (
                               SELECT CASE
                                          -- A recipient who was stopped meanwhile gets it from no worker any more.
                                          WHEN r.kind = 'UNKNOWN' THEN doubt_becomes(
                                              CASE WHEN b.stopped IS NOT NULL AND c.on_unknown = 'resend' THEN 'hold'
                                                   ELSE c.on_unknown END,
                                              c.status, b.attempts + 1, most_attempts)
                                          WHEN c.status = 'CANCELLED' OR b.stopped IS NOT NULL THEN 'CANCELLED'
                                          ELSE 'SCHEDULED'
                                      END
                               FROM campaigns c WHERE c.workspace_id = b.workspace_id AND c.id = b.campaign_id
                           )
                       END AS status
                FROM report r
                JOIN emails b ON b.workspace_id = r.workspace_id AND b.id = r.id
            ) v
            WHERE e.workspace_id = v.workspace_id AND e.id = v.id AND e.claim_token = by_token
            RETURNING e.id, e.stream_id, e.attempts, e.claimed_at, e.status, e.scheduled_at, v.kind, v.dead,
                      v.duration_ms, v.server, v.command, v.code, v.enhanced_code, v.reply, v.content_version
        ),
        audit AS (
            INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, duration_ms, server, command, code,
                                  enhanced_code, reply, content_version, dead)
            SELECT of_workspace, f.id, f.attempts, f.kind::attempt_outcome, f.claimed_at, f.duration_ms, f.server, f.command,
                   f.code, f.enhanced_code, f.reply, f.content_version, nullif(f.dead, false)
            FROM finished f
            WHERE f.kind <> 'UNBEGUN'
        )
        SELECT coalesce(array_agg(f.stream_id), '{}'), array_agg(f.kind), array_agg(f.status), array_agg(f.claimed_at),
               array_agg(f.scheduled_at), array_agg(f.id) FILTER (WHERE f.dead)
        INTO recorded, kinds, statuses, claim_times, due_times, dead
        FROM finished f;
    END IF;

    IF ending THEN  -- the trigger `streams_end` locks them as they come
        PERFORM FROM (
            SELECT DISTINCT s.workspace_id, s.campaign_id FROM streams s
            WHERE s.workspace_id = of_workspace AND s.id = ANY (locked)
              AND s.scheduled + s.sending <= cardinality(ids) + wanted
            OFFSET 0
        ) s
        JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
        ORDER BY c.id
        FOR NO KEY UPDATE OF c;
    END IF;

    RETURN QUERY
    WITH active AS MATERIALIZED (
        SELECT s.workspace_id, s.id, s.content_version, s.passed_at, s.passed_id, s.direct, s.insists, s.start_at, s.copies,
               s.latest_at <= now() AS late,
               CASE WHEN s.stepped THEN inbox_read_at(s.workspace_id, s.campaign_id, s.sender_id, (
                   SELECT k.sandboxed FROM workers k WHERE k.token = by_token)) END AS read_at,
               CASE WHEN s.latest_at <= now() THEN wanted
                    ELSE least(wanted, (o.allowed - used_this_hour(o.window_start, o.used)) / (1 + s.copies),
                               (h.probe_at <= now())::integer, spaced_room(s.free_at, s.gap_ms), CASE WHEN NOT s.direct THEN spaced END)
               END AS free
        FROM streams s
        LEFT JOIN holds h ON h.workspace_id = s.workspace_id AND h.login_id = of_login AND h.stream_id = s.id
        LEFT JOIN campaign_hours o ON o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id
        WHERE s.workspace_id = of_workspace AND s.id = ANY (due)
          AND s.open AND s.next_due_at <= now() AND s.start_at <= now()
          AND NOT EXISTS (SELECT FROM plan_changes p
                          WHERE p.workspace_id = s.workspace_id AND p.campaign_id = s.campaign_id
                            AND p.holds_from <= now())
    ),
    -- A verdict for each of the first that are due of each stream, so the work is bounded whatever waits at the head.
    head AS (
        SELECT d.workspace_id, d.id, a.direct, a.copies, d.scheduled_at,
               CASE WHEN a.late THEN 'LATE' WHEN s.reason IS NOT NULL THEN 'SUPPRESSED'
                    WHEN d.until <= now() THEN 'ASIDE'
                    -- A later step is not sent blindly: the mailbox may hold an answer that no pass has read.
                    WHEN d.after_at IS NOT NULL
                         AND coalesce(a.read_at < greatest(d.after_at, now() - interval '30 minutes'), true) THEN 'UNREAD'
                    ELSE 'CLAIM' END AS verdict,
               s.reason
        FROM active a
        CROSS JOIN LATERAL (
            SELECT e.workspace_id, e.id, e.scheduled_at, e.until, e.recipient, e.recipient_key, e.after_at
            FROM emails e
            WHERE e.workspace_id = a.workspace_id AND e.stream_id = a.id
              AND e.status = 'SCHEDULED' AND e.scheduled_at <= now()
              AND (e.scheduled_at, e.id) > (a.passed_at, a.passed_id)
            ORDER BY e.scheduled_at, e.id
            LIMIT greatest(a.free, 0)
        ) d
        -- As `suppression_of`, without the price of a call for each. A person who insists knew of the suppressions by then.
        CROSS JOIN LATERAL (
            SELECT coalesce(
                (SELECT p.reason FROM suppressions p
                 WHERE p.workspace_id = d.workspace_id
                   AND p.key = coalesce(d.recipient_key, address_digest(d.recipient))
                   AND (NOT a.insists OR p.created_at > a.start_at)),
                CASE WHEN (SELECT EXISTS (SELECT FROM suppressions p
                                          WHERE p.workspace_id = of_workspace AND p.kind = 'DOMAIN'))
                     THEN (SELECT p.reason FROM suppressions p
                           WHERE p.workspace_id = d.workspace_id AND p.key = ANY (domain_digests(d.recipient))
                             AND (NOT a.insists OR p.created_at > a.start_at)
                           LIMIT 1) END
            ) AS reason
        ) s
    ),
    judged AS MATERIALIZED (
        (SELECT h.workspace_id, h.id, h.verdict, h.reason FROM head h WHERE h.verdict <> 'CLAIM')
        UNION ALL
        (SELECT c.workspace_id, c.id, c.verdict, c.reason
         FROM (SELECT h.*, count(*) FILTER (WHERE NOT h.direct) OVER so_far AS planned,
                      sum(1 + h.copies) OVER so_far AS recipients
               FROM head h WHERE h.verdict = 'CLAIM'
               WINDOW so_far AS (ORDER BY h.direct DESC, h.scheduled_at, h.id)) c
         WHERE c.planned <= spaced AND c.recipients <= room
         ORDER BY c.direct DESC, c.scheduled_at, c.id
         LIMIT (SELECT least(wanted, min((h.probe_at <= now())::integer)) FROM holds h
                WHERE h.workspace_id = of_workspace AND h.login_id = of_login AND h.stream_id IS NULL))
    ),
    decided AS (
        UPDATE emails e
        SET status = CASE WHEN j.verdict = 'CLAIM' THEN 'SENDING'::email_status
                          WHEN j.verdict IN ('ASIDE', 'UNREAD') THEN e.status ELSE 'CANCELLED' END,
            claim_token = CASE WHEN j.verdict = 'CLAIM' THEN by_token END,
            claimed_at = CASE WHEN j.verdict = 'CLAIM' THEN now() ELSE e.claimed_at END,
            cancel_reason = CASE WHEN j.verdict NOT IN ('CLAIM', 'ASIDE', 'UNREAD') THEN j.verdict::cancel_reason END,
            -- Its slot is over: until it has another one it stands behind.
            scheduled_at = CASE j.verdict WHEN 'ASIDE' THEN now() + interval '15 minutes'
                                          WHEN 'UNREAD' THEN now() + interval '1 minute' ELSE e.scheduled_at END
        FROM judged j
        WHERE e.workspace_id = j.workspace_id AND e.id = j.id
        RETURNING e.id, e.campaign_id, e.stream_id, e.recipient, e.fields, e.retry_count, e.attempts, e.scheduled_at,
                  e.claimed_at, e.message_id, CASE WHEN e.follows_id IS NOT NULL THEN e.step_id END AS step_id,
                  j.verdict, j.reason
    ),
    moves AS (
        -- The outcome of a claim belongs to the window that it was taken from.
        SELECT m.stream_id, m.kind, m.status, hour_of(m.claimed_at) AS claimed_in, m.claimed_at, m.scheduled_at,
               NULL::bigint AS id
        FROM unnest(recorded, kinds, statuses, claim_times, due_times)
                 AS m (stream_id, kind, status, claimed_at, scheduled_at)
        UNION ALL
        SELECT q.stream_id, q.verdict, NULL, hour, NULL, q.scheduled_at, q.id FROM decided q
        WHERE q.verdict NOT IN ('ASIDE', 'UNREAD')
    ),
    tallied AS (
        UPDATE streams s
        SET scheduled = s.scheduled + m.scheduled - m.taken - m.stopped,
            sending = s.sending + m.taken - m.ended,
            sent = s.sent + m.sent,
            failed = s.failed + m.failed,
            unknown = s.unknown + m.unknown,
            cancelled = s.cancelled + m.cancelled + m.stopped,
            next_due_at = least(s.next_due_at, m.back_at),
            -- An email that goes back may lie before it, also one that is due later: others, whose now() is later than
            -- ours, may have passed that time while we waited for our turn.
            passed_at = CASE WHEN m.back_at <= greatest(s.passed_at, m.passed_at) THEN '-infinity'
                             ELSE greatest(s.passed_at, m.passed_at) END,
            passed_id = CASE WHEN m.taken = 0 THEN s.passed_id WHEN m.first_at = m.passed_at THEN m.passed_id ELSE 0 END,
            window_start = greatest(s.window_start, hour),
            window_used = greatest(used_this_hour(s.window_start, s.window_used) + (m.taken - m.returned) * (1 + s.copies), 0),
            accepted_at = CASE WHEN m.accepted > 0 THEN greatest(s.accepted_at, last_at) ELSE s.accepted_at END,
            free_at = CASE
                WHEN m.taken > 0 THEN greatest(s.free_at, now()) + m.taken * make_interval(secs => s.gap_ms / 1000.0)
                -- Nothing left by the last claim: no email has to keep away from it.
                WHEN s.free_at = m.unused_at + make_interval(secs => s.gap_ms / 1000.0) THEN m.unused_at
                ELSE s.free_at
            END
        FROM (
            SELECT m.stream_id,
                   count(*) FILTER (WHERE m.kind = 'CLAIM') AS taken,
                   count(*) FILTER (WHERE m.kind IN ('LATE', 'SUPPRESSED')) AS stopped,
                   count(*) FILTER (WHERE m.status IS NOT NULL) AS ended,
                   count(*) FILTER (WHERE m.kind = 'ACCEPTED') AS accepted,
                   count(*) FILTER (WHERE m.kind IN ('RELEASED', 'UNBEGUN') AND m.claimed_in >= hour) AS returned,
                   count(*) FILTER (WHERE m.status = 'SCHEDULED') AS scheduled,
                   count(*) FILTER (WHERE m.status = 'SENT') AS sent,
                   count(*) FILTER (WHERE m.status = 'FAILED') AS failed,
                   count(*) FILTER (WHERE m.status = 'UNKNOWN') AS unknown,
                   count(*) FILTER (WHERE m.status = 'CANCELLED') AS cancelled,
                   min(m.scheduled_at) FILTER (WHERE m.kind = 'CLAIM') AS first_at,
                   max(m.scheduled_at) FILTER (WHERE m.kind = 'CLAIM') AS passed_at,
                   max(m.id) FILTER (WHERE m.kind = 'CLAIM') AS passed_id,
                   max(m.claimed_at) FILTER (WHERE m.kind IN ('RELEASED', 'UNBEGUN')) AS unused_at,
                   min(m.scheduled_at) FILTER (WHERE m.status = 'SCHEDULED') AS back_at
            FROM moves m
            GROUP BY m.stream_id
        ) m
        WHERE s.workspace_id = of_workspace AND s.id = m.stream_id
    ),
    used AS (
        UPDATE login_windows w
        SET used = greatest(w.used + m.taken - m.returned + CASE WHEN copied THEN (
                SELECT coalesce(sum(CASE WHEN v.kind = 'CLAIM' THEN s.copies
                                         WHEN v.kind IN ('RELEASED', 'UNBEGUN') THEN -s.copies END), 0)
                FROM moves v
                JOIN streams s ON s.workspace_id = of_workspace AND s.id = v.stream_id
                WHERE v.claimed_in = m.claimed_in) ELSE 0 END, 0),
            accepted = w.accepted + m.accepted,
            accepted_at = CASE WHEN m.accepted > 0 THEN greatest(w.accepted_at, last_at) ELSE w.accepted_at END,
            rejected = w.rejected + m.rejected,
            deferred = w.deferred + m.deferred,
            released = w.released + m.released,
            unknown = w.unknown + m.unknown,
            free_at = CASE
                WHEN m.taken > 0 THEN greatest(w.free_at, now()) + m.taken * l.gap
                WHEN w.free_at = m.unused_at + l.gap THEN m.unused_at  -- as in streams
                ELSE w.free_at
            END
        FROM logins o
        CROSS JOIN LATERAL (SELECT make_interval(secs => o.least_gap_ms / 1000.0) AS gap) l, (
            SELECT m.claimed_in, max(m.claimed_at) FILTER (WHERE m.kind IN ('RELEASED', 'UNBEGUN')) AS unused_at,
                   count(*) FILTER (WHERE m.kind = 'CLAIM') AS taken,
                   count(*) FILTER (WHERE m.kind IN ('RELEASED', 'UNBEGUN')) AS returned,
                   count(*) FILTER (WHERE m.kind = 'ACCEPTED') AS accepted,
                   count(*) FILTER (WHERE m.kind = 'REJECTED') AS rejected,
                   count(*) FILTER (WHERE m.kind = 'DEFERRED') AS deferred,
                   count(*) FILTER (WHERE m.kind = 'RELEASED') AS released,
                   count(*) FILTER (WHERE m.kind = 'UNKNOWN') AS unknown
            FROM moves m
            GROUP BY m.claimed_in
        ) m
        WHERE o.workspace_id = of_workspace AND o.id = of_login
          AND w.workspace_id = o.workspace_id AND w.login_id = o.id AND w.window_start = m.claimed_in
    )
    SELECT q.id, q.campaign_id, a.content_version, q.recipient, q.fields, q.retry_count, q.attempts, q.scheduled_at,
           CASE WHEN q.verdict = 'CLAIM' THEN q.claimed_at END,
           CASE WHEN q.verdict = 'CLAIM' THEN q.message_id ELSE q.reason::text END,
           held AND EXISTS (SELECT FROM holds h WHERE h.workspace_id = of_workspace AND h.login_id = of_login
                              AND coalesce(h.stream_id, q.stream_id) = q.stream_id),
           q.step_id
    FROM decided q
    JOIN active a ON a.id = q.stream_id
    WHERE q.verdict IN ('CLAIM', 'SUPPRESSED')
    ORDER BY q.scheduled_at, q.id;
    GET DIAGNOSTICS claims = ROW_COUNT;

    IF claims < wanted OR cardinality(due) > 1 THEN
        -- Streams that ran dry: no later exchange looks at them before what comes next in them is due.
        UPDATE streams s SET next_due_at = f.due_at
        FROM streams d LEFT JOIN LATERAL first_due(d.workspace_id, d.id) f ON true
        WHERE d.workspace_id = of_workspace AND d.id = ANY (due) AND (f.due_at IS NULL OR f.due_at > now())
          AND s.workspace_id = d.workspace_id AND s.id = d.id;
        -- Emails that were set aside need another slot.
        INSERT INTO plan_changes (workspace_id, campaign_id, sender_id)
        SELECT s.workspace_id, s.campaign_id, s.sender_id
        FROM streams s
        WHERE s.workspace_id = of_workspace AND s.id = ANY (due)
          AND EXISTS (SELECT FROM emails e
                      WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
                        AND e.scheduled_at = now() + interval '15 minutes' AND e.until <= now())
        ORDER BY s.campaign_id
        -- A change of plan that is asked for is under way: asked for with every claim, it would never begin.
        ON CONFLICT (workspace_id, campaign_id, sender_id) DO NOTHING;
        IF stepped THEN
            -- Emails that were set aside for want of a reading have the mailbox read at once. One that
            -- fails keeps its pause.
            UPDATE inboxes i SET next_at = now()
            FROM streams s CROSS JOIN LATERAL inbox_of_answers(s.workspace_id, s.campaign_id, s.sender_id) a
            WHERE s.workspace_id = of_workspace AND s.id = ANY (due) AND s.stepped
              AND i.workspace_id = a.workspace_id AND i.sender_id = a.sender_id AND i.failures = 0 AND i.next_at > now()
              AND EXISTS (SELECT FROM emails e
                          WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
                            AND e.scheduled_at = now() + interval '1 minute' AND e.after_at IS NOT NULL);
        END IF;
    END IF;
    IF limited THEN
        UPDATE campaign_hours o SET window_start = greatest(o.window_start, hour), used = n.used_this_hour
        FROM streams s, LATERAL campaign_counts(s.workspace_id, s.campaign_id) n
        WHERE s.workspace_id = of_workspace AND s.id = ANY (locked)
          AND o.workspace_id = s.workspace_id AND o.campaign_id = s.campaign_id;
    END IF;
    IF held AND claims > 0 THEN
        UPDATE holds h SET probe_at = now() + interval '10 minutes'  -- unless its outcome is known by then
        WHERE h.workspace_id = of_workspace AND h.login_id = of_login
          AND EXISTS (SELECT FROM emails e
                      WHERE e.workspace_id = of_workspace AND e.status = 'SENDING' AND e.claim_token = by_token
                        AND e.claimed_at = now() AND e.stream_id = coalesce(h.stream_id, e.stream_id));
    END IF;
    IF dead IS NOT NULL THEN
        UPDATE streams s SET bounced = s.bounced + n.n
        FROM (SELECT e.stream_id, count(*) AS n
              FROM (SELECT of_workspace AS workspace_id, unnest(dead) AS id OFFSET 0) d
              JOIN emails e ON e.workspace_id = d.workspace_id AND e.id = d.id
              WHERE NOT (SELECT k.bounced FROM response_kinds(e.workspace_id, e.id) k)  -- which counts already
              GROUP BY e.stream_id) n
        WHERE s.workspace_id = of_workspace AND s.id = n.stream_id;
        -- Other emails to them are cancelled as they are claimed, if not before by the sweep.
        INSERT INTO suppressions (workspace_id, key, kind, name, reason, email_id, campaign_id, walked_to)
        SELECT e.workspace_id, coalesce(e.recipient_key, address_digest(e.recipient)) AS key, 'ADDRESS', e.recipient,
               'BOUNCED', e.id, e.campaign_id, 0
        FROM (SELECT of_workspace AS workspace_id, unnest(dead) AS id OFFSET 0) d
        JOIN emails e ON e.workspace_id = d.workspace_id AND e.id = d.id
        ORDER BY key
        ON CONFLICT DO NOTHING;
    END IF;
    IF cardinality(recorded) < cardinality(ids) THEN
        RETURN NEXT;
    END IF;
END $$;
COMMENT ON FUNCTION exchange IS 'Trade outcomes for new work: a statement of the worker''s, of one version of its text';
REVOKE EXECUTE ON FUNCTION exchange FROM PUBLIC;

-- name: exchange
-- See the function. A row without `claimed_at` is no claim: its recipient is suppressed, for what `message_id` says. A last
-- row without an id says that some reports were on emails that are not ours any more: see `record_late`.
SELECT id, campaign_id, content_version, recipient, fields, retry_count, attempts, scheduled_at, claimed_at, message_id,
       probe, step_id
FROM exchange(%(workspace_id)s::bigint, %(sender_id)s::bigint, %(token)s::uuid, %(ids)s::bigint[], %(outcomes)s::json,
              %(wanted)s::integer, %(accepted_ago_s)s::float8, %(max_attempts)s::integer, %(retry_for_hours)s::float8);

-- name: outlook
-- The outlook of a sender loop that got less than it asked for: how long until the next email is due, whether something due is
-- held back by a limit, and until when the sender is blocked. Of streams that are due, or say so, the emails tell; of later
-- ones the first are asked, and what they say of themselves is early enough.
SELECT s.blocked_until,
       extract(epoch FROM s.blocked_until - now())::float8 AS blocked_s,
       next.due_at,
       extract(epoch FROM next.due_at - now())::float8 AS due_s,
       coalesce(next.over_limit, false) AS over_limit
FROM senders s
JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
LEFT JOIN login_windows w
    ON w.workspace_id = s.workspace_id AND w.login_id = s.login_id AND w.window_start = this_hour()
LEFT JOIN holds all_held
    ON all_held.workspace_id = s.workspace_id AND all_held.login_id = s.login_id AND all_held.stream_id IS NULL
LEFT JOIN LATERAL (
    SELECT min(d.due_at) AS due_at,
           bool_or(d.due_at <= now()
                   AND (o.allowed <= used_this_hour(o.window_start, o.used) + d.copies OR w.allowed <= w.used + d.copies)
               ) AS over_limit
    FROM (
        (SELECT t.id, t.campaign_id, t.start_at, t.free_at, t.gap_ms, t.direct, t.copies,
                (SELECT due_at FROM first_due(t.workspace_id, t.id)) AS first_at,
                -- Nobody says when a plan is made that holds it: look again.
                CASE WHEN EXISTS (SELECT FROM plan_changes p
                                  WHERE p.workspace_id = t.workspace_id AND p.campaign_id = t.campaign_id
                                    AND p.holds_from <= now())
                     THEN now() + interval '1 second' END AS look_at
         FROM streams t
         WHERE t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.open AND t.next_due_at <= now())
        UNION ALL
        (SELECT t.id, t.campaign_id, t.start_at, t.free_at, t.gap_ms, t.direct, t.copies, t.next_due_at, NULL
         FROM streams t
         WHERE t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.open AND t.next_due_at > now()
         ORDER BY t.next_due_at
         LIMIT 50)
        UNION ALL
        -- No later one is due before this one, whatever holds back the first of them.
        (SELECT t.id, NULL, NULL, NULL, 0, true, 0, t.next_due_at, NULL
         FROM streams t
         WHERE t.workspace_id = s.workspace_id AND t.sender_id = s.id AND t.open AND t.next_due_at > now()
         ORDER BY t.next_due_at
         OFFSET 50 LIMIT 1)
    ) t
    LEFT JOIN holds h ON h.workspace_id = s.workspace_id AND h.login_id = s.login_id AND h.stream_id = t.id
    LEFT JOIN campaign_hours o ON o.workspace_id = s.workspace_id AND o.campaign_id = t.campaign_id
    CROSS JOIN LATERAL (
        SELECT greatest(t.first_at, t.start_at, spaced_from(t.free_at, t.gap_ms), h.probe_at, all_held.probe_at,
                        CASE WHEN NOT t.direct THEN spaced_from(w.free_at, l.least_gap_ms) END, t.look_at) AS due_at,
               t.copies
    ) d
    WHERE t.first_at IS NOT NULL
) next ON true
WHERE s.workspace_id = %(workspace_id)s::bigint AND s.id = %(sender_id)s::bigint;

-- name: held_claims
-- Emails this worker holds for a sender according to the ledger: what it did not hear of (the answer to a claim
-- was lost) was never begun and may be given back.
SELECT e.id
FROM emails e
JOIN streams s ON s.workspace_id = e.workspace_id AND s.id = e.stream_id
WHERE e.claim_token = %(token)s::uuid AND e.status = 'SENDING'
  AND e.workspace_id = %(workspace_id)s::bigint AND s.sender_id = %(sender_id)s::bigint;

-- name: record_late
-- Reports of a worker that lost its claims meanwhile, each by what its own claim was: what a server accepted is SENT,
-- and a second sending that was planned, or cancelled, is not; of other outcomes only the attempt is kept. Not for an email
-- that somebody claims anew, nor for a claim whose outcome stands already (that of `recover` says nothing of the server).
-- For what a second sending was cancelled, nothing follows the first either.
-- Their streams are locked; campaigns that end are locked in their order.
WITH report AS (
    SELECT r.*
    FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS r (
        id bigint, kind text, command text, code integer, enhanced_code text, reply text,
        duration_ms integer, server text, message_id text, content_version integer, claimed_at timestamptz
    )
    WHERE r.kind <> 'UNBEGUN' AND r.claimed_at IS NOT NULL
      AND NOT (r.kind = 'UNKNOWN' AND r.command IS NULL)  -- that nobody knows it is there already
),
before AS MATERIALIZED (
    SELECT e.id, e.status, e.stream_id, e.campaign_id,
           CASE WHEN e.step_id IS NOT NULL AND e.status = 'CANCELLED' AND e.cancel_reason NOT IN ('CAMPAIGN', 'LATE', 'ERASED')
                     AND NOT is_of_removed_step(e) THEN e.cancel_reason END AS stops
    FROM report r
    JOIN emails e ON e.workspace_id = %(workspace_id)s::bigint AND e.id = r.id
    WHERE e.claim_token IS NULL AND e.status IN ('UNKNOWN', 'SCHEDULED', 'CANCELLED') AND e.claimed_at <= r.claimed_at
      AND NOT EXISTS (
          SELECT FROM attempts a
          WHERE a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.claimed_at = r.claimed_at
            AND NOT (a.outcome = 'UNKNOWN' AND a.command IS NULL))
    FOR UPDATE OF e
),
believed AS (
    UPDATE emails e
    SET status = CASE WHEN r.kind = 'ACCEPTED' THEN 'SENT' ELSE e.status END,
        sent_at = CASE WHEN r.kind = 'ACCEPTED' THEN now() ELSE e.sent_at END,
        follow_at = CASE WHEN r.kind = 'ACCEPTED' AND e.step_id IS NOT NULL AND b.stops IS NULL
                         THEN follows_at(e.workspace_id, e.id, now()) ELSE e.follow_at END,
        stopped = CASE WHEN r.kind = 'ACCEPTED' THEN coalesce(e.stopped, b.stops) ELSE e.stopped END,
        cancel_reason = CASE WHEN r.kind <> 'ACCEPTED' THEN e.cancel_reason END,
        attempts = e.attempts + 1,
        message_id = coalesce(r.message_id, e.message_id)
    FROM before b
    JOIN report r USING (id)
    WHERE e.workspace_id = %(workspace_id)s::bigint AND e.id = b.id
    RETURNING e.id, e.attempts, e.erased_at
),
audit AS (
    INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, duration_ms, server, command, code,
                          enhanced_code, reply, content_version)
    SELECT %(workspace_id)s::bigint, b.id, b.attempts, r.kind::attempt_outcome, r.claimed_at, r.duration_ms, r.server,
           r.command, r.code, r.enhanced_code, CASE WHEN b.erased_at IS NULL THEN r.reply END, r.content_version
    FROM believed b JOIN report r USING (id)
),
moved AS (
    SELECT b.stream_id, count(*) AS sent,
           count(*) FILTER (WHERE b.status = 'SCHEDULED') AS scheduled,
           count(*) FILTER (WHERE b.status = 'UNKNOWN') AS unknown,
           count(*) FILTER (WHERE b.status = 'CANCELLED') AS cancelled
    FROM before b
    JOIN report r USING (id)
    WHERE r.kind = 'ACCEPTED'
    GROUP BY b.stream_id
),
ending AS MATERIALIZED (
    SELECT c.id FROM campaigns c
    WHERE c.workspace_id = %(workspace_id)s::bigint AND c.id IN (SELECT campaign_id FROM before)
    ORDER BY c.id
    FOR NO KEY UPDATE
)
UPDATE streams s
SET sent = s.sent + m.sent, scheduled = s.scheduled - m.scheduled, unknown = s.unknown - m.unknown,
    cancelled = s.cancelled - m.cancelled
FROM moved m
WHERE s.workspace_id = %(workspace_id)s::bigint AND s.id = m.stream_id AND (SELECT count(*) FROM ending) > 0;
