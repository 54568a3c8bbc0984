"""The document and the text that are made of a campaign's HTML once."""

from __future__ import annotations

import re

import pytest

from app.domain.campaigns.content import Content
from app.mail.document import Made, Written, make
from app.mail.hints import hints
from app.mail.templates import Source, Template


def made(html: str, subject: str = "News", body: str = "", language: str | None = None) -> Made:
    return make(None, Written(subject, body, html, language))


def test_a_fragment_becomes_a_document_with_language_and_title() -> None:
    document = made("<p>Hello</p>", "Offer & {{ name }} <x>", language="de").body_html
    assert document.startswith('<!DOCTYPE html>\n<html lang="de"><head><meta charset="utf-8">')
    assert "<title>Offer &amp; {{ name }} &lt;x&gt;</title>" in document
    assert re.search(r"<body style=\"[^\"]+\">\s*<p>Hello</p>\s*</body></html>$", document)


@pytest.mark.parametrize(("language", "start"), [("ar", '<html lang="ar" dir="rtl">'), (None, "<html>")])
def test_a_document_says_its_language_where_that_is_known(language: str | None, start: str) -> None:
    assert start in made("<p>x</p>", language=language).body_html
    assert start in made("<html><body>x</body></html>", language=language).body_html


def test_a_document_keeps_what_it_has_and_gets_what_it_lacks() -> None:
    html = (
        '<html lang="fr"><head><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
        '<title>Mine</title></head><body class="b">x</body></html>'
    )
    document = made(html, language="de").body_html
    assert document.startswith("<!DOCTYPE html>")
    assert 'lang="fr"' in document
    assert "<title>Mine</title>" in document
    assert re.findall("charset[^>]*", document) == ['charset="utf-8"']
    assert document.count("viewport") == 1
    assert '<body class="b">' in document


def test_a_document_of_xml_has_one_doctype_and_a_mark_of_byte_order_is_no_text() -> None:
    prolog = (
        '\ufeff<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">'
    )
    document = made(f"{prolog}<html><head><style>p {{ margin: 0 }}</style></head><body><p>x</p></body></html>")
    assert document.body_html.startswith("<!DOCTYPE html")
    assert document.body_html.lower().count("<!doctype") == 1
    assert "xml version" not in document.body_html
    assert document.body == "x"


def test_styles_go_to_their_elements_and_what_cannot_stays() -> None:
    html = (
        "<style>p.a { color: red; margin: 0 } a:hover { color: blue } @media (max-width: 600px) { p { margin: 9px } }"
        '</style><p class="a" style="margin: 1px">Hello</p>'
    )
    document = made(html).body_html
    assert re.search(r'<p class="a" style="(?=[^"]*color: ?red)(?=[^"]*margin: ?1px)', document)
    assert "a:hover" in document
    assert "@media" in document
    assert "p.a" not in document


def test_nothing_is_fetched() -> None:
    html = '<html><head><link rel="stylesheet" href="http://127.0.0.1:9/x.css"></head><body><p>x</p></body></html>'
    assert "127.0.0.1" not in made(html).body_html


LIQUID = [
    "<style>p { color: {{ brand }} }</style><p>{{ name }}</p>",
    "<style>p { color: red }</style><p>{% if seats > 5 %}<b>{{ name }}</b>{% endif %}</p>",
    "<style>p { color: red }</style><table>{% if name %}<tr><td>{{ name }}</td></tr>{% endif %}</table>",
    """<style>p { color: red }</style><p><a href='{{ url | default: "https://x.example/?a=1&b=2" }}'>go</a></p>""",
    """<style>p { color: red }</style><a href="{{ url | default: "https://x.example/?a=1&b=2" }}">go</a>""",
    "<style>p { color: red }</style><p>{% raw %}{{ no field }}{% endraw %} {{ name | default: '<b>' }}</p>",
    "<style>p { color: red }</style><!-- {{ name }} --><p title={{ name }}>x</p>",
    "<html><head><title>{{ name }}</title><style>p{color:red}</style></head><body><p>{{ name }}</p></body></html>",
    '<style>p { color: red }</style><p {% if name %}class="b"{% endif %}>x</p>',
    "<style>p { color: red }</style><p>lqd0z {{ name }} LQDQ</p>",
]


