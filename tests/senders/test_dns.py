"""GET /api/senders/{id}/dns: what DNS says of a sender's domain, what is wrong with it and what to publish."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.operations.resolver import Resolver
from app.domain.senders import dns
from app.domain.senders.dns_judge import (
    Spf,
    SpfPart,
    dmarc_names,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
    leads_to,
)
from app.settings import Settings
from tests.support.api import api_client, authorization, problem
from tests.support.dns import NameServer
from tests.support.engine import execute, value

ACME = "acme.example"


def key(bits: int) -> str:
    made = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


LONG, SHORT = key(2048), key(1024)


def spf(*records: str, include: str | None = None, **seen: str | None) -> Spf:
    parts = {name.replace("_", "."): SpfPart(None if text is None else [text]) for name, text in seen.items()}
    return Spf(ACME, list(records), parts, include)


@pytest.mark.parametrize(
    ("given", "verdict", "words", "publish"),
    [
        (spf("v=spf1 mx ~all"), "good", "in 1 of 10 look-ups", None),
        (spf(), "wrong", "no SPF record", None),
        (spf(include="_spf.google.com"), "wrong", "no SPF record", "v=spf1 include:_spf.google.com ~all"),
        (spf("v=spf1 mx ~all", "v=spf1 a ~all"), "wrong", "several", None),
        (spf("v=spf1 a +all"), "wrong", "everybody", "v=spf1 a ~all"),
        (spf("v=spf1 mx all"), "wrong", "everybody", "v=spf1 mx ~all"),
        (spf("v=spf1 mx ?all"), "weak", "says nothing", "v=spf1 mx ~all"),
        (spf("v=spf1 mx"), "weak", "no end", "v=spf1 mx ~all"),
        (
            spf("v=spf1 mx -all", include="spf.zoho"),
            "wrong",
            "include:spf.zoho is missing",
            "v=spf1 include:spf.zoho mx -all",
        ),
        (
            spf("v=spf1 include:a.b -all", include="c.d", a_b="v=spf1 include:c.d ~all", c_d="v=spf1 ~all"),
            "good",
            "",
            None,
        ),
        (spf("v=spf1 include:a.b -all"), "unknown", "did not answer for a.b", None),
        (Spf(ACME, ["v=spf1 include:a.b -all"], {"a.b": SpfPart([])}), "wrong", "SPF of a.b, which has none", None),
        (spf("v=spf1 redirect=a.b", a_b="v=spf1 mx ~all"), "good", "in 2 of 10 look-ups", None),
        (spf("v=spf1 " + "a:x.example " * 11 + "~all"), "wrong", "takes 11 look-ups", None),
        (spf("v=spf1 include:a.b ~all", a_b="v=spf1 include:a.b ~all"), "wrong", "look-ups", None),  # a circle
        (Spf(ACME, None, {}), "unknown", "did not answer", None),
    ],
)
def test_spf(given: Spf, verdict: str, words: str, publish: str | None) -> None:
    found = judge_spf(given)
    assert found.verdict == verdict, found
    assert words in found.text
    assert (found.publish and found.publish.value) == publish


def test_spf_leads_where_it_says_and_not_where_a_message_would() -> None:
    record = (
        "v=spf1 include:A.example. -include:b.example redirect=c.example include:%{i}.d.example ip6:2001:db8::/32 a:e"
    )
    assert leads_to(record) == ["a.example", "b.example", "c.example"]


@pytest.mark.parametrize(
    ("keys", "seen", "verdict", "words"),
    [
        ({"s1": [f"v=DKIM1; k=rsa; p={LONG}"]}, True, "good", "2048 bits"),
        ({"s1": [f"k=rsa; p={LONG[:100]} {LONG[100:]}"]}, True, "good", "2048 bits"),
        ({"s1": [f"v=DKIM1; p={SHORT}"]}, True, "weak", "1024 bits"),
        ({"s1": [f"v=DKIM1; t=y:s; p={LONG}"]}, True, "weak", "only a test"),
        ({"s1": ["v=DKIM1; p="]}, True, "wrong", "revoked"),
        ({"s1": [f"v=DKIM1; p={LONG[:200]}"]}, True, "wrong", "cut short"),
        ({"s1": ["hello"]}, True, "wrong", "no key"),
        ({"s1": []}, True, "wrong", f"s1._domainkey.{ACME}"),
        ({"s1": [], "s2": []}, False, "unknown", "usual places"),
        ({"s1": None}, True, "unknown", "did not answer"),
        ({"s1": [], "s2": [f"p={LONG}"]}, False, "good", "s2"),
        ({"s1": ["p="], "s2": [f"p={LONG}"]}, True, "wrong", "s1"),
    ],
)
def test_dkim(keys: dict[str, list[str] | None], seen: bool, verdict: str, words: str) -> None:
    found = judge_dkim(ACME, keys, seen=seen)
    assert found.verdict == verdict, found
    assert words in found.text


GOOD = "v=DMARC1; p=reject; rua=mailto:d@acme.example"


@pytest.mark.parametrize(
    ("texts", "verdict", "words", "publish"),
    [
        ([GOOD], "good", "the policy is reject", None),
        ([], "wrong", "no DMARC record", f"v=DMARC1; p=none; rua=mailto:postmaster@{ACME}"),
        (["v=spf1 -all"], "wrong", "no DMARC record", f"v=DMARC1; p=none; rua=mailto:postmaster@{ACME}"),
        ([GOOD, GOOD], "wrong", "several", None),
        (["v=DMARC1; p=maybe"], "wrong", "no policy", None),
        (["v=DMARC1"], "wrong", "no policy", None),
        (["v=DMARC1; p=none;"], "weak", "nobody is told", f"v=DMARC1; p=none; rua=mailto:postmaster@{ACME}"),
        (None, "unknown", "did not answer", None),
    ],
)
def test_dmarc(texts: list[str] | None, verdict: str, words: str, publish: str | None) -> None:
    found = judge_dmarc(ACME, [(f"_dmarc.{ACME}", texts)])
    assert found.verdict == verdict, found
    assert words in found.text
    assert (found.publish and found.publish.value) == publish


def test_dmarc_is_taken_over_from_above() -> None:
    names = dmarc_names(f"mail.{ACME}")
    assert names == [f"_dmarc.mail.{ACME}", f"_dmarc.{ACME}"]
    found = judge_dmarc(f"mail.{ACME}", [(names[0], []), (names[1], [f"{GOOD}; sp=quarantine"])])
    assert (found.verdict, found.text) == ("good", f"the policy is quarantine, taken over from {ACME}")
    assert len(dmarc_names(".".join("abcdefghijklm") + ".example")) <= 8


@pytest.mark.parametrize(
    ("records", "verdict"), [(["10 mx.acme.example."], "good"), ([], "wrong"), (["0 ."], "wrong"), (None, "unknown")]
)
def test_mx(records: list[str] | None, verdict: str) -> None:
    assert judge_mx(ACME, records).verdict == verdict


# Asked


@pytest.fixture
def names() -> Iterator[NameServer]:
    records = {
        (ACME, "MX"): ["10 mx.acme.example."],
        (ACME, "TXT"): ['"some=thing"', '"v=spf1 include:spf.acme.example" " -all"'],
        ("spf.acme.example", "TXT"): ['"v=spf1 ip4:192.0.2.1 -all"'],
        (f"_dmarc.{ACME}", "TXT"): [f'"{GOOD}"'],
        (f"default._domainkey.{ACME}", "TXT"): [f'"v=DKIM1; p={LONG[:200]}" "{LONG[200:]}"'],
    }
    with NameServer(records) as server:
        yield server


async def test_a_senders_domain_is_asked_about_kept_and_asked_again_each_day(
    settings: Settings, database_url: str, pool: Pool, user: User, names: NameServer, stranger: dict[str, str]
) -> None:
    sender_id = await value(pool, "SELECT id FROM senders WHERE workspace_id = %s", user.workspace_id)
    await execute(pool, "UPDATE senders SET email = 'ann@acme.example' WHERE id = %s", sender_id)
    settings = msgspec.structs.replace(settings, dns_servers=(names.address,))
    url = f"/api/senders/{sender_id}/dns"
    async with api_client(settings, database_url, await authorization(pool, user)) as api:
        first = (await api.get(url)).json()
        assert (first["domain"], first["own"]) == (ACME, True)
        verdicts = {finding["subject"]: finding["verdict"] for finding in first["findings"]}
        assert verdicts == {"spf": "good", "dkim": "good", "dmarc": "good", "mx": "good"}
        asked = names.asked.total()
        assert (await api.get(url)).json() == first
        assert names.asked.total() == asked

        names.records[ACME, "TXT"] = ['"v=spf1 +all"']
        resolver = Resolver((names.address,))
        assert await dns.check_again(pool, resolver, 10) == 0
        await execute(pool, "UPDATE sender_dns SET checked_at = checked_at - interval '25 hours'")
        assert await dns.check_again(pool, resolver, 10) == 1
        second = (await api.get(url)).json()
        assert {f["subject"]: f["verdict"] for f in second["findings"]}["spf"] == "wrong"

        # A record that anybody may publish is kept as the database takes it, and keeps no other from being asked for.
        names.records[ACME, "TXT"] = ['"v=spf1 \\000 \\255 +all"']
        nul = (await api.get(url, params={"anew": "true"})).json()
        assert nul["findings"][0]["found"] == ["v=spf1 \ufffd \ufffd +all"]

        names.failing |= {ACME, f"_dmarc.{ACME}"}
        third = (await api.get(url, params={"anew": "true"})).json()
        assert {f["subject"]: f["verdict"] for f in third["findings"]} == {
            **dict.fromkeys(("spf", "dmarc", "mx"), "unknown"),
            "dkim": "good",
        }
        await execute(pool, "UPDATE senders SET email = 'ann@gmail.com' WHERE id = %s", sender_id)
        moved = (await api.get(url)).json()
        assert (moved["domain"], moved["own"], moved["findings"]) == ("gmail.com", False, [])
        problem(await api.get(url, headers=stranger), 404)
