"""Pages when something goes wrong around them: nothing typed is lost, nothing old is taken for new."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.browser import (
    NARROW,
    ask,
    assert_accessible,
    assert_fits,
    join,
    open_page,
    what_is_copied_stays_said,
)
from tests.support.service import Service, until
from tests.web.test_campaigns import schedule
from tests.web.test_lists import filled
from tests.web.test_senders import add_sender
from tests.web.test_workspaces import look_away


def test_a_link_into_the_dashboard_works_in_browsers_without_url_parse(page: Page) -> None:
    page.add_init_script("delete URL.parse")
    page.goto("/login?next=/trouble")
    expect(page.get_by_text("Then you go on to the page you asked for.")).to_be_visible()


def missing_once(page: Page, part: str) -> list[str]:
    """A part's file is gone when it is first asked for; every address that it was asked for at."""
    asked: list[str] = []

    def once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=404)
        else:
            route.continue_()

    page.route(re.compile(f"/assets/{part}-.*\\.js"), once)
    return asked


def test_a_part_that_an_upgrade_replaced_is_loaded_by_a_reload(inside: Page) -> None:
    campaign = schedule(inside)
    inside.goto(f"/campaigns/{campaign}")
    asked = missing_once(inside, "CampaignSettings")
    inside.get_by_role("tab", name="Settings").click()
    expect(inside.get_by_label("Subject")).to_have_value("Hello {{ name }}")
    assert len(asked) == 2


def test_the_editor_that_an_upgrade_replaced_comes_with_a_reload_and_the_draft_stays(inside: Page) -> None:
    inside.goto("/compose")
    inside.get_by_label("Subject").fill("Spring news")
    inside.get_by_label("Message", exact=True).fill("Hello.")
    asked = missing_once(inside, "RichBody")
    inside.get_by_text("Rich text", exact=True).click()
    expect(inside.get_by_role("textbox", name="Rich text")).to_have_text("Hello.")
    expect(inside.get_by_label("Subject")).to_have_value("Spring news")
    assert len(asked) == 2


@pytest.mark.parametrize("kind", ["js", "css"])
def test_notices_that_never_load_take_nothing_else_along(page: Page, email: str, kind: str) -> None:
    page.route(re.compile(rf"/assets/Notices-.*\.{kind}"), lambda route: route.fulfill(status=404))
    page.goto("/login")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    told = page.get_by_role("alert").filter(has_text="A part of this page is missing")
    expect(told).to_contain_text("Its file could not be loaded.")
    join(page, email)
    page.goto("/")
    expect(page.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()
    expect(told).to_be_visible()
    assert_accessible(page)
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert_fits(page)
    told.get_by_role("button", name="Close").click()
    expect(told).to_have_count(0)
    page.reload()
    expect(told).to_be_visible()
    page.unroute_all()
    told.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("heading", name="Campaigns", level=1)).to_be_visible()
    expect(told).to_have_count(0)


def test_parts_of_the_composer_that_never_load_leave_the_rest_of_it(inside: Page) -> None:
    gone = re.compile(r"/assets/(RichBody|PlanChart)-.*\.js")
    inside.route(gone, lambda route: route.fulfill(status=404))
    inside.goto("/compose")
    inside.get_by_label("Subject").fill("Spring news")
    inside.get_by_label("Message", exact=True).fill("Hello.")
    inside.get_by_text("Rich text", exact=True).click()
    missing = inside.get_by_role("alert").filter(has_text="A part of this page is missing")
    expect(missing).to_have_count(1)  # the page was loaded anew for it: till then what is typed is no list yet
    inside.get_by_label("Addresses", exact=True).fill("ada@example.com")
    expect(missing).to_have_count(2)
    expect(inside.get_by_role("region", name="Plan")).to_contain_text("1 email leaves now.")
    expect(inside.get_by_label("Plain text beside it")).to_have_value("Hello.")
    assert_accessible(inside)
    inside.unroute_all()
    missing.first.get_by_role("button", name="Load the page again").click()
    expect(inside.get_by_role("textbox", name="Rich text")).to_have_text("Hello.")
    expect(inside.get_by_label("Subject")).to_have_value("Spring news")
    expect(missing).to_have_count(0)


