"""The document that receivers get of the HTML that somebody wrote, made once for a campaign; for child processes only.

A fragment becomes a whole document, with language and title. Styles go to the elements that they are for, since many
mail programs drop style sheets. And where no text is given, one is made: some people, and every filter, read that.

None of this may touch what Liquid has still to fill in. So before HTML is read, each tag of Liquid makes room for a
mark that HTML keeps: a comment in text, a word in the value of an attribute or in a style sheet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from html import escape
from types import MappingProxyType

import msgspec
from css_inline import CSSInliner, InlineError

from app.mail.hints import Hint, hints
from app.mail.lenient import LenientParser
from app.mail.values import locale_of

BASE_STYLE = "font-family: Arial, Helvetica, sans-serif; font-size: 15px; line-height: 1.5"

_LIQUID = re.compile(r"\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_SILENT = re.compile(r"\{%-?\s*(?!echo\b|raw\b)(\w+)")  # a tag that prints nothing by itself
_CONDITION = re.compile(r"<!--(?:.*?-->|.*)|(<!\[)", re.DOTALL)  # outside of comments, where it would become one
_PROLOG = re.compile(r"\ufeff?\s*(?:<\?xml\b[^>]*>\s*)?")  # before everything: of a document, that begins with DOCTYPE
_WHOLE = re.compile(r"<(?:html|head|body)\b", re.IGNORECASE)
_STYLES = re.compile(r"<style\b", re.IGNORECASE)
_HTML = re.compile(r"<html\b([^>]*)>", re.IGNORECASE)
_LANG = re.compile(r"\slang\s*=", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_TITLE = re.compile(r"<title\b", re.IGNORECASE)
_CHARSET = re.compile(r"<meta\b[^>]*\bcharset\b[^>]*>", re.IGNORECASE)
_VIEWPORT = re.compile(r"<meta\b[^>]*\bviewport\b[^>]*>", re.IGNORECASE)
_UTF8 = '<meta charset="utf-8">'
_NARROW = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_inliner = CSSInliner(keep_style_tags=True, remove_inlined_selectors=True, load_remote_stylesheets=False)


class Written(msgspec.Struct, frozen=True):
    """As somebody wrote it. `body_html` may be blank, the language unknown."""

    subject: str
    body: str
    body_html: str
    language: str | None


class Made(msgspec.Struct, frozen=True):
    """As it is sent, and what receivers may dislike about it."""

    body: str
    body_html: str
    hints: list[Hint]


def make(_: None, written: Written) -> Made:
    """For `app.killable`. The templates of `written` are right."""
    written = msgspec.structs.replace(written, body_html=_PROLOG.sub("", written.body_html, count=1))
    marks = _Marks(written.body_html)
    is_whole = _WHOLE.search(written.body_html) is not None
    html = ""
    if written.body_html.strip():
        html = _document(written, marks, is_whole=is_whole)
    body = written.body
    if html and not body.strip():
        body = marks.back(text_of(marks.as_comments(), marks.silent))
    return Made(body, html, hints(written.subject, written.body, written.body_html, sent_html=html))


def _document(written: Written, marks: _Marks, *, is_whole: bool) -> str:
    whole = marks.as_comments() if is_whole else _around(marks.as_comments(), written)
    may_inline = not marks.in_markup and not any(found[1] for found in _CONDITION.finditer(whole))
    if (is_whole or _STYLES.search(written.body_html)) and may_inline:
        try:
            inlined = _inliner.inline(whole)
        except InlineError:
            inlined = whole
        whole = inlined if marks.are_in(inlined) and not _TAG_LIKE.search(inlined) else whole
    return marks.back(_completed(whole, written))


def _around(fragment: str, written: Written) -> str:
    """A document with the fragment, and without a title yet: that has tags of Liquid, too."""
    return (
        f"<!DOCTYPE html>\n<html{_language(written.language)}><head>{_UTF8}{_NARROW}</head>"
        f'<body style="{BASE_STYLE}">\n{fragment}\n</body></html>'
    )


def _completed(whole: str, written: Written) -> str:
    """A document with what it lacks; where it has no head to put it, it stays."""
    if not whole.lstrip().lower().startswith("<!doctype"):
        whole = f"<!DOCTYPE html>\n{whole.lstrip()}"
    if written.language and (html := _HTML.search(whole)) and not _LANG.search(html[1]):
        whole = whole[: html.start(1)] + _language(written.language) + whole[html.start(1) :]
    whole = _CHARSET.sub("", whole)  # it is sent in UTF-8, whatever it was written in
    lacks = _UTF8 + ("" if _VIEWPORT.search(whole) else _NARROW)
    if not _TITLE.search(whole):
        lacks += f"<title>{_title(written.subject)}</title>"
    head = _HEAD.search(whole)
    return whole if head is None else whole[: head.end()] + lacks + whole[head.end() :]


def _title(subject: str) -> str:
    """The subject within HTML; the tags of Liquid in it are filled in there, too."""
    pieces = _LIQUID.split(subject)
    tags = [*_LIQUID.findall(subject), ""]
    return "".join(escape(piece, quote=False) + tag for piece, tag in zip(pieces, tags, strict=True))


def _language(language: str | None) -> str:
    if not language:
        return ""
    direction = ' dir="rtl"' if locale_of(language).text_direction == "rtl" else ""
    return f' lang="{language}"{direction}'


class _Marks:
    """The tags of Liquid in an HTML text, and what stands for them. `in_markup`: one of them is part of an HTML tag
    itself, and not of the value of an attribute; then nobody may write that HTML anew. `silent`: those that print
    nothing by themselves, with the names of their tags.
    """

    def __init__(self, html: str) -> None:
        word = "lqd"
        while word in html.lower():
            word += "q"
        self._tags = _LIQUID.findall(html)
        pieces = _LIQUID.split(html)
        # A word that no other begins with.
        self._words = [f"{word}{number}z" for number in range(len(self._tags))]
        named = {word: _SILENT.match(tag) for word, tag in zip(self._words, self._tags, strict=True)}
        self.silent = {word: name[1] for word, name in named.items() if name}
        self._text = "".join(piece + mark for piece, mark in zip(pieces, [*self._words, ""], strict=True))
        self._mark = re.compile(rf"<!--({word}\d+z)-->|({word}\d+z)")
        places = _Places(self._mark)
        places.feed(self._text)
        places.close()
        self.in_markup = not places.in_text | places.in_values >= set(self._words)
        self._as_comments = places.in_text
        self._as_words = places.in_values

    def as_comments(self) -> str:
        """The HTML with marks."""
        return self._mark.sub(lambda mark: f"<!--{mark[0]}-->" if mark[0] in self._as_comments else mark[0], self._text)

    def are_in(self, html: str) -> bool:
        """Whether each mark in the text is there, once, and each other at all."""
        found = [mark[1] or mark[2] for mark in self._mark.finditer(html)]
        return all(found.count(word) == 1 if word in self._as_comments else word in found for word in self._words)

    def back(self, text: str) -> str:
        """With the tags again."""
        tags = dict(zip(self._words, self._tags, strict=True))
        return self._mark.sub(lambda mark: tags[mark[1] or mark[2]], text)


class _Places(LenientParser):
    """Where marks are: in text, or in values of attributes and in what is no HTML, such as style sheets."""

    def __init__(self, mark: re.Pattern[str]) -> None:
        super().__init__()
        self._mark = mark
        self._verbatim = False
        self.in_text: set[str] = set()
        self.in_values: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._verbatim = tag in _VERBATIM
        for _, value in attrs:
            self.in_values.update(self._marks(value or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._verbatim = False

    def handle_data(self, data: str) -> None:
        (self.in_values if self._verbatim else self.in_text).update(self._marks(data))

    def handle_comment(self, data: str) -> None:
        self.in_values.update(self._marks(data))

    def _marks(self, text: str) -> set[str]:
        return {found[0] for found in self._mark.finditer(text)}


_BLOCKS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "pre", "table", "section", "article", "header"}
    | {"footer", "address", "figure", "dl", "form"}
)
_LINES = frozenset({"div", "tr", "li", "dt", "dd", "center", "figcaption", "caption"})
_LISTS = frozenset({"ul", "ol"})
_CELLS = frozenset({"td", "th"})
# Of a head, these alone are not shown: anything else ends it, as for browsers.
_UNSEEN = frozenset({"style", "script", "title", "template", "xml"})
_VERBATIM = frozenset({"style", "script", "title", "textarea"})
_WHITESPACE = re.compile(r"[ \t\r\n\f]+")
# Filling that newsletters put behind the line shown beside the subject, so that nothing else is shown.
_FILLING = re.compile("(?:[\u034f\u00ad\u200b-\u200d\u2007\ufeff][ \xa0]*){3,}")
_TAG_LIKE = re.compile(r"\{(?=[{%])")
_MARK = re.compile(r"lqdq*\d+z")
_MARKED = re.compile(rf"<!--({_MARK.pattern})-->")
_FILLED = frozenset({"capture", "endcapture"})  # with what is between them, which the text has not where it is unseen


def text_of(html: str, silent: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text that HTML shows, its marks among it: paragraphs apart, items with dashes or numbers, links with their
    targets behind. Liquid works also where nobody looks, in a head or in a comment: of the `silent` marks, by the names
    of their tags, the text has those, too.
    """
    reader = _Reader(silent)
    reader.feed(html)
    reader.close()
    text = "".join([*reader.written, *reader.held])
    text = _FILLING.sub(" ", text)
    text = re.sub(r"[ \t]+\n", "\n", text.replace("\xa0", " "))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


