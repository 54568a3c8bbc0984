"""The name server of the tests."""

from __future__ import annotations

import dns.exception
import dns.resolver
import pytest

from tests.support.dns import NameServer
from tests.support.waiting import BOUND_S


def _resolver(server: NameServer) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], server.port, BOUND_S
    return resolver


def test_it_says_what_it_was_told_to_and_no_more() -> None:
    long = " ".join(f'"{"x" * 200}"' for _ in range(10))
    records = {("example.com", "MX"): ["10 mail.example.com."], ("k._domainkey.example.com", "TXT"): [long]}
    with NameServer(records) as server:
        ask = _resolver(server).resolve
        assert ask("example.com", "MX")[0].to_text() == "10 mail.example.com."
        assert len(ask("k._domainkey.example.com", "TXT")[0].strings) == 10  # which takes TCP
        with pytest.raises(dns.resolver.NoAnswer):
            ask("_domainkey.example.com", "TXT")
        with pytest.raises(dns.resolver.NXDOMAIN):
            ask("nobody.example.com", "MX")
        server.failing.add("example.com")
        with pytest.raises(dns.resolver.NoNameservers):
            ask("example.com", "MX")
        server.silent.add("example.com")
        with pytest.raises(dns.exception.Timeout):
            ask("example.com", "MX", lifetime=1.0)
