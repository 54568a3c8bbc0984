"""Ports for servers that have to be told theirs."""

from __future__ import annotations

import os
import random
import re
import socket

# Below what Linux gives to connections and to servers that take any port: nobody comes by one of these by chance.
_FIRST, _LAST = 20_000, 32_000
_SHARE = 1_000  # of each of the processes that run tests; those of another checkout are met with at times, and passed


def free_port() -> int:
    """A port of loopback that nobody listens at, and that no other test will choose meanwhile."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    first = _FIRST + worker * _SHARE % (_LAST - _FIRST)
    while True:
        port = random.randrange(first, first + _SHARE)  # noqa: S311
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
