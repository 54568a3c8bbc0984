"""A real Postfix on a port of loopback, with a configuration and a queue of its own. It throws accepted messages away,
or hands them on to where its settings say, and then tells their sender what is refused there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.waiting import BOUND_S

PROGRAM = shutil.which("postfix", path=f"{os.environ['PATH']}:/usr/sbin") if os.geteuid() == 0 else None
WANTED = "needs root and Debian's postfix: apt-get install --no-install-recommends postfix"
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
proxymap  unix - - n - - proxymap
discard   unix - - n - - discard
smtp      unix - - n - - smtp
virtual   unix - n n - - virtual
error     unix - - n - - error
retry     unix - - n - - error
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(**settings: str) -> Generator[int]:
    """The port on which it takes mail for everybody; `settings` are further ones of main.cf."""
    assert PROGRAM is not None, WANTED
    with tempfile.TemporaryDirectory(prefix="postfix-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        port = free_port()
        for part in ("etc", "queue", "data"):
            (folder / part).mkdir()
        shutil.chown(folder / "data", pwd.getpwnam("postfix").pw_name)
        main = {
            "compatibility_level": "3.6",
            "queue_directory": str(folder / "queue"),
            "data_directory": str(folder / "data"),
            "maillog_file": str(folder / "log"),
            "maillog_file_prefixes": str(folder),
            "myhostname": "mail.postfix.example",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "loopback-only",
            "inet_protocols": "ipv4",
            "default_transport": "discard",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "alias_maps": "",
            "smtpd_helo_required": "yes",
            "smtpd_peername_lookup": "no",
        } | settings
        (folder / "etc" / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in main.items()))
        (folder / "etc" / "master.cf").write_text(_MASTER.format(port=port))
        command = [PROGRAM, "-c", str(folder / "etc"), "start-fg"]
        log = folder / "said"
        with log.open("w") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said)  # noqa: S603 -- ours
        try:
            _wait_for(port, process, log)
            yield port
        finally:
            # The master leaves the group of the script that started it, which passes no signal on.
            os.kill(int((folder / "queue" / "pid" / "master.pid").read_text()), signal.SIGTERM)
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + BOUND_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(3) == b"220":
                    return
        except OSError as error:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"Postfix does not start: {log.read_text()}") from error
            time.sleep(0.05)
