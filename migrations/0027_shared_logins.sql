-- What a login may send, said once; logins that several senders have; and senders that give to others what they cannot send.

-- Days on which a login sent and whose windows retention has removed: the ramp counts them, too.
ALTER TABLE logins ADD COLUMN IF NOT EXISTS days_sent integer NOT NULL DEFAULT 0;

-- A zone that PostgreSQL does not know would fail whoever opens the login's window.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'logins'::regclass AND conname = 'logins_timezone') THEN
        ALTER TABLE logins
            ADD CONSTRAINT logins_timezone
                CHECK ((timestamptz '2000-01-01 00:00+00' AT TIME ZONE timezone) IS NOT NULL),
            ADD CONSTRAINT logins_whole_ramp CHECK ((ramp_from IS NULL) = (ramp_per_day IS NULL));
    END IF;
END $$;

CREATE OR REPLACE FUNCTION days_sent(of_workspace bigint, of_login bigint, before_day date) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT l.days_sent + (
        SELECT count(DISTINCT (w.window_start AT TIME ZONE l.timezone)::date)::integer FROM login_windows w
        WHERE w.workspace_id = l.workspace_id AND w.login_id = l.id AND w.used > 0
          AND (w.window_start AT TIME ZONE l.timezone)::date < before_day)
    FROM logins l WHERE l.workspace_id = of_workspace AND l.id = of_login
$$;
COMMENT ON FUNCTION days_sent IS
    'On how many days before this one a login sent. A day has the clock hours that begin on it in the login''s zone';

CREATE OR REPLACE FUNCTION login_room(of_workspace bigint, of_login bigint, of_hour timestamptz) RETURNS TABLE (
    used integer, used_today integer, ramp_today integer, left_today integer, allowed integer
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT n.used, n.used_today, r.ramp_today,
           CASE WHEN l.daily_limit IS NOT NULL OR l.ramp_from IS NOT NULL THEN
               greatest(least(l.daily_limit - n.used_today, r.ramp_today - n.used_on_day), 0)
           END,
           greatest(least(l.hourly_limit, l.daily_limit - (n.used_today - n.used),
                          r.ramp_today - (n.used_on_day - n.used)), 0)
    FROM logins l
    CROSS JOIN LATERAL (SELECT (of_hour AT TIME ZONE l.timezone)::date AS day) d
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(w.used) FILTER (WHERE w.window_start = of_hour), 0)::integer AS used,
               coalesce(sum(w.used) FILTER (WHERE w.window_start > of_hour - interval '24 hours'), 0)::integer AS used_today,
               coalesce(sum(w.used) FILTER (WHERE (w.window_start AT TIME ZONE l.timezone)::date = d.day), 0)::integer
                   AS used_on_day
        FROM login_windows w
        WHERE w.workspace_id = l.workspace_id AND w.login_id = l.id
          AND w.window_start > of_hour - interval '26 hours' AND w.window_start <= of_hour
    ) n
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.ramp_from IS NOT NULL THEN
                   least(l.ramp_from + l.ramp_per_day::bigint * days_sent(l.workspace_id, l.id, d.day), 10000000)::integer
               END AS ramp_today
    ) r
    WHERE l.workspace_id = of_workspace AND l.id = of_login
$$;
COMMENT ON FUNCTION login_room IS
    'What a clock hour of a login has used, and with the 23 hours before it; what its ramp gives on that day (NULL: none);'
    ' what limits of more than an hour still leave (NULL: none); and what the hour is allowed in all. `slots.Room` says'
    ' the same for plans';

