"""Answering what came back: threads, answers, who may read them, and corrections that let a campaign go on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import httpx

from app.db import MIGRATIONS, Pool
from app.domain.accounts.users import User
from app.domain.campaigns.building import message_builder
from app.domain.inbound.answers import as_it_is, subject_of_answer
from app.mail.templates import Source, Template
from tests.support.api import problem, wrong_fields
from tests.support.came import HARD, Came
from tests.support.engine import check_conservation, execute, row, rows, value

ANSWER = {"body": "Thursday at ten? {{ not a field }} {% nor this %}", "bodyHtml": "<p>Thursday at <b>ten</b>?</p>"}


async def _answered(api: httpx.AsyncClient, response_id: int, **more: Any) -> dict[str, Any]:
    answer = await api.post(f"/api/responses/{response_id}/answer", json=ANSWER | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _thread(api: httpx.AsyncClient, response_id: int) -> list[str]:
    """The texts of a response's thread, in order."""
    answer = await api.get(f"/api/responses/{response_id}/thread")
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert sorted(items, key=lambda one: one["at"]) == items
    return [one["email"]["text"].strip() if one["email"] else one["response"]["text"] for one in items]


async def test_an_answer_can_be_deleted_with_what_it_said(api: httpx.AsyncClient, pool: Pool, came: Came) -> None:
    posted = await _answered(api, await came.back("REPLY", text="When do we meet?"))
    campaign = posted["campaignId"]
    assert (await api.post(f"/api/campaigns/{campaign}/cancel")).status_code == 200
    answer = await api.delete(f"/api/campaigns/{campaign}")
    assert answer.status_code == 204, answer.text
    left = await row(pool, "SELECT subject || body AS said, thread FROM campaigns WHERE id = %s", campaign)
    assert left == {"said": "", "thread": []}


async def test_webhooks_hear_of_no_end_of_an_answer_and_an_erasure_takes_its_subject_out_of_what_they_heard(
    api: httpx.AsyncClient, pool: Pool, came: Came
) -> None:
    await execute(
        pool,
        "INSERT INTO webhooks (workspace_id, url, events)"
        " SELECT id, 'https://x.example', '{campaign.finished,campaign.held}' FROM workspaces",
    )
    posted = await _answered(api, await came.back("REPLY"), subject="Your illness")
    campaign = posted["campaignId"]
    await execute(
        pool,
        "UPDATE emails SET status = 'SENT', sent_at = now(), attempts = 1 WHERE campaign_id = %s",
        campaign,
    )
    await execute(pool, "UPDATE streams SET scheduled = 0, sent = 1 WHERE campaign_id = %s", campaign)
    assert await value(pool, "SELECT status FROM campaigns WHERE id = %s", campaign) == "FINISHED"
    assert await value(pool, "SELECT count(*) FROM webhook_deliveries") == 0

    # As a version before told it, and as what holds it back is told.
    for event in ("campaign.finished", "campaign.held"):
        await execute(
            pool,
            "INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, data)"
            " SELECT w.workspace_id, w.id, %s, jsonb_build_object('campaignId', c.id, 'name', c.name)"
            " FROM webhooks w, campaigns c WHERE c.kind = 'DIRECT' OR c.id = %s",
            event,
            came.emails[0].campaign_id,
        )
    told = "SELECT data->>'name' AS name FROM webhook_deliveries ORDER BY id"
    before = [one["name"] for one in await rows(pool, told)]
    assert "Answer: Your illness" in before
    erased = await api.post("/api/recipients/erase", json={"email": posted["recipient"]})
    assert erased.json()["emails"] == 2, erased.text
    erased_names = ["(erased)" if name == "Answer: Your illness" else name for name in before]
    assert [one["name"] for one in await rows(pool, told)] == erased_names

    # As a version before left them, which erased the campaign alone.
    await execute(
        pool,
        'UPDATE webhook_deliveries SET data = data || \'{"name": "Answer: Your illness"}\''
        " WHERE data->>'name' = '(erased)'",
    )
    await execute(pool, (MIGRATIONS / "0090_webhooks.sql").read_text())
    assert [one["name"] for one in await rows(pool, told)] == erased_names


