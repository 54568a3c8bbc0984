"""Process 1 of a container: what the kernel expects of it, so that the image needs no other program for that.

Process 1 inherits every orphan of the container (the embedded Postgres's, a health check's) and has to wait for each,
or it stays as a zombie; and a signal for which it has no handler does nothing. So process 1 does nothing else: the
command runs in a child, signals are passed on to it, and its end is the container's.
"""

from __future__ import annotations

import os
import signal

_PASSED_ON = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})


def run_below_init() -> None:
    """Return in a child if this is process 1, which never returns; do nothing in any other process.

    Call it before there are threads or handlers.
    """
    if os.getpid() != 1:
        return
    awaited = _PASSED_ON | {signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    child = os.fork()
    if child == 0:
        os.setsid()  # so that Ctrl-C on a terminal reaches it once, through us
        signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)
        return
    while (status := _ended(child)) is None:
        number = signal.sigwait(awaited)
        if number != signal.SIGCHLD:
            os.kill(child, number)
    # By os._exit: what is left of this process's Python belongs to the child.
    os._exit(status if status >= 0 else 128 - status)


def _ended(child: int) -> int | None:
    """Reap every process that has ended; the child's exit code (negative: its signal) once it is among them."""
    status = None
    while True:
        try:
            pid, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == child:
            status = os.waitstatus_to_exitcode(raw)
