"""What the process that serves everybody does with a text takes as long as the text is, whatever it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import date

import pytest

from app.bounds import TEXT
from app.domain.campaigns.content import Content
from app.mail.enclosed import files_shown
from app.mail.footer import at_end
from app.mail.hints import fields_as_targets
from app.mail.markup import TemplateError
from app.mail.nearest import nearest
from app.mail.quoting import quote
from app.mail.references import read as read_references
from app.mail.rendering import Templates
from app.mail.strip_html import strip_html
from app.mail.templates import Source, Template

MOST_S = 1.0  # of this machine's time, however busy it is; each is done in a twentieth of it
PIECES = [
    *(
        "<a =",
        '<a b="',
        "<img ",
        "<img src=/api/files/",
        "<img src=/api/files/1 ",
        "<body ",
        "<body>",
        "</body ",
        "<html ",
    ),
    *(
        "<head>",
        "<head ",
        "<style>",
        "<style ",
        "<script>",
        "</style ",
        "<title>",
        "<!doctype ",
        "<!--",
        "<![",
        "<?",
        "<",
    ),
    *(
        "<a href=",
        "<a href={{",
        "<a href={{ a ",
        '<a href="{{ a | default: ',
        "src=",
        "src ",
        " ",
        "{",
        "{%",
        "&",
        "&#",
    ),
    *(
        "&#9",
        "&quot",
        "&#x",
        "x",
        "\n",
        "{{ a }}",
        "{% comment %}",
        "{% raw %}",
        "{{ “",
        "{{ ”“",
        "<div>",
        "<p class='",
    ),
]


def _parse(text: str) -> object:
    try:
        return Template.parse(Source(text, html=True))
    except TemplateError:
        return None


def _quote(text: str) -> object:
    return quote("x", text, who="Ada", day=date(2026, 11, 20), language=None)


def _at_end(text: str) -> object:
    return at_end(text, "x")


@pytest.mark.parametrize("ends", ["", ">", "</body>", "</head>", "</style>", "-->", "}}", "/api/files/1>"])
@pytest.mark.parametrize("act", [fields_as_targets, files_shown, _quote, strip_html, read_references, _parse, _at_end])
def test_a_text_takes_as_long_as_it_is(act: Callable[[str], object], ends: str) -> None:
    for piece in PIECES:
        text = (piece * (TEXT.most // len(piece) + 1))[: TEXT.most - len(ends)] + ends
        began = time.process_time()
        act(text)
        assert time.process_time() - began < MOST_S, repr(piece)


@pytest.mark.parametrize("letters", ["a", "ab"])
async def test_names_that_are_alike_are_compared_in_time(letters: str) -> None:
    def names(count: int, length: int) -> Collection[str]:
        return {f"{letters * (length // len(letters))}{number}" for number in range(count)}

    known = frozenset(names(200, 95))
    began = time.process_time()
    nearest("x" + letters * 100, [f"{letters * 30}{number}" for number in range(80_000)])
    assert time.process_time() - began < MOST_S
    body = " ".join(f'{{{{ z{name} | default: "x" }}}}' for name in names(400, 40))
    content = Content("x", body)
    templates = await Templates.parse(content.sources(), 1)
    assert not templates.wrong
    began = time.process_time()
    content.misspelt(templates, known)
    assert time.process_time() - began < 2 * MOST_S
