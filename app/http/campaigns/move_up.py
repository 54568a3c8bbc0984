"""New recipients that move up into room that answers free, over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from litestar import get, post

from app.domain.planning import move_up as moves
from app.domain.planning.move_up import MovedUp
from app.domain.workspaces.roles import MEMBER
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheUser


@get(
    "/{id:int}/move-up",
    summary="When new recipients last moved up into room that answers freed, and what that changed",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def moved_up(pool: ThePool, user: TheUser, campaign_id: Id) -> MovedUp:
    return await moves.moved_up(pool, user.workspace_id, campaign_id)


@post(
    "/{id:int}/move-up",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Have new recipients move up into room that answers freed, now and not with the day",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def move_up(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> MovedUp:
    return await moves.move_up(pool, user.workspace_id, campaign_id, actor)
