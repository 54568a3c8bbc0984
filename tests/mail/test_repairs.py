"""Addresses with something around them, and those that are probably mistyped."""

from __future__ import annotations

import pytest

from app.domain.recipients.lists import Choices, from_json
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


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("jo@example.com (unsubscribed)", "unsubscribed"),
        ("jo@example.com (Unsubscribed 2024-03-01)", "Unsubscribed 2024-03-01"),
        ("jo@example.com; opted out", "opted out"),
        ("Jo <jo@example.com> DO NOT EMAIL", "DO NOT EMAIL"),
        ("jo@example.com; [bounced]", "bounced"),
        ("jo@example.com (stop)", "stop"),
        ("jo@example.com, abgemeldet", "abgemeldet"),
        ("jo@example.com (d\u00e9sinscrit)", "d\u00e9sinscrit"),
        ("jo@example.com (de\u0301sinscrite)", "d\u00e9sinscrite"),
        ("jo@example.com (ne plus contacter)", "ne plus contacter"),
        ("jo@example.com (dado de baja)", "dado de baja"),
        ("jo@example.com, bo@example.com (no longer wants mail)", "no longer wants mail"),
        ("Do not mail <jo@example.com>", "Do not mail"),
        ("Unsubscribed - Jo Lee <jo@example.com>", "Unsubscribed"),
        ("unsubscribed, jo@example.com", "unsubscribed"),
        ("STOP; jo@example.com", "STOP"),
        ("Jo (stop) <jo@example.com>", "stop"),
        ("jo@example.com (no mail)", "no mail"),
        ("jo@example.com (No emails please!)", "No emails please!"),
        ("jo@example.com (DNC)", "DNC"),
        ("jo@example.com (keine Werbung)", "keine Werbung"),
        ("jo@example.com (kein Newsletter)", "kein Newsletter"),
        ("jo@example.com (bitte nicht anschreiben)", "bitte nicht anschreiben"),
        ("jo@example.com (pas de pub)", "pas de pub"),
        ("jo@example.com (baja)", "baja"),
        ("jo@example.com, please stop!", "please stop!"),
        ("jo@example.com (stop since May)", "stop since May"),
        ("jo@example.com (STOP!!! 3.5.)", "STOP!!! 3.5."),
        ("jo@example.com (asked to stop)", "asked to stop"),
        ("jo@example.com (said stop)", "said stop"),
        ("jo@example.com (baja 2024)", "baja 2024"),
        ("jo@example.com (se dio de baja)", "se dio de baja"),
        ("jo@example.com (please stop mailing)", "please stop mailing"),
        ("DNC - Jo Lee <jo@example.com>", "DNC"),
        ("Jo Lee [DNE] <jo@example.com>", "DNE"),
        ("de baja, jo@example.com", "de baja"),
        ("Jo Lee (asked to stop mailing) <jo@example.com>", "asked to stop mailing"),
        ("REMOVE <jo@example.com>", "REMOVE"),
        ("jo@example.com, unsubscribed @ 3 May", "unsubscribed"),
        ("Unsubscribed @ event <jo@example.com>", "Unsubscribed"),
        ("Unsubscribed (@annlee) <jo@example.com>", "Unsubscribed"),
        ("Jo <jo@example.com>; unsubscribed per boss@example.net", "unsubscribed per"),
        ("jo@example.com (please remove)", "please remove"),
        ("jo@example.com (remove from list)", "remove from list"),
        ("jo@example.com (never email)", "never email"),
        ("jo@example.com (does not want emails)", "does not want emails"),
        ("jo@example.com (no further emails)", "no further emails"),
        ("jo@example.com (un-subscribed)", "un-subscribed"),
        ("jo@example.com (DNC 2024)", "DNC 2024"),
        ("jo@example.com (wrote STOP)", "wrote STOP"),
        ("jo@example.com (do_not_email)", "do_not_email"),
        ("jo@example.com (OPTED_OUT)", "OPTED_OUT"),
        ("jo@example.com (HARD_BOUNCE)", "HARD_BOUNCE"),
        ("jo@example.com (REPLIED_STOP)", "REPLIED_STOP"),
        ("jo@example.com (Werbewiderspruch)", "Werbewiderspruch"),
        ("jo@example.com (keine weiteren Mails)", "keine weiteren Mails"),
        ("jo@example.com (ne souhaite plus de mails)", "ne souhaite plus de mails"),
        ("jo@example.com (solicit\u00f3 la baja)", "solicit\u00f3 la baja"),
        ("jo@example.com (desuscrito)", "desuscrito"),
        ("jo@example.com (unsubscribed);ann@example.com", "unsubscribed"),
        ("jo@example.com,ann@example.com,unsubscribed", "unsubscribed"),
        ("jo@example.com [unsubscribed]<jo@example.com>", "unsubscribed"),
        ("jo@example.com (please stop emailing me)", "please stop emailing me"),
        ("jo@example.com (stop contacting me)", "stop contacting me"),
        ("jo@example.com (stop requested)", "stop requested"),
        ("jo@example.com (stop bitte)", "stop bitte"),
        ("jo@example.com (baja voluntaria)", "baja voluntaria"),
        ("jo@example.com (unsubsribed)", "unsubsribed"),
        ("jo@example.com (blacklisted)", "blacklisted"),
        ("Widerspruch <jo@example.com>", "Widerspruch"),
    ],
)
def test_who_is_said_to_want_no_more_is_not_written_to(cell: str, said: str) -> None:
    """The remark was left out, and the address taken."""
    told = from_json([cell, "ann@example.com"])
    assert [one.address for one in told] == ["ann@example.com"]
    (rejected,) = told.rejected
    assert said in rejected.reason
    # Of a list of those who want no more, it is one of them.
    assert next(iter(from_json([cell], choices=Choices(reads=normalize)))).address == "jo@example.com"


