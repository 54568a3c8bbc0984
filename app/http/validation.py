"""Errors of msgspec and Litestar about input that does not fit, in words for people and by the names on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args, get_origin

import msgspec
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from app.errors import InvalidInput

WHOLE = "request"  # what a fault of the body as a whole is booked on: `body` is a field of campaigns
EMPTY = "is empty; send a JSON object"
MOST_SAID = 2_000  # characters
SHOWN = 200  # characters of what is longer

_SENTENCE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_KINDS = {
    "int": "a whole number",
    "float": "a fraction",
    "bool": "true or false",
    "str": "text",
    "datetime": "a time",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def invalid_body(
    error: msgspec.ValidationError, kind: type[msgspec.Struct] | None = None, *, at: str = ""
) -> InvalidInput:
    """The error for a body that should have been a `kind`, or with the field `at` of one."""
    said = str(error)
    if len(said) > MOST_SAID:  # it repeats a name as long as somebody made it
        return InvalidInput({at or WHOLE: f"{said[:SHOWN]}…"})
    match = _SENTENCE.fullmatch(said)
    what, path = (match["what"], match["path"] or "") if match else (said, "")
    annotation = _annotation_at(kind, path)
    within = f"{path}." if path else ""
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return InvalidInput({within + missing[1]: "is missing"})
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        return InvalidInput(
            {within + unknown[1]: f"is not known here; the fields are: {', '.join(_fields(annotation))}"}
        )
    return InvalidInput({at + path or WHOLE: _in_words(what, annotation)})


def invalid_parameters(handler: BaseRouteHandler, faults: Iterable[Mapping[str, str]]) -> InvalidInput:
    """The error for a request whose query or headers are wrong, or whose body is missing."""
    parameters = handler.parsed_fn_signature.parameters
    fields: dict[str, str] = {}
    for fault in faults:
        parameter = parameters[fault["key"]]
        if parameter.name == "data":
            fields[WHOLE] = EMPTY
        elif isinstance(parameter.kwarg_definition, ParameterKwarg):
            name = parameter.kwarg_definition.name or parameter.name
            fields[name] = _in_words(fault["message"], parameter.annotation)
    return InvalidInput(fields)


def _in_words(what: str, annotation: object) -> str:
    """msgspec's sentence `what` about a value that should have been an `annotation`."""
    if what.startswith("Invalid enum value"):
        return f"is not one of {', '.join(_choices(annotation))}"
    if "datetime" in what:
        return "is no time with its offset from UTC, such as 2030-01-31T09:00:00+01:00 or 2030-01-31T08:00:00Z"
    if "matching regex" in what and "[0-5][0-9]" in what:
        return "is no time of day; give hours and minutes with two digits each, such as 09:00 or 23:30"
    if "matching regex" in what and "^P(" in what:
        return "is no wait; give weeks, days, hours, minutes or seconds (ISO 8601), such as P3D, P1W, PT90M or P1DT12H"
    if bound := re.fullmatch(r"Expected `int` ([<>]=) (-?\d+)", what):
        return f"is out of range; give {'at least' if bound[1] == '>=' else 'at most'} {bound[2]}"
    if types := re.fullmatch(r"Expected `(.*)`, got `(.*)`", what):
        wanted = " or ".join(_KINDS.get(kind, kind) for kind in types[1].split(" | ") if kind != "null")
        return f"should be {wanted}, not {_KINDS.get(types[2], types[2])}"
    return what


def _annotation_at(kind: object, path: str) -> object:
    """The type of what stands there, such as `calendar.days[0]`; of an item, that of its list."""
    annotation = kind
    for name in re.findall(r"[^.\[\]]+", path):
        if not name.isdigit():
            annotation = _fields(annotation).get(name)
    return annotation


def _fields(annotation: object) -> dict[str, object]:
    """The fields of the struct in a type, by their names on the wire."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return {field.encode_name: field.type for field in msgspec.structs.fields(annotation)}
    for part in get_args(annotation):
        if found := _fields(part):
            return found
    return {}


def _choices(annotation: object) -> list[str]:
    """The words that a type with a Literal in it allows."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for part in get_args(annotation) for word in _choices(part)]
