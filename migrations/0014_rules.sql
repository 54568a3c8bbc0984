-- Rules, each said once: the hour that limits count by, what doubt becomes, what finishes a campaign, what webhooks learn.
--
-- The first five functions are one expression each, which the planner puts in a query's own place: `LANGUAGE sql`, no
-- SET, nothing volatile, every argument used once or cheap. So they cost nothing, stop no index (what they become are
-- the built-in operators, leakproof as before under row-level security), and `tests/sql/test_rules.py` holds it.
-- What tells webhooks hangs on the rows themselves, by triggers: no query can move a row and forget to tell.

CREATE OR REPLACE FUNCTION hour_of(at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
    RETURN date_trunc('hour', at, 'UTC');
COMMENT ON FUNCTION hour_of IS 'The window that a time lies in: limits count by clock hours in UTC';

CREATE OR REPLACE FUNCTION this_hour() RETURNS timestamptz LANGUAGE sql STABLE
    RETURN date_trunc('hour', now(), 'UTC');
COMMENT ON FUNCTION this_hour IS 'The window that limits count in now: the one in which the transaction began';

-- `>=`: now() is when the transaction began; while it waited for its turn, another may have opened the next window.
CREATE OR REPLACE FUNCTION used_this_hour(window_start timestamptz, window_used integer) RETURNS integer LANGUAGE sql STABLE
    RETURN CASE WHEN window_start >= this_hour() THEN window_used ELSE 0 END;
COMMENT ON FUNCTION used_this_hour IS
    'What a campaign has used of its limit in this hour, from the window that it counted in last; of an earlier one: 0';

CREATE OR REPLACE FUNCTION doubt_becomes(
    policy unknown_policy, campaign campaign_status, attempts integer, max_attempts integer
) RETURNS email_status LANGUAGE sql IMMUTABLE
    RETURN CASE
        WHEN policy = 'assume_sent' THEN 'SENT'::email_status
        WHEN policy = 'resend' AND campaign <> 'CANCELLED' AND attempts < max_attempts THEN 'SCHEDULED'
        ELSE 'UNKNOWN'
    END;
COMMENT ON FUNCTION doubt_becomes IS
    'What an email becomes that may have been accepted, by its campaign''s onUnknown: UNKNOWN is for a person to decide.'
    ' Nothing of a cancelled campaign is sent again, nor what was tried max_attempts times; `attempts` counts this one';

CREATE OR REPLACE FUNCTION campaign_after(
    before campaign_status, ended timestamptz, scheduled bigint, sending bigint
) RETURNS TABLE (status campaign_status, finished_at timestamptz) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT CASE WHEN before IN ('ACTIVE', 'PAUSED') AND scheduled + sending = 0 THEN 'FINISHED' ELSE before END,
           CASE WHEN before IN ('ACTIVE', 'PAUSED') AND scheduled + sending = 0 THEN now() ELSE ended END
$$;
COMMENT ON FUNCTION campaign_after IS
    'Status and end of a campaign once so many of its emails wait and are being sent: it is FINISHED when none does.'
    ' Every query that moves what waits or is being sent writes both from here';

-- The outbox, and the wake-up for whoever delivers it (as `jobs.defer_deliveries` defers one). The webhooks' rows are
-- the last that a transaction locks, in the order of their ids. One that is being deleted this moment drops out
-- instead of failing what happened.
CREATE OR REPLACE FUNCTION tell(of_workspace bigint, happened text, facts jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    WITH told AS (
        INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, data)
        SELECT of_workspace, w.id, happened, facts
        FROM (
            SELECT id FROM webhooks
            WHERE workspace_id = of_workspace AND disabled_at IS NULL AND happened = ANY (events)
            ORDER BY id
            FOR KEY SHARE
        ) w
        RETURNING webhook_id
    )
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)
    SELECT 'webhooks', 'deliver_webhooks', 'deliver_webhooks:' || webhook_id, jsonb_build_object('webhook_id', webhook_id)
    FROM told
    ORDER BY webhook_id
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION tell IS
    'Write what happened to the outbox, once for each webhook that wants to know, in the transaction that made it happen';

CREATE OR REPLACE FUNCTION tell_of_email() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'email.' || lower(NEW.status::text), jsonb_build_object(
        'emailId', NEW.id, 'campaignId', NEW.campaign_id, 'senderId', c.sender_id, 'recipient', NEW.recipient,
        'code', a.code, 'enhancedCode', a.enhanced_code, 'reply', left(a.reply, 500)))
    FROM campaigns c
    LEFT JOIN attempts a ON a.workspace_id = NEW.workspace_id AND a.email_id = NEW.id AND a.number = NEW.attempts
    WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.campaign_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_of_email IS
    'For the trigger emails_told: an email failed or is in doubt, with what the attempt says that the same statement wrote';

CREATE OR REPLACE FUNCTION tell_of_campaign() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'campaign.finished', jsonb_build_object(
        'campaignId', NEW.id, 'name', NEW.name, 'total', NEW.total, 'sent', NEW.sent, 'failed', NEW.failed,
        'unknown', NEW.unknown));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_of_campaign IS 'For the trigger campaigns_told: a campaign has come to its end';

CREATE OR REPLACE FUNCTION tell_of_sender() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, 'sender.blocked', jsonb_build_object(
        'senderId', NEW.id, 'email', NEW.email, 'reason', NEW.block_reason, 'blockedUntil', NEW.blocked_until));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION tell_of_sender IS
    'For the trigger senders_told: a sender is held back, for the first failure and not for each further one in a row';

-- They fire after the statement, so after all that it locks, and for emails before the campaign that they were the
-- last of. Made in the order in which exchanges lock the tables.
CREATE OR REPLACE TRIGGER senders_told AFTER UPDATE OF failures ON senders FOR EACH ROW
    WHEN (NEW.failures > 0 AND OLD.failures = 0)
    EXECUTE FUNCTION tell_of_sender();
CREATE OR REPLACE TRIGGER campaigns_told AFTER UPDATE OF status ON campaigns FOR EACH ROW
    WHEN (NEW.status = 'FINISHED' AND OLD.status <> 'FINISHED')
    EXECUTE FUNCTION tell_of_campaign();
CREATE OR REPLACE TRIGGER emails_told AFTER UPDATE OF status ON emails FOR EACH ROW
    WHEN (NEW.status IN ('FAILED', 'UNKNOWN') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION tell_of_email();

GRANT EXECUTE ON FUNCTION hour_of, this_hour, used_this_hour, doubt_becomes, campaign_after, tell TO reachinbox_tenant;
