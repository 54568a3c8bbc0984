"""Streams: one campaign on one sender, which is what an exchange locks; and logins, which limits belong to.

What was counted on a campaign is counted on its streams, so that several senders of one campaign need not wait for each
other, and what is due soonest of a stream stands on it, so that a sender's idle campaigns cost an exchange nothing.

This release breaks with the version before, whose exchange counts on campaigns: the migration refuses while a worker of
it lives (`app.db.migrate` can wait for that). It is no single transaction, since all emails are told their stream, a
batch at a time. Harmless when run twice: each part looks for what is left of the version before.
"""

from typing import Any

from yoyo import step

__transactional__ = False

BATCH = 20_000  # emails that are told their stream in one transaction

# In the transaction that takes the counters away, so that no worker begins in between: it would have to write its row
# first. An API of the version before loses nothing: what it has begun commits before the tables are locked, or fails
# whole.
REFUSE_LIVING_WORKERS = """
DO $$
DECLARE
    names text;
BEGIN
    LOCK TABLE workers IN SHARE MODE;
    SELECT string_agg(name, ', ' ORDER BY started_at, name) INTO names FROM workers WHERE lease_until > now();
    IF names IS NOT NULL THEN
        RAISE EXCEPTION '%', names USING ERRCODE = 'object_in_use';
    END IF;
END $$;
"""

LOGINS = """
-- How a sender logs in to its server, as far as limits go: they hold for all that one login sends.
CREATE TABLE IF NOT EXISTS logins (
    workspace_id     bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
    id               bigint GENERATED ALWAYS AS IDENTITY,
    hourly_limit     integer NOT NULL CHECK (hourly_limit BETWEEN 1 AND 10000000),
    max_connections  integer NOT NULL CHECK (max_connections BETWEEN 1 AND 1000),
    PRIMARY KEY (workspace_id, id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON logins TO reachinbox_tenant;
ALTER TABLE senders ADD COLUMN IF NOT EXISTS login_id bigint;
"""

# One login for each sender that has none. The ids come from the sequence before the rows do, to pair them.
LOGINS_OF_SENDERS = """
CREATE TEMPORARY TABLE given ON COMMIT DROP AS
    SELECT workspace_id, id AS sender_id, hourly_limit, max_connections,
           nextval(pg_get_serial_sequence('logins', 'id')) AS login_id
    FROM senders WHERE login_id IS NULL;
INSERT INTO logins (workspace_id, id, hourly_limit, max_connections) OVERRIDING SYSTEM VALUE
    SELECT workspace_id, login_id, hourly_limit, max_connections FROM given;
UPDATE senders s SET login_id = g.login_id FROM given g WHERE g.workspace_id = s.workspace_id AND g.sender_id = s.id;
ALTER TABLE senders
    DROP COLUMN hourly_limit, DROP COLUMN max_connections, ALTER COLUMN login_id SET NOT NULL,
    ADD CONSTRAINT senders_login FOREIGN KEY (workspace_id, login_id) REFERENCES logins (workspace_id, id);
"""
SENDERS_OF_LOGIN = "CREATE INDEX IF NOT EXISTS senders_of_login ON senders (workspace_id, login_id)"

# `allowed` is computed when a window is opened, and again when the login's limit changes, under the window's lock.
LOGIN_WINDOWS = """
ALTER TABLE sender_windows RENAME TO login_windows;
ALTER TABLE login_windows RENAME COLUMN sender_id TO login_id;
ALTER TABLE login_windows RENAME CONSTRAINT sender_windows_pkey TO login_windows_pkey;
ALTER TABLE login_windows RENAME CONSTRAINT sender_windows_used_check TO login_windows_used_check;
ALTER INDEX sender_windows_age RENAME TO login_windows_age;
ALTER TABLE login_windows
    DROP CONSTRAINT IF EXISTS sender_windows_user_id_sender_id_fkey,
    DROP CONSTRAINT login_windows_pkey,
    ADD COLUMN allowed integer CHECK (allowed >= 0);
UPDATE login_windows w SET login_id = s.login_id, allowed = l.hourly_limit
FROM senders s JOIN logins l ON l.workspace_id = s.workspace_id AND l.id = s.login_id
WHERE s.workspace_id = w.workspace_id AND s.id = w.login_id;
ALTER TABLE login_windows
    ALTER COLUMN allowed SET NOT NULL,
    ADD CONSTRAINT login_windows_pkey PRIMARY KEY (workspace_id, login_id, window_start),
    ADD CONSTRAINT login_windows_login FOREIGN KEY (workspace_id, login_id) REFERENCES logins (workspace_id, id)
        ON DELETE CASCADE;
"""

