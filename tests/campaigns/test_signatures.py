"""The signature that a sender's messages end with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.campaigns.building import message_builder
from app.domain.ledger import retention
from app.mail.enclosed import Enclosed
from app.settings import Settings
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import execute, register_worker, rows, running_workers, settings_for, wait_until_settled
from tests.support.pictures import PNG
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
    none = (await api.get(place)).json()
    assert (none["text"], none["html"]) == ("", None)
    kept = (await put(api, sender_id, **SIGNATURE)).json()
    assert (await api.get(place)).json() == kept == SIGNATURE | {"textsVersion": kept["textsVersion"]}
    assert (await put(api, sender_id, text="")).json() == none
    problem(await put(api, 10_000, text="x"), 404)
    problem(await api.get("/api/senders/10000/signature"), 404)


async def test_a_preview_quotes_the_message_before_with_its_signature(api: httpx.AsyncClient) -> None:
    """As it is sent; the postal address and a link stand at the end of the whole alone."""
    sender_id = await default_sender(api)
    await put(api, sender_id, **SIGNATURE)
    message = {"subject": "x", "body": "Later.", "bodyHtml": "<p>Later.</p>", "email": "ada@example.com"}
    earlier = {"body": "Before.", "bodyHtml": "<p>Before.</p>"}
    asked = message | {"senderId": sender_id, "quoted": earlier}
    shown = (await api.post("/api/campaigns/render", json=asked)).json()
    assert shown["text"].startswith("Later.\n\nAnn Lee\nACME & Co")
    assert "> Before.\n>\n> Ann Lee\n> ACME & Co" in shown["text"]
    assert shown["html"].count("<b>Ann</b> Lee") == 2


async def test_who_changes_a_signature_is_told_what_somebody_else_has_changed_meanwhile(
    api: httpx.AsyncClient,
) -> None:
    sender_id = await default_sender(api)
    place = f"/api/senders/{sender_id}/signature"
    version = (await api.get(place)).json()["textsVersion"]
    theirs = (await put(api, sender_id, text="Theirs", textsVersion=version)).json()
    told = problem(await put(api, sender_id, text="Mine", textsVersion=version), 409)
    assert told["type"].endswith(":texts_changed")
    assert (await api.get(place)).json() == theirs, "nothing is changed"
    assert (await put(api, sender_id, text="Mine", textsVersion=theirs["textsVersion"])).json()["text"] == "Mine"


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


async def test_a_signatures_pictures_go_along_and_stay_for_as_long_as_it_does(
    api: httpx.AsyncClient, pool: Pool, user: User
) -> None:
    async def upload(name: str, content: bytes) -> int:
        return (await api.post("/api/files", files={"file": (name, content)})).json()["id"]

    one, _ = await two_senders(api)
    logo, svg, loose = await upload("logo.png", PNG), await upload("logo.svg", b"<svg/>"), await upload("x.png", PNG)
    large = await upload("large.png", PNG + bytes(1_000_000))
    for shown, words in ((svg, "no picture"), (large, "1 MB together"), (999, "not kept")):
        answer = await api.put(f"/api/senders/{one}/signature", json={"text": "x", "html": picture(shown)})
        assert words in wrong_fields(answer)["html"]
    await put(api, one, text="One", html=picture(logo))
    later = {"startTime": "2030-01-01T00:00:00Z", "senderIds": [one]}
    made = await schedule(api, ["p@example.com"], bodyHtml=f"<p>Hi</p>{picture(loose)}", **later)
    await put(api, one, text="")  # the campaign keeps what it has
    _, builder = await message_builder(pool, user.workspace_id, made["campaign"]["id"], one, one_click=False)
    built = builder.build("p@example.com", {}, "<1@example.com>", datetime.now(UTC))
    assert [part.id for part in built.rest if isinstance(part, Enclosed)] == [loose, logo]
    assert built.content.count(b'src="cid:') == 2
    token = await register_worker(pool, "one")
    chore = next(one for one in retention.chores(Settings()) if one.what == "files")
    await execute(pool, "UPDATE files SET used_at = now() - interval '8 days'")
    while await retention.remove_batch(pool, token, chore) is not None:
        pass
    assert {file["id"] for file in await rows(pool, "SELECT id FROM files")} == {logo, loose}


def picture(file_id: int) -> str:
    return f'<p><img src="/api/files/{file_id}" alt="us"></p>'
