"""A campaign of several steps over the API: scheduled, previewed, read; what is wrong is named."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.ledger import follow_ups
from tests.support.api import problem, schedule
from tests.support.engine import execute, value

STEPS = [
    {"wait": "P3D", "body": "{{ name }}, I wrote on {{ sent_at }}.", "timeOfDay": "09:30", "quotes": True},
    {"wait": "P1W", "businessDays": True, "subject": "Last try", "body": "Well?", "bodyHtml": "<p>Well?</p>"},
]
PEOPLE = [{"email": "a@example.com", "name": "Ann"}, {"email": "b@example.com", "name": "Bob"}]


async def test_steps_are_scheduled_and_read_with_their_counts(api: httpx.AsyncClient, pool: Pool) -> None:
    campaign = (await schedule(api, PEOPLE, steps=STEPS, stopOn={"autoReply": True}))["campaign"]
    assert [step["wait"] for step in campaign["steps"]] == ["P0D", "P3D", "P7D"]
    assert [(step["timeOfDay"], step["quotes"]) for step in campaign["steps"][1:]] == [("09:30", True), (None, False)]
    await execute(
        pool, "UPDATE emails SET status = 'SENT', sent_at = now(), follow_at = now() WHERE recipient = 'a@example.com'"
    )
    read = (await api.get(f"/api/campaigns/{campaign['id']}")).json()
    assert (read["recipients"], read["following"]) == (2, 1)
    assert read["stopOn"] == {"autoReply": True, "domain": False}
    first, second, third = read["steps"]
    assert {name: first[name] for name in ("step", "total", "sent", "waiting", "following", "answered")} == {
        "step": 1,
        "total": 2,
        "sent": 1,
        "waiting": 1,
        "following": 1,
        "answered": 0,
    }
    assert (second["subject"], second["total"], third["subject"], third["businessDays"]) == (None, 0, "Last try", True)
    listed = (await api.get("/api/campaigns")).json()["items"][0]
    assert (listed["recipients"], listed["steps"]) == (2, [])
    emails = (await api.get("/api/emails")).json()["items"]
    assert {email["step"] for email in emails} == {1}
    assert (await api.get(f"/api/emails/{emails[-1]['id']}")).json()["followAt"] is not None


async def test_a_form_and_a_preview_take_them_too(api: httpx.AsyncClient) -> None:
    fields = {"subject": "s", "body": "b", "recipients": "a@example.com", "steps": '[{"wait": "PT90S", "body": "x"}]'}
    files = {"nothing": (None, "")}
    del files["nothing"]
    answer = await api.post(
        "/api/campaigns/schedule", data=fields, files={"file": ("l.csv", b"email\na@example.com\n")}
    )
    assert answer.status_code == 422, "both a file and recipients"
    del fields["recipients"]
    answer = await api.post(
        "/api/campaigns/schedule", data=fields, files={"file": ("l.csv", b"email\na@example.com\n")}
    )
    assert answer.json()["campaign"]["steps"][1]["wait"] == "PT90S"
    asked: dict[str, Any] = {"subject": "s", "body": "b", "recipients": PEOPLE, "steps": STEPS}
    assert (await api.post("/api/campaigns/preview", json=asked)).json()["accepted"] == 2


@pytest.mark.parametrize(
    ("steps", "field", "says"),
    [
        ([{"wait": "3 days", "body": "x"}], "steps[0].wait", "is no wait; give weeks, days,"),
        ([{"wait": "P", "body": "x"}], "steps[0].wait", "such as P3D"),
        ([{"wait": "P1M", "body": "x"}], "steps[0].wait", "such as P3D"),
        ([{"wait": "-P1D", "body": "x"}], "steps[0].wait", "such as P3D"),
        ([{"wait": "PT0S", "body": "x"}], "steps[0].wait", "one second"),
        ([{"wait": "P9999D", "body": "x"}], "steps[0].wait", "365 days"),
        ([{"wait": "PT5H", "businessDays": True, "body": "x"}], "steps[0].businessDays", "days"),
        ([{"wait": "P3D", "body": " "}], "steps[0].body", "is empty"),
        ([{"wait": "P3D", "body": "x", "bodyHtml": " \n"}], "steps[0].bodyHtml", "is blank"),
        (
            [{"wait": "P3D", "body": "x", "bodyHtml": "<style>p {}</style>&nbsp;"}],
            "steps[0].bodyHtml",
            "is blank",
        ),
        ([{"wait": "P3D", "body": "", "bodyHtml": "<p></p>"}], "steps[0].body", "is empty"),
        ([{"wait": "P3D", "body": "x", "timeOfDay": "9:30"}], "steps", "timeOfDay"),
        ([{"wait": "P3D", "body": "x", "subject": "New", "quotes": True}], "steps[0].quotes", "thread"),
        (
            [{"wait": "P3D", "body": "x"}, {"wait": "P3D", "body": "{{ nom }}"}],
            "steps[1].body",
            "unknown merge field",
        ),
        ([{"wait": "P3D", "body": "{{ name"}], "steps[0].body", ""),
        ([{"wait": "P3D", "body": "x"}] * 11, "steps", ""),
        ([{"wait": "P3D", "body": "x", "subject": "a\nb"}], "steps[0].subject", "line break"),
        ([{"wait": "P3D", "body": "x", "subject": "a\0b"}], "steps[0].subject", "NUL"),
    ],
)
async def test_what_is_wrong_with_a_step_is_named(
    api: httpx.AsyncClient, pool: Pool, steps: list[dict[str, Any]], field: str, says: str
) -> None:
    asked = {"subject": "s", "body": "b", "recipients": PEOPLE, "steps": steps}
    answer = await api.post("/api/campaigns/schedule", json=asked)
    assert answer.status_code == 422, answer.text
    errors = {error["field"]: error["detail"] for error in answer.json()["errors"]}
    assert any(name.startswith(field) and says in text + name for name, text in errors.items()), errors
    assert await value(pool, "SELECT count(*) FROM campaigns") == 0


async def test_who_lacks_what_a_step_needs_is_said_when_it_is_scheduled(api: httpx.AsyncClient) -> None:
    people = [*PEOPLE, {"email": "c@example.com", "name": ""}]
    answer = await schedule(api, people, steps=STEPS)
    assert (answer["accepted"], answer["rejected"][0]["email"]) == (2, "c@example.com")


async def test_steps_are_changed_while_the_campaign_runs(api: httpx.AsyncClient) -> None:
    campaign = (await schedule(api, PEOPLE, steps=STEPS))["campaign"]
    path = f"/api/campaigns/{campaign['id']}"
    ids = [step["id"] for step in campaign["steps"]]
    moved = STEPS[1] | {"id": ids[2], "wait": "P2D"}
    changed = await api.patch(path, json={"steps": [moved, {"wait": "P1D", "body": "{{ name }}, new"}]})
    assert changed.status_code == 200, changed.text
    steps = changed.json()["steps"]
    assert [(step["step"], step["wait"], step["subject"]) for step in steps[1:]] == [
        (2, "P2D", "Last try"),
        (3, "P1D", None),
    ]
    assert steps[1]["id"] == ids[2]
    answer = await api.patch(path, json={"steps": [{"id": ids[1], "wait": "P1D", "body": "x"}]})
    assert answer.json()["errors"][0]["field"] == "steps[0].id", "it was removed"
    people = [*PEOPLE, {"email": "c@example.com", "name": ""}]
    blank = (await schedule(api, people, steps=[{"wait": "P1D", "body": "x"}], body="Hello"))["campaign"]
    answer = await api.patch(f"/api/campaigns/{blank['id']}", json={"steps": [STEPS[0]]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "steps[0].body")


async def test_the_first_step_is_no_later_one_also_where_it_has_variants(api: httpx.AsyncClient) -> None:
    varied = [{"subject": "Other", "body": "x"}]
    campaign = (await schedule(api, PEOPLE, steps=STEPS, variants=varied))["campaign"]
    wrong = {"id": campaign["steps"][0]["id"], "wait": "P1D", "body": "x"}
    answer = await api.patch(f"/api/campaigns/{campaign['id']}", json={"steps": [wrong]})
    assert [error["field"] for error in answer.json()["errors"]] == ["steps[0].id"]


@pytest.mark.parametrize("meanwhile", ["steps", "order", "wait", "variants", "weight", "subject"])
async def test_who_changes_steps_is_told_what_somebody_else_has_changed_meanwhile(
    api: httpx.AsyncClient, meanwhile: str
) -> None:
    campaign = (await schedule(api, PEOPLE, steps=STEPS, variants=[{"subject": "Other", "body": "x"}]))["campaign"]
    path, version = f"/api/campaigns/{campaign['id']}", campaign["textsVersion"]
    first, second = [step | {"id": known["id"]} for step, known in zip(STEPS, campaign["steps"][1:], strict=True)]
    changes: dict[str, dict[str, Any]] = {
        "steps": {"steps": [first, second, {"wait": "P1D", "body": "added"}]},
        "order": {"steps": [second, first]},
        "wait": {"steps": [first | {"wait": "P4D"}, second]},
        "variants": {"variants": [{"subject": "Third", "body": "y"}]},
        "weight": {"weight": 3},
        "subject": {"subject": "Else"},
    }
    assert (await api.patch(path, json={"name": "Renamed", "textsVersion": version})).json()["textsVersion"] == version
    changed = await api.patch(path, json=changes[meanwhile] | {"textsVersion": version})
    assert (changed.status_code, changed.json()["textsVersion"] == version) == (200, False)
    refused = await api.patch(path, json={"steps": [first | {"body": "mine"}, second], "textsVersion": version})
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "texts_changed")
    assert (await api.get(path)).json()["steps"] == changed.json()["steps"], "nothing is changed"
    again = {"steps": [first | {"body": "mine"}], "textsVersion": changed.json()["textsVersion"]}
    assert (await api.patch(path, json=again)).status_code == 200


async def test_variants_are_changed_and_added_while_the_campaign_runs(api: httpx.AsyncClient) -> None:
    varied = [STEPS[0] | {"variants": [{"body": "{{ name }}, B"}]}]
    first = {"variants": [{"subject": "B", "body": "Text B"}], "weight": 2}
    campaign = (await schedule(api, PEOPLE, steps=varied, **first))["campaign"]
    path = f"/api/campaigns/{campaign['id']}"
    ids = {(one["step"], one["letter"]): one["id"] for one in campaign["variants"]}
    step = {name: value for name, value in STEPS[0].items()} | {"id": campaign["steps"][1]["id"]}
    body = {
        "variants": [{"id": ids[1, "B"], "subject": "B", "body": "New B"}, {"subject": "C", "body": "C", "weight": 5}],
        "steps": [step | {"weight": 7, "variants": [{"id": ids[2, "B"], "body": "New B", "bodyHtml": "<p>New</p>"}]}],
    }
    changed = await api.patch(path, json=body)
    assert changed.status_code == 200, changed.text
    found = changed.json()["variants"]
    assert [(one["step"], one["letter"], one["weight"], one["body"], one["sentBefore"]) for one in found] == [
        (1, "A", 2, campaign["body"], 0),
        (1, "B", 1, "New B", 0),
        (1, "C", 5, "C", 0),
        (2, "A", 7, STEPS[0]["body"], 0),
        (2, "B", 1, "New B", 0),
    ]
    assert [one["textSince"] is not None for one in found] == [False, True, False, False, True]
    left_out = await api.patch(path, json={"steps": [step], "variants": []})
    assert left_out.json()["variants"] == found, "what is left out stays"
    for wrong, field in (
        ({"variants": [{"id": ids[2, "B"], "subject": "x", "body": "x"}]}, "variants[0].id"),
        ({"variants": [{"body": "x"}]}, "variants[0].subject"),
        ({"variants": [{"subject": "x", "body": "{{ nmae }}"}]}, "variants[0].body"),
        ({"steps": [step | {"variants": [{"subject": "x", "body": "x"}]}]}, "steps[0].variants[0].subject"),
        ({"steps": [STEPS[1] | {"variants": [{"id": 1, "subject": "x", "body": "x"}]}]}, "steps[0].variants[0].id"),
        ({"variants": [{"subject": "x", "body": "x", "weight": 0}]}, "variants[0].weight"),
    ):
        answer = await api.patch(path, json=wrong)
        assert problem(answer, 422)["errors"][0]["field"] == field, answer.text
    assert (await api.get(path)).json()["variants"] == found


async def test_a_sender_that_nobody_reads_follows_up_only_if_that_is_wanted(api: httpx.AsyncClient, pool: Pool) -> None:
    await execute(pool, "UPDATE senders SET host = 'smtp.example.com', port = 587, security = 'starttls'")
    asked: dict[str, Any] = {"subject": "s", "body": "b", "recipients": PEOPLE, "steps": STEPS}
    for path in ("schedule", "preview"):
        answer = await api.post(f"/api/campaigns/{path}", json=asked)
        (error,) = answer.json()["errors"]
        assert error["field"] == "followUpWithoutReading"
        assert "nobody reads the mailbox" in error["detail"]
    answer = await api.post("/api/campaigns/schedule", json=asked | {"followUpWithoutReading": True})
    assert answer.status_code == 201


async def test_a_sender_or_reply_to_that_nobody_reads_comes_to_no_campaign_that_follows_up(
    api: httpx.AsyncClient, pool: Pool
) -> None:
    made = [await api.post("/api/senders", json={"email": f"{name}@example.com"}) for name in "ab"]
    read, unread = (each.json()["id"] for each in made)
    await execute(pool, "UPDATE senders SET host = 'smtp.example.com', port = 587, security = 'starttls'")
    await execute(
        pool,
        "UPDATE senders SET imap_host = 'imap.example.com', imap_port = 993, imap_security = 'tls' WHERE id = %s",
        read,
    )

    async def campaign(**more: Any) -> str:
        fields = more | {"senderIds": [read], "startTime": "2030-01-01T00:00:00Z"}
        return f"/api/campaigns/{(await schedule(api, PEOPLE, steps=STEPS, **fields))['campaign']['id']}"

    async def refused(path: str, **wrong: Any) -> bool:
        (error,) = problem(await api.patch(path, json=wrong), 422)["errors"]
        assert "nobody reads the mailbox" in error["detail"]
        return [error["field"]] == [*wrong]

    async def taken(path: str, **right: Any) -> bool:
        return (await api.patch(path, json=right)).is_success

    path = await campaign()
    assert await refused(path, senderIds=[read, unread])
    assert await refused(path, senderIds=[unread])
    assert await refused(path, replyTo="b@example.com")
    found = (await api.get(path)).json()
    assert (found["senderIds"], found["replyTo"]) == ([read], None)
    assert await taken(path, senderIds=[read, unread], replyTo="a@example.com")
    assert await refused(path, replyTo=None)

    path = await campaign()
    assert await taken(path, steps=[])
    assert await taken(path, senderIds=[unread]), "nothing follows any more"
    assert await refused(path, steps=STEPS)

    path = await campaign(followUpWithoutReading=True)
    assert await taken(path, senderIds=[unread], replyTo="b@example.com")


async def test_a_later_step_is_shown_as_it_is_sent(api: httpx.AsyncClient, pool: Pool) -> None:
    await schedule(api, PEOPLE, steps=STEPS)
    await execute(
        pool,
        "UPDATE emails SET status = 'SENT', sent_at = now() - interval '3 d', follow_at = now()"
        " WHERE recipient = 'a@example.com'",
    )
    await execute(pool, "UPDATE streams SET scheduled = 1, sent = 1")
    assert (await follow_ups.follow_up(pool)).made == 1
    email = (await api.get("/api/emails", params={"status": "SCHEDULED", "q": "a@"})).json()["items"][0]
    assert email["step"] == 2
    message = (await api.get(f"/api/emails/{email['id']}/message")).json()
    assert message["subject"].startswith("Re: ")
    assert message["text"].startswith("Ann, I wrote on 20")
    assert message["text"].rstrip().splitlines()[-1].startswith("> ")
    assert (
        await value(pool, "SELECT max(scheduled_at)::time::text FROM emails WHERE follows_id IS NOT NULL")
    ) == "09:30:00"
    assert (await api.get(f"/api/emails/{email['id']}")).json()["subject"] == message["subject"]
    exported = (await api.get("/api/emails/export")).text
    assert "step" in exported.splitlines()[0]
