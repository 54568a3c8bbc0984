"""Compose: what was begun for one draft acts on that draft or on none, whichever stands on the page by then."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import FilePayload, Page, Route, expect

from tests.support.browser import ask, assert_accessible, confirm_sending, schedule
from tests.support.composer import campaigns, choose, held_back, kept_draft, recipients, schedule_button, write
from tests.support.service import until
from tests.web.test_drafts import LOSE_THE_FIRST_ANSWER

PROBLEM = "application/problem+json"

# As in a page that came over plain HTTP from another machine.
WITHOUT_RANDOM_UUID = "delete Crypto.prototype.randomUUID;"
WITHOUT_ROOM = "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') } }"


def save(page: Page, subject: str) -> int:
    """Write a draft to Ada and save it for the workspace; its id."""
    recipients(page).fill("ada@example.com")
    write(page, subject, "A text.")
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_visible()
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_text(f"“{subject}” is saved for the workspace.")).to_be_visible()
    return next(draft["id"] for draft in ask(page, "GET", "/api/drafts")["items"] if draft["name"] == subject)


def another(page: Page, like: int, subject: str) -> int:
    """Save a draft of another subject and without recipients, as a colleague would."""
    content = ask(page, "GET", f"/api/drafts/{like}")["content"]
    content["steps"][0]["content"]["subject"] = subject
    content["audience"]["typed"] = None
    made = ask(page, "POST", "/api/drafts", {"name": subject, "content": content, "lists": [], "files": []})["id"]
    page.reload()  # which reads the drafts anew
    page.get_by_role("button", name="Drafts").wait_for()
    return made


def open_draft(page: Page, name: str) -> None:
    page.get_by_role("button", name="Drafts").click()
    page.get_by_role("menuitem", name=name).click()


def all_the_same(page: Page) -> None:
    page.get_by_role("dialog", name="Open another draft?").get_by_role("button", name="Open it").click()


def content(page: Page, draft: int) -> Any:
    return ask(page, "GET", f"/api/drafts/{draft}")["content"]


def names(page: Page) -> list[str]:
    return [draft["name"] for draft in ask(page, "GET", "/api/drafts")["items"]]


def test_the_draft_that_was_scheduled_goes_although_another_one_was_opened_meanwhile(composing: Page) -> None:
    page = composing
    another(page, save(page, "Five"), "Seven")
    with held_back(page, "**/api/campaigns/schedule"):
        schedule(page, 1)
        expect(page.get_by_role("button", name="Drafts")).to_be_disabled()
        other = page.context.new_page()
        other.goto("/compose")
        open_draft(other, "Seven")
        expect(other.get_by_label("Subject")).to_have_value("Seven")
        expect(page.get_by_label("Subject")).to_have_value("Seven")
    until(lambda: page.evaluate("0") or len(names(page)) == 1, "one of the drafts is removed")
    assert names(page) == ["Seven"]
    expect(page.get_by_label("Subject")).to_have_value("Seven")
    page.reload()
    expect(page.get_by_label("Subject")).to_have_value("Seven")
    assert [campaign["subject"] for campaign in campaigns(page)] == ["Five"]


def test_a_request_that_failed_is_told_although_another_draft_was_opened_meanwhile(composing: Page) -> None:
    page = composing
    another(page, save(page, "Five"), "Seven")
    held: list[Route] = []
    page.route("**/api/campaigns/schedule", lambda route: held.append(route))
    schedule(page, 1)
    other = page.context.new_page()
    other.goto("/compose")
    open_draft(other, "Seven")
    expect(page.get_by_label("Subject")).to_have_value("Seven")
    until(lambda: held or page.wait_for_timeout(20), "it is asked for")
    held[0].fulfill(status=409, content_type=PROBLEM, body=json.dumps({"detail": "Not now"}))
    told = page.get_by_role("alert").filter(has_text="Scheduling “Five” failed")
    expect(told).to_contain_text("Not now")
    assert sorted(names(page)) == ["Five", "Seven"]


def test_a_file_on_its_way_comes_to_no_other_draft(composing: Page) -> None:
    page = composing
    seven = another(page, save(page, "Five"), "Seven")
    with held_back(page, re.compile(r"/api/lists(\?|$)")):
        choose(page, "list.csv", b"email\ngrace@example.com\n")
        open_draft(page, "Seven")
        all_the_same(page)
        expect(page.get_by_label("Subject")).to_have_value("Seven")
    write(page, "Seven", "Another text.")
    until(lambda: page.evaluate("0") or "Another text." in json.dumps(content(page, seven)), "it is saved")
    assert content(page, seven)["audience"]["file"] is None
    expect(page.get_by_text("list.csv")).to_have_count(0)


def test_an_attachment_on_its_way_comes_to_no_other_draft(composing: Page) -> None:
    page = composing
    seven = another(page, save(page, "Five"), "Seven")
    with held_back(page, "**/api/files"):
        file: FilePayload = {"name": "terms.txt", "mimeType": "text/plain", "buffer": b"Terms"}
        page.locator("input[type=file]").last.set_input_files([file])
        open_draft(page, "Seven")
        expect(page.get_by_label("Subject")).to_have_value("Seven")
    expect(page.get_by_text("terms.txt goes along with nothing")).to_be_visible()
    write(page, "Seven", "Another text.")
    until(lambda: page.evaluate("0") or "Another text." in json.dumps(content(page, seven)), "it is saved")
    assert content(page, seven)["steps"][0]["content"]["attachments"] == []


def test_recipients_that_could_not_be_saved_come_to_no_other_draft(composing: Page) -> None:
    page = composing
    five = save(page, "Five")
    another(page, five, "Seven")
    eight = another(page, five, "Eight")
    open_draft(page, "Seven")
    expect(page.get_by_label("Subject")).to_have_value("Seven")
    lists = re.compile(r"/api/lists(\?|$)")
    page.route(lists, lambda route: route.fulfill(status=422, content_type=PROBLEM, body='{"detail": "Full"}'))
    recipients(page).fill("grace@example.com")
    expect(page.get_by_text("Full")).to_be_visible()
    open_draft(page, "Eight")
    all_the_same(page)
    expect(page.get_by_label("Subject")).to_have_value("Eight")
    expect(recipients(page)).to_have_value("")
    page.unroute(lists)
    write(page, "Eight", "Another text.")
    until(lambda: page.evaluate("0") or "Another text." in json.dumps(content(page, eight)), "it is saved")
    assert content(page, eight)["audience"]["typed"] is None


def test_a_draft_whose_answer_got_lost_is_scheduled_once_although_another_one_was_opened_since(composing: Page) -> None:
    page = composing
    page.add_init_script(LOSE_THE_FIRST_ANSWER)
    another(page, save(page, "Five"), "Seven")
    schedule(page, 1)
    expect(page.get_by_text("unchanged, it is scheduled only once.")).to_be_visible()
    open_draft(page, "Seven")
    expect(page.get_by_label("Subject")).to_have_value("Seven")
    page.reload()
    open_draft(page, "Five")
    expect(page.get_by_label("Subject")).to_have_value("Five")
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    assert len(campaigns(page)) == 1


def test_what_could_not_be_saved_is_not_left_for_another_draft_without_a_word(composing: Page) -> None:
    page = composing
    five = save(page, "Five")
    another(page, five, "Seven")
    there = ask(page, "GET", f"/api/drafts/{five}")
    # Another text: the page would go on from its own, as soon as it looked.
    there["content"]["steps"][0]["content"]["subject"] = "By somebody else"
    ask(page, "PUT", f"/api/drafts/{five}", {"name": "Five", "content": there["content"], "version": there["version"]})
    page.get_by_label("Subject").fill("A long paragraph")
    open_draft(page, "Seven")
    question = page.get_by_role("dialog", name="Open another draft?")
    expect(question).to_contain_text("what was changed since is gone")
    assert_accessible(page)
    question.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_label("Subject")).to_have_value("A long paragraph")
    expect(page.get_by_label("Subject")).to_be_enabled()


def test_nothing_can_be_typed_that_the_draft_which_is_being_opened_would_take_the_place_of(composing: Page) -> None:
    page = composing
    seven = another(page, save(page, "Five"), "Seven")
    with held_back(page, f"**/api/drafts/{seven}"):
        open_draft(page, "Seven")
        expect(page.get_by_label("Subject")).to_be_disabled()
    expect(page.get_by_label("Subject")).to_have_value("Seven")
    expect(page.get_by_label("Subject")).to_be_enabled()


def test_a_draft_is_opened_where_the_browser_has_no_room(composing: Page) -> None:
    page = composing
    another(page, save(page, "Five"), "Seven")
    page.evaluate(WITHOUT_ROOM)
    open_draft(page, "Seven")
    expect(page.get_by_label("Subject")).to_have_value("Seven")


def test_a_draft_that_begins_with_another_text_has_nothing_of_the_one_before(composing: Page) -> None:
    page = composing
    ask(page, "POST", "/api/templates", {"name": "Kept", "subject": "From the template", "body": "Its text."})
    five = save(page, "Five")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_label("Message of the step").fill("Did you see it?")
    page.get_by_role("button", name="Try variants of this text").first.click()
    page.get_by_label("Subject", exact=True).fill("Variant B")
    until(lambda: page.evaluate("0") or "Variant B" in json.dumps(content(page, five)), "it is saved")
    page.reload()
    page.get_by_role("button", name="Start from a template").click()
    page.get_by_role("menuitem", name="Kept").click()
    question = page.get_by_role("dialog", name="Replace what you have written?")
    expect(question).to_contain_text("variants and follow-ups of this draft go")
    expect(question).to_contain_text("Its name, recipients, senders and times stay")
    expect(question).to_contain_text("It stays among the drafts as it is now")
    assert_accessible(page)
    question.get_by_role("button", name="Replace").click()
    expect(page.get_by_label("Subject")).to_have_value("From the template")
    expect(page.get_by_role("list", name="Later steps")).to_have_count(0)
    expect(page.get_by_role("radiogroup", name="Variant")).to_have_count(0)
    expect(recipients(page)).to_have_value("ada@example.com")
    expect(page.get_by_role("button", name="Save as a draft")).to_be_visible()
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    assert [campaign["subject"] for campaign in campaigns(page)] == ["From the template"]
    there = content(page, five)["steps"]
    assert [step["content"]["subject"] for step in there] == ["Five", ""]
    assert [variant["content"]["subject"] for variant in there[0]["variants"]] == ["Variant B"]


def test_write_again_says_that_recipients_go_and_asks_although_the_text_is_empty(composing: Page) -> None:
    page = composing
    recipients(page).fill("ada@example.com")
    write(page, "First", "A text.")
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    campaign = page.url
    page.goto("/compose")
    recipients(page).fill("grace@example.com")
    until(lambda: page.evaluate("0") or "typed" in json.dumps(kept_draft(page)["draft"]), "it is kept")
    page.goto(campaign)
    page.get_by_role("button", name="Write again to").click()
    page.get_by_role("menuitem", name="Everybody").click()
    question = page.get_by_role("dialog", name="Replace what you have written?")
    expect(question).to_contain_text("and its recipients: another list takes their place")
    question.get_by_role("button", name="Keep mine").click()
    expect(recipients(page)).to_have_value("grace@example.com")
    page.goto(campaign)
    page.get_by_role("button", name="Write again to").click()
    page.get_by_role("menuitem", name="Everybody").click()
    question.get_by_role("button", name="Replace").click()
    expect(page.get_by_label("Subject")).to_have_value("First")
    expect(schedule_button(page)).to_have_text("Schedule 1 email")
    schedule_button(page).click()
    expect(page.get_by_role("dialog")).to_contain_text("ada@example.com")
    confirm_sending(page)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))


def test_steps_and_variants_are_added_on_plain_http(composing: Page) -> None:
    page = composing
    page.add_init_script(WITHOUT_RANDOM_UUID)
    page.reload()
    page.get_by_role("button", name="Add a step").click()
    expect(page.get_by_label("Message of the step")).to_be_visible()
    page.get_by_role("button", name="Try variants of this text").first.click()
    expect(page.get_by_label("Share of B")).to_be_visible()
