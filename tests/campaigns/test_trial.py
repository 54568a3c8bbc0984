"""Scheduling tries the templates with what the recipients really have, and says whose value cannot be written."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool
from tests.support.api import schedule, written, wrong_fields

PEOPLE = [{"email": f"p{number}@example.com", "name": f"Person {number}", "k": ""} for number in range(1, 301)]


def people(row: int, **fields: str) -> list[dict[str, str]]:
    """Three hundred, of whom the one in `row` has these fields."""
    return [person | fields if number == row else person for number, person in enumerate(PEOPLE, 1)]


@pytest.mark.parametrize("call", ["schedule", "preview"])
@pytest.mark.parametrize(
    ("campaign", "recipients", "part", "why"),
    [
        (
            {"subject": "Hello {{ name }}"},
            people(171, name="x" * 1200),
            "subject",
            "row 171 (p171@example.com): the subject would have 1,206 characters; 998 are the most; "
            "its longest merge field is 'name', with 1,200 characters",
        ),
        (
            {"subject": "Hello {% if name %}{{ name | upcase }}{% endif %}"},
            people(171, name="x" * 1200),
            "subject",
            "row 171 (p171@example.com): the subject would have 1,206 characters; 998 are the most; "
            "its longest merge field is 'name', with 1,200 characters",
        ),
        (
            {"body": "x{% if k == 'go' %}{{ name | slice: k }}{% endif %}"},
            people(299, k="go"),
            "body",
            "row 299 (p299@example.com): line 1: slice expected an integer start, found str; "
            "its longest merge field is 'name', with 10 characters",
        ),
        (
            {"body": "{% if k %}" + "{% assign k = k | append: k %}" * 20 + "{{ k }}{% endif %}"},
            people(256, k="go" * 2000),
            "body",
            "row 256 (p256@example.com): line 1: a value grows beyond 200000 characters; "
            "its longest merge field is 'k', with 4,000 characters",
        ),
    ],
    ids=["long subject", "long subject in Liquid", "wrong value", "growing value"],
)
async def test_a_value_that_cannot_be_written_is_named_before_anything_is_scheduled(
    api: httpx.AsyncClient, pool: Pool, call: str, campaign: dict[str, Any], recipients: list[Any], part: str, why: str
) -> None:
    before = await written(pool)
    request = {"subject": "Hello", "body": "A text.", "recipients": recipients} | campaign
    assert wrong_fields(await api.post(f"/api/campaigns/{call}", json=request)) == {part: why}
    assert await written(pool) == before


async def test_what_can_be_written_for_all_is_scheduled(api: httpx.AsyncClient) -> None:
    answer = await schedule(
        api,
        people(200, name="x" * 900),
        subject="Hello {{ name | default: 'you' }}",
        body="{% if k %}{{ k }}{% else %}{{ name | split: ' ' | first }}{% endif %} {{ email }}",
    )
    assert answer["accepted"] == 300


@pytest.mark.parametrize("call", ["schedule", "preview"])
async def test_a_template_that_is_none_is_refused_whatever_the_recipients_have(
    api: httpx.AsyncClient, call: str
) -> None:
    for text in ("{% if k == 'go' %}{% if (1..9) contains 'x' %}{% endif %}{% endif %}", "{{ k", "{{ k | shout }}"):
        request = {"subject": "Hello", "body": text, "recipients": PEOPLE}
        assert wrong_fields(await api.post(f"/api/campaigns/{call}", json=request)).keys() == {"body"}
