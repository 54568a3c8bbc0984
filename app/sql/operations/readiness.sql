-- name: applied_migrations
-- What yoyo has applied; a dozen rows, cheap enough to ask at every readiness probe.
SELECT migration_id FROM _yoyo_migration;
