"""Login at an OpenID Connect provider: Google, unless OIDC_ISSUER names another. Authorization code flow with PKCE.

Three secrets guard a login (OpenID Connect Core 1.0, section 3.1.2; RFC 9700, section 2.1.1). The `state` may only be
brought back by the browser that began, which shows so by its cookie; without the verifier (RFC 7636) the code is worth
nothing; the nonce ties the ID token to this login. Postgres keeps them, they work once and for ten minutes.

Whoever is known by issuer and subject is let in. An address proves something only when the provider says that it is
verified: then it links the account that has it, or makes a new one for whoever may have one.
"""

from __future__ import annotations

import hmac
import logging
import time
import warnings
from collections.abc import Callable, Collection
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.deprecate import AuthlibDeprecationWarning  # pyright: ignore[reportMissingTypeStubs] -- it has none
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from joserfc.jws import JWSRegistry

from app.db import Conn, Pool, fetch_one, transaction
from app.domain.accounts import sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.login import ATTEMPTS_PER_ADDRESS, count_attempt
from app.domain.accounts.password_changes import give_back
from app.domain.accounts.registration import admit
from app.domain.accounts.tokens import digest, new_token
from app.domain.accounts.users import Terms, lock_accounts, read_user
from app.domain.workspaces import audit
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, TooMany
from app.mail.addresses import InvalidAddress, normalize, to_ascii
from app.settings import is_confidential
from app.sql import queries

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # it would rather have httpx2
    from authlib.integrations.httpx_client import (  # pyright: ignore[reportMissingTypeStubs]
        AsyncOAuth2Client,
        OAuthError,
    )

sql = queries(__name__)

LOGIN_S = 600  # as take_oidc_login has it
TIMEOUT_S = 10.0
KEPT_S = 3600.0  # how long a key that the provider has withdrawn may go on being believed
LEEWAY_S = 60  # between the provider's clock and ours
LONGEST_TOKEN = 200  # of what a browser brings: our own tokens have 43 characters
LONGEST_PATH = 2000

# Signatures that only the provider can make. `none` proves nothing, and who may check an HS256 may also forge one.
_SIGNATURES = JWSRegistry(
    algorithms=[family + bits for family in ("RS", "PS", "ES") for bits in ("256", "384", "512")],
    strict_check_header=False,  # RFC 7515, section 4: header parameters that are not understood are ignored
)
# What an answer that is wrong, or none, makes the libraries raise; those of msgspec and JSON are ValueErrors.
_BAD_ANSWER = (httpx.HTTPError, OAuthError, JoseError, ValueError)

Failure = Literal["cancelled", "expired", "unverified", "domain", "closed", "busy", "failed"]
T = TypeVar("T")

_log = logging.getLogger(__name__)


class LoginFailed(Exception):
    """`code` is for the person, the text for the log; neither holds a secret. `next` is as in LetIn."""

    def __init__(self, code: Failure, reason: str) -> None:
        super().__init__(reason)
        self.code: Failure = code
        self.next: str | None = None


class Begun(NamedTuple):
    """Where to send the browser, and the value of the cookie that it is to bring back."""

    url: str
    browser: str


class LetIn(NamedTuple):
    """The token of a new session, and the page that was asked for, as the browser brought it."""

    token: str
    next: str | None


class Return(NamedTuple):
    """With what the provider sends the browser back (RFC 6749, sections 4.1.2 and 4.1.2.1), and the cookie."""

    state: str | None
    code: str | None
    error: str | None
    browser: str | None


class Identity(NamedTuple):
    """An account at a provider. `email` is an address the provider has verified."""

    issuer: str
    subject: str
    email: str | None


