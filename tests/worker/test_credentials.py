"""Logging in to senders' servers: by tokens at a real Dovecot, one try for each password, in the server's words."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from app.db import Conn, Pool
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import find_user
from app.domain.ledger import exchange
from app.domain.ledger.claims import Claimant
from app.domain.senders import for_workers
from app.secrets import SecretBox
from app.settings import Settings, SettingsError, from_env
from tests.support.api import api_client
from tests.support.dovecot import PROGRAM, WANTED, Dovecot, dovecot
from tests.support.engine import (
    SECRET_KEY,
    Owner,
    check_conservation,
    check_deliveries,
    execute,
    row,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
    wake_all,
)
from tests.support.mailboxes import ANN, begin, come_back, granted, log_in, providers_file
from tests.support.oauth import MailProvider
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker import auth
from worker.auth import Bearers, Password, Token, by_token, without_secrets
from worker.connect import Server
from worker.lanes import Crew, Lane
from worker.smtp import Conversation
from worker.verdicts import ServerTrouble
from worker.wire import Wire

needs_dovecot = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)


@pytest.fixture
def provider() -> Iterator[MailProvider]:
    with MailProvider() as running:
        yield running


class Post:
    """A mailbox at a Dovecot whose bearers the provider vouches for."""

    def __init__(self, pool: Pool, owner: Owner, provider: MailProvider, sink: Sink, folder: Path) -> None:
        self.pool, self.owner, self.provider, self.sink, self._folder = pool, owner, provider, sink, folder
        self.box = SecretBox(SECRET_KEY)

    async def connect(self) -> None:
        """The owner's sender is a mailbox that was connected an hour ago."""
        await execute(self.pool, "UPDATE senders SET host = 'localhost', port = 587, security = 'starttls'")
        await granted(self.pool, self.box, self.provider, self.owner.sender_id)

    def settings(self, server: Dovecot) -> Settings:
        file = providers_file(self._folder, self.provider, server.submission)
        settings = settings_for(self.sink, lanes=3, mail_providers_file=file)
        return msgspec.structs.replace(settings, smtp_ca_file=server.ca_file)

    async def reason(self, words: str) -> str:
        """Why the sender is blocked, once that has these words in it."""
        found = await wait_for(
            lambda: rows(self.pool, "SELECT block_reason FROM senders WHERE block_reason LIKE %s", f"%{words}%"),
            f"the sender to be blocked with {words!r}",
        )
        return found[0]["block_reason"]


@pytest.fixture
async def post(pool: Pool, owner: Owner, provider: MailProvider, sink: Sink, tmp_path: Path) -> Post:
    made = Post(pool, owner, provider, sink, tmp_path)
    await made.connect()
    return made


@needs_dovecot
@pytest.mark.parametrize("mechanisms", ["plain login xoauth2 oauthbearer", "plain oauthbearer"])
async def test_mail_goes_out_by_an_access_token(
    post: Post, database_url: str, provider: MailProvider, sink: Sink, mechanisms: str
) -> None:
    with dovecot(sink.port, {}, provider.issuer, mechanisms) as server:
        async with running_workers(database_url, post.settings(server)):
            campaign = (await schedule_campaign(post.pool, post.owner, 20)).campaign.id
            await wait_until_sent(post.pool, campaign)
        assert server.log().count(f"method={'XOAUTH2' if 'xoauth2' in mechanisms else 'OAUTHBEARER'}") >= 1
    assert len(sink.accepted()) == 20
    assert provider.requests["refresh_token"] == 1


@needs_dovecot
async def test_a_token_taken_back_in_the_middle_of_a_campaign_fails_and_loses_nothing(
    post: Post, database_url: str, provider: MailProvider, sink: Sink
) -> None:
    with dovecot(sink.port, {}, provider.issuer) as server:
        async with running_workers(database_url, post.settings(server), 2):
            campaign = (await schedule_campaign(post.pool, post.owner, 60, delay_between_ms=200)).campaign.id
            await wait_for(lambda: _sent(post.pool, 5), "some to be sent")
            provider.revoke(ANN)
            await execute(post.pool, "UPDATE logins SET access_expires_at = now(), refreshed_at = '-infinity'")
            # Lanes that are open go on as long as the server lets them: they are made to connect anew.
            await execute(post.pool, "UPDATE senders SET display_name = 'Ann'")
            await wake_all(post.pool)
            reason = await post.reason("connect the mailbox again")
            assert "The company says invalid_grant" in reason
            counts = await check_conservation(post.pool, campaign)
            assert counts["FAILED"] == counts["UNKNOWN"] == 0
            assert counts["SCHEDULED"] > 0
            async with api_client(post.settings(server), database_url) as browser:
                user = await find_user(post.pool, "owner@example.com")
                await log_in(browser, post.pool, user.id, LOCAL)
                sender = (await browser.get(f"/api/senders/{post.owner.sender_id}")).json()
                assert sender["credential"]["endedAt"] is not None
                url = await begin(browser, sender=str(post.owner.sender_id))
                await come_back(browser, provider.consent(url, ANN))  # she connects it again, and that is all
            await wait_until_sent(post.pool, campaign)
        await check_deliveries(post.pool, sink)
    assert provider.requests["refresh_token"] <= 3


