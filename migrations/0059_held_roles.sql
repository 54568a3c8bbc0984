-- What somebody may do in a workspace, held until the commit, for what begins at a provider and ends here.
CREATE OR REPLACE FUNCTION hold_role(of_workspace bigint, of_user bigint) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT role::text FROM members
    WHERE workspace_id = of_workspace AND user_id = of_user
      AND of_workspace = nullif(current_setting('reachinbox.workspace_id', true), '')::bigint
    FOR SHARE
$$;
COMMENT ON FUNCTION hold_role IS 'What a member of the own workspace is, which nobody changes until the commit; NULL: no member';
REVOKE EXECUTE ON FUNCTION hold_role FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_role TO reachinbox_tenant;
