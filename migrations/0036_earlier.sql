-- Recipients who were written to before, for campaigns that leave them out.

CREATE OR REPLACE FUNCTION handed_over_at(e emails) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN e.status IN ('SENT', 'SENDING', 'UNKNOWN') THEN coalesce(e.sent_at, e.claimed_at) END;
COMMENT ON FUNCTION handed_over_at IS 'When an email went out, or perhaps did; NULL: it did not';
GRANT EXECUTE ON FUNCTION handed_over_at TO reachinbox_tenant;

CREATE OR REPLACE FUNCTION written_to_before(addresses text[], keys bytea[], since timestamptz, campaign_ids bigint[])
RETURNS TABLE (place bigint, campaign_id bigint, at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT a.place, e.campaign_id, e.at
    FROM unnest(addresses, keys) WITH ORDINALITY AS a (address, key, place)
    CROSS JOIN LATERAL (
        SELECT t.campaign_id, t.at
        FROM (
            (SELECT campaign_id, handed_over_at(emails) AS at FROM emails
             WHERE workspace_id = nullif(current_setting('reachinbox.workspace_id', true), '')::bigint
               AND recipient_key = a.key
             ORDER BY campaign_id DESC)
            UNION ALL
            (SELECT campaign_id, handed_over_at(emails) FROM emails
             WHERE workspace_id = nullif(current_setting('reachinbox.workspace_id', true), '')::bigint
               AND recipient_key IS NULL AND lower(recipient COLLATE "C") = lower(a.address COLLATE "C")
             ORDER BY campaign_id DESC)
        ) t
        WHERE t.campaign_id = ANY (campaign_ids) OR t.at >= since
        LIMIT 1
    ) e
$$;
COMMENT ON FUNCTION written_to_before IS
    'Those of the addresses, given with their digests, that one of the campaigns has an email to, or that something was sent'
    ' to, or perhaps, since a time: the place of each and one such email. Of the tenant whose transaction it is: the service'
    ' looks, since row-level security would keep emails without a digest from their index';
REVOKE EXECUTE ON FUNCTION written_to_before FROM PUBLIC;
GRANT EXECUTE ON FUNCTION written_to_before TO reachinbox_tenant;
