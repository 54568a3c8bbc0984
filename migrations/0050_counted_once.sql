-- A recipient who is said not to exist counts once for the brake, however often they are tried: what is tried again counts
-- no more, and counts anew by what becomes of it.
ALTER TABLE attempts ADD COLUMN IF NOT EXISTS dead boolean;  -- counted in `streams.bounced`; NULL: it is not
ALTER TABLE campaigns ADD COLUMN IF NOT EXISTS braked_at timestamptz;  -- until when `braked_*` counts
