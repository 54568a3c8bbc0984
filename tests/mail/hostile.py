"""Templates and recipients as somebody writes them who wants to keep the service busy."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from app.bounds import FIELD_CHARACTERS, TEXT
from app.mail.liquid import _TAGS
from app.mail.liquid_filters import FILTERS

NAMES = ["a", "b", "prénom", "company"]
# Texts that filters and the lexer might go through again and again.
FLOODS = [
    *(" ", "\t", "\n", "\r\n", "x", "é", "😀", "İ", "ß", "\u200b", "%", "%F0", "+", "&", "&#", "&amp", "&lt;", ","),
    *(
        ">",
        "<",
        "<a ",
        "<a>",
        "</",
        "<!--",
        "<!",
        "<script",
        "<script>",
        "<style>",
        "</script",
        "'",
        '"',
        "=",
        "9",
        "-",
    ),
    *("{", "}", "{{", "}}", "{%", "%}", "{{-", "-}}", "{% raw %}", "{% comment %}", "1 Jan ", "12:", "ab" * 50 + "c"),
]


def flood(most: int) -> SearchStrategy[str]:
    """Up to `most` characters, mostly of one kind."""
    return st.builds(
        lambda piece, tail, size: ((piece * (size // len(piece) + 1))[:size] + tail)[:most],
        st.sampled_from(FLOODS),
        st.sampled_from(["", *FLOODS]),
        st.sampled_from([0, 1, 50, 500, most // 2, most - 20]),
    )


def repeated(text: str, times: int, most: int) -> str:
    """As often as fits into `most` characters."""
    return text[:most] * max(1, min(times, most // max(1, len(text))))


def _quoted(text: str) -> str:
    quote = "'" if '"' in text else '"'
    return quote + text.replace(quote, "") + quote


NAME = st.sampled_from(NAMES)
NUMBER = st.sampled_from(["0", "1", "-1", "50", "100000", "9" * 30, "9" * 1500, "1.5", "1e9", "-" + "9" * 18])
ARGUMENT = st.one_of(
    NAME, NUMBER, flood(60).map(_quoted), flood(1500).map(_quoted), st.sampled_from(["nil", "true", "''"])
)
ARGUMENTS = {  # how many a filter takes; others take none
    **dict.fromkeys(["append", "date", "default", "prepend", "remove", "remove_first", "remove_last", "split"], 1),
    **dict.fromkeys(["replace", "replace_first", "replace_last", "slice", "truncate", "truncatewords"], 2),
}
COUNT = st.sampled_from(["0", "1", "-3", "50", "100000"])


def _filter(name: str) -> SearchStrategy[str]:
    number = ARGUMENTS.get(name, 0)
    if name in {"slice", "truncate", "truncatewords"}:
        return st.builds(f"| {name}: {{}}{', {}' if name == 'slice' else ''}".format, COUNT, COUNT)
    return st.builds((f"| {name}" + ": {}, {}"[: 4 * number]).format, ARGUMENT, ARGUMENT)


FILTER = st.one_of(
    st.sampled_from(sorted(FILTERS)).flatmap(_filter),
    st.builds("| {}: {}".format, st.sampled_from(sorted(FILTERS)), ARGUMENT),
)
CHAIN = st.builds(
    lambda filters, times: " ".join(filters * times), st.lists(FILTER, max_size=4), st.sampled_from([1, 2, 10, 60])
)
VALUE = st.builds(lambda value, chain: f"{value} {chain}", ARGUMENT, CHAIN)
TEST = st.builds(
    lambda left, operator, right, join, times: join.join([f"{left} {operator} {right}"] * times),
    ARGUMENT,
    st.sampled_from(["==", "!=", "<", ">=", "contains", "and", "or"]),
    st.one_of(ARGUMENT, st.sampled_from(["(1..9)", "(1..a)", "blank", "empty"])),
    st.sampled_from([" and ", " or "]),
    st.sampled_from([1, 3, 60]),
)
LEAF = st.one_of(
    st.builds("{{{{ {} }}}}".format, VALUE),
    st.builds("{{{{- {} -}}}}".format, VALUE),
    st.builds("{{% assign {} = {} %}}".format, NAME, VALUE),
    st.builds("{{% assign {0} = {0} | append: {0} %}}".format, NAME),
    st.builds("{{% echo {} %}}".format, VALUE),
    st.builds("{{{{ {} if {} else {} }}}}".format, ARGUMENT, TEST, VALUE),
    st.builds("{{% {} {} %}}".format, st.sampled_from(sorted(_TAGS)), VALUE),
    flood(200),
    flood(20_000),
)


def _within(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    several = st.builds(
        lambda texts, times: repeated("".join(texts), times, TEXT.most),
        st.lists(inner, max_size=4),
        st.sampled_from([1, 2, 9, 99]),
    )
    return st.one_of(
        several,
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, TEST, several, inner),
        st.builds("{{% unless {} %}}{}{{% endunless %}}".format, TEST, several),
        st.builds("{{% capture {} %}}{}{{% endcapture %}}".format, NAME, several),
        st.builds("{{% case {} %}}{{% when {}, {} %}}{}{{% endcase %}}".format, NAME, ARGUMENT, ARGUMENT, several),
        st.builds("{{% raw %}}{}{{% endraw %}}".format, several),
        st.builds("{{% comment %}}{}{{% endcomment %}}".format, several),
    )


TEMPLATE = st.recursive(LEAF, _within, max_leaves=12).map(lambda text: text[: TEXT.most])
RECIPIENT = st.fixed_dictionaries(dict.fromkeys(NAMES, flood(FIELD_CHARACTERS)))
