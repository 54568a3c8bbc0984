"""Templates as people write them: quotes and blanks of word processors, numbers, dates, names with slips."""

# ruff: noqa: RUF001 -- quotes as word processors write them
from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail import liquid
from app.mail.markup import TAG_CHARACTERS, TemplateError, as_meant
from app.mail.templates import Source, Template


def render(source: str, html: bool = False, language: str | None = None, **fields: str) -> str:
    written = Source(source, html, language)
    return (Template.parse(written) or liquid.Template.parse(written)).render(fields)


@pytest.mark.parametrize("value", ["", " ", "\u00a0", " \t\u3000", "\u200b", "\u00a0\ufeff \u200b"])
@pytest.mark.parametrize(
    "source",
    [
        'Hello {{ name | default: "there" }}',
        'Hello {{ name | default: "there" | upcase | downcase }}',
        "Hello {% if name %}{{ name }}{% else %}there{% endif %}",
        'Hello {% if name == "" %}there{% endif %}',
        "Hello {% unless name != blank %}there{% endunless %}",
    ],
)
def test_a_value_of_blanks_is_an_empty_one(source: str, value: str) -> None:
    assert render(source, name=value) == "Hello there"
    assert render(source.replace("there", "you"), name=value) == "Hello you"


@pytest.mark.parametrize("source", ["Hello {{ name }},", "Hello {{ name | append: '' }},"])
def test_blanks_around_a_value_are_not_printed(source: str) -> None:
    assert render(source, name=" Ann\u00a0Lee \n") == "Hello Ann\u00a0Lee,"


@pytest.mark.parametrize(
    "tag",
    [
        "{{ name | default: “there” }}",
        "{{ name | default: „there“ }}",
        "{{ name | default: »there« }}",
        "{{ name | default: «there» }}",
        "{{ name | default: ‘there’ }}",
        "{{ name | default: &quot;there&quot; }}",
        "{{ name | default: &#39;there&#39; }}",
        "{{ name | default: &ldquo;there&rdquo; }}",
        '{{ name | default: "there” }}',
        "{{&nbsp;name&nbsp;|&nbsp;default:&nbsp;“there”&nbsp;}}",
        "{{\u00a0name\u00a0|\u202fdefault: 'there'\u00a0}}",
        "{{ na\u200bme | default: 'there' }}",
        "{% if name == “” %}there{% endif %}",
        "{%&nbsp;if name == &quot;&quot; %}there{% endif&nbsp;%}",
        "{{ name ｜ default： “there” }}",
        "{{ name | default: 「there」 }}",
        "{{ name | default: ＂there＂ }}",
        "{% if name.size ≤ 0 %}there{% endif %}",
        "{% unless name.size ≥ 1 %}there{% endunless %}",
        "{% unless name ≠ '' %}there{% endunless %}",
        "{% unless name.size &gt; 0 %}there{% endunless %}",
        "{% if name.size &lt; 1 %}there{% endif %}",
    ],
)
@pytest.mark.parametrize("html", [False, True])
def test_a_tag_is_read_as_it_was_meant(tag: str, html: bool) -> None:
    assert render(tag, html, name="") == "there"


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ('{{ name | default: "don’t “you”" }}', "don’t “you”"),
        ("{{ name | default: “don’t” }}", "don’t"),
        ("{{ name | default: ‘don’t’ }}", "don’t"),
        ("{{ name | default: ‘it’s me, let’s go’ }}", "it’s me, let’s go"),
        ("{{ name | default: 'a&nbsp;b' }}", "a&nbsp;b"),
        ("{{ name | default: “&lt;b&gt;” }}", "&lt;b&gt;"),
        ("&quot;{{ name | default: 'x' }}“", "&quot;x“"),
    ],
)
def test_what_stands_in_quotes_or_outside_of_tags_stays(tag: str, text: str) -> None:
    assert render(tag, name="") == text


@given(st.text("ab \"'“”‘’&;<>#quotl\u00a0\u200b-|:", max_size=40))
def test_reading_a_tag_again_changes_nothing(inside: str) -> None:
    once = as_meant(inside)
    if "&" not in once:
        assert as_meant(once) == once
    if inside.isascii() and "&" not in inside:
        assert once == inside


