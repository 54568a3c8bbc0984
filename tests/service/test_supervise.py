"""The supervisor over real processes that are really killed.

Each child appends a line to a journal: its name, what happened, its process id.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from app.supervise import Backoff, Child, supervise
from app.vigil import Patience
from tests.support.waiting import BOUND_S

CHILD = """
import os, signal, sys, time
name, journal, manner = sys.argv[1:]

def write(event):
    with open(journal, "a") as file:
        file.write(f"{name} {event} {os.getpid()}\\n")

def drain(*_):
    write("term")
    if manner == "stubborn":
        return
    time.sleep(0.1)
    write("end")
    sys.exit(0)

signal.signal(signal.SIGTERM, drain)
write("start")
if manner == "dies":
    sys.exit(3)
while True:
    time.sleep(60)
"""

PARENT = """
import asyncio, sys
from app.supervise import Child, supervise
child = Child("worker", [sys.executable, "-c", sys.argv[1], "worker", sys.argv[2], "drains"])
asyncio.run(supervise([child], stop=asyncio.Event()))
"""


class Entry(NamedTuple):
    name: str
    event: str
    pid: int


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def child(self, name: str, manner: str = "drains") -> Child:
        return Child(name, [sys.executable, "-c", CHILD, name, str(self.path), manner])

    def entries(self, event: str) -> list[Entry]:
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return [Entry(name, what, int(pid)) for name, what, pid in lines if what == event]

    async def until(self, event: str, count: int) -> list[Entry]:
        await until(lambda: len(self.entries(event)) >= count)
        for _ in range(20):  # a child may run, and say so, before the supervisor has had its turn to know it
            await asyncio.sleep(0)
        return self.entries(event)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not holds():  # noqa: ASYNC110 -- other processes do not set events
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


async def test_a_killed_child_is_started_again_and_the_others_are_left_alone(journal: Journal) -> None:
    stop = asyncio.Event()
    children = [journal.child("api"), journal.child("worker")]
    running = asyncio.create_task(supervise(children, stop=stop, backoff=Backoff(first_s=0.01)))
    first = {entry.name: entry.pid for entry in await journal.until("start", 2)}
    os.kill(first["worker"], signal.SIGKILL)
    again = (await journal.until("start", 3))[2]
    assert again.name == "worker"
    assert again.pid != first["worker"]
    assert alive(first["api"])
    stop.set()
    await running


async def test_stop_lets_every_child_finish(journal: Journal) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(supervise([journal.child("api"), journal.child("worker")], stop=stop))
    started = await journal.until("start", 2)
    stop.set()
    await running
    assert {entry.pid for entry in journal.entries("end")} == {entry.pid for entry in started}
    assert len(journal.entries("start")) == 2


async def test_a_child_that_will_not_end_is_killed_when_its_grace_is_over(journal: Journal) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(supervise([journal.child("api", "stubborn")], stop=stop, grace_s=0.2))
    (started,) = await journal.until("start", 1)
    stop.set()
    await running
    assert not alive(started.pid)


async def test_a_second_signal_cuts_the_grace_short(journal: Journal) -> None:
    stop, at_once = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(supervise([journal.child("api", "stubborn")], stop=stop, at_once=at_once))
    await journal.until("start", 1)
    stop.set()
    (asked,) = await journal.until("term", 1)
    assert not running.done()
    at_once.set()
    await asyncio.wait_for(running, BOUND_S)
    assert not alive(asked.pid)


async def test_a_child_that_keeps_dying_is_started_ever_more_slowly(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()
    backoff = Backoff(first_s=0.01, longest_s=0.04)
    running = asyncio.create_task(supervise([journal.child("api", "dies")], stop=stop, backoff=backoff))
    await journal.until("start", 5)
    stop.set()
    await running
    waits = [message.removeprefix("api ended with 3; starting it again in ") for message in caplog.messages]
    assert waits[:4] == ["0.01 s", "0.02 s", "0.04 s", "0.04 s"]


def test_a_child_that_lived_long_enough_starts_from_the_shortest_delay() -> None:
    backoff = Backoff()
    assert backoff.after(None, lived_s=0) == 0.5
    assert backoff.after(0.5, lived_s=59) == 1
    assert backoff.after(20, lived_s=0) == 30
    assert backoff.after(30, lived_s=60) == 0.5


async def test_stop_while_a_dead_child_waits_ends_at_once(journal: Journal) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(supervise([journal.child("api", "dies")], stop=stop, backoff=Backoff(60)))
    (started,) = await journal.until("start", 1)
    await until(lambda: not alive(started.pid))
    stop.set()
    await asyncio.wait_for(running, BOUND_S)
    assert len(journal.entries("start")) == 1


async def test_cancellation_leaves_no_child(journal: Journal) -> None:
    running = asyncio.create_task(supervise([journal.child("api")], stop=asyncio.Event()))
    (started,) = await journal.until("start", 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(started.pid)


async def test_a_program_that_is_not_there_is_an_error_and_leaves_no_child(journal: Journal) -> None:
    missing = Child("worker", ["/no/such/program"])
    with pytest.raises(FileNotFoundError):
        await supervise([journal.child("api"), missing], stop=asyncio.Event())
    assert not any(alive(entry.pid) for entry in journal.entries("start"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_drain_when_the_supervisor_is_killed(journal: Journal) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(journal.path)]) as parent:  # noqa: S603 -- the script above
        until_sync(lambda: bool(journal.entries("start")))
        parent.kill()
    until_sync(lambda: bool(journal.entries("end")))


def until_sync(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# A child that lives and does not answer

EAGER = Patience(silent_s=0.6, start_s=30, look_s=0.05)
BEATING = """
import asyncio, signal, sys, time
from app.watched import keep_beating, replaced

