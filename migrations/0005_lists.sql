-- transactional: false
-- Lists that stay fast over millions of emails.
--
-- A campaign's emails are made together, so their ids lie in one range: within it, an index by id alone finds them,
-- and no index by campaign has to be kept up while sending. NULL (campaigns of a version before this one, while both
-- run): anywhere.

ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS first_email_id bigint,
    ADD COLUMN IF NOT EXISTS last_email_id bigint;

-- One row's lock at a time, since workers that run meanwhile lock several campaigns in order. This file is no single
-- transaction for the same reason: a lock on campaigns kept while one on emails is waited for is a deadlock.
DO $$
DECLARE
    span record;
BEGIN
    FOR span IN SELECT user_id, campaign_id, min(id) AS first_id, max(id) AS last_id FROM emails GROUP BY 1, 2 LOOP
        UPDATE campaigns SET first_email_id = span.first_id, last_email_id = span.last_id
        WHERE user_id = span.user_id AND id = span.campaign_id AND first_email_id IS NULL;
        COMMIT;
    END LOOP;
END $$;

-- What is over, by status, newest first: one entry an email, made when it ends. One index a status rather than one
-- with the status in it: under row-level security, comparing an enum is nothing that an index may be searched by
-- (the operator is not leakproof), while the condition of a partial index needs no comparing.
CREATE INDEX IF NOT EXISTS emails_sent ON emails (user_id, id) WHERE status = 'SENT';
CREATE INDEX IF NOT EXISTS emails_failed ON emails (user_id, id) WHERE status = 'FAILED';
CREATE INDEX IF NOT EXISTS emails_unknown ON emails (user_id, id) WHERE status = 'UNKNOWN';
CREATE INDEX IF NOT EXISTS emails_cancelled ON emails (user_id, id) WHERE status = 'CANCELLED';
-- emails_trouble, which the version before reads, goes with the next release.