class Metadata(msgspec.Struct):
    """What we need of the discovery document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


class _Claims(msgspec.Struct):
    """Claims of an ID token that the registry of joserfc has no opinion on, or none of their types."""

    sub: Annotated[str, msgspec.Meta(pattern=r"\A[ -~]{1,255}\Z")]  # section 2: at most 255 ASCII characters
    aud: str | list[str]
    nonce: str
    azp: str | None = None
    email: str | None = None
    email_verified: Any = False


class _Kept(NamedTuple):
    document: Any
    until: float


class Provider:
    """The provider, and who we are to it. Opens a client for each login: nothing of one is there in another."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        allowed_domains: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`allowed_domains` in lower case; none: all."""
        self.issuer = issuer
        self.allowed_domains = allowed_domains
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def authorization_url(self, state: str, nonce: str, code_verifier: str) -> str:
        """Where the person logs in (OpenID Connect Core 1.0, section 3.1.2.1). Raises LoginFailed."""
        async with self._client() as client:
            try:
                metadata = await self._metadata(client)
                url, _ = client.create_authorization_url(
                    metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=code_verifier
                )
            except _BAD_ANSWER as error:
                raise _provider_failed(error) from error
        return str(url)

    async def identify(self, code: str, code_verifier: str, nonce: str) -> Identity:
        """Whose code it is (sections 3.1.3.1 to 3.1.3.7). Raises LoginFailed."""
        async with self._client() as client:
            try:
                metadata = await self._metadata(client)
                if "client_secret_basic" not in metadata.token_endpoint_auth_methods_supported:
                    client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 -- a method's name
                tokens = await client.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=code_verifier,
                )
                id_token = tokens.get("id_token")
                if not isinstance(id_token, str):
                    raise ValueError("there is no ID token")
                claims = self._check(await self._decode(client, metadata.jwks_uri, id_token), nonce)
            except _BAD_ANSWER as error:
                raise _provider_failed(error) from error
        verified = claims.email_verified is True
        return Identity(self.issuer, claims.sub, _address(claims.email) if verified else None)

    def _client(self) -> Any:
        return AsyncOAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid email",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            follow_redirects=False,
        )

    async def _metadata(self, client: Any) -> Metadata:
        # Discovery 1.0, section 4.1: a slash at the end goes first.
        url = self.issuer.removesuffix("/") + "/.well-known/openid-configuration"
        return await self._document(client, url, self._read_metadata)

    def _read_metadata(self, document: bytes) -> Metadata:
        metadata = msgspec.json.decode(document, type=Metadata)
        if metadata.issuer != self.issuer:
            raise ValueError(f"the discovery document is that of {metadata.issuer!r}")
        local = urlsplit(self.issuer).scheme == "http"  # the settings have seen to it that it is loopback
        for url in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            if not (url.startswith("https://") or (local and is_confidential(url))):
                raise ValueError(f"{url!r} is not HTTPS")
        return metadata

    async def _decode(self, client: Any, jwks_uri: str, id_token: str) -> dict[str, Any]:
        """The token's claims, its signature checked. A key that is not known yet may be new."""
        keys = await self._document(client, jwks_uri, _read_keys)
        try:
            return jwt.decode(id_token, keys, registry=_SIGNATURES).claims
        except InvalidKeyIdError:
            keys = await self._document(client, jwks_uri, _read_keys, anew=True)
            return jwt.decode(id_token, keys, registry=_SIGNATURES).claims

    async def _document(self, client: Any, url: str, read: Callable[[bytes], T], *, anew: bool = False) -> T:
        """What `read` makes of the document at `url`, kept for an hour; what it refuses is not kept."""
        kept = self._kept.get(url)
        if anew or kept is None or kept.until < self._clock():
            response = await client.request("GET", url, withhold_token=True)
            response.raise_for_status()
            kept = self._kept[url] = _Kept(read(response.content), self._clock() + KEPT_S)
        return kept.document

    def _check(self, claims: dict[str, Any], nonce: str) -> _Claims:
        """Section 3.1.3.7. Raises JoseError, ValueError."""
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
        checked = msgspec.convert(claims, _Claims)
        several = isinstance(checked.aud, list) and len(checked.aud) > 1
        if checked.azp != self._client_id and (several or checked.azp is not None):
            raise ValueError("the token was issued to another client")
        return checked


def _read_keys(document: bytes) -> KeySet:
    keys = msgspec.json.decode(document, type=_Keys).keys
    return KeySet.import_key_set(cast(KeySetSerialization, {"keys": keys}))


def _address(email: str | None) -> str | None:
    """As our own accounts have it; None for one that we cannot send to."""
    try:
        return None if email is None else normalize(email)
    except InvalidAddress:
        return None


def _provider_failed(error: Exception) -> LoginFailed:
    return LoginFailed("failed", f"{type(error).__name__}: {str(error)[:300]}")


async def begin(pool: Pool, provider: Provider, actor: Actor, invitation: str | None, next_page: str | None) -> Begun:
    """A login begins; `invitation` and `next_page` are looked at when it ends. Raises LoginFailed."""
    try:
        await count_attempt(pool, f"google:{actor.address}", ATTEMPTS_PER_ADDRESS)
    except TooMany as error:
        raise LoginFailed("busy", error.detail) from error
    state, browser, nonce, code_verifier = (new_token() for _ in range(4))
    url = await provider.authorization_url(state, nonce, code_verifier)
    params = {
        "state_sha256": digest(state),
        "browser_sha256": digest(browser),
        "nonce": nonce,
        "code_verifier": code_verifier,
        "invitation": invitation and invitation.replace("\0", "")[:LONGEST_TOKEN],
        "next": next_page and next_page.replace("\0", "")[:LONGEST_PATH],
    }
    async with transaction(pool) as conn:
        await conn.execute(sql.insert_oidc_login, params)
    return Begun(url, browser)


