"""Recipients as they come in a request, gone through one by one: what a few bytes may become is never all in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from app.errors import InvalidInput
from app.http.bodies import NOT_JSON, T, decode
from app.http.validation import WHOLE, invalid_body

# How the schema shows a recipient: what an object lacks rejects its row, not the request.
_RECIPIENT: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": True}]}

_LIST: dict[str, Any] = {"type": "array", "items": _RECIPIENT}

Recipients = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema=_LIST)]
NullableRecipients = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"anyOf": [_LIST, {"type": "null"}]})]
NULL = msgspec.Raw(b"null")

_decode_recipient = msgspec.json.Decoder[str | dict[str, Any]](str | dict[str, Any]).decode
MOST_OF_ONE = 1_000_000  # bytes of one recipient
MOST_BESIDES = 8_000_000  # bytes of a body that are no recipients

# In a list that is JSON already. Possessive throughout: nothing is tried twice.
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BETWEEN = re.compile(rb"[\s,]*+")
_PLAIN = re.compile(rb"%(text)s|\{[^\"{}]*+(?:%(text)s[^\"{}]*+)*+\}|[^\s,\[\]{}\"]++" % {b"text": _TEXT})
_NESTED = re.compile(rb"%s|(?P<cut>\")|(?P<opens>[\[{])|(?P<closes>[\]}])" % _TEXT)
_LINE = re.compile("[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")


class _RecipientsAlone(msgspec.Struct):
    """The field of a body that may be large; nothing else of it is decoded."""

    recipients: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def decode_list(body: bytearray, kind: type[T]) -> T:
    """Decode JSON that has `recipients`. Like `decode`, but not before what is no recipient is known to be of a size of
    which there may be several: a text takes up to four times its bytes, and a message that repeats it as much again.
    """
    recipients = decode(body, _RecipientsAlone).recipients
    besides = len(body) - (0 if recipients is msgspec.UNSET else len(memoryview(recipients)))
    if besides > MOST_BESIDES:
        raise InvalidInput({WHOLE: f"has more than {MOST_BESIDES:,} bytes beside its recipients"})
    return decode(body, kind)


class JsonRecipients:
    """Recipients from a JSON list, each found and decoded when it is its turn, as often as they are gone through.

    All at once they would be fifty times as large as their bytes, and would keep the event loop waiting for seconds,
    in whatever thread it happens: msgspec keeps the interpreter lock.
    """

    def __init__(self, items: msgspec.Raw) -> None:
        """`items` is JSON. Raises InvalidInput if it is no list."""
        if bytes(memoryview(items)[:1]) != b"[":
            try:
                msgspec.json.decode(items, type=list[msgspec.Raw])
            except msgspec.ValidationError as error:
                raise invalid_body(error, at="recipients") from None
        self._items = memoryview(items)[1:-1]

    def __iter__(self) -> Iterator[str | dict[str, Any]]:
        """Raises InvalidInput."""
        for number, item in enumerate(self._split()):
            try:
                recipient = _decode_recipient(item)
            except msgspec.ValidationError as error:
                raise invalid_body(error, at=f"recipients[{number}]") from None
            except NOT_JSON as error:
                raise InvalidInput({f"recipients[{number}]": f"is not JSON: {error}"}) from None
            yield recipient

    def _split(self) -> Iterator[memoryview]:
        items, between = self._items, _BETWEEN.match
        number, at = 0, 0
        while (match := between(items, at)) and (at := match.end()) < len(items):
            end = self._end_of_one(at)
            if end is None:
                raise InvalidInput({f"recipients[{number}]": f"has more than {MOST_OF_ONE:,} bytes"})
            yield items[at:end]
            number, at = number + 1, end

    def _end_of_one(self, at: int) -> int | None:
        """None: it is too long."""
        most = at + MOST_OF_ONE
        if match := _PLAIN.match(self._items, at, most):
            return match.end()
        depth = 0
        for match in _NESTED.finditer(self._items, at, most):
            if match["cut"]:
                return None
            if match["opens"]:
                depth += 1
            elif match["closes"]:
                depth -= 1
                if not depth:
                    return match.end()
        return None


class Lines:
    """Addresses line by line, each when it is its turn; blank lines are none."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __iter__(self) -> Iterator[str]:
        return (line for match in _LINE.finditer(self._text) if (line := match[0]).strip())
