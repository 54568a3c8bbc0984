"""Writes every page, wide, as on a tablet and narrow, light and dark, into screenshots/: `make screenshots`.

A new page is one more line in OUTSIDE or INSIDE; what is to be opened on it first, one in OPENED. With names as
arguments, those alone are written, and with widths, or a colour scheme, these alone.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import psycopg
from playwright.sync_api import Page, sync_playwright
from psycopg.types.json import Jsonb

from app.domain.senders.wire_judge import Showing
from app.embedded.postgres import EmbeddedPostgres
from tests.support.browser import MEDIUM, NARROW, WIDE, Scheme, ask, launch, log_in, open_page, register
from tests.support.filling import come_back, fill
from tests.support.service import Service, until

FOLDER = Path("screenshots")
SCHEMES = {"light", "dark"} & {*sys.argv[1:]} or {"light", "dark"}
NAMES = {each for each in sys.argv[1:] if not each.isdigit()} - {"light", "dark"}
WIDTHS = {int(each) for each in sys.argv[1:] if each.isdigit()}
EMAIL = "anna@example.com"
CHECKED = "anna.lindqvist@gmail.com"
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

RECIPIENTS = [
    {"email": "ada@example.com", "name": "Ada Lovelace"},
    {"email": "grace@example.com", "name": "Grace Hopper"},
    {"email": "nobody"},
    {"email": "ADA@example.com"},
    *({"email": f"reader{n}@example.com", "name": f"Reader {n}"} for n in range(420)),
]
CONTENT = {
    "subject": '{{ name | default: "Hello" }}, our spring catalogue is here',
    "body": 'Dear {{ name | default: "reader" }},\n\n'
    "the new catalogue is out: 48 pages, and every price of last year kept."
    "\n\nKind regards\nAnna Weber",
    "rich": False,
    "html": "",
    "textEdited": False,
    "language": None,
    "unsubscribe": None,
    "ifBlank": {},
    **{"replyTo": "", "headers": [], "cc": [], "bcc": [], "attachments": []},
}
LATER = CONTENT | {"subject": "", "body": "Did you see the catalogue that I sent on {{ sent_at }}?\n\nAnna Weber"}
AUDIENCE = {
    **{"file": None, "columns": None, "saved": None, "filter": [], "everyAddress": False, "corrections": {}},
    **{"notDays": None, "notIn": []},
}
TIMING = {
    "when": "now",
    "startTime": None,
    "latestTime": None,
    "calendar": None,
    "delay": 0,
    "delayUnit": "seconds",
    "jitterPercent": 0,
    "hourlyLimit": None,
    "spread": False,
    "onUnknown": "hold",
}


def keep_a_draft(page: Page) -> None:
    """So that the page on which campaigns are written has one on it."""
    me = page.request.get("/api/auth/me").json()
    stored = ask(page, "POST", "/api/lists", {"recipients": RECIPIENTS})
    draft = {
        "name": "Spring news",
        "audience": {"source": "typed", "typed": stored["id"]} | AUDIENCE,
        "senderIds": [],
        "steps": [
            {
                **{"id": "first", "wait": {"n": 0, "unit": "days"}, "inThread": False, "content": CONTENT, "weight": 2},
                "variants": [{"id": "b", "weight": 1, "content": CONTENT | {"subject": "48 pages for spring"}}],
            },
            {"id": "second", "wait": {"n": 3, "unit": "business days"}, "inThread": True, "content": LATER},
        ],
        "following": {"stopOnAutoReply": False, "withoutReading": False},
        "timing": TIMING,
        "attempt": None,
    }
    kept = json.dumps({"v": 6, "draft": draft, "savedAt": "2026-03-02T09:30:00Z"})
    if not ask(page, "GET", "/api/drafts")["items"]:
        for name in (
            "Summer news",
            "An invitation to the open day, with a name that is longer than most menus are wide",
        ):
            ask(page, "POST", "/api/drafts", {"name": name, "content": draft, "lists": [stored["id"]], "files": []})
    key = f"reachinbox.draft.{me['id']}.{me['workspaceId']}"
    page.evaluate("([key, kept]) => localStorage.setItem(key, kept)", [key, kept])


# Each with its code, its enhanced code and the command that it answered.
REFUSED = (
    ("RCPT", 550, "5.1.1", "The email account that you tried to reach does not exist"),
    ("RCPT", 550, "5.1.1", "Recipient address rejected: User unknown in virtual mailbox table"),
    ("RCPT", 552, "5.2.2", "The recipient's inbox is out of storage space. Please direct them to free some up"),
    (
        ".",
        554,
        "5.7.1",
        "Message rejected as spam by content scanning; see https://postmaster.example.com/bulk for what to do",
    ),
    ("MAIL", 550, "5.7.60", "SMTP; Client does not have permissions to send as this sender"),
    ("RCPT", 550, "5.1.2", "Host or domain name not found"),
    ("RCPT", 550, "5.2.1", "The account is disabled"),
)


def fill_much(service: Service, page: Page) -> int:
    """200 campaigns of this account, one of them with 100,000 emails, of which the id is returned."""
    owner = ask(page, "GET", "/api/auth/me")["email"]
    with EmbeddedPostgres(service.data_dir) as postgres:
        for n in range(200):
            name = f"Batch {n}: what is new for readers in the north, the south, the east and the west"
            fill(
                postgres.url, owner, {"SENT": 2, "FAILED": n % 2}, name, status="FINISHED", host=f"batch{n}.example.org"
            )
        counts = {"SENT": 61_000, "SCHEDULED": 35_000, "FAILED": 3_900, "UNKNOWN": 100}
        many = fill(postgres.url, owner, counts, "Everybody", host="everybody.example.org", refused=REFUSED)
        for n in range(120):
            come_back(postgres.url, f"sent.{n + 1}@everybody.example.org", "REPLY", f"Answer {n}", name=f"Reader {n}")
    for n in range(10):
        gone = [f"gone.{n}.{each}@everybody.example.org" for each in range(10_000)]
        ask(page, "POST", "/api/suppressions", {"emails": gone, "reason": "BOUNCED" if n % 2 else "UNSUBSCRIBED"})
    for n in range(200):
        ask(page, "POST", "/api/senders", {"email": f"mailbox.{n}@a-department.example.com"})
        ask(page, "POST", "/api/saved-lists", {"name": f"Customers {n}, who bought in the spring or in the autumn"})
        text = {"name": f"Reminder {n}, for who has not answered yet", "subject": "A word", "body": "Did you see it?"}
        ask(page, "POST", "/api/templates", text)
    for n in range(20):
        ask(page, "POST", "/api/keys", {"name": f"Script {n}", "scopes": ["read"]})
        ask(page, "POST", "/api/webhooks", {"url": f"http://127.0.0.1:9/hooks/{n}", "events": ["email.failed"]})
    return many


def fill_ledger(service: Service) -> None:
    """Campaigns of the demo account in every state, with emails that failed or are in doubt."""
    with EmbeddedPostgres(service.data_dir) as postgres:
        counts = {"SENT": 8214, "SCHEDULED": 3610, "FAILED": 143, "UNKNOWN": 6}
        fill(
            postgres.url, "demo@example.com", counts, "Winter catalogue", host="customers.example.org", refused=REFUSED
        )
        fill(postgres.url, "demo@example.com", {"SENT": 900, "CANCELLED": 300}, "Survey", status="CANCELLED")
        fill(
            postgres.url,
            "demo@example.com",
            {"SENT": 412, "FAILED": 2},
            "Invitation to the open day",
            status="FINISHED",
        )
        host, hello = "customers.example.org", {"subject": "Re: What is new in November"}
        come_back(
            postgres.url, f"sent.3@{host}", "REPLY", "Please send me the catalogue.", name="Ada Lovelace", **hello
        )
        come_back(
            *(postgres.url, f"sent.4@{host}", "AUTO_REPLY", "I am away until Monday."),
            **(hello | {"name": "Grace Hopper", "back_on": "2026-11-30", "minutes_ago": 40}),
        )
        come_back(
            *(postgres.url, f"sent.5@{host}", "BOUNCE", ""),
            **{"subject": "Undelivered Mail Returned to Sender", "severity": "hard", "code": 550, "minutes_ago": 75},
            **{"enhanced_code": "5.1.1", "diagnostic": "550 5.1.1 The email account does not exist", "weak": True},
        )
        come_back(
            *(postgres.url, f"sent.6@{host}", "REPLY", "Yes, we would like to hear more.\n\nIs Thursday at ten fine?"),
            **(hello | {"name": "Charles Babbage", "attachments": ["plan.pdf"], "minutes_ago": 130}),
            **{"html": "<p>Yes, we would like to <b>hear more</b>.</p><p>Is Thursday at ten fine?</p>"},
        )


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


FOUND = [
    Showing("handover", "good", "the server took the mail"),
    Showing("tls", "good", "TLSv1.3, with a certificate of smtp.gmail.com"),
    Showing("inbox", "good", "the mailbox can be read"),
    Showing("delivery", "good", "the mail arrived"),
    Showing("folder", "weak", "it lies in [Gmail]/Important, not in the inbox", "Look at the rules of the mailbox."),
    Showing("message_id", "good", "the Message-ID is kept"),
    Showing("one_click", "unknown", "the mail carries no signature", "Check to a mailbox elsewhere."),
    Showing("dmarc", "wrong", "neither SPF nor DKIM is for the domain of the sender's address", "See what DNS says."),
]
WIRE_CHECK = """
INSERT INTO wire_checks (workspace_id, sender_id, reader_id, requested_at, started_at, done_at, findings,
                         message_id_kept, dmarc_aligned, inbox_read, latency_ms)