STREAMS = """
-- One campaign on one sender. Whoever makes, moves, stops or decides an email of it locks it first, and updates it: by
-- that an exchange knows whether what it saw before it had the lock still stands.
CREATE TABLE IF NOT EXISTS streams (
    workspace_id     bigint NOT NULL,
    id               bigint GENERATED ALWAYS AS IDENTITY,
    campaign_id      bigint NOT NULL,
    sender_id        bigint NOT NULL,
    open             boolean NOT NULL DEFAULT true,  -- nobody paused or cancelled it: all that a claim asks
    start_at         timestamptz NOT NULL DEFAULT '-infinity',  -- the campaign's: nothing of it is claimed earlier
    next_due_at      timestamptz,  -- never later than its first SCHEDULED email; NULL: none
    free_at          timestamptz,  -- no email of it is claimed earlier; NULL: none was ever claimed
    gap_ms           bigint NOT NULL CHECK (gap_ms >= 0),  -- the campaign's delay
    content_version  integer NOT NULL DEFAULT 1,  -- the campaign's
    total            integer NOT NULL CHECK (total > 0),
    scheduled        integer NOT NULL CHECK (scheduled >= 0),
    sending          integer NOT NULL DEFAULT 0 CHECK (sending >= 0),
    sent             integer NOT NULL DEFAULT 0 CHECK (sent >= 0),
    failed           integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
    unknown          integer NOT NULL DEFAULT 0 CHECK (unknown >= 0),
    cancelled        integer NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    accepted_at      timestamptz,  -- when the server last took an email of it
    -- Its use of the current window; of an earlier window: 0.
    window_start     timestamptz NOT NULL DEFAULT 'epoch',
    window_used      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT streams_once UNIQUE (workspace_id, sender_id, campaign_id),
    CONSTRAINT streams_of_campaign UNIQUE (workspace_id, campaign_id, id),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id),
    CONSTRAINT streams_conservation CHECK (scheduled + sending + sent + failed + unknown + cancelled = total)
) WITH (fillfactor = 50);  -- counters change often: room for updates that touch no index
CREATE INDEX IF NOT EXISTS streams_due ON streams (workspace_id, sender_id, next_due_at)
    WHERE open AND next_due_at IS NOT NULL;
-- For the sweep. An exchange does not say `total > 0`, so it is not led by this index past what others owe.
CREATE INDEX IF NOT EXISTS streams_due_anywhere ON streams (next_due_at)
    WHERE open AND next_due_at IS NOT NULL AND total > 0;

-- The hour of a campaign that has a limit of its own: over all of its streams, so they take turns at it.
CREATE TABLE IF NOT EXISTS campaign_hours (
    workspace_id  bigint NOT NULL,
    campaign_id   bigint NOT NULL,
    allowed       integer NOT NULL CHECK (allowed > 0),  -- the campaign's limit
    window_start  timestamptz NOT NULL DEFAULT 'epoch',
    used          integer NOT NULL DEFAULT 0 CHECK (used >= 0),  -- of that window
    PRIMARY KEY (workspace_id, campaign_id),
    FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaigns (workspace_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON streams, campaign_hours TO reachinbox_tenant;
"""

STREAMS_OF_CAMPAIGNS = """
INSERT INTO streams (workspace_id, campaign_id, sender_id, open, start_at, free_at, gap_ms, content_version, total,
                     scheduled, sending, sent, failed, unknown, cancelled, accepted_at, window_start, window_used)
SELECT workspace_id, id, sender_id, status IN ('ACTIVE', 'FINISHED'), start_at,
       coalesce(free_at, CASE WHEN window_start > 'epoch' THEN window_start END), delay_ms, content_version, total,
       scheduled, sending, sent, failed, unknown, cancelled, accepted_at, window_start, window_used
FROM campaigns ORDER BY workspace_id, id;
INSERT INTO campaign_hours (workspace_id, campaign_id, allowed, window_start, used)
SELECT workspace_id, id, hourly_limit, window_start, window_used FROM campaigns WHERE hourly_limit IS NOT NULL;
-- As the counters go, whatever names them goes: what a campaign adds up to is for its streams to say.
DROP TRIGGER IF EXISTS emails_told ON emails;
DROP TRIGGER IF EXISTS campaigns_told ON campaigns;
ALTER TABLE campaigns
    DROP COLUMN total, DROP COLUMN scheduled, DROP COLUMN sending, DROP COLUMN sent, DROP COLUMN failed,
    DROP COLUMN unknown, DROP COLUMN cancelled, DROP COLUMN window_start, DROP COLUMN window_used,
    DROP COLUMN accepted_at, DROP COLUMN free_at;
DROP INDEX IF EXISTS emails_due;
ALTER TABLE emails ADD COLUMN stream_id bigint;
"""

