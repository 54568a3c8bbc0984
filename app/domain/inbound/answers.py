"""A person answers what came back: direct mail to whoever wrote, from the sender it was for, in the thread."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from app.bounds import SUBJECT
from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.campaigns import direct
from app.domain.campaigns.content import Content
from app.domain.campaigns.direct import Direct, Posted, Thread
from app.domain.campaigns.idempotency import Idempotency
from app.domain.inbound import responses, threads
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict
from app.mail.inbound.stop import ANSWERS

_OPENS = re.compile(r"\{(?=[{%])")  # what Liquid would take for a tag of its own
_FROM_PEOPLE = {"REPLY", "AUTO_REPLY", "UNSUBSCRIBE"}


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer, as it is: nothing in it is filled in. Without a `subject` it has that of the response, with
    "Re: ". `insists`: to somebody who is suppressed, too.
    """

    body: str = ""
    body_html: str | None = None
    subject: str | None = None
    attachments: Sequence[int] = ()
    insists: bool = False


async def answer(
    pool: Pool,
    workspace_id: int,
    response_id: int,
    written: Written,
    actor: Actor = LOCAL,
    most: Quotas = UNLIMITED,
    internal: frozenset[str] = frozenset(),
    idempotency: Idempotency | None = None,
) -> Posted:
    """Have it sent at once, once for an idempotency key. Raises NotFound, InvalidInput, QuotaReached, Suppressed;
    Conflict for what no person wrote, and for a key that was used for a different request.
    """
    async with transaction(pool, workspace_id) as conn:
        found = await threads.find(conn, workspace_id, response_id)
        whole = await responses.read_whole(conn, workspace_id, [response_id])
    if response_id not in whole:
        raise responses.not_found(response_id)
    response = whole[response_id]
    if response.kind not in _FROM_PEOPLE:
        raise Conflict(f"it is a {response.kind}, which no person wrote; correct its kind first if one did")
    subject = subject_of_answer(response.subject) if written.subject is None else written.subject
    content = Content(
        subject=as_it_is(subject),
        body=as_it_is(written.body),
        body_html=written.body_html and as_it_is(written.body_html),
        attachments=list(written.attachments),
    )
    mail = Direct(
        name=f"Answer: {subject}",
        content=content,
        recipient=response.writer or response.recipient,
        fields={},
        sender_id=response.sender_id,
        insists=written.insists,
        internal=internal,
        thread=Thread(response_id, found.root_id, found.ids_before(response_id)),
    )
    return await direct.post(pool, workspace_id, mail, actor, most, idempotency)


def subject_of_answer(subject: str) -> str:
    """ "Re: " before it, once."""
    line = " ".join(subject.replace("\0", "").split())
    return (line if ANSWERS.match(line) else f"Re: {line}".strip())[: SUBJECT.most]


def as_it_is(text: str) -> str:
    """For a template that says this and nothing else."""
    return _OPENS.sub('{{ "{" }}', text)
