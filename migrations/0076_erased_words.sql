-- What is looked for when a recipient is erased or exported, said once.

CREATE OR REPLACE FUNCTION names_it(said text, pattern text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN lower(said COLLATE "C") ~ pattern;
COMMENT ON FUNCTION names_it IS
    'Whether a text has an address in it as a word of its own, in whatever ASCII case; NULL: there is no text';

CREATE OR REPLACE FUNCTION unsaid(said text, pattern text, instead text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN names_it(said, pattern) THEN instead ELSE said END;
COMMENT ON FUNCTION unsaid IS 'A text, or other words in its place where it names an address';
GRANT EXECUTE ON FUNCTION names_it, unsaid TO reachinbox_tenant;
