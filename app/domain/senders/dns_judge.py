"""The judge of the DNS of a domain that mail is sent from: SPF, DKIM, DMARC, MX; what is wrong, and what to publish.

Pure: records in, findings out. SPF is RFC 7208, DKIM RFC 6376 and 8301, DMARC RFC 7489, with the walk up the tree of
names that took the place of a list of registrable domains.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

Subject = Literal["spf", "dkim", "dmarc", "mx"]
Verdict = Literal[
    "good",
    "weak",  # mail passes, and could be surer to
    "wrong",  # receivers distrust it
    "unknown",  # DNS did not answer, or nothing tells which record it is
]
MOST_LOOKUPS = 10  # RFC 7208, section 4.6.4
LEAST_RSA_BITS = 1024  # RFC 8301, section 3.2
GOOD_RSA_BITS = 2048


class Record(msgspec.Struct, frozen=True):
    """A record to publish."""

    name: str
    type: str
    value: str


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`found`: the records as they are; `publish` None: nothing has to change, or only its provider knows what."""

    subject: Subject
    verdict: Verdict
    text: str
    found: list[str] = []
    publish: Record | None = None


class SpfPart(NamedTuple):
    """A domain that SPF leads to: its records, or None where DNS does not answer."""

    records: list[str] | None


class Spf(NamedTuple):
    """`seen` has every domain that `include` and `redirect` lead to, as far as anybody asked."""

    domain: str
    records: list[str] | None
    seen: Mapping[str, SpfPart]
    include: str | None = None  # the provider's, which has to be there; None: not known


