"""Pieces of files that go along with messages, as they are sent: read once for all lanes that need them at a time.

Memory holds the pieces that were asked for last, however many campaigns have files: of one with 10 MB all, so that its
emails share them. A lane holds the piece that it is writing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress

from app.db import Pool, until_answered
from app.domain.campaigns import files
from app.mail.enclosed import Enclosed, encoded

BUDGET = 64_000_000  # bytes

_Place = tuple[int, int, int]  # workspace, file, number


class Pieces:
    """Pieces of files that have been read."""

    def __init__(self, pool: Pool, budget: int = BUDGET) -> None:
        self._pool = pool
        self._budget = budget
        self._kept: OrderedDict[_Place, bytes] = OrderedDict()
        self._reading: dict[_Place, asyncio.Task[bytes]] = {}
        self.size = 0
        self.reads = 0  # so far

    async def get(self, workspace_id: int, file: Enclosed, number: int) -> bytes:
        """The piece of the file with this number, from 0 on, in base64. Raises NotFound."""
        place = (workspace_id, file.id, number)
        if (piece := self._kept.get(place)) is not None:
            self._kept.move_to_end(place)
            return piece
        task = self._reading.get(place)
        if task is None:
            task = self._reading[place] = asyncio.create_task(self._read(place))
        return await asyncio.shield(task)  # one lane that gives up takes it from no other

    async def _read(self, place: _Place) -> bytes:
        try:
            self.reads += 1
            piece = encoded(await until_answered(lambda: files.piece(self._pool, *place)))
        finally:
            del self._reading[place]
        self._kept[place] = piece
        self.size += len(piece)
        while self.size > self._budget and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self.size -= len(oldest)
        return piece

    async def close(self) -> None:
        """Read no more."""
        for task in list(self._reading.values()):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
