"""Drafts of campaigns that a workspace shares: several, each as the composer has it, with a version.

A save names the version that it changes; one of an older version is refused, and nothing is written over. The
recipients are lists, which stay as long as a draft names them, and so do files.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

import msgspec
from psycopg.types.json import Jsonb

from app.bounds import Bounds
from app.db import Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.campaigns.draft import check_name
from app.domain.pages import Page, PageRequest, page_of
from app.domain.workspaces import quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.addresses import key
from app.sql import queries

sql = queries(__name__)

MOST_DRAFTS = 500  # of a workspace
CONTENT = Bounds(2, 2_000_000)  # bytes of a draft, as JSON
NAMED = Bounds(0, 100)  # lists, or files, that a draft names
DEPTH = Bounds(1, 50)  # of what stands in a draft within something else
_WITH_NAME = re.compile(r"[^<>{}:;@\r\n]{0,100}<([^<>\s]*)>")  # no sentence, nor what a template fills in


class DraftChanged(Conflict):
    """Somebody else has saved a draft since."""

    code = "draft_changed"


class DraftSummary(msgspec.Struct, rename="camel"):
    """A draft as a list shows it; `changed_by`: the address of whoever saved it last, None: of somebody who is gone."""

    id: int
    name: str
    version: int
    created_at: datetime
    changed_at: datetime
    changed_by: str | None


class KeptDraft(DraftSummary, rename="camel", kw_only=True):
    """A draft with all that it holds, which is the composer's own."""

    content: dict[str, Any]


class DraftText(msgspec.Struct, frozen=True, kw_only=True):
    """The columns to save. Raises InvalidInput by `check`."""

    name: str
    content: dict[str, Any]
    lists: list[int] = []
    files: list[int] = []

    def check(self) -> int:
        """How many bytes it is."""
        check_name(self.name)
        if not DEPTH.allow(depth := _depth(self.content)):
            raise InvalidInput({"content": f"is {depth} levels deep; give {DEPTH}"})
        text = msgspec.json.encode(self.content)
        if not CONTENT.allow(len(text)):
            raise InvalidInput({"content": f"is {len(text):,} bytes as JSON; give {CONTENT}"})
        if b"\\u0000" in text:
            raise InvalidInput({"content": "has a NUL character"})
        for field, ids in (("lists", self.lists), ("files", self.files)):
            if not NAMED.allow(len(ids)):
                raise InvalidInput({field: f"are {len(ids)}; give {NAMED}"})
        return len(text)


async def page(pool: Pool, workspace_id: int, asked: PageRequest) -> Page[DraftSummary]:
    """Newest first."""
    params = {"workspace_id": workspace_id, "before": asked.check(), "limit": asked.limit + 1}
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.page_of_drafts, params)
    return page_of([DraftSummary(**row) for row in rows], [row["id"] for row in rows], asked.limit)


async def get(pool: Pool, workspace_id: int, draft_id: int) -> KeptDraft:
    """Raises NotFound."""
    async with transaction(pool) as conn:
        row = await fetch_one(conn, sql.get_kept_draft, {"workspace_id": workspace_id, "id": draft_id})
    if row is None:
        raise _not_found(draft_id)
    return KeptDraft(**row)


async def keep(pool: Pool, workspace_id: int, text: DraftText, actor: Actor, most: Quotas = UNLIMITED) -> KeptDraft:
    """Raises InvalidInput, QuotaReached, and Conflict where there are as many as there may be."""
    size = text.check()
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.lock_drafts, {"workspace_id": workspace_id})
        if (await fetch_exactly_one(conn, sql.count_drafts, {"workspace_id": workspace_id}))["n"] >= MOST_DRAFTS:
            raise Conflict(f"the workspace keeps {MOST_DRAFTS} drafts, and that is the most; delete one")
        await quotas.check_again(conn, workspace_id, most, size, campaign=False)
        row = await fetch_exactly_one(conn, sql.insert_draft, _params(workspace_id, text, size, actor))
    return await get(pool, workspace_id, row["id"])


