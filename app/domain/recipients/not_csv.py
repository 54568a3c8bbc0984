"""Text that is no table, though people have lists in it: said by its first line, with what to do instead."""

from __future__ import annotations

import re

_OTHERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"begin:vcard", re.IGNORECASE),
        "The file is a vCard. Export the contacts as CSV: address books offer it beside vCard.",
    ),
    (
        re.compile(r"<(?:!doctype|html|head|body|table|meta|\?xml|style|div)\b", re.IGNORECASE),
        "The file is a web page or XML, as some programs write under the name of an Excel file. Open it in a "
        "spreadsheet and save it as CSV or XLSX.",
    ),
    (
        re.compile(r'\[?\s*\{\s*(?:"|$)|\[\s*(?:"|$)'),
        "The file is JSON. Save the list as CSV, or give `recipients` as JSON in the request.",
    ),
    (
        re.compile(r"\{\\rtf|%PDF-"),
        "The file is a document. Copy its table to a spreadsheet, and save that as CSV or XLSX.",
    ),
    (
        re.compile(r"(?:dn|version): ", re.IGNORECASE),
        "The file is LDIF. Export the contacts as CSV: address books offer it beside LDIF.",
    ),
)


def what_else(first_line: str) -> str | None:
    """The kind of a file that begins so, for people; None: it may be a table."""
    line = first_line.lstrip("\ufeff \t\r\n")
    return next((text for pattern, text in _OTHERS if pattern.match(line)), None)
