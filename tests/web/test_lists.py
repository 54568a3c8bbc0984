"""Scheduled, sent, failed and in doubt: found, decided on, exported; and an email's own page."""

from __future__ import annotations

import csv
import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from app.embedded.postgres import EmbeddedPostgres
from tests.support.browser import MEDIUM, NARROW, ask, assert_accessible, assert_fits, join, open_page
from tests.support.filling import fill
from tests.support.service import Service, until
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S


def filled(service: Service, owner: str, counts: dict[str, int], name: str = "Filled", **more: Any) -> int:
    with EmbeddedPostgres(service.data_dir) as postgres:
        return fill(postgres.url, owner, counts, name, **more)


def send_through(page: Page, sink: Sink, recipients: list[str]) -> int:
    """A campaign that goes out now through the sink, its sender of its own; ends when it is finished."""
    sender = {"email": "anna@example.com", "host": "127.0.0.1", "port": sink.port, "security": "none"}
    answer = page.request.post("/api/senders", data=sender)
    assert answer.ok, answer.text()
    draft = {"name": "Through the sink", "subject": "Hello", "body": "A text.", "recipients": recipients}
    answer = page.request.post("/api/campaigns/schedule", data=draft | {"senderId": answer.json()["id"]})
    assert answer.ok, answer.text()
    campaign = answer.json()["campaign"]["id"]
    until(lambda: page.request.get(f"/api/campaigns/{campaign}").json()["status"] == "FINISHED", "it is finished")
    return campaign


def test_an_email_in_doubt_is_resolved_on_its_page(inside: Page) -> None:
    with Sink({"dot": "drop"}) as sink:
        send_through(inside, sink, ["ada@example.com"])
    inside.goto("/trouble")
    inside.get_by_role("link", name="ada@example.com").click()
    expect(inside.get_by_role("heading", name="ada@example.com", level=1)).to_be_visible()
    expect(inside.get_by_text("The mail server may have taken it")).to_be_visible()
    expect(inside.get_by_text("No answer", exact=True)).to_be_visible()
    assert_accessible(inside)
    inside.get_by_role("button", name="Assume sent").click()
    dialog = inside.get_by_role("dialog", name="Take 1 email as sent?")
    expect(dialog).to_contain_text("This cannot be undone")
    dialog.get_by_role("button", name="Assume sent").click()
    expect(inside.get_by_text("It counts as sent.")).to_be_visible()
    expect(inside.get_by_role("button", name="Assume sent")).to_be_hidden()
    inside.goto("/trouble")
    expect(inside.get_by_role("heading", name="Nothing that failed waits for a decision")).to_be_visible()


def test_an_emails_page_shows_what_it_says_to_its_recipient(inside: Page) -> None:
    body = {"subject": "News for {{ name }}", "body": "Hello {{ name }}", "bodyHtml": "<p>Dear <b>{{ name }}</b></p>"}
    recipient = {"email": "ada@example.com", "name": "Ada"}
    ask(
        inside,
        "POST",
        "/api/campaigns/schedule",
        body | {"recipients": [recipient], "startTime": "2090-01-01T00:00:00Z"},
    )
    email = ask(inside, "GET", "/api/emails")["items"][0]["id"]
    inside.goto(f"/emails/{email}")
    text = inside.get_by_role("article", name="The email's text")
    expect(text.frame_locator("iframe").get_by_text("Dear Ada")).to_be_visible()
    inside.get_by_text("Plain", exact=True).click()
    expect(text).to_contain_text("Hello Ada")
    assert_accessible(inside)


def test_a_sent_email_keeps_its_text_when_the_campaign_is_changed(inside: Page) -> None:
    draft = {
        "name": "Two",
        "subject": "First words",
        "body": "A text.",
        "recipients": ["ada@example.com", "bob@example.com"],
    }
    made = ask(inside, "POST", "/api/campaigns/schedule", draft | {"delayBetweenMs": 3_600_000})
    until(lambda: ask(inside, "GET", "/api/emails?status=SENT")["items"], "the first is sent")
    ask(inside, "PATCH", f"/api/campaigns/{made['campaign']['id']}", {"subject": "Better words", "body": "Another."})
    for status, subject, text in (("SENT", "First words", "A text."), ("SCHEDULED", "Better words", "Another.")):
        email = ask(inside, "GET", f"/api/emails?status={status}")["items"][0]["id"]
        inside.goto(f"/emails/{email}")
        expect(inside.get_by_role("article", name="The email's text")).to_have_text(text)
        expect(inside.get_by_text(subject)).to_have_count(3)
        expect(inside.get_by_text("Just as the latest try had it.")).to_have_count(1 if status == "SENT" else 0)


