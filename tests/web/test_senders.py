"""Senders: added with a provider's settings, verified in the server's own words, backed off, deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import NARROW, ask, assert_accessible, assert_fits, join, open_page, violations
from tests.support.service import Service, until
from tests.support.sinkproc import Sink


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Service]:
    """One that trusts the certificates of our own mail servers."""
    folder = tmp_path_factory.mktemp("senders")
    bundle = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    service = Service(folder, SSL_CERT_FILE=str(bundle))
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


@pytest.fixture
def mailserver(authority: trustme.CA, tmp_path: Path) -> Iterator[Sink]:
    """Wants TLS, and the login anna with the password right."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(key))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(certificate), append=True)
    with Sink(starttls=(certificate, key), auth="anna:right") as sink:
        yield sink


def card(page: Page, address: str) -> Locator:
    return page.get_by_role("article", name=address)


def add_sender(page: Page, **fields: Any) -> int:
    return ask(page, "POST", "/api/senders", fields)["id"]


def test_a_provider_fills_in_its_server_and_a_new_account_has_a_default_sender(inside: Page, email: str) -> None:
    inside.goto("/senders")
    mine = card(inside, email)
    expect(mine.get_by_text("Default", exact=True)).to_be_visible()
    expect(mine.get_by_text("Sandbox mailbox")).to_be_visible()
    expect(mine.get_by_text("of 100")).to_be_visible()
    expect(mine.get_by_role("img", name="Nothing was sent today")).to_be_visible()
    expect(mine.get_by_role("button", name="Delete")).to_have_count(0)
    inside.get_by_role("link", name="Add a sender").click()
    form = inside.get_by_role("dialog", name="Add a sender")
    expect(form.get_by_role("button", name="Add the sender")).to_be_in_viewport(ratio=1)  # however long the form is
    for provider, host, port, security in (
        ("Gmail", "smtp.gmail.com", "587", "STARTTLS"),
        ("Google Workspace", "smtp.gmail.com", "587", "STARTTLS"),
        ("Microsoft 365", "smtp.office365.com", "587", "STARTTLS"),
        ("Fastmail", "smtp.fastmail.com", "465", "TLS"),
        ("Amazon SES", "email-smtp.us-east-1.amazonaws.com", "587", "STARTTLS"),
    ):
        form.get_by_role("radio", name=provider).click()
        expect(form.get_by_label("Host", exact=True)).to_have_value(host)
        expect(form.get_by_label("Port", exact=True)).to_have_value(port)
        expect(form.get_by_role("combobox", name="Security", exact=True)).to_have_value(security)
    form.get_by_role("radio", name="Gmail").click()
    expect(form.get_by_text("Gmail needs an app password")).to_be_visible()
    expect(form.get_by_text("nearly twice as many")).to_be_visible()
    assert_accessible(inside)
    form.get_by_label("Address", exact=True).fill("anna@gmail.com")
    form.get_by_label("Login name", exact=True).fill("anna@gmail.com")
    form.get_by_role("button", name="Add the sender").click()
    expect(form.get_by_label("Password", exact=True)).to_be_focused()
    expect(form.get_by_label("Password", exact=True)).to_have_accessible_description(re.compile("^Is missing"))
    form.get_by_label("Password", exact=True).fill("an app password")
    form.get_by_role("button", name="Add the sender").click()
    expect(form).to_have_count(0)
    expect(card(inside, "anna@gmail.com").get_by_text("smtp.gmail.com, port 587, STARTTLS")).to_be_visible()


def test_many_senders_are_sought_by_address(inside: Page) -> None:
    for n in range(13):
        add_sender(inside, email=f"mailbox{n}@harbour.example.com")
    inside.goto("/senders")
    expect(inside.get_by_role("article")).to_have_count(14)
    inside.get_by_label("Search senders").fill("MAILBOX12@")
    expect(inside.get_by_role("article")).to_have_count(1)
    inside.get_by_label("Search senders").fill("nobody")
    expect(inside.get_by_text("No sender is called that.")).to_be_visible()
    assert_accessible(inside)


