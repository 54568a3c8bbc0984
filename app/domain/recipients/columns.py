"""The column of a file that holds the addresses, and the names of the others.

The content of the cells decides first: a column with an address in each row, and a different one in each, beats any
name. The header decides between columns that hold alike: `Owner Email` is full of addresses, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec

from app.domain.recipients.lists import EMAIL, SHOWN, cut, field_name
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, normalize
from app.mail.repairs import MOST_CELL, has_at, mend

_DOMAIN = re.compile(r"\s*'?\*?@[^\s@.]+(?:\.[^\s@.]+)+\.?\s*")  # all addresses of one, as suppressions name it
CLOSE = 0.3  # of the best score: a column within is worth a question
MOST_NAMED = 5
_MOST_HEADER = 200  # characters that say what a column is; a cell may have a million

# Names of a column of addresses, as `field_name` has them, in the languages of those who export lists.
_EXACT = re.compile(
    r"(?:e_?)?mail|(?:e_?)?mail_?(?:address|addr|adresse|adres|adress|cim|cime)|adresse_(?:e_?)?mail|courriel|m[eé]l"
    r"|correo|correo_electr[oó]nico|direcci[oó]n_de_correo(?:_electr[oó]nico)?|indirizzo_(?:e_?)?mail|endereço_de_e_?mail"
    r"|posta_elettronica|e_?posta|e_?post(?:adress|adresse)?|s[aä]hk[oö]posti(?:osoite)?|email_cím|adres_e_?mail"
    r"|эл(?:ектронная)?_(?:почта|адрес)|почта|e_?mail_адрес|メール(?:アドレス)?|eメール|电子邮件|电子邮箱|邮箱(?:地址)?|電子郵件"
    r"|電子信箱|이메일(?:_?주소)?|อีเมล|อีเมล์|דואל|דוא_ל|البريد_الإلكتروني|ηλεκτρονική_διεύθυνση|recipient|empfänger"
)
_MAIL = re.compile(
    r"mail|courriel|correo|correio|poczta|пошта|почт|имейл|メール|邮箱|邮件|郵件|信箱|이메일|전자_?우편|อีเมล|posta|sähköposti"
    r"|البريد|ايميل|ایمیل|پست_الکترونیک|דוא|אימייל|ई_?मेल|மின்னஞ்சல்|ই_?মেইল|e_?(?:pošta|naslov|pasts|bost)|el_pašt"
    r"|ele[kc]tr(?:on|ón|òn|ôn)i[ckqsz]\w*_(?:adress|adres|pošta|pasts|pašt)|adress?e?_[eé]lectronique|helbide_elektr"
    r"|correu|thư_điện_tử|ηλεκτρονικ|ელფოსტა|էլ_փոստ|netfang|tölvupóst|surel|emel|barua_pepe|ríomhphost"
)
_COLLEAGUES = (
    r"(?:^|_)(?:owner|manager|assign|creat(?:ed|or)|modif|updated|sales_?rep|agent(?:_|$)|supervis|besitzer"
    r"|betreuer|propri[eé]taire|propietario)"
)
_OF_COLLEAGUES = re.compile(
    rf"{_COLLEAGUES}|(?:^|_)(?:sender|senduser\w*|sales_?(?:person|people|m[ae]n|agent|owner|manager|user)|rep|from|added"
    r"|e?mail_account|absender|erstellt|zuständige[rsn]?|expéditeur|créée?|ajoutée?|remitente|creado|agregado|remetente"
    r"|criado|mittente|creato)(?:_|$)"
)
# Of messages: whoever wrote one, and whom it went to. Of answers, those are the others and these who keep the list.
_OF_SENDERS = re.compile(
    r"(?:^|_)(?:from|sender|senduser\w*|absender|expéditeur|remitente|remetente|mittente)(?:_|$)|^(?:von|de|da|van)(?:_|$)"
)
_OF_RECEIVERS = re.compile(
    r"(?:^|_)(?:to|rcpt|recipients?|receivers?|an|empfänger|à|para|destinat(?:ari[oa]|ário|aire)|aan|ontvanger)(?:_|$)"
)
_OF_MESSAGES = re.compile(r"(?:^|_)(?:message|smtp)_?id(?:_|$)")
_NAMELESS = re.compile(r"column_[0-9]+")
_OF_DOMAINS = re.compile(r"domain|domän|dom[ií]nio|domein|domen|домен|域名|ドメイン")
_NOT_THEIRS = re.compile(
    rf"{_COLLEAGUES}|(?:^|_)(?:send|referr|recruit|parent|billing|invoice|unsubscri|consent|bounc|verif|confirm|valid|domain)"
    r"|(?:^|_)(?:opt|status|from|type|label|name|date|count|last|cc|bcc)(?:_|$)"
)
_SECOND = re.compile(r"(?:^|_)(?:[2-9]|secondary|second|other|alternate|alternative|alt|old|private|home)(?:_|$)")


class Columns(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The columns of a file: which one (from 0) has the address, and each one's merge field.

    A column whose field is "" is left out; that of the address does not count.
    """

    has_header: bool
    email: Annotated[int, msgspec.Meta(ge=0)]
    fields: list[str]


