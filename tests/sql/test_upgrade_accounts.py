"""From accounts that were compared by the locale of the database to those of today (migration 0020)."""

from __future__ import annotations

import psycopg
import pytest

from app.db import migrate
from app.errors import Conflict
from tests.support.pg import TemplateServer, migrate_to

BEFORE = "0019_zzz"


def test_an_upgrade_that_meets_two_accounts_of_one_address_stops_and_names_them(postgres: TemplateServer) -> None:
    url = postgres.empty()
    migrate_to(url, BEFORE)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("DROP INDEX users_email")  # as if its locale told I and i apart
        conn.execute(
            "INSERT INTO users (email) VALUES ('Ivan@b.org'), ('eve@b.org'), ('ivan@B.org'), ('\u0130van@b.org')"
        )
    with pytest.raises(Conflict, match=r"Ivan@b\.org \(account 1\) and ivan@B\.org \(account 3\)") as refused:
        migrate(url)
    assert "eve" not in refused.value.detail
    assert "\u0130" not in refused.value.detail
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("UPDATE users SET email = 'ivan.other@b.org' WHERE id = 3")
    assert migrate(url) > 0


def test_links_to_a_new_password_that_wait_are_sent_by_the_queue_of_today(postgres: TemplateServer) -> None:
    url = postgres.empty()
    migrate_to(url, BEFORE)
    with psycopg.connect(url, autocommit=True) as conn:
        for task in ("send_password_reset", "verify_sender"):
            conn.execute("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('slow', %s)", (task,))
        migrate(url)
        queues = dict(conn.execute("SELECT task_name, queue_name FROM procrastinate_jobs").fetchall())
    assert queues == {"send_password_reset": "resets", "verify_sender": "checks"}
