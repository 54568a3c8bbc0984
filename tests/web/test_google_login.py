"""Login with Google, through a provider of our own on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import PASSWORD, ask, assert_accessible, open_page
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, ProviderProcess, provider_process
from tests.support.service import Service

STYLES = "https://cdn.jsdelivr.net/"  # what the provider's pages want; it is not fetched


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderProcess]:
    with provider_process() as running:
        running.set_user("ada", email="ada@example.com", email_verified=True)
        running.set_user("unverified", email="eve@example.com", email_verified=False)
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, provider: ProviderProcess) -> Iterator[Service]:
    """One where login with Google is set up, with another issuer in Google's place."""
    folder = tmp_path_factory.mktemp("google")
    login = {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET, "OIDC_ISSUER": provider.issuer}
    service = Service(folder, **login)
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


@pytest.fixture
def page(browser: Browser, service: Service, provider: ProviderProcess) -> Iterator[Page]:
    with open_page(browser, service.url, others=(provider.issuer, STYLES)) as page:
        page.route(f"{STYLES}**", lambda route: route.fulfill(body="", content_type="text/css"))
        yield page


def log_in_as(page: Page, subject: str) -> None:
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_somebody_logs_in_with_google_and_sets_a_password(page: Page) -> None:
    page.goto("/login")
    assert_accessible(page)
    page.get_by_role("link", name="Log in with Google").click()
    log_in_as(page, "ada")
    expect(page.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="ada@example.com", exact=True)).to_be_visible()
    page.goto("/settings")
    expect(page.get_by_text("Leave it empty if you have logged in with Google alone so far.")).to_be_visible()
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.goto("/settings?section=audit")
    expect(page.get_by_text("Logged in with Google")).to_be_visible()
    page.context.clear_cookies()
    page.goto("/login")
    page.get_by_role("link", name="Log in with Google").click()
    log_in_as(page, "ada")
    expect(page.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()
    assert ask(page, "GET", "/api/auth/me")["email"] == "ada@example.com"


def test_the_page_that_was_asked_for_is_shown_after_the_login_with_google(page: Page, service: Service) -> None:
    page.goto("/trouble?status=UNKNOWN")
    page.get_by_role("link", name="Log in with Google").click()
    page.get_by_role("button", name="Deny").wait_for()
    state = parse_qs(urlsplit(page.url).query)["state"][0]
    # As providers say it (RFC 6749, 4.1.2.1): this one forgets the state.
    page.goto(f"{service.url}/api/auth/google/callback?error=access_denied&state={state}")
    expect(page.get_by_role("alert")).to_have_text("The login with Google was cancelled.")
    expect(page.get_by_text("Then you go on to the page you asked for.")).to_be_visible()
    page.get_by_role("link", name="Log in with Google").click()
    log_in_as(page, "ada")
    expect(page.get_by_role("heading", name="Failed and in doubt", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="In doubt")).to_have_attribute("aria-pressed", "true")


def test_who_does_not_want_to_comes_back_to_the_login(page: Page) -> None:
    page.goto("/login")
    page.get_by_role("link", name="Log in with Google").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_have_text("The login with Google was cancelled.")


def test_an_address_that_is_not_verified_opens_nothing(page: Page) -> None:
    page.goto("/login")
    page.get_by_role("link", name="Log in with Google").click()
    log_in_as(page, "unverified")
    expect(page.get_by_role("alert")).to_contain_text("Google does not vouch for your email address.")
