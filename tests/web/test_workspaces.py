"""Workspaces: who is in one, how one gets in, going from one to another, and what a viewer is not offered."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.browser import NARROW, PASSWORD, ask, assert_accessible, assert_fits, join, open_page
from tests.support.service import Service
from tests.web.test_campaigns import schedule


def invite(owner: Page, role: str, email: str = "") -> str:
    """By the form; returns the link, which is shown this once."""
    owner.goto("/settings?section=members")
    owner.get_by_label("Role", exact=True).select_option(label=role)
    owner.get_by_label("For this address alone").fill(email)
    owner.get_by_role("button", name="Make a link").click()
    link = owner.get_by_label(f"Link for {email}" if email else "Link", exact=True).input_value()
    assert "/join?token=" in link
    owner.get_by_role("button", name="I have copied it").click()
    expect(owner.get_by_role("list", name="Open invitations")).to_contain_text(email or "Whoever has the link")
    return link


def register_by(page: Page, link: str, email: str) -> None:
    page.goto(link)
    page.get_by_role("link", name="Make an account", exact=True).click()
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("heading", name="Campaigns", level=1).wait_for()


def switch(page: Page, to: str) -> None:
    page.get_by_role("button", name="Workspace: ").click()
    page.get_by_role("menuitem", name=to).click()
    expect(page.get_by_role("button", name=f"Workspace: {to}")).to_be_visible()


@pytest.fixture
def guest(browser: Browser, service: Service) -> Iterator[Page]:
    """Somebody else's browser, in which nobody is logged in."""
    with open_page(browser, service.url) as page:
        yield page


def test_who_registers_by_the_link_is_in_both_workspaces_and_never_mixes_them(
    inside: Page, email: str, guest: Page
) -> None:
    schedule(inside, name="The firm's letter")
    inside.goto("/settings?section=members")
    inside.get_by_label("Name of the workspace").fill("The firm")
    inside.get_by_role("button", name="Rename").click()
    expect(inside.get_by_text("The workspace is called The firm now.")).to_be_visible()
    expect(inside.get_by_role("button", name="Workspace: ")).to_have_count(0)  # there is one alone
    second = f"second.{email}"
    register_by(guest, invite(inside, "Member", second), second)
    expect(guest.get_by_role("link", name="The firm's letter", exact=True)).to_be_visible()
    expect(guest.get_by_role("button", name="Workspace: The firm")).to_be_visible()
    inside.reload()
    expect(inside.get_by_role("list", name="Members")).to_contain_text(second)
    expect(inside.get_by_role("list", name="Open invitations")).to_have_count(0)

    # Each request, those to the old workspace included, names the workspace that it belongs to.
    named: list[tuple[str, str | None]] = []
    guest.on("request", lambda request: named.append((request.url, request.headers.get("reachinbox-acting-as"))))
    me = ask(guest, "GET", "/api/auth/me")
    switch(guest, second)
    expect(guest.get_by_role("heading", name="No campaign yet")).to_be_visible()
    expect(guest.get_by_role("link", name="The firm's letter", exact=True)).to_have_count(0)
    own = ask(guest, "GET", "/api/auth/me")
    assert own["workspaceId"] != me["workspaceId"]
    after = [header for url, header in named if "/api/campaigns" in url][-1]
    assert after == f"{own['id']}.{own['workspaceId']}"
    schedule(guest, name="My own letter")
    expect(guest.get_by_role("link", name="My own letter", exact=True)).to_be_visible()
    guest.goto("/compose")
    guest.get_by_label("Campaign name").fill("Mine alone")
    switch(guest, "The firm")
    expect(guest).to_have_url(re.compile(r"/$"))
    expect(guest.get_by_role("link", name="The firm's letter", exact=True)).to_be_visible()
    expect(guest.get_by_role("link", name="My own letter", exact=True)).to_have_count(0)
    guest.get_by_role("link", name="New campaign", exact=True).click()
    expect(guest.get_by_label("Campaign name")).to_have_value("")  # a draft is its workspace's
    assert_accessible(guest)


