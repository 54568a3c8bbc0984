"""Messages read in child processes: what strangers send may be made to take time and memory, and then ends a child."""

from __future__ import annotations

from collections.abc import Sequence

from app.killable import Budget, Children, Failure
from app.mail.inbound.facts import Inbound, Incoming
from app.mail.inbound.mime import MOST_BODY, MOST_HEADERS
from app.mail.inbound.read import read, read_headers

BUDGET = Budget(cpu_s=3.0, memory_bytes=300_000_000)

_children = Children()


class NotRead(Exception):
    """Through no fault of the message: what reads it was ended, or has an error."""


async def read_all(messages: Sequence[Incoming], workspace_id: int) -> list[Inbound]:
    """Read each message. Of one that takes more than it may, only the headers are read. Raises NotRead."""
    bounded = [Incoming(one.raw[: MOST_HEADERS + MOST_BODY], one.written_to) for one in messages]
    results = await _children.run(read, None, bounded, BUDGET, workspace_id=workspace_id)
    left = [number for number, result in enumerate(results) if isinstance(result, Failure)]
    again = await _children.run(
        read_headers, None, [bounded[number] for number in left], BUDGET, workspace_id=workspace_id
    )
    for number, result in zip(left, again, strict=True):
        results[number] = result
    return [_read(result) for result in results]


def _read(result: Inbound | Failure) -> Inbound:
    if isinstance(result, Failure):
        raise NotRead(f"{result.end} {result.detail}".strip())
    return result
