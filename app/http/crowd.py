"""Connections that wait for their client, of which there are never more than so many.

Each takes one of the file descriptors of a process, and a client that opens connections and says nothing would have
them all. So the one that has been silent longest gives way to the next. Nobody who speaks is sent away by it, unless
thousands spoke since.
"""

from __future__ import annotations

import resource
from asyncio import Transport

ENOUGH_FILES = 65_536  # to ask for; the memory of what they stand for ends long before
MOST_SILENT = 2_000


class Crowd:
    """The connections of a process whose clients have the word, those that have been silent longest first."""

    def __init__(self) -> None:
        self._silent: dict[Transport, None] = {}

    def listen_to(self, connection: Transport) -> None:
        """The client has the word, or has just said something that is not all."""
        self.forget(connection)
        self._silent[connection] = None
        if len(self._silent) > min(MOST_SILENT, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2):
            longest = next(iter(self._silent))
            self.forget(longest)
            longest.abort()  # it may never take what it asked for

    def forget(self, connection: Transport) -> None:
        """It is our turn, or the connection is over."""
        self._silent.pop(connection, None)


def raise_limit_of_files() -> None:
    """Have as many file descriptors as the process may; by default it is given few, for the sake of old programs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
