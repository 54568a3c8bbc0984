-- What waits in a stream is looked at from both ends of the index, and never gone through: where Postgres had not counted the
-- emails yet, as right after a list was scheduled, it read all of them for the first and the last.
CREATE OR REPLACE FUNCTION waiting_in(of_workspace bigint, of_stream bigint) RETURNS TABLE (
    next_at timestamptz, last_at timestamptz
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT (SELECT due_at FROM first_due(of_workspace, of_stream)),
           (SELECT e.scheduled_at FROM emails e
            WHERE e.workspace_id = of_workspace AND e.stream_id = of_stream AND e.status = 'SCHEDULED'
            ORDER BY e.scheduled_at DESC, e.id DESC
            LIMIT 1)
$$;
COMMENT ON FUNCTION waiting_in IS 'When the first and the last email are due of those that wait in a stream';
GRANT EXECUTE ON FUNCTION waiting_in TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION waiting_of(of_workspace bigint, of_campaign bigint) RETURNS TABLE (
    next_at timestamptz, last_at timestamptz
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT min(w.next_at), max(w.last_at)
    FROM streams s
    CROSS JOIN LATERAL waiting_in(s.workspace_id, s.id) w
    WHERE s.workspace_id = of_workspace AND s.campaign_id = of_campaign
$$;
