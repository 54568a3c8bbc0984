"""Holds by a server's words: told on the pages of campaign and sender, and answered there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import NARROW, ask, assert_accessible, assert_fits, open_page
from tests.support.service import Service
from tests.support.sinkproc import Sink
from tests.web.test_senders import add_sender, card
from tests.web.test_workspaces import invite, register_by

WORDS = "554 5.6.0 Not today"
REFUSES = {"rcpt": WORDS}
FAIL, GO_ON = "Fail these recipients", "Go on"


@pytest.fixture
def refusing() -> Iterator[Sink]:
    """A server that takes no recipient, in words that name none."""
    with Sink(REFUSES) as sink:
        yield sink


def sender_at(page: Page, sink: Sink) -> int:
    return add_sender(page, email="anna@example.com", host="127.0.0.1", port=sink.port, security="none")


def campaign_from(page: Page, sender: int, stem: str = "r", count: int = 6) -> int:
    people = [f"{stem}{number}@example.com" for number in range(count)]
    draft = {"senderId": sender, "name": "News", "subject": "Hello", "body": "Hi", "recipients": people}
    return ask(page, "POST", "/api/campaigns/schedule", draft | {"delayBetweenMs": 0})["campaign"]["id"]


def test_a_held_campaign_shows_the_words_and_goes_on_as_its_person_answers(inside: Page, refusing: Sink) -> None:
    campaign = campaign_from(inside, sender_at(inside, refusing))
    inside.goto("/")
    expect(inside.get_by_text(re.compile("refuses the campaign's emails from anna@example.com"))).to_be_visible()
    inside.goto(f"/campaigns/{campaign}")
    notice = inside.get_by_role("alert").filter(has_text="The server refuses this campaign's emails")
    expect(notice).to_contain_text(WORDS)
    expect(notice).to_contain_text(re.compile(r"So it has answered [56] emails since"))
    expect(notice).to_contain_text("The next try is at")
    assert_accessible(inside)

    refusing.script([])
    notice.get_by_role("button", name="The text is mended: try now").click()
    expect(inside.get_by_text("The next email is tried now.", exact=True)).to_be_visible()
    expect(notice).to_have_count(0)
    expect(inside.get_by_role("img", name="6 emails: 6 sent")).to_be_visible()


def test_recipients_fail_only_once_that_was_confirmed(inside: Page, refusing: Sink) -> None:
    campaign = campaign_from(inside, sender_at(inside, refusing))
    inside.goto(f"/campaigns/{campaign}")
    notice = inside.get_by_role("alert").filter(has_text="The server refuses")
    notice.get_by_role("button", name=FAIL).click()
    question = inside.get_by_role("dialog", name="Fail these recipients?")
    expect(question).to_contain_text("will count as failed")
    assert_accessible(inside)
    question.get_by_role("button", name="Keep it as it is").click()
    expect(question).to_have_count(0)
    expect(notice).to_be_visible()

    refusing.script([])
    notice.get_by_role("button", name=FAIL).click()
    question.get_by_role("button", name=FAIL).click()
    expect(notice).to_have_count(0)
    expect(inside.get_by_role("img", name=re.compile(r"6 emails: (1 sent, 5|6) failed"))).to_be_visible()


def test_a_held_campaign_that_is_paused_promises_no_try(inside: Page, refusing: Sink) -> None:
    campaign = campaign_from(inside, sender_at(inside, refusing))
    inside.goto(f"/campaigns/{campaign}")
    notice = inside.get_by_role("alert").filter(has_text="The server refuses")
    expect(notice).to_contain_text("The next try is at")
    inside.get_by_role("button", name="Pause News").click()
    expect(notice).to_contain_text("It is paused: the next try comes once it is resumed.")
    expect(inside.get_by_text("Resume the campaign, and what waits")).to_be_visible()
    notice.get_by_role("button", name="The text is mended: try now").click()
    expect(inside.get_by_text("The next email is tried once it is resumed.", exact=True)).to_be_visible()
    expect(notice).to_be_visible()


def test_a_held_campaigns_page_says_that_its_sender_is_backed_off(inside: Page, refusing: Sink) -> None:
    campaign = campaign_from(inside, sender_at(inside, refusing))
    inside.goto(f"/campaigns/{campaign}")
    notice = inside.get_by_role("alert").filter(has_text="The server refuses")
    expect(notice).to_contain_text("The next try is at")
    refusing.script({"mail": "550 5.7.1 Sender address rejected"})
    notice.get_by_role("button", name="The text is mended: try now").click()
    words = re.compile(r"The sender is held back until .* anna@example\.com.* Sender address rejected")
    backed_off = inside.get_by_text(words)
    expect(backed_off).to_be_visible()
    expect(notice).to_be_visible()


def test_a_held_sender_is_answered_on_its_card_and_a_viewer_only_reads(
    inside: Page, email: str, refusing: Sink, browser: Browser, service: Service
) -> None:
    sender = sender_at(inside, refusing)
    for stem in "ab":
        campaign_from(inside, sender, stem, 4)
    inside.goto("/senders")
    notice = card(inside, "anna@example.com").get_by_role("alert").filter(has_text="refuses this sender's emails")
    expect(notice).to_contain_text(WORDS)
    expect(notice.get_by_role("button")).to_have_count(3)
    inside.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert_fits(inside)
    assert_accessible(inside)

    link = invite(inside, "Viewer", f"viewer.{email}")
    with open_page(browser, service.url) as viewer:
        register_by(viewer, link, f"viewer.{email}")
        viewer.goto("/senders")
        shown = card(viewer, "anna@example.com").get_by_role("alert").filter(has_text="refuses this sender's emails")
        expect(shown).to_contain_text(WORDS)
        expect(shown.get_by_role("button")).to_have_count(0)

    refusing.script([])
    inside.goto("/senders")
    notice.get_by_role("button", name=GO_ON).click()
    expect(notice).to_have_count(0)
    inside.goto("/")
    expect(inside.get_by_role("img", name="4 emails: 4 sent")).to_have_count(2)
