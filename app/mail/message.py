"""A message's bytes, ready for SMTP DATA: CRLF line ends, no dot-stuffing (the SMTP client's part).

`email.message.EmailMessage` would take half a millisecond for each recipient, more than sending does. The
messages of a campaign differ in a few header lines and merge fields, so MessageBuilder makes all else once.

Standards: RFC 5322 (headers), 2045 and 2046 (MIME), 2047 (encoded words), 6531 and 6532 (SMTPUTF8). Control
characters in header text travel inside encoded words; line breaks are refused, or blanks where merge values bring
them into a subject, so that none can add a header of its own.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2s
from typing import cast
from urllib.parse import quote

import msgspec

from app.bounds import SUBJECT
from app.mail import enclosed
from app.mail.addresses import key, needs_smtputf8, to_ascii
from app.mail.enclosed import Enclosed, Segments
from app.mail.footer import PLACEHOLDER, Unsubscribe, with_line, with_link
from app.mail.header_lines import (
    LONGEST_LINE,
    HeaderInjection,
    addresses_line,
    mailbox_line,
    own_line,
    refuse_breaks,
    text_line,
    thread_lines,
)
from app.mail.markup import TemplateError
from app.mail.names import UNSUBSCRIBE_URL
from app.mail.quoting import Quote, with_quote
from app.mail.templates import Source, Template

_ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
_SAFE = "!$'*+-._~"  # in the first part of a mailto: (RFC 6068, section 2)
_LINE_END = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_BREAKS = re.compile(rf"\s*{_LINE_END.pattern}\s*")


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message for one recipient. With `smtputf8`, only a server that offers SMTPUTF8 can take it.

    `content` is all of it, or what comes before the first file: then `rest` is what follows. `copies` get it, too.
    """

    content: bytes
    smtputf8: bool
    envelope_to: str
    copies: tuple[str, ...] = ()
    rest: tuple[bytes | Enclosed, ...] = ()

    @property
    def size(self) -> int:
        """Bytes, as RFC 1870 counts them."""
        return len(self.content) + (enclosed.size_of(self.rest) if self.rest else 0)


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that messages have beside their text. `headers`: templates by their names; `images`: what the HTML
    shows; `thread`: Message-IDs of what came before in the thread, the one that is answered last.
    """

    reply_to: str | None = None
    headers: Mapping[str, str] = {}
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    attachments: Sequence[Enclosed] = ()
    images: Sequence[Enclosed] = ()
    thread: Sequence[str] = ()


_NOTHING = Beside()


class MessageBuilder:
    """Builds the messages of one campaign from one sender.

    `subject`, `body` and `body_html` are templates, in which `{{ email }}` is the recipient's address. With both
    bodies a message is multipart/alternative, with one of them (the other None, or blank text) just that part; pictures
    and attachments are put around these (RFC 2387, 2046).
    `language` is that of their dates.
    With `unsubscribe` "link", a part without the link to unsubscribe ends with it; with that and "header", and where
    `one_click` says that mail programs reach it, the headers for it are there; with `by_mail`, a mail to the sender
    with the link's token does the same. `{{ unsubscribe_url }}` always is.
    `refers_to_itself`: a server on the way puts another Message-ID in the place of ours, which answers name no more.
    They do name what the message that they answer refers to.
    `liquid` are those of the templates that take more than filling in names; `build` is given what they render to.
    Raises TemplateError for a wrong template and HeaderInjection for a line break in a header.
    """

    def __init__(
        self,
        *,
        from_address: str,
        display_name: str,
        subject: str,
        body: str,
        body_html: str | None,
        language: str | None = None,
        unsubscribe: Unsubscribe = "none",
        one_click: bool = False,
        by_mail: bool = False,
        refers_to_itself: bool = False,
        beside: Beside = _NOTHING,
    ) -> None:
        for name, value in (("From", from_address), ("From", display_name), ("Subject", subject)):
            refuse_breaks(name, value)
        self._smtputf8 = needs_smtputf8(from_address)
        self._from = mailbox_line("From", display_name, from_address if self._smtputf8 else to_ascii(from_address))
        # RFC 2919: all mail of a sender. Filters take what says how to unsubscribe, and not from what, for deceit.
        local, _, domain = to_ascii(from_address).rpartition("@")
        self._list_id = f"List-Id: <{local if local.isascii() else 'mail'}.{domain}>\r\n"
        self.liquid: list[Source] = []
        self._subject = self._parse(Source(subject, language=language))
        self._subject_line = self._constant_subject_line()
        self._read_headers(beside, language)
        self._parts: list[_Part] = []
        if body_html is None or body.strip():  # an empty text beside HTML would hide it from who prefers text
            self._parts.append(self._part(Source(_crlf(body), language=language), unsubscribe))
        if body_html is not None:
            shown = enclosed.with_content_ids(body_html, [image.id for image in beside.images])
            self._parts.append(self._part(Source(_crlf(shown), True, language), unsubscribe))
        self._one_click = one_click and unsubscribe != "none"
        wants_mail = by_mail and unsubscribe != "none" and local.isascii()
        self._mail_to = f"mailto:{quote(local, safe=_SAFE)}@{domain}?subject=" if wants_mail else None
        self._refers_to_itself = refers_to_itself
        self._images = (
            [enclosed.image(file, n) for n, file in enumerate(beside.images)] if body_html is not None else []
        )
        self._attachments = [enclosed.attachment(file) for file in beside.attachments]
        templates = [self._subject, *(part.template for part in self._parts), *(one for _, one in self._own)]
        self.wants_email = any(template is None or "email" in template.fields.mentioned for template in templates)
        self._mentions_link = any(
            template is None or UNSUBSCRIBE_URL in template.fields.mentioned for template in templates
        )
        self.wants_link = self._mentions_link or self._one_click or wants_mail

    def _part(self, source: Source, unsubscribe: Unsubscribe) -> _Part:
        """With the line at its end, if it lacks the link; whether full Liquid prints it, shows when it is rendered."""
        template, wants_link = self._parse(source), unsubscribe == "link"
        if wants_link and template is not None and UNSUBSCRIBE_URL not in template.fields.mentioned:
            text = _crlf(with_line(source.text, PLACEHOLDER, source.language, html=source.html))
            template = Template.parse(msgspec.structs.replace(source, text=text))
        return _Part(source, template, wants_link=wants_link)

    def _read_headers(self, beside: Beside, language: str | None) -> None:
        """Read what stands in each message's head beside the recipient's own lines."""
        self._fixed = "" if beside.reply_to is None else f"Reply-To: {to_ascii(beside.reply_to)}\r\n"
        self._thread = [f"<{one}>" for one in beside.thread]
        self._own: list[tuple[str, Template | None]] = []
        for name, text in beside.headers.items():
            refuse_breaks(name, f"{name}: {text}")
            template = self._parse(Source(text, language=language))
            if template is not None and template.is_constant:
                self._fixed += _own_line(name, check_own(name, template.render({})))
            else:
                self._own.append((name, template))
        self._cc = [to_ascii(address) for address in beside.cc]
        self._bcc = [to_ascii(address) for address in beside.bcc]
        # Others who get each message: addresses by their keys.
        self.copies = {key(to_ascii(address)): address for address in (*beside.cc, *beside.bcc)}

    def _parse(self, source: Source) -> Template | None:
        template = Template.parse(source)
        if template is None:
            self.liquid.append(source)
        return template

    def _constant_subject_line(self) -> str | None:
        if self._subject is None or not self._subject.is_constant:
            return None
        return text_line("Subject", check_subject(self._subject.render({})))

    def build(
        self,
        recipient: str,
        fields: Mapping[str, str],
        message_id: str,
        date: datetime,
        rendered: Sequence[str] = (),
        unsubscribe_url: str = "",
        without: frozenset[str] = frozenset(),
        references: Sequence[str] = (),
        quoted: Quote | None = None,
    ) -> Message:
        """The message for `recipient`, a normalized address; `message_id` in angle brackets, `date` aware. `rendered`:
        the texts of `liquid` for this recipient; `unsubscribe_url`: their link, if `wants_link`; `without`: keys of
        addresses that get no copy; `references`: ids of the messages that it follows in their thread, the first to the
        one before it (RFC 5322, 3.6.4); `quoted`: what stands below the texts.

        Raises HeaderInjection, and TemplateError when `fields` lacks a required one, or one is too long.
        """
        refuse_breaks("To", recipient)
        refuse_breaks("Message-ID", message_id)
        if self.wants_email:
            fields = {**fields, "email": recipient}
        if self._mentions_link:
            fields = {**fields, UNSUBSCRIBE_URL: unsubscribe_url}
        smtputf8 = self._smtputf8 or needs_smtputf8(recipient)
        envelope_to = recipient if smtputf8 else to_ascii(recipient)
        texts = iter(rendered)
        subject_line = self._subject_line or self._render_subject(fields, texts)
        fixed, copies = self._fixed, ()
        if self._own:
            fixed += "".join(self._render_own(fields, texts))
        if self.copies:
            line, copies = self._copied(without | {key(to_ascii(recipient))})
            fixed += line
        if references or self._thread or self._refers_to_itself:
            fixed += thread_lines(references or self._thread, message_id if self._refers_to_itself else None)
        head = (
            f"{self._from}To: {envelope_to}\r\n{subject_line}"
            f"Date: {_date(int(date.timestamp()))}\r\nMessage-ID: {message_id}\r\n"
            f"{self._unsubscribe_lines(unsubscribe_url)}{fixed}"
            "MIME-Version: 1.0\r\n"
        ).encode()
        parts = [part.build(fields, texts, quoted) for part in self._parts]
        if self._images or self._attachments:
            first, *rest = self._enclose(parts, message_id)
            return Message(head + cast("bytes", first), smtputf8, envelope_to, copies, tuple(rest))
        content = parts[0] if len(parts) == 1 else _alternative(parts, message_id)
        return Message(head + content, smtputf8, envelope_to, copies)

    def _copied(self, without: frozenset[str]) -> tuple[str, tuple[str, ...]]:
        """The line of those who get a copy and whom others see, and all who get one."""
        cc = [address for address in self._cc if key(address) not in without]
        bcc = [address for address in self._bcc if key(address) not in without]
        return (addresses_line("Cc", cc) if cc else ""), (*cc, *bcc)

    def _render_own(self, fields: Mapping[str, str], texts: Iterator[str]) -> Iterator[str]:
        for name, template in self._own:
            text = next(texts) if template is None else template.render(fields)
            yield _own_line(name, check_own(name, text, fields))

    def _enclose(self, parts: Sequence[bytes], message_id: str) -> Segments:
        """The parts with files: pictures beside the HTML, which is the last part, attachments behind all."""
        made: list[Segments] = [[part] for part in parts]
        boundaries = _boundaries(message_id, parts)
        if self._images:
            made[-1] = enclosed.multipart("related", [made[-1], *self._images], next(boundaries))
        text = made[0] if len(made) == 1 else enclosed.multipart("alternative", made, next(boundaries))
        if not self._attachments:
            return text
        return enclosed.multipart("mixed", [text, *self._attachments], next(boundaries))

    def _unsubscribe_lines(self, url: str) -> str:
        """RFC 2369 and 8058."""
        if self._mail_to is None:
            return f"{self._list_id}List-Unsubscribe: <{url}>\r\n{_ONE_CLICK}" if self._one_click else ""
        mail = f"<{self._mail_to}{url.rpartition('/')[2]}>\r\n"
        if not self._one_click:
            return f"{self._list_id}List-Unsubscribe: {mail}"
        return f"{self._list_id}List-Unsubscribe: <{url}>,\r\n {mail}{_ONE_CLICK}"

    def _render_subject(self, fields: Mapping[str, str], texts: Iterator[str]) -> str:
        subject = next(texts) if self._subject is None else self._subject.render(fields)
        return text_line("Subject", check_subject(subject, fields))


def check_subject(subject: str, fields: Mapping[str, str] | None = None) -> str:
    """The rendered subject as a header line: a line break in it, with the blanks around, becomes one blank.

    Raises HeaderInjection and TemplateError.
    """
    if len(subject) > SUBJECT.most:
        raise TemplateError(f"the subject would have {len(subject):,} characters; {SUBJECT.most} are the most")
    return _in_one_line("subject", subject, fields)


def check_own(name: str, text: str, fields: Mapping[str, str] | None = None) -> str:
    """The same of a header of one's own."""
    if len(name) + 2 + len(text.strip()) > LONGEST_LINE:
        raise TemplateError(f"{name} would be longer than {LONGEST_LINE} characters, which is the most of a line")
    return _in_one_line(f"header {name}", text, fields)


