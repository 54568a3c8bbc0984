"""The user or key that acts, and from where, as sessions, limits and the audit log note it."""

from __future__ import annotations

from typing import NamedTuple


class Actor(NamedTuple):
    """`address` is an IP address, or where there is none, a word for it; `user_id` None: nobody who is logged in.

    `visitor` is by what limits count who comes from one place; None: that is not known, as behind a proxy which nobody
    has named.
    """

    address: str
    user_agent: str
    user_id: int | None = None
    visitor: str | None = None

    def of(self, user_id: int) -> Actor:
        """The same, once it is known who it is."""
        return self._replace(user_id=user_id)

    def place(self, account: str | int) -> str:
        """The key under which callers wait together for what all share: their place, or where that is not known, the
        account that they ask about.
        """
        return f"account:{account}" if self.visitor is None else f"visitor:{self.visitor}"


LOCAL = Actor("local", "reachinbox")  # the command line
WORKER = Actor("worker", "reachinbox")  # by itself
