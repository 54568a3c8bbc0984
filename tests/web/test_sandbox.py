"""The sandbox inbox: messages as they come, read by mouse and keyboard, HTML that runs nothing."""

from __future__ import annotations

import re
from contextlib import suppress

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import NARROW, ask, assert_accessible, assert_fits, join, log_in, open_page
from tests.support.service import Service, until

HTML = '<h1>Good news</h1><p>It <b>works</b>.</p><script>document.body.textContent = "ran"</script>'


def send(page: Page, *people: str, html: str | None = None, subject: str = "Good news") -> None:
    body = {"subject": subject, "body": "Good news.\n\nIt works.", "recipients": people, "bodyHtml": html}
    ask(page, "POST", "/api/campaigns/schedule", body)


def test_an_empty_inbox_says_so_and_messages_appear_as_they_come(inside: Page) -> None:
    inside.goto("/sandbox")
    expect(inside.get_by_role("heading", name="Nothing has come yet")).to_be_visible()
    assert_accessible(inside)
    send(inside, "anna@example.com")
    messages = inside.get_by_role("list", name="Messages").get_by_role("link")
    expect(messages).to_have_count(1)
    expect(messages).to_contain_text("anna@example.com")
    expect(messages).to_contain_text("Good news. It works.")
    send(inside, "bob@example.com")
    expect(messages).to_have_count(2)
    expect(messages.first).to_contain_text("bob@example.com")


def test_a_message_is_read_as_html_text_and_source_and_has_its_own_address(inside: Page, email: str) -> None:
    send(inside, "anna@example.com", html="<p>It <b>works</b>.</p>")
    inside.goto("/sandbox")
    inside.get_by_role("list", name="Messages").get_by_role("link").click()
    message = inside.get_by_role("region", name="Message", exact=True)
    expect(message.get_by_role("heading", name="Good news")).to_be_visible()
    expect(message).to_contain_text(email)
    expect(message).to_contain_text("anna@example.com")
    expect(inside.frame_locator("iframe").get_by_text("works")).to_be_visible()
    assert_accessible(inside)
    inside.reload()
    expect(inside.frame_locator("iframe").get_by_text("works")).to_be_visible()
    message.get_by_text("Text", exact=True).click()
    expect(message.locator("pre")).to_have_text("Good news.\n\nIt works.")
    message.get_by_text("Source", exact=True).click()
    expect(message.locator("pre")).to_contain_text("Content-Type: multipart/alternative")
    assert_accessible(inside)


def test_what_is_shown_is_removed_though_it_came_after_the_last_look_at_what_is_new(inside: Page) -> None:
    send(inside, "anna@example.com")
    inside.goto("/sandbox")
    messages = inside.get_by_role("list", name="Messages").get_by_role("link")
    expect(messages).to_have_count(1)
    looks = re.compile(r"/api/sandbox/messages\?(.*&)?limit=1(&|$)")
    told = inside.request.get("/api/sandbox/messages?limit=1").json()
    inside.route(looks, lambda route: route.fulfill(json=told))
    send(inside, "bob@example.com")
    until(lambda: len(ask(inside, "GET", "/api/sandbox/messages")["items"]) == 2, "it has come")
    inside.get_by_label("Search recipients").fill("bob@")
    expect(messages).to_contain_text("bob@example.com")
    inside.get_by_role("button", name="Remove all").click()
    inside.get_by_role("dialog").get_by_role("button", name="Remove all").click()
    expect(inside.get_by_role("heading", name="No such message")).to_be_visible()


def test_messages_are_found_by_recipient_and_removed_together(inside: Page) -> None:
    send(inside, "anna@example.com", "bob@example.com")
    inside.goto("/sandbox")
    messages = inside.get_by_role("list", name="Messages").get_by_role("link")
    expect(messages).to_have_count(2)
    sought = inside.get_by_label("Search recipients")
    sought.fill("bob@")
    expect(messages).to_have_count(1)
    expect(messages).to_contain_text("bob@example.com")
    sought.fill("nobody")
    expect(inside.get_by_role("heading", name="No such message")).to_be_visible()
    assert_accessible(inside)
    inside.get_by_role("button", name="Clear the search").click()
    expect(messages).to_have_count(2)
    inside.get_by_role("button", name="Remove all").click()
    inside.get_by_role("dialog").get_by_role("button", name="Remove all").click()
    expect(inside.get_by_role("heading", name="Nothing has come yet")).to_be_visible()
    inside.goto("/sent")
    expect(inside.get_by_role("link", name="bob@example.com")).to_be_visible()


def test_no_script_of_a_message_runs(browser: Browser, service: Service, email: str) -> None:
    """The console says that it was kept from running, and nothing else."""
    console: list[str] = []
    with suppress(AssertionError), open_page(browser, service.url) as page:
        page.on("console", lambda message: console.append(message.text))
        join(page, email)
        send(page, "anna@example.com", html=HTML)
        page.goto("/sandbox")
        page.get_by_role("list", name="Messages").get_by_role("link").click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", name="Good news")).to_be_visible()
        shown = frame.locator("body").inner_text()
    assert shown == "Good news\n\nIt works."
    assert len(console) == 1
    assert console[0].startswith("Blocked script execution")


def test_up_and_down_go_from_message_to_message(inside: Page) -> None:
    for name in ("anna", "bob", "cleo"):
        send(inside, f"{name}@example.com", subject=f"To {name}")
        inside.goto("/sandbox")
        expect(inside.get_by_role("list", name="Messages").get_by_role("link").first).to_contain_text(name)
    inside.get_by_role("list", name="Messages").get_by_role("link").first.focus()
    heading = inside.get_by_role("region", name="Message", exact=True).get_by_role("heading")
    for key, name in (("Enter", "cleo"), ("ArrowDown", "bob"), ("ArrowDown", "anna"), ("ArrowDown", "anna")):
        inside.keyboard.press(key)
        expect(heading).to_have_text(f"To {name}")
    inside.keyboard.press("ArrowUp")
    expect(heading).to_have_text("To bob")
    expect(inside.get_by_role("list", name="Messages").locator("[aria-current]")).to_contain_text("bob@example.com")
    expect(inside.locator(":focus")).to_contain_text("bob@example.com")


def test_on_a_narrow_screen_there_is_one_pane_at_a_time(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url, NARROW) as page:
        join(page, email)
        send(page, f"{'a-rather-long-name' * 3}@example.com", html="<p>It works.</p>", subject="A subject " * 12)
        page.goto("/sandbox")
        messages = page.get_by_role("list", name="Messages")
        expect(messages.get_by_role("link")).to_have_count(1)
        assert_fits(page)
        assert_accessible(page)
        messages.get_by_role("link").click()
        expect(page.frame_locator("iframe").get_by_text("It works.")).to_be_visible()
        expect(messages).to_be_hidden()
        assert_fits(page)
        assert_accessible(page)
        page.get_by_role("link", name="All messages").click()
        expect(messages).to_be_visible()


def test_somebody_elses_message_is_not_found(inside: Page, browser: Browser, service: Service, email: str) -> None:
    send(inside, "anna@example.com")
    inside.goto("/sandbox")
    inside.get_by_role("list", name="Messages").get_by_role("link").click()
    expect(inside.get_by_role("heading", name="Good news")).to_be_visible()
    path = inside.url
    with open_page(browser, service.url) as page:
        join(page, f"x{email}")
        page.goto(path)
        expect(page.get_by_role("alert")).to_contain_text("There is no such message")
        log_in(page, email)
        page.goto(path)
        expect(page.get_by_role("heading", name="Good news")).to_be_visible()
