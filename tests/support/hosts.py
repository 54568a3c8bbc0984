"""Hosts of a small data centre: network namespaces with two network cards each, one to Postgres and one to mail.

Packets of a host that is cut off vanish without a word, as when a cable is pulled somewhere on the way: its own card
is up, no connection is refused or reset. Needs root, and a kernel that lets it make network namespaces.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import pytest

from app.embedded import postgres as embedded
from tests.support.pg import TemplateServer

_IP = shutil.which("ip", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "ip"


class Host(NamedTuple):
    """A namespace; processes started with `launcher` before their command live in it."""

    namespace: str
    postgres_card: str  # the end of its cable that is plugged in

    @property
    def launcher(self) -> list[str]:
        return [_IP, "netns", "exec", self.namespace]


class DataCentre(NamedTuple):
    """Hosts, and where they reach what they share."""

    hosts: list[Host]
    postgres_switch: str
    postgres_address: str
    mail_addresses: list[str]  # the same machine; a host is told its own, so that the ledger tells who sent what

    def url(self, database_url: str) -> str:
        """The database's URL as the hosts have to name it."""
        parts = urlsplit(database_url)
        credentials = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{credentials}@{self.postgres_address}:{parts.port}"))

    def cut_off(self, host: Host) -> None:
        """From Postgres; it still reaches mail servers."""
        _ip("link", "set", host.postgres_card, "nomaster")

    def connect(self, host: Host) -> None:
        _ip("link", "set", host.postgres_card, "master", self.postgres_switch)


@cache
def can_make_hosts() -> bool:
    if os.geteuid() != 0 or shutil.which(_IP) is None:
        return False
    probe = f"probe{os.getpid()}"
    if subprocess.run([_IP, "netns", "add", probe], capture_output=True, check=False).returncode != 0:  # noqa: S603
        return False
    _ip("netns", "delete", probe)
    return True


@contextmanager
def data_centre(count: int) -> Generator[DataCentre]:
    """`count` hosts; all of it is gone afterwards."""
    tag = f"{os.getpid() % 0x10000:x}"
    net = f"10.{64 + os.getpid() % 128}"  # so that tests of two checkouts do not meet
    switches = {"p": f"{net}.0", "m": f"{net}.1"}
    with ExitStack() as undo:
        for kind, prefix in switches.items():
            _ip("link", "add", f"sw{kind}{tag}", "type", "bridge")
            undo.callback(_ip, "link", "delete", f"sw{kind}{tag}")
            _ip("link", "set", f"sw{kind}{tag}", "up")
            for number in range(1, count + 1 if kind == "m" else 2):
                _ip("address", "add", f"{prefix}.{number}/24", "dev", f"sw{kind}{tag}")
        hosts = []
        for number in range(count):
            host = Host(f"host{number}x{tag}", f"p{number}x{tag}")
            _ip("netns", "add", host.namespace)
            undo.callback(_ip, "netns", "delete", host.namespace)
            _ip("-n", host.namespace, "link", "set", "lo", "up")
            for kind, prefix in switches.items():
                here, there = f"{kind}{number}x{tag}", f"{kind}card"
                _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", host.namespace)
                _ip("link", "set", here, "master", f"sw{kind}{tag}", "up")
                _ip("-n", host.namespace, "address", "add", f"{prefix}.{100 + number}/24", "dev", there)
                _ip("-n", host.namespace, "link", "set", there, "up")
            hosts.append(host)
        mail = [f"{switches['m']}.{number + 1}" for number in range(count)]
        yield DataCentre(hosts, f"swp{tag}", f"{switches['p']}.1", mail)


@contextmanager
def template_server_for(centre: DataCentre, data_dir: Path) -> Generator[TemplateServer]:
    """A Postgres that the hosts reach."""
    network = re.sub(r"\d+$", "0/24", centre.postgres_address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(embedded._ON_A_PORT, "listen_addresses", f"127.0.0.1,{centre.postgres_address}")
        with embedded.EmbeddedPostgres(data_dir, on_a_port=True) as server:
            with (data_dir / "postgres" / "cluster" / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {network} scram-sha-256\n")
            with closing(TemplateServer(server)) as templates:  # has the configuration read again
                yield templates


def libfaketime() -> Path | None:
    """A library that, preloaded, makes a process's clock wrong."""
    return next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


def _ip(*arguments: str) -> None:
    subprocess.run([_IP, *arguments], check=True)  # noqa: S603 -- ours
