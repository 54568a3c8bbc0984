-- name: keep_content
-- The text that is about to be replaced, if any email can have been made from it: of a campaign that was never claimed
-- from, nobody has seen a word. The campaign is locked.
INSERT INTO campaign_contents (workspace_id, campaign_id, version, subject, body, body_html, replaced_at)
SELECT workspace_id, id, content_version, subject, body, body_html, clock_timestamp() FROM campaigns
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s AND window_start > 'epoch';

-- name: waiting_without
-- One that waits and has no value for a field, if there is one.
SELECT id FROM emails
WHERE workspace_id = %(workspace_id)s AND campaign_id = %(campaign_id)s AND status = 'SCHEDULED' AND NOT fields ? %(field)s
LIMIT 1;

-- name: update_campaign
-- Change what may be changed after scheduling; NULL in a flag column leaves the column alone.
UPDATE campaigns
SET name = coalesce(%(name)s, name),
    subject = coalesce(%(subject)s, subject),
    body = coalesce(%(body)s, body),
    body_html = CASE WHEN %(set_body_html)s THEN %(body_html)s ELSE body_html END,
    content_version = content_version + %(content_changed)s::integer,
    stored_bytes = greatest(0, stored_bytes + %(more_bytes)s),
    start_at = coalesce(%(start_at)s, start_at),
    delay_ms = coalesce(%(delay_ms)s, delay_ms),
    -- A shorter delay counts from now on, and does not wait for the end of a longer one.
    free_at = CASE WHEN free_at > now() THEN
        least(free_at, now() + make_interval(secs => coalesce(%(delay_ms)s, delay_ms) / 1000.0)) ELSE free_at END,
    hourly_limit = CASE WHEN %(set_hourly_limit)s THEN %(hourly_limit)s ELSE hourly_limit END,
    on_unknown = coalesce(%(on_unknown)s, on_unknown)
WHERE workspace_id = %(workspace_id)s AND id = %(campaign_id)s;
