"""POST /api/campaigns/render: what one recipient would get, as JSON or as HTML for a frame."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

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
    shown = answer.json()
    assert "\n<p style='color: red'>A &amp; B</p>\n" in shown.pop("html")
    assert shown == {
        "subject": "Hello A & B",
        "text": "To ada@example.com, wherever.",
        "required": ["email", "first_name"],
        "hints": [],
        "headers": {},
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
    assert "\n<p style='color: red'>A &amp; B</p>\n" in shown.text
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"
    assert wrong_fields(await api.post(f"{URL}/html", files={"other": (None, "x")})).keys() == {"request"}
    problem(await api.post(f"{URL}/html", json=MESSAGE), 415)


HOSTILE = [
    "{% if (1..999999999999999999) contains 'x' %}{% endif %}",
    "{{ (1..50000000) | slice: 0, 50000000 | first }}",
    "{{" + " " * 190_000,
    "{% comment %}" + "{% raw %}" * 20_000,
    "{{ a " + "| squish " * 200 + "}}",
    "{% assign b = a | append: a | append: a %}" + "{% assign b = b | strip_html | append: a %}" * 400,
    "{{ a " + "| split: ',' " * 100 + "}}",
    "x" * 200_001,
]


@pytest.mark.parametrize("template", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_text_that_keeps_busy_is_refused_and_nobody_else_waits(api: httpx.AsyncClient, template: str) -> None:
    fields = {"a": ">" + "<a " * 3000, "first_name": "Ada"}
    for part in ("subject", "body", "bodyHtml"):
        asked = asyncio.create_task(api.post(URL, json=MESSAGE | {"fields": fields, part: template}))
        started = time.process_time()  # the API's: texts are tried in a process of their own
        assert (await api.get("/healthz")).status_code == 200
        assert (await asked).status_code == 422
        assert time.process_time() - started < 1


async def test_merge_fields_are_as_large_as_a_recipients_and_no_larger(api: httpx.AsyncClient) -> None:
    most = {"first_name": "x" * 900, **{f"f{number}": "é" * 5_000 for number in range(6)}}
    assert (await api.post(URL, json=MESSAGE | {"fields": most})).status_code == 200
    longer = await api.post(URL, json=MESSAGE | {"fields": {"first_name": "x" * 10_001}})
    assert wrong_fields(longer) == {"fields.first_name": "is longer than 10,000 characters"}
    more = await api.post(URL, json=MESSAGE | {"fields": most | {"more": "é" * 3_000}})
    assert wrong_fields(more) == {"fields": "are more than 64,000 bytes together"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x" * 1_500, "the subject would have 1,506 characters; 998 are the most"),
        ("two\0lines", "the subject would hold a NUL, from first_name"),
    ],
)
@pytest.mark.parametrize("subject", ["Hello {{ first_name }}", "Hello {% if first_name %}{{ first_name }}{% endif %}"])
async def test_a_subject_that_no_header_can_be_is_refused(
    api: httpx.AsyncClient, subject: str, name: str, why: str
) -> None:
    answer = await api.post(URL, json=MESSAGE | {"subject": subject, "fields": {"first_name": name}})
    assert wrong_fields(answer) == {"subject": why}
