"""The figures of a worker process at its own /metrics."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.db import Pool
from tests.support.engine import (
    ROOT,
    Fleet,
    Owner,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.ports import free_port
from tests.support.prometheus import check_metrics, samples
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker.__main__ import CONNECTIONS
from worker.desk import size_for_one
from worker.metrics_listener import Listener

TOKEN = "a token for tests"  # noqa: S105


@pytest.fixture
def guarded() -> Iterator[str]:
    listener = Listener("127.0.0.1", 0, TOKEN)
    listener.start()
    yield f"http://127.0.0.1:{listener.port}"
    listener.stop()


async def test_a_worker_counts_what_it_does(
    pool: Pool, database_url: str, owner: Owner, sink: Sink, tmp_path: Path
) -> None:
    sink.script([{"at": "rcpt", "when": {"to": "no@example.com"}, "do": "550 5.1.1 no such mailbox"}])
    people = [f"r{number}@example.com" for number in range(20)] + ["no@example.com"]
    campaign = (await schedule_campaign(pool, owner, people)).campaign.id
    port = free_port()
    with Fleet(database_url, tmp_path) as fleet:
        (worker,) = fleet.start(settings_for(sink, lanes=4, worker_metrics_port=port))
        await wait_until_settled(pool, campaign)
        async with httpx.AsyncClient() as client:

            async def seen() -> dict[str, float]:
                return samples((await client.get(f"http://127.0.0.1:{port}/metrics")).text)

            async def idle() -> dict[str, float] | None:
                now = await seen()
                return now if now["reachinbox_sender_loops"] == 0 and now["reachinbox_lanes_open"] == 0 else None

            after = await wait_for(idle, "the sender loop to end")
            sink.script({"connect": "554 5.7.1 go away"})
            await schedule_campaign(pool, owner, ["late@example.com"])
            await wait_for(
                lambda: value(pool, "SELECT block_reason FROM senders WHERE id = %s", owner.sender_id), "the back-off"
            )
            later = await seen()
            check_metrics((await client.get(f"http://127.0.0.1:{port}/metrics")).content)
        assert worker.drain() == 0
        assert not fleet.complaints()

    assert after["reachinbox_emails_handed_over_total outcome=accepted"] == 20
    assert after["reachinbox_emails_handed_over_total outcome=rejected"] == 1
    assert after["reachinbox_emails_handed_over_total outcome=unknown"] == 0
    assert after["reachinbox_smtp_handover_duration_seconds_count"] == 21
    assert after["reachinbox_email_lateness_seconds_count"] == 21
    assert after["reachinbox_exchange_claims_sum"] == 21
    assert 1 <= after["reachinbox_smtp_connect_duration_seconds_count"] <= 4
    assert after["reachinbox_lanes_max"] == size_for_one(4)
    assert after["reachinbox_database_pool_connections_max"] == CONNECTIONS
    assert later["reachinbox_smtp_connection_failures_total kind=greeting"] >= 1
    assert later["reachinbox_sender_back_offs_total kind=greeting"] == 1


async def test_its_listener_asks_for_the_token(guarded: str) -> None:
    async with httpx.AsyncClient(base_url=guarded) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = await client.get("/metrics", headers=headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200
        assert (await client.get("/", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 404


async def test_a_client_that_says_nothing_keeps_no_other_waiting(guarded: str) -> None:
    url = httpx.URL(guarded)
    _, writer = await asyncio.open_connection(url.host, url.port)
    async with httpx.AsyncClient(base_url=guarded, timeout=BOUND_S) as client:
        assert (await client.get("/metrics")).status_code == 401
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_in_production_they_are_shown_to_whoever_has_the_token_and_else_to_nobody(
    database_url: str, sink: Sink, tmp_path: Path, token: str | None
) -> None:
    port = free_port()
    with Fleet(database_url, tmp_path, BASE_URL="https://mail.example.com", METRICS_TOKEN=token or "") as fleet:
        (worker,) = fleet.start(settings_for(sink, worker_metrics_port=port))

        async def started() -> bool:
            return "worker started" in worker.log

        await wait_for(started, "the worker to start")
        if token is None:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            assert "set METRICS_TOKEN" in worker.log
        else:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                assert (await client.get("/metrics")).status_code == 401
        assert worker.drain() == 0


def test_a_port_that_is_taken_is_told_in_a_sentence(database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        env = {"DATABASE_URL": database_url, "SECRET_KEY": "k", "WORKER_METRICS_PORT": port}
        done = subprocess.run([sys.executable, "-m", "worker"], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "set WORKER_METRICS_PORT to another" in done.stderr
    assert "Traceback" not in done.stderr
