"""Writes every page, wide, as on a tablet and narrow, light and dark, into screenshots/: `make screenshots`.

A new page is one more line in OUTSIDE or INSIDE; what is to be opened on it first, one in OPENED. With names as
arguments, those alone are written, and with widths, or a colour scheme, these alone.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.browser import MEDIUM, NARROW, WIDE, Scheme, ask, launch, log_in, open_page, register
from tests.support.furnishing import CHECKED, fill_ledger, fill_much, furnish, keep_a_draft, people, tell_of_a_check
from tests.support.service import Service, until

FOLDER = Path("screenshots")
SCHEMES = {"light", "dark"} & {*sys.argv[1:]} or {"light", "dark"}
NAMES = {each for each in sys.argv[1:] if not each.isdigit()} - {"light", "dark"}
WIDTHS = {int(each) for each in sys.argv[1:] if each.isdigit()}
EMAIL = "anna@example.com"
OUTSIDE = {
    "login": "/login",
    "login-failed": "/login?error=domain",
    "register": "/register",
    "reset-password": "/reset-password",
    "set-password": "/reset-password?token=x",
    "join-outside": "/join?token={invitation}",
    "join-expired": "/join?token=x",
    "not-found": "/nowhere/at/all",
}
INSIDE = {
    "campaigns": "/",
    "campaigns-compact": "/?compact=true&order=name",
    "campaigns-archived": "/?archived=true",
    "campaigns-none": "/?q=nothing",
    "campaign": "/campaigns/2",
    "campaign-waiting": "/campaigns/7",
    "campaign-gone": "/campaigns/999",
    "campaign-content": "/campaigns/1?tab=content",
    "campaign-settings": "/campaigns/2?tab=settings",
    "campaign-hours": "/campaigns/1?tab=hours",
    "campaign-steps": "/campaigns/8",
    "campaign-steps-content": "/campaigns/8?tab=content",
    "campaign-variants": "/campaigns/9",
    "campaign-over": "/campaigns/4",
    "campaign-again": "/campaigns/8",
    "compose": "/compose",
    "compose-drafts": "/compose",
    "compose-variant": "/compose",
    "compose-confirm": "/compose",
    "templates": "/templates",
    "week": "/week",
    "compose-test": "/compose",
    "scheduled": "/scheduled",
    "sent": "/sent",
    "trouble": "/trouble",
    "trouble-reason": "/trouble?failedFor=MAILBOX_FULL",
    "trouble-narrowed": "/trouble?status=FAILED&q=failed.1",
    "in-doubt": "/trouble?status=UNKNOWN&campaignId=2",
    "email": "/emails/1",
    "replies": "/replies",
    "reply": "/replies?response=4",
    "lists": "/lists",
    "recipient": "/recipients?email=failed.1@customers.example.org",
    "recipients": "/recipients?email=failed.1",
    "recipient-bounced": "/recipients?email=sent.5@customers.example.org",
    "suppressed": "/suppressed",
    "suppressed-add": "/suppressed",
    "suppressed-file": "/suppressed",
    "suppressed-allow": "/suppressed?reason=BOUNCED",
    "senders": "/senders",
    "sender": "/senders?edit=new",
    "sender-limits": "/senders?edit=new",
    "sender-checks": "/senders",
    "sandbox": "/sandbox",
    "sandbox-message": "/sandbox?message=25",
    "settings": "/settings",
    "settings-sessions": "/settings?section=sessions",
    "join": "/join?token={invitation}",
    "settings-members": "/settings?section=members",
    "settings-keys": "/settings?section=keys",
    "settings-webhooks": "/settings?section=webhooks",
    "settings-recipients": "/settings?section=recipients",
    "settings-audit": "/settings?section=audit",
    "switch": "/",
    "delete-workspace": "/settings?section=members",
    "session": "/senders",
}
# Pages as a new account sees them, and as one sees them that has a great deal.
EMPTY = {
    "campaigns-empty": "/",
    "trouble-empty": "/trouble",
    "replies-empty": "/replies",
    "lists-empty": "/lists",
    "compose-empty": "/compose",
    "scheduled-empty": "/scheduled",
    "sent-empty": "/sent",
    "suppressed-empty": "/suppressed",
    "senders-empty": "/senders",
    "sandbox-empty": "/sandbox",
    "templates-empty": "/templates",
    "week-empty": "/week",
    "keys-empty": "/settings?section=keys",
    "webhooks-empty": "/settings?section=webhooks",
}
MANY = {
    "campaigns-many": "/",
    "campaigns-compact-many": "/?compact=true",
    "campaign-many": "/campaigns/{many}",
    "trouble-many": "/trouble",
    "scheduled-many": "/scheduled",
    "replies-many": "/replies",
    "sent-many": "/sent",
    "recipients-many": "/recipients?email=sent",
    "suppressed-many": "/suppressed",
    "senders-many": "/senders",
    "lists-many": "/lists",
    "templates-many": "/templates",
    "week-many": "/week",
    "keys-many": "/settings?section=keys",
    "webhooks-many": "/settings?section=webhooks",
}
ADMINISTRATOR = {"settings-people": "/settings?section=people", "disable-account": "/settings?section=people"}


def open_switch(page: Page) -> None:
    if page.get_by_role("button", name="Navigation").is_visible():
        page.get_by_role("button", name="Navigation").click()
    page.get_by_role("button", name="Workspace: ").click()
    page.get_by_role("menuitem").first.wait_for()


def open_limits(page: Page) -> None:
    page.get_by_role("button", name="Limits of the day").click()
    page.get_by_role("button", name="what is usual for outreach").click()
    page.get_by_role("combobox", name="Time zone").scroll_into_view_if_needed()


def open_checks(page: Page) -> None:
    card = page.get_by_role("article", name=CHECKED)
    card.get_by_role("button", name="Does its mail arrive?").click()
    card.get_by_text("One-click unsubscribe").wait_for()
    card.get_by_text("What DNS says of the domain").wait_for()
    page.wait_for_load_state("networkidle")


def open_deletion(page: Page) -> None:
    page.get_by_role("button", name="Delete the workspace").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()


def open_disabling(page: Page) -> None:
    page.get_by_role("button", name="Disable grace.hopper@example.com").click()
    page.get_by_role("dialog").wait_for()


def open_adding(page: Page) -> None:
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("dialog").get_by_label("Note").wait_for()


def add_file(page: Page) -> None:
    open_adding(page)
    rows = ["gone@example.com", "no address", "example.org", "*@com", *(f"row {n}" for n in range(9))]
    with page.expect_file_chooser() as chooser:
        page.get_by_role("dialog").get_by_role("button", name="Or a file").click()
    content = "\n".join(["email", *rows]).encode()
    chooser.value.set_files({"name": "old.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("dialog").get_by_role("button", name="Send them nothing more").click()
    page.get_by_text("rows are not understood").wait_for()


def open_allowing(page: Page) -> None:
    page.get_by_role("button", name="Allow again: ").first.click()
    page.get_by_role("dialog").get_by_label("Why").wait_for()


def lose_session(page: Page) -> None:
    """To the last: the page is somebody's no more."""
    page.context.clear_cookies()
    page.get_by_role("dialog", name="Log in again").wait_for()  # the next reading of the senders is refused


