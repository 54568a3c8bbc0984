"""The talk of a process of `reachinbox up` with its supervisor, by inherited file descriptors.

`keep_beating` writes a byte each second from the event loop itself: a loop that something blocks, or a process that is
stopped, falls silent, whatever becomes of the database meanwhile. `replaced` is how often each child was killed for its
silence; API's /metrics shows it. Outside of `reachinbox up` both do nothing.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from tempfile import TemporaryFile

BEAT_FD = "REACHINBOX_BEAT_FD"
TALLY_FD = "REACHINBOX_TALLY_FD"
BEAT_EVERY_S = 1.0
_COUNT = struct.Struct("=Q")


def keep_beating(loop: asyncio.AbstractEventLoop) -> None:
    """Give a sign of life each second for as long as the loop runs."""
    given = os.environ.pop(BEAT_FD, None)
    if given is None:
        return
    beat = int(given)
    os.set_inheritable(beat, False)  # what we start does not speak for us
    os.set_blocking(beat, False)

    def write() -> None:
        with suppress(BlockingIOError):  # nobody reads at present, and finds enough when they do
            try:
                os.write(beat, b".")
            except BrokenPipeError:  # the supervisor is gone
                return
        loop.call_later(BEAT_EVERY_S, write)

    write()


class Tally:
    """How many processes were killed for their silence, by name, in a file that the children read."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._counts = [0] * len(self._names)
        self._file = TemporaryFile(buffering=0)  # noqa: SIM115 -- `close` does
        self._write()

    @property
    def fd(self) -> int:
        return self._file.fileno()

    @property
    def env(self) -> dict[str, str]:
        return {TALLY_FD: f"{self.fd}:{','.join(self._names)}"}

    def count(self, name: str) -> None:
        self._counts[self._names.index(name)] += 1
        self._write()

    def close(self) -> None:
        self._file.close()

    def _write(self) -> None:
        os.pwrite(self.fd, b"".join(map(_COUNT.pack, self._counts)), 0)


def replaced() -> dict[str, int]:
    """How many processes were killed for their silence, by name; empty where nobody watches."""
    fd, _, names = os.environ.get(TALLY_FD, "").partition(":")
    if not names:
        return {}
    listed = names.split(",")
    counts = os.pread(int(fd), _COUNT.size * len(listed), 0)
    return dict(zip(listed, (count for (count,) in _COUNT.iter_unpack(counts)), strict=True))
