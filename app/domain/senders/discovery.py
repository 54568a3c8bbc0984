"""Where the servers of a mailbox are, found by its address: what we know, what its domain says on the web and in DNS.

Nobody's word is taken for more than it is. An answer that comes in the clear, by way of another domain, or names
servers of another domain than the address's is proposed, for a person to confirm; so nobody in between learns a
password by answering faster. A server that `host_policy` does not let anybody connect to is not even proposed.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from app.bounds import Bounds
from app.domain.oauth.providers import Providers
from app.domain.operations import host_policy
from app.domain.operations.fetching import NotFetched, fetch
from app.domain.operations.host_policy import HostPolicy, Lookup, RefusedHost
from app.domain.operations.resolver import DnsAway, Resolver
from app.domain.senders.autoconfig import Found, InvalidAutoconfig, read_autoconfig
from app.domain.senders.known_providers import KNOWN, KnownProvider, PasswordHint, Place, by_domain, by_mx, is_under
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, domain_of, normalize
from app.turns import Turns

EMAIL = Bounds(3, 320)  # characters
ALL_OF_IT_S = 20.0
_turns = Turns(10, of_one=2)  # of a person
_ASKED: PasswordHint = PasswordHint(
    "mailbox", "the mailbox's password, or an app password where its provider has those"
)
_KNOWN_HOSTS = {place.host for known in KNOWN for place in (known.smtp, known.imap)}
# RFC 6186, with RFC 8314's preference for TLS from the first byte.
_SERVICES: tuple[tuple[Literal["smtp", "imap"], str, Literal["tls", "starttls"]], ...] = (
    ("smtp", "_submissions._tcp", "tls"),
    ("smtp", "_submission._tcp", "starttls"),
    ("imap", "_imaps._tcp", "tls"),
    ("imap", "_imap._tcp", "starttls"),
)

Source = Literal[
    "provider",  # one that we know, by the address's domain
    "mx",  # one that we know, by who takes mail for the domain
    "autoconfig",  # a document at autoconfig.<domain> or <domain>/.well-known
    "srv",  # DNS
    "nothing",
]


class Discovered(msgspec.Struct, rename="camel", kw_only=True):
    """`confirmed` False: proposed, and `doubt` says why: a person looks at the servers before a password goes there.

    `oauth` names the provider to connect the mailbox at, where that is set up here. `username` None: most likely the
    address.
    """

    email: str
    source: Source
    label: str | None = None
    smtp: Place | None = None
    imap: Place | None = None
    username: str | None = None
    confirmed: bool = True
    doubt: str | None = None
    oauth: str | None = None
    password: PasswordHint


class Finder(NamedTuple):
    """The sources to ask, and the care to take."""

    providers: Providers
    policy: HostPolicy
    resolver: Resolver
    tls: ssl.SSLContext
    lookup: Lookup = host_policy.look_up


class _Said(NamedTuple):
    """The word of a domain on its servers."""

    smtp: Found | None
    imap: Found | None
    source: Source
    doubt: str | None


async def discover_for(user_id: int, finder: Finder, email: Annotated[str, EMAIL]) -> Discovered:
    """`discover` in a person's turn: whoever is asked may be slow, and of their choosing."""
    async with _turns.take(user_id):
        return await discover(finder, email)


