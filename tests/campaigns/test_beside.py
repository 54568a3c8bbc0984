"""Headers of one's own, copies and files over HTTP: taken, refused with a reason, kept with the text, erased."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from app.db import Pool
from app.domain.ledger import retention
from app.mail.enclosed import PIECE
from app.mail.pictures import MOST_PIXELS, picture_of
from app.settings import Settings
from tests.support.api import problem, schedule, wrong_fields
from tests.support.engine import execute, register_worker, row, rows, value
from tests.support.pictures import GIF, JPEG, PNG, WEBP, png

BESIDE: dict[str, Any] = {
    "replyTo": "Desk@Example.net ",
    "headers": {"X-Deal": "{{ email }}"},
    "cc": ["Boss@EXAMPLE.net"],
    "bcc": ["crm@example.net"],
}
LATER = "2030-01-31T08:00:00Z"


async def upload(api: httpx.AsyncClient, name: str = "offer.pdf", content: bytes = b"%PDF-1.7 x") -> dict[str, Any]:
    answer = await api.post("/api/files", files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_campaign_keeps_what_goes_along(api: httpx.AsyncClient) -> None:
    file = await upload(api)
    made = await schedule(api, startTime=LATER, attachments=[file["id"]], **BESIDE)
    campaign = (await api.get(f"/api/campaigns/{made['campaign']['id']}")).json()
    told = {name: campaign[name] for name in ("replyTo", "headers", "cc", "bcc", "attachments")}
    normal = {"replyTo": "Desk@example.net", "cc": ["Boss@example.net"], "attachments": [file]}
    assert told == BESIDE | normal
    email = (await api.get("/api/emails")).json()["items"][0]["id"]
    message = (await api.get(f"/api/emails/{email}/message")).json()
    assert message["headers"] == {"X-Deal": "ada@example.com"}
    assert (message["cc"], message["attachments"]) == (["Boss@example.net"], [file])


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"replyTo": "nobody"}, "replyTo", "@-sign"),
        ({"replyTo": "a@example.com\r\nBcc: x@example.com"}, "replyTo", ""),
        ({"cc": ["a@example.com", "b@"]}, "cc", 'has "b@"'),
        ({"cc": ["a@example.com, b@example.com"]}, "cc", ""),
        ({"cc": ["jörg@example.com"]}, "cc", "ASCII"),
        ({"cc": ["a@example.com"], "bcc": ["A@example.com"]}, "cc", "twice"),
        ({"cc": [f"c{n}@example.com" for n in range(3)], "bcc": [f"b{n}@example.com" for n in range(3)]}, "cc", "6"),
        ({"headers": {"Subject": "x"}}, "headers.Subject", "X-"),
        ({"headers": {"X-Spam-Status": "No"}}, "headers.X-Spam-Status", "servers"),
        ({"headers": {"X-SMTPAPI": '{"to": ["x@example.com"]}'}}, "headers.X-SMTPAPI", "servers"),
        ({"headers": {"X-Bcc": "x@example.com"}}, "headers.X-Bcc", "servers"),
        ({"headers": {"X-A: b\r\nBcc": "x"}}, "headers.X-A: b\r\nBcc", "X-"),
        ({"headers": {"X-A": "x\r\nBcc: y@example.com"}}, "headers.X-A", "line break"),
        ({"headers": {"X-A": " "}}, "headers.X-A", "empty"),
        ({"headers": {"X-A": "x" * 994}}, "headers.X-A", "998"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers", "twice"),
        ({"headers": {f"X-{n}": "x" for n in range(11)}}, "headers", "11"),
        ({"headers": {"X-A": "{{ nobody_has_it }}"}}, "headers.X-A", "unknown merge field"),
        ({"headers": {"X-A": "{{ oh"}}, "headers.X-A", ""),
        ({"attachments": [77]}, "attachments", "not kept"),
        ({"attachments": [2**63]}, "attachments[0]", ""),
        ({"bodyHtml": '<img src="/api/files/77">'}, "bodyHtml", "not kept"),
    ],
)
async def test_what_is_wrong_is_said(api: httpx.AsyncClient, wrong: dict[str, Any], field: str, words: str) -> None:
    campaign = {"subject": "Hello", "body": "A text.", "recipients": ["ada@example.com"], **wrong}
    for call in ("schedule", "preview"):
        found = wrong_fields(await api.post(f"/api/campaigns/{call}", json=campaign))
        assert words in found[field], found


async def test_a_limit_that_leaves_no_room_for_copies_is_named(api: httpx.AsyncClient) -> None:
    campaign = {"subject": "Hello", "body": "A text.", "recipients": ["ada@example.com"], "hourlyLimit": 2}
    copied = campaign | {"cc": ["a@example.net", "b@example.net"]}
    answer = wrong_fields(await api.post("/api/campaigns/schedule", json=copied))
    assert "3 addresses" in answer["cc"]
    assert (await api.post("/api/campaigns/schedule", json=copied | {"cc": ["a@example.net"]})).status_code == 201


async def test_a_form_takes_files_along(api: httpx.AsyncClient, pool: Pool) -> None:
    kept = await upload(api, "first.pdf")
    fields = {
        "subject": "Hello",
        "body": "A text.",
        "recipients": "ada@example.com",
        "startTime": LATER,
        "headers": '{"X-Deal": "7"}',
        "cc": '["boss@example.net"]',
    }
    files = [("attachments", ("two.pdf", b"%PDF 2")), ("attachments", ("three.pdf", b"%PDF 3"))]
    looked = await api.post("/api/campaigns/preview", data=fields, files=files)
    assert looked.status_code == 200, looked.text
    assert await value(pool, "SELECT count(*) FROM files") == 1
    first = await api.post("/api/campaigns/schedule", data=fields, files=files, headers={"Idempotency-Key": "k"})
    assert first.status_code == 201, first.text
    campaign = first.json()["campaign"]
    assert [file["name"] for file in campaign["attachments"]] == ["two.pdf", "three.pdf"]
    assert (campaign["headers"], campaign["cc"]) == ({"X-Deal": "7"}, ["boss@example.net"])
    again = await api.post("/api/campaigns/schedule", data=fields, files=files, headers={"Idempotency-Key": "k"})
    assert again.json() == first.json()
    other = [("attachments", ("two.pdf", b"%PDF 2")), ("attachments", ("three.pdf", b"%PDF 4"))]
    clash = await api.post("/api/campaigns/schedule", data=fields, files=other, headers={"Idempotency-Key": "k"})
    assert clash.status_code == 409
    ids = {name: text for name, text in fields.items() if name != "recipients"}
    ids["attachments"] = json.dumps([kept["id"]])
    named = await api.post("/api/campaigns/schedule", data=ids, files={"file": ("l.csv", b"email\nb@example.com\n")})
    assert [file["name"] for file in named.json()["campaign"]["attachments"]] == ["first.pdf"]


async def test_all_together_have_a_most(api: httpx.AsyncClient) -> None:
    half = await upload(api, "half.bin", bytes(6_000_000))
    whole = await upload(api, "whole.bin", bytes(4_000_001))
    campaign = {"subject": "Hello", "body": "x", "recipients": ["ada@example.com"]}
    answer = await api.post("/api/campaigns/schedule", json=campaign | {"attachments": [half["id"], whole["id"]]})
    assert "10.0 MB together" in wrong_fields(answer)["attachments"]
    beyond = await api.post("/api/files", files={"file": ("x.bin", bytes(10_000_001))})
    assert "10,000,000" in wrong_fields(beyond)["file"]
    nothing = await api.post("/api/files", files={"file": ("x.bin", b"")})
    assert "is empty" in wrong_fields(nothing)["file"]


async def test_programs_are_warned_of(api: httpx.AsyncClient) -> None:
    script = await upload(api, "setup.EXE", b"whatever")
    assert "Gmail" in script["warning"]
    disguised = await upload(api, "photo.jpg", b"MZ\x90\0")
    assert (disguised["isImage"], "is a program" in disguised["warning"]) == (False, True)
    assert (await upload(api, "logo.png", b"<svg/>"))["type"] == "application/octet-stream"
    campaign = {"subject": "Hello", "body": "x", "recipients": ["ada@example.com"], "attachments": [disguised["id"]]}
    hints = (await api.post("/api/campaigns/preview", json=campaign)).json()["hints"]
    assert disguised["warning"] in [hint["found"] for hint in hints]


async def test_files_come_back_as_they_were_and_run_nothing(api: httpx.AsyncClient) -> None:
    page = b"<script>alert(1)</script>" * PIECE
    file = await upload(api, "../../etc/\u202epage.html", page[:500_000])
    assert file["name"] == "page.html"
    got = await api.get(f"/api/files/{file['id']}")
    assert got.content == page[:500_000]
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    assert (await api.get("/api/files/999")).status_code == 404


@pytest.mark.parametrize(
    ("content", "type_"),
    [(PNG, "image/png"), (GIF, "image/gif"), (WEBP, "image/webp"), (JPEG, "image/jpeg")],
)
def test_pictures_are_told_by_their_bytes(content: bytes, type_: str) -> None:
    found = picture_of(content)
    assert found is not None
    assert found == (type_, 1, 1)
    for end in range(0, len(content) - 4, 3):  # never an error, and never a picture that is not whole
        assert picture_of(content[:end]) is None


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"", png(0, 1), png(MOST_PIXELS + 1, 1), b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_no_picture(content: bytes) -> None:
    assert picture_of(content) is None


async def test_html_shows_pictures_only_and_frames_hold_them(api: httpx.AsyncClient) -> None:
    picture, svg = await upload(api, "a.png", PNG), await upload(api, "b.svg", b"<svg/>")
    campaign = {"subject": "Hello", "recipients": ["ada@example.com"], "startTime": LATER}
    wrong = await api.post(
        "/api/campaigns/schedule", json=campaign | {"bodyHtml": f'<p>x</p><img src="/api/files/{svg["id"]}">'}
    )
    assert "no picture" in wrong_fields(wrong)["bodyHtml"]
    html = f'<p>x</p><img src="/api/files/{picture["id"]}">'
    made = await api.post("/api/campaigns/schedule", json=campaign | {"bodyHtml": html})
    assert made.status_code == 201, made.text
    shown = await api.get(f"/api/campaigns/{made.json()['campaign']['id']}/html")
    assert 'src="data:image/png;base64,' in shown.text


async def test_a_picture_that_is_shown_often_fills_no_memory(api: httpx.AsyncClient) -> None:
    """A file counted once, and was put at each of thousands of places."""
    logo, other = await upload(api, "a.png", PNG + bytes(50_000)), await upload(api, "b.png", PNG)
    often = f'<img src="/api/files/{logo["id"]}">' * 3000
    body = {"subject": "s", "body": "b", "email": "e@example.org"}
    for html, shown in ((often, 0), (f'{often}<img src="/api/files/{other["id"]}">', 1)):
        sent = {"request": (None, json.dumps(body | {"bodyHtml": html}))}
        answer = await api.post("/api/campaigns/render/html", files=sent)
        assert answer.status_code == 200, answer.text[:300]
        assert answer.text.count("data:image/png") == shown
        assert len(answer.text) < 1_000_000


async def test_templates_keep_it_and_changes_leave_the_rest(api: httpx.AsyncClient) -> None:
    file = await upload(api)
    body = {"name": "Offer", "subject": "Hello", "attachments": [file["id"]], **BESIDE}
    made = await api.post("/api/templates", json=body)
    assert made.status_code == 201, made.text
    template = made.json()
    assert (template["cc"], template["attachments"], template["headers"]) == (
        ["Boss@example.net"],
        [file],
        BESIDE["headers"],
    )
    changed = await api.patch(f"/api/templates/{template['id']}", json={"cc": [], "replyTo": None})
    anew = {name: changed.json()[name] for name in ("updatedAt", "textsVersion")}
    assert changed.json() == template | {"cc": [], "replyTo": None} | anew


async def test_a_change_makes_a_new_text_and_keeps_the_old(api: httpx.AsyncClient, pool: Pool) -> None:
    made = (await schedule(api, startTime=LATER, **BESIDE))["campaign"]
    url = f"/api/campaigns/{made['id']}"
    await execute(pool, "UPDATE streams SET free_at = now()")  # something of it was sent
    changed = await api.patch(url, json={"bcc": [], "headers": {"X-Deal": "8"}})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["bcc"], changed.json()["cc"]) == ([], ["Boss@example.net"])
    assert await row(pool, "SELECT copies, content_version FROM streams") == {"copies": 1, "content_version": 2}
    kept = await row(pool, "SELECT version, bcc, headers FROM campaign_contents")
    assert kept == {"version": 1, "bcc": ["crm@example.net"], "headers": BESIDE["headers"]}
    # Emails at a server were counted as they were: nobody more gets them.
    await execute(pool, "UPDATE emails SET status = 'SENDING', claimed_at = now(), claim_token = gen_random_uuid()")
    await execute(pool, "UPDATE streams SET scheduled = 0, sending = 1")
    assert "pause" in problem(await api.patch(url, json={"bcc": ["x@example.net"]}), 409)["detail"]
    assert (await api.patch(url, json={"cc": []})).status_code == 200


async def test_erasing_an_address_takes_it_out_of_copies(api: httpx.AsyncClient, pool: Pool) -> None:
    made = (await schedule(api, startTime=LATER, unsubscribe="link", **BESIDE))["campaign"]["id"]
    await api.post("/api/templates", json={"name": "Offer", **BESIDE})
    await execute(pool, "UPDATE senders SET reply_to = 'CRM@example.net'")
    said = "250 taken\nNo copy to {}: 550 5.1.1 no such user"
    attempt = (
        "INSERT INTO attempts (workspace_id, email_id, number, outcome, claimed_at, command, code, reply) "
        "SELECT workspace_id, id, %s, 'ACCEPTED', now(), '.', 250, %s FROM emails"
    )
    for number, address in enumerate(("CRM@example.net", "nocrm@example.net"), 1):
        await execute(pool, attempt, number, said.format(address))
    exported = (await api.get("/api/recipients/export", params={"email": "crm@example.net"})).json()
    assert exported["copies"] == [{"campaign": {"id": made, "name": "Hello"}, "contentVersion": 1, "as": ["bcc"]}]
    erased = await api.post("/api/recipients/erase", json={"email": "Crm@example.net"})
    assert erased.json()["copies"] == 1
    for table in ("campaigns", "campaign_contents", "templates", "senders"):
        query = "SELECT count(*) FROM {} x WHERE x::text ILIKE '%%crm@%%'"
        assert not await value(pool, query.format(table)), table
    assert await row(pool, "SELECT copies, content_version FROM streams") == {"copies": 1, "content_version": 2}
    replies = [found["reply"] for found in await rows(pool, "SELECT reply FROM attempts ORDER BY number")]
    assert replies == ["(erased: it named a recipient)", said.format("nocrm@example.net")]
    # The email that was sent had the link, and is shown with it.
    assert await row(pool, "SELECT version, unsubscribe FROM campaign_contents") == {
        "version": 1,
        "unsubscribe": "link",
    }
    assert (await api.get(f"/api/campaigns/{made}")).json()["cc"] == ["Boss@example.net"]
    assert (await api.post("/api/recipients/erase", json={"email": "desk@example.net"})).json()["copies"] == 1
    assert (await api.get(f"/api/campaigns/{made}")).json()["replyTo"] is None


async def test_files_go_once_nothing_names_them(api: httpx.AsyncClient, pool: Pool) -> None:
    attached, shown, kept, loose = [await upload(api, f"{n}.png", PNG) for n in range(4)]
    html = f'<img src="/api/files/{shown["id"]}">'
    made = await schedule(api, startTime=LATER, attachments=[attached["id"]], bodyHtml=html)
    await api.post("/api/templates", json={"name": "t", "attachments": [kept["id"]]})
    token = await register_worker(pool, "one")
    chore = next(one for one in retention.chores(Settings()) if one.what == "files")
    assert await retention.remove_batch(pool, token, chore) is None
    await execute(pool, "UPDATE files SET used_at = now() - interval '8 days'")
    while await retention.remove_batch(pool, token, chore) is not None:
        pass
    left = {found["id"] for found in await rows(pool, "SELECT id FROM files")}
    assert left == {attached["id"], shown["id"], kept["id"]}
    assert (await api.get(f"/api/files/{loose['id']}")).status_code == 404
    # A campaign names its files until its emails are removed.
    assert (await api.post(f"/api/campaigns/{made['campaign']['id']}/cancel")).status_code == 200
    await execute(pool, "UPDATE campaigns SET emails_removed_at = now()")
    await execute(pool, "UPDATE files SET used_at = now() - interval '8 days'")
    while await retention.remove_batch(pool, token, chore) is not None:
        pass
    assert {found["id"] for found in await rows(pool, "SELECT id FROM files")} == {kept["id"]}
