"""The API as a process and a client of it that is logged in."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx

from app.domain.accounts.actor import LOCAL
from app.domain.workspaces.keys import create_key
from bench.service import CONTENT, SECRET_KEY, UNLIMITED, service


def create_account(url: str) -> str:
    """Migrate the database and make a user without limits; returns the user's API key."""

    async def create() -> str:
        async with service(url) as (pool, user):
            return await create_key(pool, LOCAL.of(user.id), user.workspace_id, "bench")

    return asyncio.run(create())


@contextmanager
def api(
    url: str, key: str, secret_key: str = SECRET_KEY
) -> Generator[tuple[httpx.Client, subprocess.Popen[bytes]], None, None]:
    """An API process, ready, and a client that has the key."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"DATABASE_URL": url, "SECRET_KEY": secret_key, "PORT": str(port), "LOG_LEVEL": "WARNING"}
    env |= {"QUOTA_CAMPAIGNS_A_DAY": "0", "QUOTA_STORED_MEGABYTES": "0"}
    process = subprocess.Popen([sys.executable, "-m", "app.cli", "api"], env=env)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=600) as client:
            _wait_until_ready(client)
            yield client, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def schedule_csv(client: httpx.Client, rows: int, **fields: str) -> int:
    """Schedule a campaign of as many recipients, due now, from a CSV file; returns its id."""
    return _post_csv(client, "schedule", rows, fields)["campaign"]["id"]


def preview_csv(client: httpx.Client, rows: int) -> None:
    """Preview a campaign to as many recipients."""
    _post_csv(client, "preview", rows, {})


def _post_csv(client: httpx.Client, what: str, rows: int, fields: dict[str, str]) -> dict[str, Any]:
    answer = client.post(
        f"/api/campaigns/{what}",
        data={"subject": CONTENT.subject, "body": CONTENT.body, "hourlyLimit": str(UNLIMITED), **fields},
        files={"file": ("recipients.csv", _csv(rows), "text/csv")},
    )
    assert answer.is_success, answer.text[:1000]
    assert answer.json()["accepted"] == rows
    return answer.json()


def _csv(rows: int) -> io.BytesIO:
    lines = (f"person{i}@bench.example,Name{i},Company {i % 1000}\r\n" for i in range(rows))
    return io.BytesIO(("Email,First name,Company\r\n" + "".join(lines)).encode())
