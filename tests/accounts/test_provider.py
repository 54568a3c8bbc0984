"""The provider as we ask it: what it is asked, and what of its answers is not believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from app.db import Pool
from app.domain.accounts.provider import LoginFailed, Provider
from app.settings import Settings
from tests.support.api import api_client
from tests.support.google import CALLBACK, START, assert_let_in_nobody, begin, come_back, with_login
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, FakeProvider

Forge = Callable[[FakeProvider, dict[str, Any]], str]


# Requests to the provider


async def test_the_provider_is_asked_with_pkce_state_and_nonce(at_fake: httpx.AsyncClient, fake: FakeProvider) -> None:
    url = await begin(at_fake)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert await come_back(at_fake, fake.log_in(url)) == "/"
    assert asked | {"state": "", "nonce": "", "code_challenge": ""} == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"http://127.0.0.1:3000{CALLBACK}",
        "scope": "openid email",
        "state": "",
        "nonce": "",
        "code_challenge": "",
        "code_challenge_method": "S256",
    }
    ((form, authorization),) = fake.token_requests
    verifier = form.pop("code_verifier")
    assert min(len(asked["state"]), len(asked["nonce"]), len(verifier)) >= 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert challenge == asked["code_challenge"]
    assert form == {"grant_type": "authorization_code", "code": asked["nonce"], "redirect_uri": asked["redirect_uri"]}
    assert authorization is not None
    assert authorization.startswith("Basic ")


async def test_the_secret_goes_into_the_form_where_the_provider_wants_it(
    at_fake: httpx.AsyncClient, fake: FakeProvider
) -> None:
    fake.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/"
    ((form, authorization),) = fake.token_requests
    assert (form["client_secret"], authorization) == (CLIENT_SECRET, None)


async def test_documents_are_fetched_once_and_keys_again_when_one_is_new(
    at_fake: httpx.AsyncClient, fake: FakeProvider
) -> None:
    assert fake.requests == {}
    for _ in range(2):
        assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/"
    assert (fake.requests["/.well-known/openid-configuration"], fake.requests["/jwks_uri"]) == (1, 1)
    fake.key = RSAKey.generate_key(2048, {"kid": "second"})
    fake.published.append(fake.key)
    assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/"
    assert fake.requests["/jwks_uri"] == 2
    fake.key = RSAKey.generate_key(2048, {"kid": "never published"})
    assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/login?error=failed"
    assert fake.requests["/jwks_uri"] == 3


async def test_a_key_that_was_withdrawn_is_believed_for_an_hour_at_most(fake: FakeProvider) -> None:
    now = 0.0
    provider = Provider(fake.issuer, CLIENT_ID, CLIENT_SECRET, "http://127.0.0.1:3000/", clock=lambda: now)

    async def identify() -> str:
        return (await provider.identify("nonce", "verifier", "nonce")).subject

    assert await identify() == "ada"
    fake.published = [RSAKey.generate_key(2048, {"kid": "second"})]
    assert await identify() == "ada"
    now += 3601
    with pytest.raises(LoginFailed, match="InvalidKeyIdError"):
        await identify()


# Answers that are not believed

ANOTHER_KEY = RSAKey.generate_key(2048, {"kid": "first"})


def b64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def by_hand(claims: dict[str, Any], signature: Callable[[bytes], bytes], **header: Any) -> str:
    """For what no library would sign."""
    signed = f"{b64(json.dumps({'kid': 'first'} | header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(signature(signed.encode()))}"


def hs256(secret: bytes, claims: dict[str, Any]) -> str:
    return by_hand(claims, lambda signed: hmac.digest(secret, signed, "sha256"), alg="HS256")


def changed(**changes: Any) -> Forge:
    """Well signed, with other claims; None leaves one out."""

    def forge(fake: FakeProvider, claims: dict[str, Any]) -> str:
        return fake.sign({name: value for name, value in (claims | changes).items() if value is not None})

    return forge


def tampered(fake: FakeProvider, claims: dict[str, Any]) -> str:
    header, _, signature = fake.sign(claims).split(".")
    return ".".join((header, fake.sign(claims | {"sub": "root"}).split(".")[1], signature))


FORGERIES: dict[str, tuple[str, Forge]] = {  # with the reason in the log
    "another nonce": ("'nonce'", changed(nonce="another")),
    "no nonce": ("'nonce'", changed(nonce=None)),
    "several nonces": ("$.nonce", lambda fake, claims: fake.sign(claims | {"nonce": [claims["nonce"], "another"]})),
    "another audience": ("'aud'", changed(aud="another")),
    "no audience": ("'aud'", changed(aud=None)),
    "several audiences, no party": ("another client", changed(aud=[CLIENT_ID, "another"])),
    "several audiences, another party": ("another client", changed(aud=[CLIENT_ID, "another"], azp="another")),
    "another party": ("another client", changed(azp="another")),
    "another issuer": ("'iss'", changed(iss="https://accounts.google.com")),
    "no issuer": ("'iss'", changed(iss=None)),
    "a slash behind the issuer": ("'iss'", lambda fake, claims: fake.sign(claims | {"iss": f"{fake.issuer}/"})),
    "expired": ("expired", lambda fake, claims: fake.sign(claims | {"exp": claims["iat"] - 61})),
    "no expiry": ("'exp'", changed(exp=None)),
    "an expiry that never comes": ("'exp'", changed(exp=float("nan"))),
    "from the future": ("in the future", lambda fake, claims: fake.sign(claims | {"iat": claims["iat"] + 120})),
    "no time": ("'iat'", changed(iat=None)),
    "not valid yet": ("not yet valid", lambda fake, claims: fake.sign(claims | {"nbf": claims["iat"] + 120})),
    "no subject": ("`sub`", changed(sub=None)),
    "an empty subject": ("$.sub", changed(sub="")),
    "a subject that is no text": ("'sub'", changed(sub=7)),
    "a subject that Postgres refuses": ("$.sub", changed(sub="a\0b")),
    "an address that is no text": ("$.email", changed(email=["ada@example.com"])),
    "unsigned": ("'none' is not allowed", lambda fake, claims: by_hand(claims, lambda _: b"", alg="none")),
    "signed with the client's secret": ("not allowed", lambda fake, claims: hs256(CLIENT_SECRET.encode(), claims)),
    "signed with the public key": ("not allowed", lambda fake, claims: hs256(fake.key.as_pem(private=False), claims)),
    "signed by another key of the same name": (
        "BadSignature",
        lambda fake, claims: fake.sign(claims, ANOTHER_KEY),
    ),
    "changed after it was signed": ("BadSignature", tampered),
    "a critical header that nobody knows": (
        "UnsupportedHeader",
        lambda fake, claims: by_hand(claims, lambda _: b"", alg="RS256", crit=["x"], x=1),
    ),
    "no token": ("DecodeError", lambda fake, claims: ""),
    "nothing like a token": ("DecodeError", lambda fake, claims: "a.b.c"),
}


async def test_forged_tokens_are_not_believed(
    at_fake: httpx.AsyncClient,
    fake: FakeProvider,
    pool: Pool,
    caplog: pytest.LogCaptureFixture,
    subtests: pytest.Subtests,
) -> None:
    for forgery, (reason, forge) in FORGERIES.items():
        fake.forge = partial(forge, fake)
        fake.token_requests.clear()
        caplog.clear()
        with subtests.test(forgery):
            assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/login?error=failed"
            assert len(fake.token_requests) == 1
            (logged,) = (record for record in caplog.records if record.name.startswith("app."))
            assert logged.levelname == "WARNING"
            assert reason in logged.getMessage()
            await assert_let_in_nobody(at_fake, pool)


VARIANTS: list[Forge] = [
    changed(aud=[CLIENT_ID]),
    changed(aud=["another", CLIENT_ID], azp=CLIENT_ID),
    lambda fake, claims: fake.sign(claims | {"exp": claims["iat"] - 30, "iat": claims["iat"] + 30}),
    lambda fake, claims: fake.sign(claims, unheard_of="is ignored"),
]


async def test_a_token_may_vary_within_the_specification(at_fake: httpx.AsyncClient, fake: FakeProvider) -> None:
    for variant in VARIANTS:
        fake.forge = partial(variant, fake)
        assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/"


# Providers in trouble


async def test_a_provider_that_answers_strangely_lets_nobody_in(
    at_fake: httpx.AsyncClient, fake: FakeProvider, pool: Pool, subtests: pytest.Subtests
) -> None:
    for path in ("/token_endpoint", "/jwks_uri"):
        for answer in (
            (500, b""),
            (200, b"<html>"),
            (200, b"[]"),
            (200, b"{}"),
            (400, b'{"error": "invalid_client"}'),
            (200, b'{"keys": [{"kty": "RSA"}], "id_token": 7}'),
            (302, b"/elsewhere"),
        ):
            fake.answers = {path: answer}
            with subtests.test(path=path, answer=answer):
                assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/login?error=failed"
                assert fake.requests[path] > 0
    assert fake.requests["/elsewhere"] == 0
    await assert_let_in_nobody(at_fake, pool)


async def test_a_provider_that_describes_another_or_is_not_https_is_not_used(
    at_fake: httpx.AsyncClient, fake: FakeProvider, subtests: pytest.Subtests
) -> None:
    for metadata in (
        {"issuer": "https://accounts.google.com"},
        {"issuer": None},
        {"authorization_endpoint": "http://example.com/authorize"},
        {"token_endpoint": "http://example.com/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://[nonsense"},
    ):
        fake.metadata = metadata
        with subtests.test(metadata=metadata):
            response = await at_fake.get(START)
            assert (response.status_code, response.headers["location"]) == (303, "/login?error=failed")
    fake.metadata = {}  # mended
    assert await come_back(at_fake, fake.log_in(await begin(at_fake))) == "/"


async def test_a_provider_that_is_down_is_a_failed_login(settings: Settings, database_url: str) -> None:
    with FakeProvider() as gone:
        pass
    async with api_client(with_login(settings, gone.issuer), database_url) as browser:
        response = await browser.get(START)
    assert (response.status_code, response.headers["location"]) == (303, "/login?error=failed")


async def test_a_failure_of_ours_ends_at_the_login_page_too(
    at_fake: httpx.AsyncClient, fake: FakeProvider, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    back = fake.log_in(await begin(at_fake))
    async with pool.connection() as conn:
        await conn.execute("DROP TABLE identities")
    assert await come_back(at_fake, back) == "/login?error=failed"
    assert 'relation "identities" does not exist' in caplog.text