def spf_records(texts: Sequence[str]) -> list[str]:
    """Those of a name's TXT that are SPF (RFC 7208, section 4.5)."""
    return [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


def leads_to(record: str) -> list[str]:
    """The domains whose SPF a record takes over; those with macros depend on the message, and nobody can look."""
    targets: list[str] = []
    for term in record.split()[1:]:
        name, _, target = term.lstrip("+-~?").partition(":") if ":" in term else term.partition("=")
        if name.lower() in {"include", "redirect"} and target and "%" not in target:
            targets.append(target.lower().removesuffix("."))
    return targets


def judge_spf(spf: Spf) -> Finding:
    """Of the domain that people see; the one that bounces go to may be a provider's, which only a mail shows."""
    wanted = f"v=spf1 include:{spf.include} ~all" if spf.include else "v=spf1 … ~all"
    publish = Record(spf.domain, "TXT", wanted) if spf.include else None
    if spf.records is None:
        return Finding(subject="spf", verdict="unknown", text="DNS did not answer")
    records = spf.records
    if not records:
        return Finding(
            subject="spf", verdict="wrong", text="there is no SPF record: nobody is told who may send", publish=publish
        )
    if len(records) > 1:
        return Finding(
            subject="spf",
            verdict="wrong",
            text="there are several SPF records, which counts as an error: make one of them",
            found=records,
        )
    (record,) = records
    return _judge_one_spf(spf, record)


def _judge_one_spf(spf: Spf, record: str) -> Finding:
    def finding(verdict: Verdict, text: str, publish: Record | None = None) -> Finding:
        return Finding(subject="spf", verdict=verdict, text=text, found=[record], publish=publish)

    lookups, unanswered, missing = _count_lookups(spf, record)
    if missing:
        return finding("wrong", f"it takes over the SPF of {missing[0]}, which has none: that counts as an error")
    if lookups > MOST_LOOKUPS:
        text = f"it takes {lookups} look-ups, and {MOST_LOOKUPS} are allowed: take out what you do not use"
        return finding("wrong", text)
    terms = record.lower().split()
    ends = [term for term in terms if term.lstrip("+-~?") == "all"]
    if any(term in {"all", "+all"} for term in ends):
        return finding("wrong", "+all lets everybody send in your name", Record(spf.domain, "TXT", _ending(record)))
    if spf.include is not None and not _includes(spf, record, spf.include):
        added = re.sub(r"(?i)^v=spf1\b", f"v=spf1 include:{spf.include}", record)
        text = f"it does not name your provider: include:{spf.include} is missing"
        return finding("wrong", text, Record(spf.domain, "TXT", added))
    if not ends and not any(term.startswith("redirect=") for term in terms):
        return finding("weak", "it has no end: add ~all", Record(spf.domain, "TXT", f"{record} ~all"))
    if ends and ends[-1] == "?all":
        return finding("weak", "?all says nothing of others", Record(spf.domain, "TXT", _ending(record)))
    if unanswered:
        return finding("unknown", f"DNS did not answer for {unanswered[0]}")
    return finding("good", f"it says who may send, in {lookups} of {MOST_LOOKUPS} look-ups")


def _ending(record: str) -> str:
    return re.sub(r"(?i)(?<=\s)[+?]?all\b", "~all", record)


def _includes(spf: Spf, record: str, wanted: str) -> bool:
    seen, left = set[str](), leads_to(record)
    while left:
        name = left.pop()
        if name == wanted:
            return True
        if name not in seen and name in spf.seen:
            seen.add(name)
            left += [target for text in spf.seen[name].records or [] for target in leads_to(text)]
    return False


def _count_lookups(spf: Spf, record: str) -> tuple[int, list[str], list[str]]:
    """How many look-ups it takes, which domains gave no answer, and which have no SPF though it is taken over."""
    count, unanswered, missing = 0, list[str](), list[str]()
    left: list[tuple[str, int]] = [(record, 0)]
    while left and count <= 10 * MOST_LOOKUPS:
        text, depth = left.pop()
        for term in text.lower().split()[1:]:
            name = re.split("[:=/]", term.lstrip("+-~?"))[0]
            if name in {"include", "a", "mx", "ptr", "exists", "redirect"}:
                count += 1
        for target in leads_to(text):
            part = spf.seen.get(target)
            if part is None or part.records is None:
                unanswered.append(target)
            elif len(part.records) != 1:
                missing.append(target)
            elif depth < MOST_LOOKUPS:
                left.append((part.records[0], depth + 1))
    return count, unanswered, missing


def judge_mx(domain: str, records: list[str] | None) -> Finding:
    """The finding on MX: people who write back have to reach somebody."""
    if records is None:
        return Finding(subject="mx", verdict="unknown", text="DNS did not answer")
    if not records:
        text = "nobody takes mail for this domain (no MX): answers and bounces are lost, and some refuse its mail"
        return Finding(subject="mx", verdict="wrong", text=text)
    if records == ["0 ."]:
        return Finding(subject="mx", verdict="wrong", text="it says that it takes no mail (RFC 7505)", found=records)
    return Finding(subject="mx", verdict="good", text="answers have somewhere to go", found=records)


def judge_dkim(domain: str, keys: Mapping[str, list[str] | None], *, seen: bool) -> Finding:
    """`keys` by selector. `seen`: these are the selectors that mail of the sender was signed by, not usual ones."""
    found = {selector: texts for selector, texts in keys.items() if texts}
    if not found:
        if any(texts is None for texts in keys.values()):
            return Finding(subject="dkim", verdict="unknown", text="DNS did not answer")
        if seen:
            names = ", ".join(f"{selector}._domainkey.{domain}" for selector in keys)
            text = f"mail is signed by a key that is not there: {names}. Receivers take the signature for forged"
            return Finding(subject="dkim", verdict="wrong", text=text)
        text = (
            "no key is at the usual places, and nothing tells by which name mail is signed until one was sent. Turn "
            "DKIM on at your provider, which says what to publish"
        )
        return Finding(subject="dkim", verdict="unknown", text=text)
    judged = [_judge_key(selector, text) for selector, texts in found.items() for text in texts]
    order: list[Verdict] = ["good", "weak", "unknown", "wrong"] if not seen else ["wrong", "weak", "unknown", "good"]
    verdict, text = min(judged, key=lambda one: order.index(one[0]))
    shown = [f"{selector}: {value}" for selector, texts in found.items() for value in texts]
    return Finding(subject="dkim", verdict=verdict, text=text, found=shown)


def _judge_key(selector: str, text: str) -> tuple[Verdict, str]:
    tags = tags_of(text)
    if "p" not in tags or tags.get("v", "DKIM1") != "DKIM1":
        return "wrong", f"what is at {selector} is no key"
    if not tags["p"]:
        return "wrong", f"the key {selector} was revoked"
    if tags.get("k", "rsa").lower() == "ed25519":
        return "weak", f"the key {selector} is of Ed25519, which not all receivers know: sign with RSA as well"
    try:
        key = load_der_public_key(base64.b64decode(re.sub(r"\s", "", tags["p"]), validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return "wrong", f"the key {selector} is cut short, or no key"
    bits = key.key_size if isinstance(key, RSAPublicKey) else 0
    if bits < LEAST_RSA_BITS:
        return "wrong", f"the key {selector} has {bits} bits, which receivers do not count"
    if "y" in tags.get("t", "").lower().split(":"):
        return "weak", f"the key {selector} says that it is only a test (t=y): take that out"
    if bits < GOOD_RSA_BITS:
        return "weak", f"the key {selector} has {bits} bits; {GOOD_RSA_BITS} is usual"
    return "good", f"the key {selector} is there, with {bits} bits"


def dmarc_names(domain: str) -> list[str]:
    """Where to look for DMARC, the first that has one decides: the domain, then up the tree, eight names at most."""
    labels = domain.split(".")
    names = [domain] + [".".join(labels[cut:]) for cut in range(max(1, len(labels) - 7), len(labels) - 1)]
    return [f"_dmarc.{name}" for name in names]


def judge_dmarc(domain: str, answers: Sequence[tuple[str, list[str] | None]]) -> Finding:
    """`answers` of `dmarc_names`, in order."""
    publish = Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")
    for name, texts in answers:
        if texts is None:
            return Finding(subject="dmarc", verdict="unknown", text=f"DNS did not answer for {name}")
        records = [text for text in texts if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]
        if len(records) > 1:
            text = f"there are several DMARC records at {name}: receivers take none"
            return Finding(subject="dmarc", verdict="wrong", text=text, found=records)
        if records:
            return _judge_policy(domain, name, records[0])
    text = "there is no DMARC record: large receivers want one of everybody who sends to many"
    return Finding(subject="dmarc", verdict="wrong", text=text, publish=publish)


def _judge_policy(domain: str, name: str, record: str) -> Finding:
    tags = tags_of(record)
    inherited = name != f"_dmarc.{domain}"
    policy = (tags.get("sp") if inherited else None) or tags.get("p")

    def finding(verdict: Verdict, text: str, publish: Record | None = None) -> Finding:
        return Finding(subject="dmarc", verdict=verdict, text=text, found=[record], publish=publish)

    if policy is None or policy.lower() not in {"none", "quarantine", "reject"}:
        return finding("wrong", "it says no policy that receivers know (p=none, quarantine or reject)")
    if not tags.get("rua"):
        added = Record(name, "TXT", f"{record.rstrip('; ')}; rua=mailto:postmaster@{name.removeprefix('_dmarc.')}")
        return finding("weak", "nobody is told what receivers see: name an address for reports", added)
    where = f", taken over from {name.removeprefix('_dmarc.')}" if inherited else ""
    return finding("good", f"the policy is {policy.lower()}{where}")


def tags_of(record: str) -> dict[str, str]:
    """`tag=value; tag=value` (RFC 6376, section 3.2)."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}
