"""Several mailboxes at once, of a CSV file: each row is checked and becomes a sender, or is rejected with the reason.

What is known of a row that was rejected is its number and the reason: neither address nor password. Each row is a
transaction of its own, so a file that was read half is sent again whole: what is there already is told to be.
"""

from __future__ import annotations

import csv
import io
import re
from typing import NamedTuple

import msgspec

from app.bounds import Bounds
from app.db import Pool, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.operations.host_policy import HostPolicy
from app.domain.senders import senders, verification
from app.domain.senders.draft import ImapServer, SenderDraft, Server
from app.domain.senders.known_providers import KnownProvider, by_domain
from app.domain.workspaces.quotas import Quotas
from app.errors import InvalidInput, QuotaReached
from app.mail.addresses import InvalidAddress, domain_of, normalize
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

CSV = Bounds(1, 500_000)  # characters of the file
MOST_ROWS = 500
_LONGEST_CELL = 2_000
# What a column's header may be called, letters alone.
_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("email", "address", "mailbox", "mail"), "email"),
    **dict.fromkeys(("displayname", "name"), "display_name"),
    **dict.fromkeys(("host", "smtphost", "server"), "host"),
    **dict.fromkeys(("port", "smtpport"), "port"),
    **dict.fromkeys(("security", "smtpsecurity"), "security"),
    **dict.fromkeys(("username", "user", "login"), "username"),
    "password": "password",
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
_SECURITY = {465: "tls", 993: "tls"}


class Created(msgspec.Struct):
    row: int
    id: int
    email: str


class Rejected(msgspec.Struct):
    """`reason` names the columns and no value of theirs."""

    row: int
    reason: str


class Imported(msgspec.Struct):
    """Rows are counted as in the file, its header is row 1. Of those that were created a worker logs in to the servers,
    one after the other: `verifiedAt` and `verifyError` of each say what came of it.
    """

    created: list[Created]
    rejected: list[Rejected]


class Terms(NamedTuple):
    """On which senders are let in."""

    box: SecretBox
    policy: HostPolicy
    default_hourly_limit: int
    most: Quotas


async def import_senders(pool: Pool, terms: Terms, actor: Actor, workspace_id: int, text: str) -> Imported:
    """Raises InvalidInput where the text as a whole cannot be read."""
    done = Imported([], [])
    for number, cells in _records(text):
        try:
            draft = _draft(cells)
            await _refuse_known(pool, workspace_id, draft)
            made = await senders.create_sender(
                pool,
                terms.box,
                workspace_id,
                draft,
                default_hourly_limit=terms.default_hourly_limit,
                actor=actor,
                policy=terms.policy,
                most=terms.most,
            )
        except InvalidInput as error:
            reason = "; ".join(f"{field} {words}" for field, words in error.fields.items())
            done.rejected.append(Rejected(number, reason))
        except QuotaReached as error:
            done.rejected.append(Rejected(number, error.detail))
        else:
            done.created.append(Created(number, made.id, made.email))
            await verification.ask_to_verify(pool, workspace_id, made.id)
    return done


def _records(text: str) -> list[tuple[int, dict[str, str]]]:
    """Rows with their numbers, cells by what their columns are. Raises InvalidInput."""
    if not CSV.allow(len(text)):
        raise InvalidInput({"csv": f"give {CSV} characters"})
    first = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(number, cells) for number, cells in enumerate(lines, 1) if any(cell.strip() for cell in cells)]
    except csv.Error:
        raise InvalidInput({"csv": "is no CSV: look for a quotation mark that is not closed"}) from None
    if not rows:
        raise InvalidInput({"csv": "is empty"})
    names = [re.sub(r"[^a-z]", "", name.lower()) for name in rows[0][1]]
    unknown = [name for name, plain in zip(rows[0][1], names, strict=True) if plain not in _COLUMNS]
    columns = [_COLUMNS.get(plain, "") for plain in names]
    if "email" not in columns or len(set(columns)) < len(columns):
        shown = ", ".join(sorted(set(_COLUMNS.values())))
        raise InvalidInput({"csv": f"needs a header with email, and each of these once at most: {shown}"})
    if unknown:
        raise InvalidInput({"csv": f"has {len(unknown)} columns in its header that are not known; leave them out"})
    if len(rows) - 1 > MOST_ROWS:
        raise InvalidInput({"csv": f"has {len(rows) - 1:,} rows; give {MOST_ROWS} at most"})
    return [(number, dict(zip(columns, cells, strict=False))) for number, cells in rows[1:]]


def _draft(cells: dict[str, str]) -> SenderDraft:
    """Raises InvalidInput. A password is as it is written; all else without blanks around it."""
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
        if name in given and given[name] not in {"tls", "starttls"}:
            wrong[name] = "is none; give tls or starttls"
    if "email" not in given:
        wrong["email"] = "is missing"
    if wrong:
        raise InvalidInput(wrong)
    return SenderDraft(
        email=given["email"],
        display_name=given.get("display_name", ""),
        server=_server(given, numbers),
        imap=_imap(given, numbers),
        hourly_limit=numbers.get("hourly_limit"),
        daily_limit=numbers.get("daily_limit"),
        least_gap_seconds=numbers.get("least_gap_seconds"),
        max_connections=numbers.get("max_connections"),
    )


def _server(given: dict[str, str], numbers: dict[str, int]) -> Server:
    """With a known provider's address, its servers and the address as the username need not be written. Raises
    InvalidInput.
    """
    known = _known(given["email"])
    host = given.get("host") or (known and known.smtp.host)
    if host is None:
        raise InvalidInput({"host": "is missing"})
    at_known = known is not None and host == known.smtp.host
    port = numbers.get("port", known.smtp.port if known is not None and at_known else 587)
    return msgspec.convert(
        {
            "host": host,
            "port": port,
            "security": given.get("security") or _SECURITY.get(port, "starttls"),
            "username": given.get("username") or (given["email"] if given.get("password") else None),
            "password": given.get("password"),
        },
        Server,
    )


def _imap(given: dict[str, str], numbers: dict[str, int]) -> ImapServer | None:
    known = _known(given["email"])
    host = given.get("imap_host")
    if host is None and known is not None and given.get("host") in {None, known.smtp.host} and given.get("password"):
        host = known.imap.host
    if host is None:
        return None
    port = numbers.get("imap_port")
    return msgspec.convert(
        {
            "host": host,
            "port": port,
            "security": given.get("imap_security") or ("starttls" if port == 143 else "tls"),
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
    server = draft.server
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
