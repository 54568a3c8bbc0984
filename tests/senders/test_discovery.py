"""GET /api/senders/discover: where a mailbox's servers are, and whose word is taken for it."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import httpx
import pytest

from app.domain.operations import fetching, host_policy
from app.domain.operations.host_policy import HostPolicy
from app.domain.operations.resolver import Resolver
from app.domain.senders.autoconfig import InvalidAutoconfig, read_autoconfig
from app.domain.senders.discovery import Discovered, Finder, discover
from app.domain.senders.known_providers import KNOWN, Place
from app.errors import InvalidInput
from app.settings import SUBMISSION_PORTS
from tests.support.api import wrong_fields
from tests.support.dns import NameServer
from tests.support.web import Answer, Web, endless, redirect

ANN = "ann@acme.example"
WELL_KNOWN = "acme.example/.well-known/autoconfig/mail/config-v1.1.xml"
AUTOCONFIG = "autoconfig.acme.example/mail/config-v1.1.xml"


def document(smtp: str = "smtp.acme.example", imap: str = "imap.acme.example", head: str = "") -> bytes:
    return f"""<?xml version="1.0"?>{head}
    <clientConfig version="1.1"><emailProvider id="acme.example"><domain>acme.example</domain>
      <incomingServer type="pop3"><hostname>pop.acme.example</hostname><port>995</port>
        <socketType>SSL</socketType></incomingServer>
      <incomingServer type="imap"><hostname>{imap}</hostname><port>993</port><socketType>SSL</socketType>
        <username>%EMAILADDRESS%</username></incomingServer>
      <outgoingServer type="smtp"><hostname>plain.acme.example</hostname><port>25</port>
        <socketType>plain</socketType></outgoingServer>
      <outgoingServer type="smtp"><hostname>{smtp}</hostname><port>465</port><socketType>SSL</socketType>
        <username>%EMAILLOCALPART%</username></outgoingServer>
    </emailProvider></clientConfig>""".encode()


@pytest.fixture
def web() -> Iterator[Web]:
    with Web("acme.example", "autoconfig.acme.example", "other.example") as web:
        yield web


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


@pytest.fixture
def finder(web: Web, names: NameServer) -> Finder:
    """Of a trial: servers may be anywhere."""
    host_policy._checked.clear()  # pyright: ignore[reportPrivateUsage]
    return Finder({}, HostPolicy(True, None), Resolver((names.address,)), web.tls, web.lookup)


def servers(found: Discovered) -> tuple[str, Place | None, Place | None, bool]:
    return found.source, found.smtp, found.imap, found.confirmed


async def test_a_provider_that_everybody_knows_is_known_without_asking(finder: Finder, names: NameServer) -> None:
    found = await discover(finder, "Ann@GMail.com")
    assert servers(found) == (
        "provider",
        Place("smtp.gmail.com", 587, "starttls"),
        Place("imap.gmail.com", 993, "tls"),
        True,
    )
    assert (found.password.kind, found.password.spaces, found.oauth) == ("app", True, None)
    assert names.asked == {}


@pytest.mark.parametrize(
    ("mx", "label"),
    [
        ("10 aspmx.l.google.com.", "Google"),
        ("0 acme-example.mail.protection.outlook.com.", "Microsoft 365"),
        ("0 hotmail-com.olc.protection.outlook.com.", "Outlook.com"),
        ("10 mx00.ionos.de.", "IONOS"),
        ("1 mx1.mail.ovh.net.", "OVHcloud"),
        ("10 in1-smtp.messagingengine.com.", "Fastmail"),
    ],
)
async def test_a_domain_of_its_own_is_known_by_who_takes_its_mail(
    finder: Finder, names: NameServer, mx: str, label: str
) -> None:
    names.records["acme.example", "MX"] = ["90 mx.elsewhere.example.", mx]
    found = await discover(finder, ANN)
    assert (found.source, found.label, found.confirmed, found.username) == ("mx", label, True, ANN)


def test_no_known_provider_is_told_by_a_name_that_anybody_can_have() -> None:
    for known in KNOWN:
        for name in (*known.mx, *known.domains):
            assert "." in name
            assert not name.startswith(".")
    assert all(place.security != "none" for known in KNOWN for place in (known.smtp, known.imap))


@pytest.mark.parametrize("place", [AUTOCONFIG, WELL_KNOWN])
async def test_what_the_domain_says_by_https_of_its_own_servers_is_filled_in(
    finder: Finder, web: Web, place: str
) -> None:
    web.pages[f"https://{place}"] = document()
    found = await discover(finder, ANN)
    own = Place("smtp.acme.example", 465, "tls"), Place("imap.acme.example", 993, "tls")
    assert servers(found) == ("autoconfig", *own, True)
    assert (found.username, found.doubt) == ("ann", None)
    assert not any(asked.startswith("http:") for asked in web.asked)


async def test_what_came_in_the_clear_is_only_proposed_and_not_told_the_address(finder: Finder, web: Web) -> None:
    web.pages[f"http://{WELL_KNOWN}"] = document()
    found = await discover(finder, ANN)
    assert (found.source, found.confirmed) == ("autoconfig", False)
    assert "others can change" in (found.doubt or "")
    assert all("ann" not in asked for asked in web.asked if asked.startswith("http:"))


async def test_servers_of_another_domain_are_only_proposed(finder: Finder, web: Web) -> None:
    web.pages[f"https://{WELL_KNOWN}"] = document(smtp="smtp.evil.example")
    found = await discover(finder, ANN)
    assert not found.confirmed
    assert "smtp.evil.example is not a server of acme.example" in (found.doubt or "")
    web.pages[f"https://{WELL_KNOWN}"] = document(smtp="smtp.notacme.example")
    assert not (await discover(finder, ANN)).confirmed
    web.pages[f"https://{WELL_KNOWN}"] = document(smtp="smtp.fastmail.com", imap="imap.fastmail.com")
    assert (await discover(finder, ANN)).confirmed


async def test_a_redirect_to_another_domain_or_into_the_clear_makes_it_a_proposal(finder: Finder, web: Web) -> None:
    web.pages["https://other.example/config"] = document()
    web.pages[f"https://{WELL_KNOWN}"] = redirect("https://other.example/config")
    found = await discover(finder, ANN)
    assert "told by other.example" in (found.doubt or "")
    web.pages["http://acme.example/config"] = document()
    web.pages[f"https://{WELL_KNOWN}"] = redirect("http://acme.example/config")
    assert "others can change" in ((await discover(finder, ANN)).doubt or "")
    web.pages["https://acme.example/config"] = document()
    web.pages[f"https://{WELL_KNOWN}"] = redirect("/config")
    assert (await discover(finder, ANN)).confirmed


async def test_srv_records_tell_with_tls_from_the_first_byte_preferred(finder: Finder, names: NameServer) -> None:
    names.records |= {
        ("_submission._tcp.acme.example", "SRV"): ["0 1 587 mail.acme.example."],
        ("_submissions._tcp.acme.example", "SRV"): ["20 1 465 b.acme.example.", "10 1 465 a.acme.example."],
        ("_imaps._tcp.acme.example", "SRV"): ["0 0 0 ."],
        ("_imap._tcp.acme.example", "SRV"): ["0 1 143 imap.hosting.example."],
    }
    found = await discover(finder, ANN)
    assert servers(found) == (
        *("srv", Place("a.acme.example", 465, "tls"), Place("imap.hosting.example", 143, "starttls")),
        False,  # RFC 6186, section 6: the target is another's
    )


async def test_where_nothing_tells_it_is_said_so_in_time(
    finder: Finder, names: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await discover(finder, ANN)
    assert (found.source, found.smtp, found.confirmed) == ("nothing", None, False)
    monkeypatch.setattr("app.domain.operations.resolver.LIFETIME_S", 0.3)
    names.silent |= {"acme.example", "_submission._tcp.acme.example"}
    began = time.monotonic()
    assert (await discover(finder, ANN)).source == "nothing"
    assert time.monotonic() - began < 30


# Hostile ones


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "http://2130706433/",
        "https://internal.example/",  # a name that leads into our network
        "https://acme.example:8443/",
        "file:///etc/passwd",
        "gopher://acme.example/",
        "https://user:word@acme.example/",
    ],
)
async def test_no_redirect_leads_into_our_network(names: NameServer, web: Web, target: str) -> None:
    host_policy._checked.clear()  # pyright: ignore[reportPrivateUsage]
    web.pages[f"https://{WELL_KNOWN}"] = redirect(target)
    web.places["internal.example"] = "10.0.0.7"
    reached: list[str] = []

    async def lookup(host: str, port: int) -> list[host_policy.AddressInfo]:
        reached.append(host)
        return [*await web.lookup(host, port)]

    policy = HostPolicy(False, SUBMISSION_PORTS)

    async def resolve_here(host: str, port: int, **_: object) -> list[host_policy.Address]:
        """Loopback passes for the domain's own web server alone."""
        name = host_policy.canonical(host, allow_private=False)
        if name != "acme.example":
            return await really(name, port, allow_private=False, lookup=lookup)
        return [host_policy.Address(family, address) for family, _, _, _, address in await lookup(name, port)]

    really = host_policy.resolve
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching, "resolve", resolve_here)
        with pytest.raises(fetching.NotFetched):
            await fetching.fetch(f"https://{WELL_KNOWN}", policy, web.tls, lookup)
    assert set(reached) <= {"acme.example", "internal.example"}
    assert len(web.asked) == 1


