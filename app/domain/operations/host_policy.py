"""Where a sender's own mail server may be: what a user types must not lead into the operator's network.

A name is resolved once and every address it has is checked; the caller connects to what was checked and to nothing
else, so that a name which changes its mind between two lookups (DNS rebinding) gains nothing. The installation's
fallback server is the operator's own and none of this concerns it.

Allowed is what the IANA special-purpose address registries (RFC 6890) leave as plain unicast. Forms that carry an IPv4
address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) are refused as a whole: no mail server needs them.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, Self

from app.settings import READING_PORTS, SUBMISSION_PORTS, Ports, Settings

_IPV6_UNICAST = IPv6Network("2000::/3")
_SPECIAL: list[tuple[IPv4Network | IPv6Network, str]] = [
    (ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "an unspecified"),
        ("10.0.0.0/8", "a private"),
        ("100.64.0.0/10", "a shared"),  # RFC 6598; a cloud's metadata at 100.100.100.200
        ("127.0.0.0/8", "a loopback"),
        ("168.63.129.16/32", "a link-local"),  # public by its number, and yet every Azure machine's own host
        ("169.254.0.0/16", "a link-local"),  # with most clouds' metadata
        ("172.16.0.0/12", "a private"),
        ("192.0.0.0/24", "a reserved"),
        ("192.0.2.0/24", "a reserved"),  # documentation, RFC 5737; also the next two of its kind
        ("192.88.99.0/24", "a reserved"),  # 6to4 relays, RFC 7526
        ("192.168.0.0/16", "a private"),
        ("198.18.0.0/15", "a reserved"),  # benchmarks, RFC 2544
        ("198.51.100.0/24", "a reserved"),
        ("203.0.113.0/24", "a reserved"),
        ("224.0.0.0/4", "a multicast"),
        ("240.0.0.0/4", "a reserved"),  # and broadcast
        ("::/128", "an unspecified"),
        ("::1/128", "a loopback"),
        ("::ffff:0:0/96", "an IPv4-mapped"),
        ("64:ff9b::/96", "a NAT64"),  # RFC 6052
        ("64:ff9b:1::/48", "a NAT64"),  # RFC 8215
        ("2001::/32", "a Teredo"),
        ("2001::/23", "a reserved"),  # protocol assignments, RFC 2928
        ("2001:db8::/32", "a reserved"),
        ("2002::/16", "a 6to4"),
        ("3fff::/20", "a reserved"),  # documentation, RFC 9637
        ("fc00::/7", "a private"),
        ("fe80::/10", "a link-local"),
        ("fec0::/10", "a private"),
        ("ff00::/8", "a multicast"),
    )
]

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?!.{{254}}){_LABEL}(?:\.{_LABEL})*")
# A name that inet_aton(3) takes for IPv4 in disguise ends in such a label: 2130706433, 127.1, 0x7f.1, 0177.0.0.1.
_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*")


class RefusedHost(Exception):
    """This installation does not connect there; the message says why, to follow the host's name."""


class HostPolicy(NamedTuple):
    """The hosts and ports that senders' own servers may have."""

    allow_private: bool = False
    ports: Ports = SUBMISSION_PORTS
    imap_ports: Ports = READING_PORTS

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say; where they say nothing, a trial on one's own machine may use any server there."""
        if settings.smtp_allow_private is None and settings.is_local:
            smtp, imap = settings.smtp_allowed_ports, settings.imap_allowed_ports
            return cls(True, None if smtp == SUBMISSION_PORTS else smtp, None if imap == READING_PORTS else imap)
        return cls(bool(settings.smtp_allow_private), settings.smtp_allowed_ports, settings.imap_allowed_ports)

    @property
    def of_reading(self) -> Self:
        """The same for IMAP servers."""
        return self._replace(ports=self.imap_ports)


STRICT = HostPolicy()