class Candidate(msgspec.Struct, frozen=True):
    """A column that could be that of the addresses: `addresses` of the first rows have one there."""

    column: int
    name: str
    addresses: int


class Guess(msgspec.Struct, frozen=True):
    """`candidates`: the column taken, and behind it those that were close; empty where no cell holds an address."""

    columns: Columns
    candidates: list[Candidate]


def above_header(records: Sequence[Sequence[str]]) -> int:
    """How many of the first records are a title or notes, as reports begin with: each is one cell, and below them is a
    header, which has several and no address.
    """
    for count, cells in enumerate(records):
        filled = [cell for cell in cells if cell.strip()]
        if any(map(is_listed, filled)):
            return 0
        if len(filled) > 1:
            return count + _is_of_groups(records[count : count + 2])
        if filled and _EXACT.fullmatch(field_name(filled[0])):
            return 0
    return 0


def _is_of_groups(records: Sequence[Sequence[str]]) -> bool:
    """Whether the first record has names of groups, each over several columns, and the header is below."""
    own, below = records[0], records[1] if len(records) > 1 else list[str]()
    return not _names_addresses(own) and _names_addresses(below) and not any(map(is_listed, below))


def _names_addresses(cells: Sequence[str]) -> bool:
    return any(_EXACT.fullmatch(field_name(cell)) for cell in cells)


def guess(records: Sequence[Sequence[str]], named: str | None = None, *, domains: bool = False) -> Guess | None:
    """The guess by the first records, a header among them or not. None: no column is one of addresses.

    `named`: what the caller calls the column of the addresses, by its header or by its number from 1. `domains` count
    as addresses, where no header says that a column has something else. Raises InvalidInput (`emailColumn`) for one
    that is not there.
    """
    first = records[0]
    has_header = not any(map(is_listed, first))
    rows = records[1:] if has_header else records
    headers = [cell.strip() if has_header else "" for cell in first]
    scored = sorted(
        (
            _score(column, header, rows, domains=domains and (not has_header or is_of_domains(field_name(header))))
            for column, header in enumerate(headers)
        ),
        key=lambda one: (-one[0], one[1].column),
    )
    best, taken = scored[0]
    if named is not None:
        column = _column_of(named, headers)
        taken = next(candidate for _, candidate in scored if candidate.column == column)
    elif not taken.addresses and best <= 0:
        return None
    close = [one for score, one in scored if one.addresses and one != taken and score >= best - CLOSE]
    names = [(has_header and field_name(cell)) or f"column_{n}" for n, cell in enumerate(first, 1)]
    columns = Columns(has_header, taken.column, unlike(names, taken.column))
    return Guess(columns, [taken, *close[: MOST_NAMED - 1]] if taken.addresses else [])


def _score(column: int, header: str, rows: Sequence[Sequence[str]], *, domains: bool) -> tuple[float, Candidate]:
    """Half for how many rows have an address there, half for how many different ones, and a little for the header."""
    cells = [row[column] for row in rows if column < len(row)]
    found = [key(one) for cell in cells if (one := _address_in(cell) or (domains and is_domain(cell) and cell.strip()))]
    share = len(found) / len(rows) if rows else 0.0
    different = len(set(found)) / len(found) if found else 0.0
    score = share * (0.5 + 0.5 * different) + _of_header(field_name(header), holds=bool(found) or not any(rows))
    return score, Candidate(column, header or f"column {column + 1}", len(found))


def _of_header(name: str, *, holds: bool) -> float:
    """A column without a single address is one only where none has any, and only by a name that says so."""
    name, value = name[:_MOST_HEADER], 0.0
    if name == EMAIL:
        value = 0.25
    elif _EXACT.fullmatch(name):
        value = 0.2
    elif _MAIL.search(name):
        value = 0.1
    if _NOT_THEIRS.search(name):
        value -= 0.2
    if _SECOND.search(name):
        value -= 0.05
    return value if holds else min(value, 0.0) if value < 0.1 else value / 10