# By the page, since statistics may be missing; no email is visited twice, whoever was killed before.
SPANS = "SELECT workspace_id, campaign_id, id FROM streams ORDER BY workspace_id, id"
TELL_EMAILS = """
WITH told AS (
    UPDATE emails e SET stream_id = s.id
    FROM streams s
    WHERE e.ctid = ANY (ARRAY(SELECT ctid FROM emails WHERE stream_id IS NULL AND workspace_id = %(workspace_id)s
                                AND id > %(after)s ORDER BY id LIMIT %(batch)s))
      AND s.workspace_id = e.workspace_id AND s.campaign_id = e.campaign_id
    RETURNING e.id
)
SELECT count(*), max(id) FROM told
"""

EMAILS_KEY = """
ALTER TABLE emails ALTER COLUMN stream_id SET NOT NULL;
DO $$
BEGIN
    ALTER TABLE emails ADD CONSTRAINT emails_stream FOREIGN KEY (workspace_id, campaign_id, stream_id)
        REFERENCES streams (workspace_id, campaign_id, id) ON DELETE CASCADE;
EXCEPTION
    WHEN duplicate_object THEN NULL;
END $$;
-- The stream's reference says the same and more.
ALTER TABLE emails DROP CONSTRAINT IF EXISTS emails_user_id_campaign_id_fkey;
"""
# The queue. By stream, so that a paused million stands in nobody's way.
EMAILS_WAITING = """
CREATE INDEX IF NOT EXISTS emails_waiting ON emails (workspace_id, stream_id, scheduled_at, id)
    WHERE status = 'SCHEDULED'
"""
FIRST_DUE = """
CREATE OR REPLACE FUNCTION first_due(of_workspace bigint, of_stream bigint) RETURNS TABLE (due_at timestamptz)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT e.scheduled_at FROM emails e
    WHERE e.workspace_id = of_workspace AND e.stream_id = of_stream AND e.status = 'SCHEDULED'
    ORDER BY e.scheduled_at, e.id
    LIMIT 1
$$;
COMMENT ON FUNCTION first_due IS 'When the first email of a stream that waits is due; no row: none waits';
GRANT EXECUTE ON FUNCTION first_due TO reachinbox_tenant;
"""
DUE = """
UPDATE streams SET next_due_at = (SELECT due_at FROM first_due(workspace_id, id))
WHERE scheduled > 0 AND next_due_at IS NULL
"""

REFUSALS = """
ALTER TABLE refusals ADD COLUMN login_id bigint, ADD COLUMN stream_id bigint;
UPDATE refusals r SET login_id = p.login_id, stream_id = t.id
FROM streams t JOIN senders p ON p.workspace_id = t.workspace_id AND p.id = t.sender_id
WHERE t.workspace_id = r.workspace_id AND t.campaign_id = r.campaign_id AND t.sender_id = r.sender_id;
ALTER TABLE refusals
    DROP COLUMN sender_id, DROP COLUMN campaign_id,
    ADD CONSTRAINT refusals_pkey PRIMARY KEY (workspace_id, login_id, signature, stream_id),
    ADD CONSTRAINT refusals_login FOREIGN KEY (workspace_id, login_id) REFERENCES logins (workspace_id, id)
        ON DELETE CASCADE,
    ADD CONSTRAINT refusals_stream FOREIGN KEY (workspace_id, stream_id) REFERENCES streams (workspace_id, id)
        ON DELETE CASCADE;
"""
HOLDS = """
DROP TRIGGER IF EXISTS holds_told ON holds;
ALTER TABLE holds ADD COLUMN login_id bigint, ADD COLUMN stream_id bigint;  -- of the latter NULL: all of the login
UPDATE holds h SET login_id = p.login_id,
    stream_id = (SELECT t.id FROM streams t
                 WHERE t.workspace_id = h.workspace_id AND t.campaign_id = h.campaign_id AND t.sender_id = h.sender_id)
FROM senders p WHERE p.workspace_id = h.workspace_id AND p.id = h.sender_id;
ALTER TABLE holds
    DROP COLUMN sender_id, DROP COLUMN campaign_id, ALTER COLUMN login_id SET NOT NULL,
    ADD CONSTRAINT holds_login FOREIGN KEY (workspace_id, login_id) REFERENCES logins (workspace_id, id)
        ON DELETE CASCADE,
    ADD CONSTRAINT holds_stream FOREIGN KEY (workspace_id, stream_id) REFERENCES streams (workspace_id, id)
        ON DELETE CASCADE;
CREATE UNIQUE INDEX IF NOT EXISTS holds_of_login ON holds (workspace_id, login_id, stream_id) NULLS NOT DISTINCT;
"""

