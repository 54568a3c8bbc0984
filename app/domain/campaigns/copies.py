"""Who gets no copy of messages, although a campaign says so. Workers ask for every email that has copies, once it is
claimed: so whoever said stop before the claim gets none.
"""

from __future__ import annotations

from app.db import Pool


async def left_out(pool: Pool, workspace_id: int, keys: frozenset[str]) -> frozenset[str]:
    """Of addresses, by their keys, those that the workspace writes to no more."""
    del pool, workspace_id, keys  # there are no suppressions yet
    return frozenset()
