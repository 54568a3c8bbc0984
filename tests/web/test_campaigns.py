"""The list of campaigns and a campaign's page: live, paused and resumed, cancelled, changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import NARROW, ask, assert_accessible, join, open_page
from tests.support.service import Service, until


def schedule(page: Page, recipients: int = 3, **fields: Any) -> int:
    """A campaign of whoever is logged in there, tomorrow unless told otherwise."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    people = [{"email": f"person{n}@example.com", "name": f"Person {n}"} for n in range(recipients)]
    draft = {"name": "Spring letter", "subject": "Hello {{ name }}", "body": "Dear {{ name }}", "recipients": people}
    answer = page.request.post("/api/campaigns/schedule", data=draft | {"startTime": tomorrow} | fields)
    assert answer.ok, answer.text()
    return answer.json()["campaign"]["id"]


@pytest.fixture
def narrow(browser: Browser, service: Service, email: str) -> Iterator[Page]:
    with open_page(browser, service.url, NARROW) as page:
        join(page, email)
        yield page


def test_without_a_campaign_the_way_to_the_first_one_is_shown(inside: Page) -> None:
    inside.goto("/")
    expect(inside.get_by_role("heading", name="No campaign yet")).to_be_visible()
    assert_accessible(inside)
    inside.get_by_role("link", name="Write the first one", exact=True).click()
    inside.wait_for_url("**/compose")


def test_a_campaign_scheduled_elsewhere_appears_and_its_numbers_move_by_themselves(inside: Page) -> None:
    inside.goto("/")
    expect(inside.get_by_text("No campaign yet")).to_be_visible()
    schedule(inside, startTime=None, delayBetweenMs=1500)
    bar = inside.get_by_role("img", name="3 emails")
    expect(bar).to_be_visible()
    expect(inside.get_by_role("img", name="3 emails: 3 sent")).to_be_visible()
    expect(inside.get_by_text("Finished", exact=True).first).to_be_visible()
    expect(inside.get_by_label("Today")).to_contain_text("Sent today3")


def test_pause_and_resume_are_seen_in_another_tab_without_a_reload(inside: Page) -> None:
    campaign = schedule(inside)
    other = inside.context.new_page()
    other.goto(f"/campaigns/{campaign}")
    expect(other.get_by_text("Its campaign starts then")).to_be_visible()
    inside.goto("/")
    inside.get_by_role("button", name="Pause Spring letter").click()
    expect(inside.get_by_text("Resume the campaign, and what waits")).to_be_visible()
    expect(other.get_by_text("Resume the campaign, and what waits")).to_be_visible()
    other.get_by_role("button", name="Resume Spring letter").click()
    # Where both came within the second between two looks of the events, the next reading tells.
    expect(inside.get_by_role("button", name="Pause Spring letter")).to_be_visible()
    expect(inside.get_by_text("Resume the campaign, and what waits")).to_be_hidden()


def test_what_began_and_ended_between_two_events_is_seen_all_the_same(inside: Page) -> None:
    campaign = schedule(inside)
    inside.goto(f"/campaigns/{campaign}")
    expect(inside.get_by_role("button", name="Pause Spring letter")).to_be_visible()
    inside.route("**/api/events*", lambda route: route.fulfill(status=404))  # it tells nothing any more
    inside.reload()
    expect(inside.get_by_role("button", name="Pause Spring letter")).to_be_visible()
    assert inside.request.post(f"/api/campaigns/{campaign}/pause").ok
    expect(inside.get_by_text("Resume the campaign, and what waits")).to_be_visible()
    expect(inside.get_by_text("Reconnecting…")).to_be_visible()
    assert_accessible(inside)


def test_a_cancel_says_how_many_will_not_be_sent_and_can_be_thought_over(inside: Page) -> None:
    schedule(inside, 1200, startTime=(datetime.now(UTC) + timedelta(days=2)).isoformat())
    inside.goto("/")
    inside.get_by_role("button", name="Cancel Spring letter").click()
    dialog = inside.get_by_role("dialog", name="Cancel “Spring letter”?")
    expect(dialog).to_contain_text("1,200 emails will not be sent.")
    dialog.get_by_role("button", name="Keep it as it is").click()
    expect(dialog).to_be_hidden()
    expect(inside.get_by_role("img", name="1,200 emails: 1,200 scheduled")).to_be_visible()
    inside.get_by_role("button", name="Cancel Spring letter").click()
    dialog.get_by_role("button", name="Cancel the campaign").click()
    expect(inside.get_by_role("img", name="1,200 emails: 1,200 cancelled")).to_be_visible()
    expect(inside.get_by_role("button", name="Cancel Spring letter")).to_be_hidden()


