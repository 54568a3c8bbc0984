"""The job queue's own tables, taken from the installed Procrastinate.

They are not copied into this project: the library owns them. What is pinned is the digest of the schema this
step was written for, so that an upgrade of the library that changes it cannot slip in unseen
(`tests/sql/test_migrations.py` compares); it then needs a migration of its own.

A second run after a crash is harmless: the step looks whether the tables are there and, being one
transaction, never leaves half of them.
"""

from typing import Any

from procrastinate.schema import SchemaManager
from yoyo import step

SCHEMA_SHA256 = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"


def apply(conn: Any) -> None:
    cursor = conn.cursor()
    cursor.execute("SELECT to_regclass('procrastinate_jobs')")
    if cursor.fetchone()[0] is None:
        cursor.execute(SchemaManager.get_schema())


steps = [step(apply)]
