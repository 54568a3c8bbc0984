"""Suppressions over HTTP: whom a workspace writes to no more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, BinaryIO, cast

import msgspec
from litestar import Router, delete, get, post
from litestar.openapi.spec import Operation
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream

from app.bounds import NOTE
from app.domain.pages import Page, PageRequest
from app.domain.recipients import workbooks
from app.domain.suppressions import suppressions
from app.domain.suppressions.suppress import Reason
from app.domain.suppressions.suppressions import (
    AT_ONCE,
    REASONS,
    WHY,
    Added,
    Asked,
    Filter,
    Removal,
    Removed,
    Said,
    Suppression,
)
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import InvalidInput
from app.http.bodies import JSON, decode, read, require_content_type, room_for_body
from app.http.campaigns.message import AnId
from app.http.campaigns.schedule import BINARY, MAX_BODY, UNREADABLE
from app.http.errors import AnyRequest, problems
from app.http.forms import MULTIPART, form_of
from app.http.openapi import one_of_forms, schema_name
from app.http.parameters import Cursor, Id, Limit, TheActor, ThePool, TheQuotas, TheSettings, TheUser

MAX_JSON = 3_000_000  # bytes


class NewSuppressions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Addresses, and domains with all below them, to write to no more."""

    emails: Annotated[list[str], AT_ONCE] = []
    domains: Annotated[list[str], AT_ONCE] = []
    reason: Reason = "MANUAL"
    note: Annotated[str | None, NOTE] = None


class SuppressionsFile(msgspec.Struct, forbid_unknown_fields=True):
    """The same as a CSV or Excel file with a column of addresses; `*@example.com` among them is a domain. A column
    `reason` says why, of rows that have one of the reasons in it.
    """

    file: Annotated[str, msgspec.Meta(extra_json_schema=BINARY)]
    reason: Reason = "MANUAL"
    note: Annotated[str | None, NOTE] = None


@dataclass
class AddOperation(Operation):
    """Documents the two forms, which one handler takes."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({JSON: NewSuppressions, MULTIPART: SuppressionsFile})


Search = Annotated[
    str | None,
    QueryParameter(
        name="q",
        description="A part of the address or domain. A whole one finds what keeps it from being written to: its "
        "domain's, and one that was erased, too.",
    ),
]
OfReason = Annotated[Reason | None, QueryParameter(name="reason")]


@get("/", opt={"role": VIEWER}, summary="Whom the workspace writes to no more, newest first", responses=problems())
async def list_suppressions(
    pool: ThePool,
    user: TheUser,
    q: Search = None,
    reason: OfReason = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Annotated[Page[Suppression], schema_name("SuppressionPage")]:
    return await suppressions.page(pool, user.workspace_id, Filter(q, reason), PageRequest(limit, cursor))


@get("/counts", opt={"role": VIEWER}, summary="How many there are of each reason", responses=problems())
async def count_suppressions(pool: ThePool, user: TheUser) -> dict[Reason, int]:
    return await suppressions.counts(pool, user.workspace_id)


@post(
    "/",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Write to addresses and domains no more",
    description="What waits for the addresses is CANCELLED at once, what waits for a domain soon after, and nothing of "
    "it is sent meanwhile. What is at a server this moment may still arrive. One that is there already stays as it is; "
    "only what somebody said themselves (UNSUBSCRIBED, COMPLAINED, REPLIED_STOP) takes the place of another reason.",
    request_max_body_size=MAX_BODY,
    operation_class=AddOperation,
    responses=problems(HTTPStatus.CONFLICT, *UNREADABLE),
)
async def add_suppressions(
    request: AnyRequest, pool: ThePool, user: TheUser, actor: TheActor, settings: TheSettings, quotas: TheQuotas
) -> Added:
    async with room_for_body(request, has_file=True):
        if require_content_type(request, JSON, MULTIPART) == JSON:
            sent = decode(await read(request, at_most=MAX_JSON), NewSuppressions)
            asked = Asked(sent.reason, sent.note, quotas)
            return await suppressions.add(pool, user.workspace_id, sent.emails, sent.domains, asked, actor)
        async with form_of(request) as form:
            if form.texts.keys() - {"reason", "note"} or form.files.keys() != {"file"}:
                raise InvalidInput({"file": "is what to send, a CSV or Excel file, with `reason` and `note` at most"})
            asked = Asked(_reason(form.texts.get("reason", "MANUAL")), form.texts.get("note"), quotas)
            file = cast(BinaryIO, form.files["file"].file)
            # A filter says who is to be written to; who is not stays so behind it, and on every sheet.
            async with workbooks.as_csv(file, user.workspace_id, whole=True) as (content, _):
                internal = frozenset(settings.allow_internal_domains)
                return await suppressions.add_file(pool, user.workspace_id, content, asked, actor, internal)


def _reason(text: str) -> Reason:
    if text not in REASONS:
        raise InvalidInput({"reason": f"is none of {', '.join(REASONS)}"})
    return text


@get(
    "/export",
    opt={"role": VIEWER},
    media_type="text/csv",
    summary="The same list, oldest first, as CSV that can be added elsewhere",
    response_description="A domain is written `*@example.com`. What spreadsheets take for a formula has an apostrophe "
    "in front, which is left out when the file is read. Those that were erased have no name, and are not in it.",
    responses=problems(),
)
async def export_suppressions(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    q: Search = None,
    reason: OfReason = None,
    spreadsheet: Annotated[
        bool, QueryParameter(name="spreadsheet", description="With the mark by which Excel knows UTF-8.")
    ] = False,
) -> Stream:
    lines = await suppressions.export(pool, actor, user.workspace_id, Filter(q, reason), spreadsheet=spreadsheet)
    headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
    return Stream(lines, media_type="text/csv; charset=utf-8", headers=headers)


class SuppressionRemovalBody(msgspec.Struct, forbid_unknown_fields=True):
    """A word why, without names."""

    why: Annotated[str, WHY]


@delete(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Allow writing to them again; the audit log keeps who said so, and why",
    description="What was cancelled stays so.",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def remove_suppression(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    suppression_id: Id,
    data: JSONBody[SuppressionRemovalBody],
) -> None:
    await suppressions.remove(pool, user.workspace_id, suppression_id, data.why, actor)


class SuppressionsRemovalBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """The suppressions to remove, and a word why, without names: those of a campaign, since a time, or both."""

    reason: Said
    why: Annotated[str, WHY]
    campaign_id: AnId | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


@post(
    "/remove",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Allow writing to many again; the audit log keeps who said so, and why",
    description="For when a server said of all that they do not exist. What somebody said themselves stays, and what "
    "was cancelled does.",
    responses=problems(),
)
async def remove_suppressions(
    pool: ThePool, user: TheUser, actor: TheActor, data: JSONBody[SuppressionsRemovalBody]
) -> Removed:
    which = Removal(data.reason, data.campaign_id, data.since)
    return await suppressions.remove_some(pool, user.workspace_id, which, data.why, actor)


router = Router(
    "/suppressions",
    tags=["suppressions"],
    route_handlers=[
        list_suppressions,
        count_suppressions,
        add_suppressions,
        export_suppressions,
        remove_suppression,
        remove_suppressions,
    ],
)
