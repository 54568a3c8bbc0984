"""Email addresses: what may enter the system, and in what form.

`email-validator` is the authority. It takes tens of microseconds an address, too slow for a list of a
million, so plain ASCII addresses, which nearly all are, take a shorter way that must give the same answer (a
test holds it to that). Everything behind this module may trust an address to be one mailbox: no commas, line
breaks or display name. aiosmtplib would silently cut `b@x, c@d` to the first. Whether a mailbox exists is not
asked here.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress

import idna
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, ValidatedEmail, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from app.mail.registries import is_registry

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"  # never two hyphens in a row, so never an A-label ("xn--")
_PLAIN_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_PLAIN_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[A-Za-z]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")
_MOST_DOMAIN = 253
_BLANK = (
    "It has a blank in it. A name goes in front of angle brackets (Ann <ann@example.com>), a comma between addresses."
)
_PLAIN_LENGTH = 64  # no limit of RFC 5321 or DNS, on the whole, the local part or a label, is below this
_SPECIAL_USE = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
_ROLES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)  # RFC 2142: email-validator puts these in lower case
_MOST_DOMAINS = 10_000  # of those seen last, mostly few: most of a list are with the same providers
_domains: dict[str, str] = {}


class InvalidAddress(ValueError):
    """Not an address we can send to; `reason` says why in one sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def normalize(text: str, internal: Collection[str] = ()) -> str:
    """The address in `text`, trimmed: domain in lower case and as Unicode (U-labels), local part in NFC.

    The local part keeps its case, RFC 2142's role names (`Info@`, `SALES@`) aside. `internal` are the domains that
    exist within the operator's network alone (`corp.local`, a host of one label), in A-labels, with all below them.
    Raises InvalidAddress.
    """
    address = text.strip()
    if len(address) <= _PLAIN_LENGTH:
        local, _, domain = address.rpartition("@")
        normal = _domains.get(domain) or _plain_domain(domain)
        if normal and _PLAIN_LOCAL.fullmatch(local) and local.lower() not in _ROLES:
            return f"{local}@{normal}"
    if not address:
        raise InvalidAddress("There is no email address.")
    if len(address) > MAX_LENGTH:  # said early: the validator looks at every character of a pasted novel
        raise InvalidAddress(f"The email address is longer than {MAX_LENGTH} characters.")
    if "@" in address and len(address.split()) > 1:
        raise InvalidAddress(_BLANK)
    if internal and is_internal(address.rpartition("@")[2], internal):
        return _internal(address)
    return _validated(address).normalized


def normalize_any(text: str) -> str:
    """As `normalize`, for an address that may be of a domain which is, or once was, internal. Raises InvalidAddress."""
    try:
        return normalize(text)
    except InvalidAddress:
        with suppress(InvalidAddress):
            return normalize(text, {_a_labels(text.strip().rpartition("@")[2])})
        raise


def domain_named(text: str) -> str:
    """The domain in `text` (`example.com`, `@example.com`, `*@example.com`) as addresses have it. Raises
    InvalidAddress.
    """
    name = text.strip().removeprefix("*@").removeprefix("@").removesuffix(".")
    if name.startswith("*."):
        raise InvalidAddress(f"Give {name[2:]}: what is below a domain goes with it.")
    if "@" in name:
        raise InvalidAddress("This is no domain; give the part after the @-sign alone.")
    if "." not in name:
        raise InvalidAddress("This is no domain that mail is sent to; give a name such as example.com.")
    domain = normalize_any(f"a@{name}").partition("@")[2]
    check_owned(domain)
    return domain


def check_owned(domain: str) -> None:
    """Raises InvalidAddress for one that is nobody's own."""
    if is_registry(domain):
        raise InvalidAddress(f"Below {domain} are everybody's domains; give one of them, such as example.{domain}.")


def _plain_domain(domain: str) -> str:
    """In lower case; empty for one that `email-validator` has to look at."""
    if not _PLAIN_DOMAIN.fullmatch(domain) or (normal := domain.lower()).endswith(_SPECIAL_USE):
        return ""
    if len(_domains) >= _MOST_DOMAINS:
        _domains.clear()
    _domains[domain] = normal
    return normal


def key(address: str) -> str:
    """The key that all spellings of one mailbox have in common. In practice case tells no two mailboxes apart.

    ASCII case, as in the ledger's index: beyond it, languages and Unicode versions do not agree on what is the same.
    """
    return address.lower() if address.isascii() else address.encode().lower().decode()


def needs_smtputf8(address: str) -> bool:
    """Whether only SMTPUTF8 (RFC 6531) can carry the address: its local part has no ASCII form."""
    return not address.isascii() and not address.rpartition("@")[0].isascii()


def to_ascii(address: str) -> str:
    """The address with its domain in A-labels (IDNA 2008); the local part stays as it is."""
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{_a_labels(domain)}"


def is_internal(domain: str, internal: Collection[str]) -> bool:
    """Whether the domain is one of `internal`, which are in A-labels, or below one."""
    labels = _a_labels(domain).split(".")
    return any(".".join(labels[n:]) in internal for n in range(len(labels)))


def _internal(address: str) -> str:
    """Of a domain that no registry knows: letters, digits and hyphens, and the local part like any other. It may be one
    that a registry knows all the same, so it is written as others are.
    """
    local, _, domain = address.rpartition("@")
    registered = _a_labels(domain)
    if not _HOST.fullmatch(registered) or len(registered) > _MOST_DOMAIN:
        raise InvalidAddress("The part after the @-sign is not the name of a host.")
    return f"{_validated(f'{local}@example.com').local_part}@{_u_labels(registered)}"


def _a_labels(domain: str) -> str:
    """As it is registered (IDNA 2008); in lower case alone where that has no word on it, as of some hosts."""
    if len(domain) > _MOST_DOMAIN:  # no domain; what IDNA does to it may take long
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower()


def _u_labels(domain: str) -> str:
    """As people read a domain in A-labels."""
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def _validated(address: str) -> ValidatedEmail:
    try:
        return validate_email(
            address,
            allow_smtputf8=True,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            check_deliverability=False,
        )
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from error


def domain_of(address: str) -> str:
    """The domain of a valid address, in ASCII."""
    return to_ascii(address).rpartition("@")[2]
