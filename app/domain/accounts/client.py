"""Where a request comes from, as far as sessions, login limits and the audit log care."""

from __future__ import annotations

from typing import NamedTuple


class Visitor(NamedTuple):
    """`address` is an IP address, or where there is none, a word for it."""

    address: str
    user_agent: str


LOCAL = Visitor("local", "reachinbox")  # the command line
