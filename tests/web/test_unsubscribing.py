"""The page to unsubscribe as somebody reads it: from the email, in their language, without a login."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import NARROW, ask, assert_fits, violations
from tests.support.service import Service, until


@pytest.fixture
def link(inside: Page, email: str) -> str:
    """The link in an email of a campaign that went to two."""
    reader = f"ada.{email}"
    inside.goto("/senders")
    request = {
        "subject": "Spring",
        "body": "The catalogue is out.",
        "recipients": [reader, f"bob.{email}"],
        "unsubscribe": "link",
    }
    ask(inside, "POST", "/api/campaigns/schedule", request)

    def received() -> str | None:
        for message in ask(inside, "GET", "/api/sandbox/messages")["items"]:
            text = ask(inside, "GET", f"/api/sandbox/messages/{message['id']}")["text"]
            found = re.search(r"http\S+/u/\S+", text)
            if found and reader in message["envelopeTo"]:
                return found[0]
        return None

    return until(received, "the email with its link") or ""


@pytest.fixture
def reader(browser: Browser, service: Service) -> Iterator[Page]:
    """Somebody on a phone, not logged in."""
    width, height = NARROW
    context = browser.new_context(locale="de-DE", viewport={"width": width, "height": height}, base_url=service.url)
    page = context.new_page()
    yield page
    context.close()


def test_somebody_unsubscribes_and_takes_it_back(inside: Page, reader: Page, link: str, email: str) -> None:
    reader.goto(link)
    expect(reader.get_by_role("heading", name="Abmelden")).to_be_visible()
    expect(reader.get_by_text(email, exact=False).first).to_be_visible()
    page = reader.content()
    assert f"ada.{email}" not in page, "whoever finds the link does not learn whose it is"
    assert "<script" not in page
    assert reader.context.cookies() == []
    assert_fits(reader)
    assert not violations(reader)
    reader.emulate_media(color_scheme="dark")
    assert not violations(reader)
    suppressed = f"/api/recipients?email=ada.{email}"
    assert ask(inside, "GET", suppressed)["suppressions"] == []
    reader.get_by_role("button", name="Abmelden").click()
    expect(reader.get_by_text("bekommt keine E-Mails mehr von")).to_be_visible()
    assert not violations(reader)
    assert [one["reason"] for one in ask(inside, "GET", suppressed)["suppressions"]] == ["UNSUBSCRIBED"]
    inside.goto(f"/recipients?email=ada.{email}")
    expect(inside.get_by_text("Unsubscribed", exact=False).first).to_be_visible()
    reader.get_by_role("button", name="Diese E-Mails weiter bekommen").click()
    expect(reader.get_by_role("button", name="Abmelden")).to_be_visible()
    assert ask(inside, "GET", suppressed)["suppressions"] == []


def test_it_is_read_at_twice_the_size_and_by_whoever_writes_from_right_to_left(
    inside: Page, reader: Page, link: str, email: str
) -> None:
    inside.goto("/senders")
    (sender,) = ask(inside, "GET", "/api/senders")["items"]
    name = "شركة الكتب القديمة للنشر والتوزيع في الإسكندرية"
    ask(inside, "PATCH", f"/api/senders/{sender['id']}", {"displayName": name})
    reader.set_viewport_size({"width": 160, "height": 320})  # of a phone at 200 %
    reader.goto(link)
    expect(reader.get_by_text(name)).to_be_visible()
    assert_fits(reader)
    reader.get_by_role("button", name="Abmelden").click()
    after = reader.get_by_role("button", name="Diese E-Mails weiter bekommen")
    expect(after).to_be_visible()
    assert_fits(reader)
    sentence = reader.get_by_text("bekommt keine E-Mails mehr von")
    recipient, written = (sentence.locator("bdi").nth(n) for n in (0, 1))
    expect(recipient).to_contain_text(email.partition("@")[2])
    expect(written).to_contain_text(f"{name} <{email}>")


def test_a_link_that_is_none_names_nobody(reader: Page, link: str) -> None:
    reader.goto(link[:-3])
    expect(reader.get_by_text("Dieser Link ist nicht gültig.")).to_be_visible()
    expect(reader.get_by_role("button")).to_have_count(0)
    assert not violations(reader)
