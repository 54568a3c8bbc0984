"""Connecting to a sender's own server: at the address that was checked, with a certificate for the name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
import trustme

from app.domain.operations import host_policy
from app.domain.operations.host_policy import STRICT, Address, AddressInfo
from app.settings import SmtpSecurity
from tests.support.engine import ANYWHERE
from tests.support.sinkproc import Sink
from worker import connect
from worker.connect import Server
from worker.smtp import Conversation
from worker.verdicts import ServerTrouble

NAME = "mail.example.com"
PUBLIC = "93.184.215.14"


class Resolver:
    """Answers with these IPv4 addresses, one list for each time it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[AddressInfo]:
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in self._answers.pop(0)]


@pytest.fixture
def nobody_else_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any lookup but the test's own fails."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a second lookup")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", refuse)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def secure_sink(folder: Path, monkeypatch: pytest.MonkeyPatch, security: SmtpSecurity, name: str) -> Sink:
    """One whose certificate, by an authority we trust, is for `name`."""
    authority = trustme.CA()
    issued = authority.issue_cert(name)
    files = folder / "certificate.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(files[0])
    issued.private_key_pem.write_to_path(files[1])
    authority.cert_pem.write_to_path(folder / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    return Sink(starttls=files) if security == "starttls" else Sink(implicit_tls=files)


async def converse(server: Server, lookup: Resolver) -> None:
    """Connect, say hello, leave."""
    await (await Conversation.open(server, "here.example.com", lookup)).close()


async def trouble(server: Server, lookup: Resolver) -> str:
    with pytest.raises(ServerTrouble) as caught:
        await converse(server, lookup)
    return str(caught.value)


# The address


async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(
    sink: Sink, nobody_else_resolves: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[str] = []

    async def dial(addresses: Sequence[Address]) -> socket.socket:
        """To the sink instead of the wide world."""
        dialled.extend(address.ip for address in addresses)
        return await really_dial([Address(socket.AF_INET, ("127.0.0.1", sink.port))])

    really_dial = connect._dial  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(connect, "_dial", dial)
    lookup = Resolver([PUBLIC], ["127.0.0.1"])
    await converse(Server(NAME, 25, "none", policy=STRICT), lookup)
    assert (dialled, lookup.asked) == ([PUBLIC], [NAME])
    host_policy.forget(NAME)  # a minute later

    refused = await trouble(Server(NAME, 25, "none"), lookup)
    assert refused == f"{NAME} resolves to an address that this installation does not connect to"
    assert dialled == [PUBLIC]


async def test_nothing_but_the_answer_is_connected_to(sink: Sink, nobody_else_resolves: None) -> None:
    lookup = Resolver(["127.0.0.1"])
    await converse(Server(NAME, sink.port, "none", policy=ANYWHERE), lookup)
    assert (lookup.asked, sink.stats()["connections"]) == ([NAME], 1)


async def test_the_next_address_is_tried_when_one_does_not_answer(sink: Sink) -> None:
    await converse(Server(NAME, sink.port, "none", policy=ANYWHERE), Resolver(["127.0.0.2", "127.0.0.3", "127.0.0.1"]))
    assert sink.stats()["connections"] == 1


async def test_addresses_that_are_silent_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", silence)
    monkeypatch.setattr(connect, "CONNECT_TIMEOUT_S", 0.2)
    timeout, bounds = asyncio.timeout, list[float | None]()

    def noted(delay: float | None) -> asyncio.Timeout:
        bounds.append(delay)
        return timeout(delay)

    monkeypatch.setattr(asyncio, "timeout", noted)
    reason = await trouble(Server(NAME, 25, "none", policy=ANYWHERE), Resolver(["127.0.0.1", "127.0.0.2"]))
    assert reason == f"cannot connect to {NAME}:25: no answer within 0.2 s"
    assert bounds == [0.1, 0.1]


async def test_a_name_without_an_address_is_said_in_words() -> None:
    assert "it has no address" in await trouble(Server(NAME, 25, "none"), Resolver([]))


async def test_the_operators_own_server_may_be_anywhere(sink: Sink) -> None:
    await converse(Server("localhost", sink.port, "none", policy=None), Resolver(["127.0.0.1"]))
    assert sink.stats()["connections"] == 1


async def test_a_server_is_held_to_the_strict_policy_unless_told_otherwise(sink: Sink) -> None:
    assert f"has port {sink.port}" in await trouble(Server("127.0.0.1", sink.port, "none"), Resolver())
    assert "is a loopback address" in await trouble(Server("127.0.0.1", 25, "none"), Resolver())


async def test_a_login_in_the_clear_is_refused_before_anything_is_looked_up() -> None:
    lookup = Resolver()
    assert "in the clear" in await trouble(Server(NAME, 25, "none", "ann", "secret", ANYWHERE), lookup)
    assert lookup.asked == []


# The name


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("written", [NAME, f"{NAME}.", "Mail.Example.COM"])
async def test_the_certificate_is_for_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: SmtpSecurity, written: str
) -> None:
    with secure_sink(tmp_path, monkeypatch, security, NAME) as sink:
        await converse(Server(written, sink.port, security, policy=ANYWHERE), Resolver(["127.0.0.1"]))


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("certified", ["127.0.0.1", "other.example.com"])
async def test_a_certificate_for_the_address_alone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: SmtpSecurity, certified: str
) -> None:
    with secure_sink(tmp_path, monkeypatch, security, certified) as sink:
        server = Server(NAME, sink.port, security, policy=ANYWHERE)
        reason = await trouble(server, Resolver(["127.0.0.1"]))
    assert reason.startswith(f"TLS with {NAME}:{sink.port} failed: ")
    assert "certificate is not valid for" in reason
