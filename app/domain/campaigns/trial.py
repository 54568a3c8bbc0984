"""A campaign's templates tried with what its recipients really have, before anything is scheduled.

Whether a message can be written shows with real values only: a subject that becomes too long, a value that a filter
cannot take. Who cannot be written to is left out with the row and the reason, as for any other fault of a row.

Of a text with values in it and nothing else, their lengths tell for everybody (`Plain`). Texts with more of Liquid are
tried (`Trial`): with a sample from all over the list and those with the longest values, field by field, and then with
everybody with whose values one may be too long, which their lengths hint at. Where one of these shows that a value is
none for a template's filters or conditions, nothing tells who else has such a one: then all of a list are tried that is
not too long for it.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from heapq import heappush, heappushpop
from typing import NamedTuple

from app.bounds import RECIPIENT_BYTES
from app.domain.campaigns.content import finished, most_of, wrong_parts
from app.domain.recipients.lists import EMAIL, Batch, Recipient
from app.errors import InvalidInput
from app.mail.footer import example_url
from app.mail.header_lines import HeaderInjection
from app.mail.markup import TemplateError
from app.mail.names import SENT_AT, UNSUBSCRIBE_URL
from app.mail.rendering import Templates
from app.mail.templates import Template

MOST_FIRST = 50
SAMPLE = 32  # at the most; half of that of any list that has as many
TOGETHER = 5  # with whom a template may take ten seconds, twice its budget each
MOST_EACH = 20_000  # recipients of a list of which each is tried, where that has to be
MOST_S = 20.0
DAY = "2026-01-31"  # for that of the step before
LINK = example_url("https://example.com")
_PROVIDED_LENGTHS = {EMAIL: 320, UNSUBSCRIBE_URL: len(LINK), SENT_AT: len(DAY)}
_PART = re.compile(r"(?:steps\[(?P<step>\d+)\]\.)?(?:variants\[(?P<variant>\d+)\]\.)?(?P<text>body(?:Html)?)?.*")
_TEXTS = {"body": " in the text", "bodyHtml": " in the HTML"}

Wrong = TemplateError | HeaderInjection


class Seen(NamedTuple):
    """`number`: from 0, in the list's order."""

    number: int
    row: int
    recipient: Recipient


class Unwritable(NamedTuple):
    """To whom, which part, and why not. `is_long`: it would be too long, which lengths of values hint at, and nothing
    else is wrong.
    """

    seen: Seen
    part: str
    why: str
    is_long: bool

    @property
    def reason(self) -> str:
        return _reason(self.part, self.why)

    def wrong(self) -> InvalidInput:
        return InvalidInput({self.part: f"row {self.seen.row} ({self.seen.recipient.address}): {self.why}"})


class Plain:
    """The texts of which lengths of values tell to whom they cannot be written."""

    def __init__(self, templates: Templates, written: Mapping[str, int]) -> None:
        """`written`: lengths of what stands where recipients have nothing for a field."""
        self._templates = templates
        lengths = {**_PROVIDED_LENGTHS, **written}
        spares = [
            (template.spare(most_of(part), lengths), part, template) for part, template in templates.plain.items()
        ]
        self._names = frozenset[str]().union(*(template.fields.mentioned for template in templates.plain.values()))
        self._parts = sorted(spares, key=lambda one: one[0])
        self.beyond = min((spare for spare, _, _ in self._parts), default=RECIPIENT_BYTES)

    def problem(self, address: str, fields: Mapping[str, str]) -> str:
        size = sum(len(fields.get(name, "")) for name in self._names)
        if size <= self.beyond:
            return ""
        given = _given(Recipient(address, dict(fields)))
        for spare, part, template in self._parts:
            if size <= spare:
                break
            if error := _wrong(part, template, given):
                return _reason(part, _why(self._templates, part, given, error))
        return ""


def _wrong(part: str, template: Template, given: Mapping[str, str]) -> Wrong | None:
    try:
        if template.length(given) <= most_of(part):
            return None
        return wrong_parts({part: template.render(given)}, given).get(part)
    except TemplateError as error:
        return error


async def check_one(templates: Templates, recipient: Recipient) -> None:
    """Raises InvalidInput naming the parts that cannot be written to the only recipient."""
    given = _given(recipient)
    (parts,) = await finished(templates.render([given]))
    if wrong := wrong_parts(parts, given):
        raise InvalidInput({part: _why(templates, part, given, error) for part, error in wrong.items()})


Others = Callable[[Sequence[int]], AsyncGenerator[Sequence[Seen]]]  # by their numbers, in that order


