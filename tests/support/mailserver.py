"""A mail server on a real socket that keeps what it was handed, whole: for tests of what messages hold."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from worker.connect import Server


class Handed:
    """One message, as it was handed over."""

    def __init__(self, mail: str, recipients: list[str], content: bytes) -> None:
        self.mail = mail  # the command's line
        self.recipients = recipients
        self.content = content

    @property
    def message(self) -> EmailMessage:
        return cast(EmailMessage, message_from_bytes(self.content, policy=policy.default))


class MailServer:
    """`refuse`: what is said to RCPT, by part of the line; after "" and 421 it hangs up. `stop_reading_after` so many
    bytes of a message it reads on once `go_on` is set; `refuse_after`: it says no there, in the middle, and hangs up if
    it is to `hang_up`; `refuse_at_end`: what it says to the final dot.
    """

    def __init__(self, *, offers: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 30000000")) -> None:
        self.offers = offers
        self.refuse: dict[str, str] = {}
        self.stop_reading_after: int | None = None
        self.go_on = asyncio.Event()
        self.stopped = asyncio.Event()
        self.refuse_after: int | None = None
        self.refuse_at_end = ""
        self.hang_up_after: int | None = None
        self.handed: list[Handed] = []
        self.lines: list[str] = []
        self.port = 0

    @property
    def address(self) -> Server:
        return Server("127.0.0.1", self.port, "none", policy=None)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 there.test\r\n")
        mail, recipients = "", list[str]()
        while line := (await reader.readline()).decode():
            self.lines.append(line.strip())
            verb = line[:4].upper()
            if verb == "EHLO":
                offered = "".join(f"250-{one}\r\n" for one in ("there.test", *self.offers))
                writer.write(f"{offered}250 HELP\r\n".encode())
            elif verb == "RCPT" and (said := self._said_to(line)) is not None:
                writer.write(f"{said}\r\n".encode() if said else b"")
                if not said or said.startswith("421"):
                    break
            elif verb == "DATA" and not recipients:
                writer.write(b"503 5.5.1 RCPT first\r\n")
            elif verb == "DATA":
                writer.write(b"354 go ahead\r\n")
                content = await self._content(reader, writer)
                if content is None:
                    break
                if self.refuse_at_end:
                    writer.write(f"{self.refuse_at_end}\r\n".encode())
                    continue
                self.handed.append(Handed(mail, recipients, content))
                recipients = []
                writer.write(b"250 2.0.0 taken\r\n")
            else:
                if verb == "MAIL":
                    mail = line.strip()
                if verb in {"MAIL", "RSET"}:
                    recipients = []
                if verb == "RCPT":
                    recipients = [*recipients, re.findall("<(.*)>", line)[0]]
                writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")
                if verb == "QUIT":
                    break
        writer.close()

    def _said_to(self, line: str) -> str | None:
        return next((say for part, say in self.refuse.items() if part in line), None)

    async def _content(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        content = b""
        while not content.endswith(b"\r\n.\r\n"):
            piece = await reader.read(65_536)
            if not piece:
                return None
            content += piece
            if self.stop_reading_after is not None and len(content) > self.stop_reading_after:
                self.stopped.set()
                await self.go_on.wait()
            if self.hang_up_after is not None and len(content) > self.hang_up_after:
                return None
            if self.refuse_after is not None and len(content) > self.refuse_after:
                writer.write(b"552 5.3.4 that is too much for us\r\n")
                self.refuse_after = None
        return re.sub(rb"(?m)^\.\.", b".", content[:-3])


@asynccontextmanager
async def mail_server(*, offers: tuple[str, ...] | None = None) -> AsyncGenerator[MailServer]:
    there = MailServer() if offers is None else MailServer(offers=offers)
    async with await asyncio.start_server(there.converse, "127.0.0.1", 0, limit=2**20) as server:
        there.port = server.sockets[0].getsockname()[1]
        yield there
