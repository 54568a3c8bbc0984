"""Sinks and workers that start in a hundredth of a second: forked from a process that has imported all that they need.

Hundreds of tests want a sink and some kill a worker again and again, and to start Python and import what either needs
takes the processors longer than most of them do. All else is theirs as if they had been started by themselves.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

_ROOT = Path(__file__).parents[2]
_LONGEST = 1 << 16  # of an order
_MOST_FDS = 3

Kind = Literal["sink", "worker"]


class _Order(msgspec.Struct):
    """Comes with the files to have as `onto`, and one more to write the exit code to."""

    arguments: list[str]
    env: dict[str, str]
    onto: list[int]


class Forked:
    """A process, to be asked as subprocess.Popen is. It is another's child, who sends on with what code it ended."""

    def __init__(self, pid: int, pidfd: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._pidfd = pidfd
        self._ended = ended
        self._one_at_a_time = threading.Lock()

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has ended
                signal.pidfd_send_signal(self._pidfd, number)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)

    def wait(self, timeout_s: float | None = None) -> int:
        """Its exit code, once it has ended. Raises subprocess.TimeoutExpired while it runs."""
        if self.returncode is None and not select.select([self._ended], [], [], timeout_s)[0]:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout_s or 0)
        with self._one_at_a_time:
            if self.returncode is None:
                self.returncode = int(os.read(self._ended, 8))
                os.close(self._ended)
                os.close(self._pidfd)
            return self.returncode


class _Parent:
    """The process that forks, seen from the one that asks it to."""

    def __init__(self, kind: Kind) -> None:
        self._asking, answering = socket.socketpair(type=socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.support.forks", kind, str(answering.fileno())]
        self._process = subprocess.Popen(command, cwd=_ROOT, pass_fds=[answering.fileno()])  # noqa: S603 -- this module
        answering.close()
        self._one_at_a_time = threading.Lock()

    def start(self, arguments: Sequence[str], env: Mapping[str, str], files: Mapping[int, int]) -> Forked:
        """With `files` as its own, by the numbers that they have there."""
        order = _Order(list(arguments), dict(env), list(files))
        ended, its_end = os.pipe()
        with self._one_at_a_time:
            socket.send_fds(self._asking, [msgspec.json.encode(order)], [*files.values(), its_end])
            pid, (pidfd,), _, _ = socket.recv_fds(self._asking, 16, 1)
        os.close(its_end)
        return Forked(int(pid), pidfd, ended)

    def end(self) -> None:
        self._asking.close()
        self._process.wait()


@cache
def _parent(kind: Kind) -> _Parent:
    parent = _Parent(kind)
    atexit.register(parent.end)
    return parent


def start_sink(arguments: Sequence[str], stdin: int, stdout: int) -> Forked:
    return _parent("sink").start(arguments, os.environ, {0: stdin, 1: stdout})


def start_worker(env: Mapping[str, str], stderr: int) -> Forked:
    """As `python -m worker` in the folder of the checkout, with nothing else in its environment."""
    return _parent("worker").start([], env, {2: stderr})


def main(kind: Kind, answering: socket.socket) -> None:
    """Fork a process for each order, and say with what code each ended; ends with whoever gives the orders."""
    if kind == "sink":
        from tests.support import sink  # not where they are only asked for

        run = sink.main
    else:
        from worker.__main__ import main as work

        def run(_: list[str]) -> None:
            work()

    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([answering, *running], [], [])[0]:
            if ready != answering:
                _say_how_it_ended(ready, *running.pop(ready))
                continue
            message, files, _, _ = socket.recv_fds(answering, _LONGEST, _MOST_FDS)
            if not message:
                return
            order, pid = msgspec.json.decode(message, type=_Order), os.fork()
            if pid == 0:
                for fd in (answering.fileno(), *running, *(end for _, end in running.values())):
                    os.close(fd)
                _become(order, files)
                run(order.arguments)
                return
            for fd in files[:-1]:
                os.close(fd)
            pidfd = os.pidfd_open(pid)
            running[pidfd] = pid, files[-1]
            socket.send_fds(answering, [b"%d" % pid], [pidfd])


def _become(order: _Order, files: list[int]) -> None:
    for number, fd in zip(order.onto, files[:-1], strict=True):
        os.dup2(fd, number)
    for fd in files:
        os.close(fd)
    os.environ.clear()
    os.environ.update(order.env)
    tempfile.tempdir = None  # is looked up anew


def _say_how_it_ended(pidfd: int, pid: int, end: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(end, b"%d" % code)
    os.close(end)
    os.close(pidfd)


if __name__ == "__main__":
    main("sink" if sys.argv[1] == "sink" else "worker", socket.socket(fileno=int(sys.argv[2])))
