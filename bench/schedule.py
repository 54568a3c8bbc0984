"""Scheduling: a CSV file through the API, from the first byte of the request to the committed answer."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.domain.keys import create_key
from app.domain.visitors import LOCAL
from app.embedded.postgres import EmbeddedPostgres
from bench.registry import Figure, bench
from bench.service import CONTENT, SECRET_KEY, UNLIMITED, memory_mb, service


@bench("schedule")
def schedule(directory: Path) -> Iterator[Figure]:
    """A CSV of 100,000 and of 1,000,000 rows accepted and committed."""
    for rows in (100_000, 1_000_000):
        with EmbeddedPostgres(directory / f"{rows}") as postgres:
            key = asyncio.run(_prepare(postgres.url))
            with _api(postgres.url) as (client, process):
                before_mb = memory_mb(process.pid)
                began = time.perf_counter()
                answer = client.post(
                    "/api/campaigns/schedule",
                    headers={"Authorization": f"Bearer {key}"},
                    data={"subject": CONTENT.subject, "body": CONTENT.body, "hourlyLimit": str(UNLIMITED)},
                    files={"file": ("recipients.csv", _csv(rows), "text/csv")},
                )
                took_s = time.perf_counter() - began
                assert answer.status_code == 201, answer.text[:1000]
                assert answer.json()["accepted"] == rows
                grown_mb = memory_mb(process.pid) - before_mb
        yield Figure(f"CSV of {rows:,} rows", took_s, "s", f"API memory grew by {grown_mb:.0f} MB")


def _csv(rows: int) -> io.BytesIO:
    lines = (f"person{i}@bench.example,Name{i},Company {i % 1000}\r\n" for i in range(rows))
    return io.BytesIO(("Email,First name,Company\r\n" + "".join(lines)).encode())


async def _prepare(url: str) -> str:
    async with service(url) as (pool, user):
        return await create_key(pool, LOCAL, user.id, "bench")


@contextmanager
def _api(url: str) -> Generator[tuple[httpx.Client, subprocess.Popen[bytes]], None, None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "PORT": str(port), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen([sys.executable, "-m", "app.cli", "api"], env=env)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
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