def test_a_provider_fills_in_its_limits_and_says_who_says_so(inside: Page) -> None:
    inside.goto("/senders?edit=new")
    form = inside.get_by_role("dialog", name="Add a sender")
    fold = form.get_by_role("button", name="Limits of the day")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    daily, gap = form.get_by_label("Emails a day, at most"), form.get_by_label("Seconds apart, at least")
    for provider, limits, source in (
        ("Google Workspace", ("2,000", "", ""), "sending limits in Workspace"),
        ("Microsoft 365", ("10,000", "2", "3"), "throttling of SMTP submission"),
        ("Fastmail", ("", "", ""), None),
        ("Gmail", ("500", "", ""), "limits for sending mail"),
    ):
        form.get_by_role("radio", name=provider).click()
        expect(daily).to_have_value(limits[0])
        expect(gap).to_have_value(limits[1])
        expect(form.get_by_label("Connections at once")).to_have_value(limits[2])
        if source is None:
            expect(form.get_by_text("Filled in for you")).to_have_count(0)
        else:
            expect(form.get_by_role("link", name=source)).to_be_visible()
    form.get_by_role("button", name="what is usual for outreach").click()
    first, more = form.get_by_label("Emails on the first day"), form.get_by_label("More on each day after")
    for field, filled in ((daily, "40"), (gap, "600"), (first, "10"), (more, "3")):
        expect(field).to_have_value(filled)
    expect(form.get_by_text("no provider's rule")).to_be_visible()
    expect(form.get_by_role("combobox", name="Time zone")).to_have_value("Europe/Berlin")
    assert_accessible(inside)
    more.fill("")
    fold.click()
    form.get_by_label("Address", exact=True).fill("anna@example.com")
    form.get_by_role("radio", name="Sandbox mailbox").click()
    form.get_by_role("button", name="Add the sender").click()
    expect(first).to_be_visible()  # what it went without is seen


def test_a_sender_says_what_its_limits_leave_and_who_shares_them(inside: Page) -> None:
    mailbox = {"host": "mail.example.com", "username": "team", "password": "x"}
    limits = {"dailyLimit": 40, "leastGapSeconds": 1, "rampUp": {"from": 10, "perDay": 3}}
    add_sender(inside, email="anna@example.com", **mailbox, **limits)
    add_sender(inside, email="help@example.com", **mailbox)
    inside.goto("/senders")
    for one, other in (("anna@example.com", "help@example.com"), ("help@example.com", "anna@example.com")):
        told = card(inside, one).get_by_role("list", name="Limits")
        expect(told).to_contain_text(
            "Room for 10 more emails this hour, 10 today. Limits: 40 a day, at least 1 s apart."
        )
        expect(told).to_contain_text("It begins slowly: 10 today, 3 more after each day on which it sends.")
        expect(told).to_contain_text(f"Logs in as {other} does: limits and connections are for all of them")
    assert_accessible(inside)

    card(inside, "anna@example.com").get_by_role("link", name="Edit").click()
    form = inside.get_by_role("dialog", name="Edit the sender")
    expect(form.get_by_label("Emails a day, at most")).to_have_value("40")  # what there is, one sees
    form.get_by_label("Emails on the first day").fill("")
    form.get_by_label("More on each day after").fill("")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(card(inside, "help@example.com")).not_to_contain_text("begins slowly")


def test_what_the_server_says_to_a_wrong_password_is_shown_until_it_lets_the_sender_in(
    inside: Page, mailserver: Sink
) -> None:
    inside.goto("/senders?edit=new")
    form = inside.get_by_role("dialog", name="Add a sender")
    form.get_by_label("Address", exact=True).fill("anna@example.com")
    form.get_by_role("radio", name="Another server").click()
    form.get_by_label("Host", exact=True).fill("127.0.0.1")
    form.get_by_label("Port", exact=True).fill(str(mailserver.port))
    form.get_by_label("Login name", exact=True).fill("anna")
    form.get_by_label("Password", exact=True).fill("wrong")
    form.get_by_label("Emails an hour, at most").fill("1200")
    form.get_by_role("button", name="Add the sender").click()
    anna = card(inside, "anna@example.com")
    expect(anna.get_by_text("of 1,200")).to_be_visible()
    said = anna.get_by_role("alert")  # its server is asked as soon as it is saved
    expect(said).to_contain_text("The login name or the password is not right for this server.")
    expect(said).to_contain_text(f"127.0.0.1:{mailserver.port} refused the login: 535")
    inside.reload()
    expect(said).to_contain_text("refused the login: 535")
    assert_accessible(inside)

    anna.get_by_role("link", name="Edit").click()
    form = inside.get_by_role("dialog", name="Edit the sender")
    expect(form.get_by_role("radio", name="Another server")).to_be_checked()
    expect(form.get_by_label("Password", exact=True)).to_have_value("")
    form.get_by_label("Password", exact=True).fill("right")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(anna.get_by_text("the server lets this sender in")).to_be_visible()

    anna.get_by_role("link", name="Edit").click()
    form.get_by_label("Display name").fill("Anna")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(anna.get_by_text("Anna", exact=True)).to_be_visible()
    anna.get_by_role("button", name="Verify").click()
    expect(anna.get_by_text("the server lets this sender in")).to_be_visible()  # the password was kept


