"""Getting in and out: the first account, login, errors, links into the dashboard, a session that ends."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import (
    MEDIUM,
    NARROW,
    PASSWORD,
    assert_accessible,
    assert_fits,
    log_in,
    open_page,
    register,
)
from tests.support.service import Service, until

PAGES = {
    "/": "Campaigns",
    "/compose": "New campaign",
    "/scheduled": "Scheduled",
    "/sent": "Sent",
    "/trouble": "Failed and in doubt",
    "/senders": "Senders",
    "/sandbox": "Sandbox inbox",
    "/settings": "Settings",
}


def test_on_the_first_run_a_visitor_becomes_the_administrator(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    service = Service(tmp_path_factory.mktemp("first"))
    try:
        service.wait_until_ready()
        with open_page(browser, service.url) as page:
            page.goto("/")
            expect(page).to_have_url(f"{service.url}/welcome")
            expect(page.get_by_role("heading", name="Welcome", level=1)).to_be_visible()
            assert_accessible(page)
            page.get_by_label("Email address").fill("admin@example.com")
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_role("button", name="Make the administrator's account").click()
            expect(page.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()
            assert page.request.get("/api/auth/me").json()["isAdmin"] is True
            page.goto("/welcome")
            expect(page).to_have_url(f"{service.url}/login")
    finally:
        service.stop()


def test_the_demo_account_logs_in_with_the_password_that_was_shown(page: Page, service: Service) -> None:
    password = until(lambda: service.demo_password, "the demo account is shown")
    log_in(page, "demo@example.com", password)
    expect(page.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="demo@example.com", exact=True)).to_be_visible()


def test_a_wrong_password_is_said_and_what_was_typed_stays(inside: Page, email: str) -> None:
    inside.context.clear_cookies()
    inside.goto("/login")
    inside.get_by_label("Email address").fill(email)
    inside.get_by_label("Password", exact=True).fill("not the password")
    inside.get_by_role("button", name="Log in", exact=True).click()
    expect(inside.get_by_role("alert")).to_have_text("This address and password do not go together.")
    expect(inside.get_by_label("Email address")).to_have_value(email)


def test_errors_stand_beside_their_fields_and_the_first_has_the_focus(page: Page) -> None:
    page.goto("/register")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_label("Email address")).to_be_focused()
    expect(page.get_by_label("Email address")).to_have_accessible_description("Give your email address.")
    page.get_by_label("Email address").fill("anna@@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_label("Email address")).to_be_focused()
    expect(page.get_by_label("Email address")).to_have_attribute("aria-invalid", "true")


def test_the_login_page_has_a_sentence_for_each_failure_of_google(page: Page) -> None:
    sentences = set[str]()
    for code in ("cancelled", "expired", "unverified", "domain", "closed", "disabled", "failed"):
        page.goto(f"/login?error={code}")
        sentences.add(page.get_by_role("alert").inner_text())
    assert len(sentences) == 7
    expect(page.get_by_role("link", name="Log in with Google")).to_have_count(0)


def test_a_link_into_the_dashboard_leads_there_after_the_login(inside: Page, email: str, service: Service) -> None:
    inside.context.clear_cookies()
    inside.goto("/trouble?x=1")
    expect(inside).to_have_url(re.compile(r"/login\?next="))
    inside.get_by_label("Email address").fill(email)
    inside.get_by_label("Password", exact=True).fill(PASSWORD)
    inside.get_by_role("button", name="Log in", exact=True).click()
    expect(inside.get_by_role("heading", name="Failed and in doubt", level=1)).to_be_visible()
    for foreign in ("https://elsewhere.example/", "//elsewhere.example/"):
        inside.context.clear_cookies()
        inside.goto(f"/login?next={foreign}")
        inside.get_by_label("Email address").fill(email)
        inside.get_by_label("Password", exact=True).fill(PASSWORD)
        inside.get_by_role("button", name="Log in", exact=True).click()
        expect(inside).to_have_url(f"{service.url}/")


def test_every_page_opens_from_its_address_and_has_its_place_in_the_navigation(inside: Page) -> None:
    for path, heading in PAGES.items():
        inside.goto(path)
        expect(inside.get_by_role("heading", name=heading, level=1)).to_be_visible()
        expect(inside).to_have_title(f"{heading} · ReachInbox")
        if path != "/compose":
            current = inside.get_by_role("navigation", name="Main").locator("[aria-current=page]")
            expect(current).to_have_text(heading)


def test_every_page_fits_a_tablet(inside: Page) -> None:
    inside.set_viewport_size({"width": MEDIUM[0], "height": MEDIUM[1]})
    for path, heading in PAGES.items():
        inside.goto(path)
        expect(inside.get_by_role("heading", name=heading, level=1)).to_be_visible()
        assert_fits(inside)


def test_pages_before_the_login_have_no_barriers(page: Page) -> None:
    for path in ("/login?error=domain", "/register", "/reset-password", "/reset-password?token=x", "/nowhere/at/all"):
        page.goto(path)
        page.get_by_role("heading").first.wait_for()
        assert_accessible(page)
    page.goto("/register")
    page.get_by_role("button", name="Make the account").click()
    page.get_by_text("Give your email address.").wait_for()
    assert_accessible(page)


def test_the_frame_has_no_barriers_wide_and_narrow(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url) as page:
        register(page, email)
        assert_accessible(page)
        page.get_by_role("button", name=email).click()
        page.get_by_role("menuitem", name="Log out").wait_for()
        assert_accessible(page)
    with open_page(browser, service.url, NARROW) as page:
        log_in(page, email)
        page.get_by_role("button", name="Navigation").click()
        page.get_by_role("link", name="Senders").wait_for()
        assert_accessible(page)
        # The page beside the drawer is seen through the overlay.
        beside = page.get_by_role("dialog").locator("xpath=..")
        assert beside.evaluate("each => getComputedStyle(each).backgroundColor") == "rgba(0, 0, 0, 0)"
        page.get_by_role("link", name="Senders").click()
        expect(page.get_by_role("heading", name="Senders", level=1)).to_be_visible()
        expect(page.get_by_role("link", name="Senders")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]


def test_logging_out_ends_the_session(inside: Page, service: Service, email: str) -> None:
    inside.goto("/")
    cookies = inside.context.cookies()
    inside.get_by_role("button", name=email).click()
    inside.get_by_role("menuitem", name="Log out").press("Enter")
    expect(inside.get_by_role("heading", name="Log in", level=1)).to_be_visible()
    inside.context.add_cookies(cookies)  # pyright: ignore[reportArgumentType]
    assert inside.request.get("/api/auth/me").status == 401


def test_logging_out_of_a_session_that_has_expired_asks_for_no_login(inside: Page, email: str) -> None:
    inside.goto("/")
    inside.get_by_role("heading", name="Campaigns", level=1).wait_for()
    inside.get_by_role("button", name=email).click()
    # The page asks for its figures by itself: they wait, so that the log-out is the first told.
    inside.route(re.compile("/api/(?!auth/logout)"), lambda route: None)
    inside.context.clear_cookies()
    inside.get_by_role("menuitem", name="Log out").press("Enter")
    expect(inside.get_by_role("heading", name="Log in", level=1)).to_be_visible()
    expect(inside.get_by_role("dialog")).to_have_count(0)


def test_when_the_session_ends_one_logs_in_over_the_page_and_goes_on(inside: Page, email: str) -> None:
    """The list is asked for on the way; the request waits, and is sent again after the login."""
    inside.goto("/")
    inside.get_by_role("heading", name="Campaigns", level=1).wait_for()
    inside.evaluate("document.body.dataset.untouched = 'yes'")
    link = inside.get_by_role("link", name="Scheduled").first.element_handle()
    inside.context.clear_cookies()
    link.dispatch_event("click")  # the page asks for figures by itself: the dialog may be there before a mouse is
    dialog = inside.get_by_role("dialog", name="Log in again")
    expect(dialog.get_by_label("Password", exact=True)).to_be_focused()
    assert_accessible(inside)
    dialog.get_by_label("Password", exact=True).fill("not the password")
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog.get_by_role("alert")).to_have_text("This address and password do not go together.")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog).to_have_count(0)
    expect(inside.get_by_role("heading", name="Scheduled", level=1)).to_be_visible()  # what was asked for
    assert inside.evaluate("document.body.dataset.untouched") == "yes"


def test_the_colour_scheme_follows_the_system_until_one_is_chosen(page: Page) -> None:
    scheme = page.locator("html")
    page.emulate_media(color_scheme="dark")
    page.goto("/login")
    expect(scheme).to_have_attribute("data-mantine-color-scheme", "dark")
    page.get_by_role("button", name="Use light colours").click()
    expect(scheme).to_have_attribute("data-mantine-color-scheme", "light")
    page.reload()
    expect(scheme).to_have_attribute("data-mantine-color-scheme", "light")
    expect(page.get_by_role("button", name="Use dark colours")).to_be_visible()
