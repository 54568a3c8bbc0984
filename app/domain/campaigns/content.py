"""What a campaign's messages say: checked, shown for one recipient, made into what the worker builds messages with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import msgspec

from app.bounds import Bounds
from app.db import Pool, fetch_one
from app.errors import InvalidInput, NotFound
from app.mail.message import MessageBuilder
from app.mail.templates import Template, TemplateError
from app.sql import queries

sql = queries(__name__)
SUBJECT = Bounds(1, 998)  # characters: RFC 5322, 2.1.1
TEXT = Bounds(0, 1_000_000)


class Rendered(msgspec.Struct, frozen=True):
    """A message as one recipient reads it. `required`: the merge fields that every recipient must bring."""

    subject: str
    text: str
    html: str | None
    required: list[str]


class Content(msgspec.Struct, frozen=True):
    """What the messages say; merge fields in Liquid."""

    subject: str
    body: str
    body_html: str | None = None

    @property
    def size(self) -> int:
        """Bytes, as they are stored."""
        return sum(len(text.encode()) for text in (self.subject, self.body, self.body_html or ""))

    def required_fields(self) -> frozenset[str]:
        """Fields that every recipient must bring. Raises InvalidInput naming the part that does not parse."""
        self._check_length()
        return frozenset(name for _, template in self._templates() for name in template.required)

    def part_that_needs(self, field: str) -> str:
        """The part that every recipient must bring the field for, one of `required_fields`."""
        return next(name for name, template in self._templates() if field in template.required)

    def check(self, known: frozenset[str]) -> None:
        """Raises InvalidInput for an empty or overlong part, a syntax error, or a field nobody brings.

        `email`, the recipient's address, is always there.
        """
        known = known | {"email"}
        wrong: dict[str, str] = {}
        if not self.subject.strip():
            wrong["subject"] = "is empty; say what the email is about"
        elif len(self.subject) > SUBJECT.most:
            wrong["subject"] = f"is longer than {SUBJECT.most} characters (RFC 5322, 2.1.1)"
        elif any(c in self.subject for c in "\r\n\0"):
            wrong["subject"] = "has a line break; a subject is one line"
        if not self.body.strip() and not (self.body_html or "").strip():
            wrong["body"] = "is empty; write a text"
        for name, text in (("body", self.body), ("bodyHtml", self.body_html or "")):
            if not TEXT.allow(len(text)):
                wrong[name] = f"is longer than {TEXT.most:,} characters"
            elif "\0" in text:
                wrong[name] = "has a NUL character"
        if not wrong:
            for name, template in self._templates():
                if unknown := sorted(template.required - known):
                    have = f"the recipients have: {', '.join(sorted(known))}" if known else "the recipients have none"
                    wrong[name] = (
                        f'unknown merge field "{unknown[0]}" without a default; {have}. '
                        f'Or write {{{{ {unknown[0]} | default: "…" }}}}'
                    )
        if wrong:
            raise InvalidInput(wrong)

    def render(self, address: str, fields: Mapping[str, str] | None) -> Rendered:
        """What the recipient at `address` gets. Without `fields`, each merge field's name in brackets stands for it.

        Raises InvalidInput naming the part that does not parse, or that prints a field the recipient lacks.
        """
        self._check_length()
        parts: dict[str, str] = {}
        wrong: dict[str, str] = {}
        for name, template in self._templates():
            values = dict(fields) if fields is not None else {field: f"[{field}]" for field in template.fields}
            try:
                parts[name] = template.render(values | {"email": address})
            except TemplateError as error:
                wrong[name] = error.detail
        if wrong:
            raise InvalidInput(wrong)
        return Rendered(
            subject=parts["subject"],
            text=parts["body"],
            html=parts.get("bodyHtml"),
            required=sorted(self.required_fields()),
        )

    def _check_length(self) -> None:
        """Raises InvalidInput for what is too long to be parsed."""
        if wrong := {
            name: f"is longer than {TEXT.most:,} characters"
            for name, text in (("subject", self.subject), ("body", self.body), ("bodyHtml", self.body_html or ""))
            if not TEXT.allow(len(text))
        }:
            raise InvalidInput(wrong)

    def _templates(self) -> Iterator[tuple[str, Template]]:
        for name, source, html in (
            ("subject", self.subject, False),
            ("body", self.body, False),
            ("bodyHtml", self.body_html, True),
        ):
            if source is not None:
                try:
                    yield name, Template.parse(source, html=html)
                except TemplateError as error:
                    raise InvalidInput({name: error.detail}) from None


async def message_builder(pool: Pool, workspace_id: int, campaign_id: int) -> tuple[int, MessageBuilder]:
    """What the worker builds a campaign's messages with, and the version of the content it is for."""
    async with pool.connection() as conn:
        row = await fetch_one(conn, sql.campaign_content, {"workspace_id": workspace_id, "campaign_id": campaign_id})
    if row is None:
        raise NotFound(f"no campaign {campaign_id}")
    builder = await asyncio.to_thread(  # parsing a long text takes seconds, and lanes wait for this loop
        MessageBuilder,
        from_address=row["email"],
        display_name=row["display_name"],
        subject=row["subject"],
        body=row["body"],
        body_html=row["body_html"],
    )
    return row["content_version"], builder
