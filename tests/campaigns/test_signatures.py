"""What a sender's messages end with."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.db import Pool
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
