"""Holds by a server's words, over HTTP: a person's answer. The campaign and the sender show what is held."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from http import HTTPStatus

import msgspec
from litestar import post
from litestar.params import JSONBody

from app.domain.campaigns import campaigns
from app.domain.campaigns.campaigns import Campaign
from app.domain.ledger import holds
from app.domain.ledger.holds import HoldAnswer
from app.domain.senders import senders
from app.domain.senders.senders import Sender
from app.domain.workspaces.roles import MEMBER
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheUser


class HeldAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """`try`: the text is mended, so the next email is tried now. `fail`: the emails that were refused fail, and the
    others go on. `go_on`: all go on. `since`: of what was seen to be held; if that is something else by now, 409.
    """

    answer: HoldAnswer
    since: datetime | None = None


answered = partial(
    post, opt={"role": MEMBER}, status_code=HTTPStatus.OK, responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)


@answered(
    "/campaigns/{id:int}/held",
    tags=["campaigns"],
    summary="Say how to go on with a campaign that a server's refusals hold back",
)
async def answer_held_campaign(
    pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id, data: JSONBody[HeldAnswer]
) -> Campaign:
    await holds.answer_campaign(pool, user.workspace_id, campaign_id, data.answer, actor, since=data.since)
    return await campaigns.get_campaign(pool, user.workspace_id, campaign_id)


@answered(
    "/senders/{id:int}/held",
    tags=["senders"],
    summary="Say how to go on with a sender that its server's refusals hold back",
)
async def answer_held_sender(
    pool: ThePool, user: TheUser, actor: TheActor, sender_id: Id, data: JSONBody[HeldAnswer]
) -> Sender:
    await holds.answer_sender(pool, user.workspace_id, sender_id, data.answer, actor, since=data.since)
    return await senders.get_sender(pool, user.workspace_id, sender_id)
