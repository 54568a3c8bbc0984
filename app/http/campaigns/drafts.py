"""Drafts of campaigns over HTTP, which a workspace shares."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, post, put
from litestar.params import JSONBody, QueryParameter

from app.bounds import LABEL
from app.domain.campaigns import kept_drafts
from app.domain.campaigns.kept_drafts import NAMED, DraftSummary, DraftText, KeptDraft
from app.domain.pages import Page, PageRequest
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.http.campaigns.message import AnId
from app.http.campaigns.rendering import MAX_BODY
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Id, Limit, TheActor, ThePool, TheQuotas, TheUser

LATEST = 2**31 - 1  # the highest version that a column of the table holds


class DraftBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A draft to keep: any JSON object that its writer understands, and which `lists` of recipients and
    `files` it names, which stay meanwhile.
    """

    name: Annotated[str, LABEL]
    content: dict[str, Any]
    lists: Annotated[list[AnId], NAMED] = []
    files: Annotated[list[AnId], NAMED] = []

    def text(self) -> DraftText:
        return DraftText(name=self.name, content=self.content, lists=self.lists, files=self.files)


class SavedDraft(DraftBody, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The same, and the `version` that it began with."""

    version: Annotated[int, msgspec.Meta(ge=1, le=LATEST)]


@get("/", opt={"role": VIEWER}, summary="List drafts, newest first", responses=problems())
async def list_drafts(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[DraftSummary], schema_name("DraftPage")]:
    return await kept_drafts.page(pool, user.workspace_id, PageRequest(limit, cursor))


@post(
    "/",
    opt={"role": MEMBER},
    request_max_body_size=MAX_BODY,
    summary="Keep a draft",
    responses=problems(HTTPStatus.CONFLICT),
)
async def create_draft(
    pool: ThePool, user: TheUser, actor: TheActor, quotas: TheQuotas, data: JSONBody[DraftBody]
) -> KeptDraft:
    return await kept_drafts.keep(pool, user.workspace_id, data.text(), actor, quotas)


@get("/{id:int}", opt={"role": VIEWER}, summary="A draft", responses=problems(HTTPStatus.NOT_FOUND))
async def get_draft(pool: ThePool, user: TheUser, draft_id: Id) -> KeptDraft:
    return await kept_drafts.get(pool, user.workspace_id, draft_id)


@put(
    "/{id:int}",
    opt={"role": MEMBER},
    request_max_body_size=MAX_BODY,
    summary="Save a draft anew, unless somebody else has saved it meanwhile",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def save_draft(
    pool: ThePool, user: TheUser, actor: TheActor, quotas: TheQuotas, draft_id: Id, data: JSONBody[SavedDraft]
) -> KeptDraft:
    return await kept_drafts.save(pool, user.workspace_id, draft_id, data.text(), data.version, actor, quotas)


@delete(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Delete a draft",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_draft(
    pool: ThePool,
    user: TheUser,
    draft_id: Id,
    version: Annotated[
        int | None,
        QueryParameter(
            ge=1,
            le=LATEST,
            description="The version to delete; where it is another by now, 409 `draft_changed`. Without it, any.",
        ),
    ] = None,
) -> None:
    await kept_drafts.remove(pool, user.workspace_id, draft_id, version)


router = Router(
    "/drafts",
    tags=["campaigns"],
    route_handlers=[list_drafts, create_draft, get_draft, save_draft, delete_draft],
)
