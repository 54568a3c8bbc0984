-- What a sender's server does to Message-IDs, as its checks on the wire told: follow-ups and answers name the email before
-- them by the one that its reader has. It outlasts a check that told nothing, and goes with the mailbox, as checks do.

ALTER TABLE wire_checks
    ADD COLUMN IF NOT EXISTS habit_kept boolean,     -- NULL: not told yet
    ADD COLUMN IF NOT EXISTS habit_word smallint,    -- which word of its 250, from 0, has the id that it gives instead
    ADD COLUMN IF NOT EXISTS habit_domain text;      -- what that id ends with
ALTER TABLE wire_checks DROP CONSTRAINT IF EXISTS wire_checks_habit;
ALTER TABLE wire_checks ADD CONSTRAINT wire_checks_habit CHECK (
    num_nulls(habit_word, habit_domain) IN (0, 2) AND (habit_word IS NULL OR habit_kept IS FALSE));

UPDATE wire_checks SET habit_kept = message_id_kept WHERE habit_kept IS NULL AND message_id_kept IS NOT NULL;
