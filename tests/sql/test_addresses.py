"""Addresses are compared by one rule, in every query and index."""

from __future__ import annotations

import re
from pathlib import Path

from app import sql
from app.db import Pool
from tests.support.engine import rows

QUERIES = sorted(Path(sql.__file__).parent.rglob("*.sql"))
# lower, upper, ILIKE and ~* follow the locale of the database, unless the argument says the collation.
_SAID = r"(?:[^()]|\([^()]*\))*?COLLATE \"C\"|\(*[^()]*COLLATE \"C\""
BY_LOCALE = re.compile(rf"\b(?:lower|upper|initcap)\((?!{_SAID})[^;\n]*|\bILIKE\b|~~?\*", re.IGNORECASE)
_COMMENT = re.compile(r"--.*")
# A recipient's domain, which is in ASCII there; searches for recipients and in texts, which may find too many.
ALLOWED = {
    ("refusals.sql", "lower(recipient), '@', 2) = %(domain)s"),
    ("emails.sql", "ILIKE"),
    ("saved_lists.sql", "ILIKE"),
    ("suppressions.sql", "ILIKE"),
    ("responses.sql", "ILIKE"),
    ("sandbox.sql", "ILIKE"),
}


def test_no_query_compares_by_the_locale_of_the_database() -> None:
    for text in ("lower(email) = lower(%(email)s)", "email ILIKE %(q)s", "email ~* %(q)s", "upper(u.email)"):
        assert BY_LOCALE.search(text), text
    for text in (
        'lower(recipient COLLATE "C") = ANY (%(a)s)',
        'lower((r COLLATE "C"))',
        "lower((d->>'r') COLLATE \"C\")",
    ):
        assert BY_LOCALE.search(text) is None, text
    found = {(file.name, match) for file in QUERIES for match in BY_LOCALE.findall(_COMMENT.sub("", file.read_text()))}
    assert found == ALLOWED


async def test_no_index_nor_constraint_nor_function_compares_by_it_either(pool: Pool) -> None:
    definitions = await rows(
        pool,
        "SELECT indexname AS name, indexdef AS text FROM pg_indexes WHERE schemaname = 'public'"
        " UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " UNION ALL SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' AND proname NOT LIKE 'procrastinate%%'",
    )
    found = {row["name"]: match for row in definitions for match in BY_LOCALE.findall(row["text"])}
    found.pop("tell_of_email", None)  # the name of an event, not an address
    found.pop("campaign_fits", None)  # a campaign's name, which may find too many
    found.pop("saved_recipient_fits", None)  # values as people write them, asked about each time
    assert found == {}
    indexes = [
        row["text"] for row in definitions if row["text"].startswith("CREATE UNIQUE INDEX") and "users " in row["text"]
    ]
    assert any("(address_key(email))" in text for text in indexes)


async def test_an_account_is_found_by_the_index(pool: Pool) -> None:
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("SET LOCAL enable_seqscan = off")
        plan = await (
            await conn.execute("EXPLAIN SELECT FROM users WHERE address_key(email) = address_key('a@b.org')")
        ).fetchall()
    assert "users_address" in str(plan)
