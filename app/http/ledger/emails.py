"""Emails over HTTP: found, read with every attempt, and decided on where only a person can."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import MediaType, Response, Router, get, post
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream

from app.domain.campaigns import files
from app.domain.campaigns.campaigns import CampaignKind
from app.domain.ledger import decisions, emails, mending, texts
from app.domain.ledger.decisions import CHOSEN, Chosen, Decided, Decision
from app.domain.ledger.emails import Email, EmailFilter, EmailSummary, ExportColumns
from app.domain.ledger.exchange import EmailStatus
from app.domain.ledger.mending import Correction
from app.domain.ledger.texts import Message
from app.domain.pages import Page, PageRequest
from app.domain.suppressions import stop
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import NotFound
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import (
    MAX_ID,
    CampaignIdFilter,
    Cursor,
    Id,
    Limit,
    SenderIdFilter,
    TheActor,
    TheInstallation,
    ThePool,
    TheSettings,
    TheUser,
)
from app.mail.failures import FailureReason


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    """A person's decision: the email did arrive (`sent`), or is to be sent again (`resend`)."""

    decision: Decision = msgspec.field(name="as")


class Selection(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Either `ids` or `campaignId` for all of a campaign that are in question."""

    ids: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]] | None, CHOSEN] = None
    campaign_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None

    def chosen(self) -> Chosen:
        return Chosen(ids=self.ids, campaign_id=self.campaign_id)


class SelectionResolution(Selection, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The same decision for many, as in `Resolution`."""

    decision: Decision = msgspec.field(name="as")


class CorrectedAddress(msgspec.Struct, forbid_unknown_fields=True):
    """Where an email that failed should have gone."""

    email: str


Status = Annotated[EmailStatus | None, QueryParameter(name="status")]
Kind = Annotated[
    CampaignKind,
    QueryParameter(name="kind", description="DIRECT: tests and the like, left out unless their campaign is named."),
]
FailedFor = Annotated[
    FailureReason | None, QueryParameter(name="failedFor", description="Of those that FAILED, why in a word.")
]
Undecided = Annotated[
    bool,
    QueryParameter(name="undecided", description="Of those that FAILED, only what waits for a person's word."),
]
Search = Annotated[str | None, QueryParameter(name="q", description="A part of the recipient's address.")]


@get(
    "/",
    opt={"role": VIEWER},
    summary="List emails: SCHEDULED ones soonest first, all others newest first",
    responses=problems(),
)
async def list_emails(
    pool: ThePool,
    user: TheUser,
    installation: TheInstallation,
    status: Status = None,
    campaign_id: CampaignIdFilter = None,
    sender_id: SenderIdFilter = None,
    q: Search = None,
    kind: Kind = "LIST",
    failed_for: FailedFor = None,
    undecided: Undecided = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Annotated[Page[EmailSummary], schema_name("EmailPage")]:
    wanted = EmailFilter(status, campaign_id, sender_id, q, kind, failed_for, undecided)
    return await emails.list_emails(pool, user.workspace_id, wanted, PageRequest(limit, cursor), installation)


@get(
    "/export",
    opt={"role": VIEWER},
    media_type="text/csv",
    summary="The same list, all of it, as CSV",
    description="As a `table`, with columns as in the list; as a `list` of recipients, with their addresses and merge "
    "fields, which can be uploaded again.",
    response_description="What spreadsheets take for a formula has an apostrophe in front, which is left out when the "
    "file is read as a list.",
    responses=problems(),
)
async def export_emails(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    status: Status = None,
    campaign_id: CampaignIdFilter = None,
    sender_id: SenderIdFilter = None,
    q: Search = None,
    kind: Kind = "LIST",
    failed_for: FailedFor = None,
    undecided: Undecided = False,
    columns: Annotated[ExportColumns, QueryParameter(name="columns")] = "table",
    spreadsheet: Annotated[
        bool, QueryParameter(name="spreadsheet", description="With the mark by which Excel knows UTF-8.")
    ] = False,
) -> Stream:
    wanted = EmailFilter(status, campaign_id, sender_id, q, kind, failed_for, undecided)
    lines = await emails.export(pool, actor, user.workspace_id, wanted, columns=columns, spreadsheet=spreadsheet)
    headers = {"Content-Disposition": 'attachment; filename="emails.csv"'}
    return Stream(lines, media_type="text/csv; charset=utf-8", headers=headers)


@get(
    "/{id:int}",
    opt={"role": VIEWER},
    summary="An email with all its attempts",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_email(pool: ThePool, user: TheUser, email_id: Id) -> Email:
    return await emails.get_email(pool, user.workspace_id, email_id)


@get(
    "/{id:int}/message",
    opt={"role": VIEWER},
    summary="What an email says: as it was sent, or as it would be",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def get_email_message(pool: ThePool, user: TheUser, settings: TheSettings, email_id: Id) -> Message:
    return await texts.get_message(pool, user.workspace_id, email_id, settings.base_url)


@get(
    "/{id:int}/message/html",
    opt={"framed": True, "role": VIEWER},
    media_type=MediaType.HTML,
    summary="The HTML of an email, fit to be shown in a frame",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def show_email_message(pool: ThePool, user: TheUser, settings: TheSettings, email_id: Id) -> Response[str]:
    message = await texts.get_message(pool, user.workspace_id, email_id, settings.base_url)
    if message.html is None:
        raise NotFound("the email has no HTML")
    html = await files.shown(pool, user.workspace_id, message.html)
    return Response(html, media_type=MediaType.HTML)


@post(
    "/{id:int}/retry",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Send a FAILED email again",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def retry_email(pool: ThePool, user: TheUser, actor: TheActor, email_id: Id) -> Email:
    return await decisions.retry(pool, user.workspace_id, email_id, actor)


@post(
    "/{id:int}/resolve",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Decide on an UNKNOWN email: it was sent, or is to be sent again",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def resolve_email(
    pool: ThePool, user: TheUser, actor: TheActor, email_id: Id, data: JSONBody[Resolution]
) -> Email:
    return await decisions.resolve(pool, user.workspace_id, email_id, data.decision, actor)


@post(
    "/{id:int}/stop",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Stop an email that waits; its recipient stays in other campaigns",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def stop_email(pool: ThePool, user: TheUser, actor: TheActor, email_id: Id) -> Email:
    return await stop.stop(pool, user.workspace_id, email_id, actor)


@post(
    "/{id:int}/mend",
    opt={"role": MEMBER},
    summary="Send a FAILED email to a corrected address, as a new email of its campaign",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def mend_email(
    pool: ThePool, user: TheUser, actor: TheActor, settings: TheSettings, email_id: Id, data: JSONBody[CorrectedAddress]
) -> Email:
    correction = Correction(email_id, data.email)
    return await mending.mend(pool, user.workspace_id, correction, actor, settings.allow_internal_domains)


@post(
    "/retry",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Send FAILED emails again, from now on, spaced as their campaigns are",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def retry_emails(pool: ThePool, user: TheUser, actor: TheActor, data: JSONBody[Selection]) -> Decided:
    return await decisions.retry_many(pool, user.workspace_id, data.chosen(), actor)


@post(
    "/resolve",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Decide on UNKNOWN emails, all the same way",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def resolve_emails(pool: ThePool, user: TheUser, actor: TheActor, data: JSONBody[SelectionResolution]) -> Decided:
    return await decisions.resolve_many(pool, user.workspace_id, data.chosen(), data.decision, actor)


router = Router(
    "/emails",
    tags=["emails"],
    route_handlers=[
        list_emails,
        export_emails,
        get_email,
        get_email_message,
        show_email_message,
        retry_email,
        resolve_email,
        stop_email,
        mend_email,
        retry_emails,
        resolve_emails,
    ],
)
