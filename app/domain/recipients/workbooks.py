"""Files of recipients as they come: a workbook of Excel or its like is made into CSV, and CSV is as it is."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from app.domain.recipients import sheets
from app.domain.recipients.sheet_rows import Taken
from app.domain.recipients.sheets import Sheet
from app.errors import InvalidInput
from app.killable import Budget, Children, Failure
from app.turns import Turns

MOST_BYTES = 20_000_000  # of a workbook: it is in memory, several times, while it is handed over
AT_ONCE = 2
BUDGET = Budget(cpu_s=60, memory_bytes=1_000_000_000, wall_s=120)
_IN_MEMORY = 1_000_000
_PIECE = 1 << 20
_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # zip; the compound files of Excel 97

_children = Children(AT_ONCE)
_turns = Turns(AT_ONCE, of_one=AT_ONCE - 1)


@asynccontextmanager
async def as_csv(
    file: BinaryIO, workspace_id: int, *, whole: bool = False
) -> AsyncGenerator[tuple[BinaryIO, Taken | None]]:
    """The file as CSV and, of a workbook, which sheet that is; its rows that are hidden are left out, unless the list
    has to be `whole`: then another sheet may have no addresses, either. Raises InvalidInput (`file`).
    """
    file.seek(0)
    if not file.read(8).startswith(_MAGIC):
        yield file, None
        return
    if file.seek(0, 2) > MOST_BYTES:
        raise InvalidInput({"file": f"is an Excel file of more than {MOST_BYTES // 1_000_000} MB; save it as CSV"})
    with SpooledTemporaryFile[bytes](_IN_MEMORY) as content:
        async with _turns.take(workspace_id):
            taken = await _convert(file, cast(BinaryIO, content), workspace_id, whole)
        yield cast(BinaryIO, content), taken


async def _convert(file: BinaryIO, content: BinaryIO, workspace_id: int, whole: bool) -> Taken:
    """Raises InvalidInput."""
    sheet = await _first_sheet(file, workspace_id, whole)
    await asyncio.to_thread(_unpack, sheet.text, content)
    return Taken(sheet.name, sheet.hidden_rows)


async def _first_sheet(file: BinaryIO, workspace_id: int, whole: bool) -> Sheet:
    file.seek(0)
    workbook = await asyncio.to_thread(file.read)
    waiting = _children.submit(sheets.first_sheet, whole, [workbook], BUDGET, workspace_id=workspace_id)
    del workbook
    (sheet,) = await asyncio.wrap_future(waiting)
    if isinstance(sheet, Failure):
        raise InvalidInput({"file": "is an Excel file that takes too long or too much memory to read; save it as CSV"})
    if sheet.wrong:
        raise InvalidInput({"file": sheet.wrong})
    return sheet


def _unpack(packed: bytes, content: BinaryIO) -> None:
    unpacker = zlib.decompressobj()
    for start in range(0, len(packed), _PIECE):
        data = packed[start : start + _PIECE]
        while data:
            content.write(unpacker.decompress(data, _PIECE))
            data = unpacker.unconsumed_tail
    content.write(unpacker.flush())
