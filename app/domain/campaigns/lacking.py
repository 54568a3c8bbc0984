"""Recipients who lack a field that a text asks for: each is looked at while the list is read.

A recipient who has nothing for a field that is printed without a `default` is left out, unless the sender says what to
write or to send as it is; `Offer for ` leaves nobody unasked. A date that is none, and a number that is compared and is
none, leave out, too: the template could not be filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from app.bounds import FIELD_CHARACTERS
from app.domain.recipients.lists import Batch, cut
from app.errors import InvalidInput
from app.mail.message import breaks_lines
from app.mail.names import PROVIDED
from app.mail.nearest import nearest
from app.mail.rendering import Templates
from app.mail.templates import printed
from app.mail.values import date_of, number

MOST_ROWS = 3  # named of each field
MOST_DECISIONS = 200
_SHOWN = 60  # characters of a value


class IfBlank(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The way to treat recipients who have nothing for a field. `text` is written in its place."""

    do: Literal["leave_out", "write", "send"]
    text: str = ""


LEAVE_OUT = IfBlank("leave_out")


class Lack(msgspec.Struct, frozen=True, rename="camel"):
    """How many recipients have nothing for a `field` that the text uses, and the first of their `rows`. `required`: it
    is printed without a default. `if_blank`: what is done about it; None: nothing, the text has a default or asks.
    """

    field: str
    recipients: int
    required: bool
    if_blank: IfBlank | None
    rows: list[int]


class Lacking:
    """Looks at every recipient of a list, before anybody counts them."""

    def __init__(
        self,
        templates: Templates,
        if_blank: Mapping[str, IfBlank],
        provided: frozenset[str] = PROVIDED,
    ) -> None:
        """`provided`: what no recipient brings. Raises InvalidInput."""
        _check(if_blank)
        self._used = sorted(templates.mentioned - provided)
        self._required = templates.required
        self._if_blank = dict(if_blank)
        self._dates = templates.all_of("dates") - provided
        self._numbers = templates.all_of("numbers") - provided
        self._in_subject = sorted(templates.fields["subject"].mentioned - provided)
        self.begin()

    def begin(self) -> None:
        self._counts = dict.fromkeys(self._used, 0)
        self._rows: dict[str, list[int]] = {name: [] for name in self._used}
        self.broken_subjects = 0

    def check_known(self, known: frozenset[str]) -> None:
        """Raises InvalidInput where it is said what to do without a field that no text uses and nobody has."""
        for name in sorted(self._if_blank.keys() - known):
            if name not in self._used:
                near = nearest(name, {*self._used, *known})
                raise InvalidInput({f"ifBlank.{cut(name, _SHOWN)}": f"is a field that no text uses{near}"})

    @property
    def written(self) -> Mapping[str, int]:
        """How many characters are written where recipients have nothing for a field."""
        return {name: len(decision.text) for name, decision in self._if_blank.items()}

    @property
    def settled(self) -> frozenset[str]:
        """The fields of which it is said what to do without them."""
        return frozenset(name for name, decision in self._if_blank.items() if decision.do != "leave_out")

    def look(self, row: int, fields: dict[str, str]) -> str:
        """Why a recipient with these fields gets no email; empty: they get one. `fields` gets texts to write."""
        for name in self._used:
            value = fields.get(name, "")
            # A value that begins with a letter or a digit is printed, as nearly all are.
            if not value[:1].isalnum() and not printed(value) and (problem := self._note(row, name, fields)):
                return problem
        for name in self._dates:
            if (value := printed(fields.get(name, ""))) and date_of(value) is None:
                return f'{name} is "{cut(value, _SHOWN)}", which is no date; write it as 2030-04-13.'
        for name in self._numbers:
            if (value := printed(fields.get(name, ""))) and number(value) is None:
                return f'{name} is "{cut(value, _SHOWN)}", which is no number; write one as 1200 or 0.5.'
        return ""

    def see(self, batch: Batch) -> None:
        if self._in_subject:
            self.broken_subjects += sum(
                any(breaks_lines(fields.get(name, "")) for name in self._in_subject) for fields in batch.fields
            )

    def _note(self, row: int, name: str, fields: dict[str, str]) -> str:
        self._counts[name] += 1
        if len(self._rows[name]) < MOST_ROWS:
            self._rows[name].append(row)
        match self._decision(name):
            case IfBlank("leave_out"):
                return f"There is no value for {cut(name, _SHOWN)}, which the template needs."
            case IfBlank(_, text):
                fields[name] = text
            case None:
                pass
        return ""

    def _decision(self, name: str) -> IfBlank | None:
        return self._if_blank.get(name) or (LEAVE_OUT if name in self._required else None)

    def found(self) -> list[Lack]:
        """Of each field that somebody lacks."""
        return [
            Lack(name, count, name in self._required, self._decision(name), self._rows[name])
            for name, count in self._counts.items()
            if count
        ]


def _check(if_blank: Mapping[str, IfBlank]) -> None:
    wrong: dict[str, str] = {}
    if len(if_blank) > MOST_DECISIONS:
        wrong["ifBlank"] = f"has more than {MOST_DECISIONS} fields"
    for name, decision in if_blank.items():
        where = f"ifBlank.{cut(name, _SHOWN)}"
        if decision.do != "write" and decision.text:
            wrong[where] = 'has a text to write; that goes with "do": "write"'
        elif decision.do == "write" and not printed(decision.text):
            wrong[where] = 'has no text to write; give it as "text", or "do": "send" to send without'
        elif len(decision.text) > FIELD_CHARACTERS or "\0" in decision.text:
            wrong[where] = f"is longer than {FIELD_CHARACTERS:,} characters, or has a NUL"
    if wrong:
        raise InvalidInput(wrong)
