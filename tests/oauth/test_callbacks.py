"""Connecting a mailbox: callbacks that are not believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from psycopg.errors import LockNotAvailable

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User, create_user
from app.domain.workspaces import members
from app.errors import NotFound
from app.secrets import SecretBox
from app.settings import Settings
from tests.oauth.test_connecting import NO_CLAIMS, _of_id_token
from tests.support.api import api_client, authorization
from tests.support.engine import execute, value
from tests.support.mailboxes import ANN, START, begin, come_back, log_in
from tests.support.oauth import A_PAGE, TOO_MANY, Fault, MailProvider

# Callbacks that are not believed


async def _other_session(browser: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox) -> None:
    await log_in(browser, pool, user.id, LOCAL)


async def _other_user(browser: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox) -> None:
    other = await create_user(pool, box, "other@example.com", "battery staple", default_hourly_limit=100)
    await log_in(browser, pool, other.id, LOCAL)


async def _other_browser(browser: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox) -> None:
    browser.cookies.delete("reachinbox-connect")


async def _browser_of_another_authorization(browser: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox) -> None:
    await begin(browser)


async def _other_workspace(browser: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox) -> None:
    made = (await browser.post("/api/workspaces", json={"name": "Another"})).json()
    assert (await browser.post(f"/api/workspaces/{made['id']}/select")).status_code in {200, 201}


async def _removed(browser: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox) -> None:
    await _leave(pool, user, box)


async def _later(browser: httpx.AsyncClient, pool: Pool, user: User, box: SecretBox) -> None:
    await execute(pool, "UPDATE oidc_logins SET created_at = created_at - interval '11 minutes'")


@pytest.mark.parametrize(
    "change",
    [
        *(_other_session, _other_user, _other_browser, _browser_of_another_authorization),
        *(_other_workspace, _removed, _later),
    ],
)
async def test_it_ends_where_it_began_and_in_time(
    browser: httpx.AsyncClient,
    provider: MailProvider,
    pool: Pool,
    user: User,
    box: SecretBox,
    change: Callable[..., Any],
) -> None:
    back = provider.consent(await begin(browser), ANN)
    await change(browser, pool, user, box)
    assert await come_back(browser, back) == "/senders?connectFailed=expired"
    assert provider.forms == []
    assert await value(pool, "SELECT count(*) FROM logins WHERE provider IS NOT NULL") == 0


async def test_a_state_works_once_and_not_for_a_login(browser: httpx.AsyncClient, provider: MailProvider) -> None:
    back = provider.consent(await begin(browser), ANN)
    assert (await come_back(browser, back)).startswith("/senders?connected=")
    assert await come_back(browser, back) == "/senders?connectFailed=expired"


async def _make_viewer(pool: Pool, user: User, box: SecretBox) -> None:
    other = await _another_owner(pool, user, box)
    await members.change_role(pool, LOCAL.of(other.id), user.workspace_id, user.id, "viewer")


async def _leave(pool: Pool, user: User, box: SecretBox) -> None:
    other = await _another_owner(pool, user, box)
    await members.remove(pool, box, LOCAL.of(other.id), user.workspace_id, user.id, default_hourly_limit=100)


async def _another_owner(pool: Pool, user: User, box: SecretBox) -> User:
    other = await create_user(pool, box, "other@example.com", "battery staple", default_hourly_limit=100)
    await execute(
        pool, "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'owner')", user.workspace_id, other.id
    )
    return other


async def test_who_lost_the_role_on_the_way_connects_nothing(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool, user: User, box: SecretBox
) -> None:
    back = provider.consent(await begin(browser, next="/compose"), ANN)
    await _make_viewer(pool, user, box)
    assert await come_back(browser, back) == "/senders?connectFailed=role&next=%2Fcompose"
    assert provider.forms == []
    response = await browser.get(START)
    assert response.headers["location"] == "/senders?connectFailed=role"


@pytest.mark.parametrize("lose", [_make_viewer, _leave])
async def test_who_loses_the_role_while_the_provider_is_asked_connects_nothing(
    browser: httpx.AsyncClient,
    provider: MailProvider,
    pool: Pool,
    user: User,
    box: SecretBox,
    lose: Callable[..., Coroutine[Any, Any, None]],
) -> None:
    loop = asyncio.get_running_loop()
    provider.before_answer = lambda _: asyncio.run_coroutine_threadsafe(lose(pool, user, box), loop).result(30)
    back = provider.consent(await begin(browser, next="/compose"), ANN)
    assert await come_back(browser, back) == "/senders?connectFailed=role&next=%2Fcompose"
    assert len(provider.forms) == 1
    assert await value(pool, "SELECT count(*) FROM logins WHERE provider IS NOT NULL") == 0


async def test_nobody_loses_the_role_between_the_last_look_and_the_commit(pool: Pool, user: User) -> None:
    async with transaction(pool, user.workspace_id) as conn:
        assert await members.hold_role(conn, user.workspace_id, user.id) == "owner"
        with pytest.raises(NotFound):
            await members.hold_role(conn, user.workspace_id, user.id + 1)
        with pytest.raises(LockNotAvailable):
            await execute(pool, "SELECT FROM members WHERE user_id = %s FOR NO KEY UPDATE NOWAIT", user.id)
    async with transaction(pool) as conn:  # of no workspace
        with pytest.raises(NotFound):
            await members.hold_role(conn, user.workspace_id, user.id)


async def test_whose_session_ended_on_the_way_is_told_so_after_the_login(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool
) -> None:
    back = provider.consent(await begin(browser), ANN)
    await execute(pool, "DELETE FROM sessions")
    assert await come_back(browser, back) == "/login?next=%2Fsenders%3FconnectFailed%3Dexpired"
    assert provider.forms == []


async def test_a_key_connects_nothing_and_nobody_is_sent_to_log_in(
    connect_settings: Settings, database_url: str, pool: Pool, user: User
) -> None:
    async with api_client(connect_settings, database_url, await authorization(pool, user)) as program:
        response = await program.get(START, params={"next": "/compose"})
        assert (response.status_code, response.headers["location"]) == (303, "/login?next=%2Fcompose")


async def test_an_answer_of_another_issuer_is_refused_before_its_code_is_used(
    browser: httpx.AsyncClient, provider: MailProvider
) -> None:
    back = provider.consent(await begin(browser), ANN).replace(
        urlencode({"iss": provider.issuer}), urlencode({"iss": "https://evil.example"})
    )
    assert await come_back(browser, back) == "/senders?connectFailed=failed"
    assert provider.forms == []


async def test_an_answer_without_an_issuer_is_taken_as_providers_of_before_rfc_9207_give_it(
    browser: httpx.AsyncClient, provider: MailProvider
) -> None:
    back = provider.consent(await begin(browser), ANN).replace("&" + urlencode({"iss": provider.issuer}), "")
    assert "iss=" not in back
    assert (await come_back(browser, back)).startswith("/senders?connected=")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "somebody else"},
        {"exp": 1},
        {"iss": "https://evil.example"},
        {"email": None},
        {"email": "not an address"},
    ],
)
async def test_an_id_token_that_is_not_for_us_is_not_believed(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert await come_back(browser, provider.consent(await begin(browser), ANN)) == "/senders?connectFailed=failed"
    assert await value(pool, "SELECT count(*) FROM logins WHERE provider IS NOT NULL") == 0


async def test_who_unticks_mail_is_told_so(browser: httpx.AsyncClient, provider: MailProvider) -> None:
    back = provider.consent(await begin(browser), ANN, scope="openid email")
    assert await come_back(browser, back) == "/senders?connectFailed=scope"


async def test_who_says_no_comes_back_to_our_page_without_the_providers_words(
    browser: httpx.AsyncClient, provider: MailProvider
) -> None:
    for error, code in (("access_denied", "cancelled"), ("<img src=x onerror=alert(2)>\r\nX: y", "failed")):
        state = dict(parse_qsl(urlsplit(await begin(browser, next="/compose?draft=1")).query))["state"]
        query = {"error": error, "error_description": "<script>alert(1)</script>", "state": state}
        url = f"http://127.0.0.1:3000/api/senders/connect/callback?{urlencode(query)}"
        assert await come_back(browser, url) == f"/senders?connectFailed={code}&next=%2Fcompose%3Fdraft%3D1"


@pytest.mark.parametrize("fault", [TOO_MANY, A_PAGE, *(Fault(body=_of_id_token(said)) for said in NO_CLAIMS)])
async def test_a_provider_out_of_its_mind_connects_nothing(
    browser: httpx.AsyncClient, provider: MailProvider, pool: Pool, fault: Any
) -> None:
    back = provider.consent(await begin(browser), ANN)
    provider.fault = fault
    assert await come_back(browser, back) == "/senders?connectFailed=failed"
    assert await value(pool, "SELECT count(*) FROM logins WHERE provider IS NOT NULL") == 0


@pytest.mark.parametrize("name", ["nobody", "google", "%2e%2e", "a" * 500])
async def test_a_provider_that_is_not_set_up_leads_nowhere(browser: httpx.AsyncClient, name: str) -> None:
    response = await browser.get(f"/api/senders/connect/{name}")
    assert response.headers["location"] == "/senders?connectFailed=failed"
