"""What a request says about the recipients that it brings, beside who they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from app.domain.recipients.encodings import CODECS
from app.errors import InvalidInput

MOST_CORRECTIONS = 1_000
_DOMAIN = re.compile(r"[^\s@\0]{1,253}")

_NAMES: dict[str, Any] = {"enum": list(CODECS)}
EncodingName = Annotated[str, msgspec.Meta(extra_json_schema=_NAMES)]
Corrections = Annotated[dict[str, str], msgspec.Meta(max_length=MOST_CORRECTIONS)]


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
