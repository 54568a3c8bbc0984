"""Scheduling tries the templates with what the recipients really have, and leaves out with the reason to whom
the message cannot be written."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.campaigns import trial
from tests.support.api import schedule, written, wrong_fields
from tests.support.engine import rows, value

PEOPLE = [{"email": f"p{number}@example.com", "name": f"Person {number}", "k": ""} for number in range(1, 301)]


def people(row: int, **fields: str) -> list[dict[str, str]]:
    """Three hundred, of whom the one in `row` has these fields."""
    return [person | fields if number == row else person for number, person in enumerate(PEOPLE, 1)]


LONG = (
    "the subject would have 1,206 characters; 998 are the most; "
    "its longest merge field is 'name', with 1,200 characters"
)
STEP = {"wait": "P1D", "body": "x"}
CASES: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    (
        "long subject",
        {"subject": "Hello {{ name }}"},
        {"name": "x" * 1200},
        f"The message cannot be written: {LONG}.",
    ),
    (
        "long subject in Liquid",
        {"subject": "Hello {% if name %}{{ name | upcase }}{% endif %}"},
        {"name": "x" * 1200},
        f"The message cannot be written: {LONG}.",
    ),
    (
        "long by many",
        {"subject": "{{ name }}{{ k | default: 'x' }}{{ name }}{{ email }}"},
        {"name": "x" * 400, "k": "y" * 400},
        "The message cannot be written: the subject would have 1,216 characters; 998 are the most; "
        "its longest merge field is 'k', with 400 characters.",
    ),
    (
        "long header",
        {"headers": {"X-Deal": "{{ name }}"}},
        {"name": "x" * 1000},
        "The message cannot be written: X-Deal would be longer than 998 characters, which is the most of a line; "
        "its longest merge field is 'name', with 1,000 characters.",
    ),
    (
        "long subject of a step",
        {"steps": [STEP, STEP | {"subject": "Hello {{ name }}"}]},
        {"name": "x" * 1200},
        f"Step 3 cannot be written: {LONG}.",
    ),
    (
        "long subject of a variant",
        {"variants": [{"subject": "B", "body": "x"}, {"subject": "Hello {{ name }}", "body": "x"}]},
        {"name": "x" * 1200},
        f"Variant C cannot be written: {LONG}.",
    ),
    (
        "variant of a step",
        {"steps": [STEP | {"variants": [{"body": "x{% if k == 'go' %}{{ name | slice: k }}{% endif %}"}]}]},
        {"k": "go"},
        "Variant B of step 2 cannot be written in the text: line 1: slice expected an integer start, found str; "
        "its longest merge field is 'name', with 10 characters.",
    ),
    (
        "wrong value",
        {"bodyHtml": "x{% if k == 'go' %}{{ name | slice: k }}{% endif %}"},
        {"k": "go"},
        "The message cannot be written in the HTML: line 1: slice expected an integer start, found str; "
        "its longest merge field is 'name', with 10 characters.",
    ),
    (
        "growing value",
        {"body": "{% if k %}" + "{% assign k = k | append: k %}" * 20 + "{{ k }}{% endif %}"},
        {"k": "go" * 2000},
        "The message cannot be written in the text: line 1: a value grows beyond 200000 characters; "
        "its longest merge field is 'k', with 4,000 characters.",
    ),
]


@pytest.mark.parametrize("call", ["schedule", "preview"])
@pytest.mark.parametrize(("campaign", "fields", "why"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_a_row_to_which_a_message_cannot_be_written_is_left_out_and_the_others_go(
    api: httpx.AsyncClient, pool: Pool, call: str, campaign: dict[str, Any], fields: dict[str, str], why: str
) -> None:
    row = 256 if "k" in fields else 171  # a value that is found by chance, one that its length tells of
    request = {"subject": "Hello", "body": "A text.", "recipients": people(row, **fields)} | campaign
    answer = await api.post(f"/api/campaigns/{call}", json=request)
    assert answer.is_success, answer.text
    told = answer.json()
    assert told["accepted"] == 299
    assert told["rejected"] == [{"row": row, "email": f"p{row}@example.com", "reason": why}]
    if call == "schedule":
        left = await rows(pool, "SELECT recipient FROM emails WHERE recipient = %s", f"p{row}@example.com")
        assert left == []
        assert await value(pool, "SELECT count(DISTINCT recipient) FROM emails") == 299


@pytest.mark.parametrize("subject", ["Hello {{ name }}", "Hello {{ name | strip }}"])
async def test_every_row_whose_values_are_too_long_is_left_out(api: httpx.AsyncClient, subject: str) -> None:
    long = {7, 8, 9, 100, 101, *range(130, 290)}
    listed = [person | ({"name": "x" * 1200} if n in long else {}) for n, person in enumerate(PEOPLE, 1)]
    listed += [{"email": "none", "name": "x"}, {"email": "later@example.com", "name": "x" * 990}]
    answer = await schedule(api, listed, subject=subject)
    assert [one["row"] for one in answer["rejected"]] == [*sorted(long), 301]
    assert answer["accepted"] == 301 - len(long)


async def test_where_one_value_is_none_for_a_filter_all_others_are_tried(api: httpx.AsyncClient) -> None:
    wrong = {3, 77, 256, 299}
    listed = [person | ({"k": "go"} if n in wrong else {}) for n, person in enumerate(PEOPLE, 1)]
    answer = await schedule(api, listed, body="x{% if k == 'go' %}{{ name | slice: k }}{% endif %}")
    assert [one["row"] for one in answer["rejected"]] == sorted(wrong)
    assert answer["accepted"] == 300 - len(wrong)


@pytest.mark.parametrize("call", ["schedule", "preview"])
async def test_what_cannot_be_written_to_anybody_or_to_nobody_knows_how_many_is_refused(
    api: httpx.AsyncClient, pool: Pool, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await written(pool)
    why = "line 1: slice expected an integer start, found str; its longest merge field is 'name', with 8 characters"
    text = {"subject": "Hello", "body": "x{% if k == 'go' %}{{ name | slice: k }}{% endif %}"}
    all_of_them = text | {"recipients": [person | {"k": "go"} for person in PEOPLE]}
    refused = wrong_fields(await api.post(f"/api/campaigns/{call}", json=all_of_them))
    assert refused == {"body": f"row 1 (p1@example.com): {why}"}
    with monkeypatch.context() as patched:
        patched.setattr(trial, "MOST_EACH_S", 0.0)
        some = text | {"recipients": people(2, k="go")}
        refused = wrong_fields(await api.post(f"/api/campaigns/{call}", json=some))
        assert refused == {"body": f"row 2 (p2@example.com): {why}"}
    monkeypatch.setattr(trial, "MOST_EACH", 299)
    some = text | {"recipients": people(2, k="go")}
    refused = wrong_fields(await api.post(f"/api/campaigns/{call}", json=some))
    assert refused == {"body": f"row 2 (p2@example.com): {why}"}
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
