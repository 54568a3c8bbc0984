"""The choices of a request about the recipients that it brings, beside who they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from app.domain.recipients.columns import Columns
from app.domain.recipients.encodings import CODECS
from app.domain.recipients.lists import Choices
from app.domain.recipients.stored_lists import Named
from app.errors import InvalidInput
from app.http.recipients.sources import NULL, JsonRecipients

MOST_CORRECTIONS = 1_000
_DOMAIN = re.compile(r"[^\s@\0]{1,253}")

_NAMES: dict[str, Any] = {"enum": list(CODECS)}
EncodingName = Annotated[str, msgspec.Meta(extra_json_schema=_NAMES)]
Corrections = Annotated[dict[str, str], msgspec.Meta(max_length=MOST_CORRECTIONS)]


def source_of(
    recipients: msgspec.Raw | msgspec.UnsetType, list_id: int | None, columns: Columns | None, choices: Choices
) -> JsonRecipients | Named:
    """The recipients themselves, or the list that was uploaded. Raises InvalidInput."""
    given = None if recipients is msgspec.UNSET or recipients == NULL else recipients
    if list_id is not None:
        if given is not None:
            raise InvalidInput({"recipients": "are in `listId` already; leave one of the two out"})
        return Named(list_id, columns, choices)
    if columns is not None:
        raise InvalidInput({"columns": "are those of a list; give its `listId`"})
    if given is None:
        raise InvalidInput({"recipients": "is missing; give it, or the `listId` of an uploaded list"})
    return JsonRecipients(given)


def corrections_of(given: Mapping[str, str] | str | None) -> dict[str, str]:
    """From an object, or from JSON of one. Raises InvalidInput."""
    if not given:
        return {}
    try:
        pairs = msgspec.json.decode(given, type=dict[str, str]) if isinstance(given, str) else given
    except msgspec.MsgspecError:
        raise _wrong() from None
    if len(pairs) > MOST_CORRECTIONS or not all(_DOMAIN.fullmatch(part) for pair in pairs.items() for part in pair):
        raise _wrong()
    return {wrong.lower(): right.lower() for wrong, right in pairs.items()}


def _wrong() -> InvalidInput:
    what = f"is an object of domains, each with the one to take in its place; {MOST_CORRECTIONS:,} at most"
    return InvalidInput({"correctDomains": what})
