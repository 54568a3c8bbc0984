-- name: take_out_earlier
-- Take out of the stage whom one of the campaigns has an email to, and who got something in the last days: looked up address
-- by address, however many emails there are. Their numbers, and the first as they are shown.
WITH found AS MATERIALIZED (
    SELECT batch.numbers[f.place] AS number, f.campaign_id, f.at
    FROM (
        SELECT array_agg(number ORDER BY number) AS numbers, array_agg(recipient ORDER BY number) AS addresses,
               array_agg(key ORDER BY number) AS keys
        FROM staged
        GROUP BY number / %(batch)s
    ) batch
    CROSS JOIN LATERAL written_to_before(
        batch.addresses, batch.keys, now() - make_interval(days => %(days)s::integer), %(campaign_ids)s::bigint[]) AS f
),
gone AS (
    DELETE FROM staged s USING found f WHERE s.number = f.number
    RETURNING s.number, s.row, s.recipient, f.campaign_id, f.at
)
SELECT ARRAY(SELECT number FROM gone ORDER BY number) AS numbers,
       (SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.number), '[]')
        FROM (SELECT g.number, g.row, g.recipient AS email, g.at, c.name
              FROM gone g JOIN campaigns c ON c.workspace_id = %(workspace_id)s AND c.id = g.campaign_id
              ORDER BY g.number LIMIT %(shown)s) g) AS shown;

-- name: campaigns_there
-- Those of the campaigns that there are, and whether retention has begun to remove the emails of each.
SELECT id, emails_removed_at IS NOT NULL AS removed FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = ANY (%(ids)s::bigint[]) AND deleted_at IS NULL;
