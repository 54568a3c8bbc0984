"""The page of the installation's administrator: who may make an account, who has one, and what was done to them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import NARROW, PASSWORD, ask, assert_accessible, assert_fits, log_in, open_page
from tests.support.service import Service, until
from tests.web.test_campaigns import schedule


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With an administrator, who alone lets others in."""
    service = Service(tmp_path_factory.mktemp("people"), ALLOW_REGISTRATION="false")
    try:
        service.wait_until_ready()
        body = {"email": "admin@example.com", "password": PASSWORD}
        httpx.post(f"{service.url}/api/auth/register", json=body).raise_for_status()
        yield service
    finally:
        service.stop()


@pytest.fixture
def admin(browser: Browser, closed: Service) -> Iterator[Page]:
    """The administrator, on the page."""
    with open_page(browser, closed.url) as page:
        log_in(page, "admin@example.com")
        page.goto("/settings?section=people")
        yield page


@pytest.fixture
def guest(browser: Browser, closed: Service) -> Iterator[Page]:
    """Somebody else's browser, in which nobody is logged in."""
    with open_page(browser, closed.url) as page:
        yield page


def bring_in(admin: Page, guest: Page, email: str) -> None:
    """The guest has an account and is logged in."""
    token = ask(admin, "POST", "/api/admin/invitations", {"email": email})["token"]
    body = {"email": email, "password": PASSWORD, "invitation": token}
    answer = guest.request.post("/api/auth/register", data=body)
    assert answer.ok, answer.text()
    guest.goto("/")
    guest.get_by_role("heading", name="Campaigns", level=1).wait_for()


def test_the_administrator_goes_from_an_empty_page_to_the_demo(admin: Page, closed: Service) -> None:
    until(lambda: "25 of 25" in closed.output, "the demo is over")
    admin.goto("/")
    assert_accessible(admin)
    admin.get_by_role("button", name="See the demo").click()
    expect(admin.get_by_role("link", name="Demo", exact=True)).to_be_visible()
    expect(admin.get_by_role("button", name="Workspace: Demo")).to_be_visible()
    assert_accessible(admin)


def test_a_forgotten_password_is_set_by_a_link_that_the_administrator_hands_over(admin: Page, guest: Page) -> None:
    """UX.md B7: without SMTP_HOST nobody reads the mail with the link, and the page did not say so."""
    bring_in(admin, guest, "dora@example.com")
    guest.context.clear_cookies()
    guest.goto("/reset-password")
    guest.get_by_label("Email address").fill("dora@example.com")
    guest.get_by_role("button", name="Send me the link").click()
    expect(guest.get_by_text("reachinbox set-password")).to_be_visible()
    admin.reload()
    admin.get_by_role("button", name="New password for dora@example.com").click()
    admin.get_by_role("dialog").get_by_role("button", name="Make the link").click()
    link = admin.get_by_label("Link to a new password for dora@example.com, shown this once", exact=True).input_value()
    assert_accessible(admin)
    guest.goto(link)
    guest.get_by_label("New password", exact=True).fill("password1")
    guest.get_by_role("button", name="Set the password").click()
    expect(guest.get_by_text("easy to guess")).to_be_visible()
    guest.get_by_label("New password", exact=True).fill("battery staple")
    guest.get_by_role("button", name="Set the password").click()
    guest.get_by_label("Email address").fill("dora@example.com")
    guest.get_by_label("Password", exact=True).fill("battery staple")
    guest.get_by_role("button", name="Log in", exact=True).click()
    guest.get_by_role("heading", name="Campaigns", level=1).wait_for()


def test_the_administrator_invites_and_the_link_makes_an_account(admin: Page, guest: Page) -> None:
    admin.get_by_label("For this address alone").fill("bob@@example.com")
    admin.get_by_role("button", name="Make a link").click()
    expect(admin.get_by_label("For this address alone")).to_have_attribute("aria-invalid", "true")
    admin.get_by_label("For this address alone").fill("bob@example.com")
    admin.get_by_role("button", name="Make a link").click()
    link = admin.get_by_label("Link for bob@example.com", exact=True).input_value()
    assert_accessible(admin)
    guest.goto(link)
    expect(guest.get_by_text("You have been invited, at bob@example.com.")).to_be_visible()
    expect(guest.get_by_label("Email address")).to_have_value("bob@example.com")
    guest.get_by_label("Password", exact=True).fill(PASSWORD)
    guest.get_by_role("button", name="Make the account").click()
    guest.get_by_role("heading", name="Campaigns", level=1).wait_for()
    admin.reload()
    expect(admin.get_by_role("list", name="Accounts", exact=True)).to_contain_text("bob@example.com")
    invitations = admin.get_by_role("list", name="Invitations").get_by_role("listitem")
    expect(invitations.filter(has_text="bob@example.com")).to_contain_text("Used")
    admin.get_by_role("button", name="Make a link").click()
    open_link = admin.get_by_label("Link", exact=True).input_value()
    invitations.get_by_role("button", name="Take back: Whoever has the link").click()
    admin.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    expect(invitations.filter(has_text="Whoever has the link")).to_have_count(0)
    guest.context.clear_cookies()
    guest.goto(open_link)
    guest.get_by_label("Email address").fill("cleo@example.com")
    guest.get_by_label("Password", exact=True).fill(PASSWORD)
    guest.get_by_role("button", name="Make the account").click()
    expect(guest.get_by_role("alert")).to_be_visible()


