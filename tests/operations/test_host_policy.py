"""Where a sender's server may be: hostile hosts in every dress."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.operations import host_policy
from app.domain.operations.host_policy import STRICT, AddressInfo, RefusedHost, canonical, check_port, resolve, special
from app.domain.senders.draft import SenderChanges, Server, check
from app.errors import InvalidInput
from tests.support.waiting import BOUND_S

PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

SPECIAL = {
    "0.0.0.0": "an unspecified",  # noqa: S104 -- not bound to
    "10.0.0.5": "a private",
    "100.64.0.1": "a shared",
    "100.100.100.200": "a shared",
    "100.127.255.255": "a shared",
    "127.0.0.1": "a loopback",
    "127.255.255.254": "a loopback",
    "168.63.129.16": "a link-local",
    "169.254.169.254": "a link-local",
    "172.16.0.1": "a private",
    "172.31.255.255": "a private",
    "192.0.0.192": "a reserved",
    "192.0.2.1": "a reserved",
    "192.88.99.1": "a reserved",
    "192.168.1.1": "a private",
    "198.18.0.1": "a reserved",
    "198.51.100.1": "a reserved",
    "203.0.113.1": "a reserved",
    "224.0.0.1": "a multicast",
    "239.255.255.255": "a multicast",
    "240.0.0.1": "a reserved",
    "255.255.255.255": "a reserved",
    "::": "an unspecified",
    "::1": "a loopback",
    "::2": "a reserved",
    "::127.0.0.1": "a reserved",
    "::ffff:10.0.0.1": "an IPv4-mapped",
    "::ffff:93.184.215.14": "an IPv4-mapped",
    "::ffff:0:10.0.0.1": "a reserved",
    "64:ff9b::10.0.0.1": "a NAT64",
    "64:ff9b::5db8:d70e": "a NAT64",
    "64:ff9b:1::a00:1": "a NAT64",
    "100::1": "a reserved",
    "2001:0:5db8:d70e::1": "a Teredo",
    "2001:2::1": "a reserved",
    "2001:10::1": "a reserved",
    "2001:20::1": "a reserved",
    "2001:db8::1": "a reserved",
    "2002:a00:1::1": "a 6to4",
    "2002:7f00:1::": "a 6to4",
    "3fff::1": "a reserved",
    "4000::1": "a reserved",
    "5f00::1": "a reserved",
    "fc00::1": "a private",
    "fd00:ec2::254": "a private",
    "fe80::1": "a link-local",
    "fec0::1": "a private",
    "ff02::1": "a multicast",
}


class Resolver:
    """Answers with these addresses, one list for each time it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[AddressInfo]:
        self.asked.append((host, port))
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (ip, port, 0, 0))
            if ":" in ip
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))
            for ip in self._answers.pop(0)
        ]


# Addresses


@pytest.mark.parametrize(("ip", "kind"), SPECIAL.items())
async def test_a_special_address_is_refused_as_it_is_and_behind_a_name(ip: str, kind: str) -> None:
    assert special(ip) == kind
    with pytest.raises(RefusedHost, match=f"^is {kind} address, which"):
        canonical(ip, allow_private=False)
    with pytest.raises(RefusedHost) as refused:
        await resolve("mail.example.com", 587, allow_private=False, lookup=Resolver([ip]))
    assert str(refused.value) == "resolves to an address that this installation does not connect to"


