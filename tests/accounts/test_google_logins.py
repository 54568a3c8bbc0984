"""Login with Google: whose a login is, where it leads, and where it is set up."""

from __future__ import annotations

import logging
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from app.db import Pool
from app.settings import Settings, SettingsError, from_env
from tests.support.api import api_client, problem
from tests.support.engine import execute, value
from tests.support.google import CALLBACK, START, assert_let_in_nobody, begin, come_back, counts, with_login
from tests.support.oidc import CLIENT_SECRET, FakeProvider, ProviderProcess

# The owner of a login


async def test_a_login_works_once(browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool) -> None:
    back = provider.log_in(await begin(browser), "ada")
    cookie = browser.cookies["reachinbox-login"]
    assert await come_back(browser, back) == "/"
    browser.cookies.set("reachinbox-login", cookie, domain="127.0.0.1")
    assert await come_back(browser, back) == "/login?error=expired"
    assert (await counts(pool))["sessions"] == 1


async def test_a_login_that_another_browser_began_is_refused(
    browser: httpx.AsyncClient, settings: Settings, database_url: str, provider: ProviderProcess, pool: Pool
) -> None:
    async with api_client(with_login(settings, provider.issuer), database_url) as attacker:
        without_cookie = provider.log_in(await begin(attacker), "eve")
        with_another = provider.log_in(await begin(attacker), "eve")
    assert await come_back(browser, without_cookie) == "/login?error=expired"
    await begin(browser)
    assert await come_back(browser, with_another) == "/login?error=expired"
    await assert_let_in_nobody(browser, pool)


async def test_a_login_is_to_end_within_ten_minutes(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool
) -> None:
    back = provider.log_in(await begin(browser), "ada")
    async with pool.connection() as conn:
        await conn.execute("UPDATE oidc_logins SET created_at = created_at - interval '10 minutes'")
    assert await come_back(browser, back) == "/login?error=expired"
    await assert_let_in_nobody(browser, pool)


async def test_logins_that_nobody_can_finish_are_not_kept(browser: httpx.AsyncClient, pool: Pool) -> None:
    for _ in range(3):
        await begin(browser)
        await execute(pool, "UPDATE oidc_logins SET created_at = created_at - interval '11 minutes'")
    await begin(browser)
    assert await value(pool, "SELECT count(*) FROM oidc_logins") == 1


async def test_whoever_changes_their_mind_is_told_so(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool
) -> None:
    assert await come_back(browser, provider.deny(await begin(browser))) == "/login?error=cancelled"
    await assert_let_in_nobody(browser, pool)


async def test_what_no_provider_sends_ends_at_the_login_page(
    browser: httpx.AsyncClient, pool: Pool, subtests: pytest.Subtests
) -> None:
    for query, error in (
        ("", "expired"),
        ("state=made-up&code=x", "expired"),
        ("state=%00&code=%00", "expired"),
        ("state=%ff&state=b&code=x", "expired"),
        ("error=server_error", "failed"),
        ("error=%0d%0aSet-Cookie:x", "failed"),
    ):
        await begin(browser)
        with subtests.test(query=query):
            assert await come_back(browser, f"http://127.0.0.1:3000{CALLBACK}?{query}") == f"/login?error={error}"
    await assert_let_in_nobody(browser, pool)


async def test_a_code_that_the_provider_does_not_know_fails(
    browser: httpx.AsyncClient, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    state = dict(parse_qsl(urlsplit(await begin(browser)).query))["state"]
    back = f"http://127.0.0.1:3000{CALLBACK}?state={state}&code=not-its-code"
    with caplog.at_level(logging.WARNING):
        assert await come_back(browser, back) == "/login?error=failed"
    assert "invalid_grant" in caplog.text
    assert not [secret for secret in (state, "not-its-code", CLIENT_SECRET) if secret in caplog.text]
    await assert_let_in_nobody(browser, pool)


async def test_a_login_leads_to_the_page_of_ours_that_was_asked_for(
    browser: httpx.AsyncClient, provider: ProviderProcess, subtests: pytest.Subtests
) -> None:
    for asked, shown in (
        ("/trouble?status=UNKNOWN&q=a%20b#top", "/trouble?status=UNKNOWN&q=a%20b#top"),
        ("", "/"),
        ("trouble", "/"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example/", "/"),
        ("/.//elsewhere.example/", "/"),
        ("/a/..//elsewhere.example/", "/"),
        ("/.\\elsewhere.example/", "/"),
        ("/\t/elsewhere.example/", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("/a\0", "/"),
    ):
        with subtests.test(asked=asked):
            assert await come_back(browser, provider.log_in(await begin(browser, next_page=asked), "ada")) == shown
            denied = await come_back(browser, provider.deny(await begin(browser, next_page=asked)))
            query = dict(parse_qsl(urlsplit(denied).query))
            assert query == {"error": "cancelled"} | ({} if shown == "/" else {"next": asked})


async def test_a_page_of_somewhere_else_that_reached_the_database_is_not_gone_to(
    browser: httpx.AsyncClient, provider: ProviderProcess, pool: Pool
) -> None:
    back = provider.log_in(await begin(browser, next_page="/sent"), "ada")
    async with pool.connection() as conn:
        await conn.execute("UPDATE oidc_logins SET next = '//elsewhere.example/'")
    assert await come_back(browser, back) == "/"


# Where it is set up


async def test_without_a_client_id_there_is_no_login_with_google(api: httpx.AsyncClient) -> None:
    assert "not set up" in problem(await api.get(START), 404)["detail"]
    problem(await api.get(f"{CALLBACK}?state=a&code=b"), 404)


async def test_over_https_the_cookies_are_this_hosts_alone(
    settings: Settings, database_url: str, fake: FakeProvider
) -> None:
    secure = with_login(settings, fake.issuer, base_url="https://mail.example.com/")
    async with api_client(secure, database_url) as browser:
        response = await browser.get(START)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-reachinbox-login=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))
    asked = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    assert asked["redirect_uri"] == f"https://mail.example.com{CALLBACK}"


def test_settings_refuse_an_issuer_without_https_and_what_is_no_domain() -> None:
    assert from_env({"OIDC_ISSUER": "http://localhost:9400"}).oidc_issuer == "http://localhost:9400"
    assert from_env({"GOOGLE_ALLOWED_DOMAINS": "Example.com, bücher.example"}).google_allowed_domains == (
        "example.com",
        "bücher.example",
    )
    for env in (
        {"OIDC_ISSUER": "http://accounts.example.com"},
        {"OIDC_ISSUER": "accounts.google.com"},
        {"OIDC_ISSUER": "https://[nonsense"},
        {"GOOGLE_ALLOWED_DOMAINS": "@example.com"},
        {"GOOGLE_ALLOWED_DOMAINS": "example.com example.net"},
    ):
        with pytest.raises(SettingsError, match=next(iter(env))):
            from_env(env)