async def test_an_answer_goes_at_once_as_it_was_written_and_in_the_thread(
    api: httpx.AsyncClient, pool: Pool, came: Came
) -> None:
    await execute(pool, "UPDATE workspaces SET postal_address = 'Main St 1, Springfield'")
    await execute(pool, "UPDATE emails SET message_id = '<m' || id || '@ours.example>'")
    reply = await came.back("REPLY", text="When do we meet?")
    posted = await _answered(api, reply)
    assert (posted["recipient"], posted["waiting"]["reason"]) == ("r1@example.com", "NO_WORKER")
    workspace_id, sender_id, sent = came.inbox.workspace_id, came.emails[0].sender_id, came.emails[0]
    _, builder = await message_builder(pool, workspace_id, posted["campaignId"], sender_id, one_click=True)
    texts = [source.text for source in builder.liquid]
    built = builder.build("r1@example.com", {}, "<own@ours.example>", datetime.now(UTC), texts)
    message = message_from_bytes(built.content)
    assert message["Subject"] == "Re: s"
    assert message["In-Reply-To"] == "<1@x.example>"
    assert message["References"].split() == [f"<m{sent.id}@ours.example>", "<1@x.example>"]
    assert message["List-Unsubscribe"] is None
    assert b"Springfield" not in built.content  # a postal address is for what nobody asked for
    seen = (await api.get(f"/api/responses/{reply}")).json()
    assert (seen["answeredAt"] is not None, seen["readAt"] is not None) == (True, True)
    campaigns = (await api.get("/api/campaigns")).json()["items"]
    assert posted["campaignId"] not in [one["id"] for one in campaigns]

    # A response to the answer is in the same thread, and found by the campaign that it began with.
    answer = await row(pool, "SELECT id, campaign_id, stream_id FROM emails WHERE id = %s", posted["emailId"])
    came.emails.append(sent._replace(**answer))
    again = await came.back("REPLY", len(came.emails), text="Gladly")
    assert await _thread(api, again) == ["b", "When do we meet?", ANSWER["body"], "Gladly"]
    assert await _thread(api, reply) == await _thread(api, again)
    of_campaign = await api.get("/api/responses", params={"campaignId": sent.campaign_id})
    assert [one["id"] for one in of_campaign.json()["items"]] == [again, reply]
    second = await _answered(api, again, body="Good", bodyHtml=None, subject="Something else")
    found = await row(
        pool, "SELECT subject, thread, thread_email_id FROM campaigns WHERE id = %s", second["campaignId"]
    )
    assert (found["subject"], found["thread_email_id"]) == ("Something else", sent.id)
    assert found["thread"] == [f"m{sent.id}@ours.example", "1@x.example", "2@x.example"]


async def test_an_answer_that_is_repeated_with_its_key_goes_once(
    api: httpx.AsyncClient, pool: Pool, came: Came
) -> None:
    reply = await came.back("REPLY")
    key = {"Idempotency-Key": "tuesday"}

    async def send(**more: Any) -> httpx.Response:
        return await api.post(f"/api/responses/{reply}/answer", json=ANSWER | more, headers=key)

    first, second, third = await asyncio.gather(send(), send(), send())
    assert first.status_code == 201
    assert first.json() == second.json() == third.json()
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE kind = 'DIRECT'") == 1
    assert problem(await send(body="Friday?"), 409)
    assert "Idempotency-Key" in wrong_fields(
        await api.post(f"/api/responses/{reply}/answer", json=ANSWER, headers={"Idempotency-Key": ""})
    )
    await api.post("/api/recipients/erase", json={"email": "r1@example.com"})
    assert (await send()).status_code == 404  # there is nothing to answer any more
    assert await value(pool, "SELECT count(*) FROM campaigns WHERE kind = 'DIRECT'") == 1


async def test_answers_are_exported_and_erased_with_whom_they_went_to(
    api: httpx.AsyncClient, pool: Pool, came: Came
) -> None:
    posted = await _answered(api, await came.back("REPLY"))
    exported = await api.get("/api/recipients/export", params={"email": "r1@example.com"})
    assert "Thursday at ten?" in exported.text
    erased = await api.post("/api/recipients/erase", json={"email": "r1@example.com"})
    assert erased.json()["emails"] == 2, erased.text
    kept = await value(pool, "SELECT to_jsonb(c)::text FROM campaigns c WHERE id = %s", posted["campaignId"])
    assert "Thursday" not in kept
    assert "x.example" not in kept


async def test_what_cannot_be_answered_says_why(api: httpx.AsyncClient, came: Came) -> None:
    bounce, reply = await came.back("BOUNCE", report=HARD), await came.back("REPLY", 2)
    refused = await api.post(f"/api/responses/{bounce}/answer", json=ANSWER)
    assert "no person wrote" in problem(refused, 409)["detail"]
    assert (await api.post("/api/responses/999/answer", json=ANSWER)).status_code == 404
    assert "body" in wrong_fields(await api.post(f"/api/responses/{reply}/answer", json={"body": " "}))
    assert "subject" in wrong_fields(
        await api.post(f"/api/responses/{reply}/answer", json=ANSWER | {"subject": "a\nb"})
    )
    await api.post("/api/suppressions", json={"emails": ["r2@example.com"]})
    refused = await api.post(f"/api/responses/{reply}/answer", json=ANSWER)
    assert problem(refused, 409)["type"].endswith("suppressed")
    assert (await api.get(f"/api/responses/{reply}")).json()["answeredAt"] is None
    assert (await _answered(api, reply, despiteSuppression=True))["recipient"] == "r2@example.com"