def test_the_list_by_state_is_in_the_address(inside: Page) -> None:
    schedule(inside, name="Runs")
    paused = schedule(inside, name="Rests")
    assert inside.request.post(f"/api/campaigns/{paused}/pause").ok
    inside.goto("/")
    inside.get_by_role("button", name="Paused", exact=True).click()
    expect(inside.get_by_role("link", name="Rests", exact=True)).to_be_visible()
    expect(inside.get_by_role("link", name="Runs", exact=True)).to_be_hidden()
    inside.reload()
    expect(inside.get_by_role("button", name="Paused", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(inside.get_by_role("link", name="Rests", exact=True)).to_be_visible()
    expect(inside.get_by_role("link", name="Runs", exact=True)).to_be_hidden()
    assert_accessible(inside)


def test_settings_are_changed_and_what_is_wrong_stands_beside_its_field(inside: Page) -> None:
    campaign = schedule(inside, bodyHtml="<p style='color: green'>Dear {{ name }}</p>")
    inside.goto(f"/campaigns/{campaign}?tab=settings")
    inside.get_by_label("Subject").fill("Hello {{ surname }}")
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_label("Subject")).to_have_attribute("aria-invalid", "true")
    expect(inside.get_by_text("Unknown merge field")).to_be_visible()
    assert_accessible(inside)
    inside.get_by_label("Subject").fill("Good morning {{ name }}")
    inside.get_by_label("Name", exact=True).fill("Summer letter")
    inside.get_by_label("Seconds between emails").fill("90")
    # The same picker as where it was written, by the same clock: the browser's own field speaks American.
    expect(inside.get_by_role("button", name=re.compile("^Start")).or_(inside.get_by_label("Start"))).to_have_text(
        re.compile(r"^\w{3}, \d+ \w{3} \d{4}, \d\d:\d\d$")
    )
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_role("heading", name="Summer letter", level=1)).to_be_visible()
    expect(inside.get_by_text("1 min 30 s apart")).to_be_visible()
    changed = inside.request.get(f"/api/campaigns/{campaign}").json()
    assert (changed["subject"], changed["delayBetweenMs"]) == ("Good morning {{ name }}", 90_000)
    inside.get_by_role("tab", name="Content").click()
    expect(inside.get_by_text("Good morning {{ name }}")).to_be_visible()
    expect(inside.frame_locator("iframe").get_by_text("Dear {{ name }}")).to_be_visible()
    assert_accessible(inside)
    inside.reload()
    expect(inside.get_by_role("tab", name="Content")).to_have_attribute("aria-selected", "true")
    inside.get_by_role("tab", name="By the hour").click()
    expect(inside.get_by_role("heading", name="The last 24 hours")).to_be_visible()
    assert_accessible(inside)


def test_who_saves_settings_over_somebody_elses_newer_texts_is_told(inside: Page) -> None:
    campaign = schedule(inside)
    inside.goto(f"/campaigns/{campaign}?tab=settings")
    subject, text = inside.get_by_label("Subject"), inside.get_by_label("Text", exact=True)
    ask(inside, "PATCH", f"/api/campaigns/{campaign}", {"subject": "Seen at once"})
    expect(subject).to_have_value("Seen at once")  # the page asks anew every 5 s
    text.fill("Mine")
    ask(inside, "PATCH", f"/api/campaigns/{campaign}", {"body": "Theirs"})
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_role("alert")).to_contain_text("omebody changed what the campaign says meanwhile")
    expect(text).to_have_value("Mine")
    assert ask(inside, "GET", f"/api/campaigns/{campaign}")["body"] == "Theirs"
    assert_accessible(inside)
    inside.get_by_role("button", name="Begin with what it says now").click()
    expect(text).to_have_value("Theirs")
    text.fill("Mine after all")
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_text("The campaign is changed.")).to_be_visible()
    text.fill("And once more")
    inside.get_by_role("button", name="Save").click()
    until(lambda: ask(inside, "GET", f"/api/campaigns/{campaign}")["body"] == "And once more", "both are saved")


