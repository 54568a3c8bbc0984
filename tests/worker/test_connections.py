"""Logging in and TLS: a server that does not let us in, or not safely, is given neither an email nor a password."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec import structs

from app.db import Pool
from app.domain.accounts.users import find_user
from app.domain.senders.draft import SenderChanges, SenderDraft, Server
from app.domain.senders.senders import change_sender, create_sender, password_place
from app.domain.senders.verification import verify_sender
from app.secrets import SecretBox
from app.settings import SUBMISSION_PORTS
from tests.support.api import api_client, authorization
from tests.support.engine import (
    ANYWHERE,
    Fleet,
    Owner,
    check_conservation,
    execute,
    row,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    wait_for,
    wait_until_sent,
)
from tests.support.sinkproc import Sink

MakeSink = Callable[..., Sink]


class Authority:
    """A certificate authority this process trusts, and the certificates it signs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.bundle)

    def issue(self, name: str) -> tuple[Path, Path]:
        """Files of a certificate and its key."""
        issued = self._ca.issue_cert(name)
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        for blob in issued.cert_chain_pems:
            blob.write_to_path(certificate, append=True)
        issued.private_key_pem.write_to_path(key)
        return certificate, key


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    return authority


@pytest.fixture
def make_sink() -> Iterator[MakeSink]:
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Sink(*args, **options))


@pytest.fixture
def secure_sink(make_sink: MakeSink, authority: Authority) -> MakeSink:
    """Makes one that takes the login ann:secret, over TLS."""

    def make(script: object = ()) -> Sink:
        return make_sink(script, starttls=authority.issue("127.0.0.1"), auth="ann:secret")

    return make


class Post:
    """A sender with a server of its own, and a worker to serve it."""

    def __init__(self, pool: Pool, database_url: str, box: SecretBox, owner: Owner) -> None:
        self.pool, self.database_url, self.box, self.owner = pool, database_url, box, owner

    async def sender(self, sink: Sink, security: str = "none", login: str | None = None) -> int:
        username, _, password = login.partition(":") if login else (None, None, None)
        server = Server("127.0.0.1", sink.port, security, username, password)  # pyright: ignore[reportArgumentType]
        draft = SenderDraft(email="ann@example.com", server=server, hourly_limit=100)
        created = await create_sender(
            self.pool, self.box, self.owner.workspace_id, draft, default_hourly_limit=100, policy=ANYWHERE
        )
        return created.id

    async def campaign(self, sender_id: int) -> int:
        return (await schedule_campaign(self.pool, self.owner, 3, sender_id=sender_id)).campaign.id

    async def trouble(self, sender_id: int) -> str:
        """The reason for which the sender is backed off, after checking that it cost no email anything."""
        found = await wait_for(
            lambda: rows(self.pool, "SELECT * FROM senders WHERE id = %s AND blocked_until > now()", sender_id),
            "the sender to be backed off",
        )
        assert await rows(self.pool, "SELECT FROM attempts") == []
        assert await rows(self.pool, "SELECT FROM login_windows WHERE used > 0") == []
        return found[0]["block_reason"]


@pytest.fixture
def post(pool: Pool, database_url: str, box: SecretBox, owner: Owner) -> Post:
    return Post(pool, database_url, box, owner)


async def _refused(post: Post, sink: Sink, *sender: Any) -> str:
    """Schedule for such a sender, see it backed off with nothing sent, and return why."""
    sender_id = await post.sender(sink, *sender)
    campaign = await post.campaign(sender_id)
    async with running_workers(post.database_url, settings_for(sink, lanes=2)):
        reason = await post.trouble(sender_id)
    assert await check_conservation(post.pool, campaign) == {"SCHEDULED": 3}
    assert sink.accepted() == []
    return reason


async def _delivered(post: Post, sink: Sink, *sender: Any) -> None:
    campaign = await post.campaign(await post.sender(sink, *sender))
    async with running_workers(post.database_url, settings_for(sink, lanes=2)):
        await wait_until_sent(post.pool, campaign)
    assert len(sink.accepted()) == 3


async def test_a_login_is_used_and_after_starttls_only(post: Post, secure_sink: MakeSink) -> None:
    # This sink takes no login, and therefore no mail, in the clear.
    await _delivered(post, secure_sink(), "starttls", "ann:secret")


async def test_a_refused_login_is_the_senders_trouble(post: Post, secure_sink: MakeSink) -> None:
    reason = await _refused(post, secure_sink(), "starttls", "ann:wrong")

    assert "refused the login: 535" in reason
    assert "wrong" not in reason


