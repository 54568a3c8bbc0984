"""Scheduling: a CSV file through the API, from the first byte of the request to the committed answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from bench.api import api, create_account, preview_csv, schedule_csv
from bench.machine import copy_alone
from bench.registry import Figure, Run, bench
from bench.service import memory_mb, server


@bench("schedule")
def schedule(run: Run) -> Iterator[Figure]:
    """A CSV of 100,000 and of 1,000,000 rows accepted and committed, and previewed, beside a bare COPY of as many."""
    for rows in (100_000, 1_000_000):
        with server(run.directory / f"{rows}") as postgres:
            key = create_account(postgres.url)
            with api(postgres.url, key) as (client, process):
                before_mb = memory_mb(process.pid)
                bare_s = copy_alone(postgres.url, rows)
                scheduled_s = _seconds(partial(schedule_csv, client, rows))
                previewed_s = _seconds(partial(preview_csv, client, rows))
                bare_s = (bare_s + copy_alone(postgres.url, rows)) / 2
                grown_mb = memory_mb(process.pid) - before_mb
        for what, took_s in (("", scheduled_s), (", preview", previewed_s)):
            note = f"{took_s / bare_s:.1f} times a bare COPY ({bare_s:.2f} s); API memory grew by {grown_mb:.0f} MB"
            yield Figure(f"CSV of {rows:,} rows{what}", took_s, "s", note)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
