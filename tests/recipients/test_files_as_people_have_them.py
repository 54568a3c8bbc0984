"""Over HTTP: files, pasted cells and what is said about them, from upload to what the ledger sends to."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import date, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.recipients import sheets, workbooks
from app.killable import Budget
from app.settings import Settings, from_env
from tests.support.api import api_client, authorization, wrong_fields
from tests.support.engine import execute, rows
from tests.support.workbooks import Value, xlsx

PLAIN = {"subject": "Hello", "body": "A text."}


async def post(api: httpx.AsyncClient, call: str, content: bytes, **form: str) -> dict[str, Any]:
    file = {"file": ("list.csv", content, "text/csv")}
    response = await api.post(f"/api/campaigns/{call}", data=PLAIN | form, files=file)
    assert response.status_code in {200, 201}, response.text
    return response.json()


async def kept(pool: Pool) -> list[tuple[str, dict[str, str]]]:
    found = await rows(pool, "SELECT recipient, fields FROM emails ORDER BY id")
    return [(row["recipient"], row["fields"]) for row in found]


# Encodings and columns


async def test_preview_and_answer_tell_how_a_file_was_read(api: httpx.AsyncClient, pool: Pool) -> None:
    content = "Owner Email;E-mail;Jméno\nboss@example.com;jiri@example.com;Jiří Dvořák\n".encode("cp1250")
    for call in ("preview", "schedule"):
        told = (await post(api, call, content))["reading"]
        assert (told["encoding"], told["emailColumn"]) == ("Windows-1250", "E-mail")
        assert told["first"] == [{"row": 2, "cells": ["boss@example.com", "jiri@example.com", "Jiří Dvořák"]}]
    assert await kept(pool) == [("jiri@example.com", {"owner_email": "boss@example.com", "jméno": "Jiří Dvořák"})]


async def test_the_caller_names_encoding_and_column(api: httpx.AsyncClient, pool: Pool) -> None:
    content = "Owner;E-mail;Name\nboss@example.com;a@example.com;Plze\u0148\n".encode("cp1250")
    told = await post(api, "schedule", content, encoding="Windows-1250", emailColumn="Owner")
    assert (told["reading"]["encoding"], told["reading"]["emailColumn"]) == ("Windows-1250", "Owner")
    assert await kept(pool) == [("boss@example.com", {"e_mail": "a@example.com", "name": "Plzeň"})]


@pytest.mark.parametrize("field", ["encoding", "emailColumn", "correctDomains"])
async def test_what_is_said_wrongly_is_refused(api: httpx.AsyncClient, field: str) -> None:
    files = {"file": ("list.csv", b"email\na@example.com\n", "text/csv")}
    response = await api.post("/api/campaigns/preview", data=PLAIN | {field: "x"}, files=files)
    assert list(wrong_fields(response)) == [field]


async def test_an_uploaded_list_tells_its_first_encoding_and_takes_a_named_one(api: httpx.AsyncClient) -> None:
    content = "email,name\nivan@example.com,Иван\n".encode("cp1251")
    files = {"file": ("list.csv", content, "text/csv")}
    found = (await api.post("/api/lists", files=files)).json()
    assert found["csv"]["encoding"] == "Windows-1251"
    assert found["csv"]["candidates"] == [{"column": 0, "name": "email", "addresses": 1}]
    plan = (await api.post("/api/campaigns/preview", json={**PLAIN, "listId": found["id"]})).json()
    assert (plan["reading"]["encoding"], plan["reading"]["first"][0]["cells"][1]) == ("Windows-1251", "Иван")
    named = (await api.post("/api/lists", files=files, data={"encoding": "Windows-1252"})).json()
    assert named["csv"]["first"][1]["cells"][1] == "Èâàí"
    wrong = await api.post("/api/lists", files=files, data={"encoding": "UTF-16"})
    assert list(wrong_fields(wrong)) == ["encoding"]


async def test_rows_with_bad_bytes_are_named_by_an_uploaded_list(api: httpx.AsyncClient) -> None:
    content = "email,name\nzoe@example.com,Zoë\nzoé@example.com,Zoë\n".encode() + b"jose@example.com,Jos\xe9\n"
    found = (await api.post("/api/lists", files={"file": ("list.csv", content, "text/csv")})).json()
    assert (found["csv"]["encoding"], found["csv"]["illRows"]) == ("UTF-8", [4])
    assert (await api.get(f"/api/lists/{found['id']}/content")).text.endswith("José\n")


# Cells


async def test_repairs_are_told_with_what_was_done(api: httpx.AsyncClient, pool: Pool) -> None:
    content = b'email,phone\nJo Doe <jo@example.com>,\'+49 1\n"a@example.com; b@example.com",\nmailto:m@example.com,x\n'
    for call in ("preview", "schedule"):
        told = await post(api, call, content)
        assert (told["accepted"], told["repaired"], told["suspects"], told["rejected"]) == (3, 3, 0, [])
        assert [(row["row"], row["address"], row["others"]) for row in told["repairedRows"]] == [
            (2, "jo@example.com", []),
            (3, "a@example.com", ["b@example.com"]),
            (4, "m@example.com", []),
        ]
        assert told["repairedRows"][0]["email"] == "Jo Doe <jo@example.com>"
        assert "name beside" in told["repairedRows"][0]["what"]
        assert "apostrophe" in told["repairedRows"][0]["what"]
    assert await kept(pool) == [
        ("jo@example.com", {"phone": "+49 1"}),
        ("a@example.com", {}),
        ("m@example.com", {"phone": "x"}),
    ]
    assert (await post(api, "preview", content, everyAddress="true"))["accepted"] == 4


async def test_mistyped_domains_are_asked_about_and_corrected_on_request(api: httpx.AsyncClient, pool: Pool) -> None:
    content = b"email\na@gmial.com\nb@acme.con\nc@gmail.com\n"
    told = await post(api, "preview", content)
    assert (told["accepted"], told["repaired"], told["suspects"]) == (3, 0, 2)
    assert told["suspectRows"] == [
        {"row": 2, "email": "a@gmial.com", "meant": "gmail.com"},
        {"row": 3, "email": "b@acme.con", "meant": "acme.com"},
    ]
    corrected = await post(api, "schedule", content, correctDomains='{"gmial.com": "gmail.com"}')
    assert (corrected["suspects"], corrected["repaired"]) == (1, 1)
    assert [email for email, _ in await kept(pool)] == ["a@gmail.com", "b@acme.con", "c@gmail.com"]
    by_json = {**PLAIN, "recipients": ["a@gmial.com"], "correctDomains": {"gmial.com": "gmail.com"}}
    assert (await api.post("/api/campaigns/preview", json=by_json)).json()["repairedRows"][0][
        "address"
    ] == "a@gmail.com"


async def test_internal_domains_as_the_operator_says(
    settings: Settings, database_url: str, pool: Pool, user: User
) -> None:
    body = {**PLAIN, "recipients": ["ops@corp.local", "root@intranet", "x@other.local"]}
    allowed = msgspec.structs.replace(settings, allow_internal_domains=("corp.local", "intranet"))
    for known, accepted in ((settings, []), (allowed, ["ops@corp.local", "root@intranet"])):
        async with api_client(known, database_url, await authorization(pool, user)) as api:
            response = await api.post("/api/campaigns/schedule", json=body)
            assert response.status_code == (201 if accepted else 422)
            assert [email for email, _ in await kept(pool)] == accepted
    async with api_client(settings, database_url, await authorization(pool, user)) as api:  # no longer allowed
        erased = await api.post("/api/recipients/erase", json={"email": "Root@Intranet"})
        assert erased.json()["emails"] == 1


def test_internal_domains_are_domains() -> None:
    assert from_env({"ALLOW_INTERNAL_DOMAINS": "Corp.local, intranet"}).allow_internal_domains == (
        "corp.local",
        "intranet",
    )


# Kept lists


async def test_whoever_is_erased_is_in_no_kept_answer(api: httpx.AsyncClient, pool: Pool) -> None:
    content = b'email,name\n"A <ann@example.com>; other@example.com",A\nann2@gmial.com,B\n'
    files = {"file": ("list.csv", content, "text/csv")}
    response = await api.post("/api/campaigns/schedule", data=PLAIN, files=files, headers={"Idempotency-Key": "once"})
    assert response.status_code == 201
    for email in ("ann@example.com", "ann2@gmial.com"):
        told = (await api.get("/api/recipients/export", params={"email": email})).json()
        assert len(told["rejected"]) == 1
        await api.post("/api/recipients/erase", json={"email": email})
    answers = await rows(pool, "SELECT answer::text AS text FROM idempotency_keys")
    assert "ann" not in answers[0]["text"].replace("cannot", "")
    again = await api.post("/api/campaigns/schedule", data=PLAIN, files=files, headers={"Idempotency-Key": "once"})
    assert (again.json()["repaired"], again.json()["reading"]["first"]) == (1, [])


WRITTEN = (
    "'ann@example.com",
    "Ann <ann@example.com>",
    "ann\u200b@example.com",
    "mailto:ann@example.com.",
    "ann\uff20example.com",
)
OTHERS = ("o'ann@example.com", "x.ann@example.com", "ann@example.com.au", "ann@example.community")


@pytest.mark.parametrize(("cell", "removed"), [*((cell, 1) for cell in WRITTEN), *((cell, 0) for cell in OTHERS)])
async def test_an_uploaded_list_is_found_by_whom_it_would_write_to(
    api: httpx.AsyncClient, cell: str, removed: int
) -> None:
    files = {"file": ("list.csv", f"email\n{cell}\nb@example.com\n".encode(), "text/csv")}
    assert (await api.post("/api/lists", files=files)).status_code == 201
    erased = (await api.post("/api/recipients/erase", json={"email": "ann@example.com"})).json()
    assert erased["lists"] == removed


async def test_an_answer_kept_by_the_version_before_is_still_given(api: httpx.AsyncClient, pool: Pool) -> None:
    body = {**PLAIN, "recipients": ["a@example.com"]}
    first = await api.post("/api/campaigns/schedule", json=body, headers={"Idempotency-Key": "old"})
    new = ["repaired", "repairedRows", "suspects", "suspectRows", "reading"]
    await execute(pool, "UPDATE idempotency_keys SET answer = answer - %s::text[]", new)
    again = await api.post("/api/campaigns/schedule", json=body, headers={"Idempotency-Key": "old"})
    assert again.status_code == 201
    assert again.json() == first.json()


# The way back


async def test_what_is_exported_comes_back_as_it_was(api: httpx.AsyncClient, pool: Pool) -> None:
    people = [
        {"email": "+tag@example.com", "name": "=SUM(A1)", "phone": "+49 170", "note": 'a, "b"\nc'},
        {"email": "-ann@example.com", "name": "'quoted'", "phone": "@home"},
        {"email": "zoe@example.com", "name": "Zoë ☺"},
        {"email": "eve@example.com", "name": " blanks ", "phone": "\t=x", "note": " =x"},
        {"email": "'kim@example.com", "name": "''=x", "phone": "\r\n", "note": '"'},
    ]
    response = await api.post("/api/campaigns/schedule", json={**PLAIN, "recipients": people})
    assert response.status_code == 201
    before = sorted(await kept(pool), key=str)
    for query in ({}, {"spreadsheet": "true"}):
        exported = await api.get("/api/emails/export", params={"columns": "list", **query})
        assert exported.content.startswith(b"\xef\xbb\xbf") is bool(query)
        told = await post(api, "schedule", exported.content)
        await execute(pool, "DELETE FROM emails WHERE campaign_id <> %s", told["campaign"]["id"])
        assert sorted(await kept(pool), key=str) == before


async def test_the_failed_are_exported_mended_and_scheduled_again(api: httpx.AsyncClient, pool: Pool) -> None:
    people = [{"email": f"{name}@exmaple.example", "name": name} for name in ("ann", "bob")]
    response = await api.post("/api/campaigns/schedule", json={**PLAIN, "recipients": [*people, "c@example.com"]})
    campaign = response.json()["campaign"]["id"]
    await execute(pool, "UPDATE emails SET status = 'FAILED' WHERE recipient <> 'c@example.com'")
    await execute(pool, "UPDATE streams SET scheduled = 1, failed = 2")
    query = {"campaignId": campaign, "status": "FAILED", "columns": "list"}
    exported = await api.get("/api/emails/export", params=query)
    told = await post(api, "schedule", exported.content.replace(b"@exmaple.example", b"@example.com"))
    again = await rows(
        pool, "SELECT recipient, fields FROM emails WHERE campaign_id = %s ORDER BY recipient", told["campaign"]["id"]
    )
    assert [(row["recipient"], row["fields"]) for row in again] == [
        ("ann@example.com", {"name": "ann"}),
        ("bob@example.com", {"name": "bob"}),
    ]


async def test_the_table_of_emails_reads_as_a_list_too(api: httpx.AsyncClient) -> None:
    recipients = {**PLAIN, "recipients": ["+tag@example.com", "ann@example.com"]}
    assert (await api.post("/api/campaigns/schedule", json=recipients)).status_code == 201
    told = await post(api, "preview", (await api.get("/api/emails/export")).content)
    assert (told["accepted"], told["reading"]["emailColumn"]) == (2, "recipient")


# Field names


async def test_names_with_marks_and_words_of_liquid_are_fields(api: httpx.AsyncClient, pool: Pool) -> None:
    content = "email,ชื่อ,नाम,பெயர்,for,In,if,NOT,with,as,else\nann@example.com,A,B,C,1,2,3,4,5,6,7\n".encode()
    subject = "{{ ชื่อ }} {{ नाम }} {{ பெயர் }} {{ for_ }}{{ in_ }}{{ if_ }}{{ not_ }}{{ with_ }}{{ as_ }}{{ else_ }}"
    body = "{% if नाम %}{{ ชื่อ | downcase }}{% endif %}{{ for_ | append: in_ }}"
    told = await api.post(
        "/api/campaigns/schedule",
        data={"subject": subject, "body": body},
        files={"file": ("list.csv", content, "text/csv")},
    )
    assert told.status_code == 201, told.text
    (found,) = await rows(pool, "SELECT id FROM emails")
    message = (await api.get(f"/api/emails/{found['id']}/message")).json()
    assert message["subject"] == "A B C 1234567"
    assert message["text"].strip() == "a12"


# Excel, and what is copied from it

TABLE: list[list[Value]] = [
    ["Name", "E-Mail", "Seats", "Since", "Paid", "Rate"],
    ["Jiří", "jiri@example.com", 5, date(2026, 3, 31), True, 1.5],
    ["Eva", "Eva <eva@example.com>", None, None, False, 2.0],
]
FIELDS = [
    ("jiri@example.com", {"name": "Jiří", "seats": "5", "since": "2026-03-31", "paid": "true", "rate": "1.5"}),
    ("eva@example.com", {"name": "Eva", "paid": "false", "rate": "2"}),
]


async def test_an_excel_file_is_read(api: httpx.AsyncClient, pool: Pool) -> None:
    content = xlsx({"Read me": [["How to use this"]], "People": TABLE, "More": TABLE})
    told = await post(api, "schedule", content)
    assert (told["accepted"], told["reading"]["sheet"], told["repaired"]) == (2, "People", 1)
    assert await kept(pool) == FIELDS
    found = (await api.post("/api/lists", files={"file": ("list.xlsx", content, "x/y")})).json()
    assert (found["rows"], found["csv"]["sheet"], found["name"]) == (3, "People", "list.xlsx")
    plan = (await api.post("/api/campaigns/preview", json={**PLAIN, "listId": found["id"]})).json()
    assert (plan["accepted"], plan["reading"]["sheet"]) == (2, "People")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (19.99 * 3, "59.97"),
        (0.1 + 0.2, "0.3"),
        (4912345678901230.0, "4912345678901230"),
        (491701234567.0, "491701234567"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_are_as_excel_shows_them(number: float, text: str) -> None:
    sheet = sheets.first_sheet(False, xlsx({"A": [["ann@example.com", number]]}))
    assert zlib.decompress(sheet.text).decode() == f"ann@example.com,{text}\r\n"


async def test_hidden_sheets_are_not_and_rows_are_numbered_as_excel_does(api: httpx.AsyncClient) -> None:
    bad: list[list[Value]] = [["email"], ["nobody"], ["a@example.com"]]
    told = await post(api, "preview", xlsx({"Old": TABLE, "New": bad}, hidden=["Old"], first_row=5))
    assert (told["accepted"], told["reading"]["sheet"]) == (1, "New")
    assert [row["row"] for row in told["rejected"]] == [6]


async def test_an_address_in_a_note_makes_no_list_of_a_sheet(api: httpx.AsyncClient) -> None:
    notes: list[list[Value]] = [["About this file"], ["Please ask boss@example.com"], ["Version", "7"]]
    told = await post(api, "preview", xlsx({"Read me": notes, "People": TABLE}))
    assert (told["accepted"], told["reading"]["sheet"]) == (2, "People")


def test_a_duration_is_in_hours_as_excel_shows_it() -> None:
    assert sheets._text(timedelta(hours=30, minutes=5, seconds=9)) == "30:05:09"  # pyright: ignore[reportPrivateUsage]


def bomb(size: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet1.xml", b"0" * size)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (bomb(101_000_000), "unpacks to 101,000,000 bytes"),
        (bomb(5_000_000), "100 times its own size"),
        (b"PK\x03\x04\x81\x8d\x8f", "broken"),
        (xlsx({"A": TABLE})[:-100], "broken"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Save it as CSV"),
        (xlsx({"A": []}), "empty"),
    ],
)
async def test_what_is_no_workbook_or_too_much_is_refused(api: httpx.AsyncClient, content: bytes, why: str) -> None:
    for response in (
        await api.post("/api/lists", files={"file": ("x.xlsx", content, "x/y")}),
        await api.post("/api/campaigns/preview", data=PLAIN, files={"file": ("x.xlsx", content, "x/y")}),
    ):
        assert why in wrong_fields(response)["file"]


async def test_a_workbook_that_takes_too_long_costs_its_child_alone(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "BUDGET", Budget(cpu_s=0.001, memory_bytes=1_000_000_000))
    many: list[list[Value]] = [["email"], *([f"a{n}@example.com"] for n in range(20_000))]
    response = await api.post("/api/lists", files={"file": ("x.xlsx", xlsx({"A": many}), "x/y")})
    assert "too long or too much memory" in wrong_fields(response)["file"]
    monkeypatch.undo()
    assert (await api.post("/api/lists", files={"file": ("x.xlsx", xlsx({"A": many}), "x/y")})).json()["rows"] == 20_001


def test_a_sheet_is_bounded_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_TEXT", 1_000)
    many: list[list[Value]] = [[f"a{n}@example.com"] for n in range(2_000)]
    assert "too large" in sheets.first_sheet(False, xlsx({"A": many})).wrong


async def test_cells_that_are_copied_from_a_spreadsheet_bring_their_header(api: httpx.AsyncClient, pool: Pool) -> None:
    text = "Name\tE-Mail\nAda\tada@example.com\nBob\tbob@example.com\n"
    form = {name: (None, value) for name, value in {**PLAIN, "recipients": text}.items()}
    response = await api.post("/api/campaigns/schedule", files=form)
    assert response.status_code == 201, response.text
    assert await kept(pool) == [("ada@example.com", {"name": "Ada"}), ("bob@example.com", {"name": "Bob"})]


async def test_a_name_of_a_file_that_no_database_keeps_is_kept_without_that(api: httpx.AsyncClient) -> None:
    part = 'Content-Disposition: form-data; name="file"; filename="a\0b.csv"'
    body = f"--x\r\n{part}\r\n\r\nemail\nann@example.com\n\r\n--x--\r\n"
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    made = await api.post("/api/lists", content=body.encode(), headers=head)
    assert (made.status_code, made.json()["name"]) == (201, "ab.csv"), made.text
