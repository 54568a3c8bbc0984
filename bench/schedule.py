"""Scheduling: a CSV file through the API, from the first byte of the request to the committed answer."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.api import api, create_account, schedule_csv
from bench.registry import Figure, Run, bench
from bench.service import memory_mb, server


@bench("schedule")
def schedule(run: Run) -> Iterator[Figure]:
    """A CSV of 100,000 and of 1,000,000 rows accepted and committed."""
    for rows in (100_000, 1_000_000):
        with server(run.directory / f"{rows}") as postgres:
            key = create_account(postgres.url)
            with api(postgres.url, key) as (client, process):
                before_mb = memory_mb(process.pid)
                began = time.perf_counter()
                schedule_csv(client, rows)
                took_s = time.perf_counter() - began
                grown_mb = memory_mb(process.pid) - before_mb
        yield Figure(f"CSV of {rows:,} rows", took_s, "s", f"API memory grew by {grown_mb:.0f} MB")