async def test_a_login_refused_for_now_is_the_senders_trouble(post: Post, secure_sink: MakeSink) -> None:
    sink = secure_sink({"auth": "454 4.7.0 try again later"})

    assert "454 4.7.0 try again later" in await _refused(post, sink, "starttls", "ann:secret")


async def test_a_login_never_goes_out_in_the_clear(post: Post, make_sink: MakeSink) -> None:
    sink = make_sink(auth="ann:secret")
    sender_id = await post.sender(sink)
    sealed = post.box.seal("secret", password_place(sender_id))  # from before the API refused such a sender
    await execute(
        post.pool, "UPDATE senders SET username = 'ann', password_encrypted = %s WHERE id = %s", sealed, sender_id
    )
    await post.campaign(sender_id)
    async with running_workers(post.database_url, settings_for(sink, lanes=2)):
        assert "in the clear" in await post.trouble(sender_id)
    assert sink.stats()["connections"] == 0


async def test_a_host_in_our_own_network_is_not_connected_to(post: Post, make_sink: MakeSink) -> None:
    sink = make_sink()
    sender_id = await post.sender(sink)
    await execute(post.pool, "UPDATE senders SET host = 'localhost' WHERE id = %s", sender_id)
    await post.campaign(sender_id)
    strict = structs.replace(settings_for(sink, lanes=2), smtp_allow_private=False)
    async with running_workers(post.database_url, strict):
        reason = await post.trouble(sender_id)
        assert reason == "localhost is not a full name, such as smtp.example.com"
        verified = await verify_sender(post.pool, post.owner.workspace_id, sender_id)
        assert (verified.ok, verified.error) == (False, reason)
    assert sink.stats()["connections"] == 0


async def test_a_port_that_is_not_allowed_is_not_connected_to(post: Post, make_sink: MakeSink) -> None:
    sink = make_sink()
    sender_id = await post.sender(sink)
    await post.campaign(sender_id)
    strict = structs.replace(settings_for(sink, lanes=2), smtp_allowed_ports=SUBMISSION_PORTS)
    async with running_workers(post.database_url, strict):
        assert f"has port {sink.port}" in await post.trouble(sender_id)
    assert sink.stats()["connections"] == 0


async def test_the_password_of_a_login_that_fails_is_in_no_answer_and_no_log(
    post: Post, secure_sink: MakeSink, tmp_path: Path
) -> None:
    password = "t0p-s3cr3t-w0rd"  # noqa: S105 -- nobody's
    sink = secure_sink()
    sender_id = await post.sender(sink, "starttls", f"ann:{password}")
    campaign = await post.campaign(sender_id)
    settings = settings_for(sink, lanes=2, log_level="DEBUG", data_dir=tmp_path)
    headers = await authorization(post.pool, await find_user(post.pool, "owner@example.com"))
    url = f"/api/senders/{sender_id}"
    broken = f'{{"password": "{password}", "port": }}'
    with Fleet(post.database_url, tmp_path) as fleet:
        (worker,) = fleet.start(settings)
        await post.trouble(sender_id)
        async with api_client(settings, post.database_url, headers) as api:
            answers = [
                await api.post(f"{url}/verify"),
                *[await api.get(path) for path in ("/api/senders", url, f"/api/campaigns/{campaign}", "/api/emails")],
                await api.patch(url, json={"displayName": "Ann"}),
                await api.patch(url, json={"username": "ann", "password": password, "port": 0}),
                await api.patch(url, content=broken, headers={"Content-Type": "application/json"}),
            ]
        worker.drain()
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 200, 422, 400]
    texts = [answer.text for answer in answers] + [worker.log]
    assert "refused the login" in texts[0]
    assert "refused the login" in texts[-1]
    spellings = [password] + [b64encode(text.encode()).decode() for text in (password, f"\0ann\0{password}")]
    assert not [text for text in texts if any(spelling in text for spelling in spellings)]


async def test_a_server_that_wants_a_login_we_have_not_is_the_senders_trouble(post: Post, make_sink: MakeSink) -> None:
    sink = make_sink(auth="ann:secret")
    sender_id = await post.sender(sink)
    campaign = await post.campaign(sender_id)
    async with running_workers(post.database_url, settings_for(sink, lanes=1)):
        await wait_for(
            lambda: rows(post.pool, "SELECT FROM senders WHERE block_reason LIKE '%%authentication required%%'"),
            "the sender to be backed off",
        )
    assert await check_conservation(post.pool, campaign) == {"SCHEDULED": 3}
    assert await row(post.pool, "SELECT sum(used) AS used FROM login_windows") == {"used": 0}


