"""A campaign's templates tried with what its recipients really have, before anything is scheduled.

Whether a message can be written shows with real values only: a subject that becomes too long, a value that a filter
cannot take. Who cannot be written to is left out with the row and the reason, as for any other fault of a row.

Of a million recipients some are tried: a sample from all over the list, those with the longest values, field by field,
and everybody with whose values a line at the head of the message may be too long, which their lengths tell. Where one
of these shows that a value is none for a template's filters or conditions, nothing tells who else has such a one:
then all of a list are tried that is not too long for it.
"""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

from app.domain.campaigns.content import finished, most_of, wrong_parts
from app.domain.recipients.lists import EMAIL, MOST_REJECTED, Batch, Recipient
from app.errors import InvalidInput
from app.mail.footer import example_url
from app.mail.header_lines import HeaderInjection
from app.mail.markup import TemplateError
from app.mail.names import PROVIDED, SENT_AT, UNSUBSCRIBE_URL
from app.mail.rendering import Templates

MOST_TRIED = 50
TOGETHER = 10
MOST_EACH = 20_000  # recipients of a list of which each is tried, where that has to be
MOST_EACH_S = 20.0
DAY = "2026-01-31"  # for that of the step before
LINK = example_url("https://example.com")
_PROVIDED_LENGTHS = {EMAIL: 320, UNSUBSCRIBE_URL: len(LINK), SENT_AT: len(DAY)}
_PART = re.compile(r"(?:steps\[(?P<step>\d+)\]\.)?(?:variants\[(?P<variant>\d+)\]\.)?(?P<text>body(?:Html)?)?.*")
_TEXTS = {"body": " in the text", "bodyHtml": " in the HTML"}


class Seen(NamedTuple):
    """`number`: from 0, in the list's order."""

    number: int
    row: int
    recipient: Recipient


class Unwritable(NamedTuple):
    """To whom, which part, and why not; `is_long`: it would be too long, which lengths of values foretell."""

    seen: Seen
    part: str
    why: str
    is_long: bool

    @property
    def reason(self) -> str:
        """For people who look at the row."""
        match = _PART.fullmatch(self.part)
        step, variant, text = match.group("step", "variant", "text") if match else (None, None, None)
        what = "The message" if step is None else f"Step {int(step) + 2}"
        if variant is not None:
            what = f"Variant {chr(ord('B') + int(variant))}{'' if step is None else f' of step {int(step) + 2}'}"
        return f"{what} cannot be written{_TEXTS.get(text or '', '')}: {self.why}."

    def wrong(self) -> InvalidInput:
        return InvalidInput({self.part: f"row {self.seen.row} ({self.seen.recipient.address}): {self.why}"})


Others = Callable[[Sequence[int]], AsyncGenerator[Sequence[Seen]]]  # by their numbers, in that order


