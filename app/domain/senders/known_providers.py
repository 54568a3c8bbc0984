"""Providers that many mailboxes are at: their servers, and what kind of password they take in 2026.

Told by the address's domain, or by the servers that take mail for it (MX), since companies have domains of their own.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from app.domain.operations.host_policy import plain
from app.settings import SmtpSecurity

PasswordKind = Literal[
    "mailbox",  # the one that its owner reads mail with
    "app",  # one made for this program alone, at `where`
    "none",  # it takes none: connect it by OAuth
]


class Place(msgspec.Struct, frozen=True):
    """A mail server."""

    host: str
    port: int
    security: SmtpSecurity


class PasswordHint(msgspec.Struct, frozen=True):
    """The password to type; `where`: a page for it. `spaces`: it is shown there with spaces that are no part of it."""

    kind: PasswordKind
    text: str
    where: str | None = None
    spaces: bool = False


class KnownProvider(NamedTuple):
    """`oauth` names the provider it is connected at, where that is set up here."""

    label: str
    domains: frozenset[str]
    mx: tuple[str, ...]  # names under these take mail for its customers' domains
    smtp: Place
    imap: Place
    password: PasswordHint
    oauth: str | None = None


def _place(host: str, port: int = 587) -> Place:
    return Place(host, port, "tls" if port in {465, 993} else "starttls")


_APP = "an app password, made for this program alone; the one that you log in with is refused"
_MAILBOX = PasswordHint("mailbox", "the mailbox's password")

KNOWN: tuple[KnownProvider, ...] = (
    KnownProvider(
        "Google",
        frozenset({"gmail.com", "googlemail.com"}),
        ("google.com", "googlemail.com", "psmtp.com"),
        _place("smtp.gmail.com"),
        _place("imap.gmail.com", 993),
        PasswordHint(
            "app",
            f"{_APP}. It needs two-step login, and an administrator may forbid it",
            "https://myaccount.google.com/apppasswords",
            spaces=True,
        ),
        "google",
    ),
    KnownProvider(
        "Outlook.com",
        frozenset({"outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de", "hotmail.fr", "hotmail.co.uk"}),
        ("olc.protection.outlook.com",),
        _place("smtp-mail.outlook.com"),
        _place("outlook.office365.com", 993),
        PasswordHint("none", "no password, since September 2024: connect it with Microsoft"),
        "microsoft",
    ),
    KnownProvider(
        "Microsoft 365",
        frozenset(),
        ("mail.protection.outlook.com", "mx.microsoft"),
        _place("smtp.office365.com"),
        _place("outlook.office365.com", 993),
        PasswordHint(
            "none",
            "no password from the end of 2026 on, unless an administrator turns it on again, and none for reading: "
            "connect it with Microsoft",
        ),
        "microsoft",
    ),
    KnownProvider(
        "Yahoo",
        frozenset({"yahoo.com", "ymail.com", "rocketmail.com", "yahoo.de", "yahoo.fr", "yahoo.co.uk", "aol.com"}),
        ("yahoodns.net",),
        _place("smtp.mail.yahoo.com", 465),
        _place("imap.mail.yahoo.com", 993),
        PasswordHint("app", _APP, "https://login.yahoo.com/account/security", spaces=True),
    ),
    KnownProvider(
        "iCloud",
        frozenset({"icloud.com", "me.com", "mac.com"}),
        ("mail.icloud.com",),
        _place("smtp.mail.me.com"),
        _place("imap.mail.me.com", 993),
        PasswordHint("app", _APP, "https://account.apple.com/account/manage"),
    ),
    KnownProvider(
        "Fastmail",
        frozenset({"fastmail.com", "fastmail.fm"}),
        ("messagingengine.com",),
        _place("smtp.fastmail.com", 465),
        _place("imap.fastmail.com", 993),
        PasswordHint("app", _APP, "https://app.fastmail.com/settings/security/integrations", spaces=True),
    ),
    KnownProvider(
        "Zoho (Europe)",
        frozenset({"zohomail.eu"}),
        ("zoho.eu",),
        _place("smtp.zoho.eu", 465),
        _place("imap.zoho.eu", 993),
        PasswordHint(
            "app", "an app password where two-step login is on, else the mailbox's", "https://accounts.zoho.eu"
        ),
    ),
    KnownProvider(
        "Zoho",
        frozenset({"zoho.com", "zohomail.com"}),
        ("zoho.com", "zohomail.com"),
        _place("smtp.zoho.com", 465),
        _place("imap.zoho.com", 993),
        PasswordHint(
            "app", "an app password where two-step login is on, else the mailbox's", "https://accounts.zoho.com"
        ),
    ),
    KnownProvider(
        "IONOS",
        frozenset(),
        ("ionos.com", "ionos.de", "ionos.co.uk", "kundenserver.de", "perfora.net"),
        _place("smtp.ionos.com", 465),
        _place("imap.ionos.com", 993),
        _MAILBOX,
    ),
    KnownProvider(
        "OVHcloud",
        frozenset(),
        ("mail.ovh.net",),
        _place("ssl0.ovh.net", 465),
        _place("ssl0.ovh.net", 993),
        _MAILBOX,
    ),
    KnownProvider(
        "GMX",
        frozenset({"gmx.de", "gmx.net", "gmx.at", "gmx.ch"}),
        ("gmx.net",),
        _place("mail.gmx.net"),
        _place("imap.gmx.net", 993),
        PasswordHint("mailbox", "the mailbox's password, once access by other programs is turned on in its settings"),
    ),
)


def by_domain(domain: str) -> KnownProvider | None:
    return next((known for known in KNOWN if domain in known.domains), None)


def by_mx(hosts: list[str]) -> KnownProvider | None:
    """By the servers that take mail for a domain, the first first. The first provider that fits is the closest one."""
    names = [host.lower().removesuffix(".") for host in hosts]
    return next((known for name in names for known in KNOWN if any(is_under(name, zone) for zone in known.mx)), None)


def prints_blanks(host: str) -> bool:
    """Whether the provider of this server shows passwords with blanks that are no part of them."""
    name = plain(host)
    return any(known.password.spaces and name in {known.smtp.host, known.imap.host} for known in KNOWN)


def is_under(name: str, zone: str) -> bool:
    """Whether it is that name or one under it."""
    return name == zone or name.endswith(f".{zone}")
