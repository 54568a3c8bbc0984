"""Databases that are copied as people copy them, and the workers that are then started on them."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from app.db import Pool, connect, migrate, open_pool
from app.domain.operations import installation
from app.domain.operations.installation import OtherInstallation
from tests.support import clusters
from tests.support.engine import (
    SECRET_KEY,
    Fleet,
    WorkerProcess,
    check_conservation,
    create_owner,
    execute,
    no_lease,
    ours_in,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
)
from tests.support.pg import TemplateServer, migrate_to
from tests.support.shell import Shell
from tests.support.sinkproc import Sink

PRODUCTION = "https://mail.example.com"


async def sends(url: str, sink: Sink, logs: Path, campaign: int, **env: str) -> None:
    """A worker sends the campaign and ends, asked nothing."""
    async with await open_pool(url, max_size=2) as pool:
        with Fleet(url, logs, **env) as fleet:
            (worker,) = fleet.start(settings_for(sink))
            await wait_until_sent(pool, campaign)
            assert worker.drain() == 0
            assert fleet.complaints() == []


async def refuses(url: str, sink: Sink, logs: Path, campaign: int, why: str, **env: str) -> None:
    """A worker waits, and touches nothing."""
    before = len(sink.accepted())
    async with await open_pool(url, max_size=2) as pool:
        waiting = await check_conservation(pool, campaign)
        with Fleet(url, logs, **env) as fleet:
            (worker,) = fleet.start(settings_for(sink))
            await wait_for(lambda: said(worker, why), f"the worker to say: {why}")
            await asyncio.sleep(1)  # enough to send three
            assert await check_conservation(pool, campaign) == waiting
            assert await value(pool, "SELECT count(*) FROM procrastinate_workers") == 0, "it has taken no job"
            assert await no_lease(pool)
            assert worker.drain() == 0
    assert len(sink.accepted()) == before


async def said(worker: WorkerProcess, why: str) -> bool:
    return any("nothing is claimed or sent" in line and why in line for line in worker.log.splitlines())


async def test_a_laptops_copy_of_production_and_a_folder_that_is_put_back_send_nothing(
    tmp_path: Path, sink: Sink
) -> None:
    logs, folder, backup = tmp_path / "logs", tmp_path / "production", tmp_path / "backup"
    logs.mkdir()
    with clusters.server(folder) as postgres:
        migrate(postgres.url)
        async with await open_pool(postgres.url, max_size=2) as pool:
            owner = await create_owner(pool)
            first = (await schedule_campaign(pool, owner, 3)).campaign.id
            await sends(postgres.url, sink, logs, first, BASE_URL=PRODUCTION)
            second = (await schedule_campaign(pool, owner, ["a@example.com", "b@example.com"])).campaign.id
    clusters.copy(folder, backup)
    with clusters.server(folder) as postgres:  # started again, by another scheme and port
        await sends(postgres.url, sink, logs, second, BASE_URL="http://mail.example.com:8080")
    with clusters.server(backup) as postgres:
        why = "it belongs to mail.example.com, and BASE_URL names only this machine"
        await refuses(postgres.url, sink, tmp_path, second, why)  # on the laptop, BASE_URL is not set

    clusters.copy(backup, folder)
    with clusters.server(folder) as postgres:
        why = "it is older than what a worker has seen of it"
        await refuses(postgres.url, sink, logs, second, why, BASE_URL=PRODUCTION)
        await refuses(postgres.url, sink, tmp_path, second, why, BASE_URL=PRODUCTION)  # which has no memory of it
        shell = Shell(logs / "data", DATABASE_URL=postgres.url, SECRET_KEY=SECRET_KEY, BASE_URL=PRODUCTION)
        ended = await asyncio.to_thread(shell, "take-over")
        assert ended.returncode == 0, ended.stderr
        assert f"campaign {second} (Hello): 2 emails in doubt, 0 wait" in ended.stdout
        async with await open_pool(postgres.url, max_size=2) as pool:
            third = (await schedule_campaign(pool, owner, ["c@example.com"])).campaign.id
            await sends(postgres.url, sink, logs, third, BASE_URL=PRODUCTION)
            assert await check_conservation(pool, second) == {"UNKNOWN": 2}
    assert set(Counter(entry.envelope_to for entry in sink.accepted()).values()) == {1}


async def test_workers_at_work_stop_when_one_of_them_has_seen_a_later_state(
    pool: Pool, database_url: str, tmp_path: Path, sink: Sink
) -> None:
    """As when a snapshot is put back under them, and only the other one has kept its folder."""
    owner = await create_owner(pool)
    with Fleet(database_url, tmp_path) as fleet:
        (worker,) = fleet.start(settings_for(sink, lease_s=1))
        await wait_until_sent(pool, (await schedule_campaign(pool, owner, 3)).campaign.id)
        await execute(pool, "UPDATE installation SET behind_since = now()")
        await wait_for(lambda: said(worker, "it is older than what a worker has seen of it"), "the worker to stop")
        campaign = (await schedule_campaign(pool, owner, ["a@example.com"])).campaign.id
        await asyncio.sleep(1)  # enough to send it
        assert await check_conservation(pool, campaign) == {"SCHEDULED": 1}
        await wait_for(lambda: no_lease(pool), "its lease to be over")
        shell = Shell(tmp_path / "shell", DATABASE_URL=database_url, SECRET_KEY=SECRET_KEY)
        ended = await asyncio.to_thread(shell, "take-over", "--nothing-lost")
        assert ended.returncode == 0, ended.stderr
        await wait_until_sent(pool, campaign)
        assert worker.drain() == 0
        assert fleet.logged("loop failed", "Traceback") == []


@pytest.mark.parametrize(("answer", "status"), [("no", "SCHEDULED"), ("", "UNKNOWN")])
async def test_on_a_terminal_take_over_asks_what_may_have_been_sent(
    pool: Pool, database_url: str, tmp_path: Path, answer: str, status: str
) -> None:
    owner = await create_owner(pool)
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    await admit(database_url, tmp_path)
    await execute(pool, "UPDATE installation SET timeline = 7")
    shell = Shell(tmp_path, DATABASE_URL=database_url, SECRET_KEY=SECRET_KEY)
    assert await asyncio.to_thread(shell.on_a_terminal, "take-over", answers=[answer]) == 0
    assert await check_conservation(pool, campaign) == {status: 3}
    await admit(database_url, tmp_path)


async def test_a_dump_that_is_restored_asks_once(
    postgres: TemplateServer, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await admit(database_url, tmp_path)
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE installation SET host = 'mail.example.com', generation = 7")
    restored = postgres.empty()
    for program, *arguments in (
        ("pg_dump", "--format=custom", f"--file={tmp_path / 'dump'}", postgres.as_superuser(database_url)),
        ("pg_restore", "--exit-on-error", f"--dbname={restored}", tmp_path / "dump"),
    ):
        await asyncio.to_thread(subprocess.run, [clusters.program(program), *arguments], env={}, check=True)
    shell = Shell(tmp_path, DATABASE_URL=restored, SECRET_KEY=SECRET_KEY, BASE_URL=PRODUCTION)
    with pytest.raises(OtherInstallation, match="another database"):
        await admit(restored, tmp_path)
    assert (await asyncio.to_thread(shell, "take-over", "--nothing-lost")).returncode == 0
    assert "nothing to take over" in (await asyncio.to_thread(shell, "take-over")).stdout
    assert "ok    installation" in (await asyncio.to_thread(shell, "doctor")).stdout


@pytest.mark.long
async def test_an_upgrade_of_the_server_asks_once(tmp_path: Path) -> None:
    with clusters.reachable_folder() as folder:
        with clusters.server(folder) as postgres:
            migrate(postgres.url)
            await admit(postgres.url, tmp_path)
            postgres.stop()
        clusters.upgrade(folder)
        with clusters.server(folder) as postgres:
            with pytest.raises(OtherInstallation, match="another server than before"):
                await admit(postgres.url, tmp_path)
            shell = Shell(tmp_path, DATABASE_URL=postgres.url, SECRET_KEY=SECRET_KEY)
            ended = await asyncio.to_thread(shell, "take-over", "--nothing-lost")
            assert ended.returncode == 0, ended.stderr
            await admit(postgres.url, tmp_path)
            postgres.stop()
        with clusters.server(folder) as postgres:
            await admit(postgres.url, tmp_path)


async def test_an_upgrade_of_reachinbox_asks_nothing(postgres: TemplateServer, tmp_path: Path) -> None:
    url = postgres.empty()
    migrate_to(url, "0014_rules")
    assert migrate(url) > 0
    await admit(url, tmp_path)
    await admit(url, tmp_path)


async def admit(url: str, data_dir: Path) -> None:
    async with await connect(url) as conn:
        await installation.admit(conn, ours_in(data_dir))
