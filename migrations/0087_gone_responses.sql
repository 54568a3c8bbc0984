-- What a response led to stands once the response is gone, for its age or since its writer was erased: a correction of another lets
-- nobody go on who did answer.

CREATE OR REPLACE FUNCTION counts_as(r responses) RETURNS response_kind LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN effective_kind(r) = 'FOUND_IN_SENT' THEN NULL
                WHEN effective_kind(r) = 'BOUNCE' AND NOT is_hard(r) THEN NULL
                WHEN effective_kind(r) = 'COMPLAINT' AND r.weak THEN NULL
                ELSE effective_kind(r) END;
COMMENT ON FUNCTION counts_as IS 'For what a response counts and what follows from it; NULL: nothing does';

CREATE OR REPLACE FUNCTION said_by(kind response_kind) RETURNS suppression_reason LANGUAGE sql IMMUTABLE
    RETURN CASE kind WHEN 'UNSUBSCRIBE' THEN 'REPLIED_STOP' WHEN 'COMPLAINT' THEN 'COMPLAINED' WHEN 'BOUNCE' THEN 'BOUNCED'
           END::suppression_reason;
COMMENT ON FUNCTION said_by IS 'Why an address is suppressed for what a response counts as; NULL: it is not';

-- Of an email, what those of its responses were that are gone: nobody's words, and no more than the counts say.
CREATE TABLE IF NOT EXISTS gone_responses (
    workspace_id  bigint NOT NULL,
    email_id      bigint NOT NULL,
    kind          response_kind NOT NULL,
    PRIMARY KEY (workspace_id, email_id, kind),
    FOREIGN KEY (workspace_id, email_id) REFERENCES emails (workspace_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE gone_responses IS 'For what responses counted that were removed or erased: see counts_as';
GRANT SELECT, INSERT, UPDATE, DELETE ON gone_responses TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('gone_responses'); END $$;

CREATE OR REPLACE FUNCTION came_for(of_workspace bigint, emails bigint[]) RETURNS TABLE (email_id bigint, kind response_kind)
LANGUAGE sql STABLE ROWS 2 AS $$
    SELECT r.email_id, counts_as(r) FROM responses r
    WHERE r.workspace_id = of_workspace AND r.email_id = ANY (emails) AND r.forgotten_at IS NULL AND counts_as(r) IS NOT NULL
    UNION ALL
    SELECT g.email_id, g.kind FROM gone_responses g WHERE g.workspace_id = of_workspace AND g.email_id = ANY (emails)
$$;
COMMENT ON FUNCTION came_for IS 'For what the responses to emails count, those that are gone among them';
GRANT EXECUTE ON FUNCTION counts_as, said_by, came_for TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION response_kinds(of_workspace bigint, of_email bigint) RETURNS TABLE (
    replied boolean, auto_replied boolean, bounced boolean, complained boolean, unsubscribed boolean
) LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT coalesce(bool_or(k.kind = 'REPLY'), false),
           coalesce(bool_or(k.kind = 'AUTO_REPLY'), false),
           coalesce(bool_or(k.kind = 'BOUNCE'), false),
           coalesce(bool_or(k.kind = 'COMPLAINT'), false),
           coalesce(bool_or(k.kind = 'UNSUBSCRIBE'), false)
    FROM came_for(of_workspace, ARRAY[of_email]) k
$$;

CREATE OR REPLACE FUNCTION has_stopped(of_workspace bigint, of_email bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH beside AS MATERIALIZED (SELECT o.id, o.campaign_id, o.recipient FROM emails_beside(of_workspace, of_email) o)
    SELECT EXISTS (
        SELECT FROM came_for(of_workspace, ARRAY(SELECT its.id FROM with_threads(of_workspace, ARRAY(SELECT b.id FROM beside b)) its)) k
        WHERE k.kind IN ('REPLY', 'BOUNCE')
           OR k.kind = 'AUTO_REPLY'
              AND (SELECT c.stop_on_auto_reply FROM campaigns c
                   WHERE c.workspace_id = of_workspace AND c.id = (SELECT min(b.campaign_id) FROM beside b)))
        OR EXISTS (
            SELECT FROM beside b
            JOIN domain_stops d ON d.workspace_id = of_workspace AND d.campaign_id = b.campaign_id
                AND d.domain = domain_of(b.recipient)
            WHERE NOT d.lifted)
$$;

CREATE OR REPLACE FUNCTION stands_besides(s suppressions, by_link boolean) RETURNS TABLE (
    reason suppression_reason, reason_before suppression_reason, email_id bigint, campaign_id bigint
) LANGUAGE sql STABLE ROWS 1 AS $$
    WITH said (reason, reason_before, email_id, campaign_id) AS (
        SELECT s.reason_before, NULL::suppression_reason, NULL::bigint, NULL::bigint WHERE s.reason_before IS NOT NULL
        UNION ALL
        SELECT CASE WHEN by_link AND s.reason = 'UNSUBSCRIBED' AND r.email_id = s.email_id AND r.recorded_at = s.created_at
                         AND effective_kind(r) = 'UNSUBSCRIBE' THEN 'UNSUBSCRIBED'
                    ELSE said_by(counts_as(r)) END::suppression_reason, s.reason_before, e.id, e.campaign_id
        FROM emails_to(s.workspace_id, ARRAY[s.key], ARRAY[lower(s.name COLLATE "C")]) e
        JOIN responses r ON r.workspace_id = e.workspace_id AND r.email_id = e.id
        WHERE r.forgotten_at IS NULL AND said_by(counts_as(r)) IS NOT NULL
          AND (by_link OR s.reason <> 'UNSUBSCRIBED' OR r.email_id <> s.email_id OR r.recorded_at <> s.created_at)
        UNION ALL
        SELECT said_by(g.kind), s.reason_before, e.id, e.campaign_id
        FROM emails_to(s.workspace_id, ARRAY[s.key], ARRAY[lower(s.name COLLATE "C")]) e
        JOIN gone_responses g ON g.workspace_id = e.workspace_id AND g.email_id = e.id
        WHERE said_by(g.kind) IS NOT NULL
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

-- Of whom an answer is gone there is none to be corrected, so the stop of their domain is never taken back.
ALTER TABLE domain_stops ADD COLUMN IF NOT EXISTS for_good boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN domain_stops.for_good IS
    'An answer that led to it was removed for its age, or erased: no correction of another takes it back';

CREATE OR REPLACE FUNCTION domain_stopped_by(r responses) RETURNS TABLE (campaign_id bigint, domain text)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT coalesce(t.campaign_id, c.id), domain_of(r.recipient)
    FROM campaigns c
    LEFT JOIN emails t ON t.workspace_id = c.workspace_id AND t.id = c.thread_email_id
    WHERE c.workspace_id = r.workspace_id AND c.id = r.campaign_id AND r.forgotten_at IS NULL AND effective_kind(r) = 'REPLY'
$$;
COMMENT ON FUNCTION domain_stopped_by IS
    'Which campaign a response stops for which domain, if it is one that does so; no row: it is no answer';
GRANT EXECUTE ON FUNCTION domain_stopped_by TO reachinbox_tenant;

UPDATE domain_stops d SET for_good = true
WHERE NOT d.lifted AND NOT d.for_good
  AND NOT EXISTS (SELECT FROM responses r CROSS JOIN LATERAL domain_stopped_by(r) o
                  WHERE r.workspace_id = d.workspace_id AND o.campaign_id = d.campaign_id AND o.domain = d.domain);
