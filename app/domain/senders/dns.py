"""The DNS check of a sender's domain: asked, judged (`dns_judge`), kept, and asked again each day. It is advice, and no
campaign waits for it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from app.db import Pool, Row, fetch_all, fetch_one, transaction
from app.domain.operations.resolver import DnsAway, Resolver
from app.domain.senders.dns_judge import (
    MOST_LOOKUPS,
    Finding,
    Spf,
    SpfPart,
    dmarc_names,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
    leads_to,
    spf_records,
)
from app.domain.senders.known_providers import by_domain, by_mx, is_under
from app.errors import NotFound
from app.mail.addresses import domain_of
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

MOST_DOMAINS = 3 * MOST_LOOKUPS  # that SPF leads to, and that are asked for: more is wrong whatever they say
KEPT_S = 24 * 3600
_turns = Turns(10, of_one=2)
# Where providers put keys, for a sender of which no mail was seen yet.
USUAL_SELECTORS = ("google", "selector1", "selector2", "default", "dkim", "mail", "k1", "s1", "fm1", "zoho", "s1-ionos")
# The include that a domain's SPF has to take over, by the server that its mail is handed to.
_INCLUDES = {
    "gmail.com": "_spf.google.com",
    "office365.com": "spf.protection.outlook.com",
    "outlook.com": "spf.protection.outlook.com",
    "zoho.eu": "zohomail.eu",
    "zoho.com": "zohomail.com",
    "fastmail.com": "spf.messagingengine.com",
    "ovh.net": "mx.ovh.com",
}


class DnsCheck(msgspec.Struct, rename="camel"):
    """`own` False: the domain is a provider's, who keeps its DNS, and there is nothing for anybody to do."""

    domain: str
    own: bool
    findings: list[Finding]
    checked_at: datetime


async def read_check(pool: Pool, resolver: Resolver, workspace_id: int, sender_id: int, *, anew: bool) -> DnsCheck:
    """As it was found in the last 24 hours, or now; `anew`: now. Raises NotFound."""
    params = {"workspace_id": workspace_id, "sender_id": sender_id}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.kept_check, params | {"kept_s": KEPT_S})
    if row is None:
        raise NotFound(f"no sender {sender_id}")
    domain = domain_of(row["email"])
    if not anew and row["is_fresh"] and row["domain"] == domain:
        return _check(row)
    async with _turns.take(workspace_id):
        return await _check_now(pool, resolver, row, domain)


async def check_again(pool: Pool, resolver: Resolver, most: int) -> int:
    """Ask anew for senders whose last check is a day old; how many those were."""
    async with pool.connection() as conn:
        due = await fetch_all(conn, sql.due_checks, {"kept_s": KEPT_S, "most": most})
    await asyncio.gather(*(_check_now(pool, resolver, row, domain_of(row["email"])) for row in due))
    return len(due)


async def _check_now(pool: Pool, resolver: Resolver, row: Row, domain: str) -> DnsCheck:
    selectors: list[str] = row["selectors"] or []
    own = by_domain(domain) is None
    findings = await examine(resolver, domain, selectors, row["host"]) if own else []
    params = {
        "workspace_id": row["workspace_id"],
        "sender_id": row["sender_id"],
        "domain": domain,
        "findings": msgspec.json.encode(findings).decode(),
    }
    async with transaction(pool, row["workspace_id"]) as conn:
        kept = await fetch_one(conn, sql.keep_check, params)
    if kept is None:
        raise NotFound(f"no sender {row['sender_id']}")
    return DnsCheck(domain, own, findings, kept["checked_at"])


def _check(row: Row) -> DnsCheck:
    findings = msgspec.convert(row["findings"], list[Finding])
    return DnsCheck(row["domain"], by_domain(row["domain"]) is None, findings, row["checked_at"])


async def examine(resolver: Resolver, domain: str, selectors: list[str], smtp_host: str | None) -> list[Finding]:
    """Findings by DNS as of now. `selectors`: those that mail was seen to be signed by; none: the usual are tried."""
    tried = selectors or list(USUAL_SELECTORS)
    names = dmarc_names(domain)
    mx, texts, dmarc, keys = await asyncio.gather(
        _ask(resolver, domain, "MX"),
        _ask(resolver, domain, "TXT"),
        asyncio.gather(*(_ask(resolver, name, "TXT") for name in names)),
        asyncio.gather(*(_ask(resolver, f"{selector}._domainkey.{domain}", "TXT") for selector in tried)),
    )
    records = None if texts is None else spf_records(texts)
    spf = Spf(domain, records, await _follow(resolver, records or []), _include(smtp_host, mx or []))
    return [
        judge_spf(spf),
        judge_dkim(domain, dict(zip(tried, keys, strict=True)), seen=bool(selectors)),
        judge_dmarc(domain, list(zip(names, dmarc, strict=True))),
        judge_mx(domain, mx),
    ]


async def _follow(resolver: Resolver, records: list[str]) -> dict[str, SpfPart]:
    """The SPF of all that these lead to."""
    seen: dict[str, SpfPart] = {}
    left = [target for record in records for target in leads_to(record)]
    while left and len(seen) < MOST_DOMAINS:
        now = list(dict.fromkeys(name for name in left if name not in seen))[: MOST_DOMAINS - len(seen)]
        answers = await asyncio.gather(*(_ask(resolver, name, "TXT") for name in now))
        left = list[str]()
        for name, texts in zip(now, answers, strict=True):
            seen[name] = SpfPart(None if texts is None else spf_records(texts))
            left += [target for text in seen[name].records or [] for target in leads_to(text)]
    return seen


def _include(smtp_host: str | None, mx: list[str]) -> str | None:
    """The include that the domain's SPF has to take over, as far as it is known."""
    known = by_mx([record.partition(" ")[2] for record in mx]) if smtp_host is None else None
    host = known.smtp.host if known is not None else (smtp_host or "")
    return next((include for zone, include in _INCLUDES.items() if is_under(host.lower(), zone)), None)


async def _ask(resolver: Resolver, name: str, kind: str) -> list[str] | None:
    """None: DNS does not answer."""
    try:
        return await resolver.ask(name, kind)
    except DnsAway:
        return None
