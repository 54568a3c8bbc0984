-- transactional: false
-- Who answered, where a retry of many goes on, and what nobody is asked about: each is said once.

-- What people answered in the threads of an email is looked for by one function, for who stops and for who answered.
CREATE OR REPLACE FUNCTION with_threads(of_workspace bigint, emails bigint[]) RETURNS TABLE (id bigint)
LANGUAGE sql STABLE ROWS 2 AS $$
    SELECT unnest(emails)
    UNION ALL
    SELECT a.first_email_id FROM campaigns a WHERE a.workspace_id = of_workspace AND a.thread_email_id = ANY (emails)
$$;
COMMENT ON FUNCTION with_threads IS 'Emails, and those by which people answered in their threads: who answers one answered';

CREATE OR REPLACE FUNCTION has_stopped(of_workspace bigint, of_email bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH beside AS MATERIALIZED (SELECT o.id, o.campaign_id, o.recipient FROM emails_beside(of_workspace, of_email) o)
    SELECT EXISTS (
        SELECT FROM with_threads(of_workspace, ARRAY(SELECT b.id FROM beside b)) its
        JOIN responses r ON r.workspace_id = of_workspace AND r.email_id = its.id
        WHERE r.forgotten_at IS NULL
          AND (effective_kind(r) = 'REPLY' OR is_hard(r)
               OR effective_kind(r) = 'AUTO_REPLY'
                  AND (SELECT c.stop_on_auto_reply FROM campaigns c
                       WHERE c.workspace_id = of_workspace AND c.id = (SELECT min(b.campaign_id) FROM beside b))))
        OR EXISTS (
            SELECT FROM beside b
            JOIN domain_stops d ON d.workspace_id = of_workspace AND d.campaign_id = b.campaign_id
                AND d.domain = domain_of(b.recipient)
            WHERE NOT d.lifted)
$$;
GRANT EXECUTE ON FUNCTION with_threads, has_stopped TO reachinbox_tenant;

-- How many emails of each stream, by its id, a retry has sent again so far: the next ones go after these.
ALTER TABLE failure_decisions ADD COLUMN IF NOT EXISTS ahead jsonb NOT NULL DEFAULT '{}';

-- Campaigns of which emails are being removed, which wait for nobody's word: few at a time.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('campaigns_losing_emails') AND NOT indisvalid) THEN
        DROP INDEX campaigns_losing_emails;
    END IF;
END $$;
CREATE INDEX CONCURRENTLY IF NOT EXISTS campaigns_losing_emails ON campaigns (workspace_id, id)
    WHERE emails_removed_at IS NOT NULL AND first_email_id <= last_email_id;
CREATE OR REPLACE FUNCTION losing_emails(of_workspace bigint) RETURNS TABLE (id bigint) LANGUAGE sql STABLE ROWS 5 AS $$
    SELECT c.id FROM campaigns c
    WHERE c.workspace_id = of_workspace AND c.emails_removed_at IS NOT NULL AND c.first_email_id <= c.last_email_id
$$;
COMMENT ON FUNCTION losing_emails IS
    'Campaigns whose emails a deletion or retention is removing: nobody is asked about what failed of these';
GRANT EXECUTE ON FUNCTION losing_emails TO reachinbox_tenant;
