"""Providers of mailboxes that are connected by OAuth: who they are, what to ask them for, and where their servers are.

Google and Microsoft are built in and there once a client is set up for them; others come from MAIL_PROVIDERS_FILE, a
TOML file with a table `[[provider]]` for each.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from app.settings import Settings, SettingsError, SmtpSecurity, is_confidential

_GOOGLE_ISSUER = "https://accounts.google.com"
# Scopes on who somebody is; no provider tells if they were granted (OpenID Connect Core 1.0, sections 5.4 and 11).
OF_IDENTITY = frozenset({"openid", "email", "profile", "offline_access"})
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class Place(msgspec.Struct, frozen=True):
    """A mail server of a provider."""

    host: str
    port: int
    security: SmtpSecurity


class MailProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One provider, and who we are to it. `name` is for addresses, `label` for people.

    `issuer` None: it is not told, and then neither is it compared. `asks`: further parameters of the page where people
    agree. `address_claims`: which claims of the ID token may be the login, the first that is there. `max_connections`
    None: as many as for any server.
    """

    name: str
    label: str
    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    client_id: str
    client_secret: str
    smtp: Place
    imap: Place
    issuer: str | None = None
    asks: Mapping[str, str] = {}
    address_claims: tuple[str, ...] = ("email", "preferred_username")
    secret_in_form: bool = False
    max_connections: int | None = None

    @property
    def scope(self) -> str:
        return " ".join(self.scopes)

    def lacks(self, given: str | None) -> list[str]:
        """The scopes that were asked for and not granted, as people may untick them. `given` None: all (RFC 6749,
        section 5.1).
        """
        if given is None:
            return []
        have = given.lower().split()
        return [scope for scope in self.scopes if scope not in OF_IDENTITY and scope.lower() not in have]


Providers = Mapping[str, MailProvider]


class _Listed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A table of MAIL_PROVIDERS_FILE."""

    name: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9-]{1,40}\Z")]
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    authorize_url: str
    token_url: str
    scopes: list[str] | str
    client_id: str
    smtp_host: str
    imap_host: str
    client_secret: str | None = None
    client_secret_file: str | None = None
    issuer: str | None = None
    smtp_port: Port = 587
    smtp_security: SmtpSecurity = "starttls"
    imap_port: Port = 993
    imap_security: SmtpSecurity = "tls"
    secret_in_form: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True):
    provider: list[_Listed]


def read_providers(settings: Settings) -> Providers:
    """All that are set up, by name. Raises SettingsError."""
    built_in = [provider for provider in (_google(settings), _microsoft(settings)) if provider is not None]
    others = [] if settings.mail_providers_file is None else _of_file(settings.mail_providers_file)
    providers: dict[str, MailProvider] = {}
    for provider in (*built_in, *others):
        if provider.name in providers or provider.name in {"callback", "providers"}:
            raise SettingsError([f"MAIL_PROVIDERS_FILE: the name {provider.name!r} is taken; give another"])
        providers[provider.name] = provider
    return providers


def _google(settings: Settings) -> MailProvider | None:
    """Its client is the one of the login, if that is Google's."""
    if not settings.google_client_id or not settings.google_client_secret or settings.oidc_issuer != _GOOGLE_ISSUER:
        return None
    return MailProvider(
        name="google",
        label="Google",
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 -- an address
        scopes=("openid", "email", "https://mail.google.com/"),
        client_id=settings.google_client_id,
        client_secret=settings.google_client_secret,
        smtp=Place("smtp.gmail.com", 587, "starttls"),
        imap=Place("imap.gmail.com", 993, "tls"),
        issuer=_GOOGLE_ISSUER,
        asks={"access_type": "offline", "prompt": "consent"},  # or no refresh token comes but the first time
    )


def _microsoft(settings: Settings) -> MailProvider | None:
    """Its issuer is the tenant of whoever agrees, so with `common` it is not known before; and its `email` claim is
    what an administrator typed, so the name that people log in by comes first.
    """
    if not settings.microsoft_client_id or not settings.microsoft_client_secret:
        return None
    at = f"https://login.microsoftonline.com/{settings.microsoft_tenant}/oauth2/v2.0"
    return MailProvider(
        name="microsoft",
        label="Microsoft",
        authorize_url=f"{at}/authorize",
        token_url=f"{at}/token",
        scopes=(
            *("openid", "email", "profile", "offline_access"),
            # All of one resource: a token of Microsoft's is for one.
            *("https://outlook.office.com/SMTP.Send", "https://outlook.office.com/IMAP.AccessAsUser.All"),
        ),
        client_id=settings.microsoft_client_id,
        client_secret=settings.microsoft_client_secret,
        smtp=Place("smtp.office365.com", 587, "starttls"),
        imap=Place("outlook.office365.com", 993, "tls"),
        asks={"prompt": "select_account"},
        address_claims=("preferred_username", "email"),
        secret_in_form=True,
        max_connections=3,
    )


def _of_file(file: Path) -> list[MailProvider]:
    """Raises SettingsError."""
    try:
        listed = msgspec.convert(tomllib.loads(file.read_text()), _File).provider
    except OSError as error:
        raise _wrong(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, msgspec.ValidationError) as error:
        raise _wrong(f"{file}: {error}") from None
    return [_provider_of(one, file) for one in listed]


def _provider_of(one: _Listed, file: Path) -> MailProvider:
    if (one.client_secret is None) == (one.client_secret_file is None):
        raise _wrong(f"{one.name} needs client_secret_file, or client_secret in its place")
    secret = one.client_secret
    if one.client_secret_file is not None:
        try:
            secret = (file.parent / one.client_secret_file).read_text().strip()
        except OSError as error:
            raise _wrong(f"{one.name}: cannot read {one.client_secret_file}: {error.strerror}") from None
    for url in (one.authorize_url, one.token_url):
        if not is_confidential(url):
            raise _wrong(f"{one.name}: {url!r} is not an https:// URL (http:// on loopback only)")
    for security in (one.smtp_security, one.imap_security):
        if security == "none":
            raise _wrong(f"{one.name}: the login would go out in the clear; give starttls or tls")
    scopes = one.scopes.split() if isinstance(one.scopes, str) else one.scopes
    wrong = [scope for scope in scopes if not re.fullmatch(r"[!#-\[\]-~]+", scope)]  # RFC 6749, section 3.3
    if wrong or "openid" not in scopes:
        raise _wrong(f"{one.name}: scopes have to be words, with openid among them, by which the address is told")
    return MailProvider(
        name=one.name,
        label=one.label,
        authorize_url=one.authorize_url,
        token_url=one.token_url,
        scopes=tuple(scopes),
        client_id=one.client_id,
        client_secret=secret or "",
        smtp=Place(one.smtp_host, one.smtp_port, one.smtp_security),
        imap=Place(one.imap_host, one.imap_port, one.imap_security),
        issuer=one.issuer,
        secret_in_form=one.secret_in_form,
    )


def _wrong(what: str) -> SettingsError:
    return SettingsError([f"MAIL_PROVIDERS_FILE: {what}"])
