"""Senders over HTTP: mailboxes with their servers, flat on the wire. A password goes in and never comes out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from app.bounds import DAILY_LIMIT, HOURLY_LIMIT, LEAST_GAP_S, REMARK, ZONE
from app.domain.campaigns.beside import addressed
from app.domain.operations.host_policy import HostPolicy
from app.domain.pages import Page, PageRequest
from app.domain.senders import imports, senders, verification
from app.domain.senders.draft import (
    LOGIN,
    MAX_CONNECTIONS,
    PORT,
    ImapServer,
    RampUp,
    SenderChanges,
    SenderDraft,
    Server,
)
from app.domain.senders.imports import CSV, Imported, Terms
from app.domain.senders.senders import Sender
from app.domain.senders.verification import Verification
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import InvalidInput
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import (
    Cursor,
    Id,
    Limit,
    TheActor,
    TheBox,
    TheMailProviders,
    ThePool,
    TheQuotas,
    TheSettings,
    TheUser,
)
from app.http.senders.discovery import finder_of
from app.settings import SmtpSecurity

_PORTS: dict[SmtpSecurity, int] = {"none": 25, "starttls": 587, "tls": 465}


class SenderBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A new mailbox; answers go to `replyTo` where it is given. Without `host` it uses the fallback server; `port`
    follows from `security` unless given.

    `dailyLimit` counts a clock hour and the 23 before it; days of `rampUp` are those of `timezone`, an IANA name (null:
    UTC). With a `host` and `username` that another sender has it shares the limits of that one, whatever is given; it
    takes no password where that one is connected at a provider. `imap` is where its mailbox is read: without a
    `username` there as the SMTP server is logged in to.
    """

    email: str
    display_name: Annotated[str, REMARK] = ""
    reply_to: str | None = None
    host: str | None = None
    port: Annotated[int | None, PORT] = None
    security: SmtpSecurity | None = None
    username: Annotated[str | None, LOGIN] = None
    password: Annotated[str | None, LOGIN] = None
    hourly_limit: Annotated[int | None, HOURLY_LIMIT] = None
    max_connections: Annotated[int | None, MAX_CONNECTIONS] = None
    daily_limit: Annotated[int | None, DAILY_LIMIT] = None
    least_gap_seconds: Annotated[int | None, LEAST_GAP_S] = None
    ramp_up: RampUp | None = None
    timezone: Annotated[str | None, ZONE] = None
    imap: ImapServer | None = None
    copy_to_sent: bool | None = None


class SenderPatch(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The changes to make; fields left out stay as they are.

    `host` null goes back to the fallback server, `username` null removes the login; of `replyTo`, `dailyLimit`,
    `leastGapSeconds`, `rampUp` and `timezone`, null removes what there is. Limits are those of all senders that log in
    alike. With a `host` and `username` that another sender has, it shares the limits of that one, whatever is given
    here. `imap` null has the mailbox read no more. Without a `username` there it is read as the SMTP server is logged
    in to; the password has to be given again for an IMAP server that it was not given for.
    """

    email: str | msgspec.UnsetType = msgspec.UNSET
    display_name: Annotated[str | msgspec.UnsetType, REMARK] = msgspec.UNSET
    reply_to: str | msgspec.UnsetType | None = msgspec.UNSET
    host: str | msgspec.UnsetType | None = msgspec.UNSET
    port: Annotated[int | msgspec.UnsetType, PORT] = msgspec.UNSET
    security: SmtpSecurity | msgspec.UnsetType = msgspec.UNSET
    username: Annotated[str | msgspec.UnsetType | None, LOGIN] = msgspec.UNSET
    password: Annotated[str | msgspec.UnsetType, LOGIN] = msgspec.UNSET
    hourly_limit: Annotated[int | msgspec.UnsetType, HOURLY_LIMIT] = msgspec.UNSET
    max_connections: Annotated[int | msgspec.UnsetType, MAX_CONNECTIONS] = msgspec.UNSET
    daily_limit: Annotated[int | msgspec.UnsetType | None, DAILY_LIMIT] = msgspec.UNSET
    least_gap_seconds: Annotated[int | msgspec.UnsetType | None, LEAST_GAP_S] = msgspec.UNSET
    ramp_up: RampUp | msgspec.UnsetType | None = msgspec.UNSET
    timezone: Annotated[str | msgspec.UnsetType | None, ZONE] = msgspec.UNSET
    imap: ImapServer | msgspec.UnsetType | None = msgspec.UNSET
    copy_to_sent: bool | msgspec.UnsetType = msgspec.UNSET


class ImportBody(msgspec.Struct, forbid_unknown_fields=True):
    """The file's text."""

    csv: Annotated[str, CSV]


@get("/", opt={"role": VIEWER}, summary="List senders, oldest first", responses=problems())
async def list_senders(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Sender], schema_name("SenderPage")]:
    return await senders.list_senders(pool, user.workspace_id, PageRequest(limit, cursor))


