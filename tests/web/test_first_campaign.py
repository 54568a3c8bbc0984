"""Compose: from an account made a minute ago to a campaign that is on its way, with nothing lost on the way there."""

from __future__ import annotations

import csv
import re
import uuid

from playwright.sync_api import Browser, Page, expect

from tests.support.browser import (
    NARROW,
    ask,
    assert_accessible,
    editor,
    join,
    open_page,
    register,
    schedule,
    selects,
)
from tests.support.composer import campaigns, choose, in_sandbox, preview, recipients, schedule_button, write
from tests.support.service import Service, until

# As a spreadsheet in Germany saves it: semicolons, Windows-1252, no column called "email", and much that is wrong.
BROKEN = (
    'Vorname;Kontakt;Firma\nAda;ada@example.com;"Lovelace; Söhne"\nGrace;grace@example.com;Navy\n\n'
    "Niemand;keine Adresse;\nAda noch einmal;ADA@example.com;\nLeer;;X\nZu viel;z@example.com;a;b\n"
).encode("cp1252")


def test_from_register_to_twenty_emails_in_the_sandbox(page: Page, email: str) -> None:
    register(page, email)
    page.get_by_role("link", name="New campaign").first.click()
    people = [f"reader{n}.{email}" for n in range(20)]
    recipients(page).fill("\n".join(f"Reader {n} <{address}>" for n, address in enumerate(people)))
    page.get_by_label("Subject").fill("News for ")
    page.get_by_role("button", name="Insert name").click()
    expect(page.get_by_label("Subject")).to_have_value("News for {{ name }}")
    page.get_by_label("Message", exact=True).fill("Hello ")
    page.get_by_label("Where a field is empty, write").fill("there")
    page.get_by_role("button", name="Insert name").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value('Hello {{ name | default: "there" }}')

    expect(preview(page)).to_contain_text("News for Reader 0")
    page.get_by_role("button", name="Next recipient").click()
    expect(preview(page)).to_contain_text("Hello Reader 1")
    expect(page.get_by_text("20 emails leave now, within a minute.")).to_be_visible()
    schedule(page, 20)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    expect(page.get_by_text("20 emails scheduled.")).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("What counts as sent here stayed on this machine.")
    expect(page.get_by_role("link", name="Connect a mailbox")).to_be_visible()

    received = until(lambda: in_sandbox(page, 20), "all are received")
    assert {message["envelopeTo"][0] for message in received} == set(people)
    assert {message["subject"] for message in received} == {f"News for Reader {n}" for n in range(20)}
    page.get_by_role("link", name="Sandbox inbox").first.click()
    inbox = page.get_by_role("list", name="Messages").get_by_role("link")
    expect(inbox).to_have_count(20)
    for address in people[:2]:
        expect(inbox.filter(has_text=address)).to_have_count(1)
    page.goto("/compose")
    expect(page.get_by_label("Subject")).to_have_value("")


def test_what_is_scheduled_is_confirmed_first_and_the_way_there_is_on_screen(composing: Page) -> None:
    page = composing
    choose(page, "list.csv", b"email,firma\nada@example.com,Lovelace\ngrace@example.com,\nno address,x\n")
    write(page, "An offer for {{ firma }}", "Hello")
    button = page.get_by_role("button", name="Schedule 1 email")
    for width, height in ((1280, 800), NARROW):
        page.set_viewport_size({"width": width, "height": height})
        page.get_by_label("Subject").scroll_into_view_if_needed()
        expect(button).to_be_in_viewport(ratio=1)
        button.click()
        sheet = page.get_by_role("dialog", name="Ready to send?")
        expect(sheet).to_contain_text("1 email leaves now.")
        for name, value in {
            "First to": "ada@example.com",
            "Held back": "By nothing.",
            "Blank fields": "1 recipient has no firma: left out.",
            "Links": "Nothing is wrong with their form.",
        }.items():
            expect(sheet.get_by_text(name, exact=True).locator("xpath=following-sibling::dd")).to_have_text(value)
        expect(sheet.get_by_role("note")).to_contain_text("All of it stays on this machine.")
        expect(sheet.get_by_role("table", name="Who is left out")).to_contain_text("no address")
        assert_accessible(page)
        sheet.get_by_role("button", name="Back to the draft").click()
        expect(sheet).to_have_count(0)
    assert campaigns(page) == []

    page.get_by_role("button", name="Add a step").click()
    page.get_by_label("Message of the step").fill("See bit.ly/offer")
    button.click()
    expect(sheet.get_by_role("status").filter(has_text="Before you send step 2")).to_contain_text("shortens addresses")
    page.get_by_role("button", name="Send 1 email").click()
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))


