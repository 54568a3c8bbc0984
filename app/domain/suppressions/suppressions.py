"""The suppressions of a workspace: listed, added, read from files, written to files, removed with a word why.

Nothing that comes in removes or weakens one: a file adds, and what somebody said themselves stays (`suppress`). Many
are added in batches, each in a transaction of its own; repeating what broke off is harmless.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextlib import suppress as passing
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, BinaryIO, Literal, NamedTuple, get_args

import msgspec

from app.bounds import NOTE, Bounds
from app.db import LOCK_MS, Conn, Pool, Row, containing, fetch_all, fetch_one, transaction
from app.domain import csv_lines
from app.domain.accounts.actor import Actor
from app.domain.pages import Page, PageRequest, page_of
from app.domain.recipients import csv_files
from app.domain.recipients.columns import (
    addresses_in,
    is_domain,
    is_nameless,
    is_of_colleagues,
    is_of_domains,
    is_of_receivers,
    is_of_senders,
    names_messages,
)
from app.domain.recipients.csv_files import CsvList
from app.domain.recipients.lists import SHOWN, Choices, Rejected, cut
from app.domain.suppressions.held import newest
from app.domain.suppressions.suppress import BATCH, Reason, suppress
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import Quotas
from app.errors import InvalidInput, NotFound, QuotaReached
from app.mail.addresses import InvalidAddress, check_owned, domain_named, key, to_ascii
from app.mail.repairs import has_at, read_any
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

AT_ONCE = Bounds(0, 10_000)  # addresses, or domains, in one request; a file has as many as it likes
WHY = Bounds(1, 200)  # characters
EXPORT_PAGE = 500
# The fields in which another address is one to suppress, unless it is one of these, of somebody who keeps the list.
Theirs = dict[str, set[str]]
Said = Literal["BOUNCED", "MANUAL"]  # of somebody, and not by them
REASONS: tuple[Reason, ...] = get_args(Reason)
_WHOLE_DOMAIN = {
    "*",
    "'",
}  # in the place of a mailbox; the second: what a spreadsheet was kept from taking for a formula
_OWN = {"reason", "since", "note"}  # columns of an export, beside the address
_LOOKED_AT = 200  # rows, for a second column of addresses
_EACH = 4  # times and more, an address of those who keep a list stands in it; twice where a column is called theirs
_FEW_COLLEAGUES = 3  # of whom each may stand once in a short list

_turns = Turns(2, of_one=1)  # files: each is read for seconds


class Suppression(msgspec.Struct, rename="camel"):
    """An address or a domain, with all below it, that is written to no more. Once it is erased, neither is said.
    `email_id`: the email that it came from; `made_by`: the member who did it.
    """

    id: int
    email: str | None
    domain: str | None
    reason: Reason
    note: str | None
    email_id: int | None
    made_by: int | None
    created_at: datetime


class Filter(NamedTuple):
    """`q`: a part of the address or domain. A whole one finds all that keeps it from being written to, its domain's
    and what was erased, too.
    """

    q: str | None = None
    reason: Reason | None = None


class Asked(NamedTuple):
    """The terms of an addition; each row of a file may have its own `reason`. `most`: beyond which nothing is added."""

    reason: Reason = "MANUAL"
    note: str | None = None
    most: Quotas = quotas.UNLIMITED

    def check(self) -> None:
        """Raises InvalidInput."""
        if self.note is not None and (not NOTE.allow(len(self.note)) or "\0" in self.note):
            raise InvalidInput({"note": f"give {NOTE} characters"})


class Removal(NamedTuple):
    """Suppressions to remove at once: of a `campaign_id`, `since` a time, or both. A recipient's own word stays."""

    reason: Said
    campaign_id: int | None = None
    since: datetime | None = None


class Removed(msgspec.Struct):
    """How many may be written to again."""

    removed: int


class Added(msgspec.Struct, rename="camel"):
    """How many are new and how many were known already; how many emails that waited for them are CANCELLED now. Emails
    that wait for a domain are cancelled in the background. `rejected`: rows of a file that are neither address nor
    domain, or of which more was lost.
    """

    added: int
    known: int
    cancelled: int
    rejected: list[Rejected]


