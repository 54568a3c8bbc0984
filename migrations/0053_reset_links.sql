-- A link to a new password may be made by an administrator, who hands it over: that proves nothing of the address.
ALTER TABLE password_resets ADD COLUMN IF NOT EXISTS handed_over boolean NOT NULL DEFAULT false;