async def finish(pool: Pool, provider: Provider, terms: Terms, actor: Actor, returned: Return) -> LetIn:
    """Lets in whoever the provider says it is. Raises LoginFailed."""
    try:
        login = await _take(pool, returned)
    except LoginFailed as error:
        raise (_refused(returned) or error) from error
    try:
        return LetIn(await _let_in(pool, provider, terms, actor, returned, login), login["next"])
    except LoginFailed as error:
        error.next = login["next"]
        raise


def _refused(returned: Return) -> LoginFailed | None:
    """What the provider says has failed, if it says so."""
    if returned.error is None:
        return None
    code = "cancelled" if returned.error == "access_denied" else "failed"
    return LoginFailed(code, f"the provider says {returned.error[:100]!r}")


async def _let_in(
    pool: Pool, provider: Provider, terms: Terms, actor: Actor, returned: Return, login: dict[str, Any]
) -> str:
    """The token of a new session. Raises LoginFailed."""
    if refused := _refused(returned):
        raise refused
    if returned.code is None:
        raise LoginFailed("failed", "there is no code")
    identity = await provider.identify(returned.code, login["code_verifier"], login["nonce"])
    _check_domain(identity, provider.allowed_domains)
    async with transaction(pool) as conn:
        user_id, workspace_id = await _user_of(conn, terms, actor, identity, login["invitation"])
        await audit.record(conn, actor.of(user_id), None, "login", "google")
        return await sessions.begin(conn, user_id, actor, workspace_id)


async def _take(pool: Pool, returned: Return) -> dict[str, Any]:
    """The login that was begun. Its row is gone from here on, whatever becomes of the login."""
    if returned.state is None or returned.browser is None:
        raise LoginFailed("expired", "there is no state, or no cookie of a browser that began")
    async with transaction(pool) as conn:
        login = await fetch_one(conn, sql.take_oidc_login, {"state_sha256": digest(returned.state)})
    if login is None:
        raise LoginFailed("expired", "the state was used already, or is not ours")
    if not hmac.compare_digest(digest(returned.browser), login["browser_sha256"]):
        raise LoginFailed("expired", "the login was begun by another browser")
    if not login["fresh"]:
        raise LoginFailed("expired", "the login was begun too long ago")
    return login


def _check_domain(identity: Identity, allowed: Collection[str]) -> None:
    """Where domains are limited they are so for everybody, accounts that are there already included."""
    if not allowed:
        return
    if identity.email is None:
        raise LoginFailed("unverified", "without a verified address there is no domain to check")
    spellings = {address.rpartition("@")[2] for address in (identity.email, to_ascii(identity.email))}
    if spellings.isdisjoint(allowed):
        raise LoginFailed("domain", "the address is of a domain that is not allowed")


async def _user_of(
    conn: Conn, terms: Terms, actor: Actor, identity: Identity, invitation: str | None
) -> tuple[int, int | None]:
    """The user's id, and the workspace to begin in; from here on the identity is known. Raises LoginFailed.

    An invitation lets somebody new in. Whoever has an account accepts it from our own pages: a link alone, which any
    page can have a browser follow, must not make them a member of somebody's workspace and have it selected.
    """
    await lock_accounts(conn)  # two first logins of one person at once: the second finds what the first made
    known = await fetch_one(conn, sql.user_of_identity, {"issuer": identity.issuer, "subject": identity.subject})
    if known is not None:
        return int(known["user_id"]), None
    if identity.email is None:
        raise LoginFailed("unverified", "nobody is known by this identity, and it has no verified address")
    existing = await read_user(conn, identity.email)
    if existing is not None:
        user_id, action = int(existing["id"]), "account.linked"
        if existing["email_proven_at"] is None:
            await give_back(conn, terms, actor, user_id)
        workspace_id = None
    else:
        try:
            user = await admit(conn, terms, actor, identity.email, None, invitation, proven=True)
        except (Forbidden, InvalidInput, NotFound, Conflict) as error:
            raise LoginFailed("closed", error.detail) from error
        user_id, workspace_id, action = user.id, user.workspace_id, "account.created"
    params = {"issuer": identity.issuer, "subject": identity.subject, "user_id": user_id}
    await conn.execute(sql.insert_identity, params)
    await audit.record(conn, actor.of(user_id), None, action, "google")
    return user_id, workspace_id
