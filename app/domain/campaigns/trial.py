"""A campaign's templates tried with what its recipients really have, before anything is scheduled.

Whether a template can be written shows with real values only: a subject that becomes too long, a line break in it, a
value that a filter cannot take. Of a million recipients some are tried: a sample from all over the list, and those
with the longest values, field by field.
"""

from __future__ import annotations

from typing import NamedTuple

from app.domain.campaigns.content import finished, wrong_parts
from app.domain.recipients.lists import EMAIL, Batch, Recipient
from app.errors import InvalidInput
from app.mail.footer import example_url
from app.mail.header_lines import HeaderInjection
from app.mail.markup import TemplateError
from app.mail.names import PROVIDED, SENT_AT, UNSUBSCRIBE_URL
from app.mail.rendering import Templates

MOST_TRIED = 50
TOGETHER = 10
DAY = "2026-01-31"  # for that of the step before
LINK = example_url("https://example.com")


class _Seen(NamedTuple):
    row: int
    recipient: Recipient


class Trial:
    """Sees every recipient of a list, in their order, and keeps those to try."""

    def __init__(self, templates: Templates, known: frozenset[str]) -> None:
        self._templates = templates
        self._names = sorted((templates.mentioned & known) - PROVIDED)
        self._count = 0
        self._sample: list[_Seen] = []
        self._next = 1  # that is one of the sample, as are those whose number is a power of two
        self._longest: dict[str, _Seen] = {}
        self._lengths = dict.fromkeys(self._names, 0)

    def see(self, batch: Batch) -> None:
        def seen(at: int) -> _Seen:
            return _Seen(batch.rows[at], Recipient(batch.addresses[at], batch.fields[at]))

        while self._next <= self._count + len(batch.rows):
            self._sample.append(seen(self._next - self._count - 1))
            self._next *= 2
        self._count += len(batch.rows)
        for name in self._names:
            lengths = [len(fields.get(name, "")) for fields in batch.fields]
            longest = max(lengths, default=0)
            if longest > self._lengths[name]:
                self._lengths[name] = longest
                self._longest[name] = seen(lengths.index(longest))

    async def run(self) -> None:
        """Raises InvalidInput naming the part, the row and, where one is to blame, the merge field."""
        longest = sorted(self._longest, key=self._lengths.__getitem__, reverse=True)
        tried = list({seen.row: seen for seen in [*self._sample, *map(self._longest.__getitem__, longest)]}.values())
        for first in range(0, min(len(tried), MOST_TRIED), TOGETHER):
            await self._try(tried[first : first + TOGETHER])

    async def _try(self, tried: list[_Seen]) -> None:
        every = [
            {SENT_AT: DAY, **seen.recipient.fields, EMAIL: seen.recipient.address, UNSUBSCRIBE_URL: LINK}
            for seen in tried
        ]
        for seen, fields, parts in zip(tried, every, await finished(self._templates.render(every)), strict=True):
            if wrong := wrong_parts(parts, fields):
                who = f"row {seen.row} ({seen.recipient.address})"
                raise InvalidInput(
                    {name: f"{who}: {error}{self._longest_of(name, fields, error)}" for name, error in wrong.items()}
                )

    def _longest_of(self, part: str, fields: dict[str, str], error: TemplateError | HeaderInjection) -> str:
        """Words on the merge field that the error may come from, unless it says so."""
        names = [name for name in self._templates.fields[part].mentioned if fields.get(name)]
        if not names or isinstance(error, HeaderInjection) or error.field is not None:
            return ""
        longest = max(sorted(names), key=lambda name: len(fields[name]))
        return f"; its longest merge field is '{longest}', with {len(fields[longest]):,} characters"
