"""Blanks are seen before they are sent: counted field by field, and what to do about them is asked for."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.api import wrong_fields

MESSAGE = {"subject": "Offer for {{ company }}", "body": 'Dear {{ name | default: "you" }}, see below.'}
CSV = "email,company,name\nann@example.com,ACME,Ann\nbob@example.com,,Bob\ncy@example.com,\u00a0 ,\ndee@example.com\n"
TYPED = [
    {"email": "ann@example.com", "company": "ACME", "name": "Ann"},
    {"email": "bob@example.com", "company": "", "name": "Bob"},
    {"email": "cy@example.com", "company": "\u00a0 ", "name": ""},
    {"email": "dee@example.com"},
]
LEAVE_OUT = {"do": "leave_out", "text": ""}
SOURCES = ["file", "recipients", "listId"]


async def ask(api: httpx.AsyncClient, call: str, source: str, **more: Any) -> dict[str, Any]:
    """The same four people, in each way in which a list may come."""
    url = f"/api/campaigns/{call}"
    if source == "file":
        form = MESSAGE | {name: json.dumps(value) for name, value in more.items()}
        answer = await api.post(url, data=form, files={"file": ("list.csv", CSV.encode())})
    elif source == "recipients":
        answer = await api.post(url, json=MESSAGE | {"recipients": TYPED} | more)
    else:
        kept = await api.post("/api/lists", files={"file": ("list.csv", CSV.encode())})
        answer = await api.post(url, json=MESSAGE | {"listId": kept.json()["id"]} | more)
    assert answer.is_success, answer.text
    return answer.json()


async def subjects(api: httpx.AsyncClient) -> list[str]:
    emails = (await api.get("/api/emails")).json()["items"]
    return sorted([(await api.get(f"/api/emails/{email['id']}/message")).json()["subject"] for email in emails])


@pytest.mark.parametrize("source", SOURCES)
async def test_who_has_nothing_for_a_needed_field_is_counted_and_left_out(api: httpx.AsyncClient, source: str) -> None:
    foreseen = await ask(api, "preview", source)
    first = 1 if source == "recipients" else 2
    rows = [first + number for number in (1, 2, 3)]
    assert foreseen["lacking"] == [
        {"field": "company", "recipients": 3, "required": True, "ifBlank": LEAVE_OUT, "rows": rows}
    ]
    assert foreseen["accepted"] == 1
    assert [refused["row"] for refused in foreseen["rejected"]] == rows
    assert {refused["reason"] for refused in foreseen["rejected"]} == {
        "There is no value for company, which the template needs."
    }
    made = await ask(api, "schedule", source)
    assert made["accepted"] == 1
    assert await subjects(api) == ["Offer for ACME"]


@pytest.mark.parametrize("source", SOURCES)
async def test_something_is_written_in_its_place_where_that_is_said(api: httpx.AsyncClient, source: str) -> None:
    decided = {"ifBlank": {"company": {"do": "write", "text": "your company"}}}
    foreseen = await ask(api, "preview", source, **decided)
    assert [(lack["field"], lack["recipients"], lack["ifBlank"]) for lack in foreseen["lacking"]] == [
        ("company", 3, decided["ifBlank"]["company"]),
        ("name", 2, None),
    ]
    assert (await ask(api, "schedule", source, **decided))["accepted"] == 4
    assert await subjects(api) == ["Offer for ACME", *["Offer for your company"] * 3]


@pytest.mark.parametrize("source", SOURCES)
async def test_nothing_is_written_where_that_is_said(api: httpx.AsyncClient, source: str) -> None:
    decided = {"ifBlank": {"company": {"do": "send"}, "name": {"do": "leave_out"}}}
    foreseen = await ask(api, "preview", source, **decided)
    assert [(lack["field"], lack["ifBlank"]) for lack in foreseen["lacking"]] == [
        ("company", {"do": "send", "text": ""}),
        ("name", LEAVE_OUT),
    ]
    assert (await ask(api, "schedule", source, **decided))["accepted"] == 2
    assert await subjects(api) == ["Offer for ", "Offer for ACME"]


async def test_a_field_that_nobody_has_may_be_decided_on(api: httpx.AsyncClient) -> None:
    campaign = {"subject": "For {{ city }}", "body": "x", "recipients": ["ann@example.com"]}
    assert "unknown merge field" in wrong_fields(await api.post("/api/campaigns/preview", json=campaign))["subject"]
    decided = campaign | {"ifBlank": {"city": {"do": "write", "text": "Prague"}}}
    assert (await api.post("/api/campaigns/schedule", json=decided)).status_code == 201
    assert await subjects(api) == ["For Prague"]


@pytest.mark.parametrize(
    ("decided", "field"),
    [
        ({"company": {"do": "write"}}, "ifBlank.company"),
        ({"company": {"do": "write", "text": " \u00a0"}}, "ifBlank.company"),
        ({"company": {"do": "send", "text": "x"}}, "ifBlank.company"),
        ({"company": {"do": "write", "text": "x" * 10_001}}, "ifBlank.company"),
        ({f"f{number}": {"do": "send"} for number in range(201)}, "ifBlank"),
    ],
)
async def test_a_decision_that_makes_no_sense_is_refused(
    api: httpx.AsyncClient, decided: dict[str, Any], field: str
) -> None:
    answer = await api.post("/api/campaigns/preview", json=MESSAGE | {"recipients": TYPED, "ifBlank": decided})
    assert list(wrong_fields(answer)) == [field]
    form = await api.post(
        "/api/campaigns/preview",
        data=MESSAGE | {"ifBlank": json.dumps(decided)},
        files={"file": ("list.csv", CSV.encode())},
    )
    assert list(wrong_fields(form)) == [field]


async def test_a_form_says_what_to_do_in_json(api: httpx.AsyncClient) -> None:
    for text in ("send", "[1]", '{"company": "send"}', '{"company": {"do": "guess"}}'):
        answer = await api.post(
            "/api/campaigns/preview", data=MESSAGE | {"ifBlank": text}, files={"file": ("list.csv", CSV.encode())}
        )
        assert [name.partition("[")[0] for name in wrong_fields(answer)] == ["ifBlank"]


async def test_lines_of_a_value_become_one_in_the_subject_and_the_preview_says_so(api: httpx.AsyncClient) -> None:
    file = b'email,company\nann@example.com,"ACME\n"\nbob@example.com,"AC\r\nME"\ncy@example.com,Plain\n'
    file += b'Bob@example.com,"AC\r\nME"\nnone,"AC\r\nME"\n'  # who gets nothing does not count
    form = {"subject": "Offer for {{ company }}", "body": "A text."}
    foreseen = (await api.post("/api/campaigns/preview", data=form, files={"file": ("x.csv", file)})).json()
    assert (foreseen["accepted"], foreseen["subjectsInOneLine"]) == (3, 1)
    assert (await api.post("/api/campaigns/schedule", data=form, files={"file": ("x.csv", file)})).status_code == 201
    assert await subjects(api) == ["Offer for AC ME", "Offer for ACME", "Offer for Plain"]


@pytest.mark.parametrize(
    ("body", "value", "reason"),
    [
        ('{{ when | date: "long" }}', "13/04/2030", 'when is "13/04/2030", which is no date; write it as 2030-04-13.'),
        ('{{ when | date: "long" }}', "45000", 'when is "45000", which is no date; write it as 2030-04-13.'),
        ('{{ when | date: "long" }}', "2030-02-30", 'when is "2030-02-30", which is no date; write it as 2030-04-13.'),
        ('{{ when | date: "%d" | default: "x" }}', "soon", 'when is "soon", which is no date; write it as 2030-04-13.'),
        ("{% if when > 5 %}x{% endif %}", "1,200", 'when is "1,200", which is no number; write one as 1200 or 0.5.'),
        ("{% if 5 >= when %}x{% endif %}", "many", 'when is "many", which is no number; write one as 1200 or 0.5.'),
    ],
)
async def test_what_is_no_date_or_number_is_refused_with_its_row(
    api: httpx.AsyncClient, body: str, value: str, reason: str
) -> None:
    right = "2030-04-13" if "date" in body else "7"
    people = [{"email": f"p{row}@example.com", "when": value if row == 170 else right} for row in range(1, 201)]
    campaign = {"subject": "x", "body": body, "recipients": people}
    for call in ("preview", "schedule"):
        answer = (await api.post(f"/api/campaigns/{call}", json=campaign)).json()
        assert answer["rejected"] == [{"row": 170, "email": "p170@example.com", "reason": reason}]
        assert answer["accepted"] == 199


async def test_a_misspelt_field_names_the_nearest(api: httpx.AsyncClient) -> None:
    campaign = {"subject": "For {{ compnay }}", "body": "x", "recipients": TYPED}
    wrong = wrong_fields(await api.post("/api/campaigns/preview", json=campaign))
    assert "; did you mean 'company'?" in wrong["subject"]
    campaign["subject"] = 'For {{ compnay | default: "you" }}, {{ other | default: "x" }}'
    hints = (await api.post("/api/campaigns/preview", json=campaign)).json()["hints"]
    assert [(one["part"], one["found"]) for one in hints] == [
        ("subject", "It uses compnay, which no recipient has; did you mean 'company'?")
    ]
    misspelt = '{{ compnay | default: "you" }} {{ sent_at }}'
    campaign |= {
        "subject": "RE: Offer",
        "unsubscribe": "none",
        "followUpWithoutReading": True,
        "steps": [
            {"wait": "P1D", "body": misspelt},
            {"wait": "P1D", "subject": "RE: More", "body": "https://bit.ly/x", "bodyHtml": f"<p>{misspelt}</p>"},
        ],
    }
    hints = (await api.post("/api/campaigns/preview", json=campaign)).json()["hints"]
    assert [one["part"] for one in hints] == [
        "subject",
        "steps[0].body",
        "steps[1].subject",
        "steps[1].body",
        "steps[1].bodyHtml",
    ]


@pytest.mark.parametrize(
    ("html", "values", "found"),
    [
        (
            '<a href="{{ url }}">x</a>',
            ["https://a.example", "b.example", "www.c.example", "mailto:d@example.com"],
            "2 recipients have no target of a link in url; the first, in row 2, is “b.example”.",
        ),
        (
            '<a href="{{ url | default: "https://ours.example" }}/x">x</a>',
            ["mailto:", "", "https://a.example", "http://b.example"],
            "1 recipient has no target of a link in url; the first, in row 1, is “mailto:”.",
        ),
        ('<a href="{{ url | prepend: "https://" }}">x</a>', ["a.example"], None),
        ('<a href="https://{{ url }}">x</a>', ["a.example"], None),
        ('<a href="{{ url }}://{{ host }}">x</a>', ["https"], None),
        ('<a href="{{ url }}{{ host }}">x</a>', ["https"], None),
        ('<a href="{{ url }}.example">x</a>', ["https://a"], None),
        (
            "<a class='b' HREF={{url}}>x</a>",
            ["b.example"],
            "1 recipient has no target of a link in url; the first, in row 1, is “b.example”.",
        ),
        (
            '<a href="{{ url }}?a=b">x</a>',
            ["mailto:?subject=Hi", "sms:?body=Hi", "whatsapp://send?text=Hi", "javascript:x", "https:a.example"],
            "2 recipients have no target of a link in url; the first, in row 4, is “javascript:x”.",
        ),
        ('<a href="{{ url }}">x</a>', ["https://a.example", "tel:+4930"], None),
    ],
)
async def test_links_that_lead_nowhere_for_some_recipients_are_told(
    api: httpx.AsyncClient, html: str, values: list[str], found: str | None
) -> None:
    people = [{"email": f"p{number}@example.com", "url": value, "host": "h"} for number, value in enumerate(values)]
    draft = {"subject": "Hi", "body": "Hi", "bodyHtml": html, "recipients": people}
    hints = (await api.post("/api/campaigns/preview", json=draft)).json()["hints"]
    told = [(hint["part"], hint["found"]) for hint in hints if "target of a link" in hint["found"]]
    assert told == ([] if found is None else [("bodyHtml", found)])


async def test_a_later_steps_link_that_leads_nowhere_is_told_as_its_own(api: httpx.AsyncClient) -> None:
    step = {"wait": "P1D", "body": "Hi", "bodyHtml": '<a href="{{ url }}">x</a>'}
    people = [{"email": "ann@example.com", "url": "a.example"}]
    draft = {"subject": "Hi", "body": "Hi", "recipients": people, "steps": [step], "followUpWithoutReading": True}
    hints = (await api.post("/api/campaigns/preview", json=draft)).json()["hints"]
    assert "steps[0].bodyHtml" in [hint["part"] for hint in hints if "target of a link" in hint["found"]]


async def test_only_who_is_written_to_counts_among_those_whose_links_lead_nowhere(api: httpx.AsyncClient) -> None:
    await api.post("/api/suppressions", json={"emails": ["stop@example.com"]})
    people = [
        {"email": "stop@example.com", "url": "a.example"},
        {"email": "long@example.com", "url": "b.example", "name": "x" * 1_000},
        {"email": "ann@example.com", "url": "https://c.example"},
        {"email": "bob@example.com", "url": "d.example"},
        {"email": "Bob@example.com", "url": "d.example"},
        {"email": "zoe@example.com", "url": "e.example", "tz": "Nowhere"},
        {"email": "cy@example.com", "url": "f.example"},
    ]
    draft = {"subject": "Hi {{ name | strip }}", "body": "Hi", "bodyHtml": '<a href="{{ url }}">x</a>'} | {
        "recipients": people,
        "ifBlank": {"name": {"do": "send"}},
        "calendar": {
            "timezone": "recipient",
            "fallbackTimezone": "UTC",
            "days": ["mon"],
            "from": "09:00",
            "to": "17:00",
        },
    }
    hints = (await api.post("/api/campaigns/preview", json=draft)).json()["hints"]
    assert [hint["found"] for hint in hints if "target of a link" in hint["found"]] == [
        "2 recipients have no target of a link in url; the first, in row 4, is “d.example”."
    ]
