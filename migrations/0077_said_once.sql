-- Rules that stood in several queries: who logs in alike, and which emails of a campaign a batch takes.

CREATE OR REPLACE FUNCTION logs_in_as(s senders, of_host text, of_username text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT lower(s.host COLLATE "C") = lower(of_host COLLATE "C")
       AND lower(s.username COLLATE "C") = lower(of_username COLLATE "C")
$$;
COMMENT ON FUNCTION logs_in_as IS 'Whether a sender logs in to this server as this user, in whatever ASCII case';

CREATE OR REPLACE FUNCTION shared_login(of_workspace bigint, of_host text, of_username text, besides bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT s.login_id FROM senders s
    WHERE s.workspace_id = of_workspace AND s.id IS DISTINCT FROM besides AND logs_in_as(s, of_host, of_username)
    ORDER BY s.id
    LIMIT 1
$$;

CREATE OR REPLACE FUNCTION grant_follows_sender() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE logins
    SET credential = 'PASSWORD', provider = NULL, refresh_token_encrypted = NULL, access_token_encrypted = NULL,
        access_expires_at = NULL, grant_version = grant_version + 1, refresh_lease = NULL, refresh_lease_until = NULL,
        refresh_at = NULL, refresh_after = NULL, refresh_failures = 0, grant_error = NULL, grant_ended_at = NULL
    WHERE workspace_id = OLD.workspace_id AND id = OLD.login_id AND credential = 'OAUTH'
      AND NOT EXISTS (SELECT FROM senders s
                      WHERE s.workspace_id = OLD.workspace_id AND s.login_id = OLD.login_id AND s.id <> OLD.id
                        AND logs_in_as(s, OLD.host, OLD.username));
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION emails_within(of_workspace bigint, of_campaign bigint, first_id bigint, last_id bigint, most integer)
RETURNS TABLE (workspace_id bigint, id bigint) LANGUAGE sql STABLE AS $$
    SELECT e.workspace_id, e.id FROM emails e
    WHERE e.workspace_id = of_workspace AND e.id BETWEEN first_id AND last_id AND e.campaign_id = of_campaign
    ORDER BY e.id
    LIMIT most
$$;
COMMENT ON FUNCTION emails_within IS 'The first emails of a campaign within a span of ids, as a batch takes them';
GRANT EXECUTE ON FUNCTION logs_in_as TO reachinbox_tenant;
