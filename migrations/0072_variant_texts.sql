-- Variants are changed while their campaign runs: what was sent keeps its text, and figures are of the present one.

-- What a variant said before: up to which version of its campaign's content.
CREATE TABLE IF NOT EXISTS variant_contents (
    workspace_id  bigint NOT NULL,
    variant_id    bigint NOT NULL,
    version       integer NOT NULL,
    subject       text,
    body          text NOT NULL,
    body_html     text,
    body_made     text,
    html_made     text,
    replaced_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, variant_id, version),
    FOREIGN KEY (workspace_id, variant_id) REFERENCES step_variants (workspace_id, id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON variant_contents TO reachinbox_tenant;
DO $$ BEGIN PERFORM keep_tenants_apart('variant_contents'); END $$;

-- Since when it has its text, of the first the step's own; NULL: it never had another. What was claimed before counts apart.
ALTER TABLE step_variants ADD COLUMN IF NOT EXISTS text_since timestamptz;

CREATE OR REPLACE FUNCTION step_or_first(of_workspace bigint, of_campaign bigint, step_id bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(step_id, (SELECT s.id FROM campaign_steps s
                              WHERE s.workspace_id = of_workspace AND s.campaign_id = of_campaign AND s.position = 1
                                AND s.removed_at IS NULL))
$$;
COMMENT ON FUNCTION step_or_first IS
    'A step of a campaign, the first where none is named; NULL: the campaign has one step, which has no row';
GRANT EXECUTE ON FUNCTION step_or_first TO reachinbox_tenant;