@pytest.mark.parametrize("html", LIQUID)
def test_tags_of_liquid_come_through_as_they_are(html: str) -> None:
    pattern = r"{%\s*raw.*?endraw\s*%}|{{.*?}}|{%.*?%}"
    document = made(html, "plain").body_html
    assert sorted(re.findall(pattern, document)) == sorted(re.findall(pattern, html))
    assert "lqd" not in document.replace("lqd0z", "", 1)
    if "{% if name %}class" not in html:
        assert "style=" in document.split("<body", 1)[1].split(">", 1)[1] or "<table>" in html or "<a href" in html


def test_what_only_looks_like_a_tag_does_not_become_one() -> None:
    html = "<style>p { color: red }</style><p>&#123;&#123; name }} {&#123; x }}</p>"
    result = made(html)
    for text, is_html in ((result.body_html, True), (result.body, False)):
        template = Template.parse(Source(text, is_html))
        assert template is not None
        assert template.is_constant


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h2>News</h2><p>Dear {{ name }},<br>hello &amp; welcome</p>", "News\n\nDear {{ name }},\nhello & welcome"),
        ("<ul><li>one</li><li><p>two</p></li></ul><p>x</p>", "- one\n- two\n\nx"),
        ("<ol><li>one<ul><li>in</li></ul></li><li>two</li></ol>", "1. one\n  - in\n2. two"),
        ('<p>See <a href="https://x.example/a">this</a>.</p>', "See this (https://x.example/a)."),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a> <a href="#top">up</a>', "a@x.example up"),
        ('<a href="{{ url }}">go</a>', "go ({{ url }})"),
        (
            '<p>{% if x %}<a href="https://x.example">https://x.example</a>{% endif %}</p>',
            "{% if x %}https://x.example\n\n{% endif %}",
        ),
        (
            '<p>{% if x %}<a href="mailto:a@x.example">{% if y %}a@x.example{% endif %}</a>{% endif %}</p>',
            "{% if x %}{% if y %}a@x.example\n\n{% endif %}{% endif %}",
        ),
        (
            '<p>a{% if x %}<a href="https://x.example"><img src="x.png"></a>{% endif %}</p>',
            "a{% if x %} https://x.example\n\n{% endif %}",
        ),
        (
            '<p>a</p>{% if x %}<a href="https://x.example"><h2>b</h2></a>{% endif %}',
            "a\n\n{% if x %}b\n\n (https://x.example){% endif %}",
        ),
        (
            "<html><head><noscript><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch>"
            "</o:OfficeDocumentSettings></xml></noscript></head><body><p>x</p></body></html>",
            "x",
        ),
        ('<xml version="1.0"><p>a</p><p>b</p>', "a\n\nb"),
        ('<!--[if mso]><xml></xml><![endif]--><xml version="1.0"><p>a</p><p>b</p>', "a\n\nb"),
        ("<xml><o>hidden</o></xml><p>x</p><xml version='1.0'><p>a</p>", "x\n\na"),
        ("<p>a</xml></p><xml version='1.0'><p>b</p>", "a\n\nb"),
        ("<xml version='1.0'><p>a</p><xml><o>hidden</o></xml><p>b</p>", "a\n\nb"),
        ("<style><!-- p{} </style><xml><o>hidden</o></xml><p>x</p>", "x"),
        ("<script>'<!--'</script><xml><o>hidden</o></xml><p>x</p>", "x"),
        ("<p title='<!--'>a</p><xml><o>hidden</o></xml><p>x</p>", "a\n\nx"),
        ("<p>a</p><!-- b --!><xml><o>hidden</o></xml><!-- c --><p>x</p>", "a\n\nx"),
        ("<script>'</xml>'</script><xml><p>a</p><p>b</p>", "a\n\nb"),
        ("<p>a</p><hr><p>b</p>", "a\n\n---\n\nb"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1  2\n3"),
        ("<p>a  b\n c</p>\n\n<p> d</p>", "a b c\n\nd"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<div>Hello</div><div>you</div>", "Hello\nyou"),
        ("<style>p{}</style><script>x</script><title>t</title><p>x</p><!-- no -->", "x"),
        ('<p><img src="x.png" alt="A cat"> purrs</p>', "A cat purrs"),
        (
            "{% if name %}<p>Dear {{ name }},</p>{% endif %}<p>x</p>",
            "{% if name %}Dear {{ name }},\n\n{% endif %}x",
        ),
    ],
)
def test_a_text_is_made_where_none_is_given(html: str, text: str) -> None:
    assert made(html).body == text
    assert made(html, body="Mine").body == "Mine"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<head>\n{% assign who = name | default: 'you' %}\n<title>T</title></head><body><p>Hi {{ who }}</p></body>",
            "{% assign who = name | default: 'you' %}Hi {{ who }}",
        ),
        ("<p>a</p><!-- {% assign x = 1 %} --><p>{{ x }}</p>", "a\n\n{% assign x = 1 %}{{ x }}"),
        (
            "<p>a</p><!--{% if name %}--><p>Dear {{ name }}</p><!--{% else %}{{ no }}{% endif %}--><p>b</p>",
            "a\n\n{% if name %}Dear {{ name }}\n\n{% else %}{% endif %}b",
        ),
        ("<ul><!--{% if a %}--><li>one</li><!--{% endif %}--></ul>", "{% if a %}- one\n\n{% endif %}"),
        ("<style>{% if a %}p{}{% endif %}</style><p>x</p>", "{% if a %}{% endif %}x"),
        ("<head><style>p{}</style>{{ name }}<p>x</p>", "{{ name }}\n\nx"),
        ("<html><head><title>T</title><style>p{}</style><body><p>x</p></body></html>", "x"),
        ("<html><head><meta charset='utf-8'><p>x</p></html>", "x"),
    ],
)
def test_what_liquid_does_where_nobody_looks_it_does_for_the_text_too(html: str, text: str) -> None:
    """A name that is set in the head was a merge field of the text that nobody has, so no email could be written."""
    assert made(html).body == text


