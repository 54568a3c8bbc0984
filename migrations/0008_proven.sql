-- Whose an address is, and who only says so.
--
-- Anybody may register with any address. Until somebody has shown that mail to it reaches them, a first login through
-- a provider that vouches for the address ends what came before it: password, sessions and keys may be another's.

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS email_proven_at timestamptz;

-- The administrator let in everybody else, and whoever has logged in through a provider is known by it.
UPDATE users SET email_proven_at = created_at
WHERE email_proven_at IS NULL AND (is_admin OR id IN (SELECT user_id FROM identities));
