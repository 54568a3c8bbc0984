"""Recipients of a request, found one by one in their JSON or their lines."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.http.bodies import decode
from app.http.campaigns.schedule import JsonCampaign
from app.http.recipients.sources import MOST_OF_ONE, JsonRecipients, Lines

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.text() | st.dictionaries(st.text(), ANYTHING, max_size=4)), st.sampled_from([None, 0, 3]))
def test_each_is_what_it_would_be_had_the_list_been_decoded_whole(items: list[object], indent: int | None) -> None:
    text = msgspec.json.encode(items)
    if indent is not None:
        text = msgspec.json.format(text, indent=indent)
    assert list(JsonRecipients(msgspec.Raw(text))) == items


@pytest.mark.parametrize("item", [b"1", b"null", b"[1]", b'"a"', b"{}", b'""'])
def test_a_list_of_many_fills_no_memory(item: bytes) -> None:
    body = b'{"subject": "s", "body": "b", "recipients": [%s]}' % b",".join([item] * 100_000)
    tracemalloc.start()
    try:
        source = decode(body, JsonCampaign).source()
        try:
            assert isinstance(source, JsonRecipients)
            assert sum(1 for _ in source) == 100_000
        except InvalidInput as error:
            assert "should be text or an object" in error.fields["recipients[0]"]  # noqa: PT017
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("item", ['"%s"', '"{}%s"', '{"email": "}%s"}', '{"email": [{}, "%s"]}', '{"email": [%s[]]}'])
def test_one_that_is_longer_than_anybodys_is_refused(item: str) -> None:
    filling = "[]," if "%s[" in item else "x"
    text = f'["ada@example.com", {item % (filling * MOST_OF_ONE)}]'
    with pytest.raises(InvalidInput) as error:
        list(JsonRecipients(msgspec.Raw(text.encode())))
    assert error.value.fields == {"recipients[1]": "has more than 1,000,000 bytes"}


@given(st.text())
def test_lines_are_those_of_the_text_without_blank_ones(text: str) -> None:
    assert list(Lines(text)) == [line for line in text.splitlines() if line.strip()]