@pytest.mark.parametrize("flood", ["“", "'“", "&ldquo;", "&", "‘“", "é“", "’", '"“', "&quot", "“ \"'"])
def test_no_tag_takes_long_to_be_read(flood: str) -> None:
    started = time.process_time()
    for _ in range(15):
        as_meant((flood * TAG_CHARACTERS)[:TAG_CHARACTERS])
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("seats > 5", "10", True),
        ("seats > 5", "9", True),
        ("seats > 5", "5", False),
        ("seats > 5", "", False),
        ("seats > 5", " 7 ", True),
        ("seats < 5", "", False),
        ("seats <= 5", "5", True),
        ("seats <= 5", "5.0", True),
        ("seats >= 5.5", "5.5", True),
        ("seats < 10", "9", True),
        ("5 < seats", "10", True),
        ("seats == 5", "5", True),
        ("seats == 5", "5.0", True),
        ("seats == 5", "five", False),
        ("seats != 5", "5", False),
        ("seats != 5", "", True),
        ("seats > least", "10", True),
        ("seats == '5'", "5", True),
        ("seats == '05'", "5", False),
        ("seats > 5 and seats < 20", "10", True),
        ("seats > 5 or seats == 1", "1", True),
        ("seats > '2030-01-01'", "2030-04-13", True),
    ],
)
def test_numbers_compare_as_numbers(condition: str, value: str, holds: bool) -> None:
    fields = {"seats": value, "least": "9"}
    assert render(f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}", **fields) == ("yes" if holds else "no")
    assert render(f"{{% unless {condition} %}}no{{% endunless %}}", **fields) == ("" if holds else "no")


def test_a_number_is_a_case_too() -> None:
    source = "{% case seats %}{% when 1, 2 %}few{% when 10 %}ten{% else %}{{ seats }}{% endcase %}"
    assert [render(source, seats=value) for value in ("1", "2.0", "10", "100", "")] == ["few", "few", "ten", "100", ""]


def test_a_condition_behind_else_is_not_left_out_unsaid() -> None:
    with pytest.raises(TemplateError, match=r"line 2: 'else' has no condition; write {% elsif plan == 'b' %}"):
        render("{% if plan == 'a' %}A\n{% else if plan == 'b' %}B{% endif %}", plan="c")


@pytest.mark.parametrize("path", ["contact.name", "name.first", "name[0]", "name['x']", "name[other]"])
def test_what_looks_for_something_within_a_field_is_refused_for_it_prints_nothing(path: str) -> None:
    with pytest.raises(TemplateError, match=r"line 2: '.*' looks for something within a merge field"):
        render(f"Hello\n{{{{ {path} }}}}", name="Ann", contact="Ann", other="x")
    assert (
        render("{% assign p = name | split: ' ' %}{{ p.first }} {{ p[1] }} {{ name.size }}", name="Ann Lee")
        == "Ann Lee 7"
    )


@pytest.mark.parametrize(
    ("tag", "meant"), [("elseif b", "elsif"), ("esle", "else"), ("ednif", "endif"), ("endfi", "endif")]
)
def test_a_misspelt_tag_names_the_nearest(tag: str, meant: str) -> None:
    with pytest.raises(TemplateError, match=rf"unexpected tag '.*'; did you mean '{meant}'"):
        render(f"{{% if a %}}x{{% {tag} %}}y{{% endif %}}", a="1", b="2")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Hi {{ name", "line 1: something is not closed; write '}}' behind it"),
        ("{% if %}x{% endif %}", "line 1: a condition says nothing"),
        ("{% if a %}x", "{% if %} has no end; write {% endif %} behind it"),
        ("x{% endif %}", "line 1: unexpected tag 'endif'; nothing was begun that it belongs to"),
        ("{{ na<b>me</b> }}", "line 1: something is formatted within a merge field; format all of it or nothing"),
        ("{{ }}", "a name is missing"),
    ],
)
def test_what_is_wrong_is_said_to_who_writes_a_letter(source: str, said: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(said)):
        render(source, a="1")


