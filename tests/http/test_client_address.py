"""Where a request comes from, when proxies stand in between."""

from __future__ import annotations

import pytest
from litestar import Request
from litestar.testing import RequestFactory

from app.db import Pool
from app.http.client_address import ClientAddress, ClientAddresses
from app.settings import Settings, SettingsError, from_env
from tests.support.api import api_client
from tests.support.engine import value
from tests.support.people import PEER

PUBLIC, OTHER = PEER, "2606:2800:220:1:248:1893:25c8:1946"


def find(trusted: tuple[str, ...], peer: str, *forwarded: str) -> ClientAddress:
    request: Request[None, None, None] = RequestFactory().get("/")
    request.scope["client"] = (peer, 4000)
    request.scope["headers"] = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return ClientAddresses(trusted).find(request)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "address"),
    [
        ((), "127.0.0.1", [PUBLIC], "127.0.0.1"),  # nobody is believed
        ((), PUBLIC, ["198.51.100.7"], PUBLIC),
        (("127.0.0.1",), PUBLIC, ["198.51.100.7"], PUBLIC),  # who asks us is no proxy of ours
        (("127.0.0.1",), "127.0.0.1", [PUBLIC], PUBLIC),
        (("127.0.0.1",), "::ffff:127.0.0.1", [PUBLIC], PUBLIC),
        (("127.0.0.1",), "127.0.0.1", [f"10.9.9.9, {PUBLIC}"], PUBLIC),  # the first is what the visitor said
        (("127.0.0.1",), "127.0.0.1", ["10.9.9.9", PUBLIC], PUBLIC),  # two headers are one
        (("127.0.0.1", "10.0.0.0/8"), "127.0.0.1", [f"203.0.113.1, {PUBLIC}, 10.1.2.3"], PUBLIC),
        (("127.0.0.1", "10.0.0.0/8"), "127.0.0.1", ["10.1.2.4, 10.1.2.3"], "10.1.2.4"),
        (("127.0.0.1",), "127.0.0.1", [], "127.0.0.1"),
        (("127.0.0.1",), "127.0.0.1", ["unknown"], "127.0.0.1"),
        (("127.0.0.1",), "127.0.0.1", [f"{PUBLIC}, "], "127.0.0.1"),
        (("127.0.0.1",), "127.0.0.1", [f"{PUBLIC}:4711"], PUBLIC),
        (("::1",), "::1", [f"[{OTHER}]:4711"], OTHER),
        (("127.0.0.1",), "127.0.0.1", [OTHER], OTHER),
    ],
)
def test_the_visitor_is_whom_the_last_proxy_of_ours_was_asked_by(
    trusted: tuple[str, ...], peer: str, forwarded: list[str], address: str
) -> None:
    assert find(trusted, peer, *forwarded).address == address


def test_a_peer_that_may_be_an_unknown_proxy_is_not_counted() -> None:
    for peer in ("127.0.0.1", "::1", "10.0.0.7", "192.168.1.1", "172.18.0.2", "100.64.0.1", "fe80::1", "testclient"):
        assert find((), peer).visitor is None, peer
    assert find((), PUBLIC).visitor == PUBLIC
    assert find(("172.18.0.2",), "172.18.0.2", "192.168.1.1").visitor == "192.168.1.1"  # of one's own network


def test_who_has_a_whole_network_is_one_visitor() -> None:
    neighbours = {find((), f"2606:2800:220:1::{n:x}").visitor for n in range(1, 5)}
    assert neighbours == {"2606:2800:220:1::/64"}


@pytest.mark.parametrize("wrong", ["localhost", "10.0.0.1/8", "10.0.0.0/40", "127.0.0.1;::1"])
def test_a_setting_that_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        from_env({"TRUSTED_PROXIES": wrong})
    assert from_env({"TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,::1"}).trusted_proxies == (
        "127.0.0.1",
        "10.0.0.0/8",
        "::1",
    )


async def test_the_log_and_the_sessions_name_the_visitor_and_not_the_proxy(
    database_url: str, settings: Settings, pool: Pool
) -> None:
    behind = Settings(data_dir=settings.data_dir, secret_key=settings.secret_key, trusted_proxies=("127.0.0.1",))
    forwarded = {"X-Forwarded-For": f"10.0.0.1, {PUBLIC}"}
    async with api_client(behind, database_url, forwarded) as client:
        body = {"email": "ann@example.com", "password": "correct horse"}
        (await client.post("/api/auth/register", json=body)).raise_for_status()
        (session,) = (await client.get("/api/auth/sessions")).json()
    assert session["address"] == PUBLIC
    assert await value(pool, "SELECT address FROM audit_log") == PUBLIC