async def test_three_redirects_are_followed_and_no_more(finder: Finder, web: Web) -> None:
    for number in range(5):
        web.pages[f"https://acme.example/{number}"] = redirect(f"/{number + 1}")
    web.pages["https://acme.example/5"] = document()
    policy = finder.policy
    assert (await fetching.fetch("https://acme.example/2", policy, web.tls, web.lookup)).content
    with pytest.raises(fetching.NotFetched, match="more than 3 times"):
        await fetching.fetch("https://acme.example/1", policy, web.tls, web.lookup)


def _slow(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(100):
            request.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        return


def _packed(request: BaseHTTPRequestHandler) -> None:
    body = gzip.compress(b" " * (1 << 24))
    request.send_response(200)
    request.send_header("Content-Encoding", "gzip")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@pytest.mark.parametrize("answer", [endless, _slow, _packed, redirect("https://acme.example/.well-known/x")])
async def test_a_gigabyte_or_a_second_each_byte_costs_us_neither(
    finder: Finder, web: Web, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_S", 1.0)
    web.pages[f"https://{WELL_KNOWN}"] = answer
    began = time.monotonic()
    assert (await discover(finder, ANN)).source == "nothing"
    assert time.monotonic() - began < 30


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)


@pytest.mark.parametrize(
    "content",
    [
        document(smtp="&i;", head=BOMB),
        document(head='<!DOCTYPE x SYSTEM "file:///etc/passwd">'),
        document(head='<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1/"> %e;]>'),
        document(smtp="&unknown;"),
        b"<clientConfig>" + b"<a>" * 20,
        b"",
        b"\xff\xfe<\0",
        "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE x><x/>".encode("utf-16"),
        b"{}",
        *(
            f"<?xml version='1.0' encoding='{name}'?><x/>".encode()
            for name in ("zip", "undefined", "shift_jis", "x" * 99)
        ),
    ],
)
def test_a_hostile_document_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidAutoconfig):
        read_autoconfig(content, ANN)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16"])
