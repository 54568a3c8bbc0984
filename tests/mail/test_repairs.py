"""Addresses with something around them, and those that are probably mistyped."""

from __future__ import annotations

import pytest

from app.domain.recipients.lists import from_json
from app.mail.addresses import normalize
from app.mail.repairs import mend, needs_mending, suggestions


def wide(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


@pytest.mark.parametrize(
    ("cell", "address", "what"),
    [
        ("Jo Doe <jo@example.com>", "jo@example.com", "name"),
        ('"Doe, Jo" <jo@example.com>', "jo@example.com", "name"),
        ("mailto:jo@example.com", "jo@example.com", "mailto:"),
        ("MAILTO:jo@example.com?subject=Hi", "jo@example.com", "mailto:"),
        ("<jo@example.com>", "jo@example.com", "punctuation"),
        ("jo@example.com.", "jo@example.com", "punctuation"),
        ("jo@example.com,", "jo@example.com", "punctuation"),
        ("jo@example.com;", "jo@example.com", "punctuation"),
        ("\u201cjo@example.com\u201d", "jo@example.com", "punctuation"),
        ("jo\u200b@example.com", "jo@example.com", "invisible"),
        ("\ufeffjo@example.com", "jo@example.com", "invisible"),
        ("jo@example\u00ad.com", "jo@example.com", "invisible"),
        ("jo@example.com\u00a0", "jo@example.com", "no-break"),
        ("\u3000jo@example.com", "jo@example.com", "no-break"),
        ("jo\u00a0@\u00a0example.com", "jo@example.com", "no-break"),
        ("jo\uff20example.com", "jo@example.com", "wide"),
        (wide("jo") + "@example.com", "jo@example.com", "wide"),
        (wide("JO.doe@example.com"), "JO.doe@example.com", "wide"),
        ("jo@example。com", "jo@example.com", "wide"),
        ("、jo@example.com、", "jo@example.com", "wide"),
        ("SMTP:jo@example.com", "jo@example.com", "smtp:"),
        ("jo@example.com#mailto:jo@example.com#", "jo@example.com", "mailto:"),
        ('="jo@example.com"', "jo@example.com", "formula"),
        ("(jo@example.com)", "jo@example.com", "punctuation"),
        ("jo@example.com?", "jo@example.com", "punctuation"),
        ("jo@example.com\u2026", "jo@example.com", "punctuation"),
        ("#1@example.com.", "#1@example.com", "punctuation"),
        ("'+jo@example.com", "+jo@example.com", "apostrophe"),
        ("'-jo@example.com", "-jo@example.com", "apostrophe"),
        ("'=jo@example.com", "=jo@example.com", "apostrophe"),
        ("'jo@example.com", "jo@example.com", "apostrophe"),
        ("'jo@example.com'", "jo@example.com", "apostrophe"),
        ("jo@example.com (work)", "jo@example.com", "brackets"),
        ("-; jo@example.com", "jo@example.com", "no address"),
        ("jo@example.com, none", "jo@example.com", "no address"),
    ],
)
def test_what_is_around_an_address_is_left_out_and_said(cell: str, address: str, what: str) -> None:
    mended = mend(cell)
    assert mended is not None
    assert (mended.address, mended.others) == (address, [])
    assert what in mended.what


@pytest.mark.parametrize("between", [", ", ";", "; ", "\n", " / ", " ", " | ", wide(";"), wide(","), "、", " ::: "])
def test_of_several_the_first_is_taken_and_the_others_are_given(between: str) -> None:
    mended = mend(between.join(["a@example.com", "b@example.com", "A <a@example.com>"[3:-1], "c@example.com"]))
    assert mended is not None
    assert (mended.address, mended.others) == ("a@example.com", ["b@example.com", "c@example.com"])
    assert "first of 3 addresses" in mended.what


def test_none_of_many_is_lost() -> None:
    many = [f"a{number}@example.com" for number in range(40)]
    mended = mend("; ".join(many))
    assert mended is not None
    assert [mended.address, *mended.others] == many


@pytest.mark.parametrize(
    ("cell", "others", "none"),
    [
        ("a@example.com, b@example.com; Jo <jo@example.com>", ["a@example.com", "b@example.com"], []),
        ("Jo <jo@example.com>\nb@example.com", ["b@example.com"], []),
        ("Doe, Jo <jo@example.com>; <b@example.com>", ["b@example.com"], []),
        ("jo@example.com <jo@example.com>", [], []),
        ("old@example.com <jo@example.com>", [], []),
        ("Jo <jo@example.com>; bo@example", [], ["bo@example"]),
    ],
)
def test_what_stands_beside_brackets_is_a_name_and_what_stands_apart_an_address(
    cell: str, others: list[str], none: list[str]
) -> None:
    mended = mend(cell)
    assert mended is not None
    assert (mended.address, mended.others, mended.none) == ("jo@example.com", others, none)


def test_what_is_none_is_told() -> None:
    mended = mend("jo@example.com, bo@exa_mple.com, none, @example.org")
    assert mended is not None
    assert (mended.address, mended.others) == ("jo@example.com", [])
    assert mended.none == ["bo@exa_mple.com", "@example.org"]


def test_an_address_in_brackets_is_another_one() -> None:
    mended = mend("jo@example.com (jo@example.org)")
    assert mended is not None
    assert (mended.address, mended.others) == ("jo@example.com", ["jo@example.org"])


@pytest.mark.parametrize(
    "cell", [wide("jo") + "@example.com", "jo@example。com", "、jo@example.com", wide("jo@example.com")]
)
def test_wide_characters_never_pass_unsaid(cell: str) -> None:
    recipients = from_json([cell])
    assert [one.address for one in recipients] == ["jo@example.com"]
    assert recipients.repaired == 1


@pytest.mark.parametrize(
    "cell",
    ["", "nobody", "ann@", "a@b@example.com", "ann lee@example.com", "Doe, Jo jo@example.com", "x" * 2_000 + "@x.org"],
)
def test_nothing_is_guessed(cell: str) -> None:
    assert mend(cell) is None


@pytest.mark.parametrize("cell", ["jo@example.com", " jo@example.com ", "o'neil@example.com", "zoë@example.com"])
def test_what_is_right_needs_no_mending(cell: str) -> None:
    assert not needs_mending(cell, normalize(cell))


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        *(
            ("gmial.com", "gmail.com"),
            ("gmai.com", "gmail.com"),
            ("gmaill.com", "gmail.com"),
            ("gnail.com", "gmail.com"),
        ),
        *(("hotmial.com", "hotmail.com"), ("hotmal.com", "hotmail.com"), ("outlok.com", "outlook.com")),
        *(
            ("yahooo.com", "yahoo.com"),
            ("gmail.con", "gmail.com"),
            ("gmail.co", "gmail.com"),
            ("gmial.con", "gmail.com"),
        ),
        *(
            ("acme.con", "acme.com"),
            ("acme.nte", "acme.net"),
            ("hotmail.com.con", "hotmail.com"),
            ("t-onlin.de", "t-online.de"),
        ),
    ],
)
def test_likely_slips_are_asked_about(domain: str, meant: str) -> None:
    assert suggestions()[domain] == meant


