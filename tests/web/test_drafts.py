"""Compose: nothing is lost on the way, nothing is sent twice, and nobody gets what was meant for others."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, Request, expect

from tests.support.browser import PASSWORD, ask, assert_accessible, schedule
from tests.support.composer import (
    campaigns,
    choose,
    held_back,
    kept_draft,
    preview,
    recipients,
    schedule_button,
    write,
)
from tests.support.service import until

# The campaign is scheduled, but the page never hears of it.
LOSE_THE_FIRST_ANSWER = """
const real = window.fetch;
window.fetch = async (input, init) => {
  const answer = await real(input, init);
  if (input.url?.endsWith("/api/campaigns/schedule") && !sessionStorage.getItem("lost")) {
    sessionStorage.setItem("lost", "yes");
    throw new TypeError("the connection is gone");
  }
  return answer;
};
"""


NOTE_WHAT_IS_SENT = """
const fetchIt = window.fetch;
window.sent = [];
window.fetch = async (input, init) => {
  if (input.method === "POST") sent.push([new URL(input.url).pathname, await input.clone().text()]);
  return fetchIt(input, init);
};
"""


def test_a_draft_and_its_file_survive_a_reload(composing: Page) -> None:
    page = composing
    choose(page, "list.csv", b"email,Town\nada@example.com,London\n")
    write(page, "Kept", "From {{ town }}")
    expect(preview(page)).to_contain_text("From London")
    page.reload()
    expect(page.get_by_text("Draft restored")).to_be_visible()
    expect(page.get_by_label("Subject")).to_have_value("Kept")
    expect(page.get_by_text("list.csv")).to_be_visible()
    expect(preview(page)).to_contain_text("From London")
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Discard the draft").click()
    expect(page.get_by_label("Subject")).to_have_value("")
    page.reload()
    page.get_by_label("Subject").wait_for()
    expect(page.get_by_text("Draft restored")).to_have_count(0)


def test_a_session_that_ends_while_composing_loses_nothing(composing: Page) -> None:
    page = composing
    recipients(page).fill("ada@example.com")
    write(page, "Before", "A text.")
    page.get_by_role("button", name="Schedule 1 email").click()
    button = page.get_by_role("button", name="Send 1 email").element_handle()
    page.context.clear_cookies()
    button.evaluate("button => button.click()")  # whatever the page asks for meanwhile
    dialog = page.get_by_role("dialog", name="Log in again")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    assert [campaign["subject"] for campaign in campaigns(page)] == ["Before"]


def test_who_has_logged_in_again_writes_on_where_they_were(composing: Page) -> None:
    page = composing
    write(page, "Before", "A text.")
    people = recipients(page)
    people.focus()  # before the draft, which is kept in a moment, finds the session gone
    page.context.clear_cookies()
    people.fill("ada@example.com")  # what becomes of them is asked for
    dialog = page.get_by_role("dialog", name="Log in again")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog).to_have_count(0)
    expect(people).to_be_focused()
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_enabled()


def test_an_answer_that_got_lost_and_a_second_click_send_nothing_twice(composing: Page) -> None:
    page = composing
    keys: list[str | None] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/campaigns/schedule"):
            keys.append(request.headers.get("idempotency-key"))

    page.on("request", note)
    page.add_init_script(LOSE_THE_FIRST_ANSWER)
    page.reload()
    recipients(page).fill("ada@example.com")
    write(page, "Once", "A text.")
    page.get_by_role("button", name="Schedule 1 email").click()
    page.get_by_role("button", name="Send 1 email").dblclick()
    expect(page.get_by_text("unchanged, it is scheduled only once.")).to_be_visible()
    page.reload()
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert len(campaigns(page)) == 1


def test_it_is_sent_from_the_mailbox_that_was_chosen_although_senders_are_still_read(composing: Page) -> None:
    page = composing
    nobody = {"host": "127.0.0.1", "port": 9, "security": "none"}
    second = ask(page, "POST", "/api/senders", {"email": "second@example.com", **nobody})["id"]
    page.reload()
    page.get_by_role("combobox", name="From").click()
    page.get_by_role("option", name="second@example.com").click()
    recipients(page).fill("ada@example.com")
    write(page, "From the second", "A text.")
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_enabled()
    until(lambda: "From the second" in json.dumps(kept_draft(page)), "the draft is kept")

    with held_back(page, re.compile(r"/api/senders\?")):
        page.reload()
        expect(page.get_by_label("Subject")).to_have_value("From the second")
        page.get_by_label("Subject").press("Enter")
        expect(schedule_button(page)).to_be_disabled()
        page.get_by_role("button", name="To Schedule").press("Enter")
        expect(page.get_by_role("region", name="Scheduling")).to_be_focused()
        expect(page.get_by_role("button", name="Send a test to myself")).to_be_disabled()
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    assert [campaign["senderId"] for campaign in campaigns(page)] == [second]


def test_a_draft_that_another_tab_scheduled_does_not_come_back(composing: Page) -> None:
    first = composing
    recipients(first).fill("ada@example.com")
    write(first, "Only once", "A text.")
    expect(first.get_by_role("button", name="Schedule 1 email")).to_be_enabled()
    until(lambda: "Only once" in json.dumps(kept_draft(first)), "the draft is kept")

    second = first.context.new_page()
    second.goto("/compose")
    schedule(second, 1)
    second.wait_for_url(re.compile(r"/campaigns/\d+$"))
    expect(first.get_by_label("Subject")).to_have_value("")
    expect(first.get_by_text("scheduled or discarded in another tab")).to_be_visible()
    first.goto("/compose")
    expect(first.get_by_label("Subject")).to_have_value("")
    second.goto("/compose")
    expect(second.get_by_label("Subject")).to_have_value("")
    assert len(campaigns(second)) == 1


def test_a_draft_of_the_workspace_goes_as_it_is_scheduled_unless_somebody_else_went_on_with_it(composing: Page) -> None:
    page = composing
    recipients(page).fill("ada@example.com")
    write(page, "Ours", "A text.")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_text("“Ours” is saved for the workspace.")).to_be_visible()
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    until(lambda: page.evaluate("0") or not ask(page, "GET", "/api/drafts")["items"], "the draft is removed")

    page.goto("/compose")
    expect(page.get_by_label("Subject")).to_have_value("")
    recipients(page).fill("ada@example.com")
    write(page, "Mine", "A text.")
    page.get_by_role("button", name="Save as a draft").click()
    expect(page.get_by_text("“Mine” is saved for the workspace.")).to_be_visible()
    (draft,) = ask(page, "GET", "/api/drafts")["items"]
    path = f"/api/drafts/{draft['id']}"
    theirs = {"name": "Theirs", "content": {}, "version": draft["version"]}
    assert ask(page, "PUT", path, theirs)["version"] == draft["version"] + 1
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    expect(page.get_by_text("Its draft stays among the drafts")).to_be_visible()
    assert ask(page, "GET", path)["name"] == "Theirs"
    page.goto("/compose")
    expect(page.get_by_label("Subject")).to_have_value("")
    page.get_by_role("button", name="Drafts").click()
    expect(page.get_by_role("menuitem", name="Theirs")).to_be_visible()

    def delete(name: str) -> None:
        page.get_by_role("button", name=f"Delete the draft {name}").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete the draft").click()

    theirs["name"] = "Their latest"
    theirs["version"] += 1
    assert ask(page, "PUT", path, theirs)["version"] == theirs["version"] + 1
    delete("Theirs")  # of what the menu shows, which is older
    expect(page.get_by_text("The draft is still there")).to_be_visible()
    assert ask(page, "GET", path)["version"] == theirs["version"] + 1
    page.get_by_role("button", name="Drafts").click()
    delete("Their latest")  # once the menu, which is read anew after the refusal, shows it
    until(lambda: page.evaluate("0") or not ask(page, "GET", "/api/drafts")["items"], "the draft is removed")


def test_the_button_never_names_the_plan_of_other_recipients(composing: Page) -> None:
    page = composing
    recipients(page).fill("\n".join(f"reader{n}@example.com" for n in range(30)))
    write(page, "News", "Hello")
    expect(page.get_by_role("button", name="Schedule 30 emails")).to_be_visible()
    with held_back(page, "**/api/campaigns/preview"):
        recipients(page).fill("ada@example.com")
        expect(schedule_button(page)).to_have_text("Schedule")
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_visible()


def test_what_is_confirmed_is_the_plan_of_the_very_text(composing: Page) -> None:
    page = composing
    people = "".join(f"reader{n}@example.com,{'x' * (990 if n in {1, 2} else 3)}\n" for n in range(5))
    choose(page, "list.csv", f"email,name\n{people}".encode())
    write(page, "Hi {{ name }}", "Hello")
    expect(page.get_by_role("button", name="Schedule 5 emails")).to_be_visible()
    page.get_by_label("Subject").fill("Good morning {{ name }}")
    page.get_by_label("Message", exact=True).fill("Hello you")
    schedule_button(page).click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("button", name="Send 3 emails")).to_be_enabled()
    expect(sheet.get_by_role("table", name="Who is left out").get_by_role("row")).to_have_count(3)  # with the head
    sheet.get_by_role("button", name="Back to the draft").click()
    # A word of a text without fields changes no plan; it is made anew all the same before it is confirmed.
    with page.expect_request("**/api/campaigns/preview"):
        page.get_by_label("Message", exact=True).fill("Hello all of you")
        page.get_by_role("button", name="Schedule 3 emails").click()
    expect(sheet.get_by_role("button", name="Send 3 emails")).to_be_enabled()
    # Meanwhile somebody asks for no more mail.
    ask(page, "POST", "/api/suppressions", {"emails": ["reader4@example.com"]})
    sheet.get_by_role("button", name="Send 3 emails").click()
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    told = page.get_by_role("dialog", name="2 emails scheduled, not 3")
    expect(told).to_contain_text("1 fewer than you confirmed")
    expect(told.get_by_role("table", name="Left out").get_by_role("row").last).to_contain_text("reader4@example.com")
    assert_accessible(page)


def test_recipients_are_uploaded_once_and_nothing_of_them_stays_in_the_browser(composing: Page) -> None:
    page = composing
    page.add_init_script(NOTE_WHAT_IS_SENT)
    page.reload()
    choose(page, "list.csv", b"email,Town\nada@example.com,London\n")
    write(page, "Once", "From {{ town }}")
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_visible()
    page.get_by_text("Type or paste", exact=True).click()
    recipients(page).fill("Grace <grace@example.com>\nnobody, nobody")
    write(page, "Once", "Hello")
    expect(page.get_by_text("2 entries left out")).to_be_visible()
    left_out = page.get_by_role("table", name="Left out").get_by_role("row")
    expect(left_out).to_have_count(3)  # with the head: what is no address is no duplicate either
    sent: list[tuple[str, str]] = page.evaluate("sent")
    lists = [body for path, body in sent if path == "/api/lists"]
    assert [sum(address in body for body in lists) for address in ("ada@", "grace@")] == [1, 1]
    plans = [body for path, body in sent if path == "/api/campaigns/preview"]
    assert len(plans) >= 2
    assert not [body for body in plans if "@" in body]

    page.reload()
    expect(recipients(page)).to_have_value("Grace <grace@example.com>\nnobody\nnobody")
    kept = page.evaluate("async () => [JSON.stringify({...localStorage}), await indexedDB.databases()]")
    assert "@" not in kept[0]
    assert kept[1] == []


def test_recipients_of_a_draft_go_when_one_of_them_is_erased(composing: Page) -> None:
    page = composing
    recipients(page).fill("Ada <ada@example.com>\nGrace <grace@example.com>")
    write(page, "News", "Hello")
    expect(page.get_by_role("button", name="Schedule 2 emails")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("heading", name="Settings", level=1).wait_for()
    assert ask(page, "POST", "/api/recipients/erase", {"email": "ada@example.com"})["lists"] == 1
    page.goto("/compose")
    expect(page.get_by_text("What was typed here is no longer kept")).to_be_visible()
    expect(page.get_by_label("Subject")).to_have_value("News")
    recipients(page).fill("grace@example.com")
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_visible()