def test_another_tab_does_not_act_in_the_workspace_that_was_gone_to(inside: Page, email: str) -> None:
    campaign = schedule(inside, name="Of the first")
    inside.goto("/settings?section=members")
    inside.get_by_label("Name of the new workspace").fill("The second")
    inside.get_by_role("button", name="Make it and go there").click()
    expect(inside.get_by_role("button", name="Workspace: The second")).to_be_visible()
    switch(inside, email)
    other = inside.context.new_page()
    other.goto("/")
    expect(other.get_by_role("link", name="Of the first", exact=True)).to_be_visible()
    switch(inside, "The second")
    dialog = other.get_by_role("dialog", name="You have changed the workspace")
    expect(dialog).to_contain_text("The second")
    assert_accessible(other)
    dialog.get_by_role("button", name=f"Back to {email}").click()
    expect(dialog).to_have_count(0)
    other.get_by_role("button", name="Pause Of the first").click()
    expect(other.get_by_role("button", name="Resume Of the first")).to_be_visible()
    assert other.request.get(f"/api/campaigns/{campaign}").json()["status"] == "PAUSED"
    back = inside.get_by_role("dialog", name="You have changed the workspace")
    back.get_by_role("link", name=f"Go on in {email}", exact=True).click()
    expect(inside.get_by_role("link", name="Of the first", exact=True)).to_be_visible()


def test_a_viewer_sees_and_is_offered_nothing_that_sends(inside: Page, email: str, guest: Page) -> None:
    schedule(inside, name="To be seen")
    link = invite(inside, "Viewer")
    second = f"second.{email}"
    join(guest, second)
    guest.goto(link)
    expect(guest.get_by_text(f"You are logged in as {second}.")).to_be_visible()
    assert_accessible(guest)
    guest.get_by_role("button", name="Join").click()
    expect(guest.get_by_role("link", name="To be seen", exact=True)).to_be_visible()
    expect(guest.get_by_role("link", name="New campaign", exact=True)).to_have_count(0)
    expect(guest.get_by_role("button", name="Pause To be seen")).to_have_count(0)
    guest.get_by_role("link", name="To be seen", exact=True).click()
    expect(guest.get_by_role("note")).to_contain_text("stayed on this machine")
    expect(guest.get_by_role("link", name="Connect a mailbox")).to_have_count(0)
    guest.get_by_role("tab", name="Settings").click()
    for field in ("Name", "Subject"):
        expect(guest.get_by_label(field, exact=True)).to_be_disabled()
    for path in ("/suppressed", "/lists", "/templates", "/trouble", "/sent", "/replies"):
        guest.goto(path)
        expect(guest.get_by_role("heading", level=1)).to_be_visible()
        verbs = guest.get_by_role("main").get_by_role("button", name=re.compile("Add|New|Retry|Allow|Write"))
        expect(verbs).to_have_count(0)
    guest.goto("/compose")
    expect(guest.get_by_text("You are a viewer of")).to_be_visible()
    expect(guest.get_by_role("button", name="Schedule")).to_have_count(0)
    guest.goto("/senders")
    expect(guest.get_by_role("article", name=email)).to_be_visible()
    expect(guest.get_by_role("link", name="Add a sender", exact=True)).to_have_count(0)
    expect(guest.get_by_role("button", name="Verify")).to_have_count(0)
    guest.goto("/settings?section=keys")
    expect(guest.get_by_role("heading", name="Password", level=2)).to_be_visible()
    guest.goto("/settings?section=members")
    expect(guest.get_by_role("list", name="Members")).to_contain_text(email)
    expect(guest.get_by_role("button", name="Remove")).to_have_count(0)
    expect(guest.get_by_role("button", name="Make a link")).to_have_count(0)
    assert_accessible(guest)

    # A member from the next page on; then out of it again, by themselves.
    inside.goto("/settings?section=members")
    inside.get_by_label(f"Role of {second}").select_option(label="Member")
    expect(inside.get_by_text(f"{second} is a member now.")).to_be_visible()
    inside.goto("/settings?section=audit")
    log = inside.get_by_role("list", name="Audit log")
    expect(log.get_by_role("listitem").filter(has_text="Joined the workspace")).to_contain_text(second)
    expect(log.get_by_role("listitem").filter(has_text="Changed a member's role")).to_contain_text(email)
    guest.reload()
    expect(guest.get_by_role("link", name="New campaign", exact=True)).to_be_visible()
    guest.get_by_role("button", name="Leave").click()
    guest.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(guest.get_by_role("heading", name="No campaign yet")).to_be_visible()
    expect(guest.get_by_role("button", name="Workspace: ")).to_have_count(0)


