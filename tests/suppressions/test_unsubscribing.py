"""The page to unsubscribe, as people's browsers, providers' servers and link scanners call it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from app.db import Pool, transaction
from app.domain.operations import installation
from app.domain.suppressions.suppress import owe_nothing_new
from app.http.suppressions.words import WORDS, language_of
from app.mail.opaque import Links
from app.settings import Settings
from tests.support.api import api_client, schedule
from tests.support.engine import execute, row, rows, value
from tests.support.ledger import token_of
from tests.support.waiting import BOUND_S, clear_of_the_quarter

ADA = "ada@example.com"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = "List-Unsubscribe=One-Click"
MULTIPART = (
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    {"Content-Type": "multipart/form-data; boundary=x"},
)


@pytest.fixture
async def visitor(settings: Settings, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a link and nothing else, from a public address."""
    async with api_client(settings, database_url, peer="8.8.8.8") as client:
        yield client


@pytest.fixture
async def link(api: httpx.AsyncClient, pool: Pool) -> str:
    """The path of Ada's link, in an email of a campaign that waits."""
    later = "2090-01-01T09:00:00Z"
    campaign = (await schedule(api, [ADA, "bob@example.com"], startTime=later))["campaign"]
    return f"/u/{await token_of(pool, campaign['id'], ADA)}"


async def suppressed(pool: Pool) -> list[tuple[str | None, str]]:
    return [(r["name"], r["reason"]) for r in await rows(pool, "SELECT name, reason FROM suppressions ORDER BY id")]


async def test_looking_changes_nothing_however_often_scanners_do(
    visitor: httpx.AsyncClient, pool: Pool, link: str
) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        for headers in ({"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"User-Agent": "Barracuda"}):
            answer = await visitor.request(method, link, headers=headers)
            assert answer.status_code in {200, 204}, answer.text
    assert (await visitor.head(link)).content == b""
    assert await suppressed(pool) == []


async def test_the_page_names_the_sender_and_shows_little_of_the_address(visitor: httpx.AsyncClient, link: str) -> None:
    page = await visitor.get(link)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "owner@example.com" in page.text
    assert "a…@example.com" in page.text
    assert ADA not in page.text
    assert page.text.count("<button") == 1
    assert "<script" not in page.text
    assert "set-cookie" not in page.headers
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (ONE_CLICK, FORM),
        MULTIPART,
        ("", {}),
        (ONE_CLICK, {"Content-Type": "text/plain"}),
        ("--x\r\nbroken", {"Content-Type": "multipart/form-data; boundary=y"}),
        ("\xff\xfe=&&&&", FORM),
        (ONE_CLICK, FORM | {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}),
        (ONE_CLICK, FORM | {"Origin": "null"}),
    ],
)
async def test_one_post_is_enough_whatever_is_in_it_and_a_second_one_harmless(
    visitor: httpx.AsyncClient, pool: Pool, link: str, body: str, headers: dict[str, str]
) -> None:
    for _ in range(2):
        answer = await visitor.post(link, content=body.encode("latin-1"), headers=headers)
        assert answer.status_code == 200, answer.text
        assert "will get no more emails" in answer.text
    assert await suppressed(pool) == [(ADA, "UNSUBSCRIBED")]
    assert await value(pool, "SELECT status FROM emails WHERE recipient = %s", ADA) == "CANCELLED"
    assert await value(pool, "SELECT status FROM emails WHERE recipient = 'bob@example.com'") == "SCHEDULED"


@pytest.mark.parametrize("behind", [".", "),", "%3E", "*", "_", "?utm_source=mail", "/", "%20"])
async def test_what_mail_programs_put_behind_a_link_does_not_break_it(
    visitor: httpx.AsyncClient, pool: Pool, link: str, behind: str
) -> None:
    assert "a…@example.com" in (await visitor.get(link + behind)).text
    assert await suppressed(pool) == []
    assert (await visitor.post(link + behind, content=ONE_CLICK, headers=FORM)).status_code == 200
    assert await suppressed(pool) == [(ADA, "UNSUBSCRIBED")]


async def test_a_mistake_is_taken_back_within_a_day(visitor: httpx.AsyncClient, pool: Pool, link: str) -> None:
    done = await visitor.post(link, content=ONE_CLICK, headers=FORM)
    assert 'name="undo"' in done.text
    undone = await visitor.post(link, content="undo=yes", headers=FORM)
    assert 'name="List-Unsubscribe"' in undone.text
    assert await suppressed(pool) == []
    assert await value(pool, "SELECT status FROM emails WHERE recipient = %s", ADA) == "CANCELLED"
    await visitor.post(link, content=ONE_CLICK, headers=FORM)
    await execute(pool, "UPDATE suppressions SET created_at = now() - interval '25 hours'")
    assert 'name="undo"' not in (await visitor.get(link)).text
    late = await visitor.post(link, content="undo=yes", headers=FORM)
    assert "will get no more emails" in late.text
    assert await suppressed(pool) == [(ADA, "UNSUBSCRIBED")]


