"""Finding a mailbox's servers by its address, over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from app.domain.oauth.providers import Providers
from app.domain.operations.host_policy import HostPolicy
from app.domain.operations.resolver import Resolver
from app.domain.senders import discovery
from app.domain.senders.discovery import EMAIL, Discovered, Finder
from app.domain.workspaces.roles import MEMBER
from app.http.errors import problems
from app.http.parameters import TheMailProviders, TheSettings, TheUser
from app.settings import Settings, trust


@get(
    "/senders/discover",
    opt={"role": MEMBER},
    tags=["senders"],
    summary="Find a mailbox's servers by its address",
    description=(
        "Asks DNS and the address's domain, within 20 seconds. Where `confirmed` is false, what was found is a "
        "proposal: show it to a person before a password goes there."
    ),
    responses=problems(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def discover_servers(
    user: TheUser,
    settings: TheSettings,
    mail_providers: TheMailProviders,
    email: Annotated[str, QueryParameter(name="email", min_length=EMAIL.least, max_length=EMAIL.most)],
) -> Discovered:
    return await discovery.discover_for(user.id, finder_of(settings, mail_providers), email)


def finder_of(settings: Settings, providers: Providers) -> Finder:
    """The sources that this installation asks."""
    return Finder(providers, HostPolicy.of(settings), Resolver.of(settings), trust(settings.smtp_ca_file))