def test_a_delay_typed_key_by_key_is_the_delay(composing: Page) -> None:
    delay = composing.get_by_label("Delay between emails")
    delay.click()
    delay.press_sequentially("30")
    expect(composing.get_by_text("One every 30 seconds.")).to_be_visible()
    delay.press("Control+a")
    delay.press_sequentially("1.5")
    expect(composing.get_by_text("One every 1.5 seconds.")).to_be_visible()


def test_who_is_left_out_is_known_before_there_is_a_text(composing: Page) -> None:
    recipients(composing).fill("ada@example.com\nADA@example.com\nnobody")
    counts = composing.get_by_label("Recipients", exact=True)
    for name, n in {"Accepted": "1", "Duplicates": "1", "Rejected": "1"}.items():
        expect(counts.get_by_text(name).locator("xpath=following-sibling::dd")).to_have_text(n)
    expect(composing.get_by_text("2 entries left out")).to_be_visible()
    expect(composing.get_by_text("Still to come: a subject, a text.")).to_be_visible()
    expect(schedule_button(composing)).to_have_text("Schedule")


def test_nothing_is_promised_of_a_mailbox_that_is_held_back(composing: Page) -> None:
    page = composing
    nobody = {"host": "127.0.0.1", "port": 9, "security": "none"}
    sender = ask(page, "POST", "/api/senders", {"email": f"held.{uuid.uuid4().hex}@example.com", **nobody})
    letter = {"senderId": sender["id"], "subject": "Hello", "body": "Hello.", "recipients": ["a@example.com"]}
    ask(page, "POST", "/api/campaigns/schedule", letter)
    read = lambda: ask(page, "GET", "/api/senders")["items"]  # noqa: E731
    until(lambda: any(each["blockedUntil"] for each in read()), "the sender is held back")
    page.reload()
    recipients(page).fill("ada@example.com")
    write(page, "News", "Hello.")
    page.get_by_role("combobox", name="From").click()
    page.get_by_role("option", name=sender["email"]).click()
    page.keyboard.press("Escape")
    said = "once the mailbox is held back no more."
    expect(page.get_by_text(f"Begins {said}")).to_be_visible()
    expect(page.get_by_text(f"1 email leaves {said}")).to_be_visible()
    page.get_by_role("button", name="Schedule 1 email").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text(f"1 email leaves {said}")
    held = sheet.get_by_text("Held back", exact=True).locator("xpath=following-sibling::dd")
    expect(held).to_contain_text(f"{sender['email']} is held back until")
    expect(page.get_by_text("leaves now")).to_have_count(0)


def test_the_plan_of_other_recipients_is_not_shown(composing: Page) -> None:
    page = composing
    recipients(page).fill("\n".join(f"reader{n}@example.com" for n in range(30)))
    write(page, "News", "Hello")
    expect(page.get_by_role("button", name="Schedule 30 emails")).to_be_visible()
    page.get_by_role("link", name="Senders").first.click()
    page.get_by_role("heading", name="Senders", level=1).wait_for()
    page.go_back()
    recipients(page).fill("ada@example.com")
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_visible()


