-- Addresses of accounts are compared in one way, accounts can be disabled, and their log has what nobody logged in did.

CREATE OR REPLACE FUNCTION address_key(address text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(address COLLATE "C");
COMMENT ON FUNCTION address_key IS
    'What two spellings of one mailbox have in common: ASCII case is no difference. As `key` in app/mail/addresses.py;'
    ' lower() alone follows the database''s locale, in some of which U+0130 becomes i, and I does not';

-- In a locale such as Turkish, where I@ and i@ were two, there may be accounts that are one from now on.
DO $$
DECLARE
    twins text;
BEGIN
    SELECT string_agg(addresses, '; ') INTO twins
    FROM (
        SELECT string_agg(format('%s (account %s)', email, id), ' and ' ORDER BY id) AS addresses
        FROM users GROUP BY address_key(email) HAVING count(*) > 1
        ORDER BY min(id) LIMIT 20
    ) t;
    IF twins IS NOT NULL THEN
        RAISE EXCEPTION 'from this version on these accounts have the same address: %. Give all but one of each another'
            ' address (UPDATE users SET email = … WHERE id = …), or delete them, and migrate again', twins;
    END IF;
END $$;
CREATE UNIQUE INDEX IF NOT EXISTS users_address ON users (address_key(email));
DROP INDEX IF EXISTS users_email;

-- Nobody gets in by a disabled account, nor by its sessions and keys; what it set up goes on.
ALTER TABLE users ADD COLUMN IF NOT EXISTS disabled_at timestamptz;

CREATE INDEX IF NOT EXISTS api_keys_of_maker ON api_keys (made_by) WHERE revoked_at IS NULL;
CREATE INDEX IF NOT EXISTS login_attempts_age ON login_attempts (window_start);
CREATE INDEX IF NOT EXISTS audit_log_of_accounts ON audit_log (id) WHERE workspace_id IS NULL;
CREATE INDEX IF NOT EXISTS audit_log_of_visitors ON audit_log (at)
    WHERE user_id IS NULL AND action IN ('account.unknown', 'attempts.refused');

-- Resets and checks of senders have queues of their own; what waits goes along.
UPDATE procrastinate_jobs
SET queue_name = CASE task_name WHEN 'send_password_reset' THEN 'resets' ELSE 'checks' END
WHERE queue_name = 'slow' AND task_name IN ('send_password_reset', 'verify_sender');
