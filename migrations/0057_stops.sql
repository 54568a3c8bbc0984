-- Who was stopped stays stopped, and whoever was taken for stopped goes on.

CREATE OR REPLACE FUNCTION stop_of(e emails) RETURNS cancel_reason LANGUAGE sql STABLE AS $$
    SELECT o.stopped FROM emails_beside(e.workspace_id, e.id) o
    WHERE e.step_id IS NOT NULL AND o.stopped IN ('REPLIED', 'STOPPED')
    LIMIT 1
$$;
COMMENT ON FUNCTION stop_of IS
    'Why the campaign of an email writes to its recipient no more, though the address is not suppressed; NULL: it does';

CREATE OR REPLACE FUNCTION away_until(of_workspace bigint, of_email bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (max(r.back_on) + 2)::timestamp AT TIME ZONE 'UTC'
    FROM responses r
    WHERE r.workspace_id = of_workspace AND r.forgotten_at IS NULL AND effective_kind(r) = 'AUTO_REPLY'
      AND r.email_id IN (SELECT o.id FROM emails_beside(of_workspace, of_email) o)
$$;
COMMENT ON FUNCTION away_until IS
    'Until when what follows an email waits for the return of its recipient: two days after the day that absence notes name';

CREATE OR REPLACE FUNCTION has_stopped(of_workspace bigint, of_email bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH beside AS MATERIALIZED (SELECT o.id, o.campaign_id FROM emails_beside(of_workspace, of_email) o)
    SELECT EXISTS (
        SELECT FROM (
            SELECT b.id FROM beside b
            UNION ALL
            SELECT a.first_email_id FROM campaigns a
            WHERE a.workspace_id = of_workspace AND a.thread_email_id IN (SELECT b.id FROM beside b)
        ) its
        JOIN responses r ON r.workspace_id = of_workspace AND r.email_id = its.id
        WHERE r.forgotten_at IS NULL
          AND (effective_kind(r) = 'REPLY' OR is_hard(r)
               OR effective_kind(r) = 'AUTO_REPLY'
                  AND (SELECT c.stop_on_auto_reply FROM campaigns c
                       WHERE c.workspace_id = of_workspace AND c.id = (SELECT min(b.campaign_id) FROM beside b))))
$$;
COMMENT ON FUNCTION has_stopped IS
    'Whether anything that came back from an email''s recipient stops its campaign: for an email of it, or for what people'
    ' answered in its threads';
GRANT EXECUTE ON FUNCTION stop_of, away_until, has_stopped TO reachinbox_tenant;