def test_html_with_conditions_for_outlook_is_not_written_anew() -> None:
    """`<![if !mso]>` became a comment, and what it holds was shown to all."""
    html = "<style>p{color:red}</style><![if !mso]><p>Hello</p><![endif]>"
    assert html in made(html).body_html
    usual = "<style>p{color:red}</style><!--[if mso]><p>a</p><![endif]--><!--[if !mso]><!--><p>b</p><!--<![endif]-->"
    assert 'style="color:' in made(usual).body_html.replace(": ", ":")


@pytest.mark.parametrize(
    "odd", ["<![x]>", "<![", "<![if !mso]>", "<![CDATA[x", "<!x", "<?php ?>", "</", "<a", "<!--", "&#0;"]
)
def test_no_html_is_too_odd_to_be_read(odd: str) -> None:
    assert made(f"<p>Hello</p>{odd}").body.startswith("Hello")
    assert "<p>Hello</p>" in made(f"<style>a{{}}</style><p>Hello</p>{odd}").body_html


def test_without_html_nothing_is_made() -> None:
    assert (made("", body="x").body, made("  ", body="x").body_html) == ("x", "")


async def test_html_that_takes_too_long_is_sent_as_it_was_written() -> None:
    flood = "<p" * 60_000
    sent = await Content("x", "A text.", flood).sent(workspace_id=1)
    assert sent.content.body_html == flood
    assert [hint.part for hint in sent.hints] == ["bodyHtml"]
    assert sent.made(Content("x", "A text.", flood)) == {"body_made": None, "html_made": None}


async def test_html_that_grows_beyond_what_a_template_may_be_is_sent_as_it_was_written() -> None:
    html = "<style>p { margin: 0 0 10px 0; color: #333333; font-family: Arial }</style>" + "<p>x</p>" * 5_000
    sent = await Content("x", "A text.", html).sent(workspace_id=1)
    assert sent.content.body_html == html
    assert len(sent.hints) == 2  # it is larger than mail programs show, too


async def test_no_text_is_made_that_would_need_more_than_the_html_does() -> None:
    """Such a text was looked at by nobody before each of the emails failed."""
    head = "{% capture who %}{{ name | default: 'you' }}{% endcapture %}"
    html = f"<html><head><title>{head}</title></head><body><p>Hi {{{{ who }}}}</p></body></html>"
    sent = await Content("x", "", html).sent(workspace_id=1)
    assert (sent.content.body, sent.hints[-1].part) == ("", "body")
    assert "<title>{% capture" in (sent.content.body_html or "")
    shown = await Content("x", "", html).render("ada@example.com", {}, 1, unsubscribe_url="https://x.example/u")
    assert "Hi you" in (shown.html or "")
    assert [hint.found for hint in shown.hints if hint.part == "body"] == [sent.hints[-1].found]


