"""The roles of the embedded Postgres: a superuser who sets it up, and the service's own, which owns the database.

The service's role can log in and act as a tenant, and no more: what injected SQL could do is bounded by that. A cluster
from before there was such a role is brought over: what its superuser owns in our database is handed to the service.
"""

from __future__ import annotations

import psycopg

from app.sql import queries

sql = queries(__name__)

SUPERUSER = "reachinbox"
SERVICE = "reachinbox_service"
TENANT = "reachinbox_tenant"  # which a migration would have to be allowed to make
DATABASE = "reachinbox"


def set_up(url: str, database_url: str, password: str) -> None:
    """Make roles and database as they should be, by the superuser's URLs of `postgres` and of the database itself.

    The password comes last: a client that it lets in finds everything in its place. Harmless when repeated. On a
    standby nothing is to do: all of it comes from its primary. Raises psycopg.Error.
    """
    with psycopg.connect(url, autocommit=True) as conn:
        if conn.execute(sql.is_standby).fetchone() == (True,):
            return
        names = {"service": SERVICE, "tenant": TENANT, "database": DATABASE}
        for (statement,) in conn.execute(sql.roles_and_database, names).fetchall():
            conn.execute(statement)
    with psycopg.connect(database_url) as conn:  # one transaction
        verifier = conn.pgconn.encrypt_password(password.encode(), SERVICE.encode(), b"scram-sha-256").decode()
        for (statement,) in (
            *conn.execute(sql.ours_to_hand_over, {"service": SERVICE}).fetchall(),
            *conn.execute(sql.admitted, {"service": SERVICE, "verifier": verifier}).fetchall(),
        ):
            conn.execute(statement)
