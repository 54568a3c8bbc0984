"""Where the Dovecot of the tests hands on what is submitted: an SMTP server that delivers into its mailboxes, and does
to the mail what servers on the way do.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import free_port


class Delivery:
    """`folder` is Dovecot's, once that is there. `on_top`: header lines that the receiving server writes. `into`: the
    mailboxes' folder. `message_id`: what replaces it. `keeps_copies`: in Sent of whoever it is from.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.on_top = b""
        self.into = "INBOX"
        self.message_id: bytes | None = None
        self.keeps_copies = False
        self.loses = False
        self.count = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    def __enter__(self) -> Delivery:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return self._controller.port

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        if self.message_id is not None:
            content = re.sub(
                rb"(?im)^message-id:.*?\r\n", b"Message-ID: " + self.message_id + b"\r\n", content, count=1
            )
        if self.keeps_copies:
            self._put(str(envelope.mail_from), "Sent", content)
        for address in [] if self.loses else envelope.rcpt_tos:
            self._put(address, self.into, self.on_top + content)
        return "250 2.0.0 taken"

    def _put(self, address: str, into: str, content: bytes) -> None:
        assert self.folder is not None
        maildir = self.folder / "mail" / address / ("" if into == "INBOX" else f".{into}")
        for part in ("tmp", "new", "cur"):
            (maildir / part).mkdir(parents=True, exist_ok=True)
        self.count += 1
        name = f"{time.time_ns()}.{os.getpid()}_{self.count}.tests"
        (maildir / "tmp" / name).write_bytes(content)
        for path in (self.folder / "mail" / address).rglob("*"):
            with suppress(FileNotFoundError):  # a lock of Dovecot, which somebody asks at the same time
                shutil.chown(path, "nobody", "nogroup")
        shutil.chown(self.folder / "mail" / address, "nobody", "nogroup")
        (maildir / "tmp" / name).rename(maildir / "new" / name)