def test_an_invitation_taken_back_opens_nothing(inside: Page, email: str, guest: Page) -> None:
    link = invite(inside, "Member")
    inside.get_by_role("button", name="Take back").click()
    inside.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    expect(inside.get_by_role("list", name="Open invitations")).to_have_count(0)
    assert_accessible(inside)
    guest.goto(link)
    expect(guest.get_by_role("alert")).to_contain_text("not, or no longer, valid")
    expect(guest.get_by_role("link", name="Make an account", exact=True)).to_have_count(0)
    assert_accessible(guest)


def test_the_link_says_where_it_leads_before_one_follows_it(inside: Page, email: str, guest: Page) -> None:
    asked: list[str] = []
    guest.on("request", lambda request: asked.append(request.url))
    guest.goto(invite(inside, "Viewer"))
    main = guest.get_by_role("main")
    expect(main).to_contain_text("Workspace")
    for told in (email, "Viewer. Sees everything that is sent", "Good until"):
        expect(main).to_contain_text(told)
    assert not [url for url in asked if "/api/" in url and "token" in url]
    join(guest, f"second.{email}")
    link = invite(inside, "Member")
    guest.goto(link)
    expect(main).to_contain_text("Member. Writes and sends campaigns")
    inside.get_by_role("button", name="Take back").first.click()
    inside.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    expect(inside.get_by_role("list", name="Open invitations").get_by_role("listitem")).to_have_count(1)
    guest.get_by_role("button", name="Join").click()  # the page was open meanwhile
    expect(guest.get_by_role("alert")).to_contain_text("not, or no longer, valid")
    assert_accessible(guest)


def test_an_owner_deletes_a_workspace_by_its_name(inside: Page, email: str, guest: Page) -> None:
    inside.goto("/settings?section=members")
    inside.get_by_label("Name of the new workspace").fill("To be deleted")
    inside.get_by_role("button", name="Make it and go there").click()
    expect(inside.get_by_role("button", name="Workspace: To be deleted")).to_be_visible()
    register_by(guest, invite(inside, "Member"), f"second.{email}")
    campaign = schedule(inside, name="Not over")
    inside.goto("/settings?section=members")
    inside.get_by_role("button", name="Delete the workspace").click()
    dialog = inside.get_by_role("dialog", name="Delete this workspace?")
    sure = dialog.get_by_label("Name of the workspace, to be sure")
    sure.fill("to be deleted")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog).to_contain_text("Type “To be deleted” to delete it.")
    assert_accessible(inside)
    sure.fill("To be deleted")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Campaigns that are not over: 1;")
    ask(inside, "POST", f"/api/campaigns/{campaign}/cancel")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(inside.get_by_text("To be deleted is deleted.")).to_be_visible()
    expect(inside.get_by_role("button", name="Workspace: ")).to_have_count(0)
    assert ask(inside, "GET", "/api/auth/me")["workspaceName"] == email
    guest.goto("/")
    expect(guest.get_by_role("heading", name="No campaign yet")).to_be_visible()
    inside.goto("/settings?section=members")
    inside.get_by_role("button", name="Delete the workspace").click()
    dialog.get_by_label("Name of the workspace, to be sure").fill(email)
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is your last workspace")


