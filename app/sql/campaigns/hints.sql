-- name: targets_of_staged
-- What the staged have in some of their fields, but for what begins as nearly all links do.
SELECT s.row, f.key, f.value
FROM staged s
CROSS JOIN LATERAL jsonb_each_text(s.fields) f
WHERE f.key = ANY (%(names)s::text[]) AND f.value !~ '^[Hh][Tt][Tt][Pp][Ss]?://[^/]';
