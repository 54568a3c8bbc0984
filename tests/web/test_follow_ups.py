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
    expect(steps.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(
        ["1", "20", "0", "1", "0", "0", "19", "Write again"]
    )
    expect(page.get_by_role("region", name="By step")).not_to_contain_text("Move up now")  # nobody new waits
    assert_accessible(page)
    assert clicks <= CLICKS
    assert fields <= FIELDS

    # Only what there is: nobody got the second step.
    expect(page.get_by_role("button", name="Write again to recipients of step 2")).to_have_count(0)
    page.get_by_role("button", name="Write again to recipients of step 1").click()
    expect(page.get_by_role("menuitem", name="Those for whom it failed")).to_have_count(0)
    page.get_by_role("menuitem", name="Those who got it and did not answer").click()
    page.wait_for_url("**/compose*")
    expect(page.get_by_role("button", name="Schedule 19 emails")).to_be_visible()


def test_steps_have_variants_and_are_changed_while_they_run(page: Page, email: str) -> None:
    register(page, email)
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_label("Addresses", exact=True).fill("\n".join(f"reader{n}.{email}" for n in range(6)))
    page.get_by_label("Subject", exact=True).fill("A question")
    page.get_by_label("Message", exact=True).fill("Is your roof dry?")
    page.get_by_role("button", name="Try variants of this text").first.click()
    page.get_by_label("Subject", exact=True).fill("Your roof")
    preview = page.get_by_role("article", name="Preview")
    expect(preview).to_contain_text("Your roof")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_label("Message of the step", exact=True).fill("Did you see it?")
    page.get_by_label("Quote the message before").check()
    expect(preview).to_contain_text("> Is your roof dry?")
    page.get_by_label("An answer stops it for everybody at the same domain").check()
    assert_accessible(page)
    page.get_by_role("button", name="Schedule 6 emails").click()
    confirm_sending(page)
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    campaign = int(page.url.rpartition("/")[2])
    until(lambda: ask(page, "GET", f"/api/campaigns/{campaign}")["following"] == 6, "all owe the next step")
    page.goto(f"/recipients?email=reader0.{email}")
    expect(page.get_by_role("list", name="Emails")).to_contain_text(re.compile("variant [AB]"))
    page.goto(f"/campaigns/{campaign}")
    varied = page.get_by_role("region", name="Variants", exact=True)
    expect(varied).to_contain_text(re.compile("Nothing to compare yet|no difference is to be seen yet"))
    expect(varied).to_contain_text("Variant B: Your roof")
    varied.get_by_role("button", name="Stop B").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop B").click()
    expect(varied).to_contain_text("Stopped")

    page.get_by_role("tab", name="Content").click()
    steps = page.get_by_role("region", name="Steps", exact=True)
    steps.get_by_text("B", exact=True).click()
    expect(steps).to_contain_text("B is stopped: it goes to nobody any more")
    steps.get_by_role("button", name="Add a step").click()
    steps.get_by_label("Message of the step", exact=True).last.fill("My last word.")
    expect(steps).to_contain_text("Step 3 is new")
    steps.get_by_role("button", name="Change the texts").click()
    page.get_by_role("dialog").get_by_role("button", name="Change the texts").click()
    expect(page.get_by_role("table", name="Steps").get_by_role("row")).to_have_count(4)
    assert_accessible(page)
    told = ask(page, "GET", f"/api/campaigns/{campaign}")
    assert [(step["body"], step["quotes"]) for step in told["steps"][1:]] == [
        ("Did you see it?", True),
        ("My last word.", False),
    ]


def test_variants_are_seen_changed_added_and_stopped_while_they_run(page: Page, email: str) -> None:
    register(page, email)
    people = [{"email": f"reader{n}.{email}", "name": f"R{n}"} for n in range(4)]
    text = {"subject": "A question", "body": "Is your roof dry?", "startTime": "2030-01-31T08:00:00Z"}
    varied = {"variants": [{"subject": "Your roof", "body": "Is it dry?"}]}
    steps = {"steps": [{"wait": "P3D", "body": "Did you see it?", "variants": [{"body": "Well?"}]}]}
    made = ask(page, "POST", "/api/campaigns/schedule", text | varied | steps | {"recipients": people})["campaign"]
    page.goto(f"/campaigns/{made['id']}?tab=content")
    texts = page.get_by_role("region", name="Steps", exact=True)
    first = texts.get_by_role("region", name="Step 1")
    expect(first).to_contain_text("A is the text above.")
    first.get_by_text("B", exact=True).click()
    expect(first.get_by_label("Subject", exact=True)).to_have_value("Your roof")
    first.get_by_label("Message", exact=True).fill("Is it dry, {{ nmae }}?")
    expect(texts).to_contain_text("Variant B of step 1 says something else from now on.")
    texts.get_by_role("button", name="Change the texts").click()
    sure = page.get_by_role("dialog").get_by_role("button", name="Change the texts")
    sure.click()
    expect(first.get_by_label("Message", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(first).to_contain_text("did you mean")
    first.get_by_label("Message", exact=True).fill("Is it dry, {{ name }}?")
    preview = page.get_by_role("article", name="Preview")
    expect(preview).to_contain_text(re.compile(r"Is it dry, R\d\?"))
    first.get_by_role("button", name="Add a variant").click()
    first.get_by_label("Subject", exact=True).fill("Slates")
    first.get_by_label("Share of C").fill("2")
    second = texts.get_by_role("listitem", name="Step 2")
    second.get_by_text("B", exact=True).click()
    second.get_by_label("Message of the step", exact=True).fill("Well, {{ name }}?")
    expect(preview).to_contain_text(re.compile(r"Well, R\d\?"))
    assert_accessible(page)
    texts.get_by_role("button", name="Change the texts").click()
    sure.click()
    expect(page.get_by_text("The texts are changed.")).to_be_visible()
    told = ask(page, "GET", f"/api/campaigns/{made['id']}")["variants"]
    assert [(one["step"], one["letter"], one["subject"], one["body"], one["weight"]) for one in told] == [
        (1, "A", "A question", "Is your roof dry?", 1),
        (1, "B", "Your roof", "Is it dry, {{ name }}?", 1),
        (1, "C", "Slates", "Is it dry, {{ name }}?", 2),
        (2, "A", None, "Did you see it?", 1),
        (2, "B", None, "Well, {{ name }}?", 1),
    ]
    second.get_by_role("button", name="Stop B").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop B").click()
    expect(second).to_contain_text("B is stopped: it goes to nobody any more")
    page.reload()
    second.get_by_text("B", exact=True).click()
    expect(second).to_contain_text("Well, {{ name }}?")
    expect(second.get_by_role("button", name="Stop B")).to_have_count(0)
    assert_accessible(page)


def test_who_changes_steps_while_somebody_else_does_writes_over_nothing(page: Page, email: str) -> None:
    register(page, email)
    text = {"subject": "A question", "body": "Is your roof dry?", "startTime": "2030-01-31T08:00:00Z"}
    steps = [{"wait": "P3D", "body": "Did you see it?"}]
    asked = text | {"recipients": [{"email": f"reader.{email}"}], "steps": steps}
    made = ask(page, "POST", "/api/campaigns/schedule", asked)["campaign"]
    page.goto(f"/campaigns/{made['id']}?tab=content")
    texts = page.get_by_role("region", name="Steps", exact=True)
    message = texts.get_by_label("Message of the step", exact=True)
    message.fill("Mine.")
    theirs = [steps[0] | {"id": made["steps"][1]["id"]}, {"wait": "P1D", "body": "Theirs."}]
    ask(page, "PATCH", f"/api/campaigns/{made['id']}", {"steps": theirs})
    texts.get_by_role("button", name="Change the texts").click()
    page.get_by_role("dialog").get_by_role("button", name="Change the texts").click()
    expect(texts.get_by_role("alert")).to_contain_text("omebody changed what the campaign says meanwhile")
    expect(message.first).to_have_value("Mine.")
    assert_accessible(page)
    texts.get_by_role("button", name="Begin with what it says now").click()
    expect(message).to_have_count(2)
    expect(message.last).to_have_value("Theirs.")
    told = ask(page, "GET", f"/api/campaigns/{made['id']}")["steps"]
    assert [step["body"] for step in told[1:]] == ["Did you see it?", "Theirs."]