async def test_a_link_is_no_lever_to_keep_the_workspace_busy(visitor: httpx.AsyncClient, pool: Pool, link: str) -> None:
    """Each repetition took the lock for which all of the workspace wait, and told webhooks."""
    await clear_of_the_quarter()
    await visitor.post(link, content=ONE_CLICK, headers=FORM)
    workspace = await value(pool, "SELECT id FROM workspaces LIMIT 1")
    async with transaction(pool) as conn:
        await owe_nothing_new(conn, workspace)
        again = await asyncio.wait_for(visitor.post(link, content=ONE_CLICK, headers=FORM), BOUND_S)
    assert "will get no more emails" in again.text
    statuses: list[int] = []
    for _ in range(11):
        statuses.append((await visitor.post(link, content="undo=yes", headers=FORM)).status_code)
        assert (await visitor.post(link, content=ONE_CLICK, headers=FORM)).status_code == 200
    assert statuses == [200] * 10 + [429]
    assert await suppressed(pool) == [(ADA, "UNSUBSCRIBED")]


async def test_who_answered_or_complained_before_says_it_by_the_link_too(
    visitor: httpx.AsyncClient, pool: Pool, link: str
) -> None:
    await visitor.post(link, content=ONE_CLICK, headers=FORM)
    await execute(pool, "UPDATE suppressions SET reason = 'COMPLAINED', email_id = NULL")
    await visitor.post(link, content=ONE_CLICK, headers=FORM)
    assert await suppressed(pool) == [(ADA, "UNSUBSCRIBED")]


async def test_who_unsubscribed_by_another_email_takes_that_back_by_its_link_alone(
    api: httpx.AsyncClient, visitor: httpx.AsyncClient, pool: Pool, link: str
) -> None:
    other = (await schedule(api, [ADA, "bob@example.com"]))["campaign"]["id"]
    await visitor.post(link)
    page = await visitor.post(f"/u/{await token_of(pool, other, ADA)}", content="undo=yes", headers=FORM)
    assert "will get no more emails" in page.text
    assert 'name="undo"' not in page.text
    assert await suppressed(pool) == [(ADA, "UNSUBSCRIBED")]


@pytest.mark.parametrize("gone", ["removed", "erased"])
async def test_a_link_works_when_its_email_is_gone(
    visitor: httpx.AsyncClient, pool: Pool, link: str, gone: str, api: httpx.AsyncClient, user: object
) -> None:
    if gone == "removed":
        await execute(pool, "DELETE FROM emails WHERE recipient = %s", ADA)
    else:
        assert (await api.post("/api/recipients/erase", json={"email": ADA})).status_code == 200
    page = await visitor.get(link)
    assert page.status_code == 200
    assert "@" not in re.sub(r"<style>.*</style>", "", page.text, flags=re.DOTALL)
    done = await visitor.post(link, content=ONE_CLICK, headers=FORM)
    assert "No more of these emails will come." in done.text
    known = await value(pool, "SELECT key = address_digest(%s) AND name IS NULL FROM suppressions", ADA)
    assert known


async def test_an_id_that_is_another_emails_by_now_shows_nothing_of_it(
    visitor: httpx.AsyncClient, pool: Pool, link: str
) -> None:
    """As after a backup was restored, and the ids that it did not have were given out anew."""
    email = await row(pool, "SELECT workspace_id, id FROM emails WHERE recipient = %s", ADA)
    keys = await installation.read_keys(pool)
    token = Links("", keys).token(email["workspace_id"], email["id"], "carl@example.com")
    assert "owner@example.com" not in (await visitor.get(f"/u/{token}")).text
    await visitor.post(f"/u/{token}")
    assert await value(pool, "SELECT key = address_digest('carl@example.com') FROM suppressions")