SELECT workspace_id, id, id, now() - interval '9 minutes', now() - interval '9 minutes', now() - interval '8 minutes',
       %s, true, false, true, 2400
FROM senders WHERE email = %s
"""


def tell_of_a_check(service: Service) -> None:
    """Store findings of a mail on the wire, of each verdict."""
    with EmbeddedPostgres(service.data_dir) as postgres, psycopg.connect(postgres.url) as conn:
        conn.execute(WIRE_CHECK, (Jsonb(msgspec.to_builtins(FOUND)), CHECKED))


def workspace_of(page: Page) -> int:
    return ask(page, "GET", "/api/auth/me")["workspaceId"]


def furnish(service: Service, page: Page) -> None:
    """Add to the demo: senders in trouble, a campaign that waits behind another, API keys, a webhook."""
    (default,) = (each for each in ask(page, "GET", "/api/senders")["items"] if each["isDefault"])
    ask(page, "PATCH", f"/api/senders/{default['id']}", {"hourlyLimit": 500})  # or some of these wait an hour
    nobody = {"host": "127.0.0.1", "port": 9, "security": "none"}  # where nothing listens
    gmail = {"host": "smtp.gmail.com", "port": 587, "username": CHECKED, "password": "of no use"}
    outreach = {"dailyLimit": 40, "leastGapSeconds": 600, "rampUp": {"from": 10, "perDay": 3}}
    ask(
        page, "POST", "/api/senders", {"email": gmail["username"], "displayName": "Anna Lindqvist", **gmail, **outreach}
    )
    ask(page, "POST", "/api/senders", {"email": "orders@lindqvist.example.com", **gmail})  # shares the login
    sender = ask(page, "POST", "/api/senders", {"email": "newsletter@harbour-books.example.com", **nobody})["id"]
    ask(page, "POST", f"/api/senders/{sender}/verify")
    campaign = {"senderId": sender, "subject": "New in May", "body": "Come and see.", "recipients": ["b@example.com"]}
    ask(page, "POST", "/api/campaigns/schedule", campaign)
    limited = {"email": "orders@harbour-books.example.com", "hourlyLimit": 20}
    start = (datetime.now(UTC) + timedelta(days=9)).replace(minute=0, second=0, microsecond=0)
    later = {"senderId": ask(page, "POST", "/api/senders", limited)["id"], "startTime": start.isoformat()}
    for name, count in (("Autumn catalogue", 300), ("Opening hours", 5)):
        people = [f"{name[:6].lower()}{n}@example.com" for n in range(count)]
        content = {"name": name, "subject": name, "body": "Come and see.", "recipients": people}
        ask(page, "POST", "/api/campaigns/schedule", content | later)
    stepped = {
        "name": "Roofs",
        "subject": "Is your roof dry?",
        "body": "Shall we look?",
        "followUpWithoutReading": True,
    }
    steps = [{"wait": "P3D", "body": "Did you see what I wrote?"}, {"wait": "P5D", "body": "A last word."}]
    roofs = [f"roof{n}@example.com" for n in range(24)]
    ask(page, "POST", "/api/campaigns/schedule", stepped | {"steps": steps, "recipients": roofs})
    varied = {"name": "Gutters", "variants": [{"subject": "Leaves in your gutters?", "body": "Shall we look?"}]}
    gutters = [f"gutter{n}@example.com" for n in range(40)]
    ask(page, "POST", "/api/campaigns/schedule", stepped | varied | {"steps": steps, "recipients": gutters})
    until(lambda: ask(page, "GET", "/api/campaigns/9")["counts"].get("SENT") == 40, "all of it is sent")
    with EmbeddedPostgres(service.data_dir) as postgres:
        for n in range(9):
            come_back(postgres.url, f"roof{n}@example.com", "REPLY", "Yes.")
        for n in range(24):
            come_back(postgres.url, f"gutter{n}@example.com", "REPLY", "Yes.")
    retired = ask(page, "POST", "/api/senders", {"email": "old@harbour-books.example.com"})["id"]
    content = {"name": "Last words", "subject": "Last words", "body": "Goodbye."}
    ask(page, "POST", "/api/campaigns/schedule", content | {"senderId": retired, "recipients": ["c@example.com"]})
    until(lambda: ask(page, "GET", "/api/campaigns/10")["status"] == "FINISHED", "it is over")
    ask(page, "POST", "/api/campaigns/10/archive")
    ask(page, "POST", f"/api/senders/{retired}/retire")
    told = {
        "UNSUBSCRIBED": ["sent.8@customers.example.org", "erased@example.com"],
        "BOUNCED": [
            "sent.5@customers.example.org",
            "a.very.long.name.of.somebody@a-department.customers.example.org",
        ],
        "COMPLAINED": ["sent.9@customers.example.org"],
        "MANUAL": ["grace@example.net"],
    }
    for reason, emails in told.items():
        ask(page, "POST", "/api/suppressions", {"emails": emails, "reason": reason})
    competitors = {
        "domains": ["bücher.example", "rival.example.com"],
        "note": "Competitors, as agreed with sales",
    }
    ask(page, "POST", "/api/suppressions", competitors)
    ask(page, "POST", "/api/recipients/erase", {"email": "erased@example.com"})
    for name, scopes in (("Newsletter script", ["read", "send"]), ("Dashboard in the hall", ["read"])):
        ask(page, "POST", "/api/keys", {"name": name, "scopes": scopes, "expiresAt": "2099-01-31T09:00:00Z"})
    ask(page, "POST", "/api/members/invitations", {"role": "viewer", "email": "grace@example.com"})
    ask(page, "POST", "/api/workspaces", {"name": "Harbour Books"})
    webhook = {"url": "http://127.0.0.1:9/hooks/reachinbox", "events": ["email.failed", "sender.blocked"]}
    ask(page, "POST", "/api/webhooks", webhook | {"description": "Tells the chat"})


def people(service: Service, admin: Page) -> None:
    """Further accounts, one of them disabled, and what strangers tried."""
    for name in ("grace.hopper", "bulk.offers"):
        body = {"email": f"{name}@example.com", "password": "correct horse"}
        httpx.post(f"{service.url}/api/auth/register", json=body).raise_for_status()
    httpx.post(f"{service.url}/api/auth/login", json={"email": "root@example.com", "password": "a guess"})
    found = ask(admin, "GET", "/api/admin/users?q=bulk.offers")["items"]
    ask(admin, "POST", f"/api/admin/users/{found[0]['id']}/disable", {})


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