async def page(pool: Pool, workspace_id: int, wanted: Filter, asked: PageRequest) -> Page[Suppression]:
    """Newest first. Raises InvalidInput."""
    if wanted.q is not None and "\0" in wanted.q:
        raise InvalidInput({"q": "has a NUL character, which no address has"})
    params = _params(workspace_id, wanted) | {"before": asked.check(), "limit": asked.limit + 1}
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.page_of_suppressions, params)
    return page_of([_suppression(row) for row in rows], [row["id"] for row in rows], asked.limit)


async def counts(pool: Pool, workspace_id: int) -> dict[Reason, int]:
    """How many there are of each reason."""
    async with transaction(pool, workspace_id) as conn:
        found = await fetch_all(conn, sql.count_by_reason, {"workspace_id": workspace_id})
    return dict.fromkeys(REASONS, 0) | {row["reason"]: row["n"] for row in found}


async def of_address(conn: Conn, workspace_id: int, address: str) -> list[Suppression]:
    """Why an address is written to no more: its own, then those of its domain and of the ones above that."""
    rows = await fetch_all(conn, sql.suppressions_of_address, {"workspace_id": workspace_id, "address": address})
    return [_suppression(row) for row in rows]


async def add(
    pool: Pool, workspace_id: int, emails: Sequence[str], domains: Sequence[str], asked: Asked, actor: Actor
) -> Added:
    """Raises InvalidInput, naming what is no address or domain; then nothing is added. Raises QuotaReached, with what
    was added before.
    """
    asked.check()
    wrong: dict[str, str] = {}
    for name, texts in (("emails", emails), ("domains", domains)):
        if not AT_ONCE.allow(len(texts)):
            wrong[name] = f"give at most {AT_ONCE.most:,} at once, or a file"
    if not emails and not domains:
        wrong["emails"] = "give addresses or domains"
    if wrong:
        raise InvalidInput(wrong)
    found, named = await asyncio.to_thread(_read_all, emails, domains)
    async with _told(pool, workspace_id, actor) as told:
        await _add_all(pool, workspace_id, found, named, asked, actor, told)
    return told


async def add_file(
    pool: Pool,
    workspace_id: int,
    file: BinaryIO,
    asked: Asked,
    actor: Actor,
    internal: frozenset[str] = frozenset(),
) -> Added:
    """From a CSV file as lists of recipients have it, with every address of a cell; `*@example.com` or `@example.com`
    in the place of an address is a domain, and a column `reason` says why. `internal`: domains of the operator's
    network. Raises InvalidInput, and QuotaReached, with what was added before.
    """
    asked.check()
    # A row that repeats an address may have another reason.
    read = csv_files.Asked(choices=Choices(internal, every_address=True, repeats=True, reads=_read_any))
    async with _turns.take(workspace_id), _told(pool, workspace_id, actor) as told:
        recipients = await asyncio.to_thread(csv_files.from_csv, file, asked=read)
        theirs = await asyncio.to_thread(_check_columns, recipients)
        rows = _rows(recipients)
        while by_reason := await asyncio.to_thread(_next, rows, recipients, theirs, asked.reason):
            for reason, (emails, domains) in by_reason.items():
                await _add_all(pool, workspace_id, emails, domains, asked._replace(reason=reason), actor, told)
        told.rejected = sorted(recipients.rejected, key=lambda one: one.row)
    return told


async def remove(pool: Pool, workspace_id: int, suppression_id: int, why: str, actor: Actor) -> None:
    """Write to them again from now on; what was cancelled stays so. Raises InvalidInput, NotFound."""
    why = _checked(why)
    params = {"workspace_id": workspace_id, "id": suppression_id}
    async with transaction(pool, workspace_id) as conn:
        gone = await fetch_one(conn, sql.remove_suppression, params)
        if gone is None:
            raise NotFound(f"no suppression {suppression_id}")
        subject = f"suppressions/{suppression_id} ({gone['reason']}): {why}"
        await audit.record(conn, actor, workspace_id, "suppression.removed", subject)


