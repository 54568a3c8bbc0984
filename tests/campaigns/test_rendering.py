"""POST /api/campaigns/render: what one recipient would get, as JSON or as HTML for a frame."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.support.api import problem, wrong_fields

URL = "/api/campaigns/render"
MESSAGE: dict[str, Any] = {
    "subject": "Hello {{ first_name }}",
    "body": "To {{ email }}, {{ company | default: 'wherever' }}.",
    "bodyHtml": "<p style='color: red'>{{ first_name }}</p>",
    "email": "ada@example.com",
    "fields": {"first_name": "A & B"},
}


async def test_fills_in_what_the_recipient_brings(api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, json=MESSAGE)
    assert answer.json() == {
        "subject": "Hello A & B",
        "text": "To ada@example.com, wherever.",
        "html": "<p style='color: red'>A &amp; B</p>",
        "required": ["email", "first_name"],
    }


async def test_without_fields_their_names_stand_for_them(api: httpx.AsyncClient) -> None:
    answer = (await api.post(URL, json=MESSAGE | {"fields": None, "bodyHtml": None})).json()
    assert (answer["subject"], answer["html"]) == ("Hello [first_name]", None)
    assert answer["text"] == "To ada@example.com, [company]."


async def test_says_which_part_is_wrong(api: httpx.AsyncClient) -> None:
    lacking = wrong_fields(await api.post(URL, json=MESSAGE | {"fields": {}}))
    assert lacking == {
        "subject": "there is no value for the merge field 'first_name'",
        "bodyHtml": "there is no value for the merge field 'first_name'",
    }
    assert "subject" in wrong_fields(await api.post(URL, json=MESSAGE | {"subject": "{{ oops"}))


async def test_the_html_comes_as_a_page_that_can_do_nothing(api: httpx.AsyncClient) -> None:
    shown = await api.post(f"{URL}/html", files={"request": (None, json.dumps(MESSAGE))})
    assert shown.text == "<p style='color: red'>A &amp; B</p>"
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"
    assert wrong_fields(await api.post(f"{URL}/html", files={"other": (None, "x")})).keys() == {"request"}
    problem(await api.post(f"{URL}/html", json=MESSAGE), 415)
