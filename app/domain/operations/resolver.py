"""Asking DNS, of the name servers that DNS_SERVERS names or the system's."""

from __future__ import annotations

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from app.settings import Settings, name_server

LIFETIME_S = 5.0  # of a question, over all servers and tries
MOST_RECORDS = 100  # of one answer that anybody looks at


class DnsAway(Exception):
    """No server gave an answer to rely on: nothing is known, which is not the same as that there is nothing."""


class Resolver:
    """Answers are texts as zone files have them; of TXT, what the record says."""

    def __init__(self, servers: tuple[str, ...] = ()) -> None:
        """`servers` as in the settings; none: the system's."""
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._servers = servers

    @classmethod
    def of(cls, settings: Settings) -> Resolver:
        return cls(settings.dns_servers)

    async def ask(self, name: str, kind: str) -> list[str]:
        """The records of this kind; none where there are none. Raises DnsAway."""
        try:
            answer = await self._client().resolve(name, kind, lifetime=LIFETIME_S, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return []  # a name that nobody can have
        except (dns.exception.DNSException, OSError) as error:
            raise DnsAway(f"{name}: {type(error).__name__}") from None
        return [_text(record) for record in list(answer.rrset or ())[:MOST_RECORDS]]

    def _client(self) -> dns.asyncresolver.Resolver:
        """Raises DnsAway where the system has no name server."""
        if self._resolver is None:
            try:
                self._resolver = dns.asyncresolver.Resolver(configure=not self._servers)
            except dns.resolver.NoResolverConfiguration as error:
                raise DnsAway(str(error)) from None
            if self._servers:
                self._resolver.nameservers = [
                    dns.nameserver.Do53Nameserver(*name_server(server)) for server in self._servers
                ]
            self._resolver.use_edns(0, 0, 1232)
        return self._resolver


def _text(record: object) -> str:
    """As the database takes it, too: nobody's word has a NUL in it that means something."""
    if isinstance(record, TXT):
        return b"".join(record.strings).decode("utf-8", "replace").replace("\0", "\ufffd")
    return str(record)
