"""Responses in the browser: seen as they come, read, labelled, corrected and answered."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.embedded.postgres import EmbeddedPostgres
from app.mail.inbound.texts import cleaned
from tests.support.browser import NARROW, ask, assert_accessible, assert_fits
from tests.support.filling import come_back
from tests.support.service import Service, until

ComeBack = Callable[..., int]
EVIL = "<img src=x onerror=alert(1)>{{7*7}}"
HOSTILE = """<base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/gone">
<link rel="stylesheet" href="https://evil.example/a.css"><style>@import url(https://evil.example/b.css);</style>
<script>alert(2)</script><svg onload="alert(3)"></svg><iframe src="https://evil.example/frame"></iframe>
<form action="https://evil.example/form"><input name="password" autofocus onfocus="alert(4)"></form>
<p onclick="alert(5)" style="background: url(https://evil.example/c.png)">The end of it</p>"""
HTML = "<p>Gladly, see <b>below</b>.</p><blockquote>Hello Ada</blockquote>"


@pytest.fixture
def back(service: Service) -> ComeBack:
    def put(recipient: str, kind: str, text: str, **more: object) -> int:
        with EmbeddedPostgres(service.data_dir) as postgres:
            return come_back(postgres.url, recipient, kind, text, **more)

    return put


def test_a_reply_is_seen_as_it_comes_and_read_labelled_answered_and_corrected(
    inside: Page, email: str, back: ComeBack
) -> None:
    ada, bob = f"ada.{email}", f"bob.{email}"
    body = {"name": "Roofs", "subject": "Hello", "body": "Is your roof dry?", "recipients": [ada, bob]}
    campaign = ask(inside, "POST", "/api/campaigns/schedule", body)["campaign"]["id"]
    until(lambda: ask(inside, "GET", f"/api/campaigns/{campaign}")["counts"]["SENT"] == 2, "both have gone")
    inside.goto("/replies")
    expect(inside.get_by_role("heading", name="Nothing has come back yet")).to_be_visible()
    assert_accessible(inside)

    # By itself, within a moment: in the navigation, and in the list.
    back(ada, "REPLY", "It is not. Call me.", name="Ada Byron", html=HTML)
    unread = inside.get_by_role("link", name="Replies 1 unread")
    expect(unread).to_be_visible()
    back(bob, "BOUNCE", "", severity="hard", code=550, enhanced_code="5.1.1", diagnostic="no such user", minutes_ago=5)
    rows = inside.get_by_role("list", name="Responses").get_by_role("link")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("No such mailbox (550 5.1.1)")

    # By keys: to open one is to read it.
    inside.keyboard.press("j")
    thread = inside.get_by_role("region", name="Thread")
    expect(thread.get_by_text("It is not. Call me.")).to_be_visible()
    expect(thread.get_by_text("Is your roof dry?")).to_be_hidden()
    expect(unread).to_be_hidden()
    thread.locator("summary").click()
    expect(thread.get_by_text("Is your roof dry?")).to_be_visible()
    assert_accessible(inside)
    inside.keyboard.press("j")
    expect(thread.get_by_text("no such user")).to_be_visible()
    expect(thread.get_by_role("button", name="Answer")).to_be_hidden()
    inside.keyboard.press("k")
    expect(thread.get_by_text("It is not. Call me.")).to_be_visible()

    # The whole of it, without pictures of others.
    thread.get_by_role("button", name="Show as it came").click()
    expect(thread.frame_locator("iframe").get_by_text("Hello Ada")).to_be_visible()
    expect(thread.get_by_role("button", name="Load them")).to_be_visible()

    thread.get_by_role("combobox", name="Label").or_(thread.get_by_role("textbox", name="Label")).fill("Interested")
    inside.keyboard.press("Enter")
    expect(rows.first).to_contain_text("Interested")

    # An answer goes at once, from the same sender, in the thread; it says what was typed.
    inside.locator("h1").click()
    inside.keyboard.press("r")
    thread.get_by_role("textbox", name="Your answer").fill("Tomorrow at ten? {{ as typed }}")
    assert_accessible(inside)
    thread.get_by_role("button", name="Send the answer").click()
    expect(inside.get_by_text(f"On its way to {ada}.")).to_be_visible()
    expect(thread.locator("summary", has_text="Your answer")).to_be_visible()
    expect(rows.first).to_contain_text("Answered")
    received = until(
        lambda: [one for one in ask(inside, "GET", "/api/sandbox/messages")["items"] if one["subject"] == "Re: Hello"],
        "the answer has come",
    )
    raw = ask(inside, "GET", f"/api/sandbox/messages/{received[0]['id']}")["raw"]
    assert "Tomorrow at ten? {{ as typed }}" in raw
    assert "@there.example>" in raw.partition("In-Reply-To:")[2].partition("References:")[0]

    # It was a program after all.
    thread.get_by_role("combobox", name="What it is").click()
    inside.get_by_role("option", name="Automatic").click()
    expect(rows.first).to_contain_text("Automatic")

    # Many at once.
    for name in ("Ada Byron", bob):
        inside.get_by_role("checkbox", name=f"Choose {name}").check()
    chosen = inside.get_by_role("group", name="What is chosen")
    chosen.get_by_role("combobox", name="Label").or_(chosen.get_by_role("textbox", name="Label")).fill("Meeting")
    inside.keyboard.press("Enter")
    expect(rows.nth(1)).to_contain_text("Meeting")
    inside.get_by_role("button", name="Bounces").click()
    expect(rows).to_have_count(1)

    # Where else it is shown.
    inside.goto(f"/campaigns/{campaign}")
    figures = inside.get_by_role("region", name="What came back")
    expect(figures).to_contain_text("50 % of those sent")
    figures.get_by_role("link", name="1").first.click()
    expect(rows).to_have_count(1)
    inside.goto(f"/recipients?email={ada}")
    inside.get_by_role("list", name="What came back").get_by_role("link").click()
    expect(thread.get_by_text("It is not. Call me.")).to_be_visible()
    inside.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert_fits(inside)
    assert_accessible(inside)
    thread.get_by_role("button", name="All responses").click()
    expect(rows.first).to_be_visible()
    assert_fits(inside)

    # A stranger's message is shown as it is and does nothing: `inside` fails on a script and on a request.
    inside.goto("/replies")
    expect(rows.first).to_be_visible()
    back(bob, "REPLY", f"I say {EVIL}", name=EVIL, subject=EVIL, attachments=[EVIL], html=cleaned(HOSTILE))
    expect(rows.filter(has_text="Unread")).to_have_count(1)
    inside.locator("h1").click()
    inside.keyboard.press("e")
    expect(thread.get_by_role("heading", name=EVIL)).to_be_visible()
    expect(thread.get_by_text(f"I say {EVIL}")).to_be_visible()
    expect(thread.get_by_text(f"With {EVIL}, which")).to_be_visible()
    thread.get_by_role("button", name="Show as it came").click()
    expect(thread.frame_locator("iframe").get_by_text("The end of it")).to_be_visible()
    expect(inside).to_have_url(re.compile(r"/replies\?"))


@pytest.fixture
def answered(inside: Page, email: str, back: ComeBack) -> int:
    """A response of Ada's that nobody has read; its id."""
    ada = f"ada.{email}"
    body = {"name": "Roofs", "subject": "Hello", "body": "Is your roof dry?", "recipients": [ada]}
    campaign = ask(inside, "POST", "/api/campaigns/schedule", body)["campaign"]["id"]
    until(lambda: ask(inside, "GET", f"/api/campaigns/{campaign}")["counts"]["SENT"] == 1, "it has gone")
    back(ada, "REPLY", "It is not. Call me.", name="Ada Byron")
    (response,) = ask(inside, "GET", "/api/responses")["items"]
    return response["id"]


def test_what_was_marked_unread_is_read_when_it_is_opened_again(inside: Page, answered: int) -> None:
    inside.goto(f"/replies?response={answered}")
    thread = inside.get_by_role("region", name="Thread")
    expect(thread.get_by_text("It is not. Call me.")).to_be_visible()
    unread = inside.get_by_role("link", name="Replies 1 unread")
    until(lambda: ask(inside, "GET", f"/api/responses/{answered}")["readAt"], "it is read")
    inside.reload()
    thread.get_by_role("button", name="Mark as unread").click()
    expect(unread).to_be_visible()
    inside.get_by_role("list", name="Responses").get_by_role("link").click()
    expect(thread.get_by_text("It is not. Call me.")).to_be_visible()
    expect(unread).to_have_count(0)
    # And where somebody else has marked it since.
    inside.locator("h1").click()
    inside.get_by_role("link", name="Campaigns", exact=True).first.click()
    expect(inside.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()
    ask(inside, "PATCH", f"/api/responses/{answered}", {"read": False})
    inside.evaluate("history.back()")
    expect(thread.get_by_text("It is not. Call me.")).to_be_visible()
    until(lambda: inside.evaluate("0") or ask(inside, "GET", f"/api/responses/{answered}")["readAt"], "it is read")


def test_a_label_that_is_chosen_by_keys_is_the_only_one_that_is_given(inside: Page, answered: int) -> None:
    marked: list[str] = []
    inside.on("request", lambda request: marked.append(request.url) if request.method == "PATCH" else None)
    inside.goto(f"/replies?response={answered}")
    thread = inside.get_by_role("region", name="Thread")
    thread.get_by_role("combobox", name="Label").or_(thread.get_by_role("textbox", name="Label")).fill("inter")
    inside.keyboard.press("ArrowDown")
    inside.keyboard.press("Enter")
    expect(inside.get_by_role("list", name="Responses").get_by_role("link")).to_contain_text("Interested")
    inside.locator("h1").click()
    assert len([url for url in marked if url.endswith("/api/responses")]) == 1


def test_what_is_written_of_an_answer_goes_along_when_it_becomes_rich(inside: Page, answered: int) -> None:
    inside.goto(f"/replies?response={answered}")
    thread = inside.get_by_role("region", name="Thread")
    thread.get_by_role("button", name="Answer").click()
    plain, rich = thread.get_by_text("Plain", exact=True), thread.get_by_text("Rich", exact=True)
    rich.click()
    answer = thread.get_by_role("textbox", name="Your answer")
    expect(answer).to_have_attribute("contenteditable", "true")
    thread.get_by_role("button", name="Send the answer").click()
    expect(thread.get_by_text("Is empty; write a text.")).to_be_visible()
    assert_accessible(inside)
    plain.click()
    answer.fill("Tomorrow at ten?")
    rich.click()
    expect(answer).to_have_attribute("contenteditable", "true")
    expect(answer).to_have_text("Tomorrow at ten?")
    answer.press("End")
    inside.keyboard.type(" Or at nine?")
    plain.click()
    expect(answer).to_have_value("Tomorrow at ten? Or at nine?")
    rich.click()
    thread.get_by_role("button", name="Send the answer").click()
    expect(inside.get_by_text("On its way to")).to_be_visible()


def test_a_written_answer_is_left_only_once_that_was_confirmed(inside: Page, answered: int) -> None:
    inside.goto(f"/replies?response={answered}")
    thread = inside.get_by_role("region", name="Thread")
    thread.get_by_role("button", name="Answer").click()
    answer = thread.get_by_role("textbox", name="Your answer")
    answer.fill("Tomorrow at ten?")
    thread.get_by_role("button", name="Leave it").click()
    question = inside.get_by_role("dialog", name="Leave what you have changed?")
    question.get_by_role("button", name="Stay here").click()
    expect(answer).to_have_value("Tomorrow at ten?")
    answer.fill("")
    thread.get_by_role("button", name="Leave it").click()
    expect(answer).to_have_count(0)


def test_what_somebody_answered_is_gone_from_their_page_once_they_are_erased(
    inside: Page, email: str, answered: int
) -> None:
    inside.goto(f"/recipients?email=ada.{email}")
    back = inside.get_by_role("list", name="What came back")
    expect(back).to_contain_text("Re: Hello")
    inside.get_by_role("button", name="Erase").click()
    inside.get_by_role("dialog").get_by_role("button", name="Erase for good").click()
    expect(inside.get_by_text(f"ada.{email} is erased")).to_be_visible()
    expect(back).to_have_count(0)
