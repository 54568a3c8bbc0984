"""What of a text is said to its writer before it is sent."""

from __future__ import annotations

import pytest

from app.mail.hints import fields_as_targets, hints, is_target


def foreign(subject: str, body: str = "", html: str = "") -> list[tuple[str, str]]:
    found = hints(subject, body, html, sent_html=html)
    return [(one.part, one.found) for one in found if "another program" in one.reason]


@pytest.mark.parametrize(
    "mark",
    [
        *("*|FNAME|*", "%FIRSTNAME%", "%recipient.name%", "%%first_name%%", "${name}", "##name##", "<<First Name>>"),
        *("[[name]]", "{first_name}", "[First Name]", "[Name]", "{Company}", "[YOUR COMPANY]", "\u00abName\u00bb"),
    ],
)
def test_merge_fields_of_other_programs_are_told(mark: str) -> None:
    said = f"It has {mark}, which goes out as it stands."
    assert foreign(f"Hello {mark}!", f"Dear {mark}, dear {mark}") == [("subject", said), ("body", said)]
    escaped = mark.replace("<", "&lt;").replace(">", "&gt;")
    assert foreign("Hello", "x", f"<p>Dear {escaped}</p>") == [("bodyHtml", said)]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Dear {{ name }}",
            "{{name}}",
            '{{ name | default: "[x]" }}',
            "{% if name %}x{% endif %}",
            "50% of 20% is 10%",
        ),
        *(
            "see [1] and [sic]",
            "a{b}c",
            "2 << 3 >> 1",
            "C# and F##",
            "a * b | c * d",
            "$5 and $$$",
            "[Webinar] A title",
        ),
        *("100%sure", "Save 20%, or 30% today", "{}", "https://x.example/%7Bname%7D%d0%b0%d1"),
    ],
)
def test_what_is_text_is_none(text: str) -> None:
    assert foreign(text, text, f"<p>{text.replace('<', '&lt;')}</p>") == []


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        *((one, True) for one in ("https://a.example", "mailto:a@b.example", "mailto:?subject=x", "tel:1", "#top")),
        *((one, True) for one in ("sms:?body=x", "whatsapp://send", "tg://resolve", "msteams:/l/x", "geo:1,2")),
        *(
            (one, False)
            for one in ("a.example", "www.a.example", "/x", "https:", "https:///x", "mailto:", "mailto: ?", "#", "")
        ),
        *(
            (one, False)
            for one in ("javascript:x()", "JavaScript:x()", "data:text/html,x", "vbscript:x", "a.example:80")
        ),
    ],
)
def test_a_target_is_any_that_a_mail_program_can_open(target: str, leads: bool) -> None:
    assert is_target(target) is leads
    told = hints("x", "x", f'<a href="{target}">x</a>', sent_html="x")
    assert any("target of a link" in one.found for one in told) is not leads


@pytest.mark.parametrize(
    ("html", "fields"),
    [
        ('<a href="{{ url }}">x</a>', {"url"}),
        ("<a class=b\nhref = '{{-url-}}'>x</a>", {"url"}),
        ('<a href="{{ url | default: "https://a.example" }}/b">x</a>', {"url"}),
        ('<a href="{{ a }}#x"></a><a href={{ b }}></a><a href="{{ c }}?d={{ d }}"></a>', {"a", "b", "c"}),
        (
            '<a href="{{ a | prepend: b }}"></a><a href="{{ a }}//b"></a><a href="{{ a }}:b"></a><a href="x{{ a }}">',
            set[str](),
        ),
        ('<a data-href="{{ a }}"></a> href {{ a }}', set[str]()),
    ],
)
def test_the_field_that_says_where_a_link_leads_is_found(html: str, fields: set[str]) -> None:
    assert fields_as_targets(html) == fields