async def _sent(pool: Pool, least: int) -> bool:
    return await value(pool, "SELECT count(*) >= %s FROM emails WHERE status = 'SENT'", least)


@needs_dovecot
async def test_a_bearer_that_the_server_refuses_is_refreshed_once(
    post: Post, database_url: str, provider: MailProvider, sink: Sink
) -> None:
    """The provider ended it early: nobody knew."""
    with dovecot(sink.port, {}, provider.issuer) as server:
        provider.expire(ANN)
        await execute(post.pool, "UPDATE logins SET access_expires_at = now() + interval '1 hour'")
        async with running_workers(database_url, post.settings(server)):
            campaign = (await schedule_campaign(post.pool, post.owner, 5)).campaign.id
            await wait_until_sent(post.pool, campaign)
    assert provider.requests["refresh_token"] == 1
    assert (await row(post.pool, "SELECT failures, block_reason FROM senders")) == {"failures": 0, "block_reason": None}


@needs_dovecot
async def test_a_mailbox_that_no_token_opens_is_said_to_be_so_in_words(
    post: Post, database_url: str, provider: MailProvider, sink: Sink
) -> None:
    """The tokens are somebody else's than the mailbox's."""
    with dovecot(sink.port, {}, provider.issuer) as server:
        await granted_of_another(post, "bob@example.com")
        async with running_workers(database_url, post.settings(server)):
            await schedule_campaign(post.pool, post.owner, 5)
            reason = await post.reason("refused the login: 535")
    assert "Authentication failed" in reason
    assert "of the access token it says: status" in reason
    assert sink.accepted() == []


async def granted_of_another(post: Post, address: str) -> None:
    """Past the rule that a grant ends with the username."""
    await execute(post.pool, "ALTER TABLE senders DISABLE TRIGGER senders_keep_grant")
    await granted(post.pool, post.box, post.provider, post.owner.sender_id, address)
    await execute(post.pool, "UPDATE senders SET username = 'ann@example.com'")


@needs_dovecot
async def test_a_private_authority_has_to_be_named(
    post: Post, database_url: str, provider: MailProvider, sink: Sink
) -> None:
    with dovecot(sink.port, {}, provider.issuer) as server:
        settings = msgspec.structs.replace(post.settings(server), smtp_ca_file=None)
        async with running_workers(database_url, settings):
            await schedule_campaign(post.pool, post.owner, 1)
            assert "its certificate is not to be trusted" in await post.reason("TLS with localhost")


def test_a_file_without_certificates_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for file in ("ca.pem", "none.pem"):
        with pytest.raises(SettingsError, match="SMTP_CA_FILE: cannot read certificates"):
            from_env({"SMTP_CA_FILE": str(tmp_path / file)})


# The server's words


