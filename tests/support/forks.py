"""Sinks that start in a hundredth of a second: forked from a process that has imported all that a sink needs.

A sink is wanted by hundreds of tests, and to start Python and import asyncio takes longer than many of them.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LONGEST = 1 << 16  # of the arguments


class Forked:
    """A process with pipes as its standard input and output. It is another's child: its exit code is not to be had."""

    def __init__(self, pidfd: int, stdin: int, stdout: int) -> None:
        self._pidfd: int | None = pidfd
        self.stdin = open(stdin, "w")  # noqa: SIM115 -- `close` does
        self.stdout = open(stdout)  # noqa: SIM115

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def wait(self, timeout_s: float | None = None) -> None:
        """Until it has ended, and close its pipes. Raises TimeoutError while it runs."""
        if self._pidfd is None:
            return
        if not select.select([self._pidfd], [], [], timeout_s)[0]:
            raise TimeoutError
        os.close(self._pidfd)
        self._pidfd = None
        self.stdin.close()
        self.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._pidfd is not None:
            with suppress(ProcessLookupError):  # it has ended
                signal.pidfd_send_signal(self._pidfd, number)


class _Parent:
    """The process that forks, seen from the one that asks it to."""

    def __init__(self) -> None:
        self._asking, answering = socket.socketpair(type=socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.support.forks", str(answering.fileno())]
        self._process = subprocess.Popen(command, cwd=_ROOT, pass_fds=[answering.fileno()])  # noqa: S603 -- this module
        answering.close()
        self._one_at_a_time = threading.Lock()

    def start(self, arguments: Sequence[str]) -> Forked:
        its_stdin, stdin = os.pipe()
        stdout, its_stdout = os.pipe()
        with self._one_at_a_time:
            socket.send_fds(self._asking, [json.dumps(arguments).encode()], [its_stdin, its_stdout])
            _, (pidfd,), _, _ = socket.recv_fds(self._asking, 1, 1)
        os.close(its_stdin)
        os.close(its_stdout)
        return Forked(pidfd, stdin, stdout)

    def end(self) -> None:
        self._asking.close()
        self._process.wait()


@cache
def _parent() -> _Parent:
    parent = _Parent()
    atexit.register(parent.end)
    return parent


def start_sink(arguments: Sequence[str]) -> Forked:
    return _parent().start(arguments)


def main() -> None:
    """Fork a sink for each message, which holds its arguments; ends with whoever sends them."""
    from tests.support import sink  # not where sinks are only asked for

    answering = socket.socket(fileno=int(sys.argv[1]))
    while True:
        message, pipes, _, _ = socket.recv_fds(answering, _LONGEST, 2)
        if not message:
            return
        with suppress(ChildProcessError):  # there is none, or none any more
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        pid = os.fork()
        if pid == 0:
            answering.close()
            for number, pipe in enumerate(pipes):
                os.dup2(pipe, number)
                os.close(pipe)
            sink.main(json.loads(message))
            return
        for pipe in pipes:
            os.close(pipe)
        pidfd = os.pidfd_open(pid)
        socket.send_fds(answering, [b"."], [pidfd])
        os.close(pidfd)


if __name__ == "__main__":
    main()
