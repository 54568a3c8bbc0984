"""Texts kept by name, for the next campaign."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import create_user
from app.secrets import SecretBox
from tests.support.api import authorization, problem, wrong_fields
from tests.support.engine import execute

URL = "/api/templates"
SPRING = {
    "name": "Spring",
    "subject": "Hello {{ name }}",
    "body": "Dear {{ name }}",
    "bodyHtml": "<p>x</p>",
    "language": "de",
}


async def test_a_text_is_kept_read_changed_and_deleted(api: httpx.AsyncClient) -> None:
    kept = (await api.post(URL, json=SPRING)).json()
    assert {name: kept[name] for name in SPRING} == SPRING
    (listed,) = (await api.get(URL)).json()["items"]
    assert listed.keys() == {"id", "name", "subject", "createdAt", "updatedAt"}
    place = f"{URL}/{kept['id']}"
    changed = (await api.patch(place, json={"subject": "Bye", "bodyHtml": None})).json()
    assert (changed["subject"], changed["bodyHtml"], changed["body"]) == ("Bye", None, SPRING["body"])
    assert changed["updatedAt"] > kept["updatedAt"]
    assert (await api.get(place)).json() == changed
    assert (await api.delete(place)).status_code == 204
    problem(await api.get(place), 404)
    problem(await api.patch(place, json={}), 404)
    problem(await api.delete(place), 404)


async def test_who_changes_a_template_is_told_what_somebody_else_has_changed_meanwhile(api: httpx.AsyncClient) -> None:
    kept = (await api.post(URL, json=SPRING)).json()
    place, version = f"{URL}/{kept['id']}", kept["textsVersion"]
    theirs = (await api.patch(place, json={"body": "Theirs", "textsVersion": version})).json()
    assert theirs["textsVersion"] != version
    told = problem(await api.patch(place, json={"subject": "Mine", "textsVersion": version}), 409)
    assert told["type"].endswith(":texts_changed")
    assert (await api.get(place)).json() == theirs, "nothing is changed"
    mine = await api.patch(place, json={"subject": "Mine", "textsVersion": theirs["textsVersion"]})
    assert (mine.json()["subject"], mine.json()["body"]) == ("Mine", "Theirs")


async def test_who_changes_different_parts_of_a_template_at_once_loses_none(api: httpx.AsyncClient) -> None:
    kept = (await api.post(URL, json=SPRING)).json()
    place = f"{URL}/{kept['id']}"
    parts = {"subject": "One", "body": "Two", "bodyHtml": "<p>Three</p>", "replyTo": "four@example.com"}
    await asyncio.gather(*[api.patch(place, json={part: value}) for part, value in parts.items()])
    told = (await api.get(place)).json()
    assert {part: told[part] for part in parts} == parts


async def test_a_name_is_taken_once(api: httpx.AsyncClient) -> None:
    await api.post(URL, json=SPRING)
    problem(await api.post(URL, json=SPRING | {"name": " Spring "}), 409)
    other = (await api.post(URL, json=SPRING | {"name": "Autumn"})).json()
    problem(await api.patch(f"{URL}/{other['id']}", json={"name": "Spring"}), 409)
    assert (await api.patch(f"{URL}/{other['id']}", json={"name": "Autumn"})).status_code == 200


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("name", " "),
        ("name", "x" * 201),
        ("subject", "{{ name"),
        ("body", "{% if %}"),
        ("bodyHtml", "\0"),
        ("language", "german"),
    ],
)
async def test_what_is_no_template_is_refused(api: httpx.AsyncClient, part: str, value: str) -> None:
    assert list(wrong_fields(await api.post(URL, json=SPRING | {part: value}))) == [part]
    kept = (await api.post(URL, json=SPRING)).json()
    assert list(wrong_fields(await api.patch(f"{URL}/{kept['id']}", json={part: value}))) == [part]


async def test_a_workspace_keeps_so_many_and_no_more(api: httpx.AsyncClient, pool: Pool) -> None:
    kept = (await api.post(URL, json=SPRING)).json()
    await execute(
        pool,
        "INSERT INTO templates (workspace_id, name, subject, body) "
        "SELECT workspace_id, n::text, '', '' FROM templates, generate_series(1, 999) n WHERE id = %s",
        kept["id"],
    )
    detail = problem(await api.post(URL, json=SPRING | {"name": "One more"}), 409)["detail"]
    assert "1,000 templates" in detail


async def test_nobody_else_sees_it(api: httpx.AsyncClient, pool: Pool, box: SecretBox) -> None:
    kept = (await api.post(URL, json=SPRING)).json()
    other = await create_user(pool, box, "other@example.com", "battery staple", default_hourly_limit=100)
    headers = await authorization(pool, other)
    problem(await api.get(f"{URL}/{kept['id']}", headers=headers), 404)
    assert (await api.get(URL, headers=headers)).json()["items"] == []
    assert (await api.post(URL, json=SPRING, headers=headers)).status_code == 201
