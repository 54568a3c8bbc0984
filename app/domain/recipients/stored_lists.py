"""Recipient lists that a workspace has uploaded: sent once, then named by previews and campaigns.

A list is kept as the lines it came in, as UTF-8 and in chunks of about a megabyte: no row of it is an object or a row
of a table, and memory holds a chunk at a time. A list never changes; retention removes it once it is unused for
`UNUSED_DAYS` days, erasing a recipient removes every list that has the address in it.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Literal, NamedTuple, cast

import msgspec
from psycopg.types.json import Jsonb

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.recipients import csv_files, lists
from app.domain.recipients.columns import Columns
from app.domain.recipients.csv_files import Asked, CsvShape
from app.domain.recipients.lists import MOST_ROWS, Choices, RecipientList, too_many_rows
from app.domain.workspaces import quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, InvalidInput, NotFound
from app.mail.repairs import plain
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

UNUSED_DAYS = 7
MOST_LISTS = 100  # of a workspace
MOST_BYTES = 1_000_000_000  # of a workspace
CHUNK = 1_000_000  # bytes
AT_ONCE = 2  # each reads a file for seconds and holds a connection
IN_MEMORY = 1_000_000  # bytes of a list that is read; a longer one lies on disk meanwhile
_MOST_LINE = 4_000_000  # bytes without a line's end

Kind = Literal["csv", "json"]
Item = str | Mapping[str, object]

_turns = Turns(AT_ONCE, of_one=AT_ONCE - 1)
_searching = Turns(AT_ONCE, of_one=AT_ONCE - 1)
_decode_item = msgspec.json.Decoder[str | dict[str, Any]](str | dict[str, Any]).decode


class StoredList(msgspec.Struct, rename="camel"):
    """A list as it is kept. `rows` have content, a header is among them; `csv` is there for a file."""

    id: int
    name: str | None
    rows: int
    csv: CsvShape | None
    created_at: datetime


class Named(NamedTuple):
    """A list as a request names it. Without `columns`, a file's are those that it was found to have."""

    list_id: int
    columns: Columns | None
    choices: Choices = Choices()


class Lines(NamedTuple):
    """Where in a list an address stands: the row, and as JSON its cells or the recipient as it came."""

    stored: StoredList
    found: list[tuple[int, msgspec.Raw]]


async def store_csv(
    pool: Pool,
    workspace_id: int,
    name: str | None,
    file: BinaryIO,
    most: Quotas = UNLIMITED,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
) -> StoredList:
    """Keep a CSV file, in the encoding that is named or found. `sheet`: of the workbook that it comes from.

    Raises InvalidInput (`file`, `encoding`), Conflict when the workspace keeps too much already.
    """
    async with _turns.take(workspace_id):
        shape, rows = await asyncio.to_thread(csv_files.describe_csv, file, encoding, sheet)
        upload = _Upload("csv", name, rows, shape, csv_files.utf8(file, encoding))
        return await _store(pool, workspace_id, upload, most)


async def store_json(pool: Pool, workspace_id: int, items: Iterable[Item], most: Quotas = UNLIMITED) -> StoredList:
    """Keep recipients as they would come with a campaign. Raises InvalidInput (`recipients`), Conflict."""
    async with _turns.take(workspace_id):
        rows = await asyncio.to_thread(_count, items)
        if not rows:
            raise InvalidInput({"recipients": "are none; give at least one"})
        encode = msgspec.json.encode
        upload = _Upload("json", None, rows, None, (encode(item) + b"\n" for item in items))
        return await _store(pool, workspace_id, upload, most)


def _count(items: Iterable[Item]) -> int:
    """Raises InvalidInput."""
    count = 0
    for count, _ in enumerate(items, 1):
        if count > MOST_ROWS:
            raise too_many_rows()
    return count


class _Upload(NamedTuple):
    """A list that comes; `text` are its lines."""

    kind: Kind
    name: str | None
    rows: int
    shape: CsvShape | None
    text: Iterator[bytes]


async def _store(pool: Pool, workspace_id: int, upload: _Upload, most: Quotas) -> StoredList:
    with SpooledTemporaryFile[bytes](IN_MEMORY) as file:
        sizes = await asyncio.to_thread(lambda: [file.write(chunk) for chunk in _chunks(upload.text)])
        file.seek(0)
        async with transaction(pool, workspace_id) as conn:
            await conn.execute(sql.lock_kept, {"workspace_id": workspace_id})
            await _check_quota(conn, workspace_id, sum(sizes))
            await quotas.check_again(conn, workspace_id, most, sum(sizes), campaign=False)
            row = await fetch_exactly_one(
                conn,
                sql.insert_list,
                {
                    "workspace_id": workspace_id,
                    "kind": upload.kind,
                    "name": upload.name,
                    "size": sum(sizes),
                    "rows": upload.rows,
                    "csv": upload.shape and Jsonb(msgspec.to_builtins(upload.shape)),
                },
            )
            for number, size in enumerate(sizes):
                content = await asyncio.to_thread(file.read, size)
                params = {"workspace_id": workspace_id, "id": row["id"], "number": number, "content": content}
                await conn.execute(sql.insert_chunk, params)
    return _stored(row)