def send_test(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Send a test")).click()
    page.get_by_role("link", name="See the test").first.scroll_into_view_if_needed()


def open_drafts(page: Page) -> None:
    page.get_by_role("button", name="Drafts", exact=True).click()
    page.get_by_role("menuitem").first.wait_for()


def open_variant(page: Page) -> None:
    page.get_by_role("radiogroup", name="Variant").first.get_by_text("B", exact=True).click()
    page.get_by_role("radiogroup", name="Variant").first.scroll_into_view_if_needed()


def open_confirmation(page: Page) -> None:
    page.get_by_role("button", name="Schedule 422 emails").click()
    page.get_by_role("dialog").get_by_role("button", name="Schedule 422").or_(
        page.get_by_role("dialog").get_by_role("button", name="Send 422")
    ).wait_for()


def open_again(page: Page) -> None:
    page.get_by_role("button", name="Write again to", exact=True).click()
    page.get_by_role("menuitem").first.wait_for()


# A dialog over a page is as high as the window, so no more than that is written.
OPENED: dict[str, Callable[[Page], object]] = {
    "sender": lambda page: page.get_by_role("dialog").wait_for(),
    "sender-limits": open_limits,
    "compose-test": send_test,
    "compose-drafts": open_drafts,
    "compose-variant": open_variant,
    "compose-confirm": open_confirmation,
    "campaign-again": open_again,
    "suppressed-add": open_adding,
    "suppressed-file": add_file,
    "suppressed-allow": open_allowing,
    "switch": open_switch,
    "delete-workspace": open_deletion,
    "disable-account": open_disabling,
    "session": lose_session,
}

UNFOLDED = {"sender-checks": open_checks}


def shoot(page: Page, name: str, path: str, size: tuple[int, int], scheme: Scheme, **ids: object) -> None:
    if (NAMES and name not in NAMES) or scheme not in SCHEMES:
        return
    page.goto(path.format(**ids))
    page.get_by_role("heading", level=1).or_(page.get_by_role("heading", level=2)).first.wait_for()
    page.wait_for_load_state("networkidle")
    if name.startswith("compose") and name != "compose-empty":
        page.get_by_role("button", name="Schedule 422 emails").wait_for()
    if name in OPENED:
        OPENED[name](page)
    if name in UNFOLDED:
        UNFOLDED[name](page)
    page.screenshot(path=FOLDER / f"{name}-{size[0]}-{scheme}.png", full_page=name not in OPENED)


def workspace_of(page: Page) -> int:
    return ask(page, "GET", "/api/auth/me")["workspaceId"]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder))
        browser = launch(playwright)
        many = None
        try:
            service.wait_until_ready()
            until(lambda: "25 of 25" in service.output, "the demo is over")
            password = until(lambda: service.demo_password, "the demo account is shown")
            fill_ledger(service)
            sizes = [each for each in (WIDE, MEDIUM, NARROW) if not WIDTHS or each[0] in WIDTHS]
            for size in sizes:
                for scheme in ("light", "dark"):
                    is_first = size is sizes[0] and scheme == "light"
                    with open_page(browser, service.url, size, scheme) as page:
                        if is_first:
                            for each in ("light", "dark"):
                                page.emulate_media(color_scheme=each)
                                shoot(page, "welcome", "/welcome", size, each)
                            page.emulate_media(color_scheme="light")
                            register(page, EMAIL)
                            ask(page, "PATCH", f"/api/workspaces/{workspace_of(page)}", {"name": "Lindqvist & Weber"})
                            people(service, page)
                        else:
                            log_in(page, EMAIL)
                        invitation = ask(page, "POST", "/api/members/invitations", {"role": "member"})["token"]
                        for name, path in {**ADMINISTRATOR, **EMPTY}.items():
                            shoot(page, name, path, size, scheme)
                        page.context.clear_cookies()
                        for name, path in OUTSIDE.items():
                            shoot(page, name, path, size, scheme, invitation=invitation)
                        log_in(page, "demo@example.com", password)
                        keep_a_draft(page)
                        if is_first:
                            furnish(service, page)
                            tell_of_a_check(service)
                        for name, path in INSIDE.items():
                            shoot(page, name, path, size, scheme, invitation=invitation)
                        page.context.clear_cookies()
                        if many is None:
                            register(page, "many@example.com")
                            many = fill_much(service, page)
                        else:
                            log_in(page, "many@example.com")
                        for name, path in MANY.items():
                            shoot(page, name, path, size, scheme, many=many)
        finally:
            browser.close()
            service.stop()


if __name__ == "__main__":
    main()
