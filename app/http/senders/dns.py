"""The DNS check of a sender's domain, over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from app.domain.operations.resolver import Resolver
from app.domain.senders import dns
from app.domain.senders.dns import DnsCheck
from app.domain.workspaces.roles import VIEWER
from app.http.errors import problems
from app.http.parameters import Id, ThePool, TheSettings, TheUser


@get(
    "/senders/{id:int}/dns",
    opt={"role": VIEWER},
    tags=["senders"],
    summary="What DNS says of the sender's domain: SPF, DKIM, DMARC, MX",
    description="As it was found in the last 24 hours, or now; asked again each day. No campaign waits for it.",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def check_dns(
    pool: ThePool,
    user: TheUser,
    settings: TheSettings,
    sender_id: Id,
    anew: Annotated[bool, QueryParameter(name="anew", description="Ask now.")] = False,
) -> DnsCheck:
    return await dns.read_check(pool, Resolver.of(settings), user.workspace_id, sender_id, anew=anew)
