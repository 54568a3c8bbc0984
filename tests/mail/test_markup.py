"""A text that no template may be is refused before a library sees it, in a time that grows with its length and no
faster.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid import Environment

from app.bounds import FIELD_CHARACTERS, TEXT
from app.mail import liquid
from app.mail.liquid_filters import FILTERS
from app.mail.markup import MOST_FILTERS, MOST_TAGS, TAG_CHARACTERS, TemplateError, parts
from app.mail.templates import MOST_FIELDS, Source, Template
from tests.mail.hostile import ARGUMENTS, FLOODS, repeated

MOST_S = 1.0  # twenty times what it takes here: others use the machine, too


def refusal(source: str) -> str:
    with pytest.raises(TemplateError) as error:
        Template.parse(Source(source)) or liquid.Template.parse(Source(source))
    return error.value.detail


def outcome(source: Source, fields: dict[str, str] | None = None) -> str:
    """The text that it renders to for a recipient with `fields`, or why not."""
    try:
        template = Template.parse(source) or liquid.Template.parse(source)
        return template.render(fields or {})
    except TemplateError as error:
        return error.detail


@pytest.mark.parametrize(
    "opening", ["{{", "{{-", "{%", "{% if", "{% comment %}", "{% raw %}", "{% comment %}{% raw %}"]
)
def test_nothing_that_is_opened_and_not_closed_takes_long(opening: str) -> None:
    for flood in FLOODS[::2]:
        once = opening + repeated(flood, TEXT.most, TEXT.most - 50)
        often = repeated(opening + flood, TEXT.most, TEXT.most)
        started = time.process_time()
        outcome(Source(once))
        outcome(Source(often))
        assert time.process_time() - started < MOST_S, flood


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("a\n{{ " + "x" * TAG_CHARACTERS + " }}", "line 2: a tag is longer than 2,000 characters"),
        ("{% if a == '" + "x" * TAG_CHARACTERS + "' %}{% endif %}", "a tag is longer than 2,000 characters"),
        ("{{ a }}" * (MOST_TAGS + 1), "there are more than 500 tags"),
        ("{% if a %}{% endif %}" * (MOST_TAGS // 2 + 1), "there are more than 500 tags"),
        ("{{ a" + "| strip" * 60 + " }}" + ("{{ a" + "| strip" * 60 + " }}") * (MOST_FILTERS // 60), "500 filters"),
        ("{% if " + "(" * 51 + "a" + ")" * 51 + " %}{% endif %}", "more than 50 brackets"),
        ("{{ a" + "[0]" * 51 + " }}", "more than 50 brackets"),
        (("{{ a" + " " * 1900 + "}}") + ("{{ b | default: '" + "x" * 1900 + "' }}") * 20, "30,000 characters together"),
        ("x" * (TEXT.most + 1), "longer than 200,000 characters"),
        ("".join(f"{{{{ f{n} }}}}{{% if g{n} == h{n} %}}{{% endif %}}" for n in range(170)), "more than 500"),
        ("{% raw %} {{ a }}", "a raw block is never closed"),
        ("{% comment %} {{ a }}", "a comment is never closed"),
    ],
)
def test_more_of_anything_than_a_template_may_have_is_refused_with_a_clear_text(source: str, detail: str) -> None:
    assert detail in refusal(source)


@pytest.mark.parametrize(
    "template",
    [
        "{{% if {} contains 'x' %}}{{% endif %}}",
        "{{{{ {} | slice: 0, 50000000 | first }}}}",
        "{{{{ {} | size }}}}",
        "{{{{ {} }}}}",
        "{{% assign r = {} %}}{{{{ r | last }}}}",
        "{{% case {} %}}{{% when 1 %}}x{{% endcase %}}",
        "{{% case a %}}{{% when {} %}}x{{% endcase %}}",
        "{{{{ a | default: {} }}}}",
        "{{{{ a | slice: 0, {} }}}}",
        "{{{{ 'a' if {} contains 'x' else 'b' }}}}",
        "{{% if a == 'go' %}}{{% if {} contains 'x' %}}{{% endif %}}{{% endif %}}",
        "{{{{ ['a'b'] | append: {} | append: 'z' }}}}",
    ],
)
def test_no_range_gets_through(template: str) -> None:
    for low in ("1", "a", "-5", "'1'", "b.size"):
        for high in ("2", "999999999999999999", "a", "b.size", "1e9"):
            for space in ("", " "):
                assert refusal(template.format(f"({low}{space}..{space}{high})"))


@pytest.mark.parametrize("whole", ["list", "list | size", "5", "1.5", "true", "a.size", "list | first | size"])
def test_contains_looks_into_text_only(whole: str) -> None:
    source = "{% assign list = a | split: ',' %}{% assign w = " + whole + " %}{% if w contains 'x' %}in{% endif %}"
    assert outcome(Source(source), {"a": "x,y"}) == "line 1: 'contains' looks into text only"


def test_contains_finds_text() -> None:
    template = liquid.Template.parse(Source("{% if a contains 'x' %}in{% else %}out{% endif %}"))
    assert [template.render({"a": value}) for value in ("axb", "ab", "")] == ["in", "out", "out"]


GIVEN = {0: [""], 1: [": ''", ": b", ": '%c'"], 2: [": '', 'x'", ": b, a", ": 0, 9999"]}


@pytest.mark.parametrize("filter_", sorted(FILTERS))
def test_no_chain_of_any_filter_takes_long(filter_: str) -> None:
    for argument in GIVEN[ARGUMENTS.get(filter_, 0)]:
        chain = "{% assign w = a " + repeated(f"| {filter_}{argument} ", 15, TAG_CHARACTERS - 50) + "%}"
        source = Source("{% assign a = a | append: a | append: a %}" + repeated(chain, 30, 29_000), html=True)
        for flood in ("<a ", "&", "\u200b"):
            started = time.process_time()
            outcome(source, {"a": repeated(flood, 10_000, FIELD_CHARACTERS // 2), "b": "x" * 99 + "y"})
            assert time.process_time() - started < MOST_S, (argument, flood)


def test_a_list_does_not_grow_from_filter_to_filter() -> None:
    """Python's text of a list doubles each backslash: fifteen splits made a gigabyte of ten kilobytes."""
    template = liquid.Template.parse(Source("{% assign w = a " + "| split: ' ' " * 15 + "%}{{ w }}"))
    assert template.render({"a": "x" + "\u200b" * 5000}) == "x" + "\u200b" * 5000


