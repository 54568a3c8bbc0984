"""Several mailboxes at once, of a CSV file: each row is checked and becomes a sender, or is rejected with the reason.

A row that was rejected is told by its number and the reason: by neither address nor password. Each row is a transaction
of its own, so a file that was read half is sent again whole: what is there already is told to be.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from app.bounds import Bounds
from app.db import Pool, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.operations.host_policy import HostPolicy
from app.domain.senders import senders, verification
from app.domain.senders.discovery import Discovered, Finder, discover
from app.domain.senders.draft import ImapServer, SenderDraft, Server, tidied
from app.domain.senders.known_providers import KnownProvider, Place, by_domain
from app.domain.workspaces.quotas import Quotas
from app.errors import InvalidInput, QuotaReached
from app.mail.addresses import InvalidAddress, domain_of, normalize
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

CSV = Bounds(1, 500_000)  # characters of the file
MOST_ROWS = 500
MOST_DOMAINS = 20  # whose servers are looked for, for rows without a host
AT_ONCE = 5  # of these
LOOKING_S = 45.0  # for all of these
_LONGEST_CELL = 2_000
# Names that a column's header may have, letters alone.
_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("email", "emailaddress", "address", "mailbox", "mail", "fromemail"), "email"),
    **dict.fromkeys(("displayname", "name", "fromname"), "display_name"),
    **dict.fromkeys(("host", "smtphost", "server"), "host"),
    **dict.fromkeys(("port", "smtpport"), "port"),
    **dict.fromkeys(("security", "smtpsecurity"), "security"),
    **dict.fromkeys(("username", "user", "login", "smtpusername", "smtpuser"), "username"),
    **dict.fromkeys(("password", "smtppassword", "apppassword"), "password"),
    "hourlylimit": "hourly_limit",
    "dailylimit": "daily_limit",
    "leastgapseconds": "least_gap_seconds",
    "maxconnections": "max_connections",
    "imaphost": "imap_host",
    "imapport": "imap_port",
    "imapsecurity": "imap_security",
    "imapusername": "imap_username",
    "imappassword": "imap_password",
}
_NUMBERS = ("port", "hourly_limit", "daily_limit", "least_gap_seconds", "max_connections", "imap_port")
_BEYOND = ""  # what no header is above
_SECURITY = {465: "tls", 993: "tls"}
_SECURITIES = {"tls": "tls", "ssl": "tls", "ssl/tls": "tls", "starttls": "starttls"}


class Created(msgspec.Struct):
    row: int
    id: int
    email: str


class RejectedMailbox(msgspec.Struct):
    """`reason` names the columns and no value of theirs."""

    row: int
    reason: str


class Imported(msgspec.Struct):
    """Rows are counted as in the file, its header is row 1. Of those that were created a worker logs in to the servers,
    one after the other: `verifiedAt` and `verifyError` of each say what came of it.
    """

    created: list[Created]
    rejected: list[RejectedMailbox]


class Terms(NamedTuple):
    """On which senders are let in."""

    box: SecretBox
    policy: HostPolicy
    default_hourly_limit: int
    most: Quotas
    finder: Finder


class _Given(NamedTuple):
    """The cells of a row that say something, numbers apart."""

    texts: dict[str, str]
    numbers: dict[str, int]

    @property
    def email(self) -> str:
        return self.texts["email"]


class _Servers(NamedTuple):
    """Of a mailbox, as its address tells."""

    smtp: Place
    imap: Place | None
    username: str


async def import_senders(pool: Pool, terms: Terms, actor: Actor, workspace_id: int, text: str) -> Imported:
    """Raises InvalidInput where the text as a whole cannot be read."""
    done = Imported([], [])
    given: dict[int, _Given] = {}
    for number, cells in _records(text):
        try:
            given[number] = _given(cells)
        except InvalidInput as error:
            done.rejected.append(_rejected(number, error))
    found = await _look_for(terms.finder, given.values())
    for number, row in given.items():
        try:
            draft = _draft(row, found)
            await _refuse_known(pool, workspace_id, draft)
            made = await senders.create_sender(
                pool,
                terms.box,
                workspace_id,
                draft,
                default_hourly_limit=terms.default_hourly_limit,
                actor=actor,
                policy=terms.policy,
                providers=terms.finder.providers,
                most=terms.most,
            )
        except InvalidInput as error:
            done.rejected.append(_rejected(number, error))
        except QuotaReached as error:
            done.rejected.append(RejectedMailbox(number, error.detail))
        else:
            done.created.append(Created(number, made.id, made.email))
            await verification.ask_to_verify(pool, workspace_id, made.id)
    done.rejected.sort(key=lambda one: one.row)
    return done


def _rejected(number: int, error: InvalidInput) -> RejectedMailbox:
    return RejectedMailbox(number, "; ".join(f"{field} {words}" for field, words in error.fields.items()))


async def _look_for(finder: Finder, rows: Iterable[_Given]) -> dict[str, Discovered]:
    """The servers that domains name, for rows that name none: of so many domains at most, and in so long."""
    addresses: dict[str, str] = {}
    for row in rows:
        if "host" not in row.texts and _known(row.email) is None:
            with suppress(InvalidAddress):  # which is rejected for that
                address = normalize(row.email)
                addresses.setdefault(domain_of(address), address)
    found: dict[str, Discovered] = {}
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(domain: str, address: str) -> None:
        async with turn:
            found[domain] = await discover(finder, address)

    with suppress(TimeoutError):
        async with asyncio.timeout(LOOKING_S):
            await asyncio.gather(*(look(*one) for one in list(addresses.items())[:MOST_DOMAINS]))
    return found


def _records(text: str) -> list[tuple[int, dict[str, str]]]:
    """Rows with their numbers, cells by what their columns are. Raises InvalidInput."""
    if not CSV.allow(len(text)):
        raise InvalidInput({"csv": f"give {CSV} characters"})
    text = text.lstrip("\ufeff")
    named = re.match(r'"?sep=(.)"?[\r\n]+', text)  # as Excel writes it, and reads it
    if named is not None:
        text = text[named.end() :]
    first = text.partition("\n")[0]
    delimiter = named[1] if named is not None else max(",;\t", key=first.count)
    # `email, password`: the blanks are no part of the cells, and of no password.
    is_loose = 0 < first.count(delimiter) == first.count(f"{delimiter} ")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=is_loose, strict=True)
    before = 1 if named is None else 2
    try:
        rows = [(number, cells) for number, cells in enumerate(lines, before) if any(cell.strip() for cell in cells)]
    except csv.Error:
        where = f"line {lines.line_num + before - 1} or before it"
        raise InvalidInput({"csv": f"is no CSV: look for a quotation mark that is not closed, in {where}"}) from None
    if not rows:
        raise InvalidInput({"csv": "is empty"})
    names = [re.sub(r"[^a-z]", "", name.lower()) for name in rows[0][1]]
    unknown = [str(number) for number, plain in enumerate(names, 1) if plain not in _COLUMNS]
    columns = [_COLUMNS.get(plain, "") for plain in names]
    if "email" not in columns or len(set(columns)) < len(columns):
        shown = ", ".join(sorted(set(_COLUMNS.values())))
        raise InvalidInput({"csv": f"needs a header with email, and each of these once at most: {shown}"})
    if unknown:
        text = f"has columns in its header that are not known; leave them out (number {', '.join(unknown[:20])})"
        raise InvalidInput({"csv": text})
    if len(rows) - 1 > MOST_ROWS:
        raise InvalidInput({"csv": f"has {len(rows) - 1:,} rows; give {MOST_ROWS} at most"})
    return [
        (number, dict(zip(columns, cells, strict=False)) | {_BEYOND: "".join(cells[len(columns) :])})
        for number, cells in rows[1:]
    ]


def _given(cells: dict[str, str]) -> _Given:
    """Raises InvalidInput. A password is as it is written; all else without blanks around it."""
    if cells.pop(_BEYOND).strip():  # cut off there, a password would be tried, and be wrong
        raise InvalidInput(
            {"the row": "has more cells than the header: put what has a delimiter in it in quotation marks"}
        )
    if any("\N{REPLACEMENT CHARACTER}" in value for value in cells.values()):  # a letter was lost, perhaps a password's
        raise InvalidInput({"the row": "has a letter that was lost when the file was read: save it as CSV UTF-8"})
    given = {name: value if name.endswith("password") else value.strip() for name, value in cells.items()}
    given = {name: value for name, value in given.items() if value}
    wrong = {name: "is too long" for name, value in given.items() if len(value) > _LONGEST_CELL}
    numbers: dict[str, int] = {}
    for name in _NUMBERS:
        if (value := given.pop(name, None)) is not None:
            if re.fullmatch(r"[0-9]{1,9}", value):
                numbers[name] = int(value)
            else:
                wrong[name] = "is not a number"
    for name in ("security", "imap_security"):
        if name in given and (meant := _SECURITIES.get(given[name].lower())) is not None:
            given[name] = meant
        elif name in given:
            wrong[name] = "is none; give tls or starttls"
    if "email" not in given:
        wrong["email"] = "is missing"
    if wrong:
        raise InvalidInput(wrong)
    return _Given(given, numbers)


def _draft(row: _Given, found: Mapping[str, Discovered]) -> SenderDraft:
    """Raises InvalidInput."""
    servers = _servers_of(row, found)
    return SenderDraft(
        email=row.email,
        display_name=row.texts.get("display_name", ""),
        server=_server(row, servers),
        imap=_imap(row, servers),
        hourly_limit=row.numbers.get("hourly_limit"),
        daily_limit=row.numbers.get("daily_limit"),
        least_gap_seconds=row.numbers.get("least_gap_seconds"),
        max_connections=row.numbers.get("max_connections"),
    )


def _servers_of(row: _Given, found: Mapping[str, Discovered]) -> _Servers | None:
    """A known provider's, by the address, or those that its domain tells of; None: the row names them. Raises
    InvalidInput: what a person would have to confirm, no file does.
    """
    known = _known(row.email)
    if known is not None:
        return _Servers(known.smtp, known.imap, row.email)
    if "host" in row.texts:
        return None
    try:
        address = normalize(row.email)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
    told = found.get(domain_of(address))
    if told is None or told.smtp is None:
        raise InvalidInput({"host": "is missing, and nothing tells where its servers are"})
    if not told.confirmed:
        text = "is missing, and what tells of its servers has to be confirmed by a person: add this mailbox by itself"
        raise InvalidInput({"host": text})
    is_local = told.username == told.email.rpartition("@")[0]  # as the provider's other mailboxes are named, too
    return _Servers(told.smtp, told.imap, address.rpartition("@")[0] if is_local else address)


def _server(row: _Given, servers: _Servers | None) -> Server:
    """With servers that are known, they and the username need not be written. Raises InvalidInput."""
    given = row.texts
    at = None if servers is None or given.get("host") not in {None, servers.smtp.host} else servers.smtp
    port = row.numbers.get("port", 587 if at is None else at.port)
    usual = at.security if at is not None and port == at.port else _SECURITY.get(port, "starttls")
    username = row.email if servers is None or at is None else servers.username
    return msgspec.convert(
        {
            "host": given.get("host") if at is None else at.host,
            "port": port,
            "security": given.get("security") or usual,
            "username": given.get("username") or (username if given.get("password") else None),
            "password": given.get("password"),
        },
        Server,
    )


def _imap(row: _Given, servers: _Servers | None) -> ImapServer | None:
    given = row.texts
    is_there = servers is not None and given.get("host") in {None, servers.smtp.host} and given.get("password")
    at = servers.imap if servers is not None and is_there and given.get("imap_host") is None else None
    host = given.get("imap_host") if at is None else at.host
    if host is None:
        return None
    port = row.numbers.get("imap_port", None if at is None else at.port)
    usual = at.security if at is not None and port == at.port else "starttls" if port == 143 else "tls"
    return msgspec.convert(
        {
            "host": host,
            "port": port,
            "security": given.get("imap_security") or usual,
            "username": given.get("imap_username"),
            "password": given.get("imap_password"),
        },
        ImapServer,
    )


def _known(email: str) -> KnownProvider | None:
    try:
        return by_domain(domain_of(normalize(email)))
    except InvalidAddress:
        return None


async def _refuse_known(pool: Pool, workspace_id: int, draft: SenderDraft) -> None:
    """Raises InvalidInput where the mailbox is a sender already, as in a file that is sent again."""
    server = tidied(draft).server
    params = {
        "workspace_id": workspace_id,
        "email": draft.email,
        "host": server and server.host,
        "username": server and server.username,
    }
    if any("\0" in value for value in params.values() if isinstance(value, str)):
        return  # refused with a better reason
    async with transaction(pool, workspace_id) as conn:
        if await fetch_one(conn, sql.same_sender, params) is not None:
            raise InvalidInput({"email": "is a sender already, at this server and by this username"})
