-- name: lock_templates
-- One at a time adds a text, so that two together do not pass the most that there may be.
SELECT pg_advisory_xact_lock(hashtextextended('reachinbox templates', %(workspace_id)s));

-- name: count_templates
-- How many texts a workspace keeps.
SELECT count(*) AS n FROM templates WHERE workspace_id = %(workspace_id)s;

-- name: insert_template
-- Keep a text. No row: there is one of that name.
INSERT INTO templates (workspace_id, name, subject, body, body_html, language, reply_to, headers, cc, bcc, attachments,
                       images)
VALUES (%(workspace_id)s, %(name)s, %(subject)s, %(body)s, %(body_html)s, %(language)s, %(reply_to)s, %(headers)s, %(cc)s,
        %(bcc)s, %(attachments)s, %(images)s)
ON CONFLICT ON CONSTRAINT templates_name_once DO NOTHING
RETURNING id, name, subject, body, body_html, language, reply_to, headers, cc, bcc, attachments, created_at, updated_at;

-- name: list_templates
-- A page of kept texts, newest first, without what they say.
SELECT id, name, subject, created_at, updated_at FROM templates
WHERE workspace_id = %(workspace_id)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC
LIMIT %(limit)s;

-- name: get_template
-- A kept text, with all that it says.
SELECT id, name, subject, body, body_html, language, reply_to, headers, cc, bcc, attachments, created_at, updated_at
FROM templates
WHERE workspace_id = %(workspace_id)s AND id = %(template_id)s;

-- name: lock_template
-- A kept text that is to be written anew: nobody else does so meanwhile.
SELECT id, name, subject, body, body_html, language, reply_to, headers, cc, bcc, attachments FROM templates
WHERE workspace_id = %(workspace_id)s AND id = %(template_id)s
FOR UPDATE;

-- name: update_template
-- Write a kept text anew, its name included.
UPDATE templates
SET name = %(name)s, subject = %(subject)s, body = %(body)s, body_html = %(body_html)s, language = %(language)s,
    reply_to = %(reply_to)s, headers = %(headers)s, cc = %(cc)s, bcc = %(bcc)s, attachments = %(attachments)s,
    images = %(images)s, updated_at = now()
WHERE workspace_id = %(workspace_id)s AND id = %(template_id)s
RETURNING id, name, subject, body, body_html, language, reply_to, headers, cc, bcc, attachments, created_at, updated_at;

-- name: delete_template
-- A kept text is kept no longer.
DELETE FROM templates WHERE workspace_id = %(workspace_id)s AND id = %(template_id)s RETURNING id;
