"""Two accounts in tabs of one browser share its cookie: a tab goes on as whom it shows, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import PASSWORD, ask, assert_accessible, join, log_in, open_page
from tests.support.service import Service
from tests.web.test_campaigns import schedule


@pytest.fixture
def bob(browser: Browser, service: Service, email: str) -> Iterator[Page]:
    """Bob's page, in a browser of his own, with a campaign that Anna must not see."""
    with open_page(browser, service.url) as page:
        join(page, f"bob.{email}")
        schedule(page, name="Bob's letter")
        yield page


def become_bob(page: Page, bob: Page) -> None:
    """As if Bob had logged in in another tab, where no message reaches this one."""
    page.context.add_cookies(bob.context.cookies())  # pyright: ignore[reportArgumentType]


def press(wanted: Locator) -> None:
    """Press it as somebody does who is quicker than the page, which asks for a login by itself sooner or later."""
    wanted.wait_for()
    wanted.dispatch_event("click")


def log_in_again(page: Page) -> Locator:
    dialog = page.get_by_role("dialog", name="Somebody else has logged in")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Log in").click()
    return dialog


def test_a_tab_neither_reads_nor_writes_as_somebody_else(inside: Page, email: str, bob: Page) -> None:
    campaign = schedule(inside, name="Anna's letter")
    inside.goto("/")
    expect(inside.get_by_role("link", name="Anna's letter", exact=True)).to_be_visible()
    become_bob(inside, bob)
    press(inside.get_by_role("button", name="Pause Anna's letter"))
    dialog = inside.get_by_role("dialog", name="Somebody else has logged in")
    expect(dialog).to_contain_text(email)
    assert_accessible(inside)
    log_in_again(inside)
    expect(dialog).to_have_count(0)
    expect(inside.get_by_role("button", name="Resume Anna's letter")).to_be_visible()  # what was asked for
    assert inside.request.get(f"/api/campaigns/{campaign}").json()["status"] == "PAUSED"

    become_bob(inside, bob)
    press(inside.get_by_role("link", name="Senders", exact=True))
    expect(dialog).to_be_visible()
    expect(inside.get_by_text(f"bob.{email}")).to_have_count(0)
    dialog.get_by_role("link", name="Go on as whoever that is", exact=True).click()
    expect(inside.get_by_role("link", name="Bob's letter", exact=True)).to_be_visible()
    expect(inside.get_by_role("link", name="Anna's letter", exact=True)).to_have_count(0)


def test_a_login_in_another_tab_is_seen_at_once_and_so_is_a_logout(inside: Page, email: str, bob: Page) -> None:
    inside.goto("/")
    inside.get_by_role("heading", name="Campaigns", level=1).wait_for()
    other = inside.context.new_page()
    other.goto("/login")
    log_in(other, f"bob.{email}")
    dialog = inside.get_by_role("dialog", name="Somebody else has logged in")
    expect(dialog).to_be_visible()
    log_in_again(inside)
    expect(dialog).to_have_count(0)
    expect(other.get_by_role("dialog", name="Somebody else has logged in")).to_be_visible()
    third = inside.context.new_page()
    third.goto("/")
    third.get_by_role("button", name=email).click()
    third.get_by_role("menuitem", name="Log out").press("Enter")
    over = inside.get_by_role("dialog", name="Log in again")
    expect(over).to_be_visible()
    log_in(third, email)
    expect(over).to_have_count(0)  # who is back there is back here


def test_what_goes_past_the_client_names_whose_page_it_is(inside: Page, bob: Page) -> None:
    """The CSV, the frames with HTML that somebody wrote, and the stream of events."""
    campaign = schedule(inside, bodyHtml="<p>Dear {{ name }}</p>")
    inside.goto("/scheduled")
    expect(inside.get_by_role("link", name="person0@example.com", exact=True)).to_be_visible()
    become_bob(inside, bob)
    downloads: list[str] = []
    inside.on("download", lambda download: downloads.append(download.url))
    press(inside.get_by_role("link", name="CSV", exact=True))
    expect(inside.get_by_role("dialog", name="Somebody else has logged in")).to_be_visible()
    assert not downloads
    with inside.expect_download() as download:
        log_in_again(inside)
    assert b"person0@example.com" in download.value.path().read_bytes()

    inside.goto(f"/campaigns/{campaign}")
    expect(inside.get_by_role("tab", name="Content")).to_be_visible()
    become_bob(inside, bob)
    press(inside.get_by_role("tab", name="Content"))
    expect(inside.get_by_role("dialog", name="Somebody else has logged in")).to_be_visible()
    expect(inside.locator("iframe")).to_have_count(0)
    log_in_again(inside)
    expect(inside.frame_locator("iframe").get_by_text("Dear {{ name }}")).to_be_visible()

    with inside.expect_request("**/api/events*") as stream:
        inside.reload()
    expect(inside.frame_locator("iframe").get_by_text("Dear {{ name }}")).to_be_visible()
    become_bob(inside, bob)
    address = stream.value.url.removeprefix(inside.url.split("/campaigns")[0])
    assert inside.evaluate("address => fetch(address).then((answer) => answer.status)", address) == 409
    assert ask(bob, "GET", "/api/auth/me")["email"].startswith("bob.")
