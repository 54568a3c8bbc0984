"""What shows its reader nothing is no message. The dashboard's tests go by the same cases: it knows what is `blank`,
and leaves the rest to the API.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from app.mail.document import text_of
from app.mail.inbound.texts import shown
from app.mail.seen import is_seen, shows_something
from tests.mail.hostile import FLOODS, repeated

CASES = json.loads(Path(__file__).with_name("seen.json").read_text())


@pytest.mark.parametrize("html", [*CASES["blank"], *CASES["nothing"]])
def test_html_that_shows_nothing(html: str) -> None:
    assert not shows_something(html)


@pytest.mark.parametrize("html", CASES["something"])
def test_html_that_shows_something(html: str) -> None:
    assert shows_something(html)


def test_text_of_blanks_and_signs_without_width_is_not_seen() -> None:
    assert not is_seen("\u200b \n\ufeff\xad")
    assert is_seen("\u200b.")


@pytest.mark.parametrize("before", ["", "<p ", '<p a="', "<!--", "<style>"])
def test_hostile_html_is_gone_through_once(before: str) -> None:
    for flood in [*FLOODS, "<a =", "<a =\"'", "<p a='' ", "<p>&#8203;", "&#0", "<!-->", "<title>", "<p style=x "]:
        text = before + repeated(flood, 200_000, 200_000)
        started = time.process_time()
        shows_something(text)
        shows_something(text + ">")
        assert time.process_time() - started < 5, flood  # the square of it: 16 s for `<a[^>]*>`, a minute for most


def test_a_character_of_thousands_of_digits_is_none() -> None:
    html = f"<p title='&#{'1' * 5_000};'>x &#{'1' * 5_000}; &#x{'f' * 5_000}; &#{'0' * 5_000}65;</p>"
    assert text_of(html) == shown(html, None) == "x � � A"
    assert shows_something(html)
