"""One recipient over HTTP: everything kept about them (GDPR, article 15), or nothing of it any more (article 17)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream

from app.domain.recipients import erasure, personal_data
from app.domain.recipients.erasure import Erased
from app.domain.workspaces.keys import Scope
from app.domain.workspaces.roles import OWNER
from app.http.errors import problems
from app.http.parameters import TheActor, ThePool, TheUser
from app.http.recipients.recipient import get_recipient

ADMIN: Scope = "admin"


class Recipient(msgspec.Struct, forbid_unknown_fields=True):
    """The recipient that it is about."""

    email: str


@get(
    "/export",
    opt={"role": OWNER},
    media_type="application/json",
    summary="Everything kept about one address, over all campaigns",
    response_description="An object with `email`, `emails` (each with its fields, campaign and attempts), the "
    "`suppression` if there is one, `rejected` rows of recent requests, `sandboxMessages`, `responses`, what "
    "`savedLists` have, `copies` of campaigns, which kept texts, drafts and senders it is `namedIn`, and rows of "
    "uploaded `lists`.",
    responses=problems(),
)
async def export_recipient(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    email: Annotated[str, QueryParameter(name="email", description="The address, in any case.")],
) -> Stream:
    pieces = await personal_data.export(pool, user.workspace_id, email, actor)
    headers = {"Content-Disposition": 'attachment; filename="recipient.json"'}
    return Stream(pieces, media_type="application/json", headers=headers)


@post(
    "/erase",
    status_code=HTTPStatus.OK,
    opt={"role": OWNER, "scope": ADMIN},
    summary="Erase an address and all that is kept about it, over all campaigns, for good",
    description="What waits for it is CANCELLED. Where `beingSent` is not 0, an email is at an SMTP server this "
    "moment: ask again in a minute.",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def erase_recipient(pool: ThePool, user: TheUser, actor: TheActor, data: JSONBody[Recipient]) -> Erased:
    return await erasure.erase(pool, user.workspace_id, data.email, actor)


router = Router("/recipients", tags=["recipients"], route_handlers=[get_recipient, export_recipient, erase_recipient])
