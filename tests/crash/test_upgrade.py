"""The upgrade that breaks with the version before, with a worker of that version in the middle of a message."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from app.db import open_pool
from tests.support.engine import ROOT, Fleet, WorkerProcess, check_deliveries, settings_for, wait_until_sent
from tests.support.pg import TemplateServer
from tests.support.sinkproc import Sink

BEFORE = "129eef4"
FILL = """
WITH u AS (INSERT INTO users (email) VALUES ('owner@example.com') RETURNING id),
s AS (
    INSERT INTO senders (user_id, email, hourly_limit, max_connections, is_default)
    SELECT id, 'owner@example.com', 1000, 1, true FROM u RETURNING user_id, id
),
c AS (
    INSERT INTO campaigns (user_id, sender_id, name, subject, body, start_at, total, scheduled)
    SELECT user_id, id, 'n', 's', 'b', now(), 3, 3 FROM s RETURNING user_id, id
)
INSERT INTO emails (user_id, campaign_id, recipient, scheduled_at)
SELECT c.user_id, c.id, 'r' || n || '@example.com', now() FROM c, generate_series(1, 3) n
RETURNING campaign_id
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The code of the version before."""
    folder = tmp_path / "before"
    folder.mkdir()
    ours = ["git", "archive", BEFORE]
    archive = subprocess.run(ours, cwd=ROOT, capture_output=True, check=False)  # noqa: S603 -- our own history
    assert archive.returncode == 0, f"{BEFORE} is not here; a shallow clone? {archive.stderr.decode()}"
    subprocess.run(["tar", "x"], cwd=folder, input=archive.stdout, check=True)  # noqa: S607
    return folder


@pytest.fixture
async def before(postgres: TemplateServer, source: Path) -> str:
    """The URL of a database as the version before makes it."""
    url = postgres.as_superuser(postgres.empty())  # it knew no other role
    process = await _migrate(url, source=source)
    output, _ = await process.communicate()
    assert process.returncode == 0, output
    return url


async def _migrate(url: str, *arguments: str, source: Path = ROOT) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "migrate", *arguments),
        cwd=source,
        env={"DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_an_upgrade_waits_for_workers_of_the_version_before_and_loses_nothing(
    before: str, source: Path, sink: Sink, tmp_path: Path
) -> None:
    with psycopg.connect(before, autocommit=True) as conn:
        row = conn.execute(FILL).fetchone()
        assert row
        campaign = int(row[0])
    sink.script([{"at": "dot", "do": "hold", "when": {"times": 1}}])
    old = WorkerProcess(before, settings_for(sink, lanes=1, lease_s=10), tmp_path / "old.log", source=source)
    try:
        await asyncio.to_thread(sink.wait, held=1, timeout_s=60)

        refused = await _migrate(before)
        _, complaint = await refused.communicate()
        assert refused.returncode == 1
        assert f"these live: {old.name}. End them".encode() in complaint

        waiting = await _migrate(before, "--wait")
        assert waiting.stderr
        assert old.name.encode() in await asyncio.wait_for(waiting.stderr.readline(), 60)
        assert waiting.returncode is None
        old.process.terminate()
        sink.release()
        assert await asyncio.to_thread(old.process.wait, 60) == 0
        output, _ = await asyncio.wait_for(waiting.communicate(), 60)
        assert waiting.returncode == 0
        assert output.endswith(b"migrations applied\n")
    finally:
        old.kill()

    async with await open_pool(before) as pool:
        with psycopg.connect(before) as conn:
            found = Counter(status for (status,) in conn.execute("SELECT status FROM emails"))
        assert found["SENT"] >= 1
        assert found["SENT"] + found["SCHEDULED"] == 3
        with Fleet(before, tmp_path) as fleet:
            fleet.start(settings_for(sink, lanes=1))
            await wait_until_sent(pool, campaign)
            assert fleet.complaints() == []
        await check_deliveries(pool, sink)
    assert Counter(entry.envelope_to for entry in sink.accepted()) == {f"r{n}@example.com": 1 for n in (1, 2, 3)}
