-- transactional: false
-- What is being sent, by user: a list of it, what one worker holds for a sender, and what dead workers held. It takes the
-- place of an index by worker, which made the list walk all of a campaign. The version before asks for nothing that this
-- one does not find.

-- Sending goes on meanwhile. What a run that was broken off left behind is no index and is in the way of one.
DROP INDEX CONCURRENTLY IF EXISTS emails_sending;
CREATE INDEX CONCURRENTLY emails_sending ON emails (user_id, id) WHERE status = 'SENDING';
DROP INDEX CONCURRENTLY IF EXISTS emails_claimed;
