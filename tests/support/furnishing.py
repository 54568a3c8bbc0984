"""What pages show in their pictures: accounts, campaigns in every state, senders in trouble, and much of everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import psycopg
from playwright.sync_api import Page
from psycopg.types.json import Jsonb

from app.domain.senders.wire_judge import Showing
from app.embedded.postgres import EmbeddedPostgres
from tests.support.browser import ask
from tests.support.filling import come_back, fill
from tests.support.service import Service, until

CHECKED = "anna.lindqvist@gmail.com"

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
