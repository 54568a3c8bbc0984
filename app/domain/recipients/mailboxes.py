"""The set of mailboxes that a list has had so far.

A list may have two million. As texts in a dictionary they would take 250 MB of a process that serves everybody; here
they take 12 bytes each and room to grow, as digests in a table with open addressing (Knuth, 6.4, algorithm L).
"""

from __future__ import annotations

from array import array

_FIRST_SIZE = 1 << 10  # a power of two, as every size


class Mailboxes:
    """The mailboxes, each with the row in which it came first.

    Python's own hash of a text is 64 bits of SipHash under a key that each process draws: two mailboxes of two
    million have the same one once in ten million lists, and nobody can make any that do.
    """

    def __init__(self) -> None:
        self._count = 0
        self._make_room(_FIRST_SIZE)

    def first_row(self, mailbox: str, row: int) -> int | None:
        """The row, from 1, in which the mailbox was first. None: in none before; from now on it is in `row`."""
        digest = hash(mailbox) or 1  # 0 is a place that is free
        digests, mask = self._digests, self._mask
        place = digest & mask
        while held := digests[place]:
            if held == digest:
                return self._rows[place]
            place = (place + 1) & mask
        digests[place] = digest
        self._rows[place] = row
        self._count += 1
        if 3 * self._count > 2 * len(digests):
            self._grow()
        return None

    def _make_room(self, size: int) -> None:
        self._digests = array("q", bytes(8)) * size
        self._rows = array("I", bytes(4)) * size
        self._mask = size - 1

    def _grow(self) -> None:
        before = zip(self._digests, self._rows, strict=True)
        self._make_room(2 * len(self._digests))
        digests, rows, mask = self._digests, self._rows, self._mask
        for digest, row in before:
            if digest:
                place = digest & mask
                while digests[place]:
                    place = (place + 1) & mask
                digests[place], rows[place] = digest, row
