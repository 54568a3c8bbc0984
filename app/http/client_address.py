"""Where a request comes from. A proxy in front of us says so in X-Forwarded-For, and so may anybody: what is said is
believed of the proxies alone that TRUSTED_PROXIES names.

Each proxy writes behind what it was given the address that it was asked from. So we read from the right, past our own
proxies, up to the first address that is none of them: what stands before that is hearsay.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SAME_VISITOR_BITS = 64  # of an IPv6 address: a household, or a machine, has all that begin alike


class ClientAddress(NamedTuple):
    """`visitor` is as `Actor.visitor`."""

    address: str
    visitor: str | None


class ClientAddresses:
    """Finds the address of who asks, past the proxies that are trusted."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted: list[Network] = [ip_network(network) for network in trusted_proxies]

    def find(self, connection: ASGIConnection[Any, Any, Any, Any]) -> ClientAddress:
        """Without trusted proxies, a peer that is no public address may be one that we do not know of, and everybody
        who comes through it would be counted as one visitor: it is not counted at all.
        """
        peer = None if connection.client is None else _parse(connection.client.host)
        if peer is None:
            return ClientAddress("unknown", None)
        address = self._before_proxies(peer, connection.headers.getall("x-forwarded-for", []))
        visitor = _visitor(address) if self._trusted or address.is_global else None
        return ClientAddress(str(address), visitor)

    def _before_proxies(self, peer: Address, forwarded: Iterable[str]) -> Address:
        hops = ",".join(forwarded).split(",")
        address = peer
        while hops and self._is_trusted(address):
            before = _parse(hops.pop())
            if before is None:
                break
            address = before
        return address

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _parse(text: str) -> Address | None:
    """An address, also with a port behind it, as some proxies write. None: it is no address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))  # without the zone: it says nothing to others
    return address


def _visitor(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, SAME_VISITOR_BITS), strict=False))