def write(event):
    with open(sys.argv[1], "a") as file:
        file.write(f"worker {event} {__import__('os').getpid()}\\n")

async def main():
    loop = asyncio.get_running_loop()
    manner = sys.argv[2]
    if manner == "slow":
        time.sleep(1.5)
    keep_beating(loop)
    if manner == "drains":
        ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        write("start")
        await ended.wait()
        await asyncio.sleep(1.5)
        write("end")
        return
    loop.add_signal_handler(signal.SIGUSR1, time.sleep, 600)  # what blocks a loop
    write(f"replaced-{replaced()['worker']}")
    write("start")
    await asyncio.sleep(600)

import app.watched
app.watched.BEAT_EVERY_S = 0.05
asyncio.run(main())
"""
ALL_OF_US = """
import asyncio, sys
from app.supervise import Child, supervise
from app.vigil import Patience
child = Child("worker", [sys.executable, "-c", sys.argv[1], sys.argv[2], "beats"])
asyncio.run(supervise([child], stop=asyncio.Event(), patience=Patience(silent_s=3, start_s=30, look_s=0.05)))
"""


def beating(journal: Journal, manner: str = "beats") -> Child:
    return Child("worker", [sys.executable, "-c", BEATING, str(journal.path), manner])


@pytest.mark.parametrize("by", [signal.SIGSTOP, signal.SIGUSR1], ids=["stopped", "blocked"])
async def test_a_process_that_gives_no_sign_of_life_is_replaced(
    journal: Journal, caplog: pytest.LogCaptureFixture, by: signal.Signals
) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(
        supervise([beating(journal)], stop=stop, backoff=Backoff(first_s=0.01), patience=EAGER)
    )
    (first,) = await journal.until("start", 1)
    os.kill(first.pid, by)
    (_, second) = await journal.until("start", 2)
    assert not alive(first.pid)
    assert any(re.fullmatch(r"worker has not answered for \d+ s", message) for message in caplog.messages)
    assert [entry.pid for entry in journal.entries("replaced-1")] == [second.pid]
    stop.set()
    await running


@pytest.mark.parametrize("manner", ["silent", "closes", "refuses"])
async def test_a_process_that_is_asked_and_does_not_answer_is_replaced(journal: Journal, manner: str) -> None:
    stop = asyncio.Event()
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        if asked == 1 or len(journal.entries("start")) > 1:
            return
        if manner == "silent":
            await asyncio.sleep(600)
        raise ConnectionResetError if manner == "closes" else ConnectionRefusedError

    child = journal.child("api")
    api = Child(child.name, child.argv, ask=ask)
    running = asyncio.create_task(supervise([api], stop=stop, backoff=Backoff(first_s=0.01), patience=EAGER))
    await journal.until("start", 2)
    stop.set()
    await running
    assert asked > 1


async def test_a_late_answer_is_one(journal: Journal) -> None:
    """A busy process takes its time; it is not silent for that, as long as each answer comes."""
    stop = asyncio.Event()
    answers = 0

    async def ask() -> None:
        nonlocal answers
        await asyncio.sleep(0.5)
        answers += 1

    child = journal.child("api")
    patience = Patience(silent_s=3, start_s=30, look_s=0.05)  # a machine that stalls is not silent for that
    running = asyncio.create_task(supervise([Child(child.name, child.argv, ask=ask)], stop=stop, patience=patience))
    await until(lambda: answers >= 8)  # which takes longer than it may be silent
    stop.set()
    await running
    assert len(journal.entries("start")) == 1


async def test_a_start_may_take_longer_than_an_answer(journal: Journal) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(supervise([beating(journal, "slow")], stop=stop, patience=EAGER))
    await journal.until("start", 1)
    stop.set()
    await running
    assert len(journal.entries("start")) == 1


async def test_but_no_start_takes_for_ever(journal: Journal) -> None:
    stop = asyncio.Event()
    patience = Patience(silent_s=30, start_s=0.5, look_s=0.05)
    running = asyncio.create_task(
        supervise([journal.child("mute")], stop=stop, backoff=Backoff(first_s=0.01), patience=patience)
    )
    await journal.until("start", 2)
    stop.set()
    await running


@pytest.mark.long
async def test_an_end_in_order_may_take_longer_than_an_answer(journal: Journal) -> None:
    """Its event loop may be gone by then, and nobody has to answer any more."""
    stop = asyncio.Event()
    running = asyncio.create_task(supervise([beating(journal, "drains")], stop=stop, patience=EAGER))
    (started,) = await journal.until("start", 1)
    os.kill(started.pid, signal.SIGTERM)  # by somebody else: it goes on giving signs of life
    await journal.until("start", 2)
    assert [entry.pid for entry in journal.entries("end")] == [started.pid]
    stop.set()
    await running
    assert len(journal.entries("end")) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_machine_that_was_suspended_finds_nobody_silent(journal: Journal) -> None:
    arguments = [sys.executable, "-c", ALL_OF_US, BEATING, str(journal.path)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as parent:  # noqa: S603 -- the script above
        until_sync(lambda: bool(journal.entries("start")))
        (started,) = journal.entries("start")
        for pid in (parent.pid, started.pid):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(6.5)  # more than twice as long as it may be silent
        for pid in (parent.pid, started.pid):  # the supervisor wakes up first
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
        assert alive(started.pid)
        parent.kill()
        assert parent.stderr is not None
        assert "not answered" not in parent.stderr.read()
    assert len(journal.entries("start")) == 1


@pytest.mark.long
async def test_a_worker_without_a_database_is_not_killed_for_that_and_is_when_it_hangs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()
    env = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "SECRET_KEY": "k",
        "REACHINBOX_DATA_DIR": str(tmp_path),
    }
    started = tmp_path / "pids"
    started.touch()
    script = f'echo $$ >>{started}; exec "$0" -m worker'
    worker = Child("worker", ["/bin/sh", "-c", script, sys.executable], env)
    patience = Patience(silent_s=3, start_s=600, look_s=0.1)
    running = asyncio.create_task(supervise([worker], stop=stop, backoff=Backoff(0.01), patience=patience))
    await until(lambda: bool(started.read_text()))
    await asyncio.sleep(8)  # more than twice as long as it may be silent
    (pid,) = started.read_text().split()
    os.kill(int(pid), signal.SIGSTOP)
    await until(lambda: len(started.read_text().split()) == 2)
    assert any("worker has not answered for" in message for message in caplog.messages)
    stop.set()
    await running


async def test_whose_environment_has_changed_starts_anew_with_it(journal: Journal) -> None:
    stop, renew = asyncio.Event(), asyncio.Event()
    shown = 'echo "$NAME start $$" >>"$0"; exec sleep 600'
    env = {"NAME": "first"}
    child = Child("worker", ["/bin/sh", "-c", shown, str(journal.path)], env)
    running = asyncio.create_task(supervise([child], stop=stop, renew=renew, backoff=Backoff(first_s=0.01)))
    await journal.until("start", 1)
    env["NAME"] = "second"
    renew.set()
    assert [entry.name for entry in await journal.until("start", 2)] == ["first", "second"]
    stop.set()
    await running
