"""POST /api/campaigns/schedule: a campaign as JSON or as a form with a CSV file, all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool
from app.http import bodies
from app.http.campaigns.schedule import MAX_BODY
from tests.support.api import Headers, problem, schedule, written, wrong_fields
from tests.support.engine import rows, wait_for

URL = "/api/campaigns/schedule"
CAMPAIGN: dict[str, Any] = {"subject": "Hello", "body": "A text.", "recipients": ["ada@example.com"]}
FORM = {"subject": "Hello {{ first_name }}", "body": "A text."}
CSV = "Email;First name\nada@example.com;Ada\nzoë@example.com;Zoë\n"


def csv_file(text: str = CSV, encoding: str = "utf-8") -> dict[str, Any]:
    return {"file": ("list.csv", text.encode(encoding), "text/csv")}


async def test_answers_with_the_campaign_what_was_accepted_and_when_it_leaves(api: httpx.AsyncClient) -> None:
    answer = await schedule(
        api,
        ["ada@example.com", "bob@example.com", "ADA@example.com", "nobody"],
        name="Spring",
        startTime="2030-01-31T09:00:00+01:00",
        delayBetweenMs=1000,
    )
    campaign = answer["campaign"]
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    assert [(row["row"], row["email"]) for row in answer["rejected"]] == [(4, "nobody")]
    assert answer["rejected"][0]["reason"]
    assert (answer["firstAt"], answer["lastAt"]) == ("2030-01-31T08:00:00Z", "2030-01-31T08:00:01Z")
    assert (campaign["name"], campaign["status"], campaign["total"]) == ("Spring", "ACTIVE", 2)
    assert campaign["startTime"] == "2030-01-31T08:00:00Z"
    assert campaign["counts"]["SCHEDULED"] == 2
    assert campaign["onUnknown"] == "hold"


async def test_a_campaign_its_emails_and_its_wake_up_are_there_together(api: httpx.AsyncClient, pool: Pool) -> None:
    before = await written(pool)
    await schedule(api, ["ada@example.com", "bob@example.com"])
    after = await written(pool)
    assert {name: after[name] - before[name] for name in after} == {
        "campaigns": 1,
        "emails": 2,
        "senders": 0,
        "idempotency_keys": 0,
        "procrastinate_jobs": 1,
    }


async def test_several_senders_are_woken_in_the_order_that_all_take(api: httpx.AsyncClient, pool: Pool) -> None:
    """Or two that wake the same senders at once would wait for each other."""
    made = [await api.post("/api/senders", json={"email": f"{name}@example.com"}) for name in "ab"]
    one, other = (response.json()["id"] for response in made)
    await schedule(api, ["ada@example.com", "bob@example.com"], senderIds=[other, one])
    woken = "SELECT args -> 'sender_id' AS sender FROM procrastinate_jobs WHERE task_name = 'send_due' ORDER BY id"
    assert [job["sender"] for job in await rows(pool, woken)] == [one, other]


async def test_without_a_start_it_starts_now(api: httpx.AsyncClient) -> None:
    before = datetime.now(UTC)
    answer = await schedule(api)
    assert before <= datetime.fromisoformat(answer["firstAt"]) <= datetime.now(UTC)


async def test_merge_fields_come_with_the_recipients(api: httpx.AsyncClient) -> None:
    recipients: Any = [{"email": "ada@example.com", "First Name": "Ada", "age": 36}]
    await schedule(api, recipients, subject="{{ first_name }}, {{ age }}")
    (email,) = (await api.get("/api/emails")).json()["items"]
    details = (await api.get(f"/api/emails/{email['id']}")).json()
    assert details["fields"] == {"first_name": "Ada", "age": "36"}


async def test_a_wrong_field_is_named_and_nothing_is_written(api: httpx.AsyncClient, pool: Pool) -> None:
    before = await written(pool)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"subject": None}, "subject"),
        ({"subject": " "}, "subject"),
        ({"subject": "two\nlines"}, "subject"),
        ({"subject": "{{ open"}, "subject"),
        ({"subject": "Hello {{ first_name }}"}, "subject"),
        ({"subject": "a\0b"}, "subject"),
        ({"body": ""}, "body"),
        ({"body": "a\0b"}, "body"),
        ({"bodyHtml": "<p>{{ nobody_brings_this }}"}, "bodyHtml"),
        ({"bodyHtml": 5}, "bodyHtml"),
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"senderId": 2**31}, "senderId"),
        ({"senderId": 2**63}, "senderId"),
        ({"senderId": 0}, "senderId"),
        ({"senderId": "1"}, "senderId"),
        ({"startTime": "2030-01-31T09:00:00"}, "startTime"),
        ({"startTime": "tomorrow"}, "startTime"),
        ({"startTime": 1893456000}, "startTime"),
        ({"startTime": "9999-12-31T23:59:59-14:00"}, "startTime"),
        ({"startTime": "0001-01-01T00:00:00+14:00"}, "startTime"),
        ({"delayBetweenMs": -1}, "delayBetweenMs"),
        ({"delayBetweenMs": 2**70}, "delayBetweenMs"),
        ({"delayBetweenMs": "1000"}, "delayBetweenMs"),
        ({"delayBetweenMs": 1.5}, "delayBetweenMs"),
        ({"hourlyLimit": 0}, "hourlyLimit"),
        ({"hourlyLimit": 2**31}, "hourlyLimit"),
        ({"onUnknown": "maybe"}, "onUnknown"),
        ({"recipients": []}, "recipients"),
        ({"recipients": "ada@example.com"}, "recipients"),
        ({"recipients": ["ada@example.com", 5]}, "recipients[1]"),
        ({"hourlyLimt": 5}, "hourlyLimt"),
    ]
    for fields, field in cases:
        response = await api.post(URL, json=CAMPAIGN | fields, headers={"Idempotency-Key": "once"})
        assert list(wrong_fields(response)) == [field]
        assert await written(pool) == before


async def test_a_wrong_field_is_explained_in_words(api: httpx.AsyncClient) -> None:
    for field, value, words in (
        ("delayBetweenMs", "1000", "should be a whole number, not text"),
        ("onUnknown", "maybe", "is not one of hold, resend, resend_if_not_in_sent, assume_sent"),
        ("startTime", "tomorrow", "is no time with its offset from UTC"),
        ("subjct", "Hello", "is not known here; the fields are: subject, body, bodyHtml"),
    ):
        assert words in wrong_fields(await api.post(URL, json=CAMPAIGN | {field: value}))[field]


async def test_a_missing_field_is_named(api: httpx.AsyncClient) -> None:
    for field in CAMPAIGN:
        body = {name: value for name, value in CAMPAIGN.items() if name != field}
        wrong = wrong_fields(await api.post(URL, json=body))
        assert list(wrong) == [field]
        # A text is made of HTML, where there is any.
        assert wrong[field].startswith("is empty" if field == "body" else "is missing")


async def test_when_nobody_is_left_every_recipient_is_told_why(api: httpx.AsyncClient, pool: Pool) -> None:
    before = await written(pool)
    response = await api.post(URL, json=CAMPAIGN | {"recipients": ["nobody", {"name": "Ada"}, "a\0@example.com"]})
    assert list(wrong_fields(response)) == ["recipients"]
    assert [row["row"] for row in response.json()["rejected"]] == [1, 2, 3]
    assert await written(pool) == before


async def test_what_is_not_json_is_a_bad_request(api: httpx.AsyncClient) -> None:
    for body in [b"{", b"nonsense", b"\xff", b'{"subject": "\\ud800 half of a pair"}']:
        problem(await api.post(URL, content=body, headers={"Content-Type": "application/json"}), 400)


async def test_a_recipient_that_is_not_json_is_named(api: httpx.AsyncClient) -> None:
    body = b'{"subject": "Hello", "body": "A text.", "recipients": ["ada@example.com", "\xff"]}'
    response = await api.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert list(wrong_fields(response)) == ["recipients[1]"]


async def test_a_body_nested_too_deeply_is_a_bad_request(api: httpx.AsyncClient) -> None:
    body = b'{"subject": "Hello", "body": "A text.", "recipients": [' + b"[" * 9999 + b"]" * 9999 + b"]}"
    problem(await api.post(URL, content=body, headers={"Content-Type": "application/json"}), 400)


async def test_a_body_that_is_no_object_is_refused(api: httpx.AsyncClient) -> None:
    for body in [b"", b"null", b"[]", b'"text"']:
        response = await api.post(URL, content=body, headers={"Content-Type": "application/json"})
        assert list(wrong_fields(response)) == ["request"]


async def test_other_content_types_are_refused(api: httpx.AsyncClient) -> None:
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "text/csv", ""]:
        problem(await api.post(URL, content=b"{}", headers={"Content-Type": content_type}), 415)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_a_csv_file_in_any_usual_encoding(api: httpx.AsyncClient, encoding: str) -> None:
    response = await api.post(URL, data=FORM | {"delayBetweenMs": "1000"}, files=csv_file(encoding=encoding))
    assert response.status_code == 201, response.text
    assert response.json()["accepted"] == 2
    assert response.json()["campaign"]["delayBetweenMs"] == 1000
    emails = (await api.get("/api/emails")).json()["items"]
    zoe = (await api.get(f"/api/emails/{emails[0]['id']}")).json()
    assert (zoe["recipient"], zoe["fields"]) == ("zoë@example.com", {"first_name": "Zoë"})


async def test_a_large_file_and_every_bad_row_of_it_are_read(api: httpx.AsyncClient) -> None:
    rows = [f"user{n}@example.com,{'x' * 200}" if n % 1000 else "nobody,x" for n in range(1, 10_001)]
    file = csv_file("email,first_name\n" + "\n".join(rows))
    answer = (await api.post(URL, data=FORM, files=file)).json()
    assert answer["accepted"] == 9990
    assert [row["row"] for row in answer["rejected"]] == [n * 1000 + 1 for n in range(1, 11)]


@pytest.mark.parametrize(
    "recipients", ["ada@example.com\r\nbob@example.com\n\n", ' ["ada@example.com", {"email": "bob@example.com"}]']
)
async def test_a_form_may_name_its_recipients_as_lines_or_json(api: httpx.AsyncClient, recipients: str) -> None:
    form = FORM | {"subject": "Hello", "recipients": recipients, "hourlyLimit": "", "onUnknown": "resend"}
    response = await api.post(URL, data=form, files={"file": ("", b"")})
    assert response.status_code == 201, response.text
    assert response.json()["accepted"] == 2
    assert response.json()["campaign"]["onUnknown"] == "resend"
    assert response.json()["campaign"]["hourlyLimit"] is None


async def test_a_wrong_form_field_is_named_and_nothing_is_written(api: httpx.AsyncClient, pool: Pool) -> None:
    before = await written(pool)
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({}, {}, "recipients"),
        ({"recipients": "bob@example.com"}, csv_file(), "recipients"),
        ({"recipients": "[5]"}, {}, "recipients[0]"),
        ({"recipients": "[5"}, {}, "recipients"),
        ({"file": CSV}, {}, "file"),
        ({}, csv_file(""), "file"),
        ({}, csv_file("name\nAda\n"), "file"),
        ({}, csv_file("email\nada@example.com\n"), "subject"),
        ({"hourlyLimit": "many"}, csv_file(), "hourlyLimit"),
        ({"hourlyLimt": "5"}, csv_file(), "hourlyLimt"),
        ({"subject": ["one", "two"]}, csv_file(), "subject"),
        ({}, {"list": ("list.csv", CSV.encode())}, "list"),
    ]
    for data, files, field in cases:
        # The part that nobody has to fill in makes a form without files multipart, too.
        response = await api.post(URL, data=FORM | data, files=files or {"name": (None, b"")})
        assert list(wrong_fields(response)) == [field]
        assert await written(pool) == before


@pytest.mark.parametrize(
    ("charset", "text"),
    [("utf-8", b"\xff"), *((name, b"x") for name in ("punycode", "utf-7", "idna", "unicode_escape", "nonsense"))],
)
async def test_texts_of_a_form_are_utf_8_whatever_they_name(api: httpx.AsyncClient, charset: str, text: bytes) -> None:
    """Some charsets take the square of the time, on the event loop."""
    response = await api.post(URL, data=FORM, files={"name": (None, text, f"text/plain; charset={charset}")})
    assert "UTF-8" in wrong_fields(response)["name"]


async def test_a_form_has_a_few_parts_and_texts_that_end(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.forms.MOST_TEXT", 1_000)
    together = {"body": "x" * 600, "name": "x" * 600}
    for url in (URL, "/api/campaigns/preview", "/api/campaigns/render/html", "/api/lists"):
        problem(await api.post(url, files={n: (None, text) for n, text in together.items()}), 413)
        problem(await api.post(url, files={f"part{n}": (None, b"x") for n in range(51)}), 413)
        long = "multipart/form-data; boundary=" + "b" * 71
        problem(await api.post(url, content=b"x", headers={"Content-Type": long}), 400)


async def test_a_form_cut_short_is_a_bad_request(api: httpx.AsyncClient) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="subject"\r\n\r\nHello\r\n'
    for content_type, body in (
        ("multipart/form-data; boundary=B", part),
        ("multipart/form-data; boundary=B", b"nonsense"),
        ("multipart/form-data", part),
    ):
        problem(await api.post(URL, content=body, headers={"Content-Type": content_type}), 400)


async def test_a_body_that_is_too_large_is_refused_while_it_comes(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.campaigns.schedule.MAX_JSON", 100)
    before = await written(pool)

    async def pieces() -> AsyncIterator[bytes]:
        yield msgspec.json.encode(CAMPAIGN | {"body": "x" * 100})

    problem(await api.post(URL, content=pieces(), headers={"Content-Type": "application/json"}), 413)
    problem(await api.post(URL, json=CAMPAIGN | {"body": "x" * 100}), 413)
    announced = {"Content-Type": "multipart/form-data; boundary=B", "Content-Length": str(MAX_BODY + 1)}
    problem(await api.post(URL, content=b"", headers=announced), 413)
    assert await written(pool) == before


@pytest.mark.parametrize("what", ["name", "a misspelt field", "recipients twice"])
async def test_what_is_large_beside_the_recipients_is_not_even_decoded(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("app.http.recipients.sources.MOST_BESIDES", 10_000)
    filling = "x" * 10_000
    others = f'"recipients": ["{filling}"]'
    more = {"name": f'"name": "{filling}"', "a misspelt field": f'"{filling}": 1'}.get(what, others)
    body = f'{{"subject": "s", "body": "b", {more}, "recipients": ["ada@example.com"]}}'
    response = await api.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert wrong_fields(response) == {"request": "has more than 10,000 bytes beside its recipients"}
    stored = await api.post("/api/lists", content=body, headers={"Content-Type": "application/json"})
    assert "beside its recipients" in wrong_fields(stored)["request"]


async def test_a_misspelt_field_is_not_repeated_at_any_length(api: httpx.AsyncClient) -> None:
    response = await api.post(URL, json=CAMPAIGN | {"x" * 100_000: 1})
    assert len(response.content) < 1_000
    assert "unknown field" in wrong_fields(response)["request"]


@pytest.mark.parametrize(("url", "content"), [(URL, CAMPAIGN), ("/api/lists", {"recipients": CAMPAIGN["recipients"]})])
async def test_large_bodies_wait_unread_for_their_turn_and_one_workspace_has_not_all(
    api: httpx.AsyncClient, stranger: Headers, url: str, content: dict[str, Any]
) -> None:
    body = msgspec.json.encode(content)
    begun: list[str] = []
    go_on = asyncio.Event()

    async def coming(name: str) -> AsyncIterator[bytes]:
        begun.append(name)
        yield body[:10]
        await go_on.wait()
        yield body[10:]

    def send(name: str, headers: Headers) -> asyncio.Task[httpx.Response]:
        headers = headers | {"Content-Type": "application/json"}
        return asyncio.create_task(api.post(url, content=coming(name), headers=headers))

    sent = [send(f"mine {number}", {}) for number in range(bodies.LARGE_AT_ONCE)]
    sent.append(send("another's", stranger))

    async def full() -> bool:
        return len(begun) == bodies.LARGE_AT_ONCE

    await wait_for(full, "as many bodies as there is room for")
    small = await api.post(URL, json=CAMPAIGN)
    assert small.status_code == 201
    assert "another's" in begun  # whichever of the others came first
    assert len(begun) == bodies.LARGE_AT_ONCE
    go_on.set()
    assert {(await task).status_code for task in sent} == {201}


async def test_a_body_that_does_not_come_gives_its_turn_back(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PAUSE_S", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    for _ in range(bodies.LARGE_AT_ONCE):
        problem(await api.post(URL, content=never(), headers={"Content-Type": "application/json"}), 408)


async def test_anothers_sender_is_no_sender(api: httpx.AsyncClient, stranger: dict[str, str], pool: Pool) -> None:
    theirs = (await api.get("/api/senders", headers=stranger)).json()["items"][0]["id"]
    before = await written(pool)
    assert list(wrong_fields(await api.post(URL, json=CAMPAIGN | {"senderId": theirs}))) == ["senderId"]
    assert await written(pool) == before


async def test_a_preview_is_what_scheduling_then_does(api: httpx.AsyncClient, pool: Pool) -> None:
    await api.patch("/api/senders/1", json={"hourlyLimit": 4})
    campaign = CAMPAIGN | {
        "recipients": [f"user{n}@example.com" for n in range(10)] + ["user0@example.com", "nobody"],
        "startTime": "2030-01-31T08:00:00Z",
        "delayBetweenMs": 60_000,
    }
    before = await written(pool)
    preview = await api.post("/api/campaigns/preview", json=campaign)
    assert preview.status_code == 200, preview.text
    assert await written(pool) == before
    foretold = preview.json()
    answer = (await api.post(URL, json=campaign)).json()
    for name in ("accepted", "duplicates", "rejected", "firstAt", "lastAt"):
        assert foretold[name] == answer[name]
    for name in ("heldBackBy", "hourly", "days", "timezone", "senders", "late"):
        assert foretold[name] == answer[name]
    assert foretold["firstTo"] == "user0@example.com"
    sender = answer["campaign"]["senderId"]
    ends = {name: foretold[name] for name in ("firstAt", "lastAt")}
    assert foretold["senders"] == [{"senderId": sender, "count": 10, "hourlyLimit": 4, **ends}]
    assert (foretold["timezone"], foretold["days"], foretold["late"]) == (
        "UTC",
        [{"day": "2030-01-31", "count": 10, "steps": []}],
        0,
    )
    assert foretold["heldBackBy"] == {"HOURLY_LIMIT": 2}
    assert foretold["hourly"] == [
        {"start": f"2030-01-31T{hour:02}:00:00Z", "count": count} for hour, count in ((8, 4), (9, 4), (10, 2))
    ]
    emails = (await api.get("/api/emails")).json()["items"]
    times = [datetime.fromisoformat(email["scheduledAt"]) for email in reversed(emails)]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert [sum(time.hour == hour for time in times) for hour in (8, 9, 10)] == [4, 4, 2]


async def test_a_preview_refuses_what_scheduling_refuses(api: httpx.AsyncClient) -> None:
    for wrong in ({"subject": ""}, {"hourlyLimit": 0}, {"recipients": ["nobody"]}, {"startTime": "tomorrow"}):
        refused = [await api.post(url, json=CAMPAIGN | wrong) for url in ("/api/campaigns/preview", URL)]
        assert wrong_fields(refused[0]) == wrong_fields(refused[1])


async def test_a_preview_takes_a_file(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/campaigns/preview", data=FORM, files=csv_file())
    assert response.status_code == 200
    assert response.json()["accepted"] == 2
