-- What came back counts by step and by variant as it does for the campaign: also once it was removed for its age, or erased.
CREATE OR REPLACE FUNCTION came_to(of_workspace bigint, of_campaign bigint) RETURNS TABLE (email_id bigint, kind response_kind)
LANGUAGE sql STABLE AS $$
    SELECT r.email_id, counts_as(r) FROM responses r
    WHERE r.workspace_id = of_workspace AND r.campaign_id = of_campaign AND r.forgotten_at IS NULL AND counts_as(r) IS NOT NULL
    UNION ALL
    SELECT g.email_id, g.kind FROM campaigns c
    JOIN gone_responses g ON g.workspace_id = c.workspace_id AND g.email_id BETWEEN c.first_email_id AND c.last_email_id
    JOIN emails e ON e.workspace_id = g.workspace_id AND e.id = g.email_id AND e.campaign_id = c.id
    WHERE c.workspace_id = of_workspace AND c.id = of_campaign
$$;
COMMENT ON FUNCTION came_to IS 'For what the responses to a campaign count, by email, those that are gone among them';
GRANT EXECUTE ON FUNCTION came_to TO reachinbox_tenant;
