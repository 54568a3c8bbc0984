-- name: may_create
-- Whether migrations can make their tables.
SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false);

-- name: is_direct
-- Whether the setting that we connect with has arrived: a pooler refuses it or drops it.
SELECT coalesce(current_setting('reachinbox.direct', true), '') = 'yes' AS is_direct;

-- name: times_in_utc
-- For connections that cannot be opened with the setting.
SELECT set_config('timezone', 'UTC', false);

-- name: become_tenant
-- For the rest of the transaction: work as the tenants' role and see this workspace's rows only; wait for what others
-- hold, and for an answer, no longer than whoever asks does.
SELECT set_config('role', 'reachinbox_tenant', true), set_config('reachinbox.workspace_id', %(workspace_id)s, true),
       set_config('lock_timeout', %(lock_ms)s, true), set_config('statement_timeout', %(statement_ms)s, true);

-- name: try_migration_lock
-- Whether this session is the one that migrates; it is until it ends.
SELECT pg_try_advisory_lock(%(key)s);

-- name: functions_there
-- Functions of `app/sql`, of whatever version: by the digest in their names.
SELECT proname FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace AND proname ~ '^[a-z_]+_[0-9a-f]{12}$';

-- name: any_worker_lives
-- Whether a worker may be at work, of whatever version.
SELECT EXISTS (SELECT FROM workers WHERE lease_until > now());