def _column_of(named: str, headers: Sequence[str]) -> int:
    for column, header in enumerate(headers):
        if header and header == named.strip():
            return column
    wanted = field_name(named)
    for column, header in enumerate(headers):
        if header and field_name(header) == wanted:
            return column
    if named.strip().isascii() and named.strip().isdigit() and 1 <= int(named) <= len(headers):
        return int(named) - 1
    have = cut(", ".join(header or f"column {n}" for n, header in enumerate(headers, 1)), SHOWN)
    raise InvalidInput(
        {"emailColumn": f"names no column of the file; give a header or a number from 1. It has: {have}"}
    )


def is_address(cell: str) -> bool:
    return _address_in(cell) is not None


def is_domain(cell: str) -> bool:
    """Whether a cell is all addresses of a domain. What somebody is called elsewhere (`@ann.lee`) looks alike."""
    return len(cell) <= MOST_CELL and _DOMAIN.fullmatch(cell) is not None


def is_listed(cell: str) -> bool:
    """Whether a cell is an address, or names a domain: no header does."""
    return is_address(cell) or is_domain(cell)


def addresses_in(cell: str) -> list[str]:
    """Each address in a cell, with what is around them left out."""
    if (mended := mend(cell)) is not None:
        return [mended.address, *mended.others]
    try:
        return [normalize(cell)]
    except InvalidAddress:
        return [address] if (address := _loosely(cell)) else []


def is_of_colleagues(name: str) -> bool:
    """Whether a field has, by its name, addresses of those who keep the list."""
    return _OF_COLLEAGUES.search(name) is not None


def is_of_senders(name: str) -> bool:
    """Whether a field has, by its name, addresses of those who wrote messages."""
    return _OF_SENDERS.search(name) is not None


def is_of_receivers(header: str) -> bool:
    """Whether a column has, by its header, addresses of those whom messages went to."""
    return _OF_RECEIVERS.search(field_name(header[:_MOST_HEADER])) is not None


def names_messages(name: str) -> bool:
    """Whether a field has, by its name, ids of messages, which look like addresses."""
    return _OF_MESSAGES.search(name) is not None


def is_nameless(name: str) -> bool:
    """Whether a field is called by the place of its column, which has no header."""
    return _NAMELESS.fullmatch(name) is not None


def is_of_domains(name: str) -> bool:
    """Whether a field has domains, by its name."""
    return _OF_DOMAINS.search(name[:_MOST_HEADER]) is not None


def may_be_listed(header: str) -> bool:
    """Whether what stands in a header's place is rather a domain, or an address with a slip."""
    name, dot, last = header.strip().rpartition(".")
    is_name = " " in name or not last or _EXACT.fullmatch(field_name(last)) is not None
    return "@" in header or bool(name and dot and not is_name)


def _address_in(cell: str) -> str | None:
    """Internal domains are taken by their looks here: a guess decides nothing about who may be written to."""
    if not has_at(cell):
        return None
    try:
        return normalize(cell)
    except InvalidAddress:
        mended = mend(cell)
    return mended.address if mended is not None else _loosely(cell)


def _loosely(cell: str) -> str | None:
    local, _, host = cell.strip().rpartition("@")
    return cell.strip() if local and host and re.fullmatch(r"[\w.+-]+", local + host) else None


def unlike(fields: list[str], email: int) -> list[str]:
    """Names of merge fields, none twice and none that is the address's."""
    taken = {EMAIL}
    for column, field in enumerate(fields):
        name, n = field, 2
        if column != email:
            while name in taken:
                name, n = f"{field}_{n}", n + 1
            taken.add(name)
            fields[column] = name
    return fields


def checked(columns: Columns, width: int) -> list[str]:
    """The merge field of each column, "" for one that is left out. Raises InvalidInput (`columns`)."""
    if len(columns.fields) != width or columns.email >= width:
        raise InvalidInput({"columns": f"do not fit the file, which has {width} columns"})
    names = [field_name(name) for name in columns.fields]
    names[columns.email] = EMAIL
    for column, (name, given) in enumerate(zip(names, columns.fields, strict=True)):
        if not name and given.strip() and column != columns.email:
            raise InvalidInput({"columns": f'name one "{given[:SHOWN]}"; use letters or digits'})
    for name, count in Counter(names).items():
        if name and count > 1:
            raise InvalidInput({"columns": f'name {count} of them "{cut(name, SHOWN)}"; give each a name of its own'})
    return names
