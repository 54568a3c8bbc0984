"""A message's bytes, ready for SMTP DATA: CRLF line ends, no dot-stuffing (the SMTP client's part).

`email.message.EmailMessage` would take half a millisecond for each recipient, more than sending does. The
messages of a campaign differ in a few header lines and merge fields, so MessageBuilder makes all else once.

Standards: RFC 5322 (headers), 2045 and 2046 (MIME), 2047 (encoded words), 6531 and 6532 (SMTPUTF8). Control
characters in header text travel inside encoded words; line breaks are refused, or blanks where merge values bring
them into a subject, so that none can add a header of its own.
"""

from __future__ import annotations

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2s

import msgspec

from app.bounds import SUBJECT
from app.mail.addresses import needs_smtputf8, to_ascii
from app.mail.footer import PLACEHOLDER, Unsubscribe, with_line, with_link
from app.mail.markup import TemplateError
from app.mail.names import UNSUBSCRIBE_URL
from app.mail.templates import Source, Template

_LINE = 78  # RFC 5322, 2.1.1: what a line should not exceed
_LONGEST_LINE = 998  # and what it must not
_ENCODED_WORD_BYTES = 39  # so that "Subject: =?utf-8?b?...?=" stays within the 76 characters of RFC 2047

_BREAK = re.compile(r"[\r\n\0]")
_LINE_END = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_BREAKS = re.compile(rf"\s*{_LINE_END.pattern}\s*")
_PLAIN = re.compile(r"[!-~]+(?: +[!-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_UNFOLDABLE = re.compile(r"[^ ]{67,}| {10,}")  # "Subject: " and such a word, or such a gap and a word, fit no line
_FOLDS = re.compile(r" *[^ ]+")


class HeaderInjection(ValueError):
    """Text meant for a header holds a line break or NUL, by which it could pose as headers or as a body."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message for one recipient. With `smtputf8`, only a server that offers SMTPUTF8 can take it."""

    content: bytes
    smtputf8: bool
    envelope_to: str


class MessageBuilder:
    """Builds the messages of one campaign from one sender.

    `subject`, `body` and `body_html` are templates, in which `{{ email }}` is the recipient's address. With both
    bodies a message is multipart/alternative, with one of them (the other None, or blank text) just that part.
    `language` is that of their dates.
    With `unsubscribe` "link", a part without the link to unsubscribe ends with it; with that and "header", and where
    `one_click` says that mail programs reach it, the headers for it are there. `{{ unsubscribe_url }}` always is.
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
    ) -> None:
        for name, value in (("From", from_address), ("From", display_name), ("Subject", subject)):
            _refuse_breaks(name, value)
        self._smtputf8 = needs_smtputf8(from_address)
        self._from = _mailbox_line("From", display_name, from_address if self._smtputf8 else to_ascii(from_address))
        # RFC 2919: all mail of a sender. Filters take what says how to unsubscribe, and not from what, for deceit.
        local, _, domain = to_ascii(from_address).rpartition("@")
        self._list_id = f"List-Id: <{local if local.isascii() else 'mail'}.{domain}>\r\n"
        self.liquid: list[Source] = []
        self._subject = self._parse(Source(subject, language=language))
        self._subject_line = self._constant_subject_line()
        self._parts: list[_Part] = []
        if body_html is None or body.strip():  # an empty text beside HTML would hide it from who prefers text
            self._parts.append(self._part(Source(_crlf(body), language=language), unsubscribe))
        if body_html is not None:
            self._parts.append(self._part(Source(_crlf(body_html), True, language), unsubscribe))
        self._one_click = one_click and unsubscribe != "none"
        templates = [self._subject, *(part.template for part in self._parts)]
        self.wants_email = any(template is None or "email" in template.fields.mentioned for template in templates)
        self._mentions_link = any(
            template is None or UNSUBSCRIBE_URL in template.fields.mentioned for template in templates
        )
        self.wants_link = self._mentions_link or self._one_click

    def _part(self, source: Source, unsubscribe: Unsubscribe) -> _Part:
        """With the line at its end, if it lacks the link; whether full Liquid prints it, shows when it is rendered."""
        template, wants_link = self._parse(source), unsubscribe == "link"
        if wants_link and template is not None and UNSUBSCRIBE_URL not in template.fields.mentioned:
            text = _crlf(with_line(source.text, PLACEHOLDER, source.language, html=source.html))
            template = Template.parse(msgspec.structs.replace(source, text=text))
        return _Part(source, template, wants_link=wants_link)

    def _parse(self, source: Source) -> Template | None:
        template = Template.parse(source)
        if template is None:
            self.liquid.append(source)
        return template

    def _constant_subject_line(self) -> str | None:
        if self._subject is None or not self._subject.is_constant:
            return None
        return _text_line("Subject", check_subject(self._subject.render({})))

    def build(
        self,
        recipient: str,
        fields: Mapping[str, str],
        message_id: str,
        date: datetime,
        rendered: Sequence[str] = (),
        unsubscribe_url: str = "",
    ) -> Message:
        """The message for `recipient`, a normalized address; `message_id` in angle brackets, `date` aware. `rendered`:
        the texts of `liquid` for this recipient; `unsubscribe_url`: their link, if `wants_link`.

        Raises HeaderInjection, and TemplateError when `fields` lacks a required one, or one is too long.
        """
        _refuse_breaks("To", recipient)
        _refuse_breaks("Message-ID", message_id)
        if self.wants_email:
            fields = {**fields, "email": recipient}
        if self._mentions_link:
            fields = {**fields, UNSUBSCRIBE_URL: unsubscribe_url}
        smtputf8 = self._smtputf8 or needs_smtputf8(recipient)
        envelope_to = recipient if smtputf8 else to_ascii(recipient)
        texts = iter(rendered)
        head = (
            f"{self._from}To: {envelope_to}\r\n{self._subject_line or self._render_subject(fields, texts)}"
            f"Date: {_date(int(date.timestamp()))}\r\nMessage-ID: {message_id}\r\n"
            f"{self._one_click_lines(unsubscribe_url) if self._one_click else ''}"
            "MIME-Version: 1.0\r\n"
        ).encode()
        parts = [part.build(fields, texts) for part in self._parts]
        content = parts[0] if len(parts) == 1 else _alternative(parts, message_id)
        return Message(head + content, smtputf8, envelope_to)

    def _one_click_lines(self, url: str) -> str:
        """RFC 2369 and 8058. Once replies are read, a mailto: of the sender's belongs behind the link."""
        return f"{self._list_id}List-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

    def _render_subject(self, fields: Mapping[str, str], texts: Iterator[str]) -> str:
        subject = next(texts) if self._subject is None else self._subject.render(fields)
        return _text_line("Subject", check_subject(subject, fields))


def check_subject(subject: str, fields: Mapping[str, str] | None = None) -> str:
    """The rendered subject as a header line: a line break in it, with the blanks around, becomes one blank.

    Raises HeaderInjection and TemplateError.
    """
    if len(subject) > SUBJECT.most:
        raise TemplateError(f"the subject would have {len(subject):,} characters; {SUBJECT.most} are the most")
    if subject.isprintable():
        return subject
    if "\0" in subject:
        culprits = sorted(name for name, value in (fields or {}).items() if "\0" in value)
        origin = ", ".join(culprits) or "the template itself"
        raise HeaderInjection(f"the subject would hold a NUL, from {origin}")
    return _BREAKS.sub(" ", subject)


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

    def build(self, fields: Mapping[str, str], texts: Iterator[str]) -> bytes:
        if self._constant is not None:
            return self._constant
        if self.template is not None:
            return self._encode(_crlf(self.template.render(fields)))
        text = next(texts)
        if self._wants_link:
            text = with_link(text, fields[UNSUBSCRIBE_URL], self._source.language, html=self._source.html)
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
    return len(raw) <= _LONGEST_LINE or max(map(len, raw.split(b"\r\n"))) <= _LONGEST_LINE


def _alternative(parts: Sequence[bytes], message_id: str) -> bytes:
    """multipart/alternative. The boundary follows from the message id: a message built again is the same."""
    boundary = _digest(message_id.encode())
    while any(boundary in part for part in parts):
        boundary = _digest(boundary)
    head = b'Content-Type: multipart/alternative; boundary="%b"\r\n' % boundary
    delimited = b"".join(b"\r\n--%b\r\n%b" % (boundary, part) for part in parts)
    return b"%b%b\r\n--%b--\r\n" % (head, delimited, boundary)


def _digest(seed: bytes) -> bytes:
    return blake2s(seed, digest_size=16).hexdigest().encode()


def _crlf(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n", "\r\n")


def _refuse_breaks(header: str, value: str) -> None:
    if _BREAK.search(value):
        raise HeaderInjection(f"the header {header} would hold a line break or NUL")


def _text_line(name: str, text: str) -> str:
    """An unstructured header line, folded; as encoded words where ASCII print cannot show or fold it."""
    text = text.strip()
    if not text:
        return f"{name}: \r\n"
    if not _PLAIN.fullmatch(text) or "=?" in text or _UNFOLDABLE.search(text):
        return f"{name}: {_encoded_words(text)}\r\n"
    return f"{_folded(f'{name}: {text}')}\r\n"


def _folded(line: str) -> str:
    lines = [""]
    for word in _FOLDS.findall(line):
        if len(lines[-1]) + len(word) > _LINE:
            lines.append("")
        lines[-1] += word
    return "\r\n".join(lines)


def _mailbox_line(name: str, display_name: str, address: str) -> str:
    """A header line with one mailbox (RFC 5322, 3.4): its name as atoms, quoted, or in encoded words."""
    display_name = display_name.strip()
    if not display_name:
        return f"{name}: {address}\r\n"
    phrase = display_name if _ATOMS.fullmatch(display_name) else _quoted(display_name)
    printable = display_name.isascii() and display_name.isprintable()
    if not printable or "=?" in display_name or len(f"{name}: {phrase}") > _LINE:
        phrase = _encoded_words(display_name)
    line = f"{name}: {phrase} <{address}>"
    return f"{line}\r\n" if len(line) <= _LINE else f"{name}: {phrase}\r\n <{address}>\r\n"


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _encoded_words(text: str) -> str:
    """RFC 2047, section 2: words of whole characters, one a line."""
    raw = text.encode()
    words: list[str] = []
    start = 0
    while start < len(raw):
        end = start + _ENCODED_WORD_BYTES
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        words.append(f"=?utf-8?b?{b64encode(raw[start:end]).decode()}?=")
        start = end
    return "\r\n ".join(words)
