-- What owes a next step is counted once a statement: row by row, a statement that changes a hundred thousand emails wrote
-- their stream as often, and every time went past all that it had written before.

CREATE OR REPLACE FUNCTION emails_owing_noted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    noted jsonb := coalesce(nullif(current_setting('reachinbox.owing', true), ''), '{}');
    stream text := NEW.workspace_id || '/' || NEW.stream_id;
    its jsonb := coalesce(noted -> stream, '{}');
BEGIN
    IF (OLD.follow_at IS NULL) <> (NEW.follow_at IS NULL) THEN
        its := its || jsonb_build_object('following', coalesce((its ->> 'following')::integer, 0)
                                                      + CASE WHEN NEW.follow_at IS NULL THEN -1 ELSE 1 END);
    END IF;
    IF OLD.follow_at IS NOT NULL AND OLD.stopped IS NULL AND NEW.stopped IS NOT NULL THEN
        its := its || jsonb_build_object(NEW.stopped, coalesce((its ->> NEW.stopped::text)::integer, 0) + 1);
    END IF;
    PERFORM set_config('reachinbox.owing', (noted || jsonb_build_object(stream, its))::text, true);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION emails_owing_noted IS
    'For the trigger emails_owing_told: notes for emails_owing_counted that an email owes a next step, or does no more, and why';

CREATE OR REPLACE FUNCTION emails_owing_counted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    noted text := current_setting('reachinbox.owing', true);
    it record;
BEGIN
    IF noted <> '' THEN
        PERFORM set_config('reachinbox.owing', '', true);
        FOR it IN SELECT split_part(key, '/', 1)::bigint AS workspace_id, split_part(key, '/', 2)::bigint AS stream_id,
                         coalesce((value ->> 'following')::integer, 0) AS following, value - 'following' AS stops
                  FROM jsonb_each(noted::jsonb) LOOP
            UPDATE streams s
            SET following = s.following + it.following,
                stops = CASE WHEN it.stops = '{}' THEN s.stops
                             ELSE coalesce(s.stops, '{}') || (
                                 SELECT jsonb_object_agg(n.key, coalesce((s.stops ->> n.key)::integer, 0) + n.value::integer)
                                 FROM jsonb_each(it.stops) n) END
            WHERE s.workspace_id = it.workspace_id AND s.id = it.stream_id;
        END LOOP;
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION emails_owing_counted IS
    'For the trigger emails_owing_settled: streams count what owes a next step, and what of that is stopped; whoever changes'
    ' that holds them';

CREATE OR REPLACE TRIGGER emails_owing_told AFTER UPDATE OF follow_at, stopped ON emails FOR EACH ROW
    WHEN ((OLD.follow_at IS NULL) <> (NEW.follow_at IS NULL)
          OR OLD.follow_at IS NOT NULL AND OLD.stopped IS NULL AND NEW.stopped IS NOT NULL)
    EXECUTE FUNCTION emails_owing_noted();
-- After every update: of several of one query, PostgreSQL has only the last tell its triggers.
CREATE OR REPLACE TRIGGER emails_owing_settled AFTER UPDATE ON emails FOR EACH STATEMENT
    EXECUTE FUNCTION emails_owing_counted();
DROP TRIGGER IF EXISTS emails_stopped_told ON emails;
DROP FUNCTION IF EXISTS emails_stopped_counted();
