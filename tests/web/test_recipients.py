"""One recipient's page, whom nothing is sent to, and who is left out of a campaign as written to before."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import NARROW, WIDE, ask, assert_accessible, assert_fits, confirm_sending

ADA = "ada.lovelace@example.com"
TEXT = {"subject": "Hello", "body": "A text."}


def schedule(page: Page, name: str, *recipients: str, **more: Any) -> int:
    body = TEXT | {"name": name, "recipients": recipients} | more
    return ask(page, "POST", "/api/campaigns/schedule", body)["campaign"]["id"]


def assert_right_on_every_screen(page: Page) -> None:
    assert_accessible(page)
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert_fits(page)
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})


def test_a_recipient_is_found_from_anywhere_and_has_everything_on_a_page(inside: Page) -> None:
    schedule(inside, "Autumn catalogue", ADA, startTime="2090-03-01T09:00:00Z")
    schedule(inside, "Invitation", ADA, "bob@example.com", startTime="2090-02-01T09:00:00Z")
    inside.goto("/senders")
    inside.get_by_role("heading", name="Senders", level=1).wait_for()
    inside.keyboard.press("/")
    find = inside.get_by_role("searchbox", name="Find a recipient")
    expect(find).to_be_focused()
    find.press_sequentially("lovelace/")  # the key is a letter like any other now
    expect(find).to_have_value("lovelace/")
    find.fill("LOVELACE")
    find.press("Enter")
    inside.get_by_role("list", name="Recipients").get_by_role("link", name=ADA).click()

    expect(inside.get_by_role("heading", level=1)).to_have_text(ADA)
    assert inside.title() == "Recipient · ReachInbox"  # a browser's history keeps titles
    expect(inside.get_by_text("2 emails from this workspace. Next: Invitation, planned for")).to_be_visible()
    emails = inside.get_by_role("list", name="Emails").get_by_role("listitem")
    expect(emails).to_have_count(2)
    expect(emails.nth(0)).to_contain_text("Autumn catalogue")
    assert_right_on_every_screen(inside)
    emails.nth(1).get_by_role("link", name="Invitation").click()
    inside.get_by_role("link", name=ADA).click()
    expect(emails).to_have_count(2)


def test_they_are_suppressed_and_allowed_again_with_a_word_why(inside: Page) -> None:
    campaign_id = schedule(inside, "Autumn catalogue", ADA, "bob@example.com", startTime="2090-03-01T09:00:00Z")
    inside.goto(f"/recipients?email={ADA}")
    inside.get_by_role("button", name="Send them nothing more").click()
    inside.get_by_role("dialog").get_by_role("button", name="Send nothing more").click()
    expect(inside.get_by_text("1 address or domain suppressed; 1 email cancelled.")).to_be_visible()
    alert = inside.get_by_role("alert").filter(has_text="Nothing is sent to them")
    expect(alert).to_contain_text("A member of the workspace said so")
    expect(inside.get_by_role("list", name="Emails")).to_contain_text("Suppressed")
    expect(inside.get_by_text("Nothing waits for them.")).to_be_visible()
    assert_right_on_every_screen(inside)

    inside.goto(f"/campaigns/{campaign_id}")
    expect(inside.get_by_text("Cancelled: 1 for suppressed recipients.")).to_be_visible()

    inside.goto(f"/recipients?email={ADA}")
    inside.get_by_role("button", name=f"Allow again: {ADA}").click()
    dialog = inside.get_by_role("dialog")
    dialog.get_by_role("button", name="Allow again").click()
    expect(dialog.get_by_text("Say why they may be written to again.")).to_be_visible()
    dialog.get_by_label("Why").fill("asked us to go on")
    dialog.get_by_role("button", name="Allow again").click()
    expect(inside.get_by_role("button", name="Send them nothing more")).to_be_visible()


def test_an_email_that_waits_is_stopped_and_other_campaigns_go_on(inside: Page) -> None:
    schedule(inside, "Autumn catalogue", ADA, startTime="2090-03-01T09:00:00Z")
    schedule(inside, "Invitation", ADA, startTime="2090-02-01T09:00:00Z")
    inside.goto("/scheduled")
    inside.get_by_role("link", name="All to this recipient").first.click()
    inside.get_by_role("button", name="Stop Invitation").click()
    inside.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    emails = inside.get_by_role("list", name="Emails").get_by_role("listitem")
    expect(emails.filter(has_text="Invitation")).to_contain_text("Stopped")
    expect(emails.filter(has_text="Autumn catalogue")).to_contain_text("Scheduled")
    expect(inside.get_by_text("Next: Autumn catalogue, planned for")).to_be_visible()
    emails.filter(has_text="Invitation").get_by_role("link").click()
    expect(inside.get_by_text("A person stopped it for this recipient. It was not sent.")).to_be_visible()


def test_an_owner_says_when_campaigns_to_dead_addresses_pause_themselves(inside: Page) -> None:
    inside.goto("/settings?section=members")
    panel = inside.get_by_role("region", name="Addresses that do not exist")
    expect(panel.get_by_label("Beyond")).to_have_value("5 %")
    panel.get_by_label("Beyond").fill("12")
    panel.get_by_role("button", name="Save").click()
    expect(inside.get_by_text("Campaigns pause themselves beyond 12 %.")).to_be_visible()
    panel.get_by_role("switch", name="Pause such campaigns").uncheck()
    panel.get_by_role("button", name="Save").click()
    expect(inside.get_by_text("Campaigns no longer pause themselves for that.")).to_be_visible()
    (workspace,) = ask(inside, "GET", "/api/workspaces")
    assert workspace["bounceLimit"] is None


def test_somebody_never_written_to_has_a_page_and_what_is_no_address_is_looked_for(inside: Page) -> None:
    inside.goto("/recipients?email=nobody@example.com")
    expect(inside.get_by_text("Never written to from this workspace.")).to_be_visible()
    expect(inside.get_by_role("heading", name="No email yet")).to_be_visible()
    inside.goto("/recipients?email=a@@example.com")
    expect(inside.get_by_role("heading", name="Nobody is found")).to_be_visible()
    inside.goto("/recipients?email=a..b@example.com")  # looks like one, and is none
    expect(inside.get_by_role("alert")).to_be_visible()
    inside.goto("/recipients")
    expect(inside.get_by_role("heading", name="Whom do you look for?")).to_be_visible()
    assert_right_on_every_screen(inside)


def test_what_is_kept_of_somebody_is_erased_from_their_page(inside: Page) -> None:
    schedule(inside, "Autumn catalogue", ADA, startTime="2090-03-01T09:00:00Z")
    inside.goto(f"/recipients?email={ADA}")
    with inside.expect_download() as saved:
        inside.get_by_role("button", name="Download everything kept").click()
    assert saved.value.suggested_filename == "recipient.json"
    inside.get_by_role("button", name="Erase").click()
    inside.get_by_role("dialog").get_by_role("button", name="Erase for good").click()
    expect(inside.get_by_text(f"{ADA} is erased")).to_be_visible()
    expect(inside.get_by_text("Never written to from this workspace.")).to_be_visible()


def test_who_is_suppressed_is_listed_added_sought_and_counted(inside: Page) -> None:
    inside.goto("/suppressed")
    expect(inside.get_by_role("heading", name="Nobody is suppressed")).to_be_visible()
    assert_accessible(inside)
    inside.get_by_role("button", name="Add").first.click()
    drawer = inside.get_by_role("dialog")
    drawer.get_by_label("Addresses and domains").fill("ada@example.com, bob@example.com\n*@example.org nonsense")
    drawer.get_by_label("Note").fill("the old tool")
    drawer.get_by_role("button", name="Send them nothing more").click()
    expect(drawer.get_by_text("nonsense: This is no domain")).to_be_visible()
    drawer.get_by_label("Addresses and domains").fill("ada@example.com, bob@example.com\n*@example.org")
    drawer.get_by_role("button", name="Send them nothing more").click()
    expect(inside.get_by_text("3 addresses and domains suppressed.")).to_be_visible()
    rows = inside.get_by_role("list", name="Suppressed").get_by_role("listitem")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="All of example.org")).to_contain_text("the old tool")

    inside.get_by_role("button", name="Add").first.click()
    file = {"name": "old.csv", "mimeType": "text/csv", "buffer": b"email,reason\ncy@example.com,UNSUBSCRIBED\nno,\n"}
    with inside.expect_file_chooser() as chooser:
        drawer.get_by_role("button", name="Or a file").click()
    chooser.value.set_files(file)
    drawer.get_by_role("button", name="Send them nothing more").click()
    expect(inside.get_by_text("1 row is not understood")).to_be_visible()
    expect(rows).to_have_count(4)
    inside.get_by_role("group", name="Reason").get_by_role("button", name="Unsubscribed 1").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("cy@example.com")
    inside.get_by_role("group", name="Reason").get_by_role("button", name="All 4").click()
    ask(inside, "POST", "/api/suppressions", {"emails": ["dora@example.net"], "reason": "BOUNCED"})
    inside.goto("/suppressed?reason=BOUNCED")
    expect(rows).to_contain_text("dora@example.net")
    inside.get_by_role("button", name="Allow many again").click()
    dialog = inside.get_by_role("dialog", name="Write to many again?")
    dialog.get_by_label("Why").fill("a relay refused all")
    dialog.get_by_role("button", name="Allow again").click()
    expect(dialog.get_by_text("Say since when, or of which campaign.")).to_be_visible()
    dialog.get_by_label("Since").fill("2026-01-01T00:00")
    dialog.get_by_role("button", name="Allow again").click()
    expect(inside.get_by_text("1 address or domain may be written to again.")).to_be_visible()
    inside.get_by_role("group", name="Reason").get_by_role("button", name="All 4").click()
    inside.get_by_role("textbox", name="Address or domain").fill("example.org")
    expect(rows).to_have_count(1)
    with inside.expect_download() as saved:
        inside.get_by_role("link", name="CSV").click()
    assert b"*@example.org,MANUAL" in saved.value.path().read_bytes()
    assert_right_on_every_screen(inside)

    rows.get_by_role("button", name="Allow again").click()
    inside.get_by_role("dialog").get_by_label("Why").fill("a mistake")
    inside.get_by_role("dialog").get_by_role("button", name="Allow again").click()
    expect(inside.get_by_role("heading", name="None of these")).to_be_visible()


def test_the_composer_says_who_is_left_out_and_why(inside: Page) -> None:
    ask(inside, "POST", "/api/suppressions", {"emails": ["ada@example.com"], "reason": "UNSUBSCRIBED"})
    schedule(inside, "Autumn catalogue", "bob@example.com", "dee@example.com", startTime="2090-03-01T09:00:00Z")
    inside.goto("/compose")
    inside.get_by_label("Addresses").fill("ada@example.com\nbob@example.com\ncy@example.com\ncy@example.com")
    inside.get_by_label("Subject").fill("Hello")
    inside.get_by_label("Message", exact=True).fill("A text.")
    inside.get_by_role("button", name="Schedule 2 emails").wait_for()
    inside.get_by_role("button", name="Leave out who was written to before").click()
    inside.get_by_label("Not if written to in the last … days").fill("30")
    inside.get_by_role("combobox", name="Not if among the recipients of").click()
    inside.get_by_role("option", name="Autumn catalogue").click()
    inside.keyboard.press("Escape")
    inside.get_by_role("button", name="Schedule 1 email").wait_for()
    left_out = inside.get_by_role("region", name="Left out")
    expect(left_out).to_contain_text("Unsubscribed on")
    expect(left_out).to_contain_text("Is in “Autumn catalogue”.")
    expect(inside.get_by_text("3 entries left out")).to_be_visible()
    assert_right_on_every_screen(inside)
    inside.reload()
    inside.get_by_role("button", name="Schedule 1 email").wait_for()  # the draft keeps what was chosen
    inside.get_by_role("button", name="Schedule 1 email").click()
    confirm_sending(inside)
    inside.wait_for_url(re.compile(r"/campaigns/\d+"))
    emails = ask(inside, "GET", "/api/emails?status=SENT")["items"]
    assert "ada@example.com" not in [each["recipient"] for each in emails]


def test_a_pause_in_an_address_narrows_the_list_and_enter_opens_a_person(inside: Page) -> None:
    schedule(inside, "Autumn catalogue", ADA, "ada.lovelace@example.co", startTime="2090-03-01T09:00:00Z")
    inside.goto("/recipients")
    field = inside.get_by_role("textbox", name="Address or a part of one")
    found = inside.get_by_role("list", name="Recipients").get_by_role("listitem")
    field.press_sequentially("ada.lovelace@example.co")
    expect(found).to_have_count(2)
    expect(field).to_be_focused()
    inside.keyboard.type("m")
    expect(found).to_have_count(1)
    inside.keyboard.press("Enter")
    expect(inside.get_by_role("heading", level=1)).to_have_text(ADA)
    inside.go_back()
    expect(found).to_have_count(1)
    expect(field).to_have_value(ADA)
    field.press("Enter")
    expect(inside.get_by_role("heading", level=1)).to_have_text(ADA)

    inside.goto("/recipients")
    field.fill("a..b@example.com")
    field.press("Enter")
    expect(inside.get_by_role("alert")).to_be_visible()
    expect(field).to_be_focused()  # it was not there while that was asked about
    inside.keyboard.press("End")
    inside.keyboard.type("m")
    expect(inside.get_by_role("alert")).to_have_count(0)
    expect(field).to_be_focused()


def test_names_to_suppress_are_dropped_only_once_that_was_confirmed_and_go_in_one_way(inside: Page) -> None:
    inside.goto("/suppressed")
    inside.get_by_role("button", name="Add").first.click()
    drawer = inside.get_by_role("dialog", name="Send them nothing more")
    names = drawer.get_by_label("Addresses and domains")
    names.fill("ada@example.com")
    question = inside.get_by_role("dialog", name="Leave what you have changed?")
    inside.keyboard.press("Escape")
    question.get_by_role("button", name="Stay here").click()
    expect(names).to_be_focused()
    inside.mouse.click(20, 400)
    question.get_by_role("button", name="Stay here").click()
    expect(question).to_have_count(0)
    expect(names).to_have_value("ada@example.com")

    with inside.expect_file_chooser() as chooser:
        drawer.get_by_role("button", name="Or a file").click()
    chooser.value.set_files({"name": "old.csv", "mimeType": "text/csv", "buffer": b"email\nbob@example.com\n"})
    drawer.get_by_role("button", name="Send them nothing more").click()
    expect(drawer.get_by_text("Not both at once")).to_be_visible()
    assert_accessible(inside)
    assert ask(inside, "GET", "/api/suppressions")["items"] == []
    drawer.get_by_role("button", name="No file").click()
    drawer.get_by_role("button", name="Send them nothing more").click()
    expect(inside.get_by_text("1 address or domain suppressed.")).to_be_visible()
    expect(drawer).to_have_count(0)


def test_the_navigation_of_a_narrow_screen_gives_way_to_whom_it_has_found(inside: Page) -> None:
    inside.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    inside.goto("/recipients?email=ada@example.com")
    inside.get_by_role("button", name="Navigation").click()
    find = inside.get_by_role("dialog").get_by_role("searchbox", name="Find a recipient")
    find.fill("bob@example.com")
    find.press("Enter")
    expect(inside.get_by_role("dialog")).to_have_count(0)
    expect(inside.get_by_role("heading", level=1)).to_have_text("bob@example.com")
