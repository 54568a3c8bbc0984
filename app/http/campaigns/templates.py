"""Kept texts over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from app.bounds import LABEL, TEXT
from app.domain.campaigns import templates
from app.domain.campaigns.beside import addressed
from app.domain.campaigns.templates import Template, TemplateSummary
from app.domain.pages import Page, PageRequest
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.http.campaigns.message import MessageFields, MessagePatch
from app.http.campaigns.rendering import MAX_BODY
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Id, Limit, ThePool, TheSettings, TheUser


class TemplateBody(MessageFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A text to keep, whole, with what goes beside it: what is left out is empty."""

    name: Annotated[str, LABEL]
    subject: Annotated[str, TEXT] = ""


class TemplatePatch(MessagePatch, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The changes to make; fields left out stay as they are, null removes where there may be none."""

    name: Annotated[str | msgspec.UnsetType, LABEL] = msgspec.UNSET


@get("/", opt={"role": VIEWER}, summary="List templates, newest first", responses=problems())
async def list_templates(
    pool: ThePool, user: TheUser, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[TemplateSummary], schema_name("TemplatePage")]:
    return await templates.list_templates(pool, user.workspace_id, PageRequest(limit, cursor))


@post(
    "/",
    opt={"role": MEMBER},
    request_max_body_size=MAX_BODY,
    summary="Keep a text as a template",
    response_description="Kept",
    responses=problems(HTTPStatus.CONFLICT),
)
async def create_template(
    pool: ThePool, user: TheUser, settings: TheSettings, data: JSONBody[TemplateBody]
) -> Template:
    content = data.content(settings.allow_internal_domains)
    return await templates.keep(pool, user.workspace_id, data.name, content)


@get("/{id:int}", opt={"role": VIEWER}, summary="A template", responses=problems(HTTPStatus.NOT_FOUND))
async def get_template(pool: ThePool, user: TheUser, template_id: Id) -> Template:
    return await templates.get(pool, user.workspace_id, template_id)


@patch(
    "/{id:int}",
    opt={"role": MEMBER},
    request_max_body_size=MAX_BODY,
    summary="Change a template",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def change_template(
    pool: ThePool, user: TheUser, settings: TheSettings, template_id: Id, data: JSONBody[TemplatePatch]
) -> Template:
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    given |= addressed(given, settings.allow_internal_domains)
    return await templates.change(pool, user.workspace_id, template_id, given)


@delete("/{id:int}", opt={"role": MEMBER}, summary="Delete a template", responses=problems(HTTPStatus.NOT_FOUND))
async def delete_template(pool: ThePool, user: TheUser, template_id: Id) -> None:
    await templates.delete(pool, user.workspace_id, template_id)


router = Router(
    "/templates",
    tags=["templates"],
    route_handlers=[list_templates, create_template, get_template, change_template, delete_template],
)
