-- emails_failed and emails_unknown took its place in the version before.
DROP INDEX IF EXISTS emails_trouble;
