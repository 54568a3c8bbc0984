"""Retiring a sender, and taking that back, over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from litestar import post

from app.domain.campaigns import retiring
from app.domain.senders.senders import Sender
from app.domain.workspaces.roles import MEMBER
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheQuotas, TheUser


@post(
    "/senders/{id:int}/retire",
    opt={"role": MEMBER},
    tags=["senders"],
    status_code=HTTPStatus.OK,
    summary="Have no campaign choose the sender any more",
    description=(
        "Its campaigns' other senders get what it has not begun; what it has begun it ends. Its record stays. 409 for "
        "the default sender, and while a campaign that is not over has no other sender."
    ),
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def retire_sender(pool: ThePool, user: TheUser, actor: TheActor, sender_id: Id) -> Sender:
    return await retiring.retire(pool, user.workspace_id, sender_id, actor)


@post(
    "/senders/{id:int}/reinstate",
    opt={"role": MEMBER},
    tags=["senders"],
    status_code=HTTPStatus.OK,
    summary="Let campaigns choose a retired sender again",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def reinstate_sender(pool: ThePool, user: TheUser, actor: TheActor, quotas: TheQuotas, sender_id: Id) -> Sender:
    return await retiring.reinstate(pool, user.workspace_id, sender_id, actor, quotas)