def _chunks(text: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in whole lines, each chunk a little over `CHUNK`. Raises InvalidInput for an endless line."""
    held = bytearray()
    for piece in text:
        held += piece
        if len(held) < CHUNK:
            continue
        end = max(held.rfind(b"\n"), held.rfind(b"\r")) + 1
        if end:
            yield bytes(held[:end])
            del held[:end]
        elif len(held) > _MOST_LINE:
            raise InvalidInput({"file": f"has a line of more than {_MOST_LINE:,} bytes; is it a list?"})
    if held:
        yield bytes(held)


async def _check_quota(conn: Conn, workspace_id: int, size: int) -> None:
    kept = await fetch_exactly_one(conn, sql.kept, {"workspace_id": workspace_id})
    goes = f"delete one, or wait: a list goes by itself once it is unused for {UNUSED_DAYS} days"
    if kept["lists"] >= MOST_LISTS:
        raise Conflict(f"there are {MOST_LISTS} lists of recipients already; {goes}")
    if kept["size"] + size > MOST_BYTES:
        raise Conflict(f"the lists of recipients would be more than {MOST_BYTES:,} bytes together; {goes}")


@asynccontextmanager
async def spool() -> AsyncGenerator[BinaryIO]:
    """A file for a list that is kept; on disk once that is large."""
    with SpooledTemporaryFile[bytes](IN_MEMORY) as file:
        yield cast("BinaryIO", file)


async def get_list(pool: Pool, workspace_id: int, list_id: int) -> StoredList:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        row = await fetch_one(conn, sql.list_of, {"workspace_id": workspace_id, "id": list_id})
    if row is None:
        raise _not_found(list_id)
    return _stored(row)


async def remove_list(pool: Pool, workspace_id: int, list_id: int) -> None:
    """Remove the list. Campaigns made of it stay; and so does the list itself as long as a draft names it. Raises
    NotFound.
    """
    async with transaction(pool, workspace_id) as conn:
        if (await fetch_exactly_one(conn, sql.is_drafted, {"workspace_id": workspace_id, "id": list_id}))["drafted"]:
            return
        if not await remove(conn, workspace_id, [list_id]):
            raise _not_found(list_id)


async def remove(conn: Conn, workspace_id: int, ids: Sequence[int]) -> int:
    """How many of the lists there were."""
    row = await fetch_exactly_one(conn, sql.remove_lists, {"workspace_id": workspace_id, "ids": list(ids)})
    return row["n"]


async def content(pool: Pool, workspace_id: int, list_id: int) -> AsyncIterator[bytes]:
    """The lines of a list, piece by piece. Raises NotFound: at once, or where the list is removed meanwhile."""
    await get_list(pool, workspace_id, list_id)
    return _content(pool, workspace_id, list_id)


async def _content(pool: Pool, workspace_id: int, list_id: int) -> AsyncIterator[bytes]:
    """The pieces of a list. A slow reader holds no connection between two of them."""
    params = {"workspace_id": workspace_id, "id": list_id}
    async with transaction(pool, workspace_id) as conn:
        chunks = (await fetch_exactly_one(conn, sql.count_chunks, params))["chunks"]
    for number in range(chunks):
        async with transaction(pool, workspace_id) as conn:
            row = await fetch_one(conn, sql.chunk_of_list, params | {"number": number})
        if row is None:
            raise _not_found(list_id)
        yield row["content"]


async def use(conn: Conn, workspace_id: int, named: Named, file: BinaryIO) -> Callable[[frozenset[str]], RecipientList]:
    """Fill `file` with the list; what comes back makes its recipients, given the fields that are required.

    Raises InvalidInput (`listId`).
    """
    params = {"workspace_id": workspace_id, "id": named.list_id}
    row = await fetch_one(conn, sql.use_list, params)
    if row is None:
        why = f"names no list: it was removed, unused for {UNUSED_DAYS} days, or had a recipient who was erased"
        raise InvalidInput({"listId": f"{why}. Upload it again"})
    async for chunk in _stream(conn, sql.chunks_of_list, params):
        await asyncio.to_thread(file.write, chunk["content"])
    if row["kind"] == "json":
        if named.columns is not None:
            raise InvalidInput({"columns": "are those of a CSV file, and this list came as JSON"})
        return lambda required: lists.from_json(Items(file), required=required, choices=named.choices)
    described = msgspec.convert(row["csv"], CsvShape)
    asked = Asked(named.columns or described.columns, choices=named.choices, described=described)
    return lambda required: csv_files.from_csv(file, required=required, asked=asked)


async def holding(pool: Pool, workspace_id: int, addresses: Sequence[str]) -> list[int]:
    """The lists in which one of `addresses` (spellings of one mailbox, as `key` gives them) stands, whatever is around.

    Each is looked through from end to end, which takes long: no connection is held meanwhile.
    """
    found: list[int] = []
    async with _searching.take(workspace_id):
        async with transaction(pool, workspace_id) as conn:
            every = await fetch_all(conn, sql.lists_of_workspace, {"workspace_id": workspace_id})
        for row in every:
            with suppress(NotFound):  # removed this moment
                async for chunk in _content(pool, workspace_id, row["id"]):
                    if await asyncio.to_thread(_holds, chunk, addresses):
                        found.append(row["id"])
                        break
    return found


async def lines(pool: Pool, workspace_id: int, addresses: Sequence[str]) -> AsyncIterator[Lines]:
    """The lists that `holding` finds, with the rows in which it stands; more than once where these are many."""
    ids = await holding(pool, workspace_id, addresses)
    async with transaction(pool, workspace_id) as conn:
        rows = await fetch_all(conn, sql.lists_of_ids, {"workspace_id": workspace_id, "ids": ids})
    for row in rows:
        with SpooledTemporaryFile[bytes](IN_MEMORY) as file:
            try:
                async for chunk in _content(pool, workspace_id, row["id"]):
                    await asyncio.to_thread(file.write, chunk)
            except NotFound:  # removed this moment
                continue
            found = _rows(cast("BinaryIO", file), row["kind"], addresses)
            while True:
                async with _searching.take(workspace_id):
                    piece = await asyncio.to_thread(_piece, found)
                if not piece:
                    break
                yield Lines(_stored(row), piece)


def _piece(found: Iterator[tuple[int, msgspec.Raw]]) -> list[tuple[int, msgspec.Raw]]:
    """The next of them, about as many as `CHUNK` bytes have."""
    piece: list[tuple[int, msgspec.Raw]] = []
    size = 0
    while size < CHUNK and (one := next(found, None)) is not None:
        piece.append(one)
        size += 200 + len(memoryview(one[1]))  # and what Python needs for it
    return piece


def _rows(file: BinaryIO, kind: Kind, addresses: Sequence[str]) -> Iterator[tuple[int, msgspec.Raw]]:
    every: Iterable[tuple[int, object]] = csv_files.csv_rows(file) if kind == "csv" else enumerate(Items(file), 1)
    for row, held in every:
        text = msgspec.json.encode(held)
        if _holds(text, addresses):
            yield row, msgspec.Raw(text)


def _holds(text: bytes, addresses: Sequence[str]) -> bool:
    """Whether one of the addresses stands in the text as a word of its own, in whatever case; also where it is one only
    when it is mended (`repairs`).
    """
    if not text.isascii():
        text = plain(text.decode()).encode()
    lowered = text.lower()
    return any(
        _word(address).search(unicodedata.normalize("NFC", text.decode()).lower())
        for address in addresses
        if not address.isascii() or address.encode() in lowered
    )


def _word(address: str) -> re.Pattern[str]:
    """An apostrophe before it may be an export's; one behind a letter is part of another address."""
    atom = r"[\w.!#$%&*+/=?^`{|}~-]"
    return re.compile(rf"(?<!{atom})(?<!{atom}'){re.escape(address.lower())}(?![\w-]|\.\w)")


class Items:
    """The recipients of a JSON list, each decoded when it is its turn, as often as they are gone through."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __iter__(self) -> Iterator[str | dict[str, Any]]:
        self._file.seek(0)
        return map(_decode_item, self._file)


async def _stream(conn: Conn, text: bytes, params: dict[str, Any]) -> AsyncIterator[Row]:
    """Row by row as they come, bytes as bytes."""
    async with conn.cursor(binary=True) as cursor:
        async for row in cursor.stream(text, params):
            yield row


def _stored(row: Row) -> StoredList:
    return StoredList(
        id=row["id"],
        name=row["name"],
        rows=row["rows"],
        csv=row["csv"] and msgspec.convert(row["csv"], CsvShape),
        created_at=row["created_at"],
    )


def _not_found(list_id: int) -> NotFound:
    return NotFound(f"there is no list {list_id}")
