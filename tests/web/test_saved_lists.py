"""Lists: kept by name, grown by a file, chosen for a campaign; and what is repaired and asked about in the composer."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.browser import NARROW, WIDE, ask, assert_accessible, assert_fits, schedule

PEOPLE = "Name;E-Mail;City\nJiří;jiri@example.com;Praha\nEva;eva@gmial.com;Brno\n".encode("cp1250")


def test_a_list_is_kept_grown_and_written_to(inside: Page) -> None:
    inside.goto("/lists")
    inside.get_by_role("button", name="New list").first.click()
    drawer = inside.get_by_role("dialog")
    drawer.get_by_label("Name").fill("Buyers")
    drawer.get_by_label("Where they come from").fill("The shop")
    drawer.get_by_role("button", name="Save").click()
    row = inside.get_by_role("list", name="Lists").get_by_role("listitem")
    expect(row).to_contain_text("From: The shop")
    row.get_by_role("button", name="Add a file").click()
    inside.locator("input[type=file]").first.set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": PEOPLE}
    )
    expect(drawer.get_by_role("combobox", name="Column with the addresses")).to_have_value("E-Mail")
    expect(drawer.get_by_role("table", name="Columns")).to_contain_text("Jiří")
    drawer.get_by_label("Merge field of City").fill("name")
    expect(drawer.get_by_role("button", name="Add")).to_be_disabled()  # of two columns with one name
    drawer.get_by_label("Merge field of City").fill("abode")
    expect(drawer.get_by_text("1 address probably mistyped")).to_be_visible()
    drawer.get_by_role("button", name="Correct them").click()
    expect(drawer.get_by_text("To be 2 recipients added, 0 updated; 1 repaired.")).to_be_visible()
    assert_accessible(inside)
    drawer.get_by_role("button", name="Add 2 recipients").click()
    expect(row.get_by_role("button", name="Add a file")).to_be_focused()
    expect(inside.get_by_text("2 recipients added, 0 updated; 1 repaired.", exact=True)).to_be_visible()
    expect(row).to_contain_text("2 recipients")
    expect(row).to_contain_text("abode, name")
    assert_accessible(inside)
    inside.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert_fits(inside)
    inside.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})

    inside.goto("/compose")
    inside.get_by_text("Saved list", exact=True).click()
    inside.get_by_role("combobox", name="List", exact=True).click()
    inside.get_by_role("option", name="Buyers").click()
    inside.get_by_role("button", name="Only those whose field").click()
    values = inside.get_by_role("combobox", name="Values of condition 1")
    values.fill("praha")
    values.press("Enter")
    inside.get_by_label("Subject").fill("Hello {{ name }}")
    inside.get_by_label("Message", exact=True).fill("A text.")
    schedule(inside, 1)
    inside.wait_for_url(re.compile(r"/campaigns/\d+"))
    emails = ask(inside, "GET", "/api/emails")["items"]
    assert [email["recipient"] for email in emails] == ["jiri@example.com"]


def test_what_is_repaired_is_said_and_what_looks_mistyped_is_asked_about(inside: Page) -> None:
    inside.goto("/compose")
    inside.get_by_text("File", exact=True).click()
    content = (
        b'Work email,Email\n"a@gmial.com, b@example.com",x@example.com\n'
        b"Jo <jo@example.com>,\nc@example.com,y@example.com\n"
    )
    inside.locator("input[type=file]").first.set_input_files(
        {"name": "list.csv", "mimeType": "text/csv", "buffer": content}
    )
    inside.get_by_label("Subject").fill("Hello")
    inside.get_by_label("Message", exact=True).fill("A text.")
    expect(inside.get_by_text(re.compile("^Of the first rows, .* in “Email”"))).to_be_visible()
    repaired = inside.get_by_role("region", name="Repaired")
    expect(repaired).to_contain_text("2 entries repaired")
    expect(repaired).to_contain_text("the first of 2 addresses taken")
    mistyped = inside.get_by_role("region", name="Probably mistyped")
    expect(mistyped).to_contain_text("gmial.com: is gmail.com meant?")
    mistyped.get_by_role("button", name="Correct them").click()
    expect(mistyped).to_have_count(0)
    expect(repaired).to_contain_text("3 entries repaired")
    repaired.get_by_role("button", name="Take the other addresses").click()
    inside.get_by_role("button", name="Schedule 4 emails").wait_for()
    inside.get_by_role("combobox", name="Column with the addresses").click()
    inside.get_by_role("option", name="Email", exact=True).click()
    inside.get_by_role("button", name="Schedule 2 emails").wait_for()  # and no name that is taken holds it up
    inside.get_by_role("combobox", name="Encoding").click()
    inside.get_by_role("option", name="Windows-1251").click()
    expect(inside.get_by_text("3 rows, Windows-1251.")).to_be_visible()


def test_saving_what_a_list_is_called_undoes_nothing_that_somebody_else_changed_meanwhile(inside: Page) -> None:
    kept = ask(inside, "POST", "/api/saved-lists", {"name": "Readers"})["id"]
    inside.goto("/lists")
    inside.get_by_role("button", name="Edit").click()
    ask(inside, "PATCH", f"/api/saved-lists/{kept}", {"purpose": "The letter of spring"})
    inside.get_by_label("Name", exact=True).fill("Our readers")
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_text("Our readers is saved.")).to_be_visible()
    (after,) = ask(inside, "GET", "/api/saved-lists")["items"]
    assert (after["name"], after["purpose"]) == ("Our readers", "The letter of spring")


def test_what_is_written_about_a_list_is_dropped_only_once_that_was_confirmed(inside: Page) -> None:
    inside.goto("/lists")
    inside.get_by_role("button", name="New list").first.click()
    drawer = inside.get_by_role("dialog", name="New list")
    name = drawer.get_by_label("Name")
    name.fill("Customers")
    question = inside.get_by_role("dialog", name="Leave what you have changed?")
    inside.keyboard.press("Escape")
    question.get_by_role("button", name="Stay here").click()
    for _ in range(2):
        expect(name).to_be_focused()
        inside.keyboard.press("Escape")
        expect(question).to_be_visible()
        inside.keyboard.press("Escape")  # is an answer, and asks nothing again
        expect(question).to_have_count(0)
    expect(drawer.get_by_label("Name")).to_have_value("Customers")
    drawer.get_by_role("button", name="Cancel").click()
    question.get_by_role("button", name="Leave").click()
    expect(drawer).to_have_count(0)
    inside.get_by_role("button", name="New list").first.click()
    expect(drawer.get_by_label("Name")).to_have_value("")
    inside.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
