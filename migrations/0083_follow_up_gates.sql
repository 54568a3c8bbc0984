-- Answers still come to the mailbox that earlier emails named, also once the campaign or its sender names another.

-- Senders whose mailboxes emails of a stream with later steps had answers go to, until when.
CREATE TABLE IF NOT EXISTS earlier_mailboxes (
    workspace_id  bigint NOT NULL,
    stream_id     bigint NOT NULL,
    sender_id     bigint NOT NULL,
    replaced_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, stream_id, sender_id),
    FOREIGN KEY (workspace_id, stream_id) REFERENCES streams (workspace_id, id) ON DELETE CASCADE,
    FOREIGN KEY (workspace_id, sender_id) REFERENCES senders (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS earlier_mailboxes_of_sender ON earlier_mailboxes (workspace_id, sender_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON earlier_mailboxes TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('earlier_mailboxes'); END $$;

CREATE OR REPLACE FUNCTION mailbox_of_answers(of_workspace bigint, of_sender bigint, answers_to text)
RETURNS TABLE (sender_id bigint, inbox_id bigint) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT p.id, r.inbox_id
    FROM senders p
    LEFT JOIN read_senders r ON r.workspace_id = p.workspace_id AND r.sender_id = p.id
    LEFT JOIN inboxes i ON i.workspace_id = r.workspace_id AND i.sender_id = r.inbox_id
    WHERE p.workspace_id = of_workspace
      AND CASE WHEN answers_to IS NULL THEN p.id = of_sender ELSE address_key(p.email) = address_key(answers_to) END
    ORDER BY i.whole_at DESC NULLS LAST, p.id
    LIMIT 1
$$;
COMMENT ON FUNCTION mailbox_of_answers IS
    'The sender in whose mailbox answers to emails from a sender lie, and under which it is read; NULL: it is not. No row: it'
    ' is nobody''s here';

-- A row without `sender_id` is of a mailbox that is not read.
CREATE OR REPLACE FUNCTION inbox_of_answers(of_workspace bigint, of_campaign bigint, of_sender bigint)
RETURNS SETOF inboxes LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT i.*
    FROM (
        SELECT m.inbox_id
        FROM campaigns c
        JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = of_sender
        LEFT JOIN LATERAL mailbox_of_answers(s.workspace_id, s.id, coalesce(c.reply_to, s.reply_to)) m ON true
        WHERE c.workspace_id = of_workspace AND c.id = of_campaign
        UNION ALL
        SELECT r.inbox_id
        FROM streams t
        JOIN earlier_mailboxes m ON m.workspace_id = t.workspace_id AND m.stream_id = t.id
        LEFT JOIN read_senders r ON r.workspace_id = m.workspace_id AND r.sender_id = m.sender_id
        WHERE t.workspace_id = of_workspace AND t.campaign_id = of_campaign AND t.sender_id = of_sender
    ) a
    LEFT JOIN inboxes i ON i.workspace_id = of_workspace AND i.sender_id = a.inbox_id
$$;
COMMENT ON FUNCTION inbox_of_answers IS
    'The mailboxes in which an answer to a campaign''s emails from a sender would lie: the sender''s, or the one that answers'
    ' go to, and those that they went to before';

CREATE OR REPLACE FUNCTION inbox_read_at(of_workspace bigint, of_campaign bigint, of_sender bigint, sandboxed boolean)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN c.follow_up_without_reading OR sandboxed AND s.host IS NULL THEN 'infinity'
                ELSE (SELECT CASE WHEN count(*) = count(i.whole_at) THEN min(i.whole_at) END
                      FROM inbox_of_answers(of_workspace, of_campaign, of_sender) i) END
    FROM campaigns c
    JOIN senders s ON s.workspace_id = c.workspace_id AND s.id = of_sender
    WHERE c.workspace_id = of_workspace AND c.id = of_campaign
$$;
COMMENT ON FUNCTION inbox_read_at IS
    'Up to when all of these were read, whole; NULL: never. Where the campaign says that they need not be, and of what goes to'
    ' the sandbox, they count as read';
GRANT EXECUTE ON FUNCTION mailbox_of_answers TO reachinbox_tenant;

-- Before the change, so that what stands still tells which mailbox it was. Of what is being sent nobody knows by which it goes.
CREATE OR REPLACE FUNCTION keep_earlier_mailbox() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO earlier_mailboxes AS m (workspace_id, stream_id, sender_id)
    SELECT t.workspace_id, t.id, b.sender_id
    FROM streams t
    JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
    JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
    CROSS JOIN LATERAL mailbox_of_answers(t.workspace_id, t.sender_id, coalesce(c.reply_to, s.reply_to)) b
    WHERE t.workspace_id = NEW.workspace_id AND t.stepped AND c.status <> 'CANCELLED' AND c.deleted_at IS NULL
      AND CASE TG_TABLE_NAME WHEN 'senders' THEN t.sender_id = NEW.id AND c.reply_to IS NULL ELSE t.campaign_id = NEW.id END
      -- One that nothing was sent by, since it was named, has no answers.
      AND (t.sending + t.unknown > 0
           OR t.sent > 0 AND coalesce(t.accepted_at > (SELECT max(o.replaced_at) FROM earlier_mailboxes o
                                                       WHERE o.workspace_id = t.workspace_id AND o.stream_id = t.id), true))
    ORDER BY t.id
    ON CONFLICT (workspace_id, stream_id, sender_id) DO UPDATE SET replaced_at = now();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION keep_earlier_mailbox IS
    'For the triggers campaigns_answered_elsewhere and senders_answered_elsewhere: where answers to what was sent lie, once'
    ' those to what is sent go elsewhere';
CREATE OR REPLACE TRIGGER campaigns_answered_elsewhere BEFORE UPDATE OF reply_to ON campaigns FOR EACH ROW
    WHEN (OLD.reply_to IS DISTINCT FROM NEW.reply_to AND NEW.deleted_at IS NULL)
    EXECUTE FUNCTION keep_earlier_mailbox();
CREATE OR REPLACE TRIGGER senders_answered_elsewhere BEFORE UPDATE OF reply_to ON senders FOR EACH ROW
    WHEN (OLD.reply_to IS DISTINCT FROM NEW.reply_to)
    EXECUTE FUNCTION keep_earlier_mailbox();

-- Of campaigns under way, the mailboxes that their texts of before named.
INSERT INTO earlier_mailboxes (workspace_id, stream_id, sender_id, replaced_at)
SELECT t.workspace_id, t.id, b.sender_id, max(k.replaced_at)
FROM streams t
JOIN campaigns c ON c.workspace_id = t.workspace_id AND c.id = t.campaign_id
JOIN senders s ON s.workspace_id = t.workspace_id AND s.id = t.sender_id
JOIN campaign_contents k ON k.workspace_id = c.workspace_id AND k.campaign_id = c.id AND k.reply_to IS DISTINCT FROM c.reply_to
CROSS JOIN LATERAL mailbox_of_answers(t.workspace_id, t.sender_id, coalesce(k.reply_to, s.reply_to)) b
WHERE t.stepped AND t.sent + t.sending + t.unknown > 0 AND t.scheduled + t.sending + t.following > 0 AND c.deleted_at IS NULL
GROUP BY t.workspace_id, t.id, b.sender_id
ON CONFLICT DO NOTHING;

-- `after_at` may be the day on which a person said that it was sent.
CREATE OR REPLACE FUNCTION followed_on(e emails, calendar jsonb) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT sent_on(coalesce((SELECT o.claimed_at FROM emails o WHERE o.workspace_id = e.workspace_id AND o.id = e.follows_id),
                            e.after_at), calendar)
$$;
COMMENT ON FUNCTION followed_on IS
    'The merge field sent_at of a later step: the day in the campaign''s zone on which the email before it was handed over';
COMMENT ON FUNCTION sent_on IS 'The day of an instant in a campaign''s zone, as a later step names it';
GRANT EXECUTE ON FUNCTION followed_on TO reachinbox_tenant;