def look_away(page: Page) -> None:
    """Look at another tab, and come back: there was a gap in what the page hears."""
    for hidden in ("true", "false"):
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_changed_role_is_seen_without_a_reload(inside: Page, email: str, guest: Page) -> None:
    schedule(inside, name="To be seen")
    second = f"second.{email}"
    register_by(guest, invite(inside, "Member", second), second)
    member = f"/api/members/{ask(guest, 'GET', '/api/auth/me')['id']}"
    pause, new = (
        guest.get_by_role("button", name="Pause To be seen"),
        guest.get_by_role("link", name="New campaign", exact=True),
    )
    expect(new).to_be_visible()
    ask(inside, "PATCH", member, {"role": "viewer"})
    pause.click()
    expect(guest.get_by_role("alert")).to_contain_text("This takes the role member")
    expect(pause).to_have_count(0)
    expect(new).to_have_count(0)
    ask(inside, "PATCH", member, {"role": "member"})
    look_away(guest)
    expect(new).to_be_visible()
    ask(inside, "PATCH", member, {"role": "viewer"})
    guest.context.clear_cookies()
    guest.get_by_role("link", name="Senders", exact=True).dispatch_event("click")
    dialog = guest.get_by_role("dialog", name="Log in again")
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog).to_have_count(0)
    expect(new).to_have_count(0)


def test_a_workspace_is_made_once_though_the_way_into_it_fails(inside: Page) -> None:
    inside.goto("/settings?section=members")
    inside.route("**/select", lambda route: route.fulfill(status=429))
    inside.get_by_label("Name of the new workspace").fill("The second")
    inside.get_by_role("button", name="Make it and go there").click()
    expect(inside.get_by_role("alert")).to_contain_text("The second is made, and you are not in it yet")
    expect(inside.get_by_role("button", name="Workspace: ")).to_be_visible()  # there are two by now
    inside.unroute_all()
    inside.get_by_role("button", name="Make it and go there").click()
    expect(inside.get_by_role("button", name="Workspace: The second")).to_be_visible()
    assert len(ask(inside, "GET", "/api/workspaces")) == 2


@pytest.mark.parametrize("way", ["delete", "leave"])
def test_a_workspace_that_is_gone_is_left_though_what_comes_next_is_not_answered(
    inside: Page, email: str, guest: Page, way: str
) -> None:
    name = f"The firm of {email}"
    if way == "delete":
        made = ask(inside, "POST", "/api/workspaces", {"name": name})["id"]
        ask(inside, "POST", f"/api/workspaces/{made}/select")
        page = inside
    else:
        mine = ask(inside, "GET", "/api/auth/me")["workspaceId"]
        ask(inside, "PATCH", f"/api/workspaces/{mine}", {"name": name})
        register_by(guest, invite(inside, "Member"), f"second.{email}")
        page = guest
    page.goto("/settings?section=members")
    failed: list[str] = []

    def once(route: Route) -> None:
        if failed or route.request.headers.get("reachinbox-acting-as") != "":
            route.continue_()
        else:
            failed.append(route.request.url)
            route.fulfill(status=429)

    page.route("**/api/auth/me", once)
    if way == "delete":
        page.get_by_role("button", name="Delete the workspace").click()
        page.get_by_label("Name of the workspace, to be sure").fill(name)
        page.get_by_role("button", name="Delete for good").click()
    else:
        page.get_by_role("button", name="Leave").click()
        page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="No campaign yet")).to_be_visible()
    assert failed
    expect(page.get_by_text("You are still in")).to_have_count(0)
    assert [one["name"] for one in ask(page, "GET", "/api/workspaces") if one["name"] == name] == []


