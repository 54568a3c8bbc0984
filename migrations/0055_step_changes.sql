-- Steps are changed while their campaign runs: what was sent keeps its text, what is owed follows the new ones.

-- One that is removed stays for the emails that it had, at the place of the one before it.
ALTER TABLE campaign_steps ADD COLUMN IF NOT EXISTS removed_at timestamptz;
ALTER TABLE campaign_steps DROP CONSTRAINT IF EXISTS campaign_steps_text;
ALTER TABLE campaign_steps ADD CONSTRAINT campaign_steps_text
    CHECK ((position = 1 AND removed_at IS NULL) = (body IS NULL));
ALTER TABLE campaign_steps DROP CONSTRAINT IF EXISTS campaign_steps_order;
ALTER TABLE campaign_steps ADD CONSTRAINT campaign_steps_order
    EXCLUDE USING btree (workspace_id WITH =, campaign_id WITH =, position WITH =) WHERE (removed_at IS NULL)
    DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX IF NOT EXISTS campaign_steps_of_campaign ON campaign_steps (workspace_id, campaign_id, position);

-- What a step said before: up to which version of its campaign's content.
CREATE TABLE IF NOT EXISTS step_contents (
    workspace_id  bigint NOT NULL,
    step_id       bigint NOT NULL,
    version       integer NOT NULL,
    subject       text,
    body          text NOT NULL,
    body_html     text,
    body_made     text,
    html_made     text,
    replaced_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, step_id, version),
    FOREIGN KEY (workspace_id, step_id) REFERENCES campaign_steps (workspace_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON step_contents TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('step_contents'); END $$;

-- From which email on what they owe is still to follow its changed steps; NULL: all do.
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS owes_anew_from bigint;
CREATE INDEX IF NOT EXISTS campaigns_owing_anew ON campaigns (workspace_id, id) WHERE owes_anew_from IS NOT NULL;

CREATE OR REPLACE FUNCTION is_of_removed_step(e emails) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM campaign_steps s
                   WHERE s.workspace_id = e.workspace_id AND s.id = e.step_id AND s.removed_at IS NOT NULL)
$$;
COMMENT ON FUNCTION is_of_removed_step IS 'Whether the step that an email is of was removed';

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
                         OR o.follows_id = e.id AND NOT (o.status IN ('SCHEDULED', 'CANCELLED') AND is_of_removed_step(o)))
    ORDER BY n.position
    LIMIT 1
$$;

CREATE OR REPLACE FUNCTION owes_at(e emails) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT greatest(f.at, (SELECT max((r.back_on + 2)::timestamp AT TIME ZONE 'UTC')
                           FROM emails_beside(e.workspace_id, e.id) o
                           JOIN responses r ON r.workspace_id = o.workspace_id AND r.email_id = o.id
                           WHERE effective_kind(r) = 'AUTO_REPLY' AND r.forgotten_at IS NULL))
    FROM (SELECT follows_at(e.workspace_id, e.id, e.sent_at) AS at) f
    WHERE e.status = 'SENT' AND f.at IS NOT NULL
$$;
COMMENT ON FUNCTION owes_at IS
    'From when an email owes the next step, by what stands now: its campaign''s steps, and absence notes that came; NULL:'
    ' it owes none';
GRANT EXECUTE ON FUNCTION is_of_removed_step, owes_at TO reachinbox_tenant;