def test_sending_again_warns_of_a_second_copy_and_sends_it(inside: Page) -> None:
    with Sink({"dot": "drop"}) as sink:
        campaign = send_through(inside, sink, ["ada@example.com"])
        sink.script([])
        inside.goto(f"/campaigns/{campaign}")
        inside.get_by_role("button", name=re.compile("Send again: all .* in doubt")).click()
        dialog = inside.get_by_role("dialog", name="Send 1 email again?")
        expect(dialog).to_contain_text("may get it twice")
        dialog.get_by_role("button", name="Send again").click()
        expect(inside.get_by_role("img", name="1 email: 1 sent")).to_be_visible()
        assert [accepted.envelope_to for accepted in sink.accepted()] == ["ada@example.com"]


def test_failed_emails_are_decided_on_by_their_reason(inside: Page, service: Service, email: str) -> None:
    filled(service, email, {"FAILED": 5})
    inside.goto("/trouble")
    reasons = inside.get_by_role("list", name="Reasons")
    expect(reasons).to_contain_text("Unknown address 5")
    expect(reasons).to_contain_text("does not exist")
    expect(inside.get_by_role("button", name="Failed")).to_contain_text("5")
    assert_accessible(inside)

    inside.get_by_role("checkbox", name="Choose failed.1@example.com").click()
    inside.get_by_role("button", name="Correct addresses").click()
    dialog = inside.get_by_role("dialog", name="Correct the address")
    address = dialog.get_by_label("failed.1@example.com")
    address.fill("failed.2@example.com")
    send = dialog.get_by_role("button", name="Send to 1 corrected address")
    send.click()
    expect(dialog.get_by_text("is among the campaign's recipients already")).to_be_visible()
    assert_accessible(inside)
    address.fill("found@example.com")
    send.click()
    expect(dialog).to_have_count(0)
    expect(reasons).to_contain_text("Unknown address 4")

    reasons.get_by_role("button", name="Show", exact=True).click()
    expect(inside).to_have_url(re.compile("failedFor=UNKNOWN_ADDRESS"))
    reasons.get_by_role("button", name="Never write again: all 4").click()
    inside.get_by_role("dialog").get_by_role("button", name="Never write again").click()
    expect(inside.get_by_text("4 recipients will not be written to again.")).to_be_visible()
    expect(reasons).to_have_count(0)
    expect(inside.get_by_role("button", name="Failed")).to_contain_text("0")
    inside.goto("/trouble?status=FAILED")
    inside.get_by_label("List also what was decided on").check()
    expect(inside.get_by_text("Never again", exact=True).locator("visible=true")).to_have_count(4)
    inside.get_by_role("link", name="failed.1@example.com", exact=True).click()
    inside.get_by_role("link", name="a corrected address").click()
    expect(inside.get_by_role("heading", name="found@example.com", level=1)).to_be_visible()


def test_corrections_that_went_are_not_sent_again_with_those_that_did_not(
    inside: Page, service: Service, email: str
) -> None:
    """They came back refused, as if they had not gone."""
    campaign = filled(service, email, {"FAILED": 4})
    # Of a campaign's own page all that failed stay in the list, also those that went to another address.
    inside.goto(f"/campaigns/{campaign}?status=FAILED")
    for number in (1, 2, 3):
        inside.get_by_role("checkbox", name=f"Choose failed.{number}@example.com").click()
    inside.get_by_role("button", name="Correct addresses").click()
    dialog = inside.get_by_role("dialog", name="Correct addresses")
    for number, to in ((1, "one@example.com"), (2, "failed.4@example.com"), (3, "three@example.com")):
        dialog.get_by_label(f"failed.{number}@example.com").fill(to)
    dialog.get_by_role("button", name="Send to 3 corrected addresses").click()
    expect(dialog.get_by_text("is among the campaign's recipients already")).to_be_visible()
    expect(dialog.get_by_role("textbox")).to_have_count(1)
    expect(inside.get_by_text("2 emails will go to the corrected address.")).to_be_visible()
    assert_accessible(inside)
    dialog.get_by_label("failed.2@example.com").fill("two@example.com")
    dialog.get_by_role("button", name="Send to 1 corrected address").click()
    expect(dialog).to_have_count(0)
    totals = ask(inside, "GET", f"/api/emails?campaignId={campaign}")["items"]
    assert {one["recipient"] for one in totals} >= {"one@example.com", "two@example.com", "three@example.com"}


