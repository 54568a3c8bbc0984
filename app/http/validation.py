"""What msgspec and Litestar say about input that does not fit, in words for people and by the names on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args, get_origin

import msgspec
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from app.errors import InvalidInput

_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "datetime": "a time",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_TIME = "write a time with its offset from UTC, as in 2030-01-31T09:00:00+01:00 or 2030-01-31T08:00:00Z"


def invalid_body(error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> InvalidInput:
    """What is wrong with a body that should have been a `kind`."""
    match = _PATH.match(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return InvalidInput({_join(path, missing[1]): "is missing"})
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        return InvalidInput({_join(path, unknown[1]): f"is not known here; the fields are: {', '.join(fields)}"})
    return InvalidInput({path or "body": _in_words(what, fields.get(path))})


def invalid_parameters(handler: BaseRouteHandler, faults: Iterable[Mapping[str, str]]) -> InvalidInput:
    """What is wrong with the query or headers of a request."""
    parameters = handler.parsed_fn_signature.parameters
    fields: dict[str, str] = {}
    for fault in faults:
        name = fault.get("key", "")
        if name == "data":
            fields["body"] = "is missing; send a JSON object"
            continue
        annotation: object = None
        if parameter := parameters.get(name):
            annotation = parameter.annotation
            if isinstance(parameter.kwarg_definition, ParameterKwarg):
                name = parameter.kwarg_definition.name or name
        fields[name] = _in_words(fault["message"], annotation)
    return InvalidInput(fields)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _in_words(what: str, annotation: object) -> str:
    """msgspec's sentence `what` about a value that should have been an `annotation`."""
    if what.startswith("Invalid enum value"):
        return f"is not one of {', '.join(_choices(annotation))}"
    if "datetime" in what:
        return _TIME
    if bound := re.fullmatch(r"Expected `\w+` ([<>]=?) (-?\d+)", what):
        return f"is out of range; give a number {bound[1]} {bound[2]}"
    if types := re.fullmatch(r"Expected `(.*)`, got `(.*)`", what):
        wanted, got = (" or ".join(_KINDS.get(kind, kind) for kind in group.split(" | ")) for group in types.groups())
        return f"should be {wanted}, not {got}"
    return what


def _choices(annotation: object) -> list[str]:
    """The words that a type with a Literal in it allows."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for part in get_args(annotation) for word in _choices(part)]