RULES = """
DROP FUNCTION IF EXISTS campaign_after;

CREATE OR REPLACE FUNCTION campaign_counts(of_workspace bigint, of_campaign bigint) RETURNS TABLE (
    total bigint, scheduled bigint, sending bigint, sent bigint, failed bigint, unknown bigint, cancelled bigint,
    used_this_hour bigint
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT coalesce(sum(s.total), 0)::bigint, coalesce(sum(s.scheduled), 0)::bigint,
           coalesce(sum(s.sending), 0)::bigint, coalesce(sum(s.sent), 0)::bigint, coalesce(sum(s.failed), 0)::bigint,
           coalesce(sum(s.unknown), 0)::bigint, coalesce(sum(s.cancelled), 0)::bigint,
           coalesce(sum(used_this_hour(s.window_start, s.window_used)), 0)::bigint
    FROM streams s
    WHERE s.workspace_id = of_workspace AND s.campaign_id = of_campaign
$$;
COMMENT ON FUNCTION campaign_counts IS
    'How many emails of a campaign are in which status, and were claimed in this hour: the sums over its streams';

CREATE OR REPLACE FUNCTION waiting_of(of_workspace bigint, of_campaign bigint) RETURNS TABLE (
    next_at timestamptz, last_at timestamptz
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT min(w.next_at), max(w.last_at)
    FROM streams s
    CROSS JOIN LATERAL (
        SELECT min(e.scheduled_at) AS next_at, max(e.scheduled_at) AS last_at
        FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
    ) w
    WHERE s.workspace_id = of_workspace AND s.campaign_id = of_campaign
$$;
COMMENT ON FUNCTION waiting_of IS 'When the first and the last email are due of those that wait in a campaign';

-- A campaign that two streams end at once, each unseen by the other: whoever comes second waits for the campaign, and
-- its next look sees what the first has committed. So there are two statements here, each with a snapshot of its own.
CREATE OR REPLACE FUNCTION campaign_follows_streams() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM campaigns WHERE workspace_id = NEW.workspace_id AND id = NEW.campaign_id FOR NO KEY UPDATE;
    UPDATE campaigns c
    SET status = CASE WHEN NOT n.going THEN 'FINISHED' WHEN NEW.open THEN 'ACTIVE' ELSE 'PAUSED' END::campaign_status,
        finished_at = CASE WHEN NOT n.going THEN now() END
    FROM (SELECT bool_or(s.scheduled + s.sending > 0) AS going FROM streams s
          WHERE s.workspace_id = NEW.workspace_id AND s.campaign_id = NEW.campaign_id) n
    WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.campaign_id
      AND (c.status IN ('ACTIVE', 'PAUSED') AND NOT n.going OR c.status = 'FINISHED' AND n.going);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION campaign_follows_streams IS
    'For the trigger streams_end: a campaign is FINISHED once nothing waits in any of its streams and nothing is being'
    ' sent, and goes on when something does again';

CREATE OR REPLACE FUNCTION campaign_has_ended() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM streams WHERE workspace_id = NEW.workspace_id AND campaign_id = NEW.id
                 AND scheduled + sending > 0) THEN
        RAISE EXCEPTION 'something of campaign % waits or is being sent', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'campaigns_finished';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION campaign_has_ended IS 'For the trigger campaigns_finished: refuses FINISHED for one that is not';

CREATE OR REPLACE FUNCTION tell_of_email() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'email.' || lower(NEW.status::text), jsonb_build_object(
        'emailId', NEW.id, 'campaignId', NEW.campaign_id, 'senderId', s.sender_id, 'recipient', NEW.recipient,
        'code', a.code, 'enhancedCode', a.enhanced_code, 'reply', left(a.reply, 500)))
    FROM streams s
    LEFT JOIN attempts a ON a.workspace_id = NEW.workspace_id AND a.email_id = NEW.id AND a.number = NEW.attempts
    WHERE s.workspace_id = NEW.workspace_id AND s.id = NEW.stream_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION tell_of_campaign() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'campaign.finished', jsonb_build_object(
        'campaignId', NEW.id, 'name', NEW.name, 'total', n.total, 'sent', n.sent, 'failed', n.failed,
        'unknown', n.unknown))
    FROM campaign_counts(NEW.workspace_id, NEW.id) n;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION tell_of_hold() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.stream_id IS NULL THEN
        PERFORM tell(NEW.workspace_id, 'sender.blocked', jsonb_build_object(
            'senderId', s.id, 'email', s.email, 'reason', NEW.words, 'blockedUntil', NEW.probe_at))
        FROM senders s WHERE s.workspace_id = NEW.workspace_id AND s.login_id = NEW.login_id;
    ELSE
        PERFORM tell(NEW.workspace_id, 'campaign.held', jsonb_build_object(
            'campaignId', c.id, 'name', c.name, 'senderId', t.sender_id, 'reason', NEW.words,
            'heldUntil', NEW.probe_at))
        FROM streams t JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
        WHERE t.workspace_id = NEW.workspace_id AND t.id = NEW.stream_id;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_of_hold IS 'For the trigger holds_told: a server''s words hold back a stream or a login';

-- Of what one statement changes, emails before the stream that they were the last of, and that before its campaign.
CREATE OR REPLACE TRIGGER campaigns_finished BEFORE UPDATE OF status ON campaigns FOR EACH ROW
    WHEN (NEW.status = 'FINISHED')
    EXECUTE FUNCTION campaign_has_ended();
CREATE OR REPLACE TRIGGER campaigns_told AFTER UPDATE OF status ON campaigns FOR EACH ROW
    WHEN (NEW.status = 'FINISHED' AND OLD.status <> 'FINISHED')
    EXECUTE FUNCTION tell_of_campaign();
CREATE OR REPLACE TRIGGER emails_told AFTER UPDATE OF status ON emails FOR EACH ROW
    WHEN (NEW.status IN ('FAILED', 'UNKNOWN') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION tell_of_email();
CREATE OR REPLACE TRIGGER streams_end AFTER UPDATE OF scheduled, sending ON streams FOR EACH ROW
    WHEN ((OLD.scheduled + OLD.sending = 0) <> (NEW.scheduled + NEW.sending = 0))
    EXECUTE FUNCTION campaign_follows_streams();
CREATE OR REPLACE TRIGGER holds_told AFTER INSERT ON holds FOR EACH ROW
    WHEN (NEW.reason = 'REFUSED')
    EXECUTE FUNCTION tell_of_hold();

GRANT EXECUTE ON FUNCTION campaign_counts, waiting_of TO reachinbox_tenant;
"""


