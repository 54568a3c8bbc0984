"""Mailboxes that are connected by OAuth: the provider's entry for MAIL_PROVIDERS_FILE, and what a browser does."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from app.db import Pool, transaction
from app.domain.accounts import sessions
from app.domain.accounts.actor import Actor
from app.domain.oauth import tokens
from app.domain.oauth.tokens import Login
from app.secrets import SecretBox
from tests.support.engine import value
from tests.support.oauth import CLIENT_ID, CLIENT_SECRET, MailProvider

START, CALLBACK = "/api/senders/connect/company", "/api/senders/connect/callback"
ANN = "ann@example.com"


def providers_file(
    folder: Path, provider: MailProvider, smtp_port: int = 587, host: str = "localhost", imap_port: int = 993
) -> Path:
    file = folder / "providers.toml"
    (folder / "client_secret").write_text(CLIENT_SECRET + "\n")
    file.write_text(
        f"""
        [[provider]]
        name = "company"
        label = "The company"
        issuer = "{provider.issuer}"
        authorize_url = "{provider.issuer}/authorize"
        token_url = "{provider.issuer}/token"
        scopes = "openid email offline_access mail"
        client_id = "{CLIENT_ID}"
        client_secret_file = "client_secret"
        smtp_host = "{host}"
        smtp_port = {smtp_port}
        imap_host = "{host}"
        imap_port = {imap_port}
        """
    )
    return file


async def log_in(client: httpx.AsyncClient, pool: Pool, user_id: int, actor: Actor) -> None:
    """Give the browser a session of the user."""
    async with transaction(pool) as conn:
        client.cookies.set("reachinbox", await sessions.begin(conn, user_id, actor))


async def begin(browser: httpx.AsyncClient, **query: str) -> str:
    """The page of the provider that the browser is sent to."""
    response = await browser.get(START, params=query)
    assert response.status_code == 302, response.headers
    return response.headers["location"]


async def come_back(browser: httpx.AsyncClient, url: str) -> str:
    """Where the browser is sent from the callback."""
    parts = urlsplit(url)
    assert url.startswith(f"http://127.0.0.1:3000{CALLBACK}?")
    response = await browser.get(f"{parts.path}?{parts.query}")
    assert response.status_code == 303
    assert "reachinbox-connect" not in browser.cookies
    return response.headers["location"]


async def connect(browser: httpx.AsyncClient, provider: MailProvider, address: str = ANN) -> int:
    """Connect a new mailbox; the sender's id."""
    page = await come_back(browser, provider.consent(await begin(browser), address))
    (sender_id,) = parse_qs(urlsplit(page).query)["connected"]
    return int(sender_id)


async def granted(pool: Pool, box: SecretBox, provider: MailProvider, sender_id: int, address: str = ANN) -> Login:
    """Make the sender, which has a server and no login, one that was connected an hour ago: its token has expired."""
    found = await value(pool, "SELECT jsonb_build_array(workspace_id, login_id) FROM senders WHERE id = %s", sender_id)
    login = Login(*found)
    refresh, access = provider.grant(address)
    params = {
        "id": login.id,
        "refresh": box.seal(refresh, tokens.refresh_place(login.id)),
        "access": box.seal(access, tokens.access_place(login.id)),
        "sender": sender_id,
        "address": address,
    }
    async with transaction(pool) as conn:
        await conn.execute(b"UPDATE senders SET username = %(address)s WHERE id = %(sender)s", params)
        await conn.execute(
            b"UPDATE logins SET credential = 'OAUTH', provider = 'company', refresh_token_encrypted = %(refresh)s,"
            b" access_token_encrypted = %(access)s, access_expires_at = now(), grant_version = grant_version + 1,"
            b" refresh_at = now() WHERE id = %(id)s",
            params,
        )
    return login