def test_an_account_is_found_disabled_and_enabled(admin: Page, guest: Page, email: str) -> None:
    bring_in(admin, guest, email)
    schedule(guest, name="To be stopped")
    admin.reload()
    accounts = admin.get_by_role("list", name="Accounts", exact=True).get_by_role("listitem")
    expect(accounts.filter(has_text="admin@example.com").get_by_role("button")).to_have_count(0)  # oneself
    admin.get_by_role("textbox", name="Search accounts").fill(email.upper())
    expect(accounts).to_have_count(1)
    expect(accounts).to_contain_text("1 session")

    admin.get_by_role("button", name=f"Disable {email}").click()
    dialog = admin.get_by_role("dialog")
    assert_accessible(admin)
    dialog.get_by_label("Pause campaigns in workspaces that it alone owns").check()
    dialog.get_by_role("button", name="Disable the account").click()
    expect(admin.get_by_text(f"{email} is disabled. Paused: 1 campaign.")).to_be_visible()
    expect(accounts).to_contain_text("Disabled")
    expect(accounts).to_contain_text("0 sessions")
    assert_accessible(admin)
    guest.goto("/login")
    guest.get_by_label("Email address").fill(email)
    guest.get_by_label("Password", exact=True).fill(PASSWORD)
    guest.get_by_role("button", name="Log in", exact=True).click()
    expect(guest.get_by_role("alert")).to_have_text("This account is disabled; ask the administrator.")

    admin.get_by_role("button", name=f"Enable {email}").click()
    expect(admin.get_by_text(f"{email} may log in again.")).to_be_visible()
    guest.get_by_role("button", name="Log in", exact=True).click()
    guest.get_by_role("heading", name="Campaigns", level=1).wait_for()
    log = admin.get_by_role("list", name="Log of accounts")
    admin.reload()
    for words in ("Enabled an account", "Disabled an account", "A login was refused: the account is disabled"):
        expect(log.get_by_role("listitem").filter(has_text=words).first).to_be_visible()


def test_sessions_and_keys_of_an_account_are_ended(admin: Page, guest: Page, email: str) -> None:
    bring_in(admin, guest, email)
    ask(guest, "POST", "/api/keys", {"name": "script"})
    admin.get_by_role("textbox", name="Search accounts").fill(email)
    accounts = admin.get_by_role("list", name="Accounts", exact=True).get_by_role("listitem")
    expect(accounts).to_have_count(1)
    expect(accounts).to_contain_text("1 API key")
    admin.get_by_role("button", name=f"Revoke keys of {email}").click()
    admin.get_by_role("dialog").get_by_role("button", name="Revoke the keys").click()
    expect(admin.get_by_text(f"No API key of {email} works any more.")).to_be_visible()
    expect(accounts).to_contain_text("0 API keys")
    admin.get_by_role("button", name=f"Log out {email}").click()
    expect(admin.get_by_text(f"{email} is logged out everywhere.")).to_be_visible()
    expect(accounts.get_by_role("button", name=f"Log out {email}")).to_have_count(0)
    guest.goto("/")
    expect(guest.get_by_role("heading", name="Log in")).to_be_visible()
    admin.get_by_role("textbox", name="Search accounts").fill("nobody at all")
    expect(admin.get_by_role("status").filter(has_text="No address has")).to_be_visible()


def test_the_page_fits_a_narrow_screen(browser: Browser, closed: Service) -> None:
    with open_page(browser, closed.url, NARROW) as page:
        log_in(page, "admin@example.com")
        page.goto("/settings?section=people")
        page.get_by_role("list", name="Log of accounts").wait_for()
        assert_fits(page)
        assert_accessible(page)