class Trial:
    """Sees every recipient of a list, in their order, and keeps those to try."""

    def __init__(self, templates: Templates, known: frozenset[str]) -> None:
        self._templates = templates
        self._names = sorted((templates.mentioned & known) - PROVIDED)
        self._most = {part: most_of(part) for part in templates.fields}
        self._count = 0
        self._sample: list[Seen] = []
        self._next = 1  # that is one of the sample, as are those whose number is a power of two
        self._longest: dict[str, Seen] = {}
        self._lengths = dict.fromkeys(self._names, 0)
        self._long = array("L")  # the numbers of those with whose values a part may be too long

    def see(self, batch: Batch) -> None:
        def seen(at: int) -> Seen:
            return Seen(self._count + at, batch.rows[at], Recipient(batch.addresses[at], batch.fields[at]))

        while self._next <= self._count + len(batch.rows):
            self._sample.append(seen(self._next - self._count - 1))
            self._next *= 2
        most = _PROVIDED_LENGTHS.copy()
        for name in self._names:
            lengths = [len(fields.get(name, "")) for fields in batch.fields]
            most[name] = longest = max(lengths, default=0)
            if longest > self._lengths[name]:
                self._lengths[name] = longest
                self._longest[name] = seen(lengths.index(longest))
        # Nearly always no part would be too long even with the longest values of all of them together.
        if parts := self._long_with(self._most, most):
            names = {name for part in parts for name in self._templates.fields[part].mentioned}
            for at, fields in enumerate(batch.fields):
                own = _PROVIDED_LENGTHS | {name: len(fields[name]) for name in names if name in fields}
                if len(self._long) <= MOST_REJECTED and self._long_with(parts, own):
                    self._long.append(self._count + at)
        self._count += len(batch.rows)

    def _long_with(self, parts: Iterable[str], lengths: Mapping[str, int]) -> list[str]:
        """Those that may be longer than they may."""
        return [part for part in parts if self._templates.at_most(part, lengths) > self._most[part]]

    async def run(self, others: Others | None = None) -> list[Unwritable]:
        """Those whom no message can be written to; `others` gets those that are to be tried and are not kept here.

        Raises InvalidInput naming the part, the row and, where one is to blame, the merge field, if it is everybody, or
        if there may be more of them and there are too many to try each. Those who are not tried in time, while nobody
        was found, are found when they are sent to.
        """
        longest = sorted(self._longest, key=self._lengths.__getitem__, reverse=True)
        by_number = {seen.number: seen for seen in [*self._sample, *map(self._longest.__getitem__, longest)]}
        tried = list(by_number.values())[:MOST_TRIED]
        found = await self._try(tried)
        numbers = self._besides(found) - {seen.number for seen in tried}
        if numbers and others is not None:
            are_all = await self._try_others(others(sorted(numbers)), found)
            if found and not are_all:
                raise found[0].wrong()
        if found and len(found) == self._count:
            raise found[0].wrong()
        return found

    async def _try_others(self, others: AsyncGenerator[Sequence[Seen]], found: list[Unwritable]) -> bool:
        """Add to `found` those that cannot be written to. Whether all were tried: each may take a template a second."""
        until = time.monotonic() + MOST_EACH_S
        async with aclosing(others):
            async for some in others:
                found += await self._try(some)
                if time.monotonic() > until:
                    return False
        return True

    def _besides(self, found: Sequence[Unwritable]) -> set[int]:
        """The numbers of those who may be like those that were `found`. Raises InvalidInput for too many."""
        lengths = set(self._long)
        unforeseen = [one for one in found if not one.is_long or one.seen.number not in lengths]
        if not unforeseen:
            return lengths
        if self._count > MOST_EACH:
            raise unforeseen[0].wrong()
        return set(range(self._count))

    async def _try(self, some: Sequence[Seen]) -> list[Unwritable]:
        found: list[Unwritable] = []
        for first in range(0, len(some), TOGETHER):
            together = some[first : first + TOGETHER]
            every = [
                {SENT_AT: DAY, **seen.recipient.fields, EMAIL: seen.recipient.address, UNSUBSCRIBE_URL: LINK}
                for seen in together
            ]
            rendered = await finished(self._templates.render(every))
            for seen, fields, parts in zip(together, every, rendered, strict=True):
                for part, error in wrong_parts(parts, fields).items():
                    is_long = isinstance(parts[part], str) or self._templates.is_plain(part)
                    found.append(Unwritable(seen, part, f"{error}{self._longest_of(part, fields, error)}", is_long))
                    break
        return found

    def _longest_of(self, part: str, fields: dict[str, str], error: TemplateError | HeaderInjection) -> str:
        """Words on the merge field that the error may come from, unless it says so."""
        names = [name for name in self._templates.fields[part].mentioned if fields.get(name)]
        if not names or isinstance(error, HeaderInjection) or error.field is not None:
            return ""
        longest = max(sorted(names), key=lambda name: len(fields[name]))
        return f"; its longest merge field is '{longest}', with {len(fields[longest]):,} characters"