@pytest.mark.parametrize("ip", [PUBLIC, PUBLIC_6, "1.1.1.1", "100.63.0.1", "172.32.0.1", "2001:4860:4860::8888"])
async def test_a_public_address_is_allowed(ip: str) -> None:
    (address,) = await resolve("mail.example.com", 587, allow_private=False, lookup=Resolver([ip]))
    assert (address.ip, address.sockaddr[1]) == (ip, 587)
    assert canonical(ip, allow_private=False) == ip


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_special(address: IPv4Address | IPv6Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert special(str(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_never_allowed(inside: IPv4Address) -> None:
    low = int(inside)
    carriers = [0, 0xFFFF << 32, 0x64FF9B << 96, 0x64FF9B0001 << 80, 0x2002 << 112 | low << 80, 0x20010000 << 96]
    for carrier in carriers:
        assert special(str(IPv6Address(carrier | low)))


# Names


async def test_one_special_address_among_public_ones_refuses_the_name() -> None:
    for answers in ([PUBLIC, "10.0.0.5"], ["10.0.0.5", PUBLIC], [PUBLIC, PUBLIC_6, "::1"]):
        with pytest.raises(RefusedHost):
            await resolve("mail.example.com", 587, allow_private=False, lookup=Resolver(answers))


async def test_addresses_come_in_the_resolvers_order_each_once() -> None:
    lookup = Resolver([PUBLIC_6, PUBLIC, PUBLIC_6])
    addresses = await resolve("Mail.Example.com.", 587, allow_private=False, lookup=lookup)
    assert [address.ip for address in addresses] == [PUBLIC_6, PUBLIC]
    assert lookup.asked == [("mail.example.com", 587)]


async def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    lookup = Resolver([PUBLIC], ["127.0.0.1"])
    (address,) = await resolve("rebinding.example", 587, allow_private=False, lookup=lookup)
    assert (address.ip, len(lookup.asked)) == (PUBLIC, 1)


async def test_localhost_by_the_systems_own_resolver() -> None:
    with pytest.raises(RefusedHost):
        await resolve("localhost", 587, allow_private=False)
    assert all(ip_address(found.ip).is_loopback for found in await resolve("localhost", 587, allow_private=True))


async def test_where_private_addresses_are_allowed_they_are() -> None:
    assert canonical("10.0.0.5", allow_private=True) == "10.0.0.5"
    (address,) = await resolve("relay.internal", 25, allow_private=True, lookup=Resolver(["10.0.0.5"]))
    assert address.ip == "10.0.0.5"


DISGUISES = [
    *("2130706433", "0x7f000001", "017700000001", "0x7f.1", "0x7f.0.0.1", "127.1", "127.0.1", "0177.0.0.1"),
    *("127.0.0.01", "127.0.0.1.", "127.0.0.1..", "127.0.0.256", "10.0.0.0.5", "0", "0x", "1.2.3", "foo.1", "foo.0x7f"),
    *("[::1]", "[::1]:25", "::1%lo", "fe80::1%eth0", "fe80::1%25eth0", "2606:2800::1%1", "::ffff:7f00:1", "0::1"),
    *("\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "127.0.0.1\u200b"),
    *("", ".", "..", ".example.com", "a..b", "-a.example", "a-.example", "a" * 64 + ".example", "a." * 127 + "aa"),
    *("user@host", "http://host", "host:25", "host/path", "host#", "host?", "a b", "a\tb", "a\nb", "a\r\nb", "a\0b"),
    *("host\n", "127.0.0.1\n", "127.0.0.1 ", " 127.0.0.1", "127.0.0.1 x", "b\u00fccher.example"),
]


@pytest.mark.parametrize("host", DISGUISES)
def test_a_host_in_disguise_is_refused_before_anything_is_looked_up(host: str) -> None:
    with pytest.raises(RefusedHost):
        canonical(host, allow_private=False)


@given(st.integers(0, 2**32 - 1), st.sampled_from([str, hex, lambda n: f"0{n:o}", lambda n: f"1.{n % 2**24}"]))
def test_a_number_is_never_a_name(number: int, write: object) -> None:
    with pytest.raises(RefusedHost):
        canonical(write(number), allow_private=True)  # pyright: ignore[reportCallIssue, reportUnknownArgumentType]


@given(st.text(max_size=40))
def test_whatever_is_typed_is_refused_or_plain(host: str) -> None:
    try:
        name = canonical(host, allow_private=False)
    except RefusedHost:
        return
    assert name.isascii()
    assert name == canonical(name, allow_private=False)
    assert not any(c.isspace() or ord(c) < 32 for c in name)


@pytest.mark.parametrize("host", ["localhost", "postgres", "vm", "VM.", "metadata", "a_b", "ai"])
async def test_a_name_without_a_dot_is_the_operators_own_and_not_looked_up(host: str) -> None:
    lookup = Resolver()
    with pytest.raises(RefusedHost, match="is not a full name"):
        await resolve(host, 587, allow_private=False, lookup=lookup)
    assert lookup.asked == []
    assert canonical(host, allow_private=True) == host.lower().rstrip(".")


@pytest.mark.parametrize("host", ["smtp.example.com", "SMTP.Example.COM.", "a_b.example", "xn--bcher-kva.example"])
def test_a_host_name_is_one(host: str) -> None:
    assert canonical(host, allow_private=False) == host.lower().rstrip(".")


# Ports, and the whole of it at the API's door


def test_ports_are_those_of_mail_unless_set_otherwise() -> None:
    check_port(587, frozenset({25, 587}))
    check_port(22, None)
    with pytest.raises(RefusedHost, match="has port 22, and this installation connects to 25, 587 only"):
        check_port(22, frozenset({587, 25}))


@pytest.mark.parametrize(
    ("server", "field"),
    [
        (Server("127.0.0.1", 587), "host"),
        (Server("169.254.169.254", 25, "none"), "host"),
        (Server("2130706433", 587), "host"),
        (Server("::1", 587), "host"),
        (Server("smtp.example.com", 22), "port"),
        (Server("smtp.example.com", 6379), "port"),
        (Server("smtp.example.com", 70000), "port"),
        (Server("smtp.example.com", 587, "none", "ann", "secret"), "security"),
    ],
)
def test_a_server_that_is_not_allowed_is_refused_by_its_field(server: Server, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(SenderChanges(server=server), STRICT, "PASSWORD", {})
    assert list(refused.value.fields) == [field]


# Look-ups


class _System:
    """Stands for the system's resolver; counts what it is asked, and answers once `answers` is set."""

    def __init__(self, ip: str = "93.184.215.14") -> None:
        self.ip = ip
        self.asked: list[str] = []
        self.answers = threading.Event()
        self.answers.set()

    def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        self.answers.wait(BOUND_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.ip, port))]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[_System]:
    system = _System()
    monkeypatch.setattr(socket, "getaddrinfo", system.getaddrinfo)
    monkeypatch.setattr(host_policy, "_checked", {})
    yield system
    system.answers.set()


async def test_an_answer_that_passed_is_kept_for_a_minute_and_no_longer(
    system: _System, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await resolve("mail.example.com", 25, allow_private=False)
    system.ip = "127.0.0.1"  # what is kept is what was checked, so that changes nothing yet
    assert await resolve("MAIL.example.com.", 25, allow_private=False) == first
    assert len(system.asked) == 1
    later = time.monotonic() + host_policy.KEPT_S
    monkeypatch.setattr(host_policy.time, "monotonic", lambda: later)
    with pytest.raises(RefusedHost):
        await resolve("mail.example.com", 25, allow_private=False)
    assert len(system.asked) == 2


async def test_an_answer_is_kept_for_the_policy_under_which_it_passed(system: _System) -> None:
    system.ip = "127.0.0.1"
    await resolve("mail.example.com", 25, allow_private=True)
    with pytest.raises(RefusedHost):
        await resolve("mail.example.com", 25, allow_private=False)
    with pytest.raises(RefusedHost):  # refusals are not kept
        await resolve("mail.example.com", 25, allow_private=False)
    assert len(system.asked) == 3


async def test_a_host_at_whose_addresses_nobody_answered_is_looked_up_anew(system: _System) -> None:
    await resolve("mail.example.com", 25, allow_private=False)
    host_policy.forget("Mail.example.com.")
    await resolve("mail.example.com", 25, allow_private=False)
    assert len(system.asked) == 2


async def test_a_resolver_that_does_not_answer_is_given_up_and_holds_no_other_up(
    system: _System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_policy, "LOOKUP_TIMEOUT_S", 1.0)
    system.answers.clear()
    stuck = [resolve(f"mail{number}.example.com", 25, allow_private=False) for number in range(12)]
    outcomes = await asyncio.gather(*stuck, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["its name was not resolved within 1 s"] * 12
    assert len(system.asked) == 12  # all at once
