"""Work that is done where it can be killed: whatever it does, it costs its budget and nobody else anything."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.killable import Budget, Children, Failure, _Job
from tests.support.strange import Doing, do
from tests.support.waiting import BOUND_S

ROOT = Path(__file__).parents[2]
BUDGET = Budget(cpu_s=0.3, memory_bytes=100_000_000, wall_s=5)
STRANGE = {
    "spin": "processor time",
    "spin in C": "processor time",
    "grow": "memory",
    "grow at once": "memory",
    "crash": "crash",
    "be killed": "lost",
    "end": "lost",
}


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    children = Children()
    yield children
    children.close()


async def run(children: Children, *what: str, budget: Budget = BUDGET, workspace_id: int = 1) -> list[str | Failure]:
    return await children.run(do, "did ", [Doing(one) for one in what], budget, workspace_id=workspace_id)


def processes() -> set[str]:
    """The processes that we started and that have not ended yet."""
    return {stat.parent.name for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == os.getpid()}


def _parent(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # it ended meanwhile
        return None


def open_files(pid: object = "self") -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_each_item_has_its_result_in_order(children: Children) -> None:
    assert await run(children, *"abc") == ["did a", "did b", "did c"]
    assert await run(children) == []


@pytest.mark.parametrize("what", STRANGE)
async def test_what_goes_beyond_its_budget_twice_fails_and_the_others_of_its_message_do_not(
    children: Children, what: str
) -> None:
    assert await run(children, "a", what, "b", "c") == ["did a", Failure(STRANGE[what]), "did b", "did c"]
    assert await run(children, "d") == ["did d"]


async def test_what_waits_rather_than_works_ends_by_the_clock(children: Children) -> None:
    budget = Budget(cpu_s=5, memory_bytes=BUDGET.memory_bytes, wall_s=0.3)
    assert await run(children, "sleep", "a", budget=budget) == [Failure("time"), "did a"]


async def test_the_clock_runs_for_each_item_anew(children: Children) -> None:
    budget = Budget(cpu_s=0.3, memory_bytes=BUDGET.memory_bytes)
    assert await run(children, *["work"] * 4, budget=budget) == ["did work"] * 4


async def test_an_exception_is_that_items_and_leaves_the_child_alive(children: Children) -> None:
    before, raised, printed, after = await run(children, "pid", "raise", "print", "pid")
    assert raised == Failure("error", "KeyError: 'no rule foresees this'")
    assert (printed, after) == ("did print", before)


async def test_a_child_that_died_once_costs_nobody_anything(children: Children) -> None:
    """As when the kernel is out of memory: the item is tried once more, in a new one."""
    (pid,) = await run(children, "pid")
    os.kill(int(str(pid)), signal.SIGKILL)
    assert await run(children, "a", "b") == ["did a", "did b"]


async def test_nobody_waits_for_another_workspaces_long_work(children: Children) -> None:
    long = asyncio.create_task(run(children, *["spin"] * 5))
    more = asyncio.create_task(run(children, *["work"] * 4))
    await run(children, "a", workspace_id=2)  # once the other child has started
    for _ in range(5):
        assert await run(children, "a", workspace_id=2) == ["did a"]
    assert not long.done()
    long.cancel()
    assert await more == ["did work"] * 4


async def test_a_child_knows_nothing_of_our_secrets_and_files(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for children")
    (names,) = await run(children, "environment")
    assert "SECRET_KEY" not in str(names).split()
    (pid,) = await run(children, "pid")
    assert open_files(pid) <= 5


async def test_children_and_pipes_go_when_closed(children: Children) -> None:
    open_before, before = open_files(), processes()
    for _ in range(3):
        await asyncio.gather(*(run(children, "spin", workspace_id=number) for number in range(2)))
        await asyncio.gather(*(run(children, "work", workspace_id=number) for number in range(2)))
        assert len(processes() - before) == 2
        children.close()
        assert processes() == before
    assert open_files() == open_before


async def test_closing_ends_what_goes_on(children: Children) -> None:
    going = asyncio.create_task(run(children, *["sleep"] * 3))
    behind = asyncio.create_task(run(children, "a"))
    await run(children, "a", workspace_id=2)
    await asyncio.to_thread(children.close)
    done, _ = await asyncio.wait([going, behind], timeout=BOUND_S)
    assert done == {going, behind}
    assert going.cancelled()
    assert behind.cancelled()


PARENT = """
import asyncio, signal, sys, uvloop
from app.killable import Budget, Children
from tests.support.strange import Doing, do
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a test run in the background is to ignore
children = Children()
async def main():
    budget = Budget(cpu_s=30, memory_bytes=10**8, wall_s=1)
    (pid,) = await children.run(do, "", [Doing("pid")], budget, workspace_id=1)
    print(pid, flush=True)
    await children.run(do, "", [Doing(sys.argv[1])] * 100, budget, workspace_id=1)
    await asyncio.sleep(60)
uvloop.run(main())
"""


@pytest.mark.parametrize("doing", ["a", "sleep"])
@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_child_outlives_its_parent(doing: str, ended_by: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-c", PARENT, doing], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(ended_by)
        parent.wait(BOUND_S)
    until = time.monotonic() + BOUND_S
    while Path(f"/proc/{child}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


async def test_an_error_of_ours_in_the_midst_of_answers_leaves_none_for_the_next(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, failures = _Job._take, iter([MemoryError("of the parent")])

    def fails_once(job: _Job, frame: bytes) -> None:
        if error := next(failures, None):
            raise error
        whole(job, frame)

    monkeypatch.setattr(_Job, "_take", fails_once)
    with pytest.raises(MemoryError, match="of the parent"):
        await run(children, "a", "b", "c")
    assert await run(children, "d") == ["did d"]