def test_no_word_on_all_is_offered_while_the_list_shows_some(inside: Page, service: Service, email: str) -> None:
    campaign = filled(service, email, {"FAILED": 3})
    sender = ask(inside, "GET", "/api/senders")["items"][0]["id"]
    reasons = inside.get_by_role("list", name="Reasons")
    every = inside.get_by_role("button", name=re.compile(": all 3"))
    inside.goto(f"/trouble?status=FAILED&campaignId={campaign}")
    expect(reasons).to_contain_text("Unknown address 3")
    expect(every).to_have_count(6)  # of the reason and of the campaign, each three
    for narrowed in (f"senderId={sender}", "q=failed.1@"):
        inside.goto(f"/trouble?status=FAILED&campaignId={campaign}&{narrowed}")
        expect(reasons).to_contain_text("Unknown address 3")
        expect(inside.get_by_text("Clear the search and the sender to decide on all")).to_be_visible()
        expect(inside.get_by_role("checkbox", name="Choose failed.1@example.com")).to_be_visible()
        expect(every).to_have_count(0)
        assert_accessible(inside)


def test_a_retry_of_suppressed_recipients_says_why_nothing_goes(inside: Page, service: Service, email: str) -> None:
    filled(service, email, {"FAILED": 2})
    ask(inside, "POST", "/api/suppressions", {"emails": ["failed.1@example.com", "failed.2@example.com"]})
    inside.goto("/trouble")
    inside.get_by_role("list", name="Reasons").get_by_role("button", name="Retry: all 2").click()
    inside.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(inside.get_by_text("0 emails will be tried again. 2 others are left out")).to_contain_text("suppressed")


def test_failed_emails_are_retried_together(inside: Page) -> None:
    people = [f"person{n}@example.com" for n in range(4)]
    with Sink({"rcpt": "552 5.2.2 Mailbox full"}) as sink:
        campaign = send_through(inside, sink, people)
        inside.goto(f"/trouble?campaignId={campaign}")
        answers = inside.get_by_role("button", name="552 5.2.2 Mailbox full")
        expect(answers).to_have_count(4)
        answers.first.click()
        expect(answers.first).to_have_attribute("aria-expanded", "true")
        rows = inside.get_by_role("checkbox", name="Choose person")
        rows.nth(0).check()
        rows.nth(2).click(modifiers=["Shift"])
        expect(inside.get_by_label("3 selected")).to_be_visible()
        assert_accessible(inside)
        sink.script([])
        inside.get_by_role("button", name="Retry", exact=True).click()
        inside.get_by_role("dialog", name="Retry 3 emails?").get_by_role("button", name="Retry").click()
        expect(inside.get_by_text("3 emails will be tried again.")).to_be_visible()
        expect(rows).to_have_count(1)
        inside.get_by_role("button", name="Retry: all 1 of this campaign").click()
        inside.get_by_role("dialog", name="Retry 1 email?").get_by_role("button", name="Retry").click()
        expect(inside.get_by_role("heading", name="No email fits")).to_be_visible()
        until(lambda: len(sink.accepted()) == 4, "all four are accepted")
        assert {accepted.envelope_to for accepted in sink.accepted()} == set(people)


def test_search_and_filters_survive_a_reload_and_go_into_the_csv(
    inside: Page, service: Service, email: str, tmp_path: Path
) -> None:
    filled(service, email, {"SENT": 30}, "Other", host="other.example")
    filled(service, email, {"SENT": 30}, "Wanted", host="wanted.example")
    inside.goto("/sent")
    inside.get_by_placeholder("All campaigns").click()
    inside.get_by_role("option", name="Wanted").click()
    expect(inside.get_by_role("link", name="@other.example")).to_have_count(0)
    inside.get_by_role("textbox", name="Search recipients").press_sequentially("sent.2")
    rows = inside.get_by_role("link", name="@wanted.example")
    expect(rows).to_have_count(11)
    inside.reload()
    expect(rows).to_have_count(11)
    expect(inside.get_by_role("textbox", name="Search recipients")).to_have_value("sent.2")
    expect(inside.get_by_placeholder("All campaigns")).to_have_value("Wanted")
    assert_accessible(inside)
    with inside.expect_download() as download:
        inside.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "emails.csv")
    lines = list(csv.DictReader(io.StringIO((tmp_path / "emails.csv").read_text())))
    assert sorted(line["recipient"] for line in lines) == sorted(rows.all_inner_texts())
    assert {(line["campaignName"], line["status"]) for line in lines} == {("Wanted", "SENT")}
    inside.get_by_role("textbox", name="Search recipients").fill("nobody")
    inside.get_by_role("button", name="Clear the filters").click()
    expect(inside.get_by_role("textbox", name="Search recipients")).to_have_value("")
    expect(inside.get_by_role("link", name="@other.example").first).to_be_visible()


