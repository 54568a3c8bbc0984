"""Lists that are kept by name, over HTTP: made, described, grown, looked through, exported, removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.openapi.spec import Operation
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import UNSET, UnsetType

from app.bounds import LABEL, NOTE
from app.domain.pages import Page, PageRequest
from app.domain.recipients import lists, saved_lists
from app.domain.recipients.columns import Columns
from app.domain.recipients.conditions import Condition, check_conditions
from app.domain.recipients.lists import Choices, RecipientList
from app.domain.recipients.saved_lists import About, Grown, SavedList, SavedRecipient
from app.domain.recipients.stored_lists import Named
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.http.bodies import JSON, read, require_content_type, room_for_body
from app.http.campaigns.schedule import MAX_JSON, UNREADABLE
from app.http.errors import AnyRequest, problems
from app.http.openapi import one_of_forms, schema_name
from app.http.parameters import MAX_ID, Cursor, Id, Limit, TheActor, ThePool, TheQuotas, TheSettings, TheUser
from app.http.recipients.choices import Corrections, corrections_of, source_of
from app.http.recipients.sources import JsonRecipients, NullableRecipients, decode_list


class NewSavedList(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A list to begin. `purpose`: what its addresses are kept for; `source`: where they come from."""

    name: Annotated[str, LABEL]
    purpose: Annotated[str | None, NOTE] = None
    source: Annotated[str | None, NOTE] = None


