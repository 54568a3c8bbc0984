"""Answers to what came back, over HTTP."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import post
from litestar.params import JSONBody

from app.bounds import SUBJECT, TEXT
from app.domain.campaigns.beside import ATTACHMENTS
from app.domain.campaigns.idempotency import Idempotency
from app.domain.inbound import answers
from app.domain.inbound.answers import Written
from app.domain.planning import waiting
from app.domain.workspaces.roles import MEMBER
from app.http.campaigns.direct import Posted
from app.http.campaigns.message import AnId
from app.http.errors import problems
from app.http.idempotency import IdempotencyKey, check_key
from app.http.parameters import Id, TheActor, TheInstallation, ThePool, TheQuotas, TheSettings, TheUser

MAX_BODY = 4 * 1024 * 1024


class AnswerBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An answer, as it is: there are no merge fields. Without a `body`, one is made of `bodyHtml`; without a `subject`,
    it has that of the response, with "Re: ". To an address that is written to no more it goes only if that is confirmed
    (`despiteSuppression`).
    """

    body: Annotated[str, TEXT] = ""
    body_html: Annotated[str | None, TEXT] = None
    subject: Annotated[str | None, SUBJECT] = None
    attachments: Annotated[list[AnId], ATTACHMENTS] = []
    despite_suppression: bool = False


@post(
    "/{id:int}/answer",
    opt={"role": MEMBER},
    summary="Answer it: to whoever wrote, from the same sender, in the thread, at once",
    request_max_body_size=MAX_BODY,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def answer_response(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    quotas: TheQuotas,
    settings: TheSettings,
    installation: TheInstallation,
    response_id: Id,
    data: JSONBody[AnswerBody],
    idempotency_key: IdempotencyKey = None,
) -> Posted:
    idempotency = None
    if idempotency_key is not None:
        check_key(idempotency_key)
        idempotency = Idempotency(idempotency_key, sha256(msgspec.json.encode((response_id, data))).digest())
    written = Written(
        body=data.body,
        body_html=data.body_html,
        subject=data.subject,
        attachments=data.attachments,
        insists=data.despite_suppression,
    )
    internal = frozenset(settings.allow_internal_domains)
    posted = await answers.answer(pool, user.workspace_id, response_id, written, actor, quotas, internal, idempotency)
    why = await waiting.of_email(pool, user.workspace_id, posted.email_id, installation)
    return Posted(posted.campaign_id, posted.email_id, posted.recipient, why)
