-- transactional: false
-- What is being sent, by user: a list of it, what one worker holds for a sender, and what dead workers held. It takes the
-- place of an index by worker, which made the list walk all of a campaign. The version before asks for nothing that this
-- one does not find.

CREATE INDEX IF NOT EXISTS emails_sending ON emails (user_id, id) WHERE status = 'SENDING';
DROP INDEX IF EXISTS emails_claimed;