async def discover(finder: Finder, email: Annotated[str, EMAIL]) -> Discovered:
    """The servers of a mailbox. Raises InvalidInput. A source that does not answer in time says nothing."""
    try:
        address = normalize(email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
    domain = domain_of(address)
    if (known := by_domain(domain)) is not None:
        return _of_known(finder, address, known, "provider")
    try:
        async with asyncio.timeout(ALL_OF_IT_S):
            if (known := by_mx(await _mx(finder, domain))) is not None:
                return _of_known(finder, address, known, "mx")
            secret, records = await asyncio.gather(_autoconfig(finder, address, domain, "https"), _srv(finder, domain))
            said = secret or records or await _autoconfig(finder, address, domain, "http")
    except TimeoutError:
        said = None
    if said is None:
        doubt = "nothing tells where its servers are"
        return Discovered(email=address, source="nothing", confirmed=False, doubt=doubt, password=_ASKED)
    return _of_said(address, domain, said)


def _of_known(finder: Finder, address: str, known: KnownProvider, source: Source) -> Discovered:
    return Discovered(
        email=address,
        source=source,
        label=known.label,
        smtp=known.smtp,
        imap=known.imap,
        username=address,
        oauth=known.oauth if known.oauth in finder.providers else None,
        password=known.password,
    )


def _of_said(address: str, domain: str, said: _Said) -> Discovered:
    doubt = said.doubt
    hosts = [found.place.host for found in (said.smtp, said.imap) if found is not None]
    foreign = [host for host in hosts if not is_under(host, domain) and host not in _KNOWN_HOSTS]
    if doubt is None and foreign:
        doubt = f"{foreign[0]} is not a server of {domain}: make sure that it is your provider's"
    smtp = said.smtp
    return Discovered(
        email=address,
        source=said.source,
        smtp=smtp and smtp.place,
        imap=said.imap and said.imap.place,
        username=smtp and smtp.username,
        confirmed=doubt is None,
        doubt=doubt,
        password=_ASKED,
    )


async def _mx(finder: Finder, domain: str) -> list[str]:
    """The hosts that take mail for the domain, the preferred one first."""
    try:
        records = await finder.resolver.ask(domain, "MX")
    except DnsAway:
        return []
    preferred = sorted((int(number), host) for number, _, host in (record.partition(" ") for record in records))
    return [host for _, host in preferred]


async def _autoconfig(finder: Finder, address: str, domain: str, scheme: Literal["https", "http"]) -> _Said | None:
    """A document that only plain http has is never more than a proposal, and its server is not told the address."""
    places = (f"autoconfig.{domain}/mail/config-v1.1.xml", f"{domain}/.well-known/autoconfig/mail/config-v1.1.xml")
    asked = f"?emailaddress={quote(address)}" if scheme == "https" else ""
    answers = await asyncio.gather(*(_document(finder, f"{scheme}://{at}{asked}", address, domain) for at in places))
    return next((said for said in answers if said is not None), None)


async def _document(finder: Finder, url: str, address: str, domain: str) -> _Said | None:
    try:
        document = await fetch(url, finder.policy, finder.tls, finder.lookup)
        said = read_autoconfig(document.content, address)
    except (NotFetched, InvalidAutoconfig):
        return None
    smtp, imap = _allowed(finder.policy, said.smtp), _allowed(finder.policy.of_reading, said.imap)
    if smtp is None:
        return None
    elsewhere = [host for host in document.hosts if not is_under(host, domain)]
    doubt = None
    if document.in_the_clear:
        doubt = "this was told over a connection that others can change: make sure that it is right"
    elif elsewhere:
        doubt = f"this was told by {elsewhere[0]}, which is not of {domain}: make sure that it is right"
    return _Said(smtp, imap, "autoconfig", doubt)


async def _srv(finder: Finder, domain: str) -> _Said | None:
    """RFC 6186: of each service the record of the lowest priority; a target of `.` says that there is none."""
    found: dict[str, Found] = {}
    answers = await asyncio.gather(*(_records(finder, f"{service}.{domain}") for _, service, _ in _SERVICES))
    for (kind, _, security), records in zip(_SERVICES, answers, strict=True):
        if kind in found:
            continue
        for record in sorted(records, key=lambda text: [int(number) for number in text.split()[:2]]):
            _, _, port, target = record.split()
            host = target.lower().removesuffix(".")
            policy = finder.policy if kind == "smtp" else finder.policy.of_reading
            allowed = _allowed(policy, Found(Place(host, int(port), security), None)) if host else None
            if allowed is not None:
                found[kind] = allowed
                break
    if "smtp" not in found:
        return None
    return _Said(found["smtp"], found.get("imap"), "srv", None)


async def _records(finder: Finder, name: str) -> list[str]:
    try:
        return await finder.resolver.ask(name, "SRV")
    except DnsAway:
        return []


def _allowed(policy: HostPolicy, found: Found | None) -> Found | None:
    """Unless this installation connects to no such place."""
    if found is None:
        return None
    try:
        name = host_policy.canonical(found.place.host, allow_private=policy.allow_private)
        host_policy.check_port(found.place.port, policy.ports)
    except RefusedHost:
        return None
    return found._replace(place=msgspec.structs.replace(found.place, host=name))
