-- An email that turns out to be sent after its campaign was deleted, or while retention removes it, has nothing that follows:
-- the campaign would be ACTIVE again, which a constraint forbids, and what the email had been answered with was lost.
CREATE OR REPLACE FUNCTION follows_at(of_workspace bigint, of_email bigint, sent timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT sent + n.wait
    FROM emails e
    CROSS JOIN LATERAL next_step(e.workspace_id, e.id) n
    JOIN campaigns c ON c.workspace_id = n.workspace_id AND c.id = n.campaign_id
    WHERE e.workspace_id = of_workspace AND e.id = of_email AND c.status <> 'CANCELLED' AND c.emails_removed_at IS NULL
      AND e.erased_at IS NULL
      AND NOT EXISTS (SELECT FROM emails_beside(e.workspace_id, e.id) o WHERE o.stopped IS NOT NULL)
      AND NOT EXISTS (SELECT FROM suppression_of(e.workspace_id, e.recipient))
$$;
