-- name: roles_and_database
-- The statements that make the roles and the database what they should be, in their order. Each may run again.
SELECT statement
FROM (
    SELECT 1 AS turn, format('CREATE ROLE %%I LOGIN', %(service)s::text) AS statement
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %(service)s)
    UNION ALL
    SELECT 2, format('CREATE ROLE %%I NOLOGIN', %(tenant)s::text)
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %(tenant)s)
    UNION ALL
    SELECT 3, format('GRANT %%I TO %%I', %(tenant)s::text, %(service)s::text)
    UNION ALL
    SELECT 4, format('CREATE DATABASE %%I OWNER %%I', %(database)s::text, %(service)s::text)
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = %(database)s)
    UNION ALL
    SELECT 5, format('ALTER DATABASE %%I OWNER TO %%I', %(database)s::text, %(service)s::text)
    FROM pg_database
    WHERE datname = %(database)s AND datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user)
) statements
ORDER BY turn;

-- name: admitted
-- The statement that lets the service's role in, and leaves it no right beyond that.
SELECT format(
    'ALTER ROLE %%I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION PASSWORD %%L',
    %(service)s::text, %(verifier)s::text) AS statement;

-- name: ours_to_hand_over
-- The statements that give the service's role what the superuser still owns in this database, as it did before there was
-- such a role; none in a database that was made since.
WITH us AS (
    SELECT oid FROM pg_roles WHERE rolname = current_user
),
rooms AS (
    SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%%' AND nspname <> 'information_schema'
)
SELECT format('ALTER TABLE %%s OWNER TO %%I', c.oid::regclass, %(service)s::text) AS statement
FROM pg_class c
WHERE c.relowner = (TABLE us) AND c.relnamespace IN (TABLE rooms) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
  -- A column's sequence goes with its table.
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
        AND c.relkind = 'S')
UNION ALL
SELECT format('ALTER ROUTINE %%s OWNER TO %%I', p.oid::regprocedure, %(service)s::text)
FROM pg_proc p
WHERE p.proowner = (TABLE us) AND p.pronamespace IN (TABLE rooms)
UNION ALL
SELECT format('ALTER TYPE %%s OWNER TO %%I', t.oid::regtype, %(service)s::text)
FROM pg_type t
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typowner = (TABLE us) AND t.typnamespace IN (TABLE rooms) AND (t.typtype IN ('e', 'd') OR c.relkind = 'c')
UNION ALL
SELECT format('ALTER POLICY %%I ON %%s TO %%I', p.polname, p.polrelid::regclass, %(service)s::text)
FROM pg_policy p
WHERE (TABLE us) = ANY (p.polroles);

-- name: is_standby
-- Whether this server only follows another.
SELECT pg_is_in_recovery();
