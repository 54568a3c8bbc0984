"""Texts that a workspace keeps by name, to begin campaigns with. A campaign has its own copy: it does not follow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg.errors import UniqueViolation

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.campaigns import files
from app.domain.campaigns.content import Content, TextsChanged, texts_version
from app.domain.campaigns.draft import check_name
from app.domain.campaigns.files import KeptFile
from app.domain.pages import Page, PageRequest, page_of
from app.errors import Conflict, InvalidInput, NotFound
from app.sql import queries

sql = queries(__name__)
MOST_TEMPLATES = 1_000  # of a workspace


class TemplateSummary(msgspec.Struct, rename="camel"):
    """A kept text as a list shows it."""

    id: int
    name: str
    subject: str
    created_at: datetime
    updated_at: datetime


class Template(msgspec.Struct, rename="camel"):
    """A kept text. It may lack a subject or a text: it is a beginning. `texts_version`: of all that it says, its name
    included.
    """

    id: int
    name: str
    subject: str
    body: str
    body_html: str | None
    language: str | None
    reply_to: str | None
    headers: dict[str, str]
    cc: list[str]
    bcc: list[str]
    attachments: list[KeptFile]
    created_at: datetime
    updated_at: datetime
    texts_version: str


async def keep(pool: Pool, workspace_id: int, name: str, content: Content) -> Template:
    """Raises InvalidInput, and Conflict for a name that is taken or more than there may be."""
    await _check(workspace_id, name, content)
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.lock_templates, {"workspace_id": workspace_id})
        if (await fetch_exactly_one(conn, sql.count_templates, {"workspace_id": workspace_id}))["n"] >= MOST_TEMPLATES:
            raise Conflict(f"the workspace keeps {MOST_TEMPLATES:,} templates, and that is the most; delete one")
        await files.use(conn, workspace_id, content)
        row = await fetch_one(conn, sql.insert_template, _columns(workspace_id, name, content))
        if row is None:
            raise _taken(name)
        return await _template(conn, workspace_id, row)


async def list_templates(pool: Pool, workspace_id: int, page: PageRequest) -> Page[TemplateSummary]:
    params = {"workspace_id": workspace_id, "before": page.check(), "limit": page.limit + 1}
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.list_templates, params)
    return page_of([TemplateSummary(**row) for row in rows], [row["id"] for row in rows], page.limit)


async def get(pool: Pool, workspace_id: int, template_id: int) -> Template:
    """Raises NotFound."""
    params = {"workspace_id": workspace_id, "template_id": template_id}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.get_template, params)
        if row is None:
            raise NotFound(f"no template {template_id}")
        return await _template(conn, workspace_id, row)


async def change(
    pool: Pool, workspace_id: int, template_id: int, given: Mapping[str, Any], version: str | None = None
) -> Template:
    """`given`: what becomes of its fields, by name; `version`: of the text that they change, None: whichever it is.

    Raises NotFound, InvalidInput, TextsChanged, and Conflict for a name that is taken.
    """
    while (changed := await _change(pool, workspace_id, template_id, given, version)) is None:
        pass
    return changed


async def _change(
    pool: Pool, workspace_id: int, template_id: int, given: Mapping[str, Any], version: str | None
) -> Template | None:
    """None: somebody else has saved it meanwhile: what is there now is what this changes."""
    before = await get(pool, workspace_id, template_id)
    if version not in {None, before.texts_version}:
        raise TextsChanged("somebody changed the template meanwhile; look at it, and change that")
    name = given.get("name", before.name)
    kept = {**msgspec.structs.asdict(before), "attachments": [file.id for file in before.attachments]}
    content = Content.of_row({**kept, **given})
    await _check(workspace_id, name, content)
    params = _columns(workspace_id, name, content) | {"template_id": template_id}
    try:
        async with transaction(pool, workspace_id) as conn:
            row = await fetch_one(conn, sql.lock_template, params)
            if row is None:
                raise NotFound(f"no template {template_id}")
            if _version(row) != before.texts_version:
                return None
            await files.use(conn, workspace_id, content)
            return await _template(conn, workspace_id, await fetch_exactly_one(conn, sql.update_template, params))
    except UniqueViolation:
        raise _taken(name) from None


async def delete(pool: Pool, workspace_id: int, template_id: int) -> None:
    """Raises NotFound."""
    params = {"workspace_id": workspace_id, "template_id": template_id}
    async with transaction(pool, workspace_id) as conn:
        if await fetch_one(conn, sql.delete_template, params) is None:
            raise NotFound(f"no template {template_id}")


async def _check(workspace_id: int, name: str, content: Content) -> None:
    check_name(name)
    if wrong := {
        part: "has a NUL character"
        for part, text in (("subject", content.subject), ("body", content.body), ("bodyHtml", content.body_html or ""))
        if "\0" in text
    }:
        raise InvalidInput(wrong)
    await content.parse(workspace_id)


def _columns(workspace_id: int, name: str, content: Content) -> dict[str, object]:
    return {"workspace_id": workspace_id, "name": name.strip(), **content.columns}


async def _template(conn: Conn, workspace_id: int, row: Row) -> Template:
    kept = await files.of_ids(conn, workspace_id, row["attachments"])
    attached = [kept[one] for one in row["attachments"] if one in kept]
    shown: Row = {**row, "attachments": attached, "texts_version": _version(row)}
    return Template(**{name: shown[name] for name in Template.__struct_fields__})


def _version(row: Row) -> str:
    return texts_version([row["name"], Content.of_row(row)])


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a template with the name {name.strip()!r} already; take another, or change that one")