def _in_one_line(what: str, text: str, fields: Mapping[str, str] | None) -> str:
    if text.isprintable():
        return text
    if "\0" in text:
        culprits = sorted(name for name, value in (fields or {}).items() if "\0" in value)
        origin = ", ".join(culprits) or "the template itself"
        raise HeaderInjection(f"the {what} would hold a NUL, from {origin}")
    return _BREAKS.sub(" ", text)


def _own_line(name: str, text: str) -> str:
    """Nothing to say is no line."""
    return own_line(name, text) if text.strip() else ""


def breaks_lines(value: str) -> bool:
    """Whether a merge value has a line break that is not at its end: in a subject it becomes a blank."""
    return not value.isprintable() and _LINE_END.search(value.strip()) is not None


@lru_cache(maxsize=16)
def _date(epoch_s: int) -> str:
    """A Date header's value; messages claimed together share it."""
    return format_datetime(datetime.fromtimestamp(epoch_s, UTC))


class _Part:
    """One text part, its own headers included; built once if it is the same for every recipient."""

    def __init__(self, source: Source, template: Template | None, *, wants_link: bool) -> None:
        self.template = template  # None: it comes rendered
        self._source, self._wants_link = source, wants_link
        subtype = "html" if source.html else "plain"
        self._head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: '.encode()
        self._constant = self._encode(template.render({})) if template is not None and template.is_constant else None

    def build(self, fields: Mapping[str, str], texts: Iterator[str], quoted: Quote | None) -> bytes:
        if self._constant is not None and quoted is None:
            return self._constant
        if self.template is not None:
            text = self.template.render(fields)
        else:
            text = next(texts)
            if self._wants_link:
                text = with_link(text, fields[UNSUBSCRIBE_URL], self._source.language, html=self._source.html)
        if quoted is not None:
            text = with_quote(text, quoted, html=self._source.html)
        return self._encode(_crlf(text))

    def _encode(self, text: str) -> bytes:
        encoding, body = _transfer_encoded(text if text.endswith("\r\n") else text + "\r\n")
        return b"%b%b\r\n\r\n%b" % (self._head, encoding, body)


