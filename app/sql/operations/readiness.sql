-- name: applied_migrations
-- The migrations that yoyo has applied; a dozen rows, cheap enough to ask at every readiness probe.
SELECT migration_id FROM _yoyo_migration;

-- name: made_functions
-- Those of these functions that exist.
SELECT proname AS name FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname = ANY (%(names)s);
