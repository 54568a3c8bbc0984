"""From senders whose username and password were welded together to logins that may have a grant (migration 0032)."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import CheckViolation

from app.db import migrate
from tests.support.pg import TemplateServer, migrate_to

BEFORE = "0031_zzz"


def test_senders_keep_their_passwords_and_a_username_may_stand_without_one(postgres: TemplateServer) -> None:
    url = postgres.empty()
    migrate_to(url, BEFORE)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("INSERT INTO workspaces (id, name) VALUES (1, 'Mine')")
        conn.execute("INSERT INTO logins (workspace_id, hourly_limit, max_connections) VALUES (1, 5, 1)")
        conn.execute(
            "INSERT INTO senders (workspace_id, login_id, email, host, port, security, username, password_encrypted)"
            " SELECT 1, id, 'ann@example.com', 'mx.example.com', 587, 'starttls', 'ann', 'sealed' FROM logins"
        )
        conn.execute("INSERT INTO oidc_logins VALUES (sha256('a'), sha256('b'), 'n', 'v')")
        migrate(url)
        kept = conn.execute(
            "SELECT l.credential, s.username, s.password_encrypted FROM senders s JOIN logins l ON l.id = s.login_id"
        ).fetchall()
        assert kept == [("PASSWORD", "ann", b"sealed")]
        conn.execute("UPDATE senders SET password_encrypted = NULL")
        with pytest.raises(CheckViolation, match="logins_grant"):
            conn.execute("UPDATE logins SET credential = 'OAUTH', provider = 'google'")
        with pytest.raises(CheckViolation, match="senders_password"):
            conn.execute("UPDATE senders SET username = NULL, password_encrypted = 'sealed'")
        assert conn.execute("SELECT provider FROM oidc_logins").fetchall() == [(None,)]