class _XmlEnds(LenientParser):
    """Where each `<xml>` begins that ends: no browser hides the rest behind one that does not. What is in a comment, as
    Outlook alone reads it, or in a script ends none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._open: list[tuple[int, int]] = []
        self.begun = set[tuple[int, int]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "xml":
            self._open.append(self.getpos())

    def handle_endtag(self, tag: str) -> None:
        if tag == "xml" and self._open:
            self.begun.add(self._open.pop())


class _Reader(LenientParser):
    """`held`: silent marks that wait for what is written next, so that they make no lines of their own."""

    def __init__(self, silent: Mapping[str, str]) -> None:
        super().__init__()
        self._silent = silent
        self.written: list[str] = []
        self.held: list[str] = []
        self._lists: list[int | None] = []  # the number of the item before; None: of dashes
        self._links: list[tuple[str, int]] = []
        self._unseen = self._pre = 0
        self._item_begins = False
        self._xml: Set[tuple[int, int]] = frozenset()  # where each begins that ends

    def feed(self, data: str) -> None:
        if "</xml" in data.lower():
            ends = _XmlEnds()
            ends.feed(data)
            ends.close()
            self._xml = ends.begun
        super().feed(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _UNSEEN and (tag != "xml" or self.getpos() in self._xml):
            self._unseen += 1
        elif tag == "br":
            self._write("\n")
        elif tag == "hr":
            self._write("\n\n---\n\n")
        elif tag == "img":
            self.handle_data(f" {given.get('alt') or ''} ")
        elif tag == "a":
            self._links.append((given.get("href") or "", len(self.written)))
        elif tag in _CELLS:
            self.written.append("  " if self.written and not self.written[-1].endswith("\n") else "")
        else:
            self._begin(tag)

    def _begin(self, tag: str) -> None:
        self._begin_line(tag)
        if tag in _LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "pre":
            self._pre += 1
        elif tag == "li":
            self._write("  " * (len(self._lists) - 1) + self._bullet())
            self._item_begins = True

    def _begin_line(self, tag: str) -> None:
        """Blocks stand apart; within lists there are lines only, the first of which is that of the bullet."""
        if (tag in _BLOCKS or tag in _LINES) and not (self._item_begins and tag not in _LISTS):
            lines = 2 if tag in _BLOCKS and not self._lists else 1
            end = "".join(self.written[-4:]).rstrip(" ")
            if (lacking := lines - (len(end) - len(end.rstrip("\n")))) > 0:
                self.written.append("\n" * lacking)

    def _bullet(self) -> str:
        if not self._lists or (number := self._lists[-1]) is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number + 1}. "

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a" and self._links:
            self._end_link()
        else:
            if tag in _LISTS and self._lists:
                self._lists.pop()
            self._pre -= tag == "pre" and self._pre > 0
            self._item_begins = False
            self._begin_line(tag)

    def _end_link(self) -> None:
        target, begun = self._links.pop()
        target = target.removeprefix("mailto:")
        said = _MARKED.sub(self._but_silent, "".join(self.written[begun:])).strip()
        if target and not target.startswith("#") and target != said:
            self._write(f" ({target})" if said else target)

    def _but_silent(self, mark: re.Match[str]) -> str:
        return "" if mark[1] in self._silent else mark[0]

    def handle_data(self, data: str) -> None:
        if self._unseen:
            self._hold(data)
            return
        # Text that only looks like a tag of Liquid must not become one.
        text = _TAG_LIKE.sub("{ ", data)
        if not self._pre:
            text = _WHITESPACE.sub(" ", text)
            # Of the blanks around a held mark, either may be the only one in the end.
            if not self.written or (not self.held and self.written[-1].endswith((" ", "\n"))):
                text = text.removeprefix(" ")
        if text.strip():
            self._item_begins = False
        if text:
            self._write(text)

    def handle_comment(self, data: str) -> None:
        if self._unseen or not _MARK.fullmatch(data):
            self._hold(data)
        elif data in self._silent:
            self.held.append(f"<!--{data}-->")
        else:
            self._write(f"<!--{data}-->")
            self._item_begins = False

    def _hold(self, unseen: str) -> None:
        for mark in _MARK.findall(unseen):
            if self._silent.get(mark, "capture") not in _FILLED:
                self.held.append(f"<!--{mark}-->")

    def _write(self, text: str) -> None:
        self.written.append("".join([*self.held, text]))
        self.held.clear()
