"""When and from whom: several mailboxes and a calendar in the composer, on a campaign's page and in the week's view."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NARROW, ask, assert_accessible, assert_fits, schedule
from tests.support.service import until

NOBODY = {"host": "127.0.0.1", "port": 9, "security": "none"}


@pytest.fixture
def composing(inside: Page) -> Page:
    """The composer of somebody with two mailboxes of 40 emails a day, beside the default one."""
    for name in ("bea", "carl"):
        ask(inside, "POST", "/api/senders", {"email": f"{name}@example.com", "dailyLimit": 40, **NOBODY})
    inside.goto("/compose")
    return inside


def write(page: Page, recipients: int) -> None:
    page.get_by_label("Addresses").fill("\n".join(f"r{n}@example.com" for n in range(recipients)))
    page.get_by_label("Subject").fill("Hello")
    page.get_by_label("Message", exact=True).fill("A text.")


def choose(page: Page, label: str, *options: str) -> None:
    field = page.get_by_role("combobox", name=label)
    field.click()
    for option in options:
        if field.is_editable():  # hundreds of options move to the one that is chosen while another is looked for
            field.fill(option)
        page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def test_a_campaign_of_several_mailboxes_by_the_calendar(composing: Page) -> None:
    page = composing
    choose(page, "From", "bea@example.com", "carl@example.com")
    write(page, 100)
    page.get_by_role("switch", name="Only on certain days and hours").check(force=True)
    for day in ("Mon", "Fri"):
        page.get_by_text(day, exact=True).click()
    page.get_by_role("spinbutton", name="To, hours").fill("16")
    zone = page.get_by_role("combobox", name="By whose clock")
    zone.fill("Asia/Tokyo")
    expect(page.get_by_role("option", name="Asia/")).to_have_count(1)
    zone.press("ArrowDown")  # by keys: what appears above moves the list under the mouse
    zone.press("Enter")
    plan = page.get_by_role("region", name="Plan")
    expect(plan).to_contain_text(
        "Tuesdays to Thursdays, 9:00 to 16:00 Asia/Tokyo time, about 50 a day from 2 mailboxes."
    )
    expect(plan).to_contain_text("the mailboxes' limits in 24 hours")
    expect(plan.get_by_role("row", name=re.compile("bea@example.com"))).to_contain_text("50")
    expect(plan.get_by_role("img", name=re.compile("by the hour"))).to_be_visible()
    assert_accessible(page)
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert_fits(page)

    schedule(page, 100)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    expect(page.get_by_text("Tuesdays to Thursdays, 9:00 to 16:00 Asia/Tokyo time")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("carl@example.com"))).to_contain_text("50")
    assert_fits(page)
    campaign = ask(page, "GET", f"/api/campaigns/{page.url.rsplit('/', 1)[1]}")
    assert campaign["calendar"]["days"] == ["tue", "wed", "thu"]
    assert len(campaign["senderIds"]) == 2


def test_recipients_own_zones_need_one_for_who_brings_none(composing: Page) -> None:
    page = composing
    write(page, 3)
    page.get_by_role("switch", name="Only on certain days and hours").check(force=True)
    choose(page, "By whose clock", "Each recipient's own")
    expect(page.get_by_role("combobox", name="For who brings none")).to_have_value("Europe/Berlin")
    expect(page.get_by_role("region", name="Plan")).to_contain_text("their time")
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri"):
        page.get_by_text(day, exact=True).click()
    expect(page.get_by_text(re.compile("^Has no day, so nothing would ever leave"))).to_be_visible()


def test_the_calendar_of_a_campaign_is_changed_and_the_week_shows_it(composing: Page) -> None:
    page = composing
    always = {
        "timezone": "UTC",
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        "from": "00:00",
        "to": "00:00",
    }
    scheduled = ask(
        page,
        "POST",
        "/api/campaigns/schedule",
        {
            **{"name": "Slow", "subject": "Hello", "body": "A text.", "delayBetweenMs": 3_600_000 * 6},
            **{
                "calendar": always,
                "startTime": "2099-01-01T00:00:00Z",
                "recipients": ["a@example.com", "b@example.com"],
            },
        },
    )
    page.goto("/week")
    expect(page.get_by_text("Nothing is planned for the next seven days")).to_be_visible()
    assert_accessible(page)
    page.goto(f"/campaigns/{scheduled['campaign']['id']}?tab=settings")
    page.get_by_text("Sun", exact=True).click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Mondays to Saturdays, all day UTC time")).to_be_visible()

    ask(
        page,
        "PATCH",
        f"/api/campaigns/{scheduled['campaign']['id']}",
        {"calendar": None, "startTime": "2020-01-01T00:00:00Z"},
    )
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    page.goto("/week")
    expect(page.get_by_role("row", name=re.compile("Slow"))).to_be_visible()
    choose(page, "Mailbox", "carl@example.com")
    expect(page.get_by_text("Nothing is planned for the next seven days")).to_be_visible()
    assert_fits(page)


def test_what_was_planned_first_stands_beside_what_was_sent(inside: Page) -> None:
    page = inside
    letter = {"name": "Letter", "subject": "Hello", "body": "A text."}
    three = {"recipients": [f"r{n}@example.com" for n in range(3)]}
    sent = ask(page, "POST", "/api/campaigns/schedule", letter | three)
    campaign = f"/api/campaigns/{sent['campaign']['id']}"
    until(lambda: ask(page, "GET", campaign)["status"] == "FINISHED", "it is sent")
    page.goto(f"/campaigns/{sent['campaign']['id']}?tab=hours")
    chart = page.get_by_role("img", name=re.compile("3 of 3 planned emails sent, .*median deviation"))
    expect(chart).to_be_visible()
    figures = page.get_by_role("region", name="Deviations from the first plan")
    expect(figures).to_contain_text(re.compile("Median deviation(on time|[0-9]+ s late)"))
    assert_accessible(page)

    slow = ask(page, "POST", "/api/campaigns/schedule", letter | three | {"startTime": "2099-01-01T00:00:00Z"})
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    page.goto(f"/campaigns/{slow['campaign']['id']}?tab=hours")
    expect(page.get_by_role("img", name=re.compile("0 of 3 planned emails sent, .*no deviation yet"))).to_be_visible()
    expect(figures).to_contain_text("Median deviationnone yet")
    assert_fits(page)