def test_a_part_that_could_not_be_loaded_is_tried_again_without_the_page(
    inside: Page, service: Service, email: str
) -> None:
    filled(service, email, {"FAILED": 2})
    inside.goto("/trouble")
    dialog = inside.get_by_role("dialog", name="Correct the address")
    missing = inside.get_by_role("alert").filter(has_text="A part of this page is missing")
    file = re.compile(r"/assets/CorrectDialog-.*\.js")

    def ask_for_it() -> None:
        inside.get_by_role("checkbox", name="Choose failed.1@example.com").check()
        inside.get_by_role("button", name="Correct addresses").click()

    inside.route(file, lambda route: route.fulfill(status=404))
    with inside.expect_event("load"):  # the page is loaded anew, once
        ask_for_it()
    ask_for_it()
    expect(missing).to_be_visible()
    assert_accessible(inside)
    missing.get_by_role("button", name="Try again").click()
    expect(missing).to_be_visible()
    missing.get_by_role("button", name="Close").click()
    expect(missing).to_have_count(0)
    inside.get_by_role("button", name="Correct addresses").click()
    expect(missing).to_be_visible()
    inside.unroute(file)
    missing.get_by_role("button", name="Try again").click()
    expect(dialog).to_be_visible()
    expect(missing).to_have_count(0)


def test_changed_settings_of_a_campaign_are_not_left_without_a_word(inside: Page) -> None:
    campaign = schedule(inside)
    inside.goto(f"/campaigns/{campaign}?tab=settings")
    inside.get_by_label("Subject").fill("Good morning")
    inside.get_by_role("tab", name="Content").click()
    question = inside.get_by_role("dialog", name="Leave what you have changed?")
    assert_accessible(inside)
    question.get_by_role("button", name="Stay here").click()
    expect(inside.get_by_label("Subject")).to_have_value("Good morning")
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_text("The campaign is changed.")).to_be_visible()
    inside.get_by_role("tab", name="Content").click()
    expect(inside.get_by_text("Good morning")).to_be_visible()
    inside.get_by_role("tab", name="Settings").click()
    inside.get_by_label("Subject").fill("Good evening")
    inside.get_by_role("link", name="Scheduled", exact=True).first.click()
    question.get_by_role("button", name="Leave").click()
    expect(inside.get_by_role("heading", name="Scheduled", level=1)).to_be_visible()


@pytest.mark.parametrize("way", ["Escape", "Cancel"])
def test_a_changed_sender_is_not_closed_without_a_word(inside: Page, way: str) -> None:
    sender = add_sender(inside, email="anna@example.com")
    inside.goto(f"/senders?edit={sender}")
    form = inside.get_by_role("dialog", name="Edit the sender")
    form.get_by_label("Display name").fill("Anna")
    if way == "Escape":
        inside.keyboard.press("Escape")
    else:
        form.get_by_role("button", name="Cancel").click()
    question = inside.get_by_role("dialog", name="Leave what you have changed?")
    if way == "Escape":
        expect(question).to_be_visible()
        inside.keyboard.press("Escape")  # is the answer, and asks nothing again
    else:
        question.get_by_role("button", name="Stay here").click()
    expect(question).to_have_count(0)
    expect(form.get_by_label("Display name")).to_have_value("Anna")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(inside.get_by_role("article", name="anna@example.com").get_by_text("Anna", exact=True)).to_be_visible()
    edit = inside.get_by_role("article", name="anna@example.com").get_by_role("link", name="Edit", exact=True)
    edit.click()
    form.get_by_role("button", name="Cancel").click()
    expect(form).to_have_count(0)
    expect(edit).to_be_focused()


def test_nothing_is_decided_about_rows_of_the_list_before(inside: Page, service: Service, email: str) -> None:
    filled(service, email, {"FAILED": 3, "UNKNOWN": 2})
    inside.goto("/trouble?status=FAILED")
    expect(inside.get_by_role("link", name="failed.1@example.com", exact=True)).to_be_visible()
    waiting: list[Route] = []
    inside.route(re.compile(r"/api/emails\?.*status=UNKNOWN"), lambda route: waiting.append(route))
    inside.get_by_role("button", name="In doubt").click()
    until(lambda: inside.evaluate("0") or waiting, "the list is asked for")
    shown = inside.locator("[inert]").get_by_role("checkbox")
    expect(shown).to_have_count(4)
    shown.last.focus()
    expect(shown.last).not_to_be_focused()
    for route in waiting:
        route.continue_()
    expect(inside.get_by_role("link", name="unknown.1@example.com", exact=True)).to_be_visible()
    expect(inside.get_by_role("checkbox", name="Select all 2 loaded")).to_be_enabled()


