"""Reading mailboxes: logging in at a real Dovecot, and servers that mean no good."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.domain.operations import host_policy
from tests.support.dovecot import PROGRAM, WANTED, Dovecot, dovecot
from tests.support.engine import wait_for
from tests.support.imap import Hostile
from tests.support.oauth import MailProvider
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker import imap
from worker.auth import Bearers
from worker.connect import Server
from worker.imap import Mailbox
from worker.verdicts import ServerTrouble

needs_dovecot = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
ANN = "ann@example.com"
PASSWORD = 'pass "word" \\ ü'  # noqa: S105 -- nobody's


@pytest.fixture
def provider() -> Iterator[MailProvider]:
    with MailProvider() as running:
        yield running


def _server(of: Dovecot, password: str | None = PASSWORD, *, tls: bool = True) -> Server:
    port, security = (of.imaps, "tls") if tls else (of.imap, "starttls")
    return Server("localhost", port, security, ANN, password, policy=None, ca_file=of.ca_file)


class _Bearer(msgspec.Struct):
    token: str
    version: int = 1


def _bearers(*tokens: str) -> Bearers:
    left = list(tokens)

    async def current() -> _Bearer:
        return _Bearer(left.pop(0))

    async def renewed(_: object) -> _Bearer | None:
        return _Bearer(left.pop(0)) if left else None

    return Bearers(current, renewed)


async def _trouble(server: Server) -> ServerTrouble:
    with pytest.raises(ServerTrouble) as caught:
        await Mailbox.open(server)
    return caught.value


@needs_dovecot
@pytest.mark.parametrize("tls", [True, False])
async def test_a_mailbox_is_read_and_nothing_in_it_is_changed(sink: Sink, tls: bool) -> None:
    with dovecot(sink.port, {ANN: PASSWORD}) as at:
        mailbox = await Mailbox.open(_server(at, tls=tls))
        assert mailbox.tls in {"TLSv1.2", "TLSv1.3"}
        assert mailbox.certificate_until
        folders = {folder.name: folder for folder in await mailbox.do(lambda session: session.folders())}
        assert folders["Sent"].uses == {"\\sent"}
        assert folders["Junk"].uses == {"\\junk"}
        assert folders["INBOX"].can_be_opened
        message = b"Message-ID: <1@here>\r\nSubject: hello\r\n\r\n.hello\r\n"
        await mailbox.do(lambda session: session.append("Sent", message, (b"\\Seen",)))
        await mailbox.do(lambda session: session.append("INBOX", message, ()))

        def read(session: imap.Session) -> tuple[int, list[int], bytes]:
            state = session.examine("INBOX")
            uids = session.search("HEADER", "MESSAGE-ID", "<1@here>")
            told = session.fetch(uids, "FLAGS", "BODY.PEEK[]")[uids[0]]
            assert b"\\Seen" not in told[b"FLAGS"]
            return state.messages, uids, told[b"BODY[]"]

        assert await mailbox.do(read) == (1, [1], message)
        assert await mailbox.do(read) == (1, [1], message)
        await mailbox.close()


@needs_dovecot
@pytest.mark.parametrize("mechanisms", ["plain xoauth2", "oauthbearer"])
async def test_a_connected_mailbox_is_read_by_its_token_and_a_refused_one_is_renewed_once(
    sink: Sink, provider: MailProvider, mechanisms: str
) -> None:
    _, token = provider.grant(ANN)
    with dovecot(sink.port, {}, provider.issuer, mechanisms) as at:
        server = _server(at, None)
        await (await Mailbox.open(server._replace(bearers=_bearers(token)))).close()
        await (await Mailbox.open(server._replace(bearers=_bearers("an old one", token)))).close()
        trouble = await _trouble(server._replace(bearers=_bearers("an old one", "another")))
    assert "refused the login: [AUTHENTICATIONFAILED]" in str(trouble)
    assert "of the access token it says: status" in str(trouble)
    assert "another" not in str(trouble)


@needs_dovecot
async def test_a_wrong_password_is_tried_once_and_told_in_the_servers_words(sink: Sink) -> None:
    with dovecot(sink.port, {ANN: PASSWORD}) as at:
        trouble = await _trouble(_server(at, "wrong"))

        async def told() -> bool:
            return "password mismatch" in at.log().lower()

        await wait_for(told, "the server to write its log")
        assert at.log().lower().count("password mismatch") == 1
    assert (trouble.kind, str(trouble)) == (
        "login",
        f"localhost:{at.imaps} refused the login: [AUTHENTICATIONFAILED] Authentication failed.",
    )


@needs_dovecot
async def test_a_private_authority_has_to_be_named(sink: Sink) -> None:
    with dovecot(sink.port, {ANN: PASSWORD}) as at:
        trouble = await _trouble(_server(at)._replace(ca_file=None))
    assert trouble.kind == "tls"
    assert "its certificate is not to be trusted" in str(trouble)


async def test_a_private_address_is_not_connected_to() -> None:
    trouble = await _trouble(Server("127.0.0.1", 993, "tls", ANN, PASSWORD, host_policy.STRICT.of_reading))
    assert (trouble.kind, str(trouble)[:33]) == ("host", "127.0.0.1 is a loopback address, ")
    trouble = await _trouble(Server("imap.example.com", 25, "tls", ANN, PASSWORD, host_policy.STRICT.of_reading))
    assert "connects to 143, 993 only" in str(trouble)


# Servers that mean no good


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


@pytest.mark.parametrize("greeting", [b"* OK ready\r\n", b"* PREAUTH hello ann\r\n"])
async def test_no_password_goes_out_where_somebody_takes_tls_away(hostile: Hostile, greeting: bytes) -> None:
    hostile.greeting = greeting
    async with hostile.running(tls=False) as server:
        trouble = await _trouble(server)
    assert trouble.kind == "protocol"
    assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in hostile.lines)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'* LIST () "/" {9999999999}\r\n', "more than anybody asked for"),
        (b"* LIST " + b"(" * 100_000 + b"\r\n%b OK done\r\n", "no IMAP"),
        (b'* LIST (\\Sent 5) "/" INBOX\r\n%b OK done\r\n', "no IMAP"),
        (b"* LIST (\\Sent) 5 INBOX\r\n%b OK done\r\n", "no IMAP"),
        (b"* LIST (\\x " + b"y" * 2_000_000, "got more than"),
        (b"nonsense of somebody\r\n", "no IMAP"),
        (b"* BYE tired\r\n", "tired"),
    ],
)
async def test_what_is_no_answer_is_bounded_and_said_to_be_none(hostile: Hostile, answer: bytes, words: str) -> None:
    hostile.answer = answer
    async with hostile.running() as server:
        mailbox = await Mailbox.open(server)
        with pytest.raises(ServerTrouble, match=words):
            await mailbox.do(lambda session: session.folders(), 10)
        await mailbox.close()


async def test_a_server_that_never_answers_is_left_in_time_and_its_thread_is_free_again(hostile: Hostile) -> None:
    hostile.answer = b""
    async with hostile.running() as server:
        began = time.monotonic()
        for _ in range(20):  # more than there are threads
            mailbox = await Mailbox.open(server)
            with pytest.raises(ServerTrouble, match=r"was not done after 0\.05 s"):
                await mailbox.do(lambda session: session.folders(), 0.05)
            await mailbox.close()
    assert time.monotonic() - began < BOUND_S


async def test_whoever_is_cancelled_hangs_up(hostile: Hostile) -> None:
    hostile.answer = b""
    async with hostile.running() as server:
        mailbox = await Mailbox.open(server)
        asking = asyncio.create_task(mailbox.do(lambda session: session.folders()))
        while not any(b"LIST" in line for line in hostile.lines):  # noqa: ASYNC110 -- the server notes it
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await mailbox.close()


async def test_a_server_that_hangs_up_at_the_login_is_said_to(hostile: Hostile) -> None:
    hostile.login = b"* BYE too many logins\r\n"
    async with hostile.running() as server:
        trouble = await _trouble(server)
    assert trouble.kind == "login"
    assert "too many logins" in str(trouble)


async def test_a_server_that_takes_no_password_is_given_none(hostile: Hostile) -> None:
    hostile.capabilities = b"IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"
    async with hostile.running() as server:
        assert "takes no password" in str(await _trouble(server))
    assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in hostile.lines)
