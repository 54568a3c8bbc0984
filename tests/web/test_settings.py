"""Settings: password, sessions, API keys, webhooks, recipients' data, the audit log, people."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import (
    NARROW,
    PASSWORD,
    ask,
    assert_accessible,
    assert_fits,
    join,
    log_in,
    open_page,
    what_is_copied_stays_said,
)
from tests.support.service import Service, until

SECTIONS = {
    "password": "Password",
    "sessions": "Sessions",
    "members": "Members",
    "keys": "API keys",
    "recipients": "Recipients\u2019 data",
    "audit": "Audit log",
}


def test_every_section_has_its_address_and_no_barriers(inside: Page) -> None:
    for section, heading in SECTIONS.items():
        inside.goto(f"/settings?section={section}")
        for arrive in (lambda: None, inside.reload):
            arrive()
            expect(inside.get_by_role("heading", name=heading, level=2)).to_be_visible()
            current = inside.get_by_role("navigation", name="Settings").locator("[aria-current]")
            expect(current).to_have_text(heading)
        assert_accessible(inside)


def test_people_are_the_administrators_section_alone(page: Page, service: Service) -> None:
    password = until(lambda: service.demo_password, "the demo account is shown")
    log_in(page, "demo@example.com", password)
    page.goto("/settings?section=people")
    expect(page.get_by_role("heading", name="Password", level=2)).to_be_visible()
    expect(page.get_by_role("link", name="People")).to_have_count(0)


def test_settings_fit_a_narrow_screen(browser: Browser, service: Service, email: str) -> None:
    with open_page(browser, service.url, NARROW) as page:
        join(page, email)
        for section in (*SECTIONS, "webhooks"):
            page.goto(f"/settings?section={section}")
            page.get_by_role("heading", level=2).first.wait_for()
            assert_fits(page)
        assert_accessible(page)


def test_a_changed_password_is_the_one_that_opens(inside: Page, browser: Browser, service: Service, email: str) -> None:
    inside.goto("/settings")
    inside.get_by_label("Current password").fill("not the password")
    inside.get_by_label("New password").fill("another horse battery")
    inside.get_by_role("button", name="Change the password").click()
    expect(inside.get_by_label("Current password")).to_be_focused()
    expect(inside.get_by_label("Current password")).to_have_accessible_description("Is not the current password.")
    inside.get_by_label("Current password").fill(PASSWORD)
    inside.get_by_role("button", name="Change the password").click()
    expect(inside.get_by_text("Your password is changed.")).to_be_visible()
    expect(inside.get_by_label("Current password")).to_have_value("")
    with open_page(browser, service.url) as page:
        log_in(page, email, "another horse battery")


def test_keys_go_with_the_password_where_that_is_asked(inside: Page) -> None:
    ask(inside, "POST", "/api/keys", {"name": "script"})
    inside.goto("/settings")
    inside.get_by_label("Current password").fill(PASSWORD)
    inside.get_by_label("New password").fill("another horse battery")
    inside.get_by_label("Revoke my API keys, too").check()
    inside.get_by_role("button", name="Change the password").click()
    expect(inside.get_by_text("Revoked: 1 API key.")).to_be_visible()
    expect(inside.get_by_label("Revoke my API keys, too")).not_to_be_checked()
    inside.goto("/settings?section=keys")
    expect(inside.get_by_text("No key is in use.")).to_be_visible()


def test_a_session_that_is_ended_elsewhere_is_logged_out(
    inside: Page, browser: Browser, service: Service, email: str
) -> None:
    with open_page(browser, service.url) as other:
        log_in(other, email)
        inside.goto("/settings?section=sessions")
        sessions = inside.get_by_role("list", name="Sessions").get_by_role("listitem")
        expect(sessions).to_have_count(2)
        expect(sessions.filter(has_text="This one")).to_contain_text("Chrome on Linux")
        expect(sessions.filter(has_text="This one").get_by_role("button")).to_have_count(0)
        sessions.get_by_role("button", name="Log out").click()
        expect(sessions).to_have_count(1)
        other.get_by_role("link", name="Sandbox inbox").dispatch_event("click")  # it may ask by itself by then
        expect(other.get_by_role("dialog", name="Log in again")).to_be_visible()


def test_an_api_key_is_shown_once_works_by_its_curl_and_is_revoked(inside: Page, service: Service) -> None:
    inside.context.grant_permissions(["clipboard-read", "clipboard-write"])
    what_is_copied_stays_said(inside)
    inside.goto("/settings?section=keys")
    inside.get_by_role("button", name="Make the key").click()
    expect(inside.get_by_label("What it is for")).to_have_accessible_description("Say what the key is for.")
    inside.get_by_label("What it is for").fill("Newsletter")
    inside.get_by_role("checkbox", name="Send").uncheck()
    inside.get_by_label("Expires").select_option("In 30 days")
    inside.get_by_role("button", name="Make the key").click()
    key = inside.get_by_label("Key", exact=True).input_value()
    assert key.startswith("rib_")
    assert_accessible(inside)
    inside.get_by_role("button", name="Copy: Key").click()
    expect(inside.get_by_role("button", name="Key: copied")).to_be_visible()
    assert inside.evaluate("navigator.clipboard.readText()") == key
    curl = inside.get_by_label("Try it", exact=True).input_value()
    answer = subprocess.run(["sh", "-c", f"{curl} --silent"], capture_output=True, check=True)  # noqa: S603, S607
    assert json.loads(answer.stdout)["items"] == []
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.post(f"{service.url}/api/senders", headers=headers, json={}).status_code == 403
    inside.get_by_role("button", name="I have copied it").click()
    inside.reload()
    row = inside.get_by_role("list", name="API keys").get_by_role("listitem")
    expect(row).to_contain_text(f"{key[:10]}…")
    expect(row).to_contain_text(re.compile(r"Read.*Used.*Expires"))
    assert key not in inside.content()
    row.get_by_role("button", name="Revoke").click()
    inside.get_by_role("dialog").get_by_role("button", name="Revoke the key").click()
    expect(inside.get_by_text("No key is in use.")).to_be_visible()
    assert httpx.get(f"{service.url}/api/campaigns", headers=headers).status_code == 401
    inside.get_by_role("switch", name="Show 1 key revoked or expired").check()
    expect(row).to_contain_text("Revoked")
    assert_accessible(inside)


def test_the_audit_log_tells_what_was_done_and_loads_older_entries(inside: Page) -> None:
    for number in range(51):
        key = ask(inside, "POST", "/api/keys", {"name": f"{number}"})
    sender = ask(inside, "POST", "/api/senders", {"email": "orders@example.com"})["id"]
    ask(inside, "DELETE", f"/api/keys/{key['id']}")
    inside.goto("/settings?section=audit")
    entries = inside.get_by_role("list", name="Audit log").get_by_role("listitem")
    expect(entries).to_have_count(50)
    expect(entries.first).to_contain_text("Revoked an API key")
    expect(entries.first).to_contain_text("Chrome on Linux")
    expect(entries.filter(has_text="Added a sender")).to_contain_text("orders@example.com")
    expect(inside.get_by_text(f"senders/{sender}")).to_have_count(0)
    inside.get_by_role("button", name="Show older entries").click()
    expect(entries.filter(has_text="Made the account")).to_have_count(1)
    expect(inside.get_by_role("button", name="Show older entries")).to_have_count(0)


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """Takes what a webhook is told, and counts it in `told`."""
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told.append(self.headers["webhook-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, told
        finally:
            server.shutdown()
            thread.join()


def test_a_webhook_is_added_tested_sent_again_and_deleted(inside: Page, listener: tuple[int, list[str]]) -> None:
    port, told = listener
    inside.goto("/settings?section=webhooks")
    inside.get_by_role("button", name="Add a webhook").click()
    inside.get_by_label("URL").fill("ftp://example.com/")
    inside.get_by_role("button", name="Add", exact=True).click()
    expect(inside.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    inside.get_by_label("URL").fill(f"http://127.0.0.1:{port}/hook")
    inside.get_by_role("checkbox", name="A campaign has finished").uncheck()
    assert_accessible(inside)
    inside.get_by_role("button", name="Add", exact=True).click()
    assert inside.get_by_label("Secret", exact=True).input_value().startswith("whsec_")
    inside.get_by_role("button", name="I have copied it").click()
    row = inside.get_by_role("list", name="Webhooks").get_by_role("listitem").first
    expect(row).to_contain_text("An email failed")
    expect(row).not_to_contain_text("A campaign has finished")
    row.get_by_role("button", name="Send a test").click()
    log = row.get_by_role("list", name="Log").get_by_role("listitem")
    expect(log).to_contain_text("Status 204")
    assert_accessible(inside)
    log.get_by_role("button", name="Send again").click()
    until(lambda: len(told) == 2, "the test is sent again")
    assert told[0] == told[1]
    row.get_by_role("switch").press("Space")
    expect(row.get_by_text("Off", exact=True)).to_be_visible()
    inside.reload()
    expect(row.get_by_text("Off", exact=True)).to_be_visible()
    row.get_by_role("button", name="Delete").click()
    inside.get_by_role("dialog").get_by_role("button", name="Delete the webhook").click()
    expect(inside.get_by_role("heading", name="No webhook yet")).to_be_visible()
    assert_accessible(inside)


def test_a_recipients_data_is_downloaded_and_erased(inside: Page) -> None:
    body = {"subject": "Hello", "body": "Hi", "recipients": ["ada@example.com", "bob@example.com"]}
    campaign = ask(inside, "POST", "/api/campaigns/schedule", body)["campaign"]["id"]
    until(lambda: ask(inside, "GET", f"/api/campaigns/{campaign}")["status"] == "FINISHED", "both are sent")
    inside.goto("/settings?section=recipients")
    inside.get_by_label("The recipient's address").fill("ada@@example.com")
    inside.get_by_role("button", name="Download everything kept").click()
    expect(inside.get_by_label("The recipient's address")).to_have_attribute("aria-invalid", "true")
    inside.get_by_label("The recipient's address").fill("ada@example.com")
    with inside.expect_download() as download:
        inside.get_by_role("button", name="Download everything kept").click()
    found = json.loads(download.value.path().read_text())
    assert [email["recipient"] for email in found["emails"]] == ["ada@example.com"]
    inside.get_by_role("button", name="Erase", exact=True).click()
    question = inside.get_by_role("dialog", name="Erase ada@example.com?")
    assert_accessible(inside)
    question.get_by_role("button", name="Erase for good").click()
    expect(inside.get_by_role("status").filter(has_text="ada@example.com is erased")).to_contain_text("1 email without")
    assert ask(inside, "GET", "/api/recipients/export?email=ada@example.com")["emails"] == []


def test_saving_a_webhook_undoes_nothing_that_another_owner_changed_meanwhile(inside: Page) -> None:
    told = {"url": "https://one.example/hook", "events": ["email.failed"]}
    webhook = ask(inside, "POST", "/api/webhooks", told)["id"]
    inside.goto("/settings?section=webhooks")
    inside.get_by_role("button", name="Edit").click()
    changed = {"url": "https://two.example/hook", "events": ["email.failed", "email.unknown"]}
    ask(inside, "PATCH", f"/api/webhooks/{webhook}", changed)
    inside.get_by_label("Description", exact=True).fill("Ours")
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_role("list", name="Webhooks")).to_contain_text("Ours")
    (after,) = ask(inside, "GET", "/api/webhooks")["items"]
    assert (after["url"], after["events"], after["description"]) == (*changed.values(), "Ours")
