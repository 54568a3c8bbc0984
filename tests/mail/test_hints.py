"""What of a text is said to its writer before it is sent."""

from __future__ import annotations

import pytest

from app.mail.hints import hints


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
