"""Emails over HTTP: found, read with every attempt, and decided on where only a person can."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody, QueryParameter

from app.domain import emails
from app.domain.emails import Email, EmailFilter, EmailStatus, EmailSummary
from app.domain.pages import Page, PageRequest
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import CampaignIdFilter, Cursor, Id, Limit, SenderIdFilter, ThePool, TheUser, TheVisitor


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    """A person's decision: the email did arrive (`sent`), or is to be sent again (`resend`)."""

    decision: Literal["sent", "resend"] = msgspec.field(name="as")


@get("/", summary="List emails, newest first", responses=problems())
async def list_emails(
    pool: ThePool,
    user: TheUser,
    status: Annotated[EmailStatus | None, QueryParameter(name="status")] = None,
    campaign_id: CampaignIdFilter = None,
    sender_id: SenderIdFilter = None,
    q: Annotated[str | None, QueryParameter(name="q", description="A part of the recipient's address.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Annotated[Page[EmailSummary], schema_name("EmailPage")]:
    wanted = EmailFilter(status, campaign_id, sender_id, q)
    return await emails.list_emails(pool, user.id, wanted, PageRequest(limit, cursor))


@get("/{id:int}", summary="An email with all its attempts", responses=problems(HTTPStatus.NOT_FOUND))
async def get_email(pool: ThePool, user: TheUser, email_id: Id) -> Email:
    return await emails.get_email(pool, user.id, email_id)


@post(
    "/{id:int}/retry",
    status_code=HTTPStatus.OK,
    summary="Send a FAILED email again",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def retry_email(pool: ThePool, user: TheUser, visitor: TheVisitor, email_id: Id) -> Email:
    return await emails.retry(pool, user.id, email_id, visitor)


@post(
    "/{id:int}/resolve",
    status_code=HTTPStatus.OK,
    summary="Decide on an UNKNOWN email: it was sent, or is to be sent again",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def resolve_email(
    pool: ThePool, user: TheUser, visitor: TheVisitor, email_id: Id, data: JSONBody[Resolution]
) -> Email:
    return await emails.resolve(pool, user.id, email_id, data.decision, visitor)


router = Router("/emails", tags=["emails"], route_handlers=[list_emails, get_email, retry_email, resolve_email])
