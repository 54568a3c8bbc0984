"""We as an OAuth client: what logging in at a provider and connecting a mailbox of one have in common.

The code flow with PKCE (RFC 6749, section 4.1; RFC 7636), the claims of an ID token (OpenID Connect Core 1.0, section
3.1.3.7), refreshing (RFC 6749, section 6), and what a provider's answer, or none, means. Nothing here touches the
database.
"""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, NamedTuple, cast

import httpx
import msgspec
from authlib.deprecate import AuthlibDeprecationWarning  # pyright: ignore[reportMissingTypeStubs] -- it has none
from joserfc import jwt
from joserfc.errors import JoseError

from app.secrets import without

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # it would rather have httpx2
    from authlib.integrations.httpx_client import (  # pyright: ignore[reportMissingTypeStubs]
        AsyncOAuth2Client,
        OAuthError,
    )

TIMEOUT_S = 10.0  # for a connection, and for each piece of an answer
ALL_OF_IT_S = 20.0  # for an answer of the token endpoint, however slowly its pieces come
MOST_BYTES = 256 * 1024  # of an answer
LONGEST_LIFE_S = 366 * 24 * 3600.0  # of an access token that anybody is believed
LEEWAY_S = 60  # between the provider's clock and ours
LONGEST_WORDS = 300
LEAST_TO_HIDE = 8  # characters of a secret
# Errors that the libraries raise for an answer that is wrong, or none: those of msgspec and JSON are ValueErrors,
# endless nesting is a RecursionError, an endless number an ArithmeticError, and so on.
NO_ANSWER = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
BAD_ANSWER = (httpx.HTTPError, OAuthError, JoseError, *NO_ANSWER)
# The grant is over, or the provider wants its person: no refresh helps (OpenID Connect Core 1.0, section 3.1.2.6).
_FOR_THE_PERSON = {"invalid_grant", "interaction_required", "login_required", "consent_required"}

Trouble = Literal[
    "ended",  # a person has to agree anew
    "refused",  # as we ask for it: for whoever set the client up
    "away",  # down, slow, busy or out of its mind: it may be right the next time
]


class ProviderTrouble(Exception):
    """The text is for people, and holds no secret. `retry_s`: how long the provider wants us to wait."""

    def __init__(self, kind: Trouble, text: str, retry_s: float | None = None) -> None:
        super().__init__(text)
        self.kind: Trouble = kind
        self.retry_s = retry_s


# RFC 6749, appendices A.12 and A.17: printable ASCII.
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=20_000, pattern=r"\A[ -~]+\Z")]


class Tokens(msgspec.Struct):
    """The answer of a token endpoint (RFC 6749, section 5.1). `expires_in` None: it does not say."""

    access_token: Token
    expires_in: int | float | str | None = None
    refresh_token: Token | None = None
    scope: str | None = None
    id_token: str | None = None

    def lives_s(self, unless_said: float) -> float:
        """For how many seconds the access token is good."""
        try:
            said_s = float(self.expires_in or unless_said)
        except (ValueError, OverflowError):
            return unless_said
        return unless_said if math.isnan(said_s) else min(max(said_s, 0.0), LONGEST_LIFE_S)


class Claims(msgspec.Struct):
    """Claims of an ID token that the registry of joserfc has no opinion on, or none of their types."""

    sub: Annotated[str, msgspec.Meta(pattern=r"\A[ -~]{1,255}\Z")]  # section 2: at most 255 ASCII characters
    aud: str | list[str]
    nonce: str
    azp: str | None = None
    email: str | None = None
    email_verified: Any = False
    preferred_username: str | None = None
    hd: Any = None  # of Google: the domain of the organization that keeps the account


class Client(NamedTuple):
    """Our registration with a provider. `redirect_uri` None: for refreshing alone."""

    client_id: str
    client_secret: str
    scope: str
    redirect_uri: str | None = None

    def open(self, *, secret_in_form: bool = False) -> Any:
        """A client for one conversation: nothing of it is there in another."""
        return AsyncOAuth2Client(
            self.client_id,
            self.client_secret,
            scope=self.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_post" if secret_in_form else "client_secret_basic",
            timeout=TIMEOUT_S,
            follow_redirects=False,
            headers={"accept-encoding": "identity"},  # a few bytes may be packed gigabytes
            event_hooks={"response": [_bound]},
        )


