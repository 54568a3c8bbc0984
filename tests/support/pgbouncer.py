"""A real PgBouncer in transaction mode in front of a test's database, configured as the container's is."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.support.ports import free_port
from tests.support.waiting import BOUND_S

START = Path(__file__).parents[2] / "deploy" / "pgbouncer" / "start.sh"
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def pgbouncer(database_url: str, *, pool_size: int, setting: str = "") -> Generator[str]:
    """The URL of the database through PgBouncer, which has `pool_size` connections to it; `setting` is one more."""
    script = START.read_text().replace("pool_mode", f"{setting}\npool_mode", 1)
    server = urlsplit(database_url)
    nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # as root PgBouncer refuses to run
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as folder:
        password = Path(folder, "password")
        password.write_text(server.password or "")
        if nobody:
            for path in (Path(folder), password):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        environment = {
            "PATH": os.environ["PATH"],
            "TMPDIR": folder,
            "PGBOUNCER": PROGRAM or "",
            "PGHOST": server.hostname or "",
            "PGPORT": str(server.port),
            "PGUSER": server.username or "",
            "PGDATABASE": server.path.removeprefix("/"),
            "PASSWORD_FILE": str(password),
            "LISTEN_ADDR": "127.0.0.1",
            "LISTEN_PORT": str(port),
            "POOL_SIZE": str(pool_size),
        }
        process = subprocess.Popen(  # noqa: S603 -- our own script
            ["/bin/sh", "-c", script],  # read by us: the checkout may be out of nobody's reach
            env=environment,
            cwd=folder,
            user=nobody.pw_uid if nobody else None,
            group=nobody.pw_gid if nobody else None,
            extra_groups=[] if nobody else None,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = urlunsplit(server._replace(netloc=f"{server.username}:{server.password}@127.0.0.1:{port}"))
            _wait_until_it_answers(process, url)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "PgBouncer has ended"
        with suppress(psycopg.OperationalError), psycopg.connect(url, prepare_threshold=None):
            return
        time.sleep(0.05)
    raise AssertionError("PgBouncer does not answer")
