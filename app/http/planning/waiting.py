"""Why it does not go now, over HTTP: of a campaign, an email, and all senders of a page at once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from app.domain.planning import waiting
from app.domain.planning.reasons import Waiting
from app.domain.workspaces.roles import VIEWER
from app.http.errors import problems
from app.http.parameters import MAX_ID, Id, TheInstallation, ThePool, TheUser

MOST_SENDERS = 500  # as many as a page has


class SenderWaiting(msgspec.Struct, rename="camel"):
    """Of what a sender sends next: why it does not go now."""

    sender_id: int
    waiting: Waiting


@get(
    "/campaigns/{id:int}/waiting",
    opt={"role": VIEWER},
    tags=["campaigns"],
    summary="Why the campaign's next email does not go now, and what would change that",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def campaign_waiting(pool: ThePool, user: TheUser, installation: TheInstallation, campaign_id: Id) -> Waiting:
    return await waiting.of_campaign(pool, user.workspace_id, campaign_id, installation)


@get(
    "/emails/{id:int}/waiting",
    opt={"role": VIEWER},
    tags=["emails"],
    summary="Why the email does not go now, and what would change that",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def email_waiting(pool: ThePool, user: TheUser, installation: TheInstallation, email_id: Id) -> Waiting:
    return await waiting.of_email(pool, user.workspace_id, email_id, installation)


@get(
    "/senders/waiting",
    opt={"role": VIEWER},
    tags=["senders"],
    summary="Why what senders send next does not go now; of senders of which something waits",
    responses=problems(),
)
async def senders_waiting(
    pool: ThePool,
    user: TheUser,
    installation: TheInstallation,
    ids: Annotated[
        list[Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]],
        QueryParameter(name="id", description="Of a sender; as often as there are.", max_items=MOST_SENDERS),
    ],
) -> list[SenderWaiting]:
    found = await waiting.of_senders(pool, user.workspace_id, ids, installation)
    return [SenderWaiting(sender_id, of_it) for sender_id, of_it in found.items()]
