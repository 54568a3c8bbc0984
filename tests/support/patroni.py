"""Two PostgreSQL servers under Debian's Patroni and etcd: the standby is synchronous, and takes over by itself."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg

from tests.support.clusters import kill_server
from tests.support.ports import free_port
from tests.support.waiting import BOUND_S

PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
CAN_RUN = os.geteuid() == 0 and PROGRAMS is not None and all(map(shutil.which, ("patroni", "etcd")))
WANTED = (
    "needs root and Debian's servers: "
    "apt-get install --no-install-recommends patroni etcd-server python3-etcd postgresql-15"
)
PASSWORD = "a password for tests"  # noqa: S105
TTL_S = 20  # the least that Patroni takes: for so long a leader that says nothing stays one


class Node(NamedTuple):
    """A server and the Patroni that looks after it."""

    name: str
    port: int
    rest: int
    cluster: Path
    patroni: subprocess.Popen[bytes]

    def kill(self) -> None:
        """As when its machine is lost: nobody is left to start the server again, or to stop it."""
        self.patroni.kill()
        self.patroni.wait()
        kill_server(self.cluster)


class Cluster(NamedTuple):
    nodes: list[Node]

    @property
    def url(self) -> str:
        """Both, of which libpq chooses the one that takes writing."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://reachinbox:{PASSWORD.replace(' ', '%20')}@{hosts}/reachinbox"

    def node(self, role: str) -> Node | None:
        """The one that is `leader` or `sync_standby`, as a Patroni that lives sees it."""
        for node in self.nodes:
            with suppress(httpx.TransportError):
                members = httpx.get(f"http://127.0.0.1:{node.rest}/cluster").json()["members"]
                names = [member["name"] for member in members if (member["role"], member["state"]) in _well(role)]
                return next((node for node in self.nodes if node.name in names), None)
        return None


def _well(role: str) -> set[tuple[str, str]]:
    return {(role, "running"), (role, "streaming")}


@contextmanager
def patroni_cluster() -> Generator[Cluster]:
    """A leader with a synchronous standby, and an empty database of ours."""
    assert CAN_RUN, WANTED
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patroni-", dir="/var/tmp")))
        shutil.chown(folder, "postgres", "postgres")
        client, peer = free_port(), free_port()
        etcd = {
            "data-dir": folder / "etcd",
            "listen-client-urls": f"http://127.0.0.1:{client}",
            "advertise-client-urls": f"http://127.0.0.1:{client}",
            "listen-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
            "initial-cluster": f"default=http://127.0.0.1:{peer}",
        }
        _start(stack, folder, "etcd", *(f"--{name}={value}" for name, value in etcd.items()))
        nodes: list[Node] = []
        cluster = Cluster(nodes)
        for name, role in (("a", "leader"), ("b", "sync_standby")):
            port, rest = free_port(), free_port()
            (folder / f"{name}.json").write_text(json.dumps(_settings(folder, name, port, rest, client)))
            patroni = _start(stack, folder, "patroni", str(folder / f"{name}.json"))  # JSON is YAML
            nodes.append(Node(name, port, rest, folder / name, patroni))
            _wait(lambda role=role: cluster.node(role), role, folder)
        with psycopg.connect(
            host="127.0.0.1", port=nodes[0].port, user="postgres", password=PASSWORD, dbname="postgres", autocommit=True
        ) as conn:
            conn.execute(f"CREATE ROLE reachinbox LOGIN SUPERUSER PASSWORD '{PASSWORD}'".encode())
            conn.execute("CREATE DATABASE reachinbox OWNER reachinbox")
        yield cluster


def _settings(folder: Path, name: str, port: int, rest: int, etcd: int) -> dict[str, Any]:
    return {
        "scope": "reachinbox",
        "name": name,
        "restapi": {"listen": f"127.0.0.1:{rest}", "connect_address": f"127.0.0.1:{rest}"},
        "etcd3": {"host": f"127.0.0.1:{etcd}"},
        "bootstrap": {
            "dcs": {"ttl": TTL_S, "loop_wait": 2, "retry_timeout": 3, "synchronous_mode": True},
            "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
        },
        "postgresql": {
            "listen": f"127.0.0.1:{port}",
            "connect_address": f"127.0.0.1:{port}",
            "bin_dir": str(PROGRAMS),
            "data_dir": str(folder / name),
            "pgpass": str(folder / f"{name}.pgpass"),
            "pg_hba": ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"],
            "authentication": {
                "superuser": {"username": "postgres", "password": PASSWORD},
                "replication": {"username": "replicator", "password": PASSWORD},
            },
            "parameters": {"unix_socket_directories": "", "password_encryption": "scram-sha-256"},
        },
    }


def _start(stack: ExitStack, folder: Path, *command: str) -> subprocess.Popen[bytes]:
    user = pwd.getpwnam("postgres")
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 -- Debian's programs
            command, cwd=folder, user=user.pw_uid, group=user.pw_gid, extra_groups=[], stdout=log, stderr=log
        )
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(holds: Any, what: str, folder: Path) -> None:
    deadline = time.monotonic() + BOUND_S
    while not holds():
        if time.monotonic() > deadline:
            log = (folder / "log").read_text(errors="replace").splitlines()[-30:]
            raise AssertionError("\n".join([f"waited for the {what}", *log]))
        time.sleep(0.2)
