"""What a sender's messages end with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.campaigns.building import message_builder
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import running_workers, settings_for, wait_until_settled
from tests.support.sinkproc import Sink

SIGNATURE = {"text": "Ann Lee\nACME & Co", "html": "<p><b>Ann</b> Lee</p>"}


async def put(api: httpx.AsyncClient, sender_id: int, **signature: Any) -> httpx.Response:
    return await api.put(f"/api/senders/{sender_id}/signature", json=signature)


async def default_sender(api: httpx.AsyncClient) -> int:
    return (await api.get("/api/senders")).json()["items"][0]["id"]


async def shown(api: httpx.AsyncClient, campaign_id: int) -> dict[str, Any]:
    (email,) = (await api.get("/api/emails", params={"campaignId": campaign_id})).json()["items"]
    return (await api.get(f"/api/emails/{email['id']}/message")).json()


async def test_a_sender_has_none_until_it_has_one(api: httpx.AsyncClient) -> None:
    sender_id = await default_sender(api)
    place = f"/api/senders/{sender_id}/signature"
    assert (await api.get(place)).json() == {"text": "", "html": None}
    assert (await put(api, sender_id, **SIGNATURE)).json() == SIGNATURE
    assert (await api.get(place)).json() == SIGNATURE
    assert (await put(api, sender_id, text="")).json() == {"text": "", "html": None}
    problem(await put(api, 10_000, text="x"), 404)
    problem(await api.get("/api/senders/10000/signature"), 404)


@pytest.mark.parametrize(
    ("signature", "field"),
    [
        ({"text": "{{ name }}"}, "text"),
        ({"text": "Ann", "html": "{% if a %}"}, "html"),
        ({"text": " ", "html": "<p>Ann</p>"}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "a\0"}, "text"),
    ],
)
async def test_what_is_no_signature_is_refused(api: httpx.AsyncClient, signature: dict[str, str], field: str) -> None:
    assert list(wrong_fields(await put(api, await default_sender(api), **signature))) == [field]


async def test_messages_end_with_it_as_previewed_and_as_sent(
    api: httpx.AsyncClient, pool: Pool, database_url: str, sink: Sink
) -> None:
    sender_id = await default_sender(api)
    await put(api, sender_id, **SIGNATURE)
    message = {"subject": "S", "body": "Dear {{ name }},\n", "bodyHtml": "<p>Dear {{ name }},</p>"}
    request = message | {"email": "bob@example.com", "fields": {"name": "Bob"}, "senderId": sender_id}
    seen = (await api.post("/api/campaigns/render", json=request)).json()
    assert seen["text"] == "Dear Bob,\n\nAnn Lee\nACME & Co"
    assert "<div><p><b>Ann</b> Lee</p></div>\n</body>" in seen["html"]
    unknown = await api.post("/api/campaigns/render", json=request | {"senderId": 10_000})
    assert list(wrong_fields(unknown)) == ["senderId"]
    recipients = [{"email": "bob@example.com", "name": "Bob"}]
    campaign = (await schedule(api, recipients, **message))["campaign"]["id"]
    await put(api, sender_id, text="Somebody else")
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_settled(pool, campaign)
    became = await shown(api, campaign)
    assert (became["text"], became["html"], became["asSent"]) == (seen["text"], seen["html"], True)


async def test_a_text_alone_signs_html_too(api: httpx.AsyncClient) -> None:
    await put(api, await default_sender(api), text="Ann Lee\nACME & Co")
    campaign = (await schedule(api, ["bob@example.com"], body="", bodyHtml="<p>Hello</p>"))["campaign"]["id"]
    became = await shown(api, campaign)
    assert became["text"] == "Hello\n\nAnn Lee\nACME & Co"
    assert "<div><p>Ann Lee<br>ACME &amp; Co</p></div>" in became["html"]


async def two_senders(api: httpx.AsyncClient) -> list[int]:
    made = [await api.post("/api/senders", json={"email": f"{name}@example.com"}) for name in "ab"]
    return [response.json()["id"] for response in made]


async def endings(api: httpx.AsyncClient) -> set[tuple[int, str]]:
    """By sender, how the messages of its emails end."""
    emails = (await api.get("/api/emails")).json()["items"]
    texts = [(await api.get(f"/api/emails/{email['id']}/message")).json()["text"] for email in emails]
    return {(email["senderId"], text.splitlines()[-1]) for email, text in zip(emails, texts, strict=True)}


async def test_each_of_several_senders_signs_what_it_sends(
    api: httpx.AsyncClient, pool: Pool, user: User, database_url: str, sink: Sink
) -> None:
    one, other = await two_senders(api)
    await put(api, one, text="One")
    await put(api, other, text="Other")
    people = [f"p{number}@example.com" for number in range(6)]
    campaign = (await schedule(api, people, senderIds=[one, other]))["campaign"]["id"]
    await put(api, one, text="Changed")
    async with running_workers(database_url, settings_for(sink)):
        await wait_until_settled(pool, campaign)
    assert await endings(api) == {(one, "One"), (other, "Other")}
    for sender, name in ((one, "One"), (other, "Other")):
        _, builder = await message_builder(pool, user.workspace_id, campaign, sender, one_click=False)
        built = builder.build("p@example.com", {}, "<1@example.com>", datetime.now(UTC))
        assert built.content.decode().split()[-1] == name


async def test_a_sender_that_is_added_signs_and_those_before_it_end_as_they_did(api: httpx.AsyncClient) -> None:
    one, other = await two_senders(api)
    people = [f"p{number}@example.com" for number in range(6)]
    later = {"startTime": "2027-01-01T00:00:00Z", "delayBetweenMs": 60_000}
    made = await schedule(api, people, senderIds=[one], body="Hello", **later)
    await put(api, one, text="One")
    await put(api, other, text="Other")
    answer = await api.patch(f"/api/campaigns/{made['campaign']['id']}", json={"senderIds": [one, other]})
    assert answer.status_code == 200, answer.text
    assert await endings(api) == {(one, "Hello"), (other, "Other")}
