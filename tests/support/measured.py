"""For `app.killable` to call: what it takes to parse and render a template."""

from __future__ import annotations

import resource

import msgspec

from app.mail import liquid
from app.mail.markup import TemplateError
from app.mail.templates import Source


class Measured(msgspec.Struct, frozen=True, tag=True):
    """`refused`: why there is no text."""

    cpu_s: float
    refused: str | None


def measure(source: Source, fields: dict[str, str]) -> Measured:
    began, refused = _cpu_s(), None
    try:
        liquid.Template.parse(source).render(fields)
    except TemplateError as error:
        refused = error.detail
    return Measured(_cpu_s() - began, refused)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
