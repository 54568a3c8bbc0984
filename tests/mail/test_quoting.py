"""The quotation below a message that quotes the one before it."""

from __future__ import annotations

from datetime import date

import pytest

from app.mail.quoting import Quote, quote, with_quote

DAY = date(2026, 11, 20)


def of(text: str, html: str | None = None, language: str | None = None) -> Quote:
    return quote(text, html, who="Ada <x>", day=DAY, language=language)


def test_plain_text_has_a_mark_before_each_line_and_says_who_wrote_it() -> None:
    quoted = of("Hello,\n\n> earlier\n")
    assert quoted.text == "On November 20, 2026, Ada <x> wrote:\n\n> Hello,\n>\n> > earlier\n"
    assert "Ada &lt;x&gt; wrote:" in quoted.html
    assert "Hello,<br>\n<br>\n&gt; earlier\n</blockquote>" in quoted.html
    assert with_quote("Well?\n\n", quoted, html=False).startswith("Well?\n\nOn November")


@pytest.mark.parametrize(
    ("language", "says"),
    [("de", "Am 20. November 2026 schrieb Ada <x>:"), ("fr-CA", "Le 20 novembre 2026, Ada"), ("fi", "On November 20")],
)
def test_it_is_said_in_the_language_of_the_message(language: str, says: str) -> None:
    assert of("x", language=language).text.startswith(says)


def test_html_is_what_stands_in_its_body_without_pictures_that_do_not_go_along() -> None:
    head = "<!doctype html><html><head><title>T</title></head>"
    html = f'{head}<body class="a"><p>Hi</p><img src="/api/files/3" alt=""></body>'
    quoted = of("Hi", html)
    assert "<p>Hi</p>\n</blockquote>" in quoted.html
    for gone in ("doctype", "<title", "<body", "/api/files"):
        assert gone not in quoted.html
    whole = with_quote("<html><body><p>Well?</p></body></html>", quoted, html=True)
    assert whole.index("Well?") < whole.index("<blockquote") < whole.index("</body>")


@pytest.mark.parametrize(
    ("html", "stays"),
    [
        ("<style>p {}</style><p>Hi</p><style>", "<p>Hi</p><style>"),
        ("<p>Hi</p></body>", "<p>Hi</p>"),
        ("<body><p>a</p></body><p>b</p></body >", "<p>a</p><p>b</p>"),
        ("<head><title>x</title></head><script>y</script ><p>Hi</p>", "<p>Hi</p>"),
        (
            "<p>Hi</p><img alt='a' src = '/api/files/1'><img src=x><img src=/api/files/2",
            "<p>Hi</p><img src=x><img src=/api/files/2",
        ),
        ("<p>Hi</p><body", "<p>Hi</p><body"),
    ],
)
def test_what_is_not_closed_stays_as_it_is(html: str, stays: str) -> None:
    assert f"\n{stays}\n</blockquote>" in of("Hi", html).html