def test_who_saves_a_template_over_somebody_elses_newer_one_is_told(inside: Page) -> None:
    kept = ask(inside, "POST", "/api/templates", {"name": "Spring", "subject": "A", "body": "B"})
    inside.goto(f"/templates?edit={kept['id']}")
    form = inside.get_by_role("dialog")
    subject = form.get_by_label("Subject")
    expect(subject).to_have_value("A")
    subject.fill("Mine")
    ask(inside, "PATCH", f"/api/templates/{kept['id']}", {"body": "Theirs"})
    form.get_by_role("button", name="Keep the template").click()
    expect(form.get_by_role("alert")).to_contain_text("omebody changed the template meanwhile")
    expect(subject).to_have_value("Mine")
    assert_accessible(inside)
    form.get_by_role("button", name="Begin with what it says now").click()
    expect(form.get_by_label("Message", exact=True)).to_have_value("Theirs")
    expect(subject).to_have_value("A")
    subject.fill("Mine after all")
    form.get_by_role("button", name="Keep the template").click()
    expect(inside.get_by_text("The template is kept.")).to_be_visible()
    told = ask(inside, "GET", f"/api/templates/{kept['id']}")
    assert (told["subject"], told["body"]) == ("Mine after all", "Theirs")


def test_pages_of_campaigns_fit_a_narrow_screen(narrow: Page) -> None:
    campaign = schedule(
        narrow, name="A name that is long enough to be cut off wherever there is too little room for it"
    )
    for path in ("/", f"/campaigns/{campaign}", f"/campaigns/{campaign}?tab=settings"):
        narrow.goto(path)
        expect(narrow.get_by_role("heading", level=1)).to_be_visible()
        narrow.get_by_role("img", name="3 emails").or_(narrow.get_by_label("Subject")).first.wait_for()
        assert narrow.evaluate("document.documentElement.scrollWidth") <= NARROW[0], path
        assert_accessible(narrow)


def test_a_campaign_that_is_not_there_is_said_so(inside: Page) -> None:
    inside.goto("/campaigns/999999")
    expect(inside.get_by_role("heading", name="There is no such campaign", level=1)).to_be_visible()
    assert_accessible(inside)


def test_campaigns_are_found_by_name_and_in_the_archive(inside: Page) -> None:
    first = schedule(inside, name="Spring letter")
    schedule(inside, name="Autumn letter")
    for call in ("cancel", "archive"):
        assert inside.request.post(f"/api/campaigns/{first}/{call}").ok
    inside.goto("/")
    links = inside.get_by_role("link", name="letter", exact=False)
    expect(links.filter(has_text="Autumn letter").first).to_be_visible()
    expect(inside.get_by_role("link", name="Spring letter", exact=True)).to_have_count(0)
    inside.get_by_label("Search campaigns").fill("nothing of that name")
    expect(inside.get_by_role("heading", name="No campaign fits")).to_be_visible()
    inside.get_by_label("Search campaigns").fill("SPRING")
    inside.get_by_label("Archived").check()
    inside.get_by_label("Compact").check()
    row = inside.get_by_role("row").filter(has_text="Spring letter")
    expect(row).to_contain_text("0 of 3")


def test_a_double_click_does_once_what_a_verb_says(inside: Page) -> None:
    campaign = schedule(inside)
    calls: list[str] = []
    inside.on("request", lambda asked: calls.append(asked.url.rpartition("/")[2]) if asked.method == "POST" else None)
    inside.goto(f"/campaigns/{campaign}")
    inside.get_by_role("button", name="Pause Spring letter").dblclick()
    inside.get_by_role("button", name="Resume Spring letter").click()
    # The second half comes when the button says the other verb already.
    expect(inside.get_by_role("button", name="Pause Spring letter")).to_be_enabled()
    inside.mouse.down(click_count=2)
    inside.mouse.up(click_count=2)
    expect(inside.get_by_role("button", name="Pause Spring letter")).to_be_enabled()
    assert calls == ["pause", "resume"]
    expect(inside.get_by_text("only a PAUSED one can be resumed")).to_have_count(0)
    inside.goto("/templates?edit=new")
    form = inside.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill("Reminder")
    form.get_by_label("Message", exact=True).fill("Did you see it?")
    form.get_by_role("button", name="Keep the template").dblclick()
    expect(form).to_have_count(0)
    assert calls == ["pause", "resume", "templates"]


