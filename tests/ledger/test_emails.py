"""/api/emails: found, read with their attempts, decided on."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from itertools import pairwise

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.db import Pool, fetch_all
from app.domain import csv_lines
from app.domain.accounts.users import User, create_user
from app.secrets import SecretBox
from tests.support.api import problem, schedule, wrong_fields
from tests.support.ledger import insert_campaign


async def one_email(api: httpx.AsyncClient) -> int:
    await schedule(api)
    return (await api.get("/api/emails")).json()["items"][0]["id"]


async def end_as(pool: Pool, email_id: int, status: str) -> None:
    """Leave what a worker would: a final status, an attempt, the campaign's counts."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("UPDATE emails SET status = %s, attempts = 1 WHERE id = %s", (status, email_id))
        await conn.execute(
            "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, command, code, enhanced_code,"
            " reply)"
            " SELECT workspace_id, id, 1, 'REJECTED', now(), 'RCPT', 550, '5.1.1', 'No such user' FROM emails"
            " WHERE id = %s",
            (email_id,),
        )
        await conn.execute(
            "UPDATE streams SET scheduled = 0, failed = (%(status)s = 'FAILED')::int, "
            "unknown = (%(status)s = 'UNKNOWN')::int",
            {"status": status},
        )


async def test_an_email_is_found_by_each_filter(api: httpx.AsyncClient) -> None:
    first = (await schedule(api, ["ada@example.com", "bob@example.com"]))["campaign"]
    other = (await api.post("/api/senders", json={"email": "other@example.com"})).json()["id"]
    second = (await schedule(api, ["a_a@example.com", "ada@example.org"], senderId=other))["campaign"]
    await api.post(f"/api/campaigns/{second['id']}/cancel")
    for wanted, expected in (
        ({"campaignId": first["id"]}, ["bob@example.com", "ada@example.com"]),
        ({"senderId": other}, ["ada@example.org", "a_a@example.com"]),
        ({"status": "SCHEDULED"}, ["ada@example.com", "bob@example.com"]),
        ({"q": "ADA@"}, ["ada@example.org", "ada@example.com"]),
        ({"q": "a_a"}, ["a_a@example.com"]),
        ({"q": "%"}, []),
        ({"q": "ada", "status": "CANCELLED"}, ["ada@example.org"]),
        ({"campaignId": 2**63 - 1}, []),
    ):
        page = (await api.get("/api/emails", params=wanted)).json()
        assert [email["recipient"] for email in page["items"]] == expected


