"""The order of a sender's campaigns, over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from litestar import delete, post

from app.domain.campaigns import priority
from app.domain.campaigns.campaigns import Campaign
from app.domain.workspaces.roles import MEMBER
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheUser


@post(
    "/{id:int}/first",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Plan it before the other campaigns of its senders",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def put_first(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> Campaign:
    return await priority.put_first(pool, user.workspace_id, campaign_id, actor)


@delete(
    "/{id:int}/first",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Plan it in the order of scheduling again",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def put_first_no_longer(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> Campaign:
    return await priority.put_first_no_longer(pool, user.workspace_id, campaign_id, actor)
