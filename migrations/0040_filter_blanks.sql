-- Blanks around a value are no difference to a filter, whatever their kind: a no-break one is what spreadsheets have.

CREATE OR REPLACE FUNCTION without_blanks(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN btrim(value, E' \t\n\u000b\f\r\u001c\u001d\u001e\u001f\u0085\u00a0\u00ad\u1680\u2000\u2001\u2002\u2003\u2004\u2005'
    '\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u2800\u3000\u3164\ufeff');
COMMENT ON FUNCTION without_blanks IS 'A text without the blanks around it, those without width among them';

CREATE OR REPLACE FUNCTION saved_recipient_fits(address text, fields jsonb, conditions jsonb) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN NOT EXISTS (
    SELECT FROM jsonb_to_recordset(conditions) AS c (field text, "is" text, "values" jsonb)
    CROSS JOIN LATERAL (
        SELECT lower(without_blanks(CASE c.field WHEN 'email' THEN address ELSE coalesce(fields ->> c.field, '') END))
            AS value
    ) had
    WHERE NOT CASE c."is"
        WHEN 'empty' THEN had.value = ''
        WHEN 'filled' THEN had.value <> ''
        WHEN 'contains' THEN EXISTS (SELECT FROM jsonb_array_elements_text(c."values") AS v (wanted)
                                     WHERE position(lower(without_blanks(v.wanted)) IN had.value) > 0)
        ELSE (c."is" = 'not') <> EXISTS (SELECT FROM jsonb_array_elements_text(c."values") AS v (wanted)
                                         WHERE lower(without_blanks(v.wanted)) = had.value)
    END
);
