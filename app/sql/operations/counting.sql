-- name: outgrown
-- Our tables that have grown tenfold, and by some dozens of rows, since they were counted.
SELECT c.relname AS name
FROM pg_stat_user_tables t
JOIN pg_class c ON c.oid = t.relid
WHERE t.schemaname = current_schema() AND pg_has_role(c.relowner, 'USAGE')
  AND t.n_live_tup > 50 + 10 * greatest(c.reltuples, 0)
ORDER BY name;
