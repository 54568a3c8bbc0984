"""Addresses of accounts: ASCII case is no difference, and everything else is, wherever two are compared."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.attempts import PER_ACCOUNT
from app.domain.accounts.users import User, create_user
from app.errors import Conflict
from app.mail.addresses import key
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.api import api_client, problem
from tests.support.engine import value
from tests.support.google import log_in, me, with_login
from tests.support.oidc import ProviderProcess
from tests.support.waiting import clear_of_the_quarter

PASSWORD = "correct horse"  # noqa: S105
ADMIN, DOTTED = "admin@corp.example.net", "adm\u0130n@corp.example.net"  # which lower() of PostgreSQL takes for one
# Addresses that other rules than ours take for the same: lower, casefold, NFKC, and looks.
LOOKALIKES = ("adm\u0131n@corp.example.net", DOTTED, "ad\u217fin@corp.example.net", "\uff41dmin@corp.example.net")


@pytest.fixture
async def visitor(settings: Settings, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(settings, database_url) as client:
        yield client


@pytest.fixture
async def admin(pool: Pool, box: SecretBox) -> User:
    return await create_user(pool, box, ADMIN, PASSWORD, default_hourly_limit=100)


async def test_an_identity_with_another_mailbox_does_not_get_the_account(
    admin: User, settings: Settings, database_url: str, provider: ProviderProcess
) -> None:
    """Finding 5: an address with U+0130 took the administrator's account over."""
    async with api_client(with_login(settings, provider.issuer, allow_registration=False), database_url) as browser:
        for n, address in enumerate(LOOKALIKES):
            provider.set_user(f"eve{n}", email=address, email_verified=True)
            assert await log_in(browser, provider, f"eve{n}") == "/login?error=closed"
        provider.set_user("admin", email="Admin@CORP.example.net", email_verified=True)
        assert await log_in(browser, provider, "admin") == "/"
        assert await me(browser) == ADMIN


@pytest.mark.parametrize("address", LOOKALIKES)
async def test_another_mailbox_neither_logs_in_nor_is_counted_for_the_account(
    admin: User, visitor: httpx.AsyncClient, pool: Pool, address: str
) -> None:
    await clear_of_the_quarter()
    for _ in range(PER_ACCOUNT + 1):
        answer = await visitor.post("/api/auth/login", json={"email": address, "password": PASSWORD})
    problem(answer, 429)
    assert (await visitor.post("/api/auth/login", json={"email": ADMIN, "password": PASSWORD})).status_code == 200
    await visitor.post("/api/auth/reset", json={"email": address})
    assert await value(pool, "SELECT count(*) FROM password_resets") == 0


@pytest.mark.parametrize("into", ["/api/admin/invitations", "/api/members/invitations"])
async def test_an_invitation_is_for_the_mailbox_that_it_names(
    admin: User, visitor: httpx.AsyncClient, into: str
) -> None:
    await visitor.post("/api/auth/login", json={"email": ADMIN, "password": PASSWORD})
    named = {"email": "vip@example.com"} | ({"role": "member"} if "members" in into else {})
    token = (await visitor.post(into, json=named)).json()["token"]
    body = {"password": PASSWORD, "invitation": token}
    for address in ("v\u0130p@example.com", "v\u0131p@example.com"):
        problem(await visitor.post("/api/auth/register", json=body | {"email": address}), 403)
    answer = await visitor.post("/api/auth/register", json=body | {"email": "VIP@EXAMPLE.com"})
    assert answer.status_code == 201


async def test_a_further_account_is_another_mailbox_and_no_other_spelling(
    admin: User, pool: Pool, box: SecretBox
) -> None:
    for address in LOOKALIKES[:2]:
        await create_user(pool, box, address, PASSWORD, default_hourly_limit=100)
    for spelling in ("ADMIN@corp.example.net", "aDmIn@CoRp.example.net", f" {ADMIN} "):
        with pytest.raises(Conflict):
            await create_user(pool, box, spelling, PASSWORD, default_hourly_limit=100)


@pytest.mark.parametrize(
    "address",
    ["Ann@Example.COM", DOTTED, "STRASSE\u1e9e@b.org", "\u01c4\u01c5@b.org", "\u03a3\u03c2@b.org", "\u212a@b.org"],
)
async def test_database_and_program_compare_alike(pool: Pool, address: str) -> None:
    assert await value(pool, "SELECT address_key(%s)", address) == key(address)
