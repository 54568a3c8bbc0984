-- A login at a provider leads to the page that was asked for. The version before leaves it empty, which leads to the
-- campaigns as it did.

ALTER TABLE oidc_logins
    ADD COLUMN IF NOT EXISTS next text;  -- as the browser brought it; looked at when the login ends