async def test_broken_and_unknown_links_get_the_same_plain_page(
    visitor: httpx.AsyncClient, pool: Pool, link: str
) -> None:
    keys = await installation.read_keys(pool)
    unknown = Links("", keys).token(999, 1, ADA)
    broken = [
        link[:-1],
        f"{link}x",
        link[:-2] + ("AA" if link[-2:] != "AA" else "QQ"),
        "/u/x",
        f"/u/{unknown}",
        "/u/%00",
        "/u",
        "/u/",
        f"{link[:20]}%2F{link[21:]}",
        f"{link}/x/y",
        link.swapcase().replace("/U/", "/u/"),
        f"{link}{'A' * 4_000}",
    ]
    pages = {(page.status_code, page.text) for page in [await visitor.get(path) for path in broken]}
    assert len(pages) == 1
    ((status, text),) = pages
    assert status == 404
    assert "This link is not valid" in text
    assert "@" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)
    assert {(await visitor.post(path)).status_code for path in broken} == {404}
    assert (await visitor.head(f"/u/{unknown}")).status_code == 404
    assert await suppressed(pool) == []


async def test_only_broken_links_are_counted_by_where_they_come_from(
    visitor: httpx.AsyncClient, settings: Settings, database_url: str, pool: Pool, link: str
) -> None:
    await clear_of_the_quarter()
    statuses = [(await visitor.get("/u/x")).status_code for _ in range(101)]
    assert statuses == [404] * 100 + [429]
    page = await visitor.get("/u/x", headers={"Accept-Language": "de"})
    assert int(page.headers["retry-after"]) > 0
    assert "Viertelstunde" in page.text
    assert (await visitor.post(link, content=ONE_CLICK, headers=FORM)).status_code == 200
    async with api_client(settings, database_url, peer="8.8.4.4") as other:
        assert (await other.get("/u/x")).status_code == 404


async def test_behind_a_proxy_visitors_are_counted_by_their_own_address(
    settings: Settings, database_url: str, link: str
) -> None:
    await clear_of_the_quarter()
    behind = msgspec.structs.replace(settings, trusted_proxies=("10.0.0.0/8",))
    async with api_client(behind, database_url, peer="10.0.0.1") as client:
        for _ in range(101):
            await client.get("/u/x", headers={"X-Forwarded-For": "8.8.8.8"})
        blocked = await client.get("/u/x", headers={"X-Forwarded-For": "8.8.8.8"})
        assert blocked.status_code == 429
        assert (await client.get("/u/x", headers={"X-Forwarded-For": "1.1.1.1"})).status_code == 404


@pytest.mark.parametrize("accepted", ["de-AT,de;q=0.9,en;q=0.8", "fr", "es-MX", "it", "nl", "pt-BR", "pl", "en"])
async def test_the_page_speaks_the_readers_language(visitor: httpx.AsyncClient, link: str, accepted: str) -> None:
    page = await visitor.get(link, headers={"Accept-Language": accepted})
    language = accepted[:2]
    assert page.headers["content-language"] == language
    assert f'<html lang="{language}">' in page.text
    assert json.dumps(WORDS[language].button, ensure_ascii=False).strip('"').replace("'", "&#39;") in page.text


def test_the_language_is_the_one_that_is_liked_best() -> None:
    assert language_of("ja, de;q=0.3, pl;q=0.7, en;q=0.1") == "pl"
    assert [language_of(text) for text in ("", "*", "ja", "de;q=0", "de;q=x", ";;,,=", "x" * 5000)] == ["en"] * 7
    assert language_of("DE-ch") == "de"


async def test_what_it_is_sent_is_bounded(visitor: httpx.AsyncClient, pool: Pool, link: str) -> None:
    answer = await visitor.post(link, content=b"x" * 20_000, headers=FORM)
    assert answer.status_code == 413
    assert "<h1>" in answer.text
    assert await suppressed(pool) == []


async def test_a_sender_by_a_dangerous_name_is_only_text(
    visitor: httpx.AsyncClient, pool: Pool, link: str, api: httpx.AsyncClient
) -> None:
    await execute(pool, "UPDATE senders SET display_name = '<script>{0}{recipient}</script>'")
    page = (await visitor.get(link)).text
    assert "<script" not in page
    assert "&lt;script&gt;{0}{recipient}&lt;/script&gt;" in page


async def test_no_log_has_the_link(
    visitor: httpx.AsyncClient, link: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("app.domain.suppressions.unsubscribing.look", fails)
    caplog.set_level(logging.WARNING, logger="httpx")  # the visitor's own
    page = await visitor.get(link)
    assert page.status_code == 500
    assert "That did not work" in page.text
    assert "a link to unsubscribe failed" in caplog.text
    assert link not in caplog.text


async def test_other_methods_are_not_taken(visitor: httpx.AsyncClient, link: str) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert (await visitor.request(method, link)).status_code == 405
