-- name: applied_migrations
-- What yoyo has applied; a dozen rows, cheap enough to ask at every readiness probe.
SELECT migration_id FROM _yoyo_migration;

-- name: made_functions
-- Which of these functions are there.
SELECT proname AS name FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname = ANY (%(names)s);
