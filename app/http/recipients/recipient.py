"""One recipient over HTTP: whether they are written to, and all that was and will be sent to them, by any campaign."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from app.domain.pages import PageRequest
from app.domain.recipients import recipient
from app.domain.recipients.recipient import RecipientPage
from app.domain.workspaces.roles import VIEWER
from app.http.errors import problems
from app.http.parameters import Cursor, Limit, TheInstallation, ThePool, TheUser


@get(
    "/",
    opt={"role": VIEWER},
    summary="One address over all campaigns: its suppressions, and every email, latest first",
    description="Also of an address that was never written to: `emails` is 0 then.",
    responses=problems(),
)
async def get_recipient(
    pool: ThePool,
    user: TheUser,
    installation: TheInstallation,
    email: Annotated[str, QueryParameter(name="email", description="The address, in any case.")],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RecipientPage:
    return await recipient.get_recipient(pool, user.workspace_id, email, PageRequest(limit, cursor), installation)
