"""A real Dovecot on ports of loopback: IMAP and submission, with passwords and with bearers of a provider.

It hands submitted messages to the SMTP server that it is told of (`relay_port`).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import trustme

from tests.support.ports import free_port
from tests.support.waiting import BOUND_S

PROGRAM = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin") if os.geteuid() == 0 else None
if PROGRAM is not None and not Path("/usr/lib/dovecot/submission").exists():
    PROGRAM = None
WANTED = "needs root and Debian's Dovecot: apt-get install --no-install-recommends dovecot-imapd dovecot-submissiond"
NAME = "localhost"  # what the certificate is for
_CONFIGURATION = """
protocols = imap submission
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = tests
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
auth_cache_size = 0
auth_verbose = yes
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
hostname = mail.dovecot.example
submission_relay_host = 127.0.0.1
submission_relay_port = {relay_port}
submission_relay_trusted = no
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf.ext
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  mailbox Drafts {{
    auto = create
    special_use = \\Drafts
  }}
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = create
    special_use = \\Trash
  }}
}}
# Wrong logins would be answered later and later: all of a test come from one address.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = {submissions}
    ssl = yes
  }}
}}
"""
_OAUTH2 = """
introspection_mode = post
introspection_url = {introspection_url}
username_attribute = email
active_attribute = active
active_value = true
force_introspection = yes
openid_configuration_url = {configuration_url}
timeout_msecs = 5000
"""


class Dovecot(NamedTuple):
    """Where it listens, and the certificate authority that one has to trust for it."""

    imap: int  # with STARTTLS
    imaps: int
    submission: int  # with STARTTLS
    submissions: int
    ca_file: Path
    folder: Path

    def log(self) -> str:
        return (self.folder / "log").read_text()


@contextmanager
def dovecot(
    relay_port: int,
    passwords: Mapping[str, str],
    provider: str | None = None,
    mechanisms: str = "plain login xoauth2 oauthbearer",
) -> Generator[Dovecot]:
    """Mailboxes of these addresses; bearers are good for whom `provider`, the URL of one, says at /introspect."""
    assert PROGRAM is not None, WANTED
    with tempfile.TemporaryDirectory(prefix="dovecot-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", "nobody", "nogroup")
        free = set[int]()
        while len(free) < 4:
            free.add(free_port())
        ports = dict(zip(("imap", "imaps", "submission", "submissions"), free, strict=True))
        authority = trustme.CA()
        issued = authority.issue_cert(NAME, "127.0.0.1")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        issued.private_key_pem.write_to_path(folder / "key.pem")
        for blob in issued.cert_chain_pems:
            blob.write_to_path(folder / "cert.pem", append=True)
        (folder / "users").write_text("".join(f"{who}:{word}\n" for who, word in passwords.items()))
        nobody_vouches = "http://127.0.0.1:9"
        oauth2 = _OAUTH2.format(
            introspection_url=f"{provider or nobody_vouches}/introspect",
            configuration_url=f"{provider or nobody_vouches}/.well-known/openid-configuration",
        )
        (folder / "oauth2.conf.ext").write_text(oauth2)
        settings = {"folder": folder, "relay_port": relay_port, "mechanisms": mechanisms} | ports
        (folder / "dovecot.conf").write_text(_CONFIGURATION.format(**settings))
        command = [PROGRAM, "-F", "-c", str(folder / "dovecot.conf")]
        said = folder / "said"
        with said.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)  # noqa: S603 -- ours
        try:
            for port in (ports["imap"], ports["submission"]):
                _wait_for(port, process, said, folder / "log")
            yield Dovecot(**ports, ca_file=folder / "ca.pem", folder=folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], *logs: Path) -> None:
    deadline = time.monotonic() + BOUND_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(4) in {b"220 ", b"* OK"}:
                    return
        except OSError as error:
            if time.monotonic() > deadline or process.poll() is not None:
                told = "\n".join(log.read_text() for log in logs if log.exists())
                raise RuntimeError(f"Dovecot does not start: {told}") from error
            time.sleep(0.05)
