from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid import Environment

from app.mail import liquid
from app.mail.markup import TemplateError
from app.mail.templates import Source, Template, printed

PLAIN_LIQUID = {False: Environment(), True: Environment(autoescape=True)}
NAMES = st.sampled_from(["name", "company", "prénom", "first_name"])
TEXT = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=20)
VALUE = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
DEFAULT = st.text("abc <&>é.,", max_size=8)
PIECE = st.one_of(
    TEXT,
    NAMES.map("{{{{ {} }}}}".format),
    NAMES.map("{{{{-{}-}}}}".format),
    st.builds('{{{{ {} | default: "{}" }}}}'.format, NAMES, DEFAULT),
)


def parse(source: str, *, html: bool = False) -> Template | liquid.Template:
    """As a campaign's: by our own code where that can, else by Liquid."""
    return Template.parse(Source(source, html)) or liquid.Template.parse(Source(source, html))


@given(
    st.lists(PIECE, max_size=6).map("".join),
    st.fixed_dictionaries(dict.fromkeys(["name", "company", "prénom", "first_name"], VALUE)),
    st.booleans(),
)
def test_text_with_merge_fields_renders_as_liquid_would(source: str, fields: dict[str, str], html: bool) -> None:
    expected = PLAIN_LIQUID[html].from_string(source).render({name: printed(value) for name, value in fields.items()})
    plain = Template.parse(Source(source, html))
    assert plain is not None
    assert plain.render(fields) == expected
    lines = liquid.Template.parse(Source(source, html)).render(fields)  # which it ends in its own way
    assert lines == expected.replace("\r\n", "\n").replace("\r", "\n")


def test_a_default_stands_in_for_a_missing_and_for_an_empty_value() -> None:
    template = parse('Hello {{ name | default: "there" }}!')
    assert template.render({}) == "Hello there!"
    assert template.render({"name": ""}) == "Hello there!"
    assert template.render({"name": "Ann"}) == "Hello Ann!"


def test_html_templates_escape_merge_values_and_nothing_else() -> None:
    source = '<b>{{ name }}</b> {{ company | default: "<i>you</i>" }}'
    assert parse(source, html=True).render({"name": "<Ann & Co>"}) == ("<b>&lt;Ann &amp; Co&gt;</b> <i>you</i>")
    assert parse(source).render({"name": "<Ann & Co>"}) == "<b><Ann & Co></b> <i>you</i>"
    assert parse("{{ name | upcase }}", html=True).render({"name": "<a>"}) == "&lt;A&gt;"


@pytest.mark.parametrize(
    "source",
    [
        "{% if company %}at {{ company }}{% endif %}",
        "{% if company and name %}at {{ company }}{% endif %}",
        '{% if company != "" %}at {{ company }}{% endif %}',
        "{% if company != blank %}at {{ company }}{% endif %}",
        "{% unless company == blank %}at {{ company }}{% endunless %}",
        "{% if name == 'x' or company %}at {{ company }}{% endif %}",
    ],
)
def test_a_condition_is_true_when_the_field_has_text(source: str) -> None:
    template = parse(source)
    assert template.render({"company": "ACME", "name": "Ann"}) == "at ACME"
    assert template.render({"company": "", "name": "Ann"}) == ""


@pytest.mark.parametrize(
    ("source", "fields", "required"),
    [
        ("Hello", set(), set()),
        ("{{ name }}", {"name"}, {"name"}),
        ("{{ name | upcase }}", {"name"}, {"name"}),
        ("{{ name | default: 'x' }}", {"name"}, set()),
        ("{{ name | default: company }}", {"name", "company"}, set()),
        ("{{ name | default: 'x' }} {{ name }}", {"name"}, {"name"}),
        ("{% if name %}{{ name }}{% endif %}", {"name"}, set()),
        ("{% if name %}{{ company }}{% endif %}", {"name", "company"}, {"company"}),
        (
            "{% if name %}x{% elsif city %}{{ city }}{% else %}{{ plan }}{% endif %}",
            {"name", "city", "plan"},
            {"plan"},
        ),
        ("{% unless name == 'x' %}{{ name }}{% endunless %}{{ name }}", {"name"}, {"name"}),
        ("{% assign short = name | truncate: 5 %}{{ short }}", {"name"}, {"name"}),
        ("{% case plan %}{% when 'pro' %}{{ plan }}{% endcase %}", {"plan"}, set()),
        ("{% raw %}{{ name }}{% endraw %}", set(), set()),
    ],
)
def test_a_template_knows_its_fields_and_which_are_required(source: str, fields: set[str], required: set[str]) -> None:
    template = parse(source)
    assert template.fields.mentioned == fields
    assert template.fields.required == required


@pytest.mark.parametrize("source", ["Dear {{ name }},", "Dear {{ name | upcase }},", "{{ now }}"])
def test_a_missing_required_field_is_an_error_that_names_it(source: str) -> None:
    template = parse(source)
    with pytest.raises(TemplateError) as error:
        template.render({"company": "ACME"})
    assert {error.value.field} == template.fields.required


def test_only_a_template_without_markup_is_constant() -> None:
    constant = {source: is_constant(source) for source in ("Hello", "", "{{ name }}", "{{ 'now' | date: '%s' }}")}
    assert constant == {"Hello": True, "": True, "{{ name }}": False, "{{ 'now' | date: '%s' }}": False}


def is_constant(source: str) -> bool:
    template = Template.parse(Source(source))
    return template is not None and template.is_constant


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("Hello\n{{ name", "line 2: something is not closed; write '}}'"),
        ("{{ First Name }}", "line 1: "),
        ("{{ }}", "expected"),
        ("{% if name %}", "endif"),
        ("\n\n{{ name | shout }}", "line 3: there is no filter 'shout'"),
        ("{{ name | upcase: 1, 2 }}", "line 1: upcase()"),
        ("{% for x in name %}{% endfor %}", "line 1: unexpected tag 'for'"),
        ("{% include 'secrets' %}", "line 1: unexpected tag 'include'"),
        ("{% render 'secrets' %}", "line 1: unexpected tag 'render'"),
        ("{% if " + "name and " * 5000 + "name %}{% endif %}", ""),
        ("{% if name %}" * 50 + "{% endif %}" * 50, "nesting"),
    ],
)
def test_a_wrong_template_is_refused_when_parsed(source: str, detail: str) -> None:
    with pytest.raises(TemplateError) as error:
        parse(source)
    assert detail in error.value.detail
    assert error.value.field is None


@pytest.mark.parametrize(
    "source",
    [
        "{% assign a = 'xxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 60 + "{{ a }}",
        "{{ 'a'" + " | replace: 'a', 'aaaaaaaaaa'" * 40 + " }}",
        "{{ 'a' " + "| prepend: 'a' | replace: '', 'aaaaaaaaaaaa'" * 40 + "}}",
        "{% assign a = 'xxxxxxxxxx' %}" + "{% capture a %}{{ a }}{{ a }}{% endcapture %}" * 60,
        "{% assign a = 'x' %}" + "{% assign a = a | append: a %}" * 16 + "{{ a }}" * 100,
    ],
)
def test_a_template_that_grows_without_bound_is_stopped_early(source: str) -> None:
    started = time.process_time()
    with pytest.raises(TemplateError):
        parse(source)
    assert time.process_time() - started < 2


def test_the_filters_people_use_work() -> None:
    template = parse("{{ name | split: ' ' | first | capitalize }} {{ city | replace: 'ue', 'ü' }}")
    assert template.render({"name": "ann lee", "city": "Muenchen"}) == "Ann München"