@pytest.mark.parametrize("name", ["Do not mail", "unsubscribed", "DNC", "Stop!", "Jo Lee (opted out)", "DO_NOT_EMAIL"])
def test_a_remark_in_the_place_of_a_name_is_heard(name: str) -> None:
    """The dashboard parts what stands in front of angle brackets from the address."""
    told = from_json([{"email": "jo@example.com", "name": name}, {"email": "ann@example.com", "name": "Ann Stop"}])
    assert [one.address for one in told] == ["ann@example.com"]
    assert name in told.rejected[0].reason


@pytest.mark.parametrize(
    "cell",
    [
        "jo@example.com (work)",
        "Jo Stop <jo@example.com>",
        "Bounce Inc. <unsubscribe@example.com>",
        "do-not-reply@example.com (office)",
        "jo@stop.example (work)",
        "jo@example.com (Stoppard)",
        "jo@example.com (optical outlet)",
        "jo@example.com (Baja California)",
        "Baja, Maria <jo@example.com>",
        "Jo Ray (Bounce) <jo@example.com>",
        "Jo Kim, DNM <jo@example.com>",
        "One Stop Mail Shop <jo@example.com>",
        "One-Stop Mailing LLC <jo@example.com>",
        "Jo's One Stop Email Marketing <jo@example.com>",
        "jo@example.com, Stop & Shop",
        "Jo <jo@example.com>, Non-Stop GmbH",
        "jo@example.com (Bounce GmbH)",
        "Stop & Shop <jo@example.com>",
        "Don't Panic Ltd <jo@example.com>",
        "Ne Plus Ultra <jo@example.com>",
        "No More Exploitation <jo@example.com>",
        "unsubscribe@example.com, jo@example.com",
        "stop@example.com (work)",
        "Keiner Nicht <jo@example.com>",
        "jo@example.com, Stop Motion Studio",
        "jo@example.com (Stop Hunger Now)",
        "jo@example.com, Stop 'n' Shop",
        "jo@example.com, Baja Ferries",
        "Unsubtle Films <jo@example.com>",
        "Remover & Sons <jo@example.com>",
        "1-Stop <jo@example.com>",
        "24 Stop <jo@example.com>",
        "Pit Stop Mail <jo@example.com>",
        "Redaktion Widerspruch <jo@example.com>",
        "Blacklisted Bikes <jo@example.com>",
        "Subtle Unsubtle Films <jo@example.com>",
    ],
)
def test_another_remark_or_name_keeps_nobody_out(cell: str) -> None:
    assert len(list(from_json([cell]))) == 1