async def save(
    pool: Pool,
    workspace_id: int,
    draft_id: int,
    text: DraftText,
    version: int,
    actor: Actor,
    most: Quotas = UNLIMITED,
) -> KeptDraft:
    """`version`: of what was changed. Raises InvalidInput, NotFound, QuotaReached, and DraftChanged where there is a
    newer one.
    """
    size = text.check()
    params = _params(workspace_id, text, size, actor) | {"id": draft_id}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.lock_draft, params)
        if row is None:
            raise _not_found(draft_id)
        _check_version(row, version)
        await quotas.check_again(conn, workspace_id, most, max(0, size - row["size"]), campaign=False)
        await conn.execute(sql.save_draft, params)
    return await get(pool, workspace_id, draft_id)


async def remove(pool: Pool, workspace_id: int, draft_id: int, version: int | None = None) -> None:
    """`version`: the one to remove, None: whichever it is. Raises NotFound, and DraftChanged where it is another."""
    params = {"workspace_id": workspace_id, "id": draft_id}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.lock_draft, params)
        if row is None:
            raise _not_found(draft_id)
        if version is not None:
            _check_version(row, version)
        await conn.execute(sql.remove_draft, params)


async def erase(pool: Pool, workspace_id: int, addresses: Collection[str], pattern: str) -> None:
    """Take an address, given by its spellings and the pattern of a text that names it, out of all drafts, wherever it
    stands alone; what people wrote stays. A person who has a draft open is told that there is a newer version.
    """
    async with transaction(pool, workspace_id) as conn:
        named = {"workspace_id": workspace_id, "pattern": pattern}
        ids = [row["id"] for row in await fetch_all(conn, sql.drafts_that_name, named)]
    for draft_id in ids:  # each may be megabytes
        params: dict[str, Any] = {"workspace_id": workspace_id, "id": draft_id}
        async with transaction(pool, workspace_id) as conn:
            row = await fetch_one(conn, sql.lock_content, params)
            if row is not None and take_out(row["content"], addresses):
                size = len(msgspec.json.encode(row["content"]))
                await conn.execute(sql.erase_from_draft, params | {"content": Jsonb(row["content"]), "size": size})


def take_out(held: dict[str, Any] | list[Any], addresses: Collection[str]) -> bool:
    """Take the addresses out of JSON, of any depth: out of lists they go, with either side of a correction the
    correction; elsewhere an empty text takes their place. False: none stands alone in it.
    """
    found = False
    left: list[Any] = [held]
    while left:
        it = left.pop()
        if isinstance(it, dict):
            parts = cast("dict[str, Any]", it)
            for name, part in list(parts.items()):
                is_its = _is_one(part, addresses)
                if _is_one(name, addresses) or ("@" in name and is_its):
                    del parts[name]
                elif is_its:
                    parts[name] = ""
                else:
                    left.append(part)
                    continue
                found = True
        elif isinstance(it, list):
            items = cast("list[Any]", it)
            kept = [part for part in items if not _is_one(part, addresses)]
            found |= len(kept) < len(items)
            items[:] = kept
            left += kept
    return found


def _is_one(it: Any, addresses: Collection[str]) -> bool:
    """Whether it is nothing but one of the addresses, with a name or without: a text that names one stays."""
    if not isinstance(it, str):
        return False
    text = it.strip()
    found = _WITH_NAME.fullmatch(text)
    return key(found[1] if found else text) in addresses


def _depth(held: Any) -> int:
    """How many levels of JSON there are."""
    depth, level = 0, [held]
    while any(isinstance(it, dict | list) for it in level):
        depth += 1
        level = [part for it in level for part in _parts(it)]
    return depth


def _parts(held: Any) -> Collection[Any]:
    if isinstance(held, dict):
        return cast("dict[str, Any]", held).values()
    return cast("list[Any]", held) if isinstance(held, list) else ()


def _params(workspace_id: int, text: DraftText, size: int, actor: Actor) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "name": text.name.strip(),
        "content": Jsonb(text.content),
        "lists": text.lists,
        "files": text.files,
        "size": size,
        "changed_by": actor.user_id,
    }


def _check_version(row: Row, version: int) -> None:
    if row["version"] != version:
        now = row["version"]
        raise DraftChanged(f"somebody saved the draft meanwhile: it is version {now}, and this began with {version}")


def _not_found(draft_id: int) -> NotFound:
    return NotFound(f"no draft {draft_id}")
