"""Fields that mean something only beside another: without that they are refused by name, and nothing is written."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool
from tests.support.api import schedule, written, wrong_fields
from tests.support.workbooks import xlsx

STEP: dict[str, Any] = {"wait": "P3D", "body": "x"}
VARIANT: dict[str, Any] = {"subject": "Other", "body": "x"}


IGNORED: list[tuple[dict[str, Any], str]] = [
    ({"weight": 1}, "weight"),
    ({"weight": 3, "variants": []}, "weight"),
    ({"steps": [STEP | {"weight": 3}]}, "steps[0].weight"),
    ({"steps": [STEP, STEP | {"weight": 1, "variants": []}], "variants": [VARIANT]}, "steps[1].weight"),
    ({"followUpWithoutReading": True}, "followUpWithoutReading"),
    ({"stopOn": {"autoReply": True}}, "stopOn.autoReply"),
    ({"ifBlank": {"compnay": {"do": "send"}}}, "ifBlank.compnay"),
]


@pytest.mark.parametrize(("fields", "field"), IGNORED)
async def test_a_campaign_says_nothing_that_would_be_ignored(
    api: httpx.AsyncClient, pool: Pool, fields: dict[str, Any], field: str
) -> None:
    before = await written(pool)
    asked = {"subject": "s", "body": "Dear {{ company }}", "recipients": [{"email": "a@example.com", "company": "A"}]}
    for call in ("schedule", "preview"):
        assert list(wrong_fields(await api.post(f"/api/campaigns/{call}", json=asked | fields))) == [field]
    assert await written(pool) == before


async def test_what_is_beside_what_it_is_for_is_taken(api: httpx.AsyncClient) -> None:
    people = [{"email": "a@example.com", "company": "A", "city": "Rome"}]
    varied = {"weight": 3, "variants": [VARIANT], "steps": [STEP | {"weight": 2, "variants": [{"body": "y"}]}]}
    told = (await schedule(api, people, **varied))["campaign"]
    assert [(one["step"], one["letter"], one["weight"]) for one in told["variants"]] == [
        (1, "A", 3),
        (1, "B", 1),
        (2, "A", 2),
        (2, "B", 1),
    ]
    await schedule(api, people, stopOn={"autoReply": True, "domain": True})  # which stops first steps
    await schedule(api, people, stopOn={"autoReply": False}, followUpWithoutReading=False, weight=None)
    await schedule(api, people, body="Dear {{ name }}", ifBlank={"name": {"do": "send"}, "city": {"do": "send"}})


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"weight": 3}, "weight"),
        ({"weight": 3, "variants": []}, "weight"),
        ({"steps": [STEP | {"id": "second", "weight": 3}]}, "steps[0].weight"),
        ({"steps": [STEP | {"weight": 3}]}, "steps[0].weight"),
        ({"reopen": True}, "reopen"),
        ({"name": "x", "reopen": True}, "reopen"),
    ],
)
async def test_a_change_says_nothing_that_would_be_ignored(
    api: httpx.AsyncClient, patch: dict[str, Any], field: str
) -> None:
    campaign = (await schedule(api, steps=[STEP]))["campaign"]
    path = f"/api/campaigns/{campaign['id']}"
    for step in patch.get("steps", []):
        if "id" in step:
            step["id"] = campaign["steps"][1]["id"]
    assert list(wrong_fields(await api.patch(path, json=patch))) == [field]
    told = (await api.get(path)).json()
    assert (told["textsVersion"], told["name"]) == (campaign["textsVersion"], campaign["name"])


@pytest.mark.parametrize(
    ("recipients", "more", "field"),
    [
        ("a@example.com", {"encoding": "Windows-1250"}, "encoding"),
        ("name\temail\nZoë\ta@example.com", {"encoding": "Windows-1250"}, "encoding"),
        ("a@example.com", {"emailColumn": "1"}, "emailColumn"),
        ('["a@example.com"]', {"emailColumn": "1"}, "emailColumn"),
    ],
)
async def test_what_is_said_about_a_file_needs_one(
    api: httpx.AsyncClient, recipients: str, more: dict[str, str], field: str
) -> None:
    form = {"subject": "s", "body": "b", "recipients": recipients} | more
    answer = await api.post("/api/campaigns/preview", files={name: (None, text) for name, text in form.items()})
    assert list(wrong_fields(answer)) == [field]


async def test_an_excel_file_has_no_encoding_that_could_be_named(api: httpx.AsyncClient) -> None:
    file = {"file": ("list.xlsx", xlsx({"People": [["email"], ["a@example.com"]]}))}
    named = {"encoding": "Windows-1250"}
    text = {"subject": "s", "body": "b"}
    assert list(wrong_fields(await api.post("/api/lists", data=named, files=file))) == ["encoding"]
    assert list(wrong_fields(await api.post("/api/campaigns/preview", data=text | named, files=file))) == ["encoding"]