def test_a_very_long_list_that_is_pasted_is_read_as_a_file(composing: Page) -> None:
    """Twenty thousand lines in a text area keep a browser busy for minutes."""
    page = composing
    recipients(page).focus()
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          const lines = Array.from({ length: 20000 }, (_, n) => `Reader ${n} <reader${n}@example.com>`);
          data.setData("text/plain", lines.join("\\n"));
          const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
          document.activeElement.dispatchEvent(paste);
        }"""
    )
    expect(page.get_by_text(re.compile("20,000 rows"))).to_be_visible()
    write(page, "News", "Hello")
    expect(page.get_by_role("button", name="Schedule 20,000 emails")).to_be_visible()


def test_a_broken_file_is_mapped_and_says_what_it_leaves_out(composing: Page) -> None:
    page = composing
    choose(page, "kunden.csv", BROKEN)
    expect(page.get_by_text("6 rows, Windows-1252.")).to_be_visible()
    expect(page.get_by_role("combobox", name="Column with the addresses")).to_have_value("Kontakt")
    write(page, "Hallo {{ first_name }}", "Grüße an {{ firma | default: 'alle' }}")
    expect(
        page.get_by_text(re.compile('unknown merge field "first_name"|There is no column for first_name')).first
    ).to_be_visible()
    page.get_by_label("Merge field of Vorname").fill("First name")

    left_out = page.get_by_role("table", name="Left out")
    expect(left_out.get_by_role("row")).to_have_count(5)
    expect(left_out).to_contain_text("keine Adresse")
    expect(left_out.get_by_role("row").filter(has_text="ADA@example.com")).to_contain_text("Is in row 2 already.")
    expect(left_out.get_by_role("row").filter(has_text="z@example.com")).to_contain_text("8")
    expect(page.get_by_role("definition")).to_contain_text(["2", "1", "3"])
    expect(preview(page)).to_contain_text("Hallo Ada")
    expect(preview(page)).to_contain_text("Lovelace; Söhne")
    assert_accessible(page)

    schedule(page, 2)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    until(lambda: in_sandbox(page, 2), "both are received")


def test_the_plan_says_what_holds_it_back(composing: Page, email: str) -> None:
    page = composing
    write(page, "Hello", "A text.")
    recipients(page).fill("\n".join(f"r{n}@example.com" for n in range(250)))
    expect(page.get_by_text(f"Held back by the hourly limit of 100 on {email}, used up in 2 hours.")).to_be_visible()
    page.get_by_label("Limit an hour").fill("50")
    expect(page.get_by_text("this campaign's own limit of 50 an hour, used up in 4 hours.")).to_be_visible()
    page.get_by_role("switch", name="Spread evenly over the hour").check()
    expect(page.get_by_text("One every 1 min 12 s.")).to_be_visible()
    page.get_by_text("At a time", exact=True).click()
    expect(page.get_by_text("Your timezone: Europe/Berlin")).to_be_visible()
    expect(page.get_by_text(re.compile(r"250 emails leave: the first on \d+ \w+, 09:00, the last on"))).to_be_visible()
    assert_accessible(page)


def test_a_wrong_template_is_said_beside_its_field(composing: Page) -> None:
    page = composing
    write(page, "Hello {{ oops", "A text.")
    expect(page.get_by_label("Subject")).to_have_attribute("aria-invalid", "true")
    schedule_button(page).click()
    expect(page.get_by_text("Give at least one recipient.")).to_be_visible()


def test_rich_text_is_shown_as_it_is_sent(composing: Page) -> None:
    page = composing
    recipients(page).fill("Ada & Co <ada@example.com>")
    page.get_by_label("Subject").fill("Rich")
    rich = editor(page)
    page.keyboard.type("Dear ")
    page.get_by_role("button", name="Insert name").click()
    expect(rich.locator("[data-liquid]")).to_have_text("{{ name }}")
    selects(page, "")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Bold").click()
    selects(page, "")
    page.keyboard.type("Welcome")
    framed = page.frame_locator("iframe[title='Rich text of the email']")
    expect(framed.locator("strong")).to_have_text("Welcome")
    expect(framed.locator("p").first).to_have_text("Dear Ada & Co")
    expect(page.get_by_label("Plain text beside it")).to_have_value("Dear {{ name }}\n\nWelcome")
    assert_accessible(page)

    page.get_by_role("button", name="Send a test to myself").click()
    page.get_by_role("link", name="See the test").wait_for()
    (message,) = until(lambda: in_sandbox(page, 1), "the test is received")
    assert "Dear Ada &amp; Co" in message["html"]
    assert "Dear Ada & Co" in message["text"]


def test_rich_text_says_what_the_plain_text_was_changed_to(composing: Page) -> None:
    page = composing
    recipients(page).fill("ada@example.com")
    write(page, "Twice", "The old text")
    page.get_by_text("Rich text", exact=True).click()
    expect(page.get_by_role("textbox", name="Rich text")).to_have_text("The old text")
    page.get_by_text("Plain text", exact=True).click()
    page.get_by_label("Message", exact=True).fill("The new text")
    page.get_by_text("Rich text", exact=True).click()
    expect(page.get_by_role("textbox", name="Rich text")).to_have_text("The new text")
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    (message,) = until(lambda: in_sandbox(page, 1), "it is received")
    assert "The new text" in message["html"]
    assert "The new text" in message["text"]


def test_an_error_of_the_plan_goes_with_its_cause(composing: Page) -> None:
    page = composing
    recipients(page).fill("ada@example.com")
    write(page, "x" * 1_000, "Hello")
    plan = page.get_by_role("region", name="Plan")
    expect(plan.get_by_text("Subject:")).to_be_visible()
    write(page, "News", "Hello")
    expect(plan.get_by_text("1 email leaves now.")).to_be_visible()


def test_the_editor_finds_its_white_space_whenever_it_comes(composing: Page) -> None:
    """Without it ProseMirror writes no-break spaces into the email; the editor's own styles come with the editor."""
    space = composing.evaluate(
        """() => {
          const editor = document.body.appendChild(document.createElement("div"));
          editor.className = "ProseMirror";
          return getComputedStyle(editor).whiteSpace;
        }"""
    )
    assert space == "pre-wrap"