async def test_a_mended_login_ends_the_back_off_at_once(post: Post, secure_sink: MakeSink) -> None:
    sink = secure_sink()
    sender_id = await post.sender(sink, "starttls", "ann:wrong")
    campaign = await post.campaign(sender_id)
    async with running_workers(post.database_url, settings_for(sink, lanes=2)):
        await post.trouble(sender_id)
        await execute(
            post.pool, "UPDATE senders SET blocked_until = now() + interval '1 hour' WHERE id = %s", sender_id
        )

        mended = SenderChanges(server=Server("127.0.0.1", sink.port, "starttls", "ann", "secret"))
        await change_sender(post.pool, post.box, post.owner.workspace_id, sender_id, mended, policy=ANYWHERE)
        await wait_until_sent(post.pool, campaign)


async def test_tls_from_the_first_byte_is_used(post: Post, make_sink: MakeSink, authority: Authority) -> None:
    await _delivered(post, make_sink(implicit_tls=authority.issue("127.0.0.1")), "tls")


async def test_a_server_without_the_tls_we_want_gets_neither_mail_nor_password(
    post: Post, make_sink: MakeSink, authority: Authority
) -> None:
    sink = make_sink({"auth": "drop"}, auth="ann:secret")  # a login in the clear would be lost, not refused

    assert "STARTTLS" in await _refused(post, sink, "starttls", "ann:secret")


async def test_a_server_whose_starttls_is_hidden_gets_nothing_in_the_clear(
    post: Post, make_sink: MakeSink, authority: Authority
) -> None:
    sink = make_sink({"ehlo": "without STARTTLS"}, starttls=authority.issue("127.0.0.1"))

    assert "STARTTLS" in await _refused(post, sink, "starttls")


async def test_a_server_that_refuses_starttls_gets_nothing(
    post: Post, make_sink: MakeSink, authority: Authority
) -> None:
    sink = make_sink({"starttls": "454 4.7.0 TLS not available now"}, starttls=authority.issue("127.0.0.1"))

    assert "454 4.7.0 TLS not available now" in await _refused(post, sink, "starttls")


async def test_a_certificate_nobody_we_trust_has_signed_is_refused(
    post: Post, make_sink: MakeSink, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    sink = make_sink(starttls=Authority(tmp_path / "stranger").issue("127.0.0.1"))

    assert "certificate" in await _refused(post, sink, "starttls")


async def test_a_certificate_of_another_server_is_refused(
    post: Post, make_sink: MakeSink, authority: Authority
) -> None:
    assert "certificate" in await _refused(post, make_sink(implicit_tls=authority.issue("other.example")), "tls")


async def test_tls_to_a_server_that_speaks_plain_text_is_the_senders_trouble(
    post: Post, make_sink: MakeSink, authority: Authority
) -> None:
    assert "TLS with 127.0.0.1" in await _refused(post, make_sink(), "tls")


async def test_a_server_that_is_not_there_is_the_senders_trouble(post: Post, make_sink: MakeSink) -> None:
    sink = make_sink()
    sink.stop()

    assert "cannot connect to 127.0.0.1" in await _refused(post, sink)


async def test_a_password_that_cannot_be_read_is_its_senders_trouble_and_no_others(
    post: Post, secure_sink: MakeSink
) -> None:
    sink = secure_sink()
    unreadable, healthy = [await post.sender(sink, "starttls", "ann:secret") for _ in range(2)]
    elsewhere = SecretBox("another key").seal("secret", f"senders/{unreadable}/password")
    await execute(post.pool, "UPDATE senders SET password_encrypted = %s WHERE id = %s", elsewhere, unreadable)
    stuck, sent = await post.campaign(unreadable), await post.campaign(healthy)

    async with running_workers(post.database_url, settings_for(sink, lanes=2)):
        await wait_until_sent(post.pool, sent)
        assert "SECRET_KEY" in await wait_for(
            lambda: _block_reason(post.pool, unreadable), "the sender to be backed off"
        )
    assert await check_conservation(post.pool, stuck) == {"SCHEDULED": 3}


async def _block_reason(pool: Pool, sender_id: int) -> str | None:
    return (await row(pool, "SELECT block_reason FROM senders WHERE id = %s", sender_id))["block_reason"]
