-- name: examine_database
-- Facts of the database that an operator may have to mend. NULL where the tenants' role is not there, which a migration makes.
SELECT current_setting('server_version_num')::integer AS version_num,
       current_setting('server_version') AS version,
       (SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = 'reachinbox_tenant')
           AS member_of_tenant,
       (SELECT has_database_privilege(oid, current_database(), 'TEMPORARY')
        FROM pg_roles WHERE rolname = 'reachinbox_tenant') AS tenant_may_make_temporary_tables,
       (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS superuser,
       current_user AS role, current_database() AS database;

-- name: any_stored_password
-- One sender's password, to see whether SECRET_KEY still opens it.
SELECT id, password_encrypted FROM senders WHERE password_encrypted IS NOT NULL ORDER BY id DESC LIMIT 1;
