"""Workbooks (XLSX) written by hand, so that each can be what no program would write."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from xml.sax.saxutils import escape

Value = str | int | float | bool | date | None
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DATE_STYLE = 1


def xlsx(sheets: Mapping[str, Sequence[Sequence[Value]]], *, hidden: Sequence[str] = (), first_row: int = 1) -> bytes:
    """A workbook with these sheets, each cell with its text in itself."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", _content_types(len(sheets)))
        parts.writestr("_rels/.rels", _relations({"rId1": ("officeDocument", "xl/workbook.xml")}))
        parts.writestr("xl/workbook.xml", _workbook(list(sheets), hidden))
        targets = {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)}
        parts.writestr("xl/_rels/workbook.xml.rels", _relations(targets | {"rId99": ("styles", "styles.xml")}))
        parts.writestr("xl/styles.xml", _STYLES)
        for number, rows in enumerate(sheets.values(), 1):
            parts.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(rows, first_row))
    return file.getvalue()


class Row(NamedTuple):
    """Of a sheet; one that is `hidden`, as a filter hides it."""

    cells: Sequence[Value]
    hidden: bool = False


def sheet_of(rows: Sequence[Row] | str) -> bytes:
    """A workbook with one sheet, `People`; its rows may be XML."""
    if not isinstance(rows, str):
        rows = "".join(
            f'<row r="{number}"{" hidden=" + chr(34) + "1" + chr(34) if row.hidden else ""}>'
            f"{''.join(_cell(number, column, value) for column, value in enumerate(row.cells))}</row>"
            for number, row in enumerate(rows, 1)
        )
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx({"People": []}))) as base, zipfile.ZipFile(content, "w") as parts:
        for name in base.namelist():
            text = base.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text = text.replace(b"<sheetData>", b"<sheetData>" + rows.encode())
            parts.writestr(name, text)
    return content.getvalue()


def _content_types(sheets: int) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = [("/xl/workbook.xml", f"{kind}.sheet.main+xml"), ("/xl/styles.xml", f"{kind}.styles+xml")]
    overrides += [(f"/xl/worksheets/sheet{n}.xml", f"{kind}.worksheet+xml") for n in range(1, sheets + 1)]
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        + "".join(f'<Override PartName="{part}" ContentType="{type_}"/>' for part, type_ in overrides)
        + "</Types>"
    )


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
            for key, (kind, target) in targets.items()
        )
        + "</Relationships>"
    )


def _workbook(names: Sequence[str], hidden: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'  # noqa: E501
        for n, name in enumerate(names, 1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


def _sheet(rows: Sequence[Sequence[Value]], first_row: int) -> str:
    lines = (
        f'<row r="{number}">{"".join(_cell(number, column, value) for column, value in enumerate(row))}</row>'
        for number, row in enumerate(rows, first_row)
    )
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(row: int, column: int, value: Value) -> str:
    place = f"{chr(65 + column)}{row}"
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="{_DATE_STYLE}"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