def test_a_document_is_read_in_its_encoding(encoding: str) -> None:
    text = document().decode().replace('<?xml version="1.0"?>', f'<?xml version="1.0" encoding="{encoding}"?>')
    text = text.replace("<domain>", "<displayName>M\u00fcller</displayName><domain>").replace("SSL", "TLS")
    said = read_autoconfig(text.encode(encoding), ANN)
    assert said.smtp == (Place("smtp.acme.example", 465, "tls"), "ann")


@pytest.mark.parametrize(
    "content", [document(smtp="127.0.0.1"), document(smtp="localhost"), document(smtp="smtp acme"), document(smtp="")]
)
async def test_a_place_that_nobody_may_connect_to_is_not_even_proposed(
    names: NameServer, web: Web, content: bytes
) -> None:
    web.pages[f"https://{WELL_KNOWN}"] = content

    async def resolve_here(host: str, port: int, **_: object) -> list[host_policy.Address]:
        return [host_policy.Address(family, address) for family, _, _, _, address in await web.lookup(host, port)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching, "resolve", resolve_here)
        strict = Finder({}, HostPolicy(False, SUBMISSION_PORTS), Resolver((names.address,)), web.tls, web.lookup)
        found = await discover(strict, ANN)
    assert (found.source, found.smtp) == ("nothing", None)


async def test_what_is_no_address_is_said_to_be_none(finder: Finder, api: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidInput):
        await discover(finder, "ann")
    assert "email" in wrong_fields(await api.get("/api/senders/discover", params={"email": "no address"}))
    found = (await api.get("/api/senders/discover", params={"email": "ann@gmail.com"})).json()
    assert found["smtp"] == {"host": "smtp.gmail.com", "port": 587, "security": "starttls"}