@pytest.mark.parametrize(
    "domain",
    [
        *(
            "gmail.com",
            "ymail.com",
            "mail.com",
            "email.com",
            "example.com",
            "acme.co",
            "acme.cm",
            "live.com",
            "msn.com",
        ),
        *("live.cn", "msn.cn", "yahoo.cn"),
        *(
            "gmx.de",
            "gmx.at",
            "web.de",
            "yahoo.com",
            "yahoo.co.uk",
            "yahoo.fr",
            "hotmail.fr",
            "me.com",
            "man.com",
            "con",
        ),
    ],
)
def test_real_domains_are_not(domain: str) -> None:
    assert suggestions()[domain] == ""


def test_what_is_known_of_domains_is_bounded() -> None:
    known = suggestions()
    for n in range(known.MOST + 10):
        assert known[f"company{n}.example"] == ""
    assert len(known) <= known.MOST


@pytest.mark.parametrize(
    "cell",
    [
        "Ann Lee ann@example.com",
        "ann lee@example.com",
        "and ann@example.com",
        "ann@example.com Ann",
        "ann @ example.com",
    ],
)
def test_a_blank_that_may_part_or_be_a_slip_is_refused_with_what_would_be_right(cell: str) -> None:
    recipients = from_json([cell, "bob@example.com"])
    assert [one.address for one in recipients] == ["bob@example.com"]
    assert [(one.email, one.reason) for one in recipients.rejected] == [
        (
            cell,
            "It has a blank in it. A name goes in front of angle brackets (Ann <ann@example.com>), "
            "a comma between addresses.",
        )
    ]