async def remove_some(pool: Pool, workspace_id: int, which: Removal, why: str, actor: Actor) -> Removed:
    """Write to many again, as when a server said of all that they do not exist. In batches; each says in the audit log
    how many. Those that are made meanwhile stay. Raises InvalidInput.
    """
    why = _checked(why)
    if which.campaign_id is None and which.since is None:
        raise InvalidInput({"since": "say of which campaign, or since when, or both"})
    params = which._asdict() | {"workspace_id": workspace_id, "limit": BATCH}
    told = Removed(0)
    async with transaction(pool, workspace_id) as conn:
        params |= {"newest": await newest(conn, workspace_id)}
    while True:
        async with transaction(pool, workspace_id) as conn:
            gone = (await conn.execute(sql.remove_some, params)).rowcount
            if gone:
                await audit.record(conn, actor, workspace_id, "suppressions.removed", _subject(which, gone, why))
        told.removed += gone
        if gone < BATCH:
            return told


async def export(
    pool: Pool, actor: Actor, workspace_id: int, wanted: Filter, *, spreadsheet: bool
) -> AsyncIterator[bytes]:
    """As CSV that `add_file` reads, piece by piece, oldest first; those that were erased are left out."""
    async with transaction(pool, workspace_id) as conn:
        await audit.record(conn, actor, workspace_id, "suppressions.exported")
    return _export(pool, workspace_id, wanted, spreadsheet)


async def _export(pool: Pool, workspace_id: int, wanted: Filter, spreadsheet: bool) -> AsyncIterator[bytes]:
    yield csv_lines.header(("email", "reason", "since", "note"), spreadsheet=spreadsheet)
    params, after = _params(workspace_id, wanted) | {"limit": EXPORT_PAGE}, 0
    while True:
        async with transaction(pool, workspace_id) as conn:
            rows = await fetch_all(conn, sql.suppressions_after, params | {"after": after})
        cells = ((_written(row), row["reason"], row["created_at"], row["note"]) for row in rows)
        yield b"".join(csv_lines.line(each, spreadsheet=spreadsheet) for each in cells)
        if len(rows) < EXPORT_PAGE:
            return
        after = rows[-1]["id"]


def _checked(why: str) -> str:
    """Raises InvalidInput."""
    why = why.strip()
    if not WHY.allow(len(why)) or not why.isprintable():
        raise InvalidInput({"why": f"say in {WHY} characters on one line why they may be written to again"})
    return why


def _subject(which: Removal, count: int, why: str) -> str:
    of = "" if which.campaign_id is None else f" of campaigns/{which.campaign_id}"
    since = "" if which.since is None else f" since {which.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{count} {which.reason}{of}{since}: {why}"


def _written(row: Row) -> str:
    return row["name"] if row["kind"] == "ADDRESS" else f"*@{row['name']}"


async def _add_all(
    pool: Pool,
    workspace_id: int,
    emails: Sequence[str],
    domains: Sequence[str],
    asked: Asked,
    actor: Actor,
    told: Added,
) -> None:
    for some in _batches(emails):
        await _add_some(pool, workspace_id, {"emails": some}, asked, actor, told)
    for some in _batches(domains):
        await _add_some(pool, workspace_id, {"domains": some}, asked, actor, told)


async def _add_some(
    pool: Pool, workspace_id: int, some: Mapping[str, Any], asked: Asked, actor: Actor, told: Added
) -> None:
    async with transaction(pool) as conn:
        await conn.execute(sql.patience, {"lock_ms": str(LOCK_MS)})
        done = await suppress(conn, workspace_id, **some, reason=asked.reason, actor=actor, note=asked.note)
        if done.added:
            await quotas.check_suppressions(conn, workspace_id, asked.most)
    told.added += done.added
    told.known += done.known
    told.cancelled += done.cancelled


@asynccontextmanager
async def _told(pool: Pool, workspace_id: int, actor: Actor) -> AsyncGenerator[Added]:
    """The number of added suppressions for the audit log, where adding ends half way, too."""
    told = Added(0, 0, 0, [])

    async def record() -> None:
        async with transaction(pool, workspace_id) as conn:
            subject = f"{told.added} of {told.added + told.known}"
            await audit.record(conn, actor, workspace_id, "suppressions.added", subject)

    try:
        yield told
    except BaseException as error:
        if told.added or told.known:
            await asyncio.shield(record())
        if isinstance(error, QuotaReached) and told.added:
            raise QuotaReached(f"{error.detail}; {told.added:,} were added before") from error
        raise
    await record()


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[begin : begin + BATCH] for begin in range(0, len(texts), BATCH))