def test_a_campaigns_settings_are_its_own_when_the_browser_jumps_from_one_to_another(inside: Page) -> None:
    first, second = schedule(inside, name="First"), schedule(inside, name="Second")
    inside.goto(f"/campaigns/{first}?tab=settings")
    expect(inside.get_by_label("Name", exact=True)).to_have_value("First")
    inside.get_by_role("link", name="Campaigns", exact=True).first.click()
    inside.get_by_role("link", name="Second", exact=True).click()
    inside.get_by_role("tab", name="Settings").click()
    expect(inside.get_by_label("Name", exact=True)).to_have_value("Second")
    assert inside.url.endswith(f"/campaigns/{second}?tab=settings")
    inside.evaluate("history.go(-2)")
    expect(inside.get_by_role("heading", name="First", level=1)).to_be_visible()
    expect(inside.get_by_label("Name", exact=True)).to_have_value("First")


def test_it_is_said_once_that_what_is_shown_can_be_read_anew_no_more(inside: Page) -> None:
    schedule(inside)
    inside.goto("/")
    expect(inside.get_by_role("link", name="Spring letter", exact=True)).to_be_visible()
    inside.route(re.compile("/api/(campaigns|senders|stats)"), lambda route: route.fulfill(status=429))
    said = inside.get_by_role("alert").filter(has_text="may be out of date")
    expect(said).to_have_count(1)
    with inside.expect_response(re.compile("/api/campaigns")):
        pass
    expect(said).to_have_count(1)
    expect(inside.get_by_role("link", name="Spring letter", exact=True)).to_be_visible()
    inside.unroute_all(behavior="ignoreErrors")
    expect(said).to_have_count(0)


def test_who_logs_out_or_goes_to_another_workspace_is_first_asked_about_what_they_typed(
    inside: Page, email: str
) -> None:
    ask(inside, "POST", "/api/workspaces", {"name": "The second"})
    campaign = schedule(inside)
    inside.goto(f"/campaigns/{campaign}?tab=settings")
    subject = inside.get_by_label("Subject")
    subject.fill("Good morning")
    inside.get_by_role("button", name=email, exact=True).click()
    inside.get_by_role("menuitem", name="Log out").press("Enter")
    question = inside.get_by_role("dialog", name="Leave what you have changed?")
    question.get_by_role("button", name="Stay here").click()
    expect(question).to_have_count(0)
    expect(subject).to_have_value("Good morning")
    assert ask(inside, "GET", "/api/auth/me")["email"] == email

    inside.get_by_role("button", name="Workspace: ").click()
    inside.get_by_role("menuitem", name="The second").click()
    question.get_by_role("button", name="Stay here").click()
    expect(subject).to_have_value("Good morning")
    # Who goes to the campaigns afterwards has not asked for the other workspace, nor for the way out.
    inside.get_by_role("link", name="Campaigns", exact=True).first.click()
    question.get_by_role("button", name="Leave").click()
    expect(inside.get_by_role("link", name="Spring letter", exact=True)).to_be_visible()
    expect(inside.get_by_role("button", name=f"Workspace: {email}")).to_be_enabled()
    assert ask(inside, "GET", "/api/auth/me")["workspaceName"] == email

    inside.get_by_role("link", name="Spring letter", exact=True).click()
    inside.get_by_role("tab", name="Settings").click()
    subject.fill("Good evening")
    inside.get_by_role("button", name=email, exact=True).click()
    inside.get_by_role("menuitem", name="Log out").press("Enter")
    question.get_by_role("button", name="Leave").click()
    expect(inside.get_by_role("heading", name="Log in", level=1)).to_be_visible()
    assert inside.request.get("/api/auth/me").status == 401