def test_a_long_list_is_loaded_as_one_goes_and_stays_light(inside: Page, service: Service, email: str) -> None:
    filled(service, email, {"SENT": 900})
    inside.goto("/sent")
    first, end = inside.get_by_role("link", name="sent.900@example.com"), inside.get_by_text("That is all: 900 emails.")
    expect(first).to_be_visible()
    press_until_visible("End", end)
    expect(inside.get_by_role("link", name="sent.1@example.com", exact=True)).to_be_visible()
    assert inside.locator("tbody tr").count() < 500
    press_until_visible("Home", first)


def press_until_visible(key: str, place: Locator) -> None:
    """The way there goes through what is only loaded or shown on the way, which can end a scroll."""
    ends = time.monotonic() + BOUND_S
    while not place.is_visible() and time.monotonic() < ends:
        place.page.keyboard.press(key)
        place.page.wait_for_timeout(100)
    expect(place).to_be_visible()


@pytest.mark.parametrize("path", ["/scheduled", "/sent", "/trouble"])
def test_without_an_email_the_page_says_what_will_be_here(inside: Page, path: str) -> None:
    inside.goto(path)
    expect(inside.get_by_role("heading", level=2).filter(has_text="Noth")).to_be_visible()
    assert_accessible(inside)


def test_lists_and_an_email_fit_a_narrow_screen(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url, NARROW) as page:
        join(page, email)
        counts = {"SCHEDULED": 3, "SENT": 3, "FAILED": 3, "UNKNOWN": 3}
        campaign = filled(service, email, counts, host="a-host-with-a-very-long-name.of.many.parts.example.com")
        first = page.request.get("/api/emails?status=FAILED").json()["items"][0]["id"]
        paths = ["/scheduled", "/sent", "/trouble?status=UNKNOWN", f"/campaigns/{campaign}?status=FAILED"]
        for path in [*paths, f"/emails/{first}"]:
            page.goto(path)
            page.get_by_role("link", name="a-host-with").or_(page.get_by_text("for good").first).first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0], path
            assert_accessible(page)


def test_whose_an_email_is_can_be_read_on_a_tablet(inside: Page, service: Service, email: str) -> None:
    inside.set_viewport_size({"width": MEDIUM[0], "height": MEDIUM[1]})
    filled(service, email, {"FAILED": 2, "UNKNOWN": 1, "SENT": 1, "SCHEDULED": 1}, host="customers.example.org")
    for path in ("/trouble", "/trouble?status=UNKNOWN", "/sent", "/scheduled"):
        inside.goto(path)
        recipient = inside.get_by_role("table", name="Emails").get_by_role("link", name="@customers.example.org").first
        assert recipient.evaluate("each => each.scrollWidth <= each.clientWidth"), path
        # Downloads stand together; what comes above them meanwhile moves both.
        downloads = inside.get_by_role("main").get_by_role("link", name=re.compile("^(CSV|Recipients)$"))
        assert downloads.count() == 2
        assert len(set(downloads.evaluate_all("all => all.map(each => each.getBoundingClientRect().y)"))) == 1
        assert_fits(inside)


def test_one_goes_from_email_to_email_of_the_list_that_was_come_from(
    inside: Page, service: Service, email: str
) -> None:
    filled(service, email, {"FAILED": 3, "SENT": 2})
    inside.goto("/trouble")
    shown = inside.get_by_role("table", name="Emails").get_by_role("row")
    expect(shown).to_have_count(4)
    addresses = [shown.nth(n).get_by_role("link").first.inner_text() for n in range(1, 4)]
    inside.get_by_role("link", name=addresses[0], exact=True).click()
    title = inside.get_by_role("heading", level=1)
    for address in addresses[1:]:
        inside.get_by_role("link", name="Next email of the list").click()
        expect(title).to_have_text(address)
    # An email that is decided on leaves the list, and its place in it is known all the same.
    inside.get_by_role("button", name="Put aside").click()
    inside.get_by_role("dialog").get_by_role("button", name="Put aside").click()
    expect(inside.get_by_text("nobody is asked about it any more")).to_be_visible()
    inside.get_by_role("link", name="Previous email of the list").click()
    expect(title).to_have_text(addresses[1])
    assert_accessible(inside)
    inside.reload()
    expect(title).to_have_text(addresses[1])
    expect(inside.get_by_role("link", name="Next email of the list")).to_have_count(0)


def test_what_was_decided_on_is_trouble_no_more(inside: Page, service: Service, email: str) -> None:
    filled(service, email, {"FAILED": 3, "UNKNOWN": 1})
    inside.goto("/")
    trouble = inside.get_by_role("region", name="Today").get_by_text("Failed or in doubt").locator("..")
    expect(trouble).to_contain_text("4")
    ids = [each["id"] for each in ask(inside, "GET", "/api/emails?status=FAILED")["items"]]
    ask(inside, "POST", "/api/failures/decisions", {"verb": "PUT_ASIDE", "ids": ids})
    inside.reload()
    expect(trouble).to_contain_text("1")