async def test_the_list_is_paged_newest_first(api: httpx.AsyncClient) -> None:
    await schedule(api, [f"user{n}@example.com" for n in range(5)])
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get("/api/emails", params={"limit": 2} | cursor)).json()
        seen += [email["recipient"] for email in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == [f"user{n}@example.com" for n in reversed(range(5))]


async def test_what_waits_is_paged_soonest_first_over_all_campaigns(api: httpx.AsyncClient) -> None:
    later = {"startTime": "2031-01-01T00:00:00Z", "delayBetweenMs": 60_000}
    await schedule(api, [f"late{n}@example.com" for n in range(3)], **later)
    await schedule(api, ["soon@example.com"], startTime="2030-01-01T00:00:00Z")
    await schedule(api, [f"same{n}@example.com" for n in range(3)], **later)
    expected = ["soon", "late0", "same0", "late1", "same1", "late2", "same2"]
    for limit in (1, 2, 3, 7):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while cursor is not None:
            page = (await api.get("/api/emails", params={"status": "SCHEDULED", "limit": limit} | cursor)).json()
            seen += [email["recipient"].partition("@")[0] for email in page["items"]]
            cursor = page["nextCursor"] and {"cursor": page["nextCursor"]}
        assert seen == expected


@pytest.mark.parametrize("cursor", ["7", "7.", "x.1", f"{10**18}.1", "1.2.3"])
async def test_a_cursor_of_another_list_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    wrong = await api.get("/api/emails", params={"status": "SCHEDULED", "cursor": cursor})
    assert list(wrong_fields(wrong)) == ["cursor"]


@pytest.mark.parametrize("status", ["SENT", "FAILED", "UNKNOWN", "CANCELLED"])
async def test_what_is_over_is_paged_newest_first_by_status(
    api: httpx.AsyncClient, pool: Pool, user: User, status: str
) -> None:
    async with pool.connection() as conn:
        first, _ = await insert_campaign(conn, user.workspace_id, [status, "SCHEDULED", status, status])
        second, _ = await insert_campaign(conn, user.workspace_id, [status, "SCHEDULED"], status="PAUSED")
        await insert_campaign(conn, user.workspace_id, ["SCHEDULED"])
    seen: list[tuple[int, str]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = (await api.get("/api/emails", params={"status": status, "limit": 2} | cursor)).json()
        seen += [(email["campaignId"], email["recipient"]) for email in page["items"]]
        cursor = page["nextCursor"] and {"cursor": page["nextCursor"]}
    assert seen == [(second, "r1@example.com")] + [(first, f"r{n}@example.com") for n in (4, 3, 1)]
    page = (await api.get("/api/emails", params={"status": status, "campaignId": first, "q": "r3"})).json()
    assert [email["recipient"] for email in page["items"]] == ["r3@example.com"]


async def test_an_export_has_all_that_the_list_has(api: httpx.AsyncClient, pool: Pool, user: User) -> None:
    async with pool.connection() as conn:
        campaign, _ = await insert_campaign(conn, user.workspace_id, ["SENT"] * 1200 + ["FAILED"] * 3)
        await insert_campaign(conn, user.workspace_id, ["SENT"])
    response = await api.get("/api/emails/export", params={"campaignId": campaign, "status": "SENT"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["recipient"] for row in rows] == [f"r{n}@example.com" for n in range(1200, 0, -1)]
    listed = (await api.get("/api/emails", params={"campaignId": campaign, "limit": 1})).json()["items"][0]
    assert set(rows[0]) == set(listed) - {"waiting"}
    assert {row["status"] for row in rows} == {"SENT"}
    assert list(wrong_fields(await api.get("/api/emails/export", params={"q": "\0"}))) == ["q"]


@given(st.text())
@example("=1+1").via("what spreadsheets run")
@example("\t=1")
@example('a,"b"\nc')
def test_no_cell_of_an_export_begins_a_formula_and_each_can_be_read_back(text: str) -> None:
    line = csv_lines.line([text, "end"]).decode()
    ((cell, end),) = csv.reader(io.StringIO(line, newline=""))
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert end == "end"


@given(st.lists(st.text(st.sampled_from("a ;\t\n\r,\"'=+-@"))))
@example(["Ann;=1+1"]).via("what splits at semicolons, as spreadsheets do in half of Europe")
@example(["a", 'b\n\t"=1+1"'])
def test_no_cell_for_a_spreadsheet_begins_a_formula_where_it_splits_at_semicolons(cells: list[str]) -> None:
    cells = ["first", *cells]
    line = csv_lines.line(cells, spreadsheet=True).decode()
    for part in re.split(
        r"[;\t\r\n]", line
    ):  # within quotation marks, too: they begin in the midst of what it takes for a cell
        assert not re.match(r"[\s\"]*[=+\-@]", part), line
    (read,) = csv.reader(io.StringIO(line, newline=""))
    assert [cell.replace("'", "") for cell in read] == [cell.replace("'", "") for cell in cells]


def test_a_file_that_is_read_again_has_its_cells_as_they_are() -> None:
    assert csv_lines.line(["a;=b\n-c"]) == b'"a;=b\n-c"\r\n'


async def test_many_failed_emails_are_sent_again_spaced_as_their_campaign_is(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with pool.connection() as conn:
        campaign, sender = await insert_campaign(
            conn, user.workspace_id, ["FAILED", "FAILED", "SENT", "FAILED"], status="ACTIVE"
        )
        await conn.execute("UPDATE streams SET gap_ms = 60000 WHERE campaign_id = %s", (campaign,))
        await conn.execute("UPDATE campaigns SET status = 'FINISHED', finished_at = now() WHERE id = %s", (campaign,))
    answer = await api.post("/api/emails/retry", json={"campaignId": campaign})
    assert answer.json()["changed"] == 3
    after = (await api.get(f"/api/campaigns/{campaign}")).json()
    assert (after["status"], after["counts"]["FAILED"], after["counts"]["SCHEDULED"]) == ("ACTIVE", 0, 3)
    waiting = (await api.get("/api/emails", params={"status": "SCHEDULED"})).json()["items"]
    times = [datetime.fromisoformat(email["scheduledAt"]) for email in waiting]
    assert [later - earlier for earlier, later in pairwise(times)] == [timedelta(minutes=1)] * 2
    async with pool.connection() as conn:
        jobs = await fetch_all(conn, b"SELECT args FROM procrastinate_jobs")
        audit = await fetch_all(conn, b"SELECT action, subject FROM audit_log WHERE subject LIKE 'campaigns/%%'")
    assert [job["args"] for job in jobs] == [{"sender_id": sender}]
    assert audit == [{"action": "email.failed->scheduled", "subject": f"campaigns/{campaign}, 3 emails"}]


async def test_more_than_a_batch_is_decided_whole_and_each_email_once(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async with pool.connection() as conn:
        campaign, _ = await insert_campaign(conn, user.workspace_id, ["UNKNOWN", "SENT", "FAILED"] * 1100)
    answer = await api.post("/api/emails/resolve", json={"campaignId": campaign, "as": "sent"})
    assert answer.json()["changed"] == 1100
    counts = (await api.get(f"/api/campaigns/{campaign}")).json()["counts"]
    assert (counts["UNKNOWN"], counts["SENT"], counts["FAILED"]) == (0, 2200, 1100)


async def test_of_chosen_emails_those_in_the_wrong_state_or_of_others_stay(
    api: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox
) -> None:
    other = await create_user(pool, box, "eve@example.com", "battery staple", default_hourly_limit=100)
    async with pool.connection() as conn:
        await insert_campaign(conn, user.workspace_id, ["UNKNOWN", "FAILED", "UNKNOWN"])
        cancelled, _ = await insert_campaign(conn, user.workspace_id, ["UNKNOWN"], status="CANCELLED")
        theirs, _ = await insert_campaign(conn, other.workspace_id, ["UNKNOWN"])
        ids = [row["id"] for row in await fetch_all(conn, b"SELECT id FROM emails ORDER BY id")]
    assert (await api.post("/api/emails/resolve", json={"ids": ids, "as": "resend"})).json()["changed"] == 2
    left = await api.get("/api/emails", params={"status": "UNKNOWN"})
    assert [email["campaignId"] for email in left.json()["items"]] == [cancelled]
    problem(await api.post("/api/emails/resolve", json={"campaignId": cancelled, "as": "resend"}), 409)
    problem(await api.post("/api/emails/resolve", json={"campaignId": theirs, "as": "sent"}), 404)
    assert (await api.post("/api/emails/resolve", json={"campaignId": cancelled, "as": "sent"})).json()["changed"] == 1


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": [1] * 1001}, {"ids": [1], "campaignId": 1}])
async def test_a_choice_is_ids_or_a_campaign(api: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert list(wrong_fields(await api.post("/api/emails/retry", json=body))) == ["ids"]


async def test_a_wrong_parameter_is_named(api: httpx.AsyncClient) -> None:
    for name, value in [
        ("status", "sent"),
        ("campaignId", "x"),
        ("campaignId", str(2**63)),
        ("senderId", "0"),
        ("limit", "501"),
        ("cursor", "-1"),
        ("q", "a\0b"),
    ]:
        assert list(wrong_fields(await api.get("/api/emails", params={name: value}))) == [name]


async def test_a_search_for_what_is_no_text_finds_nothing(api: httpx.AsyncClient) -> None:
    await schedule(api)
    for q in ["%ff", "%ED%A0%80"]:
        assert (await api.get(f"/api/emails?q={q}")).json()["items"] == []


async def test_an_email_is_read_with_every_attempt(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "FAILED")
    email = (await api.get(f"/api/emails/{email_id}")).json()
    assert (email["status"], email["recipient"], email["subject"]) == ("FAILED", "ada@example.com", "Hello")
    (attempt,) = email["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["command"]) == (1, "REJECTED", "RCPT")
    assert (attempt["code"], attempt["enhancedCode"], attempt["reply"]) == (550, "5.1.1", "No such user")


async def test_its_subject_is_read_as_its_recipient_sees_it(api: httpx.AsyncClient) -> None:
    people = [{"email": "ada@example.com", "name": "Ada"}]
    await schedule(api, people, subject="Hello {{ name }} of {{ email }}", name="Greetings")
    (listed,) = (await api.get("/api/emails")).json()["items"]
    email = (await api.get(f"/api/emails/{listed['id']}")).json()
    assert email["subject"] == "Hello Ada of ada@example.com"
    assert email["campaignName"] == listed["campaignName"] == "Greetings"


async def test_a_failed_email_can_be_sent_again(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "FAILED")
    response = await api.post(f"/api/emails/{email_id}/retry")
    assert (response.status_code, response.json()["status"]) == (200, "SCHEDULED")
    (campaign,) = (await api.get("/api/campaigns")).json()["items"]
    assert (campaign["status"], campaign["counts"]["SCHEDULED"], campaign["counts"]["FAILED"]) == ("ACTIVE", 1, 0)


@pytest.mark.parametrize(("decision", "status"), [("sent", "SENT"), ("resend", "SCHEDULED")])
async def test_a_person_decides_on_an_email_in_doubt(
    api: httpx.AsyncClient, pool: Pool, decision: str, status: str
) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "UNKNOWN")
    response = await api.post(f"/api/emails/{email_id}/resolve", json={"as": decision})
    assert (response.status_code, response.json()["status"]) == (200, status)
    (campaign,) = (await api.get("/api/campaigns")).json()["items"]
    assert (campaign["counts"][status], campaign["counts"]["UNKNOWN"]) == (1, 0)


async def test_a_decision_is_for_the_status_it_was_made_for(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    problem(await api.post(f"/api/emails/{email_id}/retry"), 409)
    problem(await api.post(f"/api/emails/{email_id}/resolve", json={"as": "sent"}), 409)
    await end_as(pool, email_id, "UNKNOWN")
    problem(await api.post(f"/api/emails/{email_id}/retry"), 409)


async def test_a_wrong_decision_is_named_and_changes_nothing(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    await end_as(pool, email_id, "UNKNOWN")
    for body, field in [({}, "as"), ({"as": "lost"}, "as"), ({"as": "sent", "why": "x"}, "why"), ([], "request")]:
        assert list(wrong_fields(await api.post(f"/api/emails/{email_id}/resolve", json=body))) == [field]
    assert (await api.get(f"/api/emails/{email_id}")).json()["status"] == "UNKNOWN"


async def test_what_an_email_says_is_told_before_it_is_sent(api: httpx.AsyncClient) -> None:
    person = {"email": "ada@example.com", "name": "A & B"}
    words = {"subject": "Hello {{ name }}", "body": "To {{ email }}", "bodyHtml": "<p>{{ name }}</p>"}
    await schedule(api, [person], **words)
    (email,) = (await api.get("/api/emails")).json()["items"]
    url = f"/api/emails/{email['id']}/message"
    message = (await api.get(url)).json()
    shown = await api.get(f"{url}/html")
    assert shown.text == message.pop("html")
    assert "\n<p>A &amp; B</p>\n</body>" in shown.text
    beside = {"replyTo": None, "headers": {}, "cc": [], "bcc": [], "attachments": []}
    assert message == {"subject": "Hello A & B", "text": "To ada@example.com", "asSent": False, **beside}
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none';")


async def test_where_nothing_can_be_shown_it_says_why(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    url = f"/api/emails/{email_id}/message"
    problem(await api.get(f"{url}/html"), 404)
    problem(await api.get("/api/emails/999/message"), 404)
    async with pool.connection() as conn:
        await conn.execute("UPDATE campaigns SET subject = '{{ name }}'")
    assert "merge field 'name'" in problem(await api.get(url), 409)["detail"]
    await api.post("/api/recipients/erase", json={"email": "ada@example.com"})
    assert "erased" in problem(await api.get(url), 409)["detail"]


async def test_of_a_try_that_cannot_say_the_text_of_its_time_is_told(api: httpx.AsyncClient, pool: Pool) -> None:
    email_id = await one_email(api)
    (campaign,) = (await api.get("/api/campaigns")).json()["items"]
    url = f"/api/campaigns/{campaign['id']}"
    await api.patch(url, json={"subject": "Nobody saw the one before"})
    async with pool.connection() as conn:
        await conn.execute("UPDATE streams SET free_at = now()")  # as the first claim does
        await conn.execute("UPDATE emails SET claimed_at = now()")
    for subject in ("Later", "Last", "Last"):
        await api.patch(url, json={"subject": subject})
    assert (await api.get(f"/api/emails/{email_id}")).json()["subject"] == "Last"
    await end_as(pool, email_id, "UNKNOWN")
    assert (await api.get(f"/api/emails/{email_id}")).json()["subject"] == "Nobody saw the one before"
    message = (await api.get(f"/api/emails/{email_id}/message")).json()
    assert (message["subject"], message["asSent"]) == ("Nobody saw the one before", False)
    async with pool.connection() as conn:
        kept = await fetch_all(conn, b"SELECT version, subject FROM campaign_contents ORDER BY version")
    assert [(text["version"], text["subject"]) for text in kept] == [(2, "Nobody saw the one before"), (3, "Later")]
