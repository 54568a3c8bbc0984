-- The reading side of a sender: where its mailbox is read, and how it is logged in to there.
--
-- Without a username of its own it is read by the sender's own credential: the same password, or the grant's tokens.

ALTER TABLE senders
    ADD COLUMN IF NOT EXISTS imap_host text,
    ADD COLUMN IF NOT EXISTS imap_port integer,
    ADD COLUMN IF NOT EXISTS imap_security smtp_security,
    ADD COLUMN IF NOT EXISTS imap_username text,
    ADD COLUMN IF NOT EXISTS imap_password_encrypted bytea,
    ADD COLUMN IF NOT EXISTS verify_imap_error text;  -- as verify_error, of reading
ALTER TABLE senders DROP CONSTRAINT IF EXISTS senders_imap;
ALTER TABLE senders ADD CONSTRAINT senders_imap CHECK (
    num_nulls(imap_host, imap_port, imap_security) IN (0, 3)
    AND imap_port BETWEEN 1 AND 65535
    AND imap_security <> 'none'  -- a login goes over it
    AND (imap_username IS NULL) = (imap_password_encrypted IS NULL)
    AND (imap_username IS NULL OR imap_host IS NOT NULL));