def has_column(cursor: Any, table: str, column: str) -> bool:
    cursor.execute(
        "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped",
        (table, column),
    )
    return cursor.fetchone() is not None


def apply(conn: Any) -> None:
    cursor = conn.cursor()
    cursor.execute("BEGIN")
    try:
        split_up(cursor)
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")
    tell_emails(cursor)
    for text in (EMAILS_KEY, EMAILS_WAITING, FIRST_DUE, DUE, SENDERS_OF_LOGIN):
        cursor.execute(text)


def split_up(cursor: Any) -> None:
    """All that the version before would trip over, at one instant."""
    if has_column(cursor, "campaigns", "scheduled"):
        cursor.execute(REFUSE_LIVING_WORKERS)
    cursor.execute(LOGINS)
    if has_column(cursor, "senders", "hourly_limit"):
        cursor.execute(LOGINS_OF_SENDERS)
    if has_column(cursor, "sender_windows", "sender_id"):
        cursor.execute(LOGIN_WINDOWS)
    cursor.execute(STREAMS)
    if has_column(cursor, "campaigns", "scheduled"):
        cursor.execute(STREAMS_OF_CAMPAIGNS)
    if has_column(cursor, "refusals", "campaign_id"):
        cursor.execute(REFUSALS)
    if has_column(cursor, "holds", "campaign_id"):
        cursor.execute(HOLDS)
    cursor.execute(RULES)
    for table in ("logins", "streams", "campaign_hours"):
        cursor.execute("SELECT keep_tenants_apart(%s::regclass)", (table,))


def tell_emails(cursor: Any) -> None:
    """Emails of one workspace after the other, in the order of their ids, which whoever was killed left off at."""
    cursor.execute("SELECT DISTINCT workspace_id FROM streams ORDER BY 1")
    for (workspace_id,) in cursor.fetchall():
        told, after = BATCH, 0
        while told:
            cursor.execute(TELL_EMAILS, {"workspace_id": workspace_id, "after": after, "batch": BATCH})
            told, after = cursor.fetchone()


steps = [step(apply)]
