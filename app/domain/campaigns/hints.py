"""Hints about a campaign's messages: what receivers may dislike, and fields that its texts seem to misname."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from app.domain.campaigns.content import Content
from app.domain.campaigns.steps import Step
from app.mail.hints import Hint, fields_as_targets
from app.mail.names import SENT_AT


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


def targets(messages: Sequence[tuple[str, Content]]) -> dict[str, str]:
    """The fields that say where links lead, each with the part in which the first of them is."""
    found: dict[str, str] = {}
    for prefix, content in messages:
        for field in sorted(fields_as_targets(content.body_html or "")):
            found.setdefault(field, f"{prefix}bodyHtml")
    return found


async def _of(content: Content, known: frozenset[str], workspace_id: int) -> list[Hint]:
    sent = await content.sent(workspace_id)
    return [*sent.hints, *content.misspelt(await content.parse(workspace_id), known)]
