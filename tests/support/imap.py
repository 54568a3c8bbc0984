"""An IMAP server that says what a test has it say."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import trustme

from worker.connect import Server

ANN = "ann@example.com"
PASSWORD = 'pass "word" \\ ü'  # noqa: S105 -- nobody's


class Hostile:
    """Says what it is told to, in the clear or by TLS."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self.context)
        self.greeting = b"* OK ready\r\n"
        self.capabilities = b"IMAP4rev1 AUTH=PLAIN SASL-IR"
        self.login = b"%b OK done\r\n"
        self.only_token: bytes | None = None  # whoever brings another one is not let in
        self.answer = b"%b OK done\r\n"
        self.answers: dict[bytes, bytes] = {}  # by what a command begins with, instead of `answer`
        self.drips_after: bytes | None = None  # such a command: then it never ends
        self.cut_at: bytes | None = None  # such a command: it hangs up
        self.lines: list[bytes] = []

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        idle = b""
        try:
            writer.write(self.greeting)
            while line := await reader.readline():
                self.lines.append(line.strip())
                tag, _, command = line.strip().partition(b" ")
                if command == b"IDLE":
                    idle = tag
                elif tag == b"DONE":
                    writer.write(b"%b OK done\r\n" % idle)
                    continue
                if command.startswith(b"CAPABILITY"):
                    writer.write(b"* CAPABILITY %b\r\n%b OK done\r\n" % (self.capabilities, tag))
                elif command.startswith(b"AUTHENTICATE"):
                    writer.write(b"+ \r\n")
                    brought = base64.b64decode(await reader.readline())
                    if self.only_token is not None and self.only_token not in brought:
                        writer.write(b"%b NO [AUTHENTICATIONFAILED] the token has expired\r\n" % tag)
                        continue
                    if b"%b" not in self.login:
                        writer.write(self.login)
                        break
                    writer.write(self.login % tag)
                elif self.cut_at is not None and command.startswith(self.cut_at):
                    break
                else:
                    answer = next(
                        (told for name, told in self.answers.items() if command.startswith(name)), self.answer
                    )
                    writer.write(answer.replace(b"%b", tag))
                    drips = self.drips_after is not None and command.startswith(self.drips_after)
                    while drips and not writer.is_closing():
                        writer.write(b"x")
                        await writer.drain()
                        await asyncio.sleep(0.02)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self, *, tls: bool = True) -> AsyncGenerator[Server]:
        context = self.context if tls else None
        async with await asyncio.start_server(self.converse, "127.0.0.1", 0, ssl=context) as listening:
            port = listening.sockets[0].getsockname()[1]
            security = "tls" if tls else "starttls"
            yield Server("localhost", port, security, ANN, PASSWORD, policy=None, ca_file=self.ca_file)
