"""The content of a campaign's messages: checked, made into the form that is sent, shown for one recipient."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar, cast

import msgspec
import structlog
from psycopg.types.json import Jsonb

from app.bounds import FIELD_CHARACTERS, RECIPIENT_BYTES, SUBJECT, TEXT
from app.db import Row
from app.domain.campaigns.beside import wrong_with
from app.errors import Conflict, InvalidInput, Unavailable
from app.mail import rendering
from app.mail.document import Written
from app.mail.enclosed import files_shown
from app.mail.footer import Unsubscribe, with_address, with_link
from app.mail.header_lines import LONGEST_LINE, HeaderInjection
from app.mail.hints import Hint
from app.mail.markup import TemplateError
from app.mail.message import breaks_lines, check_own, check_subject
from app.mail.names import PROVIDED, UNSUBSCRIBE_URL
from app.mail.nearest import nearest
from app.mail.quoting import Quote, with_quote
from app.mail.rendering import NotRendered, Templates
from app.mail.seen import is_seen, shows_something
from app.mail.templates import MAX_OUTPUT, Source
from app.mail.values import locale_of

MOST_UNKNOWN = 10  # fields of a part that are compared with those that there are

T = TypeVar("T")
log = structlog.get_logger()


class TextsChanged(Conflict):
    """Somebody else has changed a text since."""

    code = "texts_changed"


def texts_version(said: object) -> str:
    """Tells all that is said from anything else that might be."""
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:16]


class Rendered(msgspec.Struct, frozen=True):
    """A message as one recipient reads it. `required`: the merge fields that every recipient must bring. `hints`: what
    receivers may dislike about it. `headers` are those of one's own.
    """

    subject: str
    text: str
    html: str | None
    required: list[str]
    hints: list[Hint]
    headers: dict[str, str] = {}

    def quoting(self, below: Quote) -> Rendered:
        """With the message that it quotes below its texts."""
        html = self.html and with_quote(self.html, below, html=True)
        return msgspec.structs.replace(self, text=with_quote(self.text, below, html=False), html=html)


class Content(msgspec.Struct, frozen=True):
    """The texts of the messages and the parts beside them; merge fields in Liquid. `language` is what it is written in,
    such as `de`; `unsubscribe` how recipients say that they want no more, None: as is usual for so many of them.
    Addresses are normalized; `attachments` are ids of files.
    """

    subject: str
    body: str
    body_html: str | None = None
    language: str | None = None
    unsubscribe: Unsubscribe | None = None
    reply_to: str | None = None
    headers: dict[str, str] = {}
    cc: list[str] = []
    bcc: list[str] = []
    attachments: list[int] = []

    @classmethod
    def of_row(cls, row: Row) -> Content:
        """Content as it is stored; a template says nothing of unsubscribing."""
        return cls(**{name: row[name] for name in cls.__struct_fields__ if name in row})

    def addressed(self, postal_address: str | None) -> Content:
        """As it is sent, with a postal address at the end of its texts."""
        if not postal_address:
            return self
        body, html = self.body, self.body_html
        return msgspec.structs.replace(
            self,
            body=with_address(body, postal_address, html=False) if body.strip() else body,
            body_html=html and with_address(html, postal_address, html=True),
        )

    @property
    def columns(self) -> dict[str, object]:
        """As it is stored."""
        return {**msgspec.structs.asdict(self), "headers": Jsonb(self.headers), "images": self.images}

    @property
    def images(self) -> list[int]:
        """The files that the HTML shows."""
        return files_shown(self.body_html or "")

    @property
    def copies(self) -> int:
        """How many recipients each message has beside its own."""
        return len(self.cc) + len(self.bcc)

    @property
    def size(self) -> int:
        """Bytes, as they are stored: HTML as it was written, and about as much again as it is sent; files aside."""
        own = (*self.headers, *self.headers.values())
        return sum(len(text.encode()) for text in (self.subject, self.body, *2 * (self.body_html or "",), *own))

    async def parse(self, workspace_id: int) -> Templates:
        """Its templates by the wire names of its parts. Raises InvalidInput naming those that do not parse."""
        check_language(self.language)
        if wrong := {
            name: f"is longer than {TEXT.most:,} characters"
            for name, text in (("subject", self.subject), ("body", self.body), ("bodyHtml", self.body_html or ""))
            if not TEXT.allow(len(text))
        }:
            raise InvalidInput(wrong)
        templates = await finished(Templates.parse(self.sources(), workspace_id))
        if wrong := wrong_with(self.headers, self.cc, self.bcc) | templates.wrong:
            raise InvalidInput(wrong)
        return templates

    def sources(self) -> dict[str, Source]:
        """Of its templates, by the wire names of its parts."""
        sources = {
            name: Source(text, False, self.language) for name, text in (("subject", self.subject), ("body", self.body))
        }
        if self.body_html is not None:
            sources["bodyHtml"] = Source(self.body_html, True, self.language)
        return sources | {_part_of(name): Source(text, False, self.language) for name, text in self.headers.items()}

    def check(self, templates: Templates, known: frozenset[str], standing: frozenset[str] = frozenset()) -> None:
        """Raises InvalidInput for an empty or overlong part, or a field nobody brings; `templates` are its own.

        `email`, the recipient's address, is always there, and the link to unsubscribe, but not in a subject. Texts that
        are `standing`, whichever part's, were taken before, and may show nothing.
        """
        known = known | {"email"}
        wrong: dict[str, str] = {}
        if self.subject not in standing and not is_seen(self.subject):
            wrong["subject"] = "is empty; say what the email is about"
        elif len(self.subject) > SUBJECT.most:
            wrong["subject"] = f"is longer than {SUBJECT.most} characters (RFC 5322, 2.1.1)"
        elif any(c in self.subject for c in "\r\n"):
            wrong["subject"] = "has a line break; a subject is one line"
        elif UNSUBSCRIBE_URL in templates.fields["subject"].mentioned:
            wrong["subject"] = "has the link to unsubscribe, which is for texts"
        html = self.body_html or ""
        is_shown = html in standing or shows_something(html)
        if self.body not in standing and not is_seen(self.body) and not is_shown:
            wrong["body"] = "is empty; write a text"
        elif html and not is_shown:
            wrong["bodyHtml"] = "is blank, so most readers would see nothing; leave it out"
        for name, text in (("subject", self.subject), ("body", self.body), ("bodyHtml", self.body_html or "")):
            if "\0" in text:
                wrong[name] = "has a NUL character"
        if not wrong:
            for name, fields in templates.fields.items():
                if unknown := sorted(fields.required - known - PROVIDED):
                    have = f"the recipients have: {', '.join(sorted(known))}" if known else "the recipients have none"
                    wrong[name] = (
                        f'unknown merge field "{unknown[0]}" without a default{nearest(unknown[0], known)}; {have}. '
                        f'Or write {{{{ {unknown[0]} | default: "…" }}}}'
                    )
        if wrong:
            raise InvalidInput(wrong)

    def misspelt(self, templates: Templates, known: frozenset[str]) -> list[Hint]:
        """Fields that nobody has, for which a default or a condition stands in, and that are nearly one that is."""
        reason = "Nobody has a value for it, so all get what stands in for it."
        return [
            Hint(name, f"It uses {unknown}, which no recipient has{near}", reason)
            for name, fields in templates.fields.items()
            for unknown in sorted(fields.mentioned - fields.required - known - PROVIDED)[:MOST_UNKNOWN]
            if (near := nearest(unknown, known))
        ]

    async def sent(self, workspace_id: int) -> Sent:
        """The content as it is sent, made once for all recipients; the templates are right. Raises Unavailable."""
        written = Written(self.subject, self.body, self.body_html or "", self.language)
        made = await finished(rendering.make(written, workspace_id))
        if made is None:
            return Sent(self, [_AS_WRITTEN])
        html = made.body_html or self.body_html
        content = msgspec.structs.replace(self, body=made.body, body_html=html)
        try:
            templates = await content.parse(workspace_id)
        except InvalidInput:  # too long by now
            return Sent(self, [*made.hints, _AS_WRITTEN])
        if made.body != self.body and (await self.parse(workspace_id)).fields["bodyHtml"].lacks(
            templates.fields["body"]
        ):
            return Sent(msgspec.structs.replace(content, body=self.body), [*made.hints, _NO_TEXT])
        return Sent(content, made.hints)

    async def render(
        self,
        address: str,
        fields: Mapping[str, str] | None,
        workspace_id: int,
        sign: Callable[[Content], Content] = lambda sent: sent,
        *,
        unsubscribe_url: str,
    ) -> Rendered:
        """The message that the recipient at `address` gets. Without `fields`, each merge field's name in brackets
        stands for it. `sign` puts to content as it is sent what it ends with; `unsubscribe_url` stands for the link.

        Raises InvalidInput naming the part that does not parse, or that cannot be written for this recipient.
        """
        written = await self.parse(workspace_id)
        sent = await self.sent(workspace_id)
        shown = await sign(sent.content).fill(address, fields, workspace_id, unsubscribe_url)
        hints = list(sent.hints)
        if any(breaks_lines((fields or {}).get(name, "")) for name in written.fields["subject"].mentioned):
            hints.append(_ONE_LINE)
        return msgspec.structs.replace(shown, hints=hints)

    async def fill(
        self, address: str, fields: Mapping[str, str] | None, workspace_id: int, unsubscribe_url: str
    ) -> Rendered:
        """The same of content as it is sent: nothing is made of it any more. Raises as `render` does."""
        if fields is not None:
            check_fields(fields)
        templates = await self.parse(workspace_id)
        if fields is None:
            fields = {field: f"[{field}]" for field in templates.mentioned}
        provided = {"email": address, UNSUBSCRIBE_URL: unsubscribe_url}
        (parts,) = await finished(templates.render([{**fields, **provided}]))
        if wrong := wrong_parts(parts, fields):
            raise InvalidInput({name: str(error) for name, error in wrong.items()})
        subject, text, html = (cast("str | None", parts.get(name)) for name in ("subject", "body", "bodyHtml"))
        if self.unsubscribe == "link":
            text = text and with_link(text, unsubscribe_url, self.language, html=False)
            html = html and with_link(html, unsubscribe_url, self.language, html=True)
        required = sorted(templates.required - {UNSUBSCRIBE_URL})
        headers = {name: check_own(name, cast("str", parts[_part_of(name)]), fields).strip() for name in self.headers}
        return Rendered(check_subject(subject or "", fields), text or "", html, required, [], headers)


class Sent(NamedTuple):
    """Content as it is sent, and what receivers may dislike about it."""

    content: Content
    hints: list[Hint]

    def made(self, written: Content) -> dict[str, str | None]:
        """The parts that are not as they were written, as columns."""
        body, html = self.content.body, self.content.body_html
        return {
            "body_made": None if body == written.body else body,
            "html_made": None if html == written.body_html else html,
        }


_AS_WRITTEN = Hint(
    "bodyHtml",
    "The HTML is sent as it was written, without styles put where they belong and without a text made of it.",
    "What would be made of it is too long, or takes too long to make.",
)
_NO_TEXT = Hint(
    "body",
    "No text is made of the HTML, which goes alone: a value that it shows is put together where a text has nothing.",
    "Some people, and every filter, read the text. Write one, or set the value within the body of the HTML.",
)
_ONE_LINE = Hint("subject", "A value has several lines, which are written as one.", "A subject is one line.")


def check_language(language: str | None) -> None:
    """Raises InvalidInput for one that is not known."""
    if language is not None:
        try:
            locale_of(language)
        except ValueError as error:
            raise InvalidInput({"language": str(error)}) from None


def check_fields(fields: Mapping[str, str]) -> None:
    """Raises InvalidInput for merge fields larger than a recipient's may be."""
    for name, value in fields.items():
        if len(value) > FIELD_CHARACTERS:
            raise InvalidInput({f"fields.{name}": f"is longer than {FIELD_CHARACTERS:,} characters"})
    if sum(len(text.encode(errors="replace")) for text in (*fields, *fields.values())) > RECIPIENT_BYTES:
        raise InvalidInput({"fields": f"are more than {RECIPIENT_BYTES:,} bytes together"})