def test_nothing_of_a_draft_stays_in_the_browser_after_the_log_out(inside: Page, email: str) -> None:
    me = ask(inside, "GET", "/api/auth/me")
    kept = f"localStorage.getItem('reachinbox.draft.{me['id']}.{me['workspaceId']}')"
    inside.goto("/compose")
    inside.get_by_label("Subject").fill("Spring news")
    until(lambda: "Spring news" in (inside.evaluate(kept) or ""), "the draft is kept")
    inside.get_by_role("button", name=email).click()
    inside.get_by_role("menuitem", name="Log out").press("Enter")
    expect(inside.get_by_role("heading", name="Log in", level=1)).to_be_visible()
    until(lambda: inside.evaluate(kept) is None, "it is kept no more")


def test_what_was_read_of_somebody_is_gone_from_the_page_once_they_are_erased(inside: Page) -> None:
    body = {"subject": "Hello", "body": "Hi", "recipients": ["ada@example.com"]}
    campaign = ask(inside, "POST", "/api/campaigns/schedule", body)["campaign"]["id"]
    until(lambda: ask(inside, "GET", f"/api/campaigns/{campaign}")["status"] == "FINISHED", "it is sent")
    inside.goto("/sandbox")
    inside.get_by_role("list", name="Messages").get_by_role("link").click()
    expect(inside.get_by_role("region", name="Message", exact=True)).to_contain_text("ada@example.com")
    inside.get_by_role("link", name="Settings", exact=True).click()
    inside.get_by_role("link", name=re.compile("data$")).click()
    inside.get_by_label("The recipient's address").fill("ada@example.com")
    inside.get_by_role("button", name="Erase", exact=True).click()
    inside.get_by_role("button", name="Erase for good").click()
    expect(inside.get_by_text("ada@example.com is erased")).to_be_visible()
    inside.evaluate("history.go(-2)")
    expect(inside.get_by_role("heading", name="Sandbox inbox", level=1)).to_be_visible()
    expect(inside.get_by_role("region", name="Message", exact=True).get_by_role("alert")).to_be_visible()
    expect(inside.get_by_text("ada@example.com")).to_have_count(0)


@pytest.mark.parametrize("path", ["/campaigns/abc", "/emails/-1", "/campaigns/0", "/campaigns/1.5", "/emails/1e3"])
def test_an_address_that_names_nothing_possible_is_said_to_lead_nowhere(inside: Page, path: str) -> None:
    asked: list[str] = []
    inside.on("request", lambda request: asked.append(request.url))
    inside.goto(path)
    noun = path[1 : path.index("s/")]
    expect(inside.get_by_role("heading", name=f"There is no such {noun}", level=1)).to_be_visible()
    expect(inside.get_by_role("navigation").first).to_be_visible()
    assert not [url for url in asked if re.search("/api/(campaigns|emails)/", url)]


def test_what_an_address_asks_for_and_is_not_there_is_said_in_words(inside: Page) -> None:
    for path, words in (
        ("/emails/999999", "There is no such email"),
        ("/replies?response=999999", "There is no such response"),
        ("/templates?edit=999999", "There is no such template"),
        ("/senders/1.5", "There is no page here"),
        ("/recipients?email=%00", "Whom do you look for?"),
    ):
        inside.goto(path)
        expect(inside.get_by_role("heading", name=words)).to_be_visible()
    inside.goto("/recipients?email=a@b.c@example.com%00")
    expect(inside.get_by_role("heading", name="Nobody is found")).to_be_visible()


def test_a_key_is_copied_on_plain_http_as_well(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url, NARROW) as page:
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        what_is_copied_stays_said(page)
        join(page, email)
        page.goto("/settings?section=keys")
        page.get_by_label("What it is for").fill("A script")
        page.get_by_role("button", name="Make the key").click()
        key = page.get_by_label("Key", exact=True).input_value()
        page.get_by_role("button", name="Copy: Key").click()
        expect(page.get_by_role("button", name="Key: copied")).to_be_visible()
        page.get_by_role("button", name="I have copied it").click()
        page.get_by_label("What it is for").press("Control+V")
        expect(page.get_by_label("What it is for")).to_have_value(key)


