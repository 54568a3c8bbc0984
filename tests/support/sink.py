"""An SMTP sink, a process of its own: takes mail at full speed, logs what it accepted, misbehaves on request.

    python -m tests.support.sink [--host ADDRESS] --port 0 --log FILE [--script JSON|@FILE] [--fast]
        [--tls CERT KEY --starttls|--implicit-tls] [--auth USER:PASS]

The first line on standard output is the port. `tests.support.sinkproc.Sink` starts and steers a sink; how it
misbehaves is a script, described in `tests.support.sinkscript`.

**Log.** Appended, one line per message accepted and recipient, tab separated: epoch seconds with
microseconds, connection number, envelope_from, envelope_to, Message-ID (empty under --fast). The line is with
the operating system before the reply that accepts the message is written: a message that was told 250 is in the log,
even when the sink is killed.

**Control.** One command a line on standard input, answered by one line of JSON on standard output:
`script JSON` puts a new script in place, `release` answers everything held, `stats` counts. When standard
input is a pipe its end ends the sink, so that none outlives a killed test.

Not here: dot-unstuffing (nobody reads the bodies), size limits, checks of addresses beyond their brackets.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import json
import os
import re
import ssl
import stat
import sys
import time
from pathlib import Path
from typing import cast

from tests.support.sinkscript import Phase, Rule, ScriptError, parse_script

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

# RFC 5321, 4.1.2: a quoted local part may hold ">" itself.
_PATH = re.compile(rb'(?:MAIL FROM|RCPT TO): ?<((?:"(?:[^"\\]|\\.)*"|[^">])*)>', re.IGNORECASE)
_END_OF_DATA = b"\r\n.\r\n"


class Sink:
    """The state that all connections share: the options, the script, the log and the counts."""

    def __init__(self, options: argparse.Namespace, tls: ssl.SSLContext | None) -> None:
        self.log_fd = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.rules = parse_script(options.script)
        self.fast: bool = options.fast
        self.tls = tls
        self.starttls: bool = options.starttls
        self.credentials: list[bytes] = options.auth.encode().split(b":", 1) if options.auth else []
        self.held: list[tuple[Session, bytes]] = []
        self.connections = self.open = self.max_open = self.messages = 0

    def control(self, line: str) -> dict[str, object]:
        command, _, argument = line.strip().partition(" ")
        if command == "script":
            try:
                self.rules = parse_script(argument)
            except ScriptError as error:
                return {"error": str(error)}
            return {}
        if command == "release":
            released, self.held = self.held, []
            for session, reply in released:
                session.resume("accept", reply)
            return {"released": len(released)}
        if command == "stats":
            names = ("open", "max_open", "connections", "messages")
            counts = {name: getattr(self, name) for name in names}
            return counts | {"held": len(self.held), "cpu_s": time.process_time()}
        return {"error": f"unknown command {command!r}"}


class Session(asyncio.Protocol):
    """One connection.

    While an answer is owed (`busy`) what arrives waits in the buffer: pipelined commands are answered in
    order.
    """

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = b""
        self.busy = self.in_data = self.secure = False
        self.scanned = self.message = self.accepted = 0
        self.envelope_from: bytes | None = None
        self.envelope_to: list[bytes] = []
        self.authenticated = not sink.credentials
        self.prompts: list[bytes] = []  # what AUTH still asks for, answers in `answers`
        self.answers: list[bytes] = []

    # -- the wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        sink = self.sink
        sink.connections += 1
        sink.open += 1
        sink.max_open = max(sink.max_open, sink.open)
        self.number = sink.connections
        self.secure = sink.tls is not None and not sink.starttls
        self.answer(self.rule("connect"), b"220 sink.test ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.busy = True
        self.sink.open -= 1
        self.sink.held = [held for held in self.sink.held if held[0] is not self]

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        if not self.busy:
            self.advance()

    def advance(self) -> None:
        while self.buffer and not self.busy:
            if self.in_data:
                end = self.buffer.find(_END_OF_DATA, self.scanned)
                if end < 0:  # the terminator may have begun in the last four bytes
                    self.scanned = max(0, len(self.buffer) - len(_END_OF_DATA) + 1)
                    return
                message, self.buffer = self.buffer[:end], self.buffer[end + len(_END_OF_DATA) :]
                self.in_data = False
                self.end_of_data(message)
                continue
            line, newline, rest = self.buffer.partition(b"\n")
            if not newline:
                return
            self.buffer = rest
            if self.prompts:
                self.auth_answer(line.strip())
            else:
                _COMMANDS.get(line[:4].upper(), Session.unknown)(self, line.rstrip())

    # -- answering

    def rule(self, phase: Phase, recipients: list[bytes] | None = None) -> Rule | None:
        rules = self.sink.rules
        if phase not in rules:
            return None
        recipients = self.envelope_to if recipients is None else recipients
        return next((rule for rule in rules[phase] if rule.matches(self, recipients)), None)

    def answer(self, rule: Rule | None, usual: bytes) -> None:
        """Answer a command whose effect, if any, has been seen to: as usual, or as the rule says."""
        if rule is None:
            self.transport.write(usual)
        elif rule.delay_s:
            self.busy = True
            asyncio.get_running_loop().call_later(rule.delay_s, self.resume, rule.action, usual)
        else:
            self.act(rule.action, usual)

    def resume(self, action: str, usual: bytes) -> None:
        if not self.transport.is_closing():
            self.busy = False
            self.act(action, usual)
            self.advance()

    def act(self, action: str, usual: bytes) -> None:
        if action == "hang":
            self.busy = True
        elif action == "hold":
            self.busy = True
            self.sink.held.append((self, usual))
        elif action in {"drop", "drop_after_dot_accepted"}:
            self.close()
        else:
            self.transport.write(action.encode() + b"\r\n" if action[0].isdigit() else usual)
            if action.startswith("421"):  # RFC 5321, 3.8: the server closes after it
                self.close()

    def close(self) -> None:
        self.busy = True
        self.transport.close()

    # -- the commands, in the order of a conversation

    def ehlo(self, line: bytes) -> None:
        rule = self.rule("ehlo")
        self.reset()
        if line[:4].upper() == b"HELO":
            self.answer(rule, b"250 sink.test\r\n")
            return
        sink = self.sink
        keywords = [b"SIZE 52428800", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES", b"PIPELINING"]
        if sink.starttls and not self.secure:
            keywords.append(b"STARTTLS")
        elif sink.credentials:  # as the big providers do, not before TLS where there is TLS
            keywords.append(b"AUTH PLAIN LOGIN")
        if rule and rule.action.startswith("without "):
            unwanted = rule.action.partition(" ")[2].encode()
            keywords = [keyword for keyword in keywords if keyword.split()[0] != unwanted]
        elif rule and rule.action.startswith("with "):
            keywords.append(rule.action.partition(" ")[2].encode())
        lines = [b"sink.test", *keywords]
        head = b"".join(b"250-%b\r\n" % text for text in lines[:-1])
        self.answer(rule, head + b"250 %b\r\n" % lines[-1])

    def starttls(self, line: bytes) -> None:
        if not self.sink.starttls or self.secure:
            self.transport.write(b"502 5.5.1 STARTTLS not available\r\n")
            return
        rule = self.rule("starttls")
        if rule and not rule.takes_effect:
            self.answer(rule, b"")
            return
        self.busy = True
        self.buffer = b""  # RFC 3207, 4.2: nothing said in the clear counts under TLS
        self.upgrading = asyncio.get_running_loop().create_task(self.upgrade(rule.delay_s if rule else 0))

    async def upgrade(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        # start_tls runs up to its first await in this very step: no byte of the handshake comes in between.
        self.transport.write(b"220 2.0.0 ready\r\n")
        start_tls = asyncio.get_running_loop().start_tls
        try:
            secured = await start_tls(self.transport, self, self.sink.tls, server_side=True)
        except OSError:  # the client went away or refused the certificate
            self.transport.abort()
            return
        self.transport = cast("asyncio.Transport", secured)
        self.secure = True
        self.authenticated = not self.sink.credentials
        self.reset()
        self.busy = False
        self.advance()

    def auth(self, line: bytes) -> None:
        mechanism, _, initial = line[5:].partition(b" ")
        self.answers = [initial] if initial else []
        prompts = _PROMPTS.get(mechanism.upper())
        if prompts is None or not self.sink.credentials or (self.sink.starttls and not self.secure):
            self.transport.write(b"504 5.5.4 mechanism not offered\r\n")
            return
        self.prompts = prompts
        self.auth_ask()

    def auth_ask(self) -> None:
        if len(self.answers) < len(self.prompts):
            self.transport.write(b"334 %b\r\n" % self.prompts[len(self.answers)])
            return
        self.prompts = []
        try:
            given = b"\0".join(base64.b64decode(text, validate=True) for text in self.answers).split(b"\0")
        except binascii.Error:
            self.transport.write(b"501 5.5.2 not base64\r\n")
            return
        right = given[-2:] == self.sink.credentials  # PLAIN carries an identity to act as before the two
        rule = self.rule("auth")
        self.authenticated = right and (rule is None or rule.takes_effect)
        self.answer(rule, b"235 2.7.0 welcome\r\n" if right else b"535 5.7.8 credentials invalid\r\n")

    def auth_answer(self, line: bytes) -> None:
        if line == b"*":
            self.prompts = []
            self.transport.write(b"501 5.7.0 cancelled\r\n")
            return
        self.answers.append(line)
        self.auth_ask()

    def mail(self, line: bytes) -> None:
        path = _PATH.match(line)
        if path is None:
            self.transport.write(b"501 5.5.4 MAIL FROM:<address>\r\n")
        elif not self.authenticated:
            self.transport.write(b"530 5.7.0 authentication required\r\n")
        elif self.envelope_from is not None:
            self.transport.write(b"503 5.5.1 nested MAIL\r\n")
        else:
            self.message += 1
            rule = self.rule("mail")
            if rule is None or rule.takes_effect:
                self.envelope_from = path[1]
            self.answer(rule, b"250 2.1.0 ok\r\n")

    def rcpt(self, line: bytes) -> None:
        path = _PATH.match(line)
        if path is None:
            self.transport.write(b"501 5.5.4 RCPT TO:<address>\r\n")
        elif self.envelope_from is None:
            self.transport.write(b"503 5.5.1 MAIL first\r\n")
        else:
            rule = self.rule("rcpt", [path[1]])
            if rule is None or rule.takes_effect:
                self.envelope_to.append(path[1])
            self.answer(rule, b"250 2.1.5 ok\r\n")

    def data(self, line: bytes) -> None:
        if not self.envelope_to:
            self.transport.write(b"503 5.5.1 RCPT first\r\n")
            return
        rule = self.rule("data")
        if rule is None or rule.takes_effect:
            self.in_data = True
            # RFC 5321, 4.1.1.4: the line end of DATA itself begins the terminator of an empty message.
            self.buffer = b"\r\n" + self.buffer
            self.scanned = 0
        self.answer(rule, b"354 go ahead\r\n")

    def end_of_data(self, message: bytes) -> None:
        rule = self.rule("dot")
        if rule is None or rule.takes_effect:
            self.accept(message)
        self.reset()
        self.answer(rule, b"250 2.0.0 accepted\r\n")

    def accept(self, message: bytes) -> None:
        self.accepted += 1
        self.sink.messages += 1
        message_id = b"" if self.sink.fast else _message_id(message)
        fields = (time.time(), self.number, self.envelope_from)
        lines = [b"%.6f\t%d\t%b\t%b\t%b\n" % (*fields, to, message_id) for to in self.envelope_to]
        os.write(self.sink.log_fd, b"".join(lines))

    def reset(self) -> None:
        self.envelope_from = None
        self.envelope_to = []

    def rset(self, line: bytes) -> None:
        self.reset()
        self.noop(line)

    def noop(self, line: bytes) -> None:
        self.transport.write(b"250 2.0.0 ok\r\n")

    def quit(self, line: bytes) -> None:
        self.transport.write(b"221 2.0.0 bye\r\n")
        self.close()

    def unknown(self, line: bytes) -> None:
        self.transport.write(b"500 5.5.2 unknown command\r\n")


_PROMPTS = {b"PLAIN": [b""], b"LOGIN": [base64.b64encode(b"Username:"), base64.b64encode(b"Password:")]}
_COMMANDS = {
    b"EHLO": Session.ehlo,
    b"HELO": Session.ehlo,
    b"STAR": Session.starttls,
    b"AUTH": Session.auth,
    b"MAIL": Session.mail,
    b"RCPT": Session.rcpt,
    b"DATA": Session.data,
    b"RSET": Session.rset,
    b"NOOP": Session.noop,
    b"QUIT": Session.quit,
}


def _message_id(message: bytes) -> bytes:
    """The Message-ID of a message that begins with the line end of DATA; the value may be folded."""
    headers = message.partition(b"\r\n\r\n")[0]
    at = headers.lower().find(b"\r\nmessage-id:")
    return b"" if at < 0 else headers[at + 13 :].lstrip().partition(b"\r\n")[0].rstrip()


class Control(asyncio.Protocol):
    """Commands from standard input, answers to standard output."""

    def __init__(self, sink: Sink, ended: asyncio.Event) -> None:
        self.sink = sink
        self.ended = ended
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            print(json.dumps(self.sink.control(line.decode())), flush=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


async def serve(options: argparse.Namespace) -> None:
    tls = None
    if options.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*options.tls)
    sink = Sink(options, tls)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Session(sink), options.host, options.port, ssl=None if options.starttls else tls, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        await loop.connect_read_pipe(lambda: Control(sink, ended), sys.stdin)
    await ended.wait()


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.sink")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--log", required=True, help="file to append accepted messages to")
    parser.add_argument("--script", default="[]", help="JSON, or @FILE")
    parser.add_argument("--fast", action="store_true", help="leave the Message-ID out of the log")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--starttls", action="store_true")
    mode.add_argument("--implicit-tls", action="store_true")
    parser.add_argument("--auth", metavar="USER:PASS")
    options = parser.parse_args(arguments)
    if bool(options.tls) != (options.starttls or options.implicit_tls):
        parser.error("--tls goes with one of --starttls and --implicit-tls")
    if options.script.startswith("@"):
        options.script = Path(options.script[1:]).read_text()
    return options


def main(arguments: list[str] | None = None) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve(parse_options(arguments)))


if __name__ == "__main__":
    main()