@post(
    "/",
    opt={"role": MEMBER},
    summary="Add a mailbox to send from",
    response_description="Added",
    responses=problems(HTTPStatus.CONFLICT),
)
async def create_sender(
    pool: ThePool,
    box: TheBox,
    user: TheUser,
    settings: TheSettings,
    actor: TheActor,
    quotas: TheQuotas,
    mail_providers: TheMailProviders,
    data: JSONBody[SenderBody],
) -> Sender:
    draft = SenderDraft(
        email=data.email,
        display_name=data.display_name,
        **addressed({"reply_to": data.reply_to}, settings.allow_internal_domains),
        server=_server({name: getattr(data, name) for name in Server.__struct_fields__}),
        hourly_limit=data.hourly_limit,
        max_connections=data.max_connections,
        daily_limit=data.daily_limit,
        least_gap_seconds=data.least_gap_seconds,
        ramp_up=data.ramp_up,
        timezone=data.timezone,
        imap=data.imap,
        copy_to_sent=data.copy_to_sent is not False,
    )
    limit = settings.default_emails_per_hour
    return await senders.create_sender(
        pool,
        box,
        user.workspace_id,
        draft,
        default_hourly_limit=limit,
        policy=HostPolicy.of(settings),
        actor=actor,
        providers=mail_providers,
        most=quotas,
    )


@post(
    "/import",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Add several mailboxes, of a CSV file",
    description=(
        "The first row has the columns: `email`, `host`, `port`, `security`, `username`, `password`, `hourlyLimit`, "
        "`dailyLimit`, `imapHost` and so on, as for one sender, separated by commas, semicolons or tabs. With an "
        "address at a provider that is known, or at a domain that tells where its servers are, `email` and `password` "
        "are enough. 500 rows at most; servers are looked for at 20 domains, for 45 seconds."
    ),
    responses=problems(),
)
async def import_senders(
    pool: ThePool,
    box: TheBox,
    user: TheUser,
    settings: TheSettings,
    actor: TheActor,
    quotas: TheQuotas,
    mail_providers: TheMailProviders,
    data: JSONBody[ImportBody],
) -> Imported:
    finder = finder_of(settings, mail_providers)
    terms = Terms(box, HostPolicy.of(settings), settings.default_emails_per_hour, quotas, finder)
    return await imports.import_senders(pool, terms, actor, user.workspace_id, data.csv)


@get(
    "/{id:int}",
    opt={"role": VIEWER},
    summary="A sender, and what troubles it",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_sender(pool: ThePool, user: TheUser, sender_id: Id) -> Sender:
    return await senders.get_sender(pool, user.workspace_id, sender_id)


@patch(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Change a sender; a new limit plans its campaigns again",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def change_sender(
    pool: ThePool,
    box: TheBox,
    user: TheUser,
    settings: TheSettings,
    actor: TheActor,
    mail_providers: TheMailProviders,
    sender_id: Id,
    data: JSONBody[SenderPatch],
) -> Sender:
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    given |= addressed(given, settings.allow_internal_domains)
    server_fields = {name: given.pop(name) for name in Server.__struct_fields__ if name in given}
    server: Server | msgspec.UnsetType | None = msgspec.UNSET
    if server_fields:
        before = await senders.get_sender(pool, user.workspace_id, sender_id)
        kept = {name: getattr(before, name, None) for name in Server.__struct_fields__}
        leaves = server_fields.get("host", before.host) is None
        server = _server(server_fields if leaves else kept | server_fields)
    return await senders.change_sender(
        pool,
        box,
        user.workspace_id,
        sender_id,
        SenderChanges(**given, server=server),
        actor,
        policy=HostPolicy.of(settings),
        providers=mail_providers,
        sandboxed=settings.sandboxed,
    )


@delete(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Remove a sender that no campaign names",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_sender(pool: ThePool, user: TheUser, actor: TheActor, sender_id: Id) -> None:
    await senders.delete_sender(pool, user.workspace_id, sender_id, actor)


@post(
    "/{id:int}/verify",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Connect to the sender's server and log in",
    description="It takes 15 seconds at most. One check at a time in a workspace: 409 while another runs, and "
    "where the sender gets other servers meanwhile.",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def verify_sender(pool: ThePool, user: TheUser, sender_id: Id) -> Verification:
    return await verification.verify_sender(pool, user.workspace_id, sender_id)


def _server(fields: dict[str, Any]) -> Server | None:
    """The server that `fields` describe; None, absent or as value, is not given. Raises InvalidInput."""
    given = {name: value for name, value in fields.items() if value is not None}
    if not given:
        return None
    if "host" not in given:
        raise InvalidInput({name: "goes with a host; without one the fallback server is used" for name in given})
    security: SmtpSecurity = given.setdefault("security", "starttls")
    given.setdefault("port", _PORTS[security])
    return Server(**given)


router = Router(
    "/senders",
    tags=["senders"],
    route_handlers=[
        list_senders,
        create_sender,
        import_senders,
        get_sender,
        change_sender,
        delete_sender,
        verify_sender,
    ],
)
