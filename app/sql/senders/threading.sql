-- name: habit
-- The habit of the sender's server with Message-IDs.
SELECT habit_kept AS kept, habit_word AS word, habit_domain AS domain
FROM wire_checks WHERE workspace_id = %(workspace_id)s AND sender_id = %(sender_id)s;