class Trial:
    """Sees every recipient of a list, in their order, and tries texts with some of them. `begin` for another reading of
    the same list: whom they were written to is tried no more.
    """

    def __init__(self, templates: Templates, known: frozenset[str]) -> None:
        """`known`: fields that some recipient has."""
        self._templates = templates
        self._short: dict[str, int] = {}  # by field: up to how many characters of a value no text is too long
        for part in templates.liquid:
            spare = templates.spare(part, most_of(part))
            for name in (templates.fields[part].mentioned & known) - {UNSUBSCRIBE_URL}:
                self._short[name] = min(spare, self._short.get(name, spare))
        self._tries_all = False
        self._left_s = MOST_S
        self._found: Unwritable | None = None  # the first
        self._right: set[tuple[int, str]] = set()  # rows and addresses that were tried
        self.begin()

    def begin(self) -> None:
        self._count = 0
        self._sample: list[Seen] = []  # every so many
        self._every = 1
        self._next = 0
        self._longest: dict[str, Seen] = {}
        self._lengths = dict.fromkeys(sorted(self._short), 0)
        self._long: list[tuple[int, int]] = []  # a heap: by how much one is longer, and minus its number
        self._are_more_long = False

    def see(self, batch: Batch) -> None:
        def seen(at: int) -> Seen:
            return Seen(self._count + at, batch.rows[at], Recipient(batch.addresses[at], batch.fields[at]))

        while self._next < self._count + len(batch.rows):
            self._sample.append(seen(self._next - self._count))
            if len(self._sample) == SAMPLE:
                del self._sample[1::2]
                self._every *= 2
            self._next = self._sample[-1].number + self._every
        beyond: dict[int, int] = {}
        for name, longest in self._lengths.items():
            texts = batch.addresses if name == EMAIL else [fields.get(name, "") for fields in batch.fields]
            lengths = list(map(len, texts))
            most = max(lengths, default=0)
            if most > longest:
                self._lengths[name] = most
                self._longest[name] = seen(lengths.index(most))
            # Nearly always nothing is too long.
            if most > (short := self._short[name]):
                for at, length in enumerate(lengths):
                    if length > short:
                        beyond[at] = max(length - short, beyond.get(at, 0))
        for at, by in beyond.items():
            self._note_long(by, self._count + at)
        self._count += len(batch.rows)

    def _note_long(self, by: int, number: int) -> None:
        if len(self._long) < MOST_EACH:
            heappush(self._long, (by, -number))
        else:
            heappushpop(self._long, (by, -number))
            self._are_more_long = True

    async def run(self, others: Others) -> list[Unwritable]:
        """Those whom no message can be written to; `others` gets those that are to be tried and are not kept here.

        Raises InvalidInput naming the part, the row and, where one is to blame, the merge field, if it is everybody of
        those who are tried first, or if there may be more of them and there are too many to try each. Those who are not
        tried in time, while nobody was found, are found when they are sent to.
        """
        if not self._templates.liquid:
            return []
        longest = sorted(self._longest, key=self._lengths.__getitem__, reverse=True)
        by_number = {seen.number: seen for seen in [*self._sample, *map(self._longest.__getitem__, longest)]}
        first = list(by_number.values())[:MOST_FIRST]
        found: list[Unwritable] = []
        tried: set[int] = set()
        until = time.monotonic() + self._left_s
        in_time = await self._try(first, tried, found, until)
        if len(found) == len(first):
            raise found[0].wrong()
        while in_time and (numbers := self._next_numbers(found, tried)):
            async with aclosing(others(numbers)) as parts:
                async for some in parts:
                    if not (in_time := await self._try(some, tried, found, until)):
                        break
            tried.update(numbers)
        self._left_s = until - time.monotonic()  # of a reading to come
        self._found = self._found or next(iter(found), None)
        if self._found and (not in_time or self._are_more_long):
            raise self._found.wrong()
        return found

    def _next_numbers(self, found: Sequence[Unwritable], tried: set[int]) -> list[int]:
        """Of those who may be like those that were `found`, the longest first. Raises InvalidInput for too many."""
        numbers: Sequence[int] = [-number for _, number in sorted(self._long, reverse=True)]
        foreseen = set(numbers)
        unforeseen = [one for one in found if not one.is_long or one.seen.number not in foreseen]
        if unforeseen and self._count > MOST_EACH:
            raise unforeseen[0].wrong()
        self._tries_all = self._tries_all or bool(unforeseen)
        return [number for number in (range(self._count) if self._tries_all else numbers) if number not in tried]

    async def _try(self, some: Sequence[Seen], tried: set[int], found: list[Unwritable], until: float) -> bool:
        """Add to `tried`, and to `found` those that cannot be written to. Whether all were tried in time."""
        for begin in range(0, len(some), TOGETHER):
            together = some[begin : begin + TOGETHER]
            new = [seen for seen in together if (seen.row, seen.recipient.address) not in self._right]
            if new and tried and time.monotonic() > until:
                return False
            tried.update(seen.number for seen in together)
            every = [_given(seen.recipient) for seen in new]
            rendered = await finished(self._templates.render_liquid(every))
            for seen, given, parts in zip(new, every, rendered, strict=True):
                wrong = wrong_parts(parts, given)
                if not wrong:
                    self._right.add((seen.row, seen.recipient.address))
                    continue
                part, error = next(iter(wrong.items()))
                is_long = all(isinstance(parts[name], str) for name in wrong)
                found.append(Unwritable(seen, part, _why(self._templates, part, given, error), is_long))
        return True


def _given(recipient: Recipient) -> dict[str, str]:
    """What a template is filled in with."""
    return {SENT_AT: DAY, **recipient.fields, EMAIL: recipient.address, UNSUBSCRIBE_URL: LINK}


def _reason(part: str, why: str) -> str:
    """For people who look at the row."""
    match = _PART.fullmatch(part)
    step, variant, text = match.group("step", "variant", "text") if match else (None, None, None)
    what = "The message" if step is None else f"Step {int(step) + 2}"
    if variant is not None:
        what = f"Variant {chr(ord('B') + int(variant))}{'' if step is None else f' of step {int(step) + 2}'}"
    return f"{what} cannot be written{_TEXTS.get(text or '', '')}: {why}."


def _why(templates: Templates, part: str, given: Mapping[str, str], error: Wrong) -> str:
    """With the merge field that the error may come from, unless it says so."""
    names = [name for name in templates.fields[part].mentioned if given.get(name)]
    if not names or isinstance(error, HeaderInjection) or error.field is not None:
        return str(error)
    longest = max(sorted(names), key=lambda name: len(given[name]))
    return f"{error}; its longest merge field is '{longest}', with {len(given[longest]):,} characters"
