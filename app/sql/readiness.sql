-- name: applied_migrations
-- What yoyo has applied; a dozen rows, cheap enough to ask at every readiness probe.
SELECT migration_id FROM _yoyo_migration;

-- name: is_direct
-- Whether the setting that we connect with has arrived: a pooler refuses it or drops it.
SELECT coalesce(current_setting('reachinbox.direct', true), '') = 'yes' AS is_direct;

-- name: times_in_utc
-- For connections that cannot be opened with the setting.
SELECT set_config('timezone', 'UTC', false);
