-- Webhooks: transactions that tell several of them do not wait for each other, direct mail is no campaign that ends, and one
-- that has rested since it failed is not disabled for the days between.

-- Who inserts a job waits for others that insert the same, and two that tell two webhooks in different orders would wait for
-- each other. So one of them has the wake-up of a webhook, by a lock of its own, and the others leave it to that one. What
-- commits after the job was done is found by the sweep, as before.
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
    WHERE pg_try_advisory_xact_lock(hashtextextended('reachinbox deliver_webhooks', webhook_id))
    ORDER BY webhook_id
    ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE TRIGGER campaigns_told AFTER UPDATE OF status ON campaigns FOR EACH ROW
    WHEN (NEW.status = 'FINISHED' AND OLD.status <> 'FINISHED' AND NEW.kind = 'LIST')
    EXECUTE FUNCTION tell_of_campaign();

CREATE OR REPLACE FUNCTION tell_of_response() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM tell(NEW.workspace_id, CASE NEW.kind WHEN 'REPLY' THEN 'email.replied' ELSE 'email.bounced' END,
        jsonb_build_object(
            'responseId', NEW.id, 'emailId', NEW.email_id, 'campaignId', NEW.campaign_id, 'senderId', NEW.sender_id,
            'recipient', NEW.recipient, 'receivedAt', NEW.received_at, 'step', NULL, 'variant', NULL)
        || coalesce((SELECT jsonb_build_object('step', step_number(e), 'variant', variant_letter(e)) FROM emails e
                     WHERE e.workspace_id = NEW.workspace_id AND e.id = NEW.email_id), '{}')
        || CASE NEW.kind WHEN 'BOUNCE' THEN jsonb_build_object(
            'severity', NEW.severity, 'code', NEW.code, 'enhancedCode', NEW.enhanced_code,
            'reply', left(NEW.diagnostic, 500), 'ofSender', NEW.of_sender) ELSE '{}' END);
    RETURN NULL;
END $$;

-- What answers were about whose recipients were erased, and webhooks had been told.
UPDATE webhook_deliveries d
SET data = jsonb_set(d.data, '{name}', to_jsonb(c.name))
FROM campaigns c
WHERE c.workspace_id = d.workspace_id AND c.id::text = d.data->>'campaignId' AND c.thread_email_id IS NOT NULL
  AND c.name = '(erased)' AND d.data ? 'name';

-- `failures` counts those of what is still tried: 0 while `failing_since` stands says that the last try failed and there is
-- no other, so the next failure begins anew.
ALTER TABLE webhooks DROP CONSTRAINT IF EXISTS webhooks_check1;
ALTER TABLE webhooks DROP CONSTRAINT IF EXISTS webhooks_failing;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_failing CHECK (
    (failures = 0 OR failing_since IS NOT NULL) AND (failing_since IS NULL) = (last_error IS NULL));
COMMENT ON COLUMN webhooks.failures IS
    'In a row, of what is still tried; sets the next pause. 0 once nothing is left to try, though the last try failed';
UPDATE webhooks w SET failures = 0
WHERE w.failures > 0 AND NOT EXISTS (
    SELECT FROM webhook_deliveries d
    WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.id AND d.status = 'PENDING');

ALTER TABLE webhooks DROP CONSTRAINT IF EXISTS webhooks_events_check;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_events_check CHECK (
    cardinality(events) > 0
    AND events <@ '{email.failed,email.unknown,email.replied,email.bounced,sender.blocked,campaign.held,campaign.paused,campaign.finished,recipient.suppressed,recipient.unsubscribed,recipient.resubscribed}');
