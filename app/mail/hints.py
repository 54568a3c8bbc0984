"""Hints on what receivers may dislike in a message, each with its reason: given while it is written and can be mended.

Nothing here keeps anybody from sending.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from app.mail.lenient import LenientParser

MOST_HTML = 100_000  # bytes: Gmail shows 102 KB
LEAST_TEXT = 40  # characters beside images
MOST_FOREIGN = 5  # marks of other programs that are named of a part
# Merge fields of Mailchimp, Salesforce, Word and others; in single brackets, words that are surely meant as one.
_OF_OTHERS = re.compile(
    r"\*\|[^|*\n]{1,60}\|\*|%%[a-z][\w.]{0,60}%%|%(?![0-9a-f]{2}%)[a-z][\w.]{0,60}%|\$\{[a-z][\w.]{0,60}\}|##[a-z]\w{0,60}##"
    r"|<<[a-z][^<>\n]{0,60}>>|\u00ab[a-z]\w{0,60}\u00bb|\[\[[a-z][^\[\]\n]{0,60}\]\]"
    r"|(?:\[|(?<!\{)\{)(?:(?:first|last|full|given|family|sur|your|contact|recipient|customer|company|insert)[ _.-]?"
    r"(?:name|company|e-?mail|title)?|name|company|e-?mail)(?:\]|\}(?!\}))",
    re.IGNORECASE,
)
_SHORTENERS = frozenset(
    {"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly", "rb.gy"}
    | {"shorturl.at", "tiny.cc", "t.ly", "s.id", "v.gd"}
)

_ANSWER = re.compile(r"\s*(?:re|fwd?|aw|wg|sv|vs|tr|rv|antw|odp|ynt)\s*:", re.IGNORECASE)
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_URL = re.compile(r"https?://[^\s<>\"')\]]+", re.IGNORECASE)
# As mail programs make links of them: `bit.ly/x`, and not the end of another name or of an address.
_BARE = re.compile(
    rf"(?<![\w.@/-])(?:www\.)?({'|'.join(map(re.escape, sorted(_SHORTENERS, reverse=True)))})/[\w-]", re.IGNORECASE
)
_HOST = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?#]\S*)?", re.IGNORECASE)
# Programs other than browsers have schemes of their own (`whatsapp://…`); the last three lead nowhere from an email.
_SCHEME = re.compile(
    r"https?://[^/]|(?:mailto|tel|sms):(?:\?.|\s*[^\s?])|#."
    r"|(?!(?:https?|mailto|tel|sms|javascript|vbscript|data):)[a-z][a-z0-9+-]*:\S",
    re.IGNORECASE,
)
# An attribute that says where a link leads by what each recipient has in a field, with a path behind it at most: what
# else is there may make a target of anything. It never goes back, so that it takes as long as the text is.
_FIELD_TARGET = re.compile(
    r"(?<=[\s\"'/])href\s*+=\s*+[\"']?+\s*+\{\{-?+\s*+(\w++)\s*+(?:\|\s*+default\b[^{}|]*+)?-?+\}\}(?=[\s\"'>?#]|/(?!/))",
    re.IGNORECASE,
)
_DROPPED = frozenset({"script", "iframe", "object", "embed", "form", "video", "audio", "link"})


NOWHERE = "In an email it leads nowhere. A link begins with https://, or with mailto: and an address."


class Hint(msgspec.Struct, frozen=True):
    """A finding about one part of the message, and why it matters."""

    part: str
    found: str
    reason: str


def hints(subject: str, body: str, body_html: str, *, sent_html: str) -> list[Hint]:
    """About a message as somebody wrote it; `sent_html` is what becomes of its HTML."""
    page = _Page()
    page.feed(body_html)
    page.close()
    foreign = [
        hint
        for part, text in (("subject", subject), ("body", body), ("bodyHtml", "".join(page.text)))
        for hint in _of_other_programs(part, _LIQUID.sub("", text))
    ]
    return [*_of_subject(_LIQUID.sub("", subject)), *foreign, *_of_links(body, page), *_of_html(page, sent_html)]


def fields_as_targets(body_html: str) -> set[str]:
    """The merge fields whose value says where a link leads."""
    return set(_FIELD_TARGET.findall(body_html))


def is_target(value: str) -> bool:
    """Whether a link with this as its target, or as the beginning of that, leads somewhere in an email."""
    return _SCHEME.match(value.strip()) is not None


def _of_other_programs(part: str, text: str) -> list[Hint]:
    reason = "It looks like the merge field of another program. Here one is written {{ first_name }}."
    found = dict.fromkeys(match[0] for match in _OF_OTHERS.finditer(text))
    return [Hint(part, f"It has {mark}, which goes out as it stands.", reason) for mark in list(found)[:MOST_FOREIGN]]


def _of_subject(subject: str) -> list[Hint]:
    found: list[Hint] = []
    if prefix := _ANSWER.match(subject):
        reason = "There is no message that it answers. Filters and people take that for deceit."
        found.append(Hint("subject", f"It begins with “{prefix[0].strip()}”.", reason))
    letters = [letter for letter in subject if letter.isalpha() and letter.upper() != letter.lower()]
    if len(letters) >= 10 and sum(map(str.isupper, letters)) > 0.8 * len(letters):
        found.append(Hint("subject", "Nearly all of it is in capitals.", "Filters count that as a sign of spam."))
    if re.search(r"[!?]{3}|[$€£]{2}", subject):
        reason = "Filters count that as a sign of spam."
        found.append(Hint("subject", "It has several signs such as ! or $ in a row.", reason))
    return found


def _of_links(body: str, page: _Page) -> list[Hint]:
    found: list[Hint] = []
    in_html = [target for target, _ in page.links]
    for part, targets, written in (("body", _URL.findall(body), body), ("bodyHtml", in_html, "".join(page.text))):
        hosts = {_host(target) for target in targets} | {host.lower() for host in _BARE.findall(written)}
        found += [
            Hint(
                part,
                f"It links to {host}, which shortens addresses.",
                "Nobody sees where such a link leads, so many filters refuse them all. Link to the page itself.",
            )
            for host in sorted(hosts & _SHORTENERS)
        ]
    for target in sorted({target for target, _ in page.links}):
        if not target.startswith(("{{", "{%")) and not is_target(target):
            found.append(Hint("bodyHtml", f"The target of a link is “{target[:100]}”.", NOWHERE))
    for target, said in page.links:
        shown = _HOST.fullmatch(said.strip())
        if shown and _host(target) and _site(shown[1].lower()) != _site(_host(target)):
            reason = "That is how phishing looks. Show where the link leads, or words."
            found.append(Hint("bodyHtml", f"A link reads {shown[1]} and leads to {_host(target)}.", reason))
    return list(dict.fromkeys(found))


def _of_html(page: _Page, sent: str) -> list[Hint]:
    found: list[Hint] = []
    if page.images and len("".join("".join(page.text).split())) < LEAST_TEXT:
        reason = "Filters cannot read an image, and most mail programs show it only once they are asked to."
        found.append(Hint("bodyHtml", "It is images with hardly any text.", reason))
    if any(source.startswith("data:") for source in page.images):
        reason = "Gmail and Outlook do not show them. Link to an image on the web."
        found.append(Hint("bodyHtml", "Images are written into the HTML (data:).", reason))
    if dropped := sorted(page.tags & _DROPPED):
        reason = "Mail programs drop it, and some filters refuse the message."
        found.append(Hint("bodyHtml", f"It has <{'>, <'.join(dropped)}>.", reason))
    if (size := len(sent.encode())) > MOST_HTML:
        reason = "Gmail cuts a message off at 102 KB."
        found.append(Hint("bodyHtml", f"The HTML has {size:,} bytes.", reason))
    return found


def _host(target: str) -> str:
    try:
        host = urlsplit(target.strip()).hostname or ""
    except ValueError:
        return ""
    return "" if "{" in host else host.removeprefix("www.")


def _site(host: str) -> str:
    """The part that hosts of one owner mostly share."""
    return ".".join(host.removeprefix("www.").split(".")[-2:])


class _Page(LenientParser):
    """Links with their texts, images, tags and text of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.images: list[str] = []
        self.text: list[str] = []
        self.tags: set[str] = set()
        self._link: tuple[str, int] | None = None
        self._verbatim = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._verbatim = tag in {"style", "script", "title"}
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.images.append(given.get("src", ""))
        elif tag == "a" and "href" in given:
            self._link = (given["href"].strip(), len(self.text))

    def handle_endtag(self, tag: str) -> None:
        self._verbatim = False
        if tag == "a" and self._link is not None:
            target, begun = self._link
            self.links.append((target, "".join(self.text[begun:])))
            self._link = None

    def handle_data(self, data: str) -> None:
        if not self._verbatim:
            self.text.append(data)