def test_a_draft_is_saved_for_the_workspace_and_an_older_one_is_not_written_over_it(inside: Page) -> None:
    inside.goto("/compose")
    inside.get_by_label("Subject").fill("Spring news")
    inside.get_by_role("button", name="Save as a draft").click()
    expect(inside.get_by_text("“Spring news” is saved for the workspace.")).to_be_visible()
    (draft,) = inside.request.get("/api/drafts").json()["items"]
    kept = inside.request.get(f"/api/drafts/{draft['id']}").json()
    theirs = {"name": "Theirs", "content": kept["content"], "version": 1}
    assert inside.request.put(f"/api/drafts/{draft['id']}", data=theirs).ok
    inside.get_by_label("Subject").fill("Summer news")
    expect(inside.get_by_text("Somebody else saved this draft meanwhile")).to_be_visible()
    inside.get_by_role("button", name="Save it as another draft").click()
    question = inside.get_by_role("dialog", name="Somebody saved this draft meanwhile")
    expect(question).to_be_visible()
    assert_accessible(inside)
    question.get_by_role("button", name="Save mine as another").click()
    expect(inside.get_by_text("“Summer news” is saved for the workspace.")).to_be_visible()
    inside.get_by_role("button", name="Drafts").click()
    inside.get_by_role("menuitem", name="Theirs").click()
    expect(inside.get_by_label("Subject")).to_have_value("Spring news")


def test_a_draft_that_the_workspace_keeps_saves_itself(inside: Page) -> None:
    inside.goto("/compose")
    inside.get_by_label("Subject").fill("Spring news")
    inside.get_by_role("button", name="Save as a draft").click()
    until(lambda: ask(inside, "GET", "/api/drafts")["items"], "it is kept")
    (draft,) = ask(inside, "GET", "/api/drafts")["items"]
    path = f"/api/drafts/{draft['id']}"

    def subject() -> str:
        return ask(inside, "GET", path)["content"]["steps"][0]["content"]["subject"]

    inside.get_by_label("Subject").fill("Summer news")
    until(lambda: inside.evaluate("0") or subject() == "Summer news", "it is saved")
    expect(inside.get_by_text("The draft is saved.")).to_be_visible()
    assert_accessible(inside)
    inside.get_by_label("Subject").fill("Autumn news")
    inside.reload()  # before the moment is over after which it is saved
    expect(inside.get_by_label("Subject")).to_have_value("Autumn news")
    until(lambda: inside.evaluate("0") or subject() == "Autumn news", "what was written last is saved")
    version = ask(inside, "GET", path)["version"]
    with inside.context.new_page() as other:
        other.goto("/compose")
        other.get_by_label("Subject").fill("Winter news")
        until(lambda: other.evaluate("0") or subject() == "Winter news", "another tab saves it, too")
        expect(inside.get_by_label("Subject")).to_have_value("Winter news")
    inside.get_by_label("Subject").fill("News of the year")
    until(lambda: inside.evaluate("0") or subject() == "News of the year", "and this one after it")
    assert ask(inside, "GET", path)["version"] == version + 2
    assert inside.request.delete(path).ok
    inside.get_by_label("Subject").fill("News")
    expect(inside.get_by_role("button", name="Save as a draft")).to_be_visible()
    assert ask(inside, "GET", "/api/drafts")["items"] == []


def test_fields_are_put_into_a_campaign_that_waits(inside: Page) -> None:
    campaign = schedule(inside)
    inside.goto(f"/campaigns/{campaign}?tab=settings")
    text = inside.get_by_label("Text", exact=True)
    before = text.input_value()
    text.press("Control+End")
    inside.get_by_role("button", name="Insert name").click()
    expect(text).to_have_value(before + "{{ name }}")
    expect(text).to_be_focused()
    inside.get_by_label("If name is empty, write").fill("you")
    expect(text).to_have_value(before + '{{ name | default: "you" }}')
    assert_accessible(inside)
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_text("The campaign is changed.")).to_be_visible()
    assert ask(inside, "GET", f"/api/campaigns/{campaign}")["body"] == before + '{{ name | default: "you" }}'