CREATE OR REPLACE FUNCTION open_window(of_workspace bigint, of_login bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    latest record;
BEGIN
    SELECT w.window_start INTO latest FROM login_windows w
    WHERE w.workspace_id = of_workspace AND w.login_id = of_login ORDER BY w.window_start DESC LIMIT 1;
    IF latest.window_start = this_hour() THEN
        RETURN;
    END IF;
    -- Whoever changes a limit meanwhile waits for us, or we for them.
    PERFORM FROM logins l WHERE l.workspace_id = of_workspace AND l.id = of_login FOR SHARE;
    -- An exchange that began before the turn of the hour may still be at the window before: from here on it gets nothing
    -- more there, and what it got is seen below, where a statement has a snapshot of its own.
    UPDATE login_windows w SET allowed = w.used
    WHERE w.workspace_id = of_workspace AND w.login_id = of_login AND w.window_start = latest.window_start
      AND w.window_start < this_hour();
    INSERT INTO login_windows (workspace_id, login_id, window_start, allowed, free_at)
    SELECT of_workspace, of_login, this_hour(),
           -- Where a later one is open already, this one comes too late to be counted there.
           CASE WHEN latest.window_start > this_hour() THEN 0 ELSE r.allowed END,
           (SELECT w.free_at FROM login_windows w
            WHERE w.workspace_id = of_workspace AND w.login_id = of_login AND w.window_start = latest.window_start)
    FROM login_room(of_workspace, of_login, this_hour()) r
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION open_window IS
    'Make the row of a login''s current window, which exchanges lock and take from, and close the one before it';

CREATE OR REPLACE FUNCTION lock_window(of_workspace bigint, of_sender bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    its_login bigint;
BEGIN
    SELECT s.login_id INTO its_login FROM senders s WHERE s.workspace_id = of_workspace AND s.id = of_sender;
    PERFORM open_window(of_workspace, its_login);
    PERFORM FROM login_windows w
    WHERE w.workspace_id = of_workspace AND w.login_id = its_login AND w.window_start = this_hour() FOR UPDATE;
    RETURN its_login;
END $$;
COMMENT ON FUNCTION lock_window IS
    'Hold the current window of a sender''s login against its exchanges; the login, or NULL where there is no such sender';

-- Senders log in alike that name the same server and the same user, case aside. Without either there is no login to share.
CREATE OR REPLACE FUNCTION shared_login(of_workspace bigint, of_host text, of_username text, besides bigint)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT s.login_id FROM senders s
    WHERE s.workspace_id = of_workspace AND s.id IS DISTINCT FROM besides
      AND lower(s.host COLLATE "C") = lower(of_host COLLATE "C")
      AND lower(s.username COLLATE "C") = lower(of_username COLLATE "C")
    ORDER BY s.id
    LIMIT 1
$$;
COMMENT ON FUNCTION shared_login IS 'The login of another sender that logs in to this server as this user; NULL: none does';

CREATE OR REPLACE FUNCTION move_to_login(of_workspace bigint, of_sender bigint, to_login bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    from_login bigint;
    alone boolean;
BEGIN
    SELECT s.login_id INTO from_login FROM senders s
    WHERE s.workspace_id = of_workspace AND s.id = of_sender FOR NO KEY UPDATE;
    IF from_login = to_login THEN
        RETURN;
    END IF;
    PERFORM open_window(of_workspace, least(from_login, to_login));
    PERFORM open_window(of_workspace, greatest(from_login, to_login));
    PERFORM FROM login_windows w
    WHERE w.workspace_id = of_workspace AND w.login_id IN (from_login, to_login) AND w.window_start >= this_hour()
    ORDER BY w.login_id FOR UPDATE;
    alone := NOT EXISTS (SELECT FROM senders s WHERE s.workspace_id = of_workspace AND s.login_id = from_login
                           AND s.id <> of_sender);
    DELETE FROM holds h USING streams t
    WHERE h.workspace_id = of_workspace AND h.login_id = from_login
      AND t.workspace_id = h.workspace_id AND t.id = h.stream_id AND t.sender_id = of_sender;
    DELETE FROM refusals r USING streams t
    WHERE r.workspace_id = of_workspace AND r.login_id = from_login
      AND t.workspace_id = r.workspace_id AND t.id = r.stream_id AND t.sender_id = of_sender;
    UPDATE senders s SET login_id = to_login WHERE s.workspace_id = of_workspace AND s.id = of_sender;
    IF alone THEN
        -- It is one mailbox from now on: what it sent in either way counts.
        INSERT INTO login_windows AS w (workspace_id, login_id, window_start, allowed, used, accepted, rejected, deferred,
                                        released, unknown, accepted_at, free_at)
        SELECT o.workspace_id, to_login, o.window_start, o.used, o.used, o.accepted, o.rejected, o.deferred,
               o.released, o.unknown, o.accepted_at, o.free_at
        FROM login_windows o WHERE o.workspace_id = of_workspace AND o.login_id = from_login
        ON CONFLICT (workspace_id, login_id, window_start) DO UPDATE
        SET used = w.used + excluded.used, accepted = w.accepted + excluded.accepted,
            rejected = w.rejected + excluded.rejected, deferred = w.deferred + excluded.deferred,
            released = w.released + excluded.released, unknown = w.unknown + excluded.unknown,
            accepted_at = greatest(w.accepted_at, excluded.accepted_at), free_at = greatest(w.free_at, excluded.free_at);
        UPDATE logins l SET days_sent = greatest(l.days_sent, o.days_sent) FROM logins o
        WHERE l.workspace_id = of_workspace AND l.id = to_login AND o.workspace_id = of_workspace AND o.id = from_login;
        DELETE FROM logins l WHERE l.workspace_id = of_workspace AND l.id = from_login;
    END IF;
    UPDATE login_windows w
    SET allowed = (SELECT r.allowed FROM login_room(of_workspace, to_login, w.window_start) r)
    WHERE w.workspace_id = of_workspace AND w.login_id = to_login AND w.window_start >= this_hour();
END $$;
COMMENT ON FUNCTION move_to_login IS
    'A sender logs in as another does from now on: they share its limits. What the login before had used is added, if'
    ' nobody else has that login; what its server said of the sender''s emails is forgotten';

-- Senders of the version before that log in alike share the login of the first of them.
DO $$
DECLARE
    it record;
BEGIN
    FOR it IN
        SELECT s.workspace_id, s.id, first_value(s.login_id) OVER (
                   PARTITION BY s.workspace_id, lower(s.host COLLATE "C"), lower(s.username COLLATE "C") ORDER BY s.id) AS login_id
        FROM senders s WHERE s.host IS NOT NULL AND s.username IS NOT NULL
        ORDER BY s.workspace_id, s.id
    LOOP
        PERFORM move_to_login(it.workspace_id, it.id, it.login_id);
    END LOOP;
END $$;

-- Connections of one login over several senders. A row of count 0: the sender waits for one, since `asked_at`.
ALTER TABLE lanes ADD COLUMN IF NOT EXISTS asked_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE lanes DROP CONSTRAINT IF EXISTS lanes_count_check;
ALTER TABLE lanes ADD CONSTRAINT lanes_count_check CHECK (count >= 0);

-- Why a sender is backed off. What one cannot send for the first three, another may.
ALTER TABLE senders ADD COLUMN IF NOT EXISTS block_kind text NOT NULL DEFAULT 'OTHER';
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_block_kind;
ALTER TABLE senders ADD CONSTRAINT senders_block_kind CHECK (block_kind IN ('CONNECTION', 'LOGIN', 'QUOTA', 'OTHER'));

CREATE OR REPLACE FUNCTION is_out_of_order(it senders) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT it.failures > 0 AND it.block_kind <> 'OTHER' AND it.blocked_since < now() - interval '1 hour'
$$;
COMMENT ON FUNCTION is_out_of_order IS
    'Whether a sender has not got through for more than an hour, for connection, login or quota: it gives to others what'
    ' it has not begun';

-- What a sender gave to the campaign's others: how many emails, when last, and why.
ALTER TABLE streams
    ADD COLUMN IF NOT EXISTS given integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS given_at timestamptz,
    ADD COLUMN IF NOT EXISTS given_for text;
ALTER TABLE streams DROP CONSTRAINT IF EXISTS streams_given;
ALTER TABLE streams ADD CONSTRAINT streams_given CHECK (
    given_for IN ('TAKEN_OUT', 'CONNECTION', 'LOGIN', 'QUOTA') AND given > 0 AND given_at IS NOT NULL
    OR given = 0 AND given_for IS NULL AND given_at IS NULL);
CREATE INDEX IF NOT EXISTS streams_taken_out ON streams (workspace_id, id) WHERE taken_out_at IS NOT NULL;

-- What a server said of a campaign's message holds the campaign on its other senders, too. `of_stream`: whose hold this
-- one follows. `spread_at`: of one that others follow, since when; a person who lets one of them go has it go for good.
ALTER TABLE holds
    ADD COLUMN IF NOT EXISTS of_stream bigint,
    ADD COLUMN IF NOT EXISTS spread_at timestamptz;
CREATE OR REPLACE TRIGGER holds_told AFTER INSERT ON holds FOR EACH ROW
    WHEN (NEW.reason = 'REFUSED' AND NEW.of_stream IS NULL)
    EXECUTE FUNCTION tell_of_hold();

GRANT EXECUTE ON FUNCTION days_sent, login_room, open_window, lock_window, shared_login, move_to_login, is_out_of_order
    TO reachinbox_tenant;