class Strict:
    """A server that counts tries, and may hang up with its refusal."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.connections = 0
        self.offers = b"PLAIN LOGIN CRAM-MD5"
        self.greeting_after_s = 0.0
        self.answers_after_s = 0.0
        self.silent = False  # on the first connection
        self.answers: list[bytes] = [b"535 5.7.8 Username and Password not accepted. See https://help.example\r\n"]
        self.hangs_up = True

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.silent and self.connections == 1:
            await reader.read()
        await asyncio.sleep(self.greeting_after_s)
        writer.write(b"220 strict.test ESMTP\r\n")
        answers = list(self.answers)
        while line := await reader.readline():
            self.lines.append(line.strip())
            if line.startswith(b"EHLO"):
                writer.write(b"250-strict.test\r\n250 AUTH %b\r\n" % self.offers)
            elif line.startswith(b"QUIT"):
                break
            else:
                await asyncio.sleep(self.answers_after_s)
                writer.write(answers.pop(0))
                if not answers and self.hangs_up:
                    break
        writer.close()

    def tries(self) -> list[bytes]:
        return [line for line in self.lines if line.startswith(b"AUTH")]


@asynccontextmanager
async def strict_server(strict: Strict) -> AsyncGenerator[Server]:
    server = await asyncio.start_server(strict.converse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Server("127.0.0.1", port, "none", "ann", "wrong", policy=None)


async def _trouble(server: Server) -> ServerTrouble:
    with pytest.raises(ServerTrouble) as caught:
        await Conversation.open(server, "here.example.com")
    return caught.value


@pytest.mark.parametrize("offers", [b"PLAIN LOGIN", b"LOGIN", b"CRAM-MD5 PLAIN LOGIN"])
async def test_a_wrong_password_is_tried_once_and_the_servers_words_are_kept_though_it_hangs_up(offers: bytes) -> None:
    strict = Strict()
    strict.offers = offers
    refusal = strict.answers[0]
    if offers == b"LOGIN":
        strict.answers = [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", refusal]
    elif b"CRAM-MD5" in offers:
        strict.answers = [b"334 " + base64.b64encode(b"<1@strict.test>") + b"\r\n", refusal]
    async with strict_server(strict) as server:
        trouble = await _trouble(server)
    assert f"refused the login: 535 {refusal[4:].decode().strip()}" in str(trouble)
    assert (trouble.kind, trouble.code) == ("login", 535)
    assert len(strict.tries()) == 1
    assert sum(line.startswith(b"EHLO") for line in strict.lines) == 1


async def test_a_wrong_password_is_tried_once_by_all_lanes_of_a_worker(
    pool: Pool, owner: Owner, database_url: str, sink: Sink
) -> None:
    """However many emails are due: the first lane tells."""
    strict = Strict()
    blocked = "SELECT block_reason FROM senders WHERE block_reason LIKE '%%Username and Password not accepted%%'"
    async with (
        strict_server(strict) as server,
        running_workers(database_url, settings_for(sink, lanes=64), fallback=server),
    ):
        campaign = (await schedule_campaign(pool, owner, 200)).campaign.id
        await wait_for(lambda: rows(pool, blocked), "the sender to be blocked")
    assert len(strict.tries()) == 1
    counts = await check_conservation(pool, campaign)
    assert counts["SCHEDULED"] == 200


async def test_a_wrong_password_is_tried_once_however_late_the_server_says_so(
    pool: Pool, owner: Owner, database_url: str, sink: Sink
) -> None:
    """The loop is woken, and looks again, while its first lane waits for the answer, as a Dovecot has it wait."""
    strict = Strict()
    strict.answers_after_s = 1.0
    await _send_until_blocked(pool, owner, database_url, sink, strict)
    assert len(strict.tries()) == 1


async def test_a_wrong_password_is_not_tried_once_more_by_a_loop_that_looks_while_it_is_refused(
    pool: Pool, owner: Owner, database_url: str, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Strict()
    strict.answers_after_s = 0.5
    outlook, ended, known = exchange.outlook, Crew.ended, asyncio.Event()

    async def long_look(conn: Conn, claimant: Claimant) -> exchange.Outlook | None:
        look = await outlook(conn, claimant)
        if strict.tries():
            await known.wait()
        return look

    def end(crew: Crew, lane: Lane, trouble: ServerTrouble | None) -> None:
        ended(crew, lane, trouble)
        known.set()

    monkeypatch.setattr(exchange, "outlook", long_look)
    monkeypatch.setattr(Crew, "ended", end)
    await _send_until_blocked(pool, owner, database_url, sink, strict)
    assert strict.connections == 1


async def test_a_first_connection_that_hangs_holds_the_sender_up_for_a_while_only(
    pool: Pool, owner: Owner, database_url: str, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.lanes.PATIENCE_S", 0.5)
    strict = Strict()
    strict.silent = True
    await _send_until_blocked(pool, owner, database_url, sink, strict)
    assert strict.connections > 1


async def _send_until_blocked(pool: Pool, owner: Owner, database_url: str, sink: Sink, strict: Strict) -> None:
    """The loop is woken again and again meanwhile."""

    async def blocked() -> bool:
        await wake_all(pool)
        return await value(pool, "SELECT blocked_until > now() FROM senders")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(for_workers, "FIRST_BACK_OFF_S", 60.0)  # more than it takes to stop: none tries once more
        async with (
            strict_server(strict) as server,
            running_workers(database_url, settings_for(sink, lanes=64), fallback=server),
        ):
            await schedule_campaign(pool, owner, 200)
            await wait_for(blocked, "the sender to be blocked")


async def test_a_server_that_hangs_up_at_the_login_without_a_word_is_said_to() -> None:
    strict = Strict()
    strict.answers = [b""]
    async with strict_server(strict) as server:
        assert "ended the conversation at the login: the server closed the connection" in str(await _trouble(server))


@pytest.mark.parametrize("offers", [b"GSSAPI NTLM", b"XOAUTH2"])
async def test_a_server_that_takes_no_password_is_given_none(offers: bytes) -> None:
    strict = Strict()
    strict.offers = offers
    async with strict_server(strict) as server:
        assert "a password cannot be used there" in str(await _trouble(server))
    assert strict.tries() == []


async def test_a_greeting_that_takes_longer_than_connecting_may_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.connect.CONNECT_TIMEOUT_S", 0.3)
    strict = Strict()
    strict.answers, strict.hangs_up, strict.greeting_after_s = [b"235 2.7.0 welcome\r\n"], False, 0.6
    async with strict_server(strict) as server:
        await (await Conversation.open(server, "here.example.com")).close()
        monkeypatch.setattr("worker.connect.GREETING_TIMEOUT_S", 0.2)
        assert "it did not greet us within 0.2 s" in str(await _trouble(server))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([b"334 " + base64.b64encode(b'{"status":"400","scope":"mail"}') + b"\r\n", b"535 5.7.8 no\r\n"], "status 400"),
        ([b"334 " + base64.b64encode(b"[" * 5_000) + b"\r\n", b"535 5.7.8 no\r\n"], "535 5.7.8 no"),
        ([b"334 not base64!\r\n", b"535 5.7.3 Authentication unsuccessful\r\n"], "535 5.7.3 Authentication"),
        ([b"334 " + base64.b64encode(b'{"status":"401"}') + b"\r\n"], "status 401"),  # and it hangs up
        ([b"535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox\r\n"], "is disabled for the Mailbox"),
    ],
)
async def test_what_a_server_says_of_a_token_is_shown_in_words(answers: list[bytes], words: str) -> None:
    strict = Strict()
    strict.offers, strict.answers = b"XOAUTH2", answers
    asked: list[str] = []
    async with strict_server(strict) as server:
        trouble = await _trouble(server._replace(password=None, bearers=_bearers(asked)))
    assert words in str(trouble)
    assert "a token" not in str(trouble)
    # Where the mailbox is not to be used at all, a new token is not asked for.
    assert asked == ["current"] if b"5.7.139" in answers[-1] else ["current", "renewed"]
    assert len(strict.tries()) == 1


@pytest.mark.parametrize("credential", [Password("ann", "hunter2-hunter2", True), Token("ann", "ya29.token", "x", 1)])
def test_a_server_that_repeats_what_it_was_told_gives_no_secret_away(credential: Password | Token) -> None:
    """Whole, cut off, unpacked, or in quotation marks."""
    if isinstance(credential, Password):
        secret, sent = credential.password, f"\0ann\0{credential.password}".encode()
    else:
        secret, sent = credential.token, by_token("x", {"xoauth2"}, credential).first
    encoded = base64.b64encode(sent).decode()
    for said in (encoded, encoded[:-7], secret, f'AUTH "{secret}"', base64.b64encode(sent).decode() + "=="):
        text = without_secrets(f"mail.test refused the login: 500 what is {said}?", credential)
        assert text.startswith("mail.test refused the login: 500 what is ")
        assert secret not in text
        assert encoded[8:20] not in text
    short = Password("ann", "login", False)
    assert without_secrets("refused the login", short) == "refused the login"


async def test_a_password_that_is_repeated_is_not_kept() -> None:
    strict = Strict()
    strict.answers = [b"535 cannot read AUTH PLAIN " + base64.b64encode(b"\0ann\0wrong password") + b"\r\n"]
    async with strict_server(strict) as server:
        trouble = await _trouble(server._replace(password="wrong password"))  # noqa: S106 -- nobody's
    assert str(trouble).endswith("refused the login: 535 cannot read AUTH PLAIN …")


class _Bearer(msgspec.Struct):
    token: str = "a token"  # noqa: S105 -- nobody's
    version: int = 1


def _bearers(asked: list[str]) -> Bearers:
    async def current() -> _Bearer:
        asked.append("current")
        return _Bearer()

    async def renewed(refused: _Bearer) -> None:
        asked.append("renewed")

    return Bearers(current, renewed)


@pytest.mark.parametrize("answer", [b"", b"334 !!!\r\n", b"535 5.7.8 no\r\n"])
async def test_a_login_that_fails_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Of a server that says nothing, or a challenge that is none, as of one that refuses."""
    if not answer:
        monkeypatch.setattr(auth, "AUTH_TIMEOUT_S", 0.1)
    ours, theirs = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    reader, writer = await asyncio.open_connection(sock=theirs)

    async def serve() -> bytes:
        await reader.readline()
        writer.write(answer)
        return await reader.read()

    served = asyncio.create_task(serve())
    with pytest.raises(ServerTrouble):
        await auth.log_in(Wire(transport), "x:587", ["cram-md5"], Password("ann", "a word", in_the_clear=False))
    async with asyncio.timeout(BOUND_S):
        assert await served == b""
    writer.close()