def _read_all(emails: Sequence[str], domains: Sequence[str]) -> tuple[list[str], list[str]]:
    """Raises InvalidInput."""
    wrong: dict[str, str] = {}
    found = [_read(_read_address, "emails", number, text, wrong) for number, text in enumerate(emails)]
    named = [_read(domain_named, "domains", number, text, wrong) for number, text in enumerate(domains)]
    if wrong:
        raise InvalidInput(wrong)
    return found, named


def _read(read: Callable[[str], str], name: str, number: int, text: str, wrong: dict[str, str]) -> str:
    try:
        return read(text)
    except InvalidAddress as error:
        if len(wrong) < 100:
            wrong[f"{name}[{number}]"] = error.reason
        return ""


def _reason(fields: Mapping[str, str], otherwise: Reason) -> Reason:
    said = fields.get("reason", "").strip().upper()
    return said if said in REASONS else otherwise


def _next(
    rows: Iterator[tuple[int, str, dict[str, str]]], recipients: CsvList, theirs: Theirs, otherwise: Reason
) -> dict[Reason, tuple[list[str], list[str]]]:
    """Of the next rows, the addresses and the domains of each reason. Raises InvalidInput."""
    by_reason: dict[Reason, tuple[list[str], list[str]]] = {}
    for row, address, fields in islice(rows, BATCH):
        for name, others in _elsewhere(address, fields, theirs).items():
            recipients.reject(row, fields[name], f"It stands in {cut(name, SHOWN)}, and not where the others do.")
            if theirs[name] or is_of_colleagues(name):  # once each: a list sorted by its keepers has them in many rows
                theirs[name].update(others)
        local, _, domain = address.rpartition("@")
        emails, domains = by_reason.setdefault(_reason(fields, otherwise), ([], []))
        if local not in _WHOLE_DOMAIN:
            emails.append(address)
            continue
        try:
            check_owned(domain)
        except InvalidAddress as error:
            recipients.reject(row, address, error.reason)
        else:
            domains.append(domain)
    return by_reason


def _rows(recipients: CsvList) -> Iterator[tuple[int, str, dict[str, str]]]:
    """The number, an address and the fields of each row, as often as it has addresses."""
    for batch in recipients.batches():
        yield from zip(batch.rows, batch.addresses, batch.fields, strict=True)


def _check_columns(recipients: CsvList) -> Theirs:
    """Raises InvalidInput for a second column of addresses to suppress: of what is half read, nobody sees it."""
    theirs: Theirs = {name: set() for name in recipients.fields - _OWN if not names_messages(name)}
    filled, found = defaultdict[str, set[int]](set), defaultdict[str, dict[int, list[str]]](dict)
    first_rows = list(islice(_rows(recipients), _LOOKED_AT))
    for row, address, fields in first_rows:
        for name, text in fields.items():
            if text.strip():
                filled[name].add(row)
        for name, others in _elsewhere(address, fields, theirs).items():
            found[name][row] = others
    for name, by_row in found.items():
        cells = list(by_row.values())
        theirs[name], may_differ = _keepers(name, by_row, recipients.reading.email_column, first_rows)
        alone = sum(not theirs[name].issuperset(others) for others in cells)
        if alone * 2 > len(cells) and len(cells) * 2 > len(filled[name]) and not may_differ:
            first = cut(recipients.reading.email_column, SHOWN)
            why = f"has addresses in two columns, {first} and {cut(name, SHOWN)}; send each by itself, or leave one out"
            raise InvalidInput({"file": why})
    return theirs


