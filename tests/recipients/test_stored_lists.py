"""/api/lists: recipients uploaded once, named by previews and campaigns, and gone when nobody needs them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.ledger import retention
from app.domain.recipients import stored_lists
from app.errors import NotFound
from app.settings import Settings
from tests.support.api import Headers, problem, wrong_fields
from tests.support.engine import execute, rows, value

KUNDEN = (
    'Vorname;Kontakt;Firma\nAda;ada@example.com;"Lovelace; Söhne"\nGrace;grace@example.com;Navy\n\n'
    "Niemand;keine Adresse;\nAda noch einmal;ADA@example.com;\nZu viel;z@example.com;a;b\n"
).encode("cp1252")


async def upload(api: httpx.AsyncClient, content: bytes, name: str = "kunden.csv", **headers: Any) -> dict[str, Any]:
    response = await api.post("/api/lists", files={"file": (name, content, "text/csv")}, **headers)
    assert response.status_code == 201, response.text
    return response.json()


async def upload_json(api: httpx.AsyncClient, *recipients: object) -> dict[str, Any]:
    response = await api.post("/api/lists", json={"recipients": recipients})
    assert response.status_code == 201, response.text
    return response.json()


def campaign(list_id: int, **more: object) -> dict[str, object]:
    return {"subject": "Hello", "body": "A text.", "listId": list_id, **more}


async def preview(api: httpx.AsyncClient, body: dict[str, object]) -> dict[str, Any]:
    response = await api.post("/api/campaigns/preview", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_file_says_how_it_reads(api: httpx.AsyncClient) -> None:
    stored = await upload(api, KUNDEN)
    assert stored["name"] == "kunden.csv"
    assert stored["rows"] == 6
    assert stored["csv"]["encoding"] == "Windows-1252"
    assert stored["csv"]["columns"] == {"hasHeader": True, "email": 1, "fields": ["vorname", "kontakt", "firma"]}
    assert [first["row"] for first in stored["csv"]["first"]] == [1, 2, 3, 5, 6, 7]
    assert stored["csv"]["first"][1]["cells"] == ["Ada", "ada@example.com", "Lovelace; Söhne"]
    assert (await api.get(f"/api/lists/{stored['id']}")).json() == stored


async def test_its_text_is_utf8_afterwards(api: httpx.AsyncClient) -> None:
    for encoding in ("cp1252", "utf-8-sig", "utf-16"):
        stored = await upload(api, KUNDEN.decode("cp1252").encode(encoding))
        assert (await api.get(f"/api/lists/{stored['id']}/content")).text == KUNDEN.decode("cp1252")


async def test_it_is_planned_and_scheduled_by_its_number(api: httpx.AsyncClient, pool: Pool) -> None:
    stored = await upload(api, KUNDEN)
    columns = {"hasHeader": True, "email": 1, "fields": ["First name", "", ""]}
    body = campaign(stored["id"], columns=columns) | {"subject": "Hello {{ first_name }}"}
    plan = await preview(api, body)
    assert (plan["accepted"], plan["duplicates"]) == (2, 1)
    assert plan["duplicateRows"] == [{"row": 6, "email": "ADA@example.com", "first": 2}]
    assert [rejected["row"] for rejected in plan["rejected"]] == [5, 7]
    response = await api.post("/api/campaigns/schedule", json=body)
    assert response.json()["accepted"] == 2
    fields = await rows(pool, "SELECT recipient, fields FROM emails ORDER BY id")
    assert [(each["recipient"], each["fields"]) for each in fields] == [
        ("ada@example.com", {"first_name": "Ada"}),
        ("grace@example.com", {"first_name": "Grace"}),
    ]


async def test_without_columns_they_are_as_it_was_found(api: httpx.AsyncClient) -> None:
    stored = await upload(api, KUNDEN)
    body = campaign(stored["id"]) | {"subject": "{{ vorname }}"}
    assert (await preview(api, body))["accepted"] == 2


async def test_a_header_is_a_recipient_when_it_is_said_to_be_none(api: httpx.AsyncClient) -> None:
    stored = await upload(api, b"email\nada@example.com\n")
    plan = await preview(api, campaign(stored["id"], columns={"hasHeader": False, "email": 0, "fields": ["x"]}))
    assert [rejected["row"] for rejected in plan["rejected"]] == [1]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"email": 0, "fields": ["a"]}, "3 columns"),
        ({"email": 3, "fields": ["a", "b", "c"]}, "3 columns"),
        ({"email": 1, "fields": ["A b", "", "a_b"]}, 'name 2 of them "a_b"'),
        ({"email": 1, "fields": ["email", "", ""]}, 'name 2 of them "email"'),
        ({"email": 1, "fields": ["--", "", ""]}, "letters or digits"),
    ],
)
async def test_columns_that_do_not_fit_are_refused(api: httpx.AsyncClient, columns: dict[str, Any], why: str) -> None:
    stored = await upload(api, KUNDEN)
    response = await api.post(
        "/api/campaigns/preview", json=campaign(stored["id"], columns={"hasHeader": True, **columns})
    )
    assert why in wrong_fields(response)["columns"]


async def test_recipients_come_as_json_too(api: httpx.AsyncClient) -> None:
    people = ["ada@example.com", {"email": "grace@example.com", "name": "Größe"}, "nobody", "ADA@example.com"]
    stored = await upload_json(api, *people)
    assert (stored["rows"], stored["csv"], stored["name"]) == (4, None, None)
    content = (await api.get(f"/api/lists/{stored['id']}/content")).text
    assert [json.loads(line) for line in content.splitlines()] == people
    plan = await preview(api, campaign(stored["id"]))
    assert (plan["accepted"], plan["duplicateRows"]) == (2, [{"row": 4, "email": "ADA@example.com", "first": 1}])
    named = await preview(api, campaign(stored["id"]) | {"subject": "{{ name }}"})
    assert named["accepted"] == 1


async def test_recipients_come_in_one_way_alone(api: httpx.AsyncClient) -> None:
    stored = await upload_json(api, "ada@example.com")
    columns = {"hasHeader": True, "email": 0, "fields": ["email"]}
    both = campaign(stored["id"], recipients=["ada@example.com"])
    assert "recipients" in wrong_fields(await api.post("/api/campaigns/preview", json=both))
    of_json = campaign(stored["id"], columns=columns)
    assert "columns" in wrong_fields(await api.post("/api/campaigns/preview", json=of_json))
    of_none = {"subject": "Hello", "body": "A text.", "recipients": ["ada@example.com"], "columns": columns}
    assert "columns" in wrong_fields(await api.post("/api/campaigns/preview", json=of_none))
    nobody = {"subject": "Hello", "body": "A text."}
    assert "recipients" in wrong_fields(await api.post("/api/campaigns/preview", json=nobody))


async def test_a_request_repeated_after_its_list_is_gone_gets_the_same_answer(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    stored = await upload_json(api, "ada@example.com")
    key = {"Idempotency-Key": "once"}
    first = await api.post("/api/campaigns/schedule", json=campaign(stored["id"]), headers=key)
    assert (await api.delete(f"/api/lists/{stored['id']}")).status_code == 204
    again = await api.post("/api/campaigns/schedule", json=campaign(stored["id"]), headers=key)
    assert again.json() == first.json()
    other = await api.post("/api/campaigns/schedule", json=campaign(stored["id"] + 1), headers=key)
    assert other.status_code == 409
    assert await value(pool, "SELECT count(*) FROM campaigns") == 1


async def test_a_list_that_is_gone_is_said_to_be(api: httpx.AsyncClient) -> None:
    stored = await upload_json(api, "ada@example.com")
    await api.delete(f"/api/lists/{stored['id']}")
    response = await api.post("/api/campaigns/preview", json=campaign(stored["id"]))
    assert "Upload it again" in wrong_fields(response)["listId"]
    for path in ("", "/content"):
        assert (await api.get(f"/api/lists/{stored['id']}{path}")).status_code == 404
    assert (await api.delete(f"/api/lists/{stored['id']}")).status_code == 404


async def test_it_belongs_to_its_workspace(api: httpx.AsyncClient, stranger: Headers) -> None:
    stored = await upload(api, KUNDEN)
    for path in ("", "/content"):
        assert (await api.get(f"/api/lists/{stored['id']}{path}", headers=stranger)).status_code == 404
    response = await api.post("/api/campaigns/preview", json=campaign(stored["id"]), headers=stranger)
    assert "listId" in wrong_fields(response)
    assert (await api.delete(f"/api/lists/{stored['id']}", headers=stranger)).status_code == 404


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"\n\n", "is empty"), (b'email,n\nada@example.com,"oops\nbob@example.com,x\n', "never closed")],
)
async def test_a_file_that_cannot_be_understood_is_refused(api: httpx.AsyncClient, content: bytes, why: str) -> None:
    response = await api.post("/api/lists", files={"file": ("x.csv", content)})
    assert why in wrong_fields(response)["file"]


async def test_what_is_neither_form_is_refused(api: httpx.AsyncClient) -> None:
    assert "file" in wrong_fields(await api.post("/api/lists", files={"other": ("x.csv", KUNDEN)}))
    assert "recipients" in wrong_fields(await api.post("/api/lists", json={"recipients": []}))
    assert "recipients[1]" in wrong_fields(await api.post("/api/lists", json={"recipients": ["a@example.com", 7]}))
    assert (await api.post("/api/lists", content=b"x", headers={"Content-Type": "text/csv"})).status_code == 415


async def test_a_workspace_keeps_so_many_and_so_much(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_lists, "MOST_LISTS", 2)
    first = await upload(api, KUNDEN)
    await upload(api, KUNDEN)
    response = await api.post("/api/lists", files={"file": ("x.csv", KUNDEN)})
    assert "2 lists of recipients already" in problem(response, 409)["detail"]
    await api.delete(f"/api/lists/{first['id']}")
    monkeypatch.setattr(stored_lists, "MOST_BYTES", 2 * len(KUNDEN.decode("cp1252").encode()) - 1)
    response = await api.post("/api/lists", files={"file": ("x.csv", KUNDEN)})
    assert "bytes together" in problem(response, 409)["detail"]


async def test_a_long_list_lies_in_chunks_of_whole_lines(
    api: httpx.AsyncClient, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_lists, "CHUNK", 1_000)
    monkeypatch.setattr("app.domain.recipients.encodings.CHUNK", 300)
    monkeypatch.setattr(stored_lists, "IN_MEMORY", 500)
    text = "email,name\n" + "".join(f"reader{n}@example.com,Größe {n}\n" for n in range(500))
    stored = await upload(api, text.encode())
    chunks = await rows(pool, "SELECT content FROM recipient_list_chunks ORDER BY number")
    assert len(chunks) > 10
    assert all(chunk["content"].endswith(b"\n") for chunk in chunks)
    assert (await api.get(f"/api/lists/{stored['id']}/content")).text == text
    assert (await preview(api, campaign(stored["id"])))["accepted"] == 500


async def test_whoever_reads_a_list_slowly_holds_no_connection(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_lists, "CHUNK", 10)
    monkeypatch.setattr("app.domain.recipients.encodings.CHUNK", 30)
    stored = await upload(api, b"".join(b"reader%d@example.com\n" % number for number in range(10)))
    pieces = await stored_lists.content(pool, user.workspace_id, stored["id"])
    assert (await anext(pieces)).startswith(b"reader0@example.com")
    stats = pool.get_stats()
    assert stats["pool_available"] == stats["pool_size"]
    # Nor does it take the beginning of a list for all of it.
    await api.delete(f"/api/lists/{stored['id']}")
    with pytest.raises(NotFound):
        await anext(pieces)


async def test_a_line_without_an_end_is_refused(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_lists, "CHUNK", 10)
    monkeypatch.setattr(stored_lists, "_MOST_LINE", 100)
    monkeypatch.setattr("app.domain.recipients.encodings.CHUNK", 50)
    response = await api.post("/api/lists", files={"file": ("x.csv", b"ada@example.com," + b"x" * 200)})
    assert "line of more than 100 bytes" in wrong_fields(response)["file"]


async def test_it_goes_once_it_is_unused_for_a_week(api: httpx.AsyncClient, pool: Pool, settings: Settings) -> None:
    old, used = await upload(api, KUNDEN), await upload(api, KUNDEN)
    await execute(pool, "UPDATE recipient_lists SET used_at = now() - interval '8 days'")
    await preview(api, campaign(used["id"]))
    (chore,) = [chore for chore in retention.chores(settings) if chore.what == "recipient lists"]
    async with pool.connection() as conn:
        await conn.execute(chore.text, chore.parameters)
    assert [row["id"] for row in await rows(pool, "SELECT id FROM recipient_lists")] == [used["id"]]
    assert old["id"] != used["id"]
    assert await value(pool, "SELECT count(DISTINCT list_id) FROM recipient_list_chunks") == 1
