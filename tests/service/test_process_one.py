"""Process 1 of a process namespace, as of a container: it passes signals on, and leaves no zombie."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.support.waiting import BOUND_S

# Users other than root need a user namespace to make the others.
NAMESPACE = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--fork", "--pid", "--mount-proc"]
COMMAND = """
import os, signal, sys
from app.process_one import run_below_init

run_below_init()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
for _ in range(3):
    if os.fork() == 0:  # a child that leaves an orphan behind
        if os.fork() == 0:
            signal.pause()
        os._exit(0)
    os.wait()
print("ready", flush=True)
while True:
    signal.pause()
"""


@cache
def can_make_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0  # noqa: S603


pytestmark = pytest.mark.skipif("CI" not in os.environ and not can_make_namespaces(), reason="needs namespaces")


def _start(script: str) -> tuple[subprocess.Popen[str], int]:
    """A script as process 1, and its process id as we see it, once it has said that it is ready."""
    command = [*NAMESPACE, sys.executable, "-c", script]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process, _children(process.pid)[0]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _end(process: subprocess.Popen[str]) -> int:
    code = process.wait(BOUND_S)
    assert process.stdout
    process.stdout.close()
    return code


def test_orphans_are_waited_for_and_the_commands_end_is_ours() -> None:
    process, init = _start(COMMAND)
    _until(lambda: len(_children(init)) == 4, "the orphans have come to process 1")
    for orphan in _children(init)[1:]:
        os.kill(orphan, signal.SIGKILL)
    _until(lambda: len(_children(init)) == 1, "they are gone, and no zombie of them is left")
    os.kill(init, signal.SIGTERM)
    assert _end(process) == 7


def test_a_command_that_is_killed_ends_it_too() -> None:
    process, init = _start(COMMAND)
    (command, *_) = _children(init)
    os.kill(command, signal.SIGKILL)
    assert _end(process) == 128 + signal.SIGKILL