def test_what_one_types_of_a_workspace_outlives_what_another_owner_saves(inside: Page) -> None:
    own = f"/api/workspaces/{ask(inside, 'GET', '/api/auth/me')['workspaceId']}"
    inside.goto("/settings?section=members")
    name, address = inside.get_by_label("Name of the workspace"), inside.get_by_label("Name and address, in lines")
    address.fill("Mine\n1 Road")
    ask(inside, "PATCH", own, {"postalAddress": "Theirs\n2 Street", "bounceLimit": 7})
    name.fill("The firm")
    name.press("Enter")  # to save the one reads both anew
    expect(inside.get_by_text("The workspace is called The firm now.")).to_be_visible()
    expect(inside.get_by_label("Beyond")).to_have_value("7 %")
    expect(name).to_be_focused()
    expect(address).to_have_value("Mine\n1 Road")
    told = inside.get_by_text("Somebody has changed it meanwhile")
    expect(told).to_contain_text("2 Street")
    assert_accessible(inside)
    inside.get_by_role("link", name="Scheduled", exact=True).first.click()
    inside.get_by_role("dialog").get_by_role("button", name="Stay here").click()
    expect(address).to_have_value("Mine\n1 Road")
    inside.get_by_role("button", name="Save the address").click()
    expect(told).to_have_count(0)
    assert ask(inside, "GET", "/api/workspaces")[0]["postalAddress"] == "Mine\n1 Road"
    ask(inside, "PATCH", own, {"postalAddress": "Theirs again"})
    look_away(inside)
    expect(address).to_have_value("Theirs again")  # nothing of it was changed here
    expect(told).to_have_count(0)


def test_members_and_the_link_fit_a_narrow_screen(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url, NARROW) as page:
        join(page, email)
        link = invite(page, "Owner")
        page.goto(link)
        page.get_by_role("button", name="Join").wait_for()
        assert_fits(page)
        assert_accessible(page)
        page.goto("/settings?section=members")
        page.get_by_role("heading", name="Members", level=2).wait_for()
        assert_fits(page)
        page.get_by_label("Name of the new workspace").fill("The second")
        page.get_by_role("button", name="Make it and go there").click()
        page.get_by_role("heading", name="No campaign yet").wait_for()
        page.get_by_role("button", name="Navigation").click()
        switch_in = page.get_by_role("dialog").get_by_role("button", name="Workspace: The second")
        switch_in.click()
        page.get_by_role("menuitem", name=email).click()
        page.get_by_role("button", name="Navigation").click()
        expect(page.get_by_role("dialog").get_by_role("button", name=f"Workspace: {email}")).to_be_visible()
        assert_accessible(page)


def test_who_gives_their_own_ownership_away_is_asked_first(inside: Page, email: str, guest: Page) -> None:
    second = f"second.{email}"
    register_by(guest, invite(inside, "Owner", second), second)
    inside.reload()
    own = inside.get_by_label(f"Role of {email}", exact=True)
    own.focus()
    inside.keyboard.press("ArrowUp")
    question = inside.get_by_role("dialog", name="Give away your ownership?")
    assert_accessible(inside)
    question.get_by_role("button", name="Stay an owner").click()
    expect(question).to_have_count(0)
    expect(own).to_have_value("owner")
    assert ask(inside, "GET", "/api/auth/me")["role"] == "owner"
    inside.get_by_label(f"Role of {second}").select_option("member")  # of others it can be taken back
    expect(inside.get_by_text(f"{second} is a member now.")).to_be_visible()
    inside.get_by_label(f"Role of {second}").select_option("owner")
    expect(inside.get_by_text(f"{second} is an owner now.")).to_be_visible()
    own.select_option("viewer")
    question.get_by_role("button", name="Become a viewer").click()
    expect(own).to_have_count(0)
    assert ask(inside, "GET", "/api/auth/me")["role"] == "viewer"