def _keepers(
    name: str, cells: Mapping[int, list[str]], taken: str, first_rows: Sequence[tuple[int, str, dict[str, str]]]
) -> tuple[set[str], bool]:
    """Who of a field keeps the list, and whether the others there are few, to be told of one by one. `taken`: the
    header of the column of the addresses. Who wrote messages keeps it if they are few beside those of that column, and
    got none: else it may be the other way round, and who said stop wrote them.
    """
    times = Counter(chain.from_iterable(cells.values()))
    is_called_theirs, is_of_mail = is_of_colleagues(name), is_of_senders(name) and is_of_receivers(taken)
    may_differ = is_called_theirs and len(times) <= _FEW_COLLEAGUES and not any(map(_is_whole, times))
    if is_of_senders(name):
        many = len({_as_registered(address) for _, address, _ in first_rows})
        may_differ = may_differ and not is_of_mail and "sender" in name.split("_") and many == len(first_rows)
        if len(times) * 2 > many and not may_differ:
            return set(), False
    each = 2 if is_called_theirs and not is_of_mail else _EACH
    if each == _EACH and len(cells) * 2 <= len({row for row, _, _ in first_rows}):
        return set(), may_differ
    keepers = {one for one, n in times.items() if n >= each and not _is_whole(one)}
    if is_of_mail and any(row in cells and _as_registered(address) in keepers for row, address, _ in first_rows):
        return set(), False
    return keepers, may_differ


def _elsewhere(address: str, fields: Mapping[str, str], theirs: Theirs) -> dict[str, list[str]]:
    """Of these fields, those with addresses to suppress beside this one, or with a domain."""
    own, found = _as_registered(address), dict[str, list[str]]()
    for name, text in fields.items():
        if not has_at(text) or name not in theirs or key(text.strip()) == own:
            continue
        others = [other for each in addresses_in(text) if (other := _as_registered(each)) != own]
        if not others and is_domain(text) and _names_a_domain(name, text, address):
            others = [text.strip()]
        if not theirs[name].issuperset(others):
            found[name] = others
    return found


def _names_a_domain(name: str, text: str, address: str) -> bool:
    """Of what looks like one: without a header, another's beside an address is what somebody is called elsewhere."""
    domain = _as_registered(text.strip().lstrip("'*").rstrip("."))[1:]
    is_own = f".{_as_registered(address).rpartition('@')[2]}".endswith(f".{domain}")
    return is_of_domains(name) or (is_nameless(name) and (is_own or _is_whole(address)))


def _as_registered(address: str) -> str:
    return key(to_ascii(address))


def _is_whole(address: str) -> bool:
    """Whether it is a domain in the place of an address."""
    return address.startswith("@") or address.partition("@")[0] in _WHOLE_DOMAIN


def _read_address(text: str) -> str:
    """Raises InvalidAddress."""
    address = read_any(text)
    local, _, domain = address.partition("@")
    if local in _WHOLE_DOMAIN:
        raise InvalidAddress(f"This is all of a domain; give {domain} as one.")
    return address


def _read_any(cell: str) -> str:
    """The address in a cell, or `*@` and its domain: a suppression needs no address that a campaign could have. Raises
    InvalidAddress.
    """
    try:
        domain = domain_named(cell)
    except InvalidAddress:
        address = read_any(cell)
        if address.partition("@")[0] in _WHOLE_DOMAIN:
            raise
        return address
    if "@" not in cell:
        raise InvalidAddress(f"This is no address. All addresses of a domain are *@{domain}.")
    return f"*@{domain}"


def _params(workspace_id: int, wanted: Filter) -> dict[str, Any]:
    q = None if wanted.q is None else wanted.q.strip()
    whole = None
    if q is not None:
        with passing(InvalidAddress):
            whole = f"@{domain_named(q)}"
        with passing(InvalidAddress):
            whole = read_any(q)
    like = None if q is None else containing(q)
    return {"workspace_id": workspace_id, "whole": whole, "q": like, "reason": wanted.reason}


def _suppression(row: Row) -> Suppression:
    is_address = row["kind"] == "ADDRESS"
    return Suppression(
        id=row["id"],
        email=row["name"] if is_address else None,
        domain=None if is_address else row["name"],
        reason=row["reason"],
        note=row["note"],
        email_id=row["email_id"],
        made_by=row["made_by"],
        created_at=row["created_at"],
    )
