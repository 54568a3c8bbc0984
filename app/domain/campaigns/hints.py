"""Hints about a campaign's messages: what receivers may dislike, fields that its texts seem to misname, and links that
lead nowhere for some of its recipients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import msgspec
from psycopg.rows import tuple_row

from app.db import Conn
from app.domain.campaigns.content import Content
from app.domain.campaigns.steps import Step
from app.domain.recipients.lists import cut, storable
from app.mail.hints import NOWHERE, Hint, fields_as_targets, is_target
from app.mail.names import PROVIDED, SENT_AT
from app.mail.templates import printed
from app.sql import queries

sql = queries(__name__)

FETCHED = 1_000  # values at a time
_SHOWN = 60  # characters of one


async def of_texts(content: Content, steps: Sequence[Step], known: Collection[str], workspace_id: int) -> list[Hint]:
    """Parts of later steps are named as the request has them. A subject that a step has from the first one says nothing
    that the first does not.
    """
    known = frozenset(known) | {"email"}
    found = await _of(content, known, workspace_id)
    for number, step in enumerate(steps):
        its = await _of(step.content(content), known | {SENT_AT}, workspace_id)
        found += [
            msgspec.structs.replace(hint, part=f"steps[{number}].{hint.part}")
            for hint in its
            if hint.part != "subject" or step.subject is not None
        ]
    return found


async def of_targets(conn: Conn, messages: Sequence[tuple[str, Content]]) -> list[Hint]:
    """About the staged recipients, for whom links of these messages lead nowhere."""
    parts = _targets(messages)
    if not parts:
        return []
    found: dict[str, tuple[int, tuple[int, str]]] = {}  # by field: of how many, and the first row and value
    async with conn.cursor(name="targets_of_staged", row_factory=tuple_row) as cursor:
        await cursor.execute(sql.targets_of_staged, {"names": list(parts)})
        while rows := await cursor.fetchmany(FETCHED):
            for row, name, value in rows:
                if (shown := printed(value)) and not is_target(shown):
                    here = row, cut(shown, _SHOWN)
                    count, first = found.get(name, (0, here))
                    found[name] = count + 1, min(first, here)
    return [
        Hint(
            part,
            f"{'1 recipient has' if count == 1 else f'{count:,} recipients have'} no target of a link in {name}; "
            f"the first, in row {row:,}, is “{storable(value)}”.",
            NOWHERE,
        )
        for name, part in parts.items()
        if name in found
        for count, (row, value) in (found[name],)
    ]


def _targets(messages: Sequence[tuple[str, Content]]) -> dict[str, str]:
    """The fields that say where links lead, each with the part in which the first of them is."""
    found: dict[str, str] = {}
    for prefix, content in messages:
        for field in sorted(fields_as_targets(content.body_html or "") - PROVIDED):
            found.setdefault(field, f"{prefix}bodyHtml")
    return found


async def _of(content: Content, known: frozenset[str], workspace_id: int) -> list[Hint]:
    sent = await content.sent(workspace_id)
    templates = await content.parse(workspace_id)
    # In a thread: it takes a tenth of a second for each of those that are as long and as alike as they may be.
    return [*sent.hints, *await asyncio.to_thread(content.misspelt, templates, known)]