@pytest.mark.parametrize(
    "source", ["{{ a }}", "{{ a | default: 'x' }}", "{{ a | upcase }}", "{% if a %}{{ a }}{% endif %}"]
)
def test_a_merge_field_is_no_longer_than_a_recipients_may_be(source: str) -> None:
    template = Template.parse(Source(source)) or liquid.Template.parse(Source(source))
    assert template.render({"a": "x" * FIELD_CHARACTERS})
    with pytest.raises(TemplateError, match="the merge field 'a' has 10,001 characters; 10,000 are the most") as error:
        template.render({"a": "x" * (FIELD_CHARACTERS + 1)})
    assert error.value.field == "a"


def test_what_a_template_renders_to_is_bounded() -> None:
    for source in ("{{ a }}" * MOST_TAGS, "{% if a %}{% endif %}" + "{{ a }}" * (MOST_TAGS - 2)):
        template = Template.parse(Source(source, html=True)) or liquid.Template.parse(Source(source, html=True))
        with pytest.raises(TemplateError):
            template.render({"a": "'" * FIELD_CHARACTERS})


def test_a_template_has_so_many_merge_fields_at_most() -> None:
    assert MOST_FIELDS >= MOST_TAGS  # so that plain ones need no check of their own
    names = [f"{{% if f{n} == g{n} or h{n} == i{n} %}}{{% endif %}}" for n in range(130)]
    assert "more than 500 merge fields" in refusal("".join(names))


PIECE = st.one_of(
    st.text(" \nab<&'\"{}%-", max_size=5),
    st.sampled_from(["{{ a }}", "{{-a-}}", "{{- a }}", "{{ b | upcase -}}", "{% raw %}", "{% raw -%}", "{% endraw %}"]),
    st.sampled_from(["{% if a -%}", "{%- else %}", "{% endif %}", "{%- endif -%}", "{% assign c = a %}", "{{ c }}"]),
    st.sampled_from(["{% comment %}", "{%- endcomment -%}", "{% # note %}", "{{ 'x' }}", "\n", "  "]),
)


@given(st.lists(PIECE, max_size=8).map("".join))
def test_markup_is_read_as_liquid_reads_it(source: str) -> None:
    """A source that both take renders to the same; ours may refuse more, never less."""
    fields = {"a": "A", "b": "b"}
    try:
        ours = liquid.Template.parse(Source(source)).render(fields)
    except TemplateError:
        return
    assert ours == Environment().from_string(source).render(fields | {"c": ""})


def test_parts_say_where_a_tag_is() -> None:
    source = "ab {{- name | upcase }}\n{% if x %}{% endif %}"
    tags = [part for part in parts(source) if part.is_tag]
    assert [source[tag.at : tag.at + len(tag.text)] for tag in tags] == ["name | upcase", "x", ""]
    assert [tag.name for tag in tags] == [None, "if", "endif"]


def test_the_text_of_a_list_costs_what_the_text_costs() -> None:
    source = "{{ a " + "| split: ',' " * 100 + "}}"
    assert outcome(Source(source), {"a": "x" * 9_000}) == (
        "line 1: the template is too much work: its filters go through too long texts"
    )