def wrong_parts(
    parts: Mapping[str, str | TemplateError], fields: Mapping[str, str]
) -> dict[str, TemplateError | HeaderInjection]:
    """The errors of an email's parts that cannot be written, by name; a subject is a header line, too."""
    wrong: dict[str, TemplateError | HeaderInjection]
    wrong = {name: text for name, text in parts.items() if isinstance(text, TemplateError)}
    for name, text in parts.items():
        header = _header_of(name)
        if isinstance(text, str) and (header or name.endswith("subject")):
            try:
                if header:
                    check_own(header, text, fields)
                else:
                    check_subject(text, fields)
            except (TemplateError, HeaderInjection) as error:
                wrong[name] = error
    return wrong


def most_of(part: str) -> int:
    """How many characters a part of a message may have, by its name."""
    if header := _header_of(part):
        return LONGEST_LINE - len(f"{header}: ")
    return SUBJECT.most if part.endswith("subject") else MAX_OUTPUT


_OWN = "headers."


def _part_of(header: str) -> str:
    """The name of a header of one's own among the parts of a message."""
    return f"{_OWN}{header}"


def _header_of(part: str) -> str:
    """The name of the header of one's own that a part is, also that of a variant; empty: it is none."""
    return part.partition(_OWN)[2]


async def rendered_subject(subject: str, fields: Mapping[str, str], workspace_id: int) -> str:
    """The subject as its recipient reads it; as it was written where it cannot be rendered."""
    try:
        (parts,) = await (await Templates.parse({"subject": Source(subject)}, workspace_id)).render([fields])
    except NotRendered:
        return subject
    text = parts.get("subject")
    return text if isinstance(text, str) else subject


async def finished(rendering: Awaitable[T]) -> T:
    """Raises Unavailable where it is not the template's fault that there is nothing."""
    try:
        return await rendering
    except NotRendered as error:
        log.error("templates not rendered", reason=str(error))
        raise Unavailable("the templates could not be rendered; try again in a moment") from None