async def test_many_are_marked_at_once(api: httpx.AsyncClient, came: Came) -> None:
    ids = [await came.back("REPLY", number) for number in (1, 2)]
    marked = await api.patch("/api/responses", json={"ids": [*ids, 999], "label": "meeting", "read": True})
    assert marked.json() == {"changed": 2}, marked.text
    assert (await api.get("/api/responses/labels")).json() == [{"label": "meeting", "n": 2}]
    assert (await api.get("/api/responses/unread")).json()["REPLY"] == 0
    marked = await api.patch("/api/responses", json={"ids": ids[:1], "label": "", "read": False})
    assert (await api.get("/api/responses/labels")).json() == [{"label": "meeting", "n": 1}]
    assert (await api.get("/api/responses", params={"address": "R1@example.com", "unread": True})).json()["items"]
    for wrong in ({"ids": []}, {"ids": ids, "label": "x" * 51}, {"ids": list(range(1, 502))}):
        assert (await api.patch("/api/responses", json=wrong)).status_code == 422


async def test_who_reads_them_is_for_the_workspace_to_say(
    api: httpx.AsyncClient, pool: Pool, user: User, came: Came
) -> None:
    reply = await came.back("REPLY")
    told = await api.patch(f"/api/workspaces/{user.workspace_id}", json={"responsesFor": "owner"})
    assert told.json()["responsesFor"] == "owner", told.text
    assert (await api.get(f"/api/responses/{reply}")).status_code == 200
    other_id = await value(pool, "INSERT INTO users (email) VALUES ('second@example.com') RETURNING id")
    await execute(
        pool,
        "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'owner')",
        *(user.workspace_id, other_id),
    )
    await execute(pool, "UPDATE members SET role = 'member' WHERE user_id = %s", user.id)
    for path in ("", "/unread", "/labels", f"/{reply}", f"/{reply}/thread", f"/{reply}/html"):
        assert "owner" in problem(await api.get(f"/api/responses{path}"), 403)["detail"], path
    assert (await api.post(f"/api/responses/{reply}/answer", json=ANSWER)).status_code == 403
    assert (await api.patch(f"/api/responses/{reply}", json={"read": True})).status_code == 403
    await execute(pool, "UPDATE workspaces SET responses_for = 'member'")
    assert (await api.get(f"/api/responses/{reply}")).status_code == 200


async def test_a_reply_that_is_none_lets_the_campaign_go_on_and_one_that_is_stops_it(
    api: httpx.AsyncClient, pool: Pool, came: Came
) -> None:
    email_id, campaign_id = came.emails[2].id, came.emails[2].campaign_id
    reply = await came.back("REPLY", 3)
    assert await check_conservation(pool, campaign_id) == {"SENT": 2, "CANCELLED": 1}
    another = await came.back("REPLY", 3)
    await api.patch(f"/api/responses/{another}", json={"kind": "AUTO_REPLY"})
    assert await check_conservation(pool, campaign_id) == {"SENT": 2, "CANCELLED": 1}  # the other one is a reply still
    assert (await api.patch(f"/api/responses/{reply}", json={"kind": "AUTO_REPLY"})).status_code == 200
    assert await check_conservation(pool, campaign_id) == {"SENT": 2, "SCHEDULED": 1}
    assert await value(pool, "SELECT cancel_reason FROM emails WHERE id = %s", email_id) is None
    assert (await api.patch(f"/api/responses/{reply}", json={"kind": "REPLY"})).status_code == 200
    assert await check_conservation(pool, campaign_id) == {"SENT": 2, "CANCELLED": 1}
    await api.post("/api/suppressions", json={"emails": ["r3@example.com"]})
    assert (await api.patch(f"/api/responses/{reply}", json={"forgotten": True})).status_code == 200
    assert await check_conservation(pool, campaign_id) == {"SENT": 2, "CANCELLED": 1}


async def test_pictures_that_lie_elsewhere_are_loaded_only_when_asked_for(
    api: httpx.AsyncClient, pool: Pool, came: Came
) -> None:
    reply = await came.back("REPLY")
    assert (await api.get(f"/api/responses/{reply}/html")).status_code == 404
    await execute(pool, "UPDATE responses SET html = '<img src=\"https://there.example/a.png\">'")
    shown = await api.get(f"/api/responses/{reply}/html")
    assert "there.example" in shown.text
    assert "https:" not in shown.headers["Content-Security-Policy"]
    shown = await api.get(f"/api/responses/{reply}/html", params={"images": True})
    assert "img-src data: https:" in shown.headers["Content-Security-Policy"]
    assert shown.headers["Content-Security-Policy"].startswith("sandbox;")
    assert shown.headers["Referrer-Policy"] == "no-referrer"


def test_nothing_of_an_answer_is_filled_in() -> None:
    for text in ("{{ a }}", "{{{ a }}}", "{%% if %}", "{", "}}{{", "{ {", "{# #}"):
        template = Template.parse(Source(as_it_is(text)))
        assert template is None or template.render({}) == text, text


def test_a_subject_is_answered_once() -> None:
    assert subject_of_answer("Roof") == "Re: Roof"
    assert subject_of_answer("RE: Roof") == "RE: Roof"
    assert subject_of_answer("Aw: Re: Roof\r\n x") == "Aw: Re: Roof x"
    assert subject_of_answer("") == "Re:"
    assert len(subject_of_answer("x" * 2_000)) < 1_000
