-- What is said of one address, by whom: a correction takes back what a response said, and nothing that somebody else said.
-- From here on `reason_before` has only what no response says: a click, a member's word, a file's; what other responses say is
-- looked up as it is needed.

CREATE OR REPLACE FUNCTION strength(reason suppression_reason) RETURNS integer LANGUAGE sql IMMUTABLE
    RETURN CASE reason WHEN 'BOUNCED' THEN 0 WHEN 'MANUAL' THEN 1 WHEN 'UNSUBSCRIBED' THEN 3 ELSE 2 END;
COMMENT ON FUNCTION strength IS
    'Which of two reasons a suppression shows: somebody''s own wish, most of all by a link, before words about them';
GRANT EXECUTE ON FUNCTION strength TO reachinbox_tenant;

-- A mail by the link of a header unsubscribes as a click does, in one transaction with the response that it is.
CREATE OR REPLACE FUNCTION is_of_response(s suppressions) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT s.email_id IS NOT NULL
       AND (s.reason IN ('BOUNCED', 'COMPLAINED', 'REPLIED_STOP')
            OR s.reason = 'UNSUBSCRIBED'
               AND EXISTS (SELECT FROM responses r
                           WHERE r.workspace_id = s.workspace_id AND r.email_id = s.email_id AND r.kind = 'UNSUBSCRIBE'
                             AND r.recorded_at = s.created_at))
$$;
COMMENT ON FUNCTION is_of_response IS
    'Whether a response has led to a suppression, or a server''s refusal, and a correction may take it back';
GRANT EXECUTE ON FUNCTION is_of_response TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION stands_besides(s suppressions, by_link boolean) RETURNS TABLE (
    reason suppression_reason, reason_before suppression_reason, email_id bigint, campaign_id bigint
) LANGUAGE sql STABLE ROWS 1 AS $$
    WITH said (reason, reason_before, email_id, campaign_id) AS (
        SELECT s.reason_before, NULL::suppression_reason, NULL::bigint, NULL::bigint WHERE s.reason_before IS NOT NULL
        UNION ALL
        SELECT CASE WHEN by_link AND s.reason = 'UNSUBSCRIBED' AND r.email_id = s.email_id AND r.recorded_at = s.created_at
                         AND effective_kind(r) = 'UNSUBSCRIBE' THEN 'UNSUBSCRIBED'
                    WHEN effective_kind(r) = 'UNSUBSCRIBE' THEN 'REPLIED_STOP'
                    WHEN effective_kind(r) = 'COMPLAINT' THEN 'COMPLAINED'
                    ELSE 'BOUNCED' END::suppression_reason, s.reason_before, e.id, e.campaign_id
        FROM emails_to(s.workspace_id, ARRAY[s.key], ARRAY[lower(s.name COLLATE "C")]) e
        JOIN responses r ON r.workspace_id = e.workspace_id AND r.email_id = e.id
        WHERE r.forgotten_at IS NULL
          AND (effective_kind(r) = 'UNSUBSCRIBE' OR effective_kind(r) = 'COMPLAINT' AND NOT r.weak OR is_hard(r))
          AND (by_link OR s.reason <> 'UNSUBSCRIBED' OR r.email_id <> s.email_id OR r.recorded_at <> s.created_at)
        UNION ALL
        SELECT 'BOUNCED', s.reason_before, e.id, e.campaign_id
        FROM emails_to(s.workspace_id, ARRAY[s.key], ARRAY[lower(s.name COLLATE "C")]) e
        JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id AND a.number = e.attempts
        WHERE e.status = 'FAILED' AND a.dead
    )
    SELECT reason, reason_before, email_id, campaign_id FROM said
    ORDER BY strength(reason) DESC, reason = 'COMPLAINED', email_id NULLS FIRST
    LIMIT 1
$$;
COMMENT ON FUNCTION stands_besides IS
    'What an address is suppressed for once the reason shown is taken back: what stood before, or what came back for emails to'
    ' it, or what servers said as they were handed over; with by_link, what unsubscribed it by the link of a header counts, too';
GRANT EXECUTE ON FUNCTION stands_besides TO reachinbox_tenant;

CREATE OR REPLACE TRIGGER suppressions_told_again AFTER UPDATE OF reason ON suppressions FOR EACH ROW
    WHEN (strength(NEW.reason) > strength(OLD.reason))
    EXECUTE FUNCTION suppression_is_told();