class Address(NamedTuple):
    """An address that a socket of this family connects to."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def ip(self) -> str:
        return str(self.sockaddr[0])


# As the event loop's getaddrinfo: family, type, protocol, canonical name, socket address. Raises OSError.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
Lookup = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]


class _Checked(NamedTuple):
    addresses: list[Address]
    until: float  # of time.monotonic


LOOKUP_TIMEOUT_S = 10.0
KEPT_S = 60.0
MOST_KEPT = 10_000
_RESOLVING = ThreadPoolExecutor(max_workers=32, thread_name_prefix="resolving")
_checked: dict[tuple[str, int, bool, Lookup], _Checked] = {}


async def look_up(host: str, port: int) -> Sequence[AddressInfo]:
    """The addresses that the system's resolver gives within LOOKUP_TIMEOUT_S. Raises OSError.

    In threads of its own: a name whose servers do not answer blocks one, and nobody else's.
    """
    asked = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(LOOKUP_TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(_RESOLVING, asked)
    except TimeoutError:
        raise TimeoutError(f"its name was not resolved within {LOOKUP_TIMEOUT_S:g} s") from None


async def resolve(host: str, port: int, *, allow_private: bool, lookup: Lookup = look_up) -> list[Address]:
    """All addresses of the host, each of them checked, in the order in which to try them.

    One that is refused refuses the host: a name of ours and of theirs at once is a trap. Asks `lookup` once, or not at
    all if it gave an answer that passed, under the same policy, less than KEPT_S ago: the caller connects to the
    addresses that were checked, so a name that changed its mind since gains nothing.
    Raises RefusedHost, and OSError when the name does not resolve.
    """
    name = canonical(host, allow_private=allow_private)
    question = (name, port, allow_private, lookup)
    known = _checked.get(question)
    if known is not None and time.monotonic() < known.until:
        return list(known.addresses)
    addresses = [Address(family, sockaddr) for family, _, _, _, sockaddr in await lookup(name, port)]
    for address in addresses:
        if special(address.ip) is not None and not allow_private:
            # Not to which: what names mean in the operator's network is nobody else's business.
            raise RefusedHost("resolves to an address that this installation does not connect to")
    distinct = list(dict.fromkeys(addresses))
    if len(_checked) >= MOST_KEPT:
        _checked.clear()
    _checked[question] = _Checked(distinct, time.monotonic() + KEPT_S)
    return list(distinct)


def forget(host: str) -> None:
    """Look the host up anew next time: nobody answered at the addresses that it had."""
    name = plain(host)
    for question in [known for known in _checked if known[0] == name]:
        del _checked[question]


def plain(host: str) -> str:
    """What two spellings of one name have in common."""
    return host.removesuffix(".").lower()


def canonical(host: str, *, allow_private: bool) -> str:
    """The name or address as certificates and resolvers know it: lower case, no final dot.

    Raises RefusedHost for what is neither, and for an address or a name of the operator's network that is not allowed.
    """
    name = plain(host)
    try:
        kind = special(ip := str(ip_address(name)))
    except ValueError:
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            raise RefusedHost("is an address in an unusual form; give it as four decimal numbers") from None
        if not _NAME.fullmatch(name):
            raise RefusedHost("is not a host name or IP address") from None
        if "." not in name and not allow_private:  # the operator's own machines have such names, and nobody else's
            raise RefusedHost("is not a full name, such as smtp.example.com") from None
        return name
    if "%" in ip:
        raise RefusedHost("is an address with a zone, which this installation does not connect to")
    if kind is not None and not allow_private:
        raise RefusedHost(f"is {kind} address, which this installation does not connect to")
    return ip


def check_port(port: int, allowed: Ports) -> None:
    """Raises RefusedHost."""
    if allowed is not None and port not in allowed:
        raise RefusedHost(f"has port {port}, and this installation connects to {listed(allowed)} only")


def listed(ports: Iterable[int]) -> str:
    """For a sentence: `25, 465, 587`."""
    return ", ".join(map(str, sorted(ports)))


def special(ip: str) -> str | None:
    """The kind of an address (`a private`) that is not plain unicast; None: it is. Raises ValueError if it is none."""
    address = ip_address(ip)
    for network, kind in _SPECIAL:
        if address.version == network.version and address in network:
            return kind
    if address.version == 6 and address not in _IPV6_UNICAST:
        return "a reserved"
    return None
