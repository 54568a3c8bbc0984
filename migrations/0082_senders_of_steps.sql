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
