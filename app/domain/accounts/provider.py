"""The OpenID Connect provider, and who we are to it: where a person logs in there, and whose code came back.

`Provider` believes an ID token whose signature and claims hold (OpenID Connect Core 1.0, section 3.1.3.7). `oidc`
decides whom we let in for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any, Literal, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet, KeySetSerialization
from joserfc.jws import JWSRegistry

from app.domain.oauth import client as oauth
from app.domain.oauth.client import BAD_ANSWER, Claims, Client, ProviderTrouble
from app.mail.addresses import InvalidAddress, normalize
from app.settings import is_confidential

GOOGLE = "https://accounts.google.com"
GMAIL = ("@gmail.com", "@googlemail.com")
KEPT_S = 3600.0  # how long a key that the provider has withdrawn may go on being believed

# Signatures that only the provider can make. `none` proves nothing, and who may check an HS256 may also forge one.
_SIGNATURES = JWSRegistry(
    algorithms=[family + bits for family in ("RS", "PS", "ES") for bits in ("256", "384", "512")],
    strict_check_header=False,  # RFC 7515, section 4: header parameters that are not understood are ignored
)

Failure = Literal["cancelled", "expired", "unverified", "domain", "closed", "disabled", "busy", "failed"]
T = TypeVar("T")


class LoginFailed(Exception):
    """`code` is for the person, the text for the log; neither holds a secret. `next` is as in `oidc.LetIn`."""

    def __init__(self, code: Failure, reason: str) -> None:
        super().__init__(reason)
        self.code: Failure = code
        self.next: str | None = None


class Identity(NamedTuple):
    """An account at a provider. `email` is an address that the provider has verified and vouches for."""

    issuer: str
    subject: str
    email: str | None


class Metadata(msgspec.Struct):
    """The fields that we need of the discovery document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


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
        self._client = Client(client_id, client_secret, "openid email", redirect_uri)
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def authorization_url(self, state: str, nonce: str, code_verifier: str) -> str:
        """Where the person logs in (OpenID Connect Core 1.0, section 3.1.2.1). Raises LoginFailed."""
        async with self._client.open() as client:
            try:
                metadata = await self._metadata(client)
                url, _ = client.create_authorization_url(
                    metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=code_verifier
                )
            except BAD_ANSWER as error:
                raise _provider_failed(error) from error
        return str(url)

    async def identify(self, code: str, code_verifier: str, nonce: str) -> Identity:
        """The identity that the code stands for (sections 3.1.3.1 to 3.1.3.7). Raises LoginFailed."""
        async with self._client.open() as client:
            try:
                metadata = await self._metadata(client)
                if "client_secret_basic" not in metadata.token_endpoint_auth_methods_supported:
                    client.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 -- a method's name
                tokens = await oauth.exchange(client, metadata.token_endpoint, code, code_verifier)
                if tokens.id_token is None:
                    raise ValueError("there is no ID token")
                decoded = await self._decode(client, metadata.jwks_uri, tokens.id_token)
                claims = oauth.check_claims(decoded, self._client.client_id, nonce, self.issuer)
            except (*BAD_ANSWER, ProviderTrouble) as error:
                raise _provider_failed(error) from error
        return Identity(self.issuer, claims.sub, _address(claims) if self._vouches(claims) else None)

    def _vouches(self, claims: Claims) -> bool:
        """Whether the person has the address now. Google says so of its own and of those of an organization whose
        accounts it keeps, which it names in `hd`. Another address was verified once, and the person may have left the
        company whose it is since.
        """
        if claims.email_verified is not True:
            return False
        return self.issuer != GOOGLE or bool(claims.hd) or (claims.email or "").lower().endswith(GMAIL)

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
        """The document at `url` as `read` makes it, kept for an hour; one that `read` refuses is not kept."""
        kept = self._kept.get(url)
        if anew or kept is None or kept.until < self._clock():
            response = await client.request("GET", url, withhold_token=True)
            response.raise_for_status()
            kept = self._kept[url] = _Kept(read(response.content), self._clock() + KEPT_S)
        return kept.document


def _read_keys(document: bytes) -> KeySet:
    keys = msgspec.json.decode(document, type=_Keys).keys
    return KeySet.import_key_set(cast(KeySetSerialization, {"keys": keys}))


def _address(claims: Claims) -> str | None:
    """As our own accounts have it; None for one that we cannot send to."""
    try:
        return None if claims.email is None else normalize(claims.email)
    except InvalidAddress:
        return None


def _provider_failed(error: Exception) -> LoginFailed:
    return LoginFailed("failed", f"{type(error).__name__}: {str(error)[:300]}")
