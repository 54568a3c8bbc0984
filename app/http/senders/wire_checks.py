"""The wire check of a sender, over HTTP: one mail sent as it and read back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from litestar import get, post
from litestar.params import QueryParameter

from app.domain.senders import wire_checks
from app.domain.senders.wire_checks import WireCheck
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.http.errors import problems
from app.http.parameters import Id, TheActor, ThePool, TheUser

_TO = "The address of another sender of the workspace whose mailbox is read here; without it the sender's own."


@post(
    "/senders/{id:int}/check",
    opt={"role": MEMBER},
    tags=["senders"],
    status_code=HTTPStatus.ACCEPTED,
    summary="Send a mail as the sender and read it back",
    description=(
        "A worker does it, within the sender's limits, which takes up to five minutes; ask for what it showed by GET. "
        "One at a time for a sender: 409 while another runs. Mail to oneself within one provider may carry neither "
        "signature nor results: then an address elsewhere tells more."
    ),
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def request_wire_check(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    sender_id: Id,
    to: Annotated[str | None, QueryParameter(name="to", max_length=320, description=_TO)] = None,
) -> WireCheck:
    return await wire_checks.request_check(pool, actor, user.workspace_id, sender_id, to)


@get(
    "/senders/{id:int}/check",
    opt={"role": VIEWER},
    tags=["senders"],
    summary="What the sender's last check on the wire showed",
    description="404 where there was none since the sender got its address and servers.",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_wire_check(pool: ThePool, user: TheUser, sender_id: Id) -> WireCheck:
    return await wire_checks.read_check(pool, user.workspace_id, sender_id)