def test_a_dialog_covers_the_whole_page_and_moves_nothing_of_it(inside: Page, email: str) -> None:
    inside.goto("/settings?section=members")
    # What stands above it is there.
    expect(inside.get_by_role("list", name="Members")).to_contain_text(email)
    expect(inside.get_by_label("Name of the workspace", exact=True)).to_be_visible()
    expect(inside.get_by_role("combobox", name="Read by")).to_be_visible()
    expect(inside.get_by_label("Beyond")).to_be_visible()
    expect(inside.get_by_label("Name and address, in lines")).to_be_visible()
    expect(inside.locator("[aria-busy=true]")).to_have_count(0)
    button = inside.get_by_role("button", name="Delete the workspace")
    button.scroll_into_view_if_needed()
    before = button.bounding_box()
    button.click()
    inside.get_by_role("dialog").wait_for()
    overlay = inside.locator(".mantine-Modal-overlay").bounding_box()
    assert overlay
    assert overlay["width"] == inside.evaluate("innerWidth")
    assert button.bounding_box() == before


def test_a_database_that_is_another_installations_is_said_over_every_page(page: Page, email: str) -> None:
    message = "This database is another installation's: it is a copy. Nothing is sent until `reachinbox take-over`."
    found = {"kind": "installation.other", "message": message, "since": None}
    page.route("**/api/alerts*", lambda route: route.fulfill(json=[found]))
    join(page, email)
    page.goto("/")
    expect(page.get_by_role("alert")).to_have_text(message)
    assert_accessible(page)
    page.get_by_role("link", name="Senders", exact=True).first.click()
    page.get_by_role("heading", name="Senders", level=1).wait_for()
    expect(page.get_by_role("alert")).to_have_text(message)


def test_addresses_being_corrected_stay_whatever_becomes_of_the_list(
    inside: Page, service: Service, email: str
) -> None:
    filled(service, email, {"FAILED": 1})
    (failed,) = ask(inside, "GET", "/api/emails?status=FAILED")["items"]
    inside.goto("/trouble?status=FAILED")
    inside.get_by_role("checkbox", name="Choose failed.1@example.com").check()
    inside.get_by_role("button", name="Correct addresses").click()
    dialog = inside.get_by_role("dialog", name="Correct the address")
    address = dialog.get_by_label("failed.1@example.com")
    address.fill("found@example.com")
    question = inside.get_by_role("dialog", name="Leave what you have changed?")
    inside.keyboard.press("Escape")
    question.get_by_role("button", name="Stay here").click()
    expect(address).to_be_focused()
    inside.mouse.click(5, 5)
    question.get_by_role("button", name="Stay here").click()
    expect(question).to_have_count(0)
    elsewhere = {"corrections": [{"id": failed["id"], "email": "theirs@example.com"}]}
    ask(inside, "POST", "/api/failures/corrections", elsewhere)
    expect(inside.get_by_text("Nothing that failed waits for a decision")).to_be_visible()
    expect(address).to_have_value("found@example.com")
    dialog.get_by_role("button", name="Keep them as they are").click()
    question.get_by_role("button", name="Leave").click()
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("way", ["Failed", "In doubt"])
def test_what_was_opened_of_the_failed_and_those_in_doubt_stays(
    inside: Page, service: Service, email: str, way: str
) -> None:
    before, after = ({"FAILED": 1}, {"UNKNOWN": 2}) if way == "Failed" else ({"UNKNOWN": 2}, {"FAILED": 1})
    filled(service, email, before)
    inside.goto("/trouble")
    shown = inside.get_by_role("button", name=re.compile(f"^{way}"))
    expect(shown).to_have_attribute("aria-pressed", "true")
    row = inside.get_by_role("checkbox", name=f"Choose {'failed' if way == 'Failed' else 'unknown'}.1@example.com")
    row.check()
    filled(service, email, after, "Later")
    if way == "Failed":
        (failed,) = ask(inside, "GET", "/api/emails?status=FAILED")["items"]
        elsewhere = {"corrections": [{"id": failed["id"], "email": "theirs@example.com"}]}
        ask(inside, "POST", "/api/failures/corrections", elsewhere)
        expect(shown).to_contain_text("0")
    look_away(inside)
    expect(inside.get_by_role("group", name="What is shown")).to_contain_text(
        re.compile(r"Failed\W*[01]\W*In doubt\W*2")
    )
    expect(shown).to_have_attribute("aria-pressed", "true")
    if way == "In doubt":
        expect(row).to_be_checked()
