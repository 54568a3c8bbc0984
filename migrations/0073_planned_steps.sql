-- Of a campaign of several steps the first plan is kept with all that follows "if nobody answers", beside what came of it.

ALTER TABLE campaign_forecasts
    ADD COLUMN IF NOT EXISTS later_steps   bigint[] NOT NULL DEFAULT '{}',       -- of which later step each of these runs is
    ADD COLUMN IF NOT EXISTS later_ats     timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS later_counts  integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS later_gaps_ms bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS steps         jsonb;  -- of each step what was measured with the rest; NULL: nothing yet
ALTER TABLE campaign_forecasts DROP CONSTRAINT IF EXISTS campaign_forecasts_later;
ALTER TABLE campaign_forecasts ADD CONSTRAINT campaign_forecasts_later
    CHECK (cardinality(later_steps) = cardinality(later_ats) AND cardinality(later_steps) = cardinality(later_counts)
           AND cardinality(later_steps) = cardinality(later_gaps_ms));

-- A later step that is stopped while it is an email already counts as stopped, too: nearly all are, within the hour before
-- they fall due. What is cancelled with its step is not: what comes behind that follows instead.
CREATE OR REPLACE FUNCTION emails_owing_noted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    noted jsonb := coalesce(nullif(current_setting('reachinbox.owing', true), ''), '{}');
    stream text := NEW.workspace_id || '/' || NEW.stream_id;
    its jsonb := coalesce(noted -> stream, '{}');
    why cancel_reason;
BEGIN
    IF (OLD.follow_at IS NULL) <> (NEW.follow_at IS NULL) THEN
        its := its || jsonb_build_object('following', coalesce((its ->> 'following')::integer, 0)
                                                      + CASE WHEN NEW.follow_at IS NULL THEN -1 ELSE 1 END);
    END IF;
    IF OLD.follow_at IS NOT NULL AND OLD.stopped IS NULL THEN
        why := NEW.stopped;
    ELSIF OLD.status = 'SCHEDULED' AND NEW.status = 'CANCELLED' AND NEW.follows_id IS NOT NULL
          AND NOT is_of_removed_step(NEW) THEN
        why := NEW.cancel_reason;
    END IF;
    IF why IS NOT NULL THEN
        its := its || jsonb_build_object(why, coalesce((its ->> why::text)::integer, 0) + 1);
    END IF;
    IF its <> '{}' THEN
        PERFORM set_config('reachinbox.owing', (noted || jsonb_build_object(stream, its))::text, true);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION emails_owing_noted IS
    'For the triggers emails_owing_told and emails_following_told: notes for emails_owing_counted that an email owes a next step,'
    ' or does no more, or is itself a later step that goes no more, and why';

CREATE OR REPLACE TRIGGER emails_following_told AFTER UPDATE OF status ON emails FOR EACH ROW
    WHEN (NEW.follows_id IS NOT NULL AND OLD.status = 'SCHEDULED' AND NEW.status = 'CANCELLED')
    EXECUTE FUNCTION emails_owing_noted();

CREATE OR REPLACE FUNCTION followed_of_login(
    of_workspace bigint, of_login bigint, before timestamptz, of_sender bigint, except_campaigns bigint[]
) RETURNS TABLE (campaign_id bigint, calendar jsonb, hour timestamptz, recipients bigint, waits float8[])
LANGUAGE sql STABLE AS $$
SELECT s.campaign_id, c.calendar, e.hour, sum(e.count * (1 + s.copies))::bigint,
       (SELECT array_agg(ARRAY[extract(epoch FROM n.wait)::float8, n.business_days::integer::float8,
                           coalesce(extract(epoch FROM n.time_of_day)::float8, -1)] ORDER BY n.position)
        FROM campaign_steps n
        WHERE n.workspace_id = s.workspace_id AND n.campaign_id = s.campaign_id AND n.position > e.position
          AND n.removed_at IS NULL)
FROM senders o
JOIN streams s ON s.workspace_id = o.workspace_id AND s.sender_id = o.id AND s.stepped AND s.open
JOIN campaigns c ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id
CROSS JOIN LATERAL (
    SELECT hour_of(f.at) AS hour, p.position, count(*) AS count
    FROM (
        SELECT greatest(e.scheduled_at, now()) AS at, e.step_id FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
          AND e.scheduled_at < before
          AND NOT (s.sender_id = of_sender AND s.campaign_id = ANY (except_campaigns))
        UNION ALL
        SELECT e.sent_at, e.step_id FROM emails e
        WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.follow_at < before
    ) f
    JOIN campaign_steps p ON p.workspace_id = s.workspace_id AND p.id = f.step_id
    GROUP BY 1, 2
) e
WHERE o.workspace_id = of_workspace AND o.login_id = of_login
GROUP BY s.workspace_id, s.campaign_id, c.calendar, e.hour, e.position
$$;
COMMENT ON FUNCTION followed_of_login IS
    'Emails that others follow, of the open streams with steps of a login: by the hour in which they were sent or are planned for,'
    ' and with the waits of the steps that come; those that are planned for later than before owe nothing by then. Of a sender,'
    ' what waits in the campaigns that are left out does not count: it is planned again, with what follows';
GRANT EXECUTE ON FUNCTION followed_of_login TO reachinbox_tenant;
