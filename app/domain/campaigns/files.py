"""Files that go along with messages: kept once, named by campaigns and templates, read by workers piece by piece.

A file never changes. Retention removes it once nothing has named it for `UNUSED_DAYS` days; a campaign names it until
its emails are removed.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import BinaryIO

import msgspec

from app.db import Conn, Pool, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.campaigns.beside import ATTACHMENTS, ENCLOSED_BYTES
from app.domain.campaigns.content import Content
from app.domain.workspaces import quotas
from app.domain.workspaces.quotas import Quotas
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.enclosed import PIECE, Enclosed, files_shown, times_shown, with_urls
from app.mail.file_types import ANY_TYPE, file_name, objection, type_of
from app.mail.hints import Hint
from app.mail.markup import TemplateError
from app.mail.message import Beside
from app.mail.pictures import PICTURE_TYPES, picture_of
from app.sql import queries

sql = queries(__name__)

UNUSED_DAYS = 7
MOST_FILES = 10_000  # of a workspace


class KeptFile(msgspec.Struct, rename="camel"):
    """A file as it is kept. `is_image`: a picture that HTML may show. `warning`: why receivers may refuse it."""

    id: int
    name: str
    type: str
    is_image: bool
    size: int
    warning: str | None
    created_at: datetime


class Upload(msgspec.Struct, frozen=True):
    """A file that comes, with the name that it has where it comes from."""

    name: str
    file: BinaryIO


async def keep(pool: Pool, workspace_id: int, upload: Upload, most: Quotas) -> KeptFile:
    """Raises InvalidInput (`file`), QuotaReached, and Conflict for more than there may be."""
    read = await asyncio.to_thread(Read, upload, "file")
    async with transaction(pool, workspace_id) as conn:
        await quotas.check_again(conn, workspace_id, most, read.size, campaign=False)
        return await _insert(conn, workspace_id, read)


async def read_all(uploads: Sequence[Upload]) -> list[Read]:
    """Look at files that come with a campaign, to be attached. Raises InvalidInput."""
    if not ATTACHMENTS.allow(len(uploads)):
        raise InvalidInput({"attachments": f"are {len(uploads)}; {ATTACHMENTS.most} are the most"})
    coming = [await asyncio.to_thread(Read, upload, "attachments") for upload in uploads]
    _check_size(sum(read.size for read in coming))
    return coming


async def keep_all(conn: Conn, workspace_id: int, coming: Iterable[Read]) -> list[int]:
    """Keep them, for which there is room; returns their ids. Raises Conflict."""
    return [(await _insert(conn, workspace_id, read)).id for read in coming]


class Read:
    """The facts of a file that comes in a field of that name. Raises InvalidInput."""

    def __init__(self, upload: Upload, field: str) -> None:
        self.file = upload.file
        self.name = file_name(upload.name)
        self.size = self.file.seek(0, 2)
        if not 0 < self.size <= ENCLOSED_BYTES:
            problem = "is empty" if not self.size else f"has {self.size:,} bytes; {ENCLOSED_BYTES:,} are the most"
            raise InvalidInput({field: f"{self.name} {problem}"})
        self.file.seek(0)
        content = self.file.read(self.size)
        picture = picture_of(content)
        self.is_image = picture is not None
        self.type = type_of(self.name) if picture is None else picture.type
        if picture is None and self.type in PICTURE_TYPES:
            self.type = ANY_TYPE  # whatever it is: nobody is to be shown it as a picture
        self.warning = objection(self.name, content[:8])


async def _insert(conn: Conn, workspace_id: int, read: Read) -> KeptFile:
    await conn.execute(sql.lock_files, {"workspace_id": workspace_id})
    if (await fetch_exactly_one(conn, sql.count_files, {"workspace_id": workspace_id}))["n"] >= MOST_FILES:
        raise Conflict(
            f"there are {MOST_FILES:,} files already; one goes by itself once nothing has named it for "
            f"{UNUSED_DAYS} days"
        )
    params = {
        "workspace_id": workspace_id,
        "name": read.name,
        "type": read.type,
        "is_image": read.is_image,
        "size": read.size,
        "warning": read.warning,
    }
    row = await fetch_exactly_one(conn, sql.insert_file, params)
    read.file.seek(0)
    for number in range(-(-read.size // PIECE)):
        content = await asyncio.to_thread(read.file.read, PIECE)
        piece = {"workspace_id": workspace_id, "id": row["id"], "number": number, "content": content}
        await conn.execute(sql.insert_piece, piece)
    return KeptFile(**row)


async def get(pool: Pool, workspace_id: int, file_id: int) -> KeptFile:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.file_of, {"workspace_id": workspace_id, "id": file_id})
    if row is None:
        raise _not_found(file_id)
    return KeptFile(**row)


async def content(pool: Pool, workspace_id: int, file: KeptFile) -> AsyncIterator[bytes]:
    """The bytes of a file. A slow reader holds no connection between two pieces. Raises NotFound."""
    for number in range(enclosed(file).pieces):
        yield await piece(pool, workspace_id, file.id, number)


async def piece(pool: Pool, workspace_id: int, file_id: int, number: int) -> bytes:
    """Of a file, the piece with this number, from 0 on. Raises NotFound."""
    params = {"workspace_id": workspace_id, "id": file_id, "number": number}
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.piece_of_file, params)
    if row is None:
        raise _not_found(file_id)
    return row["content"]


async def shown(pool: Pool, workspace_id: int, html: str) -> str:
    """HTML with its pictures in itself, for a frame that loads nothing; as many as are of a message's size together,
    each as often as it is shown.
    """
    ids = files_shown(html)[: ATTACHMENTS.most]
    if not ids:
        return html
    async with transaction(pool, workspace_id) as conn:
        there = await of_ids(conn, workspace_id, ids)
    urls: dict[int, str] = {}
    left, times = ENCLOSED_BYTES, times_shown(html)
    for file in there.values():
        size = file.size * times[file.id]
        if file.is_image and size <= left:
            left -= size
            pieces = [one async for one in content(pool, workspace_id, file)]
            urls[file.id] = f"data:{file.type};base64,{b64encode(b''.join(pieces)).decode()}"
    return with_urls(html, urls)


async def use(conn: Conn, workspace_id: int, written: Content) -> list[Hint]:
    """Have the files that content names kept for it; returns what receivers may dislike about them.

    Raises InvalidInput for files that are not there, too many or too large, and pictures that are none.
    """
    return await _check(conn, workspace_id, written, sql.use_files)


async def look(conn: Conn, workspace_id: int, written: Content, coming: Sequence[Read] = ()) -> list[Hint]:
    """The same, writing nothing; with files that would be attached, too."""
    return await _check(conn, workspace_id, written, sql.files_named, coming)


async def _check(
    conn: Conn, workspace_id: int, written: Content, query: bytes, coming: Sequence[Read] = ()
) -> list[Hint]:
    images = written.images
    ids = sorted({*written.attachments, *images})
    if not ids and not coming:
        return []
    if not ATTACHMENTS.allow(len(written.attachments) + len(coming)) or not ATTACHMENTS.allow(len(images)):
        raise InvalidInput({"attachments": f"and pictures may be {ATTACHMENTS.most} each at most"})
    if len(set(written.attachments)) < len(written.attachments):
        raise InvalidInput({"attachments": "name a file twice"})
    rows = await fetch_all(conn, query, {"workspace_id": workspace_id, "ids": ids})
    there = {row["id"]: KeptFile(**row) for row in rows}
    gone = f"is not kept: a file goes once nothing has named it for {UNUSED_DAYS} days. Upload it again"
    if lost := [one for one in written.attachments if one not in there]:
        raise InvalidInput({"attachments": f"file {lost[0]} {gone}"})
    for image in images:
        if image not in there:
            raise InvalidInput({"bodyHtml": f"shows the picture /api/files/{image}, which {gone}"})
        if not there[image].is_image:
            why = "is no picture that mail programs show (PNG, JPEG, GIF, WebP)"
            raise InvalidInput({"bodyHtml": f"shows {there[image].name}, which {why}; attach it instead"})
    attached = [*(there[one] for one in written.attachments), *coming]
    _check_size(sum(one.size for one in (*attached, *(there[image] for image in images))))
    return [
        Hint("attachments", one.warning, "Receivers refuse what could harm their people, often without a word.")
        for one in attached
        if one.warning
    ]


def _check_size(size: int) -> None:
    if size > ENCLOSED_BYTES:
        most = f"{ENCLOSED_BYTES / 1_000_000:g} MB are the most"
        raise InvalidInput({"attachments": f"and pictures have {size / 1_000_000:.1f} MB together; {most}"})


async def of_ids(conn: Conn, workspace_id: int, ids: Iterable[int]) -> dict[int, KeptFile]:
    """Those of the files that are kept."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = await fetch_all(conn, sql.files_named, {"workspace_id": workspace_id, "ids": wanted})
    return {row["id"]: KeptFile(**row) for row in rows}


async def beside(
    conn: Conn, workspace_id: int, written: Content, images: Sequence[int], reply_to: str | None = None
) -> Beside:
    """The parts that messages have beside their text. `reply_to`: where answers go unless the content says so.

    Raises TemplateError where a file is not there: no message goes without it.
    """
    there = await of_ids(conn, workspace_id, (*written.attachments, *images))
    if lost := [one for one in (*written.attachments, *images) if one not in there]:
        raise TemplateError(f"the file {lost[0]} that goes along is not kept any more")
    return Beside(
        reply_to=written.reply_to or reply_to,
        headers=written.headers,
        cc=written.cc,
        bcc=written.bcc,
        attachments=[enclosed(there[one]) for one in written.attachments],
        images=[enclosed(there[one]) for one in images],
    )


def enclosed(file: KeptFile) -> Enclosed:
    return Enclosed(file.id, file.name, file.type, file.size)


def _not_found(file_id: int) -> NotFound:
    return NotFound(f"no file {file_id}")