def test_while_the_server_keeps_silent_one_sees_that_it_is_asked(inside: Page) -> None:
    with Sink({"connect": "hang"}) as silent:
        add_sender(inside, email="anna@example.com", host="127.0.0.1", port=silent.port, security="none")
        inside.goto("/senders")
        anna = card(inside, "anna@example.com")
        anna.get_by_role("button", name="Verify").click()
        expect(anna.get_by_text("An answer may take up to a minute.")).to_be_visible()
        silent.wait(open=1)
    expect(anna.get_by_role("alert")).to_contain_text("Not verified")


def test_a_sender_whose_login_is_refused_says_why_it_is_backed_off_and_until_when(
    inside: Page, mailserver: Sink
) -> None:
    login = {"username": "anna", "password": "wrong", "security": "starttls"}
    sender = add_sender(inside, email="anna@example.com", host="127.0.0.1", port=mailserver.port, **login)
    ask(
        inside,
        "POST",
        "/api/campaigns/schedule",
        {"senderId": sender, "subject": "Hello", "body": "Hi", "recipients": ["bob@example.com"]},
    )
    inside.goto("/senders")
    paused = card(inside, "anna@example.com").get_by_role("alert").filter(has_text="paused")
    expect(paused).to_contain_text("refused the login: 535")
    main = inside.get_by_role("navigation", name="Main")
    expect(main.get_by_role("link", name="Senders")).to_contain_text("1 held back")  # UX.md, 2.4: shown nowhere else
    expect(paused).to_contain_text("Next try at")
    assert_accessible(inside)


def test_what_was_sent_stands_against_the_limit_and_in_the_day(inside: Page, email: str) -> None:
    until(lambda: time.time() % 3600 < 3600 - 120, "no hour ends within it", timeout_s=180)
    people = [f"{name}@example.com" for name in "abc"]
    ask(inside, "POST", "/api/campaigns/schedule", {"subject": "Hello", "body": "Hi", "recipients": people})
    inside.goto("/senders")
    mine = card(inside, email)
    expect(mine.get_by_role("progressbar", name="3 of 100 emails this hour")).to_be_visible()
    expect(mine.get_by_role("img", name="Today 3 emails in 1 hour, 3 in the fullest")).to_be_visible()


def test_a_sender_is_deleted_once_it_was_confirmed_unless_campaigns_name_it(inside: Page) -> None:
    add_sender(inside, email="unused@example.com")
    used = add_sender(inside, email="used@example.com")
    ask(
        inside,
        "POST",
        "/api/campaigns/schedule",
        {"senderId": used, "subject": "Hello", "body": "Hi", "recipients": ["bob@example.com"]},
    )
    inside.goto("/senders")
    card(inside, "unused@example.com").get_by_role("button", name="Delete").click()
    question = inside.get_by_role("dialog", name="Delete unused@example.com?")
    assert_accessible(inside)
    question.get_by_role("button", name="Keep it as it is").click()
    expect(question).to_have_count(0)
    card(inside, "unused@example.com").get_by_role("button", name="Delete").click()
    question.get_by_role("button", name="Delete the sender").click()
    expect(card(inside, "unused@example.com")).to_have_count(0)
    card(inside, "used@example.com").get_by_role("button", name="Delete").click()
    inside.get_by_role("button", name="Delete the sender").click()
    expect(card(inside, "used@example.com").get_by_role("alert")).to_contain_text("The sender has campaigns")
    inside.reload()
    expect(card(inside, "used@example.com")).to_be_visible()