def _transfer_encoded(text: str) -> tuple[bytes, bytes]:
    """The most readable of 7bit, quoted-printable and base64 that can carry `text` (RFC 2045, section 6)."""
    raw = text.encode()
    if text.isascii() and b"\0" not in raw and _lines_fit(raw):
        return b"7bit", raw
    if len(text.encode("ascii", "ignore")) * 3 >= len(raw) * 2:  # else base64 is the shorter, and as readable
        return b"quoted-printable", b2a_qp(raw, istext=True)
    return b"base64", encodebytes(raw).replace(b"\n", b"\r\n")


def _lines_fit(raw: bytes) -> bool:
    return len(raw) <= LONGEST_LINE or max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE


def _alternative(parts: Sequence[bytes], message_id: str) -> bytes:
    boundary = next(_boundaries(message_id, parts))
    head = b'Content-Type: multipart/alternative; boundary="%b"\r\n' % boundary
    delimited = b"".join(b"\r\n--%b\r\n%b" % (boundary, part) for part in parts)
    return b"%b%b\r\n--%b--\r\n" % (head, delimited, boundary)


def _boundaries(message_id: str, parts: Sequence[bytes]) -> Iterator[bytes]:
    """Boundaries that follow from the message id: a message built again is the same. Base64 holds none of them."""
    boundary = message_id.encode()
    while True:
        boundary = _digest(boundary)
        if not any(boundary in part for part in parts):
            yield boundary


def _digest(seed: bytes) -> bytes:
    return blake2s(seed, digest_size=16).hexdigest().encode()


def _crlf(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n", "\r\n")
