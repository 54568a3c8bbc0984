"""Resources that processes hold on to: memory, file descriptors, connections to Postgres, files they left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.db import Pool
from bench.registry import Figure
from bench.service import memory_mb
from tests.support.engine import value

# How much more than early on is no leak yet: memory that an allocator keeps, and what is in use by chance. A process's
# pool has 2 to 10 connections, as it had to do lately; those of the API, of two workers and of the bench are counted.
MEMORY_FACTOR, MEMORY_MB = 1.25, 20.0
POOL_GROWTH = 8
DESCRIPTORS, CONNECTIONS = POOL_GROWTH + 5, 4 * POOL_GROWTH


class Held(NamedTuple):
    memory_mb: dict[str, float]
    descriptors: dict[str, int]
    connections: int
    files: int


async def look(pool: Pool, processes: dict[str, int], folders: list[Path]) -> Held:
    """The resources held now; processes by name and pid, folders where temporary files would lie."""
    return Held(
        {name: memory_mb(pid, "VmRSS") for name, pid in processes.items()},
        {name: len(os.listdir(f"/proc/{pid}/fd")) for name, pid in processes.items()},
        await value(pool, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"),
        sum(len(files) for folder in folders for _, _, files in os.walk(folder)),
    )


def figures(early: Held, late: Held) -> Iterator[Figure]:
    for name in early.memory_mb:
        yield Figure(f"memory of the {name}", late.memory_mb[name], "MB", f"{early.memory_mb[name]:.0f} MB early on")
        note = f"{early.descriptors[name]} early on"
        yield Figure(f"file descriptors of the {name}", late.descriptors[name], "", note)
    yield Figure("connections to Postgres", late.connections, "", f"{early.connections} early on")
    yield Figure("temporary files", late.files, "", f"{early.files} early on")


def leaks(early: Held, late: Held) -> list[str]:
    """The resources that have grown and should not have."""
    found = [
        f"memory of the {name} grew from {before:.0f} to {late.memory_mb[name]:.0f} MB"
        for name, before in early.memory_mb.items()
        if late.memory_mb[name] > before * MEMORY_FACTOR + MEMORY_MB
    ]
    found += [
        f"file descriptors of the {name} grew from {before} to {late.descriptors[name]}"
        for name, before in early.descriptors.items()
        if late.descriptors[name] > before + DESCRIPTORS
    ]
    if late.connections > early.connections + CONNECTIONS:
        found.append(f"connections to Postgres grew from {early.connections} to {late.connections}")
    if late.files > early.files:
        found.append(f"temporary files grew from {early.files} to {late.files}")
    return found
