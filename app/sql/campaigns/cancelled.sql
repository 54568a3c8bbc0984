-- name: count_cancelled
-- A campaign's cancelled emails by why; one row without a reason where there are none. No others are looked at, by the
-- index of these within the campaign's ids. Those from before reasons were written down went with their campaign.
SELECT cancelled.reason, cancelled.count
FROM campaigns c
LEFT JOIN LATERAL (
    SELECT coalesce(e.cancel_reason, 'CAMPAIGN') AS reason, count(*) AS count
    FROM emails e
    WHERE e.workspace_id = c.workspace_id AND e.id BETWEEN c.first_email_id AND c.last_email_id
      AND e.campaign_id = c.id AND e.status = 'CANCELLED'
    GROUP BY 1
) cancelled ON true
WHERE c.workspace_id = %(workspace_id)s AND c.id = %(campaign_id)s
ORDER BY cancelled.count DESC, cancelled.reason;
