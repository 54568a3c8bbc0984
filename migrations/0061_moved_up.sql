-- When the new recipients of a campaign with steps last moved up into room that answers freed, whether a person asked for it,
-- and when the last of them was planned for before.
ALTER TABLE campaigns
    ADD COLUMN IF NOT EXISTS moved_up_at timestamptz,
    ADD COLUMN IF NOT EXISTS moved_up_by_person boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS last_before timestamptz;