class SavedListPatch(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The changes to make; fields left out stay."""

    name: Annotated[str, LABEL] | UnsetType = UNSET
    purpose: Annotated[str | None, NOTE] | UnsetType = UNSET
    source: Annotated[str | None, NOTE] | UnsetType = UNSET

    def of(self, kept: SavedList) -> About:
        return About(
            kept.name if self.name is UNSET else self.name,
            kept.purpose if self.purpose is UNSET else self.purpose,
            kept.source if self.source is UNSET else self.source,
        )


class MoreRecipients(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Recipients to add, as a campaign takes them: themselves, or a list that was uploaded (`listId`).

    With `preview` nothing is added, and the answer is what it would be.
    """

    recipients: NullableRecipients | UnsetType = UNSET
    list_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None
    columns: Columns | None = None
    every_address: bool = False
    correct_domains: Corrections | None = None
    preview: bool = False


class Conditions(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Those who fit every condition."""

    filter: list[Condition]


class Fitting(msgspec.Struct, rename="camel"):
    """How many recipients fit."""

    recipients: int


@dataclass
class GrowOperation(Operation):
    """Documents the body, which the handler reads by itself."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({JSON: MoreRecipients})


@post(
    "/",
    opt={"role": MEMBER},
    summary="Begin a list that is kept by name",
    responses=problems(HTTPStatus.CONFLICT),
)
async def create_saved_list(pool: ThePool, user: TheUser, actor: TheActor, data: JSONBody[NewSavedList]) -> SavedList:
    return await saved_lists.create(pool, user.workspace_id, About(data.name, data.purpose, data.source), actor)


@get("/", opt={"role": VIEWER}, summary="Lists that are kept by name, newest first", responses=problems())
async def list_saved_lists(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[SavedList], schema_name("SavedListPage")]:
    return await saved_lists.page(pool, user.workspace_id, PageRequest(limit, cursor))


@get("/{id:int}", opt={"role": VIEWER}, summary="A saved list", responses=problems(HTTPStatus.NOT_FOUND))
async def get_saved_list(pool: ThePool, user: TheUser, list_id: Id) -> SavedList:
    return await saved_lists.get(pool, user.workspace_id, list_id)


@patch(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Rename a saved list, or say what it is for and where it comes from",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def change_saved_list(pool: ThePool, user: TheUser, list_id: Id, data: JSONBody[SavedListPatch]) -> SavedList:
    return await saved_lists.change(pool, user.workspace_id, list_id, data.of)


@delete(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Remove a saved list with its recipients; campaigns made of it stay",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def delete_saved_list(pool: ThePool, user: TheUser, actor: TheActor, list_id: Id) -> None:
    await saved_lists.remove(pool, user.workspace_id, list_id, actor)


@post(
    "/{id:int}/recipients",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Add recipients to a saved list, and update the fields of those who are there",
    description="All or nothing. A field that comes without text changes nothing.",
    request_max_body_size=MAX_JSON,
    operation_class=GrowOperation,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, *UNREADABLE),
)
async def grow_saved_list(
    request: AnyRequest,
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    quotas: TheQuotas,
    settings: TheSettings,
    list_id: Id,
) -> Grown:
    require_content_type(request, JSON)
    async with room_for_body(request):
        sent = decode_list(await read(request, at_most=MAX_JSON), MoreRecipients)
        choices = Choices(
            frozenset(settings.allow_internal_domains), sent.every_address, corrections_of(sent.correct_domains)
        )
        source = source_of(sent.recipients, sent.list_id, sent.columns, choices)

        given = _given(source, choices)
        return await saved_lists.grow(pool, user.workspace_id, list_id, given, actor, quotas, preview=sent.preview)


def _given(source: JsonRecipients | Named, choices: Choices) -> Callable[[frozenset[str]], RecipientList] | Named:
    if isinstance(source, Named):
        return source
    return lambda required: lists.from_json(source, required=required, choices=choices)


@get(
    "/{id:int}/recipients",
    opt={"role": VIEWER},
    summary="Recipients of a saved list, in the order in which they came",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def list_saved_recipients(
    pool: ThePool,
    user: TheUser,
    list_id: Id,
    q: Annotated[str | None, QueryParameter(name="q", description="A part of the address.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Annotated[Page[SavedRecipient], schema_name("SavedRecipientPage")]:
    asked = PageRequest(limit, cursor)
    return await saved_lists.page_of_recipients(pool, user.workspace_id, list_id, q, (), asked)


@post(
    "/{id:int}/count",
    opt={"role": VIEWER, "scope": "read"},
    status_code=HTTPStatus.OK,
    summary="How many recipients of a saved list a filter leaves",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def count_saved_recipients(pool: ThePool, user: TheUser, list_id: Id, data: JSONBody[Conditions]) -> Fitting:
    return Fitting(await saved_lists.count(pool, user.workspace_id, list_id, check_conditions(data.filter)))


@delete(
    "/{id:int}/recipients",
    opt={"role": MEMBER},
    summary="Take one recipient out of a saved list",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def delete_saved_recipient(
    pool: ThePool,
    user: TheUser,
    list_id: Id,
    email: Annotated[str, QueryParameter(name="email", description="The address, in any case.")],
) -> None:
    await saved_lists.remove_recipient(pool, user.workspace_id, list_id, email)


@get(
    "/{id:int}/export",
    opt={"role": VIEWER},
    media_type="text/csv",
    summary="A saved list as CSV, which can be uploaded again",
    response_description="A column `email` and one for each merge field. What spreadsheets take for a formula has an "
    "apostrophe in front, which is left out when the file is read again.",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def export_saved_list(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    list_id: Id,
    spreadsheet: Annotated[
        bool, QueryParameter(name="spreadsheet", description="With the mark by which Excel knows UTF-8.")
    ] = False,
) -> Stream:
    lines = await saved_lists.export(pool, actor, user.workspace_id, list_id, spreadsheet=spreadsheet)
    headers = {"Content-Disposition": 'attachment; filename="list.csv"'}
    return Stream(lines, media_type="text/csv; charset=utf-8", headers=headers)


router = Router(
    "/saved-lists",
    tags=["recipients"],
    route_handlers=[
        create_saved_list,
        list_saved_lists,
        get_saved_list,
        change_saved_list,
        delete_saved_list,
        grow_saved_list,
        list_saved_recipients,
        count_saved_recipients,
        delete_saved_recipient,
        export_saved_list,
    ],
)