def test_a_sender_that_is_not_wanted_any_more_is_retired_and_chosen_by_nobody(inside: Page) -> None:
    old = add_sender(inside, email="old@example.com")
    campaign = {"name": "Spring news", "subject": "Hello", "body": "Hi", "startTime": "2099-01-01T09:00:00Z"}
    its = ask(
        inside, "POST", "/api/campaigns/schedule", campaign | {"senderId": old, "recipients": ["bob@example.com"]}
    )["campaign"]["id"]
    inside.goto("/senders")
    card(inside, "old@example.com").get_by_role("button", name="Retire").click()
    question = inside.get_by_role("dialog", name="Retire old@example.com?")
    assert_accessible(inside)
    question.get_by_role("button", name="Retire the sender").click()
    refused = card(inside, "old@example.com").get_by_role("alert")
    expect(refused).to_contain_text("“Spring news” would have no sender left; give each another one, or cancel it.")
    ask(inside, "POST", f"/api/campaigns/{its}/cancel")
    card(inside, "old@example.com").get_by_role("button", name="Retire").click()
    question.get_by_role("button", name="Retire the sender").click()
    retired = inside.get_by_role("list", name="Retired senders").get_by_role("listitem")
    expect(retired).to_contain_text("old@example.com")
    assert_accessible(inside)
    inside.goto("/compose")
    inside.get_by_role("combobox", name="From").click()
    expect(inside.get_by_role("option").first).to_be_visible()
    expect(inside.get_by_role("option", name="old@example.com")).to_have_count(0)
    inside.goto("/senders")
    retired.get_by_role("button", name="Reinstate old@example.com").click()
    expect(card(inside, "old@example.com").get_by_role("button", name="Verify")).to_be_visible()
    expect(retired).to_have_count(0)


def test_wrong_fields_have_their_errors_beside_them(inside: Page) -> None:
    inside.goto("/senders?edit=new")
    form = inside.get_by_role("dialog", name="Add a sender")
    form.get_by_role("button", name="Add the sender").click()
    expect(form.get_by_label("Address", exact=True)).to_be_focused()
    expect(form.get_by_label("Address", exact=True)).to_have_accessible_description("Give the mailbox's address.")
    form.get_by_label("Address", exact=True).fill("nobody")
    form.get_by_role("radio", name="Another server").click()
    form.get_by_label("Host", exact=True).fill("mail.example.com")
    form.get_by_role("combobox", name="Security", exact=True).click()
    inside.get_by_role("option", name="None").click()
    form.get_by_label("Login name", exact=True).fill("anna")
    form.get_by_label("Password", exact=True).fill("right")
    form.get_by_role("button", name="Add the sender").click()
    expect(form.get_by_label("Address", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_text("Would send the login in the clear; give starttls or tls.")).to_be_visible()
    assert_accessible(inside)


def test_saving_a_form_changes_nothing_that_somebody_else_changed_meanwhile(inside: Page) -> None:
    sender = add_sender(inside, email="anna@example.com", hourlyLimit=100)
    inside.goto(f"/senders?edit={sender}")
    form = inside.get_by_role("dialog", name="Edit the sender")
    expect(form.get_by_label("Emails an hour, at most")).to_have_value("100")
    ask(inside, "PATCH", f"/api/senders/{sender}", {"hourlyLimit": 200})
    expect(card(inside, "anna@example.com").get_by_text("of 200")).to_be_attached()  # it was read anew
    form.get_by_label("Display name").fill("Anna")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(card(inside, "anna@example.com").get_by_text("Anna", exact=True)).to_be_visible()
    assert ask(inside, "GET", f"/api/senders/{sender}")["hourlyLimit"] == 200


def test_senders_fit_a_narrow_screen(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url, NARROW) as page:
        join(page, email)
        add_sender(page, email=f"{'a-rather-long-name' * 3}@mail.example.com", displayName="Nobody in particular")
        page.goto("/senders")
        expect(page.get_by_role("article")).to_have_count(2)
        assert_fits(page)
        assert_accessible(page)
        page.get_by_role("link", name="Add a sender").click()
        page.get_by_role("dialog", name="Add a sender").wait_for()
        assert_fits(page)
        assert violations(page) == []  # by all rules: the drawer's header is no banner beside the page's
        page.keyboard.press("Escape")
        expect(page).to_have_url(f"{service.url}/senders")


def test_what_a_sender_that_is_taken_out_gives_to_the_others_is_said_on_the_campaign(inside: Page) -> None:
    leaves, stays = (add_sender(inside, email=f"{name}@example.com") for name in ("anna", "help"))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    people = [f"reader{n}@example.com" for n in range(9)]
    body = {"subject": "Hello", "body": "Hi", "recipients": people, "startTime": tomorrow}
    made = ask(inside, "POST", "/api/campaigns/schedule", body | {"senderIds": [leaves, stays]})["campaign"]["id"]
    ask(inside, "PATCH", f"/api/campaigns/{made}", {"senderIds": [stays]})
    inside.goto(f"/campaigns/{made}")
    note = inside.get_by_text("to the campaign's other senders")
    expect(note).to_contain_text("because it was taken out of the campaign")
    expect(note).to_contain_text(re.compile(r"anna@example\.com gave [1-9] emails?"))
    assert_accessible(inside)