def told(subject: str = "News", body: str = "x", html: str = "") -> list[tuple[str, str]]:
    found = hints(subject, body, html, sent_html=html)
    assert all(hint.reason.endswith(".") for hint in found)
    return [(hint.part, hint.found) for hint in found]


@pytest.mark.parametrize(
    ("message", "part", "found"),
    [
        ({"subject": "Re: your order"}, "subject", "It begins with “Re:”."),
        ({"subject": "FWD: {{ name }}"}, "subject", "It begins with “FWD:”."),
        ({"subject": "LAST CHANCE TODAY"}, "subject", "Nearly all of it is in capitals."),
        ({"subject": "Sale!!!"}, "subject", "It has several signs such as ! or $ in a row."),
        ({"body": "See https://bit.ly/3x."}, "body", "It links to bit.ly, which shortens addresses."),
        ({"body": "See www.Bit.ly/3x."}, "body", "It links to bit.ly, which shortens addresses."),
        (
            {"html": '<p>Some text that is long enough to be read.</p><a href="http://www.tinyurl.com/x">x</a>'},
            "bodyHtml",
            "It links to tinyurl.com, which shortens addresses.",
        ),
        ({"html": '<img src="https://x.example/a.png">'}, "bodyHtml", "It is images with hardly any text."),
        (
            {"html": '<a href="www.example.com/offer">x</a>'},
            "bodyHtml",
            "The target of a link is “www.example.com/offer”.",
        ),
        ({"html": '<a href="http:/x.example">x</a>'}, "bodyHtml", "The target of a link is “http:/x.example”."),
        ({"html": '<a href="">x</a>'}, "bodyHtml", "The target of a link is “”."),
        ({"html": '<a href="mailto:">x</a>'}, "bodyHtml", "The target of a link is “mailto:”."),
        ({"html": '<a href="mailto: ?subject=x">x</a>'}, "bodyHtml", "The target of a link is “mailto: ?subject=x”."),
        ({"html": '<a href="tel:">x</a>'}, "bodyHtml", "The target of a link is “tel:”."),
        ({"html": '<a href="#">x</a>'}, "bodyHtml", "The target of a link is “#”."),
        (
            {"html": '<a href="https://evil.example/x">www.bank.example.com</a>'},
            "bodyHtml",
            "A link reads www.bank.example.com and leads to evil.example.",
        ),
        ({"html": "<script>x</script><form></form>"}, "bodyHtml", "It has <form>, <script>."),
        ({"html": "<p>" + "x" * 100_000}, "bodyHtml", "The HTML has 100,003 bytes."),
    ],
)
def test_what_receivers_dislike_is_said(message: dict[str, str], part: str, found: str) -> None:
    assert (part, found) in told(**message)


def test_what_nobody_dislikes_is_not_said() -> None:
    html = (
        '<p>Some text that is long enough to be read, {{ name }}.</p><img src="https://x.example/a.png">'
        '<a href="https://www.example.com/x">example.com</a> <a href="{{ url }}">go</a>'
        '<a href="mailto:a@b.example">m</a>'
    )
    assert told("Reports for NASA: a result?", "See https://example.com/x!", html) == []


@pytest.mark.parametrize(
    "filling", ["&zwnj;&nbsp;", "&#847; &zwnj; ", "&#8203;", "&#847;&shy;&nbsp;", "&#8199;&#65279;&#847; "]
)
def test_what_fills_the_line_beside_a_subject_is_in_no_text(filling: str) -> None:
    html = f'<div style="display:none">New in spring{filling * 90}</div><p>Hello</p>'
    assert made(html).body == "New in spring\n\nHello"


def test_a_joiner_within_a_word_stays_in_the_text() -> None:
    word = "می\u200cروم"
    assert made(f"<p>{word} 👩\u200d💻</p>").body == f"{word} 👩\u200d💻"
