"""From an account made a minute ago to a campaign of 20 with a follow-up that an answer stopped, all in the sandbox."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.browser import ask, assert_accessible, confirm_sending, register
from tests.support.service import until

CLICKS, FIELDS = 10, 7


def test_in_five_minutes_an_answer_stops_a_follow_up(page: Page, email: str) -> None:
    register(page, email)  # two fields, a click
    clicks, fields = 1, 2

    def click(role: str, name: str | re.Pattern[str]) -> None:
        nonlocal clicks
        clicks += 1
        page.get_by_role(role, name=name).first.click()  # pyright: ignore[reportArgumentType]

    def fill(label: str, text: str) -> None:
        nonlocal fields
        fields += 1
        page.get_by_label(label, exact=True).fill(text)

    people = [f"reader{n}.{email}" for n in range(20)]
    click("link", "New campaign")
    fill("Addresses", "\n".join(people))
    fill("Subject", "A question")
    fill("Message", "Is your roof dry?")
    click("button", "Add a step")
    fill("Message of the step", "Did you see what I wrote on {{ sent_at }}?")
    preview = page.get_by_role("article", name="Preview")
    expect(preview).to_contain_text("Did you see what I wrote on 20")
    expect(preview).to_contain_text("Re: A question")
    plan = page.get_by_role("table", name="The plan by step")
    for row, step in ((1, "1"), (2, "2")):
        expect(plan.get_by_role("row").nth(row).get_by_role("cell").first).to_have_text(step)
        expect(plan.get_by_role("row").nth(row).get_by_role("cell").nth(1)).to_have_text("20")
    expect(page.get_by_role("img", name=re.compile("20 of step 1; .*20 of step 2"))).to_be_visible()
    assert_accessible(page)
    click("button", "Schedule 20 emails")
    expect(page.get_by_role("dialog")).to_contain_text("To whoever has not answered: after 3 business days.")
    clicks += 1
    confirm_sending(page)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    campaign = int(page.url.rpartition("/")[2])
    steps = page.get_by_role("table", name="Steps")
    until(lambda: ask(page, "GET", f"/api/campaigns/{campaign}")["following"] == 20, "all owe the next step")

    click("link", "Sandbox inbox")
    click("link", re.compile("A question"))
    click("button", "Reply as this recipient")
    click("button", "Send the reply")
    expect(page.get_by_text("Answered: the campaign writes no more to them.")).to_be_visible()
    assert_accessible(page)
    told = ask(page, "GET", f"/api/campaigns/{campaign}")
    assert (told["following"], told["responses"]["replied"]) == (19, 1)
    click("link", "See the campaign")
    expect(steps.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(["1", "20", "0", "1", "0", "0", "19"])
    expect(page.get_by_role("region", name="By step")).not_to_contain_text("Move up now")  # nobody new waits
    assert_accessible(page)
    assert clicks <= CLICKS
    assert fields <= FIELDS