class _Bounded(httpx.AsyncByteStream):
    """An answer, as long as it is not too long."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BYTES
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise httpx.DecodingError("it answers with more than anybody asked for")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx.Response) -> None:
    """Nothing of it has been read yet."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx.DecodingError("it answers in an encoding that nobody asked for")
    response.stream = _Bounded(cast("httpx.AsyncByteStream", response.stream))


def check_claims(claims: dict[str, Any], client_id: str, nonce: str, issuer: str | None) -> Claims:
    """Those of a token for us, made for this login. `issuer` None: whoever it names, as it came from the provider.

    Raises JoseError, ValueError.
    """
    jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True} if issuer is None else {"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)
    checked = msgspec.convert(claims, Claims)
    several = isinstance(checked.aud, list) and len(checked.aud) > 1
    if checked.azp != client_id and (several or checked.azp is not None):
        raise ValueError("the token was issued to another client")
    return checked


async def exchange(client: Any, token_url: str, code: str, code_verifier: str) -> Tokens:
    """The tokens that a code is worth, once (RFC 6749, section 4.1.3). Raises ProviderTrouble."""
    return await _ask(
        client,
        client.fetch_token(token_url, grant_type="authorization_code", code=code, code_verifier=code_verifier),
        (code, code_verifier),
    )


async def refresh(client: Any, token_url: str, refresh_token: str) -> Tokens:
    """New tokens for an old refresh token, which may have been the last time that it worked. Raises ProviderTrouble."""
    return await _ask(client, client.refresh_token(token_url, refresh_token=refresh_token), (refresh_token,))


async def _ask(client: Any, call: Any, told: tuple[str, ...]) -> Tokens:
    """As `_answer`, whose errors lose the secrets that the provider was `told`, and the client's: some providers repeat
    them in a refusal. Raises ProviderTrouble.
    """
    try:
        return await _answer(client, call)
    except ProviderTrouble as trouble:
        text = str(trouble)
        for secret in filter(None, (*told, client.client_secret)):
            text = without(text, secret, min(len(secret), LEAST_TO_HIDE))
        raise ProviderTrouble(trouble.kind, text, trouble.retry_s) from None


async def _answer(client: Any, call: Any) -> Tokens:
    for hook in ("access_token_response", "refresh_token_response"):
        client.register_compliance_hook(hook, _look)
    try:
        async with asyncio.timeout(ALL_OF_IT_S):
            return msgspec.convert(dict(await call), Tokens, strict=False)
    except TimeoutError:
        raise ProviderTrouble("away", f"no answer within {ALL_OF_IT_S:g} s") from None
    except OAuthError as error:
        code, words = str(error.error), _words(str(error.description or ""))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        kind = "ended" if code in _FOR_THE_PERSON else "refused"
        raise ProviderTrouble(kind, f"{_words(code)}: {words}" if words else _words(code)) from None
    except httpx.TimeoutException:
        raise ProviderTrouble("away", f"no answer within {TIMEOUT_S:g} s") from None
    except httpx.HTTPError as error:
        raise ProviderTrouble("away", f"cannot be asked: {_words(str(error)) or type(error).__name__}") from None
    except NO_ANSWER:
        # Not what it said, which may be a page, and not from whom: an exception holds what it was raised for.
        raise ProviderTrouble("away", "answered something that is no answer to a client") from None


def _look(response: httpx.Response) -> httpx.Response:
    """Raise ProviderTrouble where the status alone tells of it, before anybody reads the answer."""
    if response.status_code == 429:
        raise ProviderTrouble("away", "wants us to ask less often (429)", _retry_after(response))
    if response.is_server_error:
        raise ProviderTrouble("away", f"is out of order ({response.status_code})", _retry_after(response))
    if response.is_redirect:
        raise ProviderTrouble("away", f"answered with a redirect ({response.status_code})")
    return response


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds alone: of a date we would have to know whose clock it is by."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 7 else None


def _words(text: str) -> str:
    """A provider's words in one line, without what could be taken for another."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_WORDS]
