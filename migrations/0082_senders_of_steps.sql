-- A sender that was added to a campaign with steps did not know of them, so the ledger refused to record what it had sent.
UPDATE streams s SET stepped = true
FROM (
    SELECT t.workspace_id, t.id FROM streams t
    WHERE NOT t.stepped
      AND (t.workspace_id, t.campaign_id) IN (SELECT p.workspace_id, p.campaign_id FROM campaign_steps p)
    ORDER BY t.id
    FOR NO KEY UPDATE
) added
WHERE s.workspace_id = added.workspace_id AND s.id = added.id;

CREATE OR REPLACE FUNCTION has_not_begun(s streams) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM emails e
                   WHERE e.workspace_id = s.workspace_id AND e.stream_id = s.id AND e.status = 'SCHEDULED'
                     AND e.attempts = 0 AND e.follows_id IS NULL)
$$;
COMMENT ON FUNCTION has_not_begun IS
    'Whether a stream has something that no server has heard of, which another sender may send: a follow-up is none, since it'
    ' stays with the sender of the email before it';
GRANT EXECUTE ON FUNCTION has_not_begun TO reachinbox_tenant;

-- What failed of a removed step is not sent again, so it keeps no later step from following, unless it went to a corrected address.
CREATE OR REPLACE FUNCTION next_step(of_workspace bigint, of_email bigint) RETURNS SETOF campaign_steps
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT n.*
    FROM emails e
    JOIN campaign_steps s ON s.workspace_id = e.workspace_id AND s.id = e.step_id
    JOIN campaign_steps n ON n.workspace_id = s.workspace_id AND n.campaign_id = s.campaign_id AND n.position > s.position
        AND n.removed_at IS NULL
    WHERE e.workspace_id = of_workspace AND e.id = of_email
      AND NOT EXISTS (SELECT FROM emails_beside(e.workspace_id, e.id) o
                      WHERE o.step_id = n.id
                         OR o.follows_id = e.id
                            AND NOT (o.status IN ('SCHEDULED', 'CANCELLED', 'FAILED')
                                     AND o.settled IS DISTINCT FROM 'MENDED' AND is_of_removed_step(o)))
    ORDER BY n.position
    LIMIT 1
$$;