@pytest.mark.parametrize(
    ("name", "meant"), [("First Name", "one word, such as first_name"), ("for", "'for_'"), ("in", "'in_'")]
)
def test_a_name_that_can_be_none_says_how_it_is_written(name: str, meant: str) -> None:
    with pytest.raises(TemplateError, match=meant):
        render(f"Hi {{{{ {name} }}}}")


def test_a_date_behind_a_default_is_one() -> None:
    source = '{{ day | default: "2030-01-01" | date: "long" }}{{ other | strip | date }}{{ no | upcase | date }}'
    assert liquid.Template.parse(Source(source)).fields.dates == {"day", "other"}


def test_what_is_no_number_is_said() -> None:
    with pytest.raises(TemplateError, match="line 1: 'about 12' is no number; write one as 1200"):
        render("{% if seats > 5 %}{% endif %}", seats="about 12")
    fields = liquid.Template.parse(Source("{% if seats > 5 and other > seats %}{{ seats }}{% endif %}")).fields
    assert fields.numbers == {"seats"}


@pytest.mark.parametrize(
    ("form", "language", "text"),
    [
        ('"long"', "en", "April 13, 2030"),
        ('"long"', "en-GB", "13 April 2030"),
        ('"long"', "de", "13. April 2030"),
        ('"long"', "fr", "13 avril 2030"),
        ('"long"', "cs", "13. dubna 2030"),
        ('"full"', "de", "Samstag, 13. April 2030"),
        ('"short"', "de", "13.04.30"),
        ('"medium"', "pt-BR", "13 de abr. de 2030"),
        ('"%A, %d. %B %Y"', "de", "Samstag, 13. April 2030"),
        ('"%d/%m/%Y 100%%"', "de", "13/04/2030 100%"),
        ('"long"', None, "April 13, 2030"),
        ('"long", "es"', "de", "13 de abril de 2030"),
        ('"%B", "fr"', None, "avril"),
    ],
)
def test_a_date_is_written_in_the_words_of_its_language(form: str, language: str | None, text: str) -> None:
    for value in ("2030-04-13", "2030-04-13T09:30:00Z", "2030-04-13 09:30"):
        assert render(f"{{{{ day | date: {form} }}}}", language=language, day=value) == text


@pytest.mark.parametrize(
    "value", ["13/04/2030", "45000", "April 13, 2030", "2030", "2030-13-01", "2030-4-1", "x" * 101]
)
def test_what_is_no_iso_date_is_refused(value: str) -> None:
    with pytest.raises(TemplateError, match="line 1: date: "):
        render('{{ day | date: "long" }}', day=value)


def test_a_day_that_nobody_gave_is_nothing_and_today_is_one() -> None:
    assert render('{{ day | date: "long" | default: "soon" }}', day=" ") == "soon"
    assert render('{{ "now" | date: "%Y" }}') == time.strftime("%Y", time.gmtime())


@pytest.mark.parametrize("language", ["xx", "german", "../de", "d"])
def test_a_language_that_nobody_knows_is_said_when_the_template_is_read(language: str) -> None:
    with pytest.raises(TemplateError, match="language"):
        Template.parse(source := Source(f'{{{{ day | date: "long", "{language}" }}}}')) or liquid.Template.parse(source)


@pytest.mark.parametrize(
    ("filter_", "meant"), [("upcas", "upcase"), ("defualt: 'x'", "default"), ("capitalise", "capitalize")]
)
def test_a_misspelt_filter_names_the_nearest(filter_: str, meant: str) -> None:
    with pytest.raises(TemplateError, match=f"there is no filter '{filter_[:6]}.*'; did you mean '{meant}'"):
        render(f"{{{{ name | {filter_} }}}}")


def test_names_with_marks_are_read_as_meant_too() -> None:
    assert render("{{ ชื่อ | default: “ก่อนนี้” }}", ชื่อ="") == "ก่อนนี้"
    assert render('{% if नाम > 5 %}{{ วันที่ | date: "long" }}{% endif %}', नाम="10", วันที่="2030-04-13") == "April 13, 2030"
    parsed = liquid.Template.parse(Source('{% if नाम > 5 %}{{ วันที่ | date: "long" }}{% endif %}'))
    assert (parsed.fields.dates, parsed.fields.numbers) == ({"วันที่"}, {"नाम"})