def test_it_fits_a_phone(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url, NARROW) as page:
        join(page, email)
        page.goto("/compose")
        choose(page, "list.csv", b"email,first name,company,town\nada@example.com,Ada,Lovelace,London\nnobody,a,b,c\n")
        write(page, "Hello {{ first_name }}", "A text.")
        expect(page.get_by_role("button", name="Schedule 1 email")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
        assert_accessible(page)


def test_whoever_was_left_out_is_taken_along_to_be_mended(page: Page, email: str) -> None:
    join(page, email)
    page.goto("/compose")
    wrong = [f"nobody{n}" for n in range(12)]
    recipients(page).fill("\n".join(["ada@example.com", *wrong, "ADA@example.com"]))
    page.get_by_label("Subject").fill("News")
    page.get_by_label("Message", exact=True).fill("Hello.")
    page.get_by_role("button", name="Schedule 1 email").click()
    sheet = page.get_by_role("dialog")
    # However long it is, the way on is in sight.
    expect(sheet.get_by_role("button", name="Send 1 email")).to_be_in_viewport()
    with page.expect_download() as started:
        sheet.get_by_role("button", name="CSV", exact=True).click()
    with started.value.path().open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:2] == [["row", "email", "reason"], ["2", "nobody0", "An email address must have an @-sign."]]
    assert rows[-1] == ["14", "ADA@example.com", "Is in line 1 already."]
    assert len(rows) == 14
    assert_accessible(page)


def test_rich_text_chosen_before_anything_is_written_hinders_no_plan(composing: Page) -> None:
    page = composing
    page.get_by_label("Addresses").fill("ada@example.com bob@example.com; cy@example.com")
    page.get_by_label("Subject").fill("Hello")
    page.get_by_text("Rich text", exact=True).first.click()
    editor = page.locator(".ProseMirror")
    editor.wait_for()
    expect(page.get_by_text("Still to come: a text.")).to_be_visible()
    expect(page.get_by_role("button", name="Schedule", exact=True)).to_be_visible()
    expect(page.locator('[aria-invalid="true"]')).to_have_count(0)
    editor.click()
    page.keyboard.type("Hello to you")
    expect(page.get_by_role("button", name="Schedule 3 emails")).to_be_visible()
    expect(page.locator('[aria-invalid="true"]')).to_have_count(0)
    expect(page.get_by_text("is missing")).to_have_count(0)


def test_the_keyboard_comes_to_schedule_in_a_few_tabs(composing: Page) -> None:
    page = composing
    write(page, "Hello", "Hello")
    page.get_by_label("Addresses").fill("ada@example.com")
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_visible()
    page.locator("body").evaluate("() => document.activeElement.blur()")
    page.get_by_role("heading", level=1).evaluate(
        "heading => { const range = document.createRange(); range.setStart(document.body, 0);"
        " getSelection().removeAllRanges(); getSelection().addRange(range); }"
    )
    keys = 0
    for name in ("Skip to the page", "To Schedule"):
        for _ in range(3):
            page.keyboard.press("Tab")
            keys += 1
            if page.evaluate("document.activeElement.textContent") == name:
                break
        expect(page.locator(":focus")).to_have_text(name)
        page.keyboard.press("Enter")
        keys += 1
    expect(page.get_by_role("button", name="Schedule 1 email")).to_be_focused()
    assert keys <= 6
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
