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
