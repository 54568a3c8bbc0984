"""Messages as people write them: pasted, kept, signed, their pieces whole, and asked about before they go."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import ask, assert_accessible, editor, schedule, selects, to_the_end
from tests.support.composer import choose, preview, recipients, schedule_button, write
from tests.support.pictures import PNG

DOCS = (
    '<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-1"><p dir="ltr"><span '
    'style="font-weight:400">Dear {{ name }}, </span><span style="font-weight:700">bold</span></p><ul><li><p><span '
    'style="font-style:italic">one</span></p></li></ul></b>'
)
WORD = (
    "<html><body><p class=MsoListParagraph style='mso-list:l0 level1 lfo1'><!--[if !supportLists]-->"
    "<span>·<span>&nbsp;&nbsp; </span></span><!--[endif]-->First</p><p class=MsoNormal>Bye<o:p></o:p></p>"
    "</body></html>"
)
GMAIL = (
    '<meta charset="utf-8"><div dir="ltr" class="gmail_default"><div style="color:rgb(34,34,34)">Hello '
    '<b>there</b>,<script>alert(1)</script></div><div><br></div><div>See <a href="https://example.com/offer" '
    'target="_blank" data-saferedirecturl="https://www.google.com/url?q=https://example.com/offer">the offer</a> '
    '<img src="https://mail.google.com/mail/u/0/images/cleardot.gif" class="CToWUd" width="1" height="1">'
    '</div><div class="gmail_signature" data-smartmail="gmail_signature"><i>Ann</i></div></div>'
)
TABLE = "<table border=1><tr><td><p>Seats</p></td><td><p>12</p></td></tr></table>"
PASTE = """(element, html) => {
  const data = new DataTransfer();
  data.setData("text/html", html);
  element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def framed(page: Page) -> Any:
    return page.frame_locator("iframe[title='Rich text of the email']").locator("body")


def test_what_is_pasted_from_docs_word_and_gmail_is_as_it_was_there(composing: Page) -> None:
    page = composing
    recipients(page).fill("Ada <ada@example.com>")
    page.get_by_label("Subject").fill("Pasted")
    rich = editor(page)
    rich.evaluate(PASTE, DOCS)
    expect(rich.locator("strong")).to_have_text("bold")
    expect(rich.locator("li em")).to_have_text("one")
    expect(rich.locator("[data-liquid]")).to_have_text("{{ name }}")
    to_the_end(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    rich.evaluate(PASTE, WORD)
    expect(rich.locator("li").last).to_have_text("First")
    expect(framed(page)).to_contain_text("Dear Ada, bold")
    expect(framed(page)).to_contain_text("Bye")
    to_the_end(page)
    page.keyboard.press("Enter")
    rich.evaluate(PASTE, GMAIL)
    expect(rich.locator("strong").last).to_have_text("there")
    expect(rich.locator("a")).to_have_attribute("href", "https://example.com/offer")
    expect(rich.locator("em").last).to_have_text("Ann")
    expect(framed(page)).to_contain_text("See the offer")
    sent = framed(page).inner_html()
    assert not [word for word in ("alert", "cleardot", "gmail_", "mso-", "o:p", "saferedirect") if word in sent], sent


def test_what_can_never_be_sent_is_not_put_in_and_says_how_long_it_would_be(composing: Page) -> None:
    page = composing
    one = "<p class=MsoNormal style='margin:0cm'><b>Lorem ipsum</b> dolor sit amet, consetetur.<o:p></o:p></p>"
    rich = editor(page)
    page.keyboard.type("Hello")
    rich.evaluate(PASTE, one * 60_000)
    said = page.get_by_text("With what you put in, it would have ")
    expect(said).to_contain_text("characters, formatting included; 200,000 are the most. Nothing was put in.")
    assert rich.inner_text().strip() == "Hello"
    rich.evaluate(PASTE, one * 2_000)
    expect(rich.locator("strong")).to_have_count(2_000)
    expect(said).to_have_count(0)
    page.keyboard.press("Control+A")
    rich.evaluate(PASTE, one * 2_500)  # in the place of what was there
    expect(rich.locator("strong")).to_have_count(2_500)
    rich.evaluate(PASTE, one * 2_500)
    expect(said).to_be_visible()
    expect(rich.locator("strong")).to_have_count(2_500)


def test_what_goes_along_is_asked_for_sent_and_changed_in_the_editor_later(composing: Page) -> None:
    page = composing
    recipients(page).fill("Ada <ada@example.com>")
    page.get_by_label("Subject").fill("All of it")
    rich = editor(page)
    rich.evaluate(PASTE, TABLE)
    expect(rich.locator("table td").nth(1)).to_have_text("12")
    expect(framed(page).locator("td").nth(1)).to_have_text("12")
    page.locator("input[aria-label='Files to attach']").set_input_files(
        {"name": "offer.html", "mimeType": "text/html", "buffer": b"<p>An offer</p>"}
    )
    attached = page.get_by_role("list", name="Attached files")
    expect(attached).to_contain_text("take one for phishing")
    page.get_by_role("button", name="Copies, Reply-To and headers").click()
    page.get_by_label("Answers go to").fill("nobody")
    page.get_by_role("combobox", name="Cc", exact=True).fill("boss@example.net")
    page.keyboard.press("Enter")
    page.get_by_role("combobox", name="Bcc", exact=True).fill("crm@example.net")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Add a header").click()
    page.get_by_role("textbox", name="Header").fill("X-Deal")
    page.get_by_role("textbox", name="Value").fill("7")
    expect(page.get_by_label("Answers go to")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Answers go to").fill("desk@example.net")
    assert_accessible(page)
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+"))
    made = ask(page, "GET", f"/api/campaigns/{page.url.split('?')[0].rsplit('/', 1)[1]}")
    assert (made["replyTo"], made["cc"], made["bcc"]) == ("desk@example.net", ["boss@example.net"], ["crm@example.net"])
    assert (made["headers"], [file["name"] for file in made["attachments"]]) == ({"X-Deal": "7"}, ["offer.html"])
    text = {"subject": "Later", "body": made["body"], "bodyHtml": made["bodyHtml"], "startTime": "2030-01-31T08:00:00Z"}
    later = ask(page, "POST", "/api/campaigns/schedule", text | {"recipients": ["ada@example.com"]})["campaign"]["id"]
    page.goto(f"/campaigns/{later}")
    page.get_by_role("tab", name="Settings").click()
    written = page.get_by_role("textbox", name="Rich text")
    written.locator("td").nth(1).click()
    page.keyboard.press("End")
    page.keyboard.type("3 seats")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The campaign is changed.")).to_be_visible()
    changed = ask(page, "GET", f"/api/campaigns/{later}")
    assert "123 seats</td>" in changed["bodyHtml"]
    assert changed["body"] == "Seats | 123 seats"


def test_a_merge_field_is_one_piece_and_a_link_gets_its_scheme(composing: Page) -> None:
    page = composing
    recipients(page).fill("Ada <ada@example.com>")
    page.get_by_label("Subject").fill("Pieces")
    rich = editor(page)
    page.keyboard.type("Hello {{ name }}")
    expect(rich.locator("[data-liquid]")).to_have_text("{{ name }}")
    page.keyboard.press("Control+A")
    page.get_by_role("button", name="Bold").click()
    page.get_by_role("button", name="Link", exact=True).click()
    page.get_by_placeholder("https://example.com/").fill("www.example.com/offer")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(framed(page).locator("a")).to_have_attribute("href", "https://www.example.com/offer")
    expect(framed(page)).to_contain_text("Hello Ada")
    rich.click()
    to_the_end(page)  # all was selected
    page.keyboard.press("Backspace")
    expect(rich.locator("[data-liquid]")).to_have_count(0)
    expect(rich).to_have_text(re.compile("^Hello ?$"))


def test_a_picture_is_put_in_and_goes_along_with_the_message(composing: Page) -> None:
    page = composing
    recipients(page).fill("Ada <ada@example.com>")
    page.get_by_label("Subject").fill("A picture")
    rich = editor(page)
    page.keyboard.type("Look at this: ")
    choosing = page.locator("input[type=file][accept*='image/png']")
    choosing.set_input_files({"name": "drawing.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(page.get_by_text("drawing.svg is no picture that mail programs show")).to_be_visible()
    shown = rich.locator("img:not(.ProseMirror-separator)")
    expect(shown).to_have_count(0)
    choosing.set_input_files({"name": "Our offer.png", "mimeType": "image/png", "buffer": PNG})
    expect(shown).to_have_attribute("src", re.compile(r"^/api/files/\d+$"))
    expect(shown).to_have_attribute("alt", "Our offer")
    shown.evaluate("image => image.decode()")
    framed(page).locator("img").evaluate("image => image.decode()")  # a person sees it in the preview, too
    to_the_end(page)
    page.keyboard.type(" and buy.")
    expect(framed(page)).to_contain_text("and buy.")  # no frame is on its way when the page is left
    framed(page).locator("img").evaluate("image => image.decode()")
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+"))
    (email,) = ask(page, "GET", "/api/emails?limit=1")["items"]
    message = ask(page, "GET", f"/api/emails/{email['id']}/message")
    assert "Look at this" in message["html"]
    assert "Our offer" in message["text"]


def test_a_links_target_may_hold_a_merge_field(composing: Page) -> None:
    page = composing
    choose(page, "list.csv", b"email,name,page,code\nada@example.com,Ada,https://ada.example/a?b=1&c=2,7 & 8\n")
    page.get_by_label("Subject").fill("Targets")
    rich = editor(page)
    for words, target in (
        ("Yours", "{{ page }}"),
        ("Code", "www.example.com/?code={{ code | url_encode }}&to={{ name }}"),
    ):
        page.keyboard.type(words)
        page.keyboard.press("Shift+Home")
        selects(page, words)
        page.get_by_role("button", name="Link", exact=True).click()
        page.get_by_placeholder("https://example.com/").fill(target)
        page.get_by_role("button", name="Save", exact=True).click()
        # Closed, it gives the focus back, which would take it from the editor.
        expect(page.get_by_placeholder("https://example.com/")).to_be_hidden()
        expect(rich.get_by_role("link", name=words)).to_be_visible()
        rich.click()
        to_the_end(page)
        page.keyboard.press("Enter")
    expect(framed(page).locator("a").nth(0)).to_have_attribute("href", "https://ada.example/a?b=1&c=2")
    expect(framed(page).locator("a").nth(1)).to_have_attribute("href", "https://www.example.com/?code=7+%26+8&to=Ada")
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+"))
    (email,) = ask(page, "GET", "/api/emails?limit=1")["items"]
    message = ask(page, "GET", f"/api/emails/{email['id']}/message")
    assert "Yours (https://ada.example/a?b=1&c=2)" in message["text"]
    assert 'href="https://ada.example/a?b=1&amp;c=2"' in message["html"]


def test_blanks_are_asked_about_before_anything_is_sent(composing: Page) -> None:
    page = composing
    choose(page, "list.csv", b"email,company\nada@example.com,ACME\nbob@example.com,\ncy@example.com, \n")
    write(page, "RE: Offer for {{ company }}", "A text.")
    asked = page.get_by_role("group", name="Some recipients lack what the text needs")
    expect(asked).to_contain_text("2 recipients have no company (Row 3, 4).")
    expect(schedule_button(page)).to_have_text("Schedule 1 email")
    expect(page.get_by_role("status").filter(has_text="Before you send")).to_contain_text("It begins with “RE:”.")
    asked.get_by_role("combobox", name="Without company").click()
    page.get_by_role("option", name="Write instead").click()
    asked.get_by_label("Instead of company").fill("your company")
    expect(schedule_button(page)).to_have_text("Schedule 3 emails")
    assert_accessible(page)
    schedule(page, 3)
    page.wait_for_url(re.compile(r"/campaigns/\d+"))
    emails = ask(page, "GET", "/api/emails?limit=3")["items"]
    subjects = {ask(page, "GET", f"/api/emails/{email['id']}/message")["subject"] for email in emails}
    assert subjects == {"RE: Offer for ACME", "RE: Offer for your company"}


def test_a_merge_field_is_a_chip_with_its_default_and_the_way_to_who_lacks_it(composing: Page) -> None:
    page = composing
    rows = "".join(f"r{n}@example.com,{'' if n in {3, 5} else 'Navy'}\n" for n in range(8))
    choose(page, "list.csv", f"email,company\n{rows}".encode())
    write(page, "An offer for ", "A text.")
    subject = page.get_by_label("Subject")
    subject.press("End")
    page.get_by_role("button", name="Insert company").click()
    expect(subject).to_have_value("An offer for {{ company }}")
    expect(page.get_by_text("2 recipients lack company")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Show them").click()
    shown = page.get_by_role("article", name="Preview")
    expect(shown).to_contain_text("r3@example.com")
    page.get_by_label("If company is empty, write").fill("you")
    expect(subject).to_have_value('An offer for {{ company | default: "you" }}')
    expect(shown).to_contain_text("An offer for you")
    page.get_by_role("button", name="Next with a blank").click()
    expect(shown).to_contain_text("r5@example.com")
    page.get_by_role("combobox", name="Find a recipient to preview").fill("r7")
    page.get_by_role("option", name="r7@example.com").click()
    expect(shown).to_contain_text("An offer for Navy")
    subject.press("End")
    subject.press("Backspace")  # all of the field, not its last brace
    expect(subject).to_have_value("An offer for ")


def test_a_text_is_kept_and_begins_the_next_campaign(composing: Page) -> None:
    page = composing
    write(page, "Spring", "Dear {{ name }}, hello.")
    page.get_by_role("button", name="Keep the text as a template").click()
    page.get_by_label("Name of the template").fill("Spring letter")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("“Spring letter” is kept as a template.")).to_be_visible()
    page.goto("/templates")
    expect(page.get_by_role("heading", name="Templates", level=1)).to_be_visible()
    page.get_by_role("link", name="Spring letter").click()
    page.get_by_role("dialog").get_by_label("Subject").fill("Summer")
    assert_accessible(page)
    page.get_by_role("button", name="Keep the template").click()
    expect(page.get_by_text("Summer")).to_be_visible()
    page.get_by_role("link", name="Use").click()
    page.get_by_role("button", name="Replace").click()
    expect(page.get_by_label("Subject")).to_have_value("Summer")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Dear {{ name }}, hello.")
    expect(page).to_have_url(re.compile("/compose$"))
    page.goto("/templates")
    page.get_by_role("button", name="Delete Spring letter").click()
    page.get_by_role("button", name="Delete the template").click()
    expect(page.get_by_text("No template yet")).to_be_visible()


def test_a_template_is_shown_however_soon_it_is_opened_again(inside: Page) -> None:
    kept = ask(inside, "POST", "/api/templates", {"name": "Spring", "subject": "Hello", "body": "A text."})
    inside.goto("/templates")
    subject = inside.get_by_role("dialog").get_by_label("Subject")
    for _ in range(2):
        inside.get_by_role("link", name="Spring").click()
        expect(subject).to_have_value("Hello")
        inside.get_by_role("dialog").get_by_role("button", name="Close").click()
        expect(subject).to_have_count(0)
    ask(inside, "PATCH", f"/api/templates/{kept['id']}", {"subject": "By somebody else"})
    inside.get_by_role("link", name="Spring").click()
    expect(subject).to_have_value("By somebody else")


def test_a_campaign_is_duplicated_without_its_list(composing: Page) -> None:
    page = composing
    recipients(page).fill("ada@example.com")
    write(page, "Again", "A text.")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_label("Message of the step").fill("A second one.")
    schedule(page, 1)
    page.wait_for_url(re.compile(r"/campaigns/\d+"))
    page.get_by_role("link", name="Duplicate Again").click()
    expect(page.get_by_label("Subject")).to_have_value("Again")
    expect(page.get_by_label("Message", exact=True)).to_have_value("A text.")
    expect(page.get_by_label("Message of the step")).to_have_value("A second one.")
    expect(recipients(page)).to_have_value("")


def test_a_signature_is_put_in_by_itself(composing: Page) -> None:
    page = composing
    write(page, "Signed", "A text.")
    page.get_by_role("button", name="Add a signature").click()
    page.get_by_role("textbox", name="Signature").click()
    page.keyboard.type("Ann Lee")
    assert_accessible(page)
    # It is there as it was kept before it has been read anew.
    page.route(re.compile("/signature$"), lambda route: route.fallback() if route.request.method == "PUT" else None)
    page.get_by_role("button", name="Keep the signature").click()
    expect(page.get_by_text("Signature: Ann Lee")).to_be_visible()
    expect(page.get_by_role("button", name="Change the signature")).to_be_visible()
    expect(preview(page)).to_contain_text("Ann Lee")
