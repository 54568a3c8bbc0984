"""Findings in a mail that came back: signatures, results, and whose results are believed."""

from __future__ import annotations

import pytest

from app.domain.senders.wire_judge import Arrived, Seen, Shown, judge

OURS = "<1@example.com>"
SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=Example.com; s=s1;\r\n"
    b"\th=From:To:Subject:List-Unsubscribe:\r\n\t List-Unsubscribe-Post; bh=x; b=y\r\n"
)
GOOD = (
    b"Authentication-Results: mx.own.example;\r\n"
    b"\tdkim=pass (2048-bit key; secure) header.d=example.com header.s=s1;\r\n"
    b"\tspf=pass smtp.mailfrom=ann@example.com; dmarc=pass (p=NONE (sp=none)) header.from=example.com\r\n"
)


def _shown(
    extra: bytes = SIGNED + GOOD,
    *,
    message_id: str | None = OURS,
    folder: str = "INBOX",
    origin: str = "Ann <ann@example.com>",
    names_itself: bool = True,
    sent: list[bytes] | None = None,
) -> Shown:
    own = b"" if message_id is None else f"Message-ID: {message_id}\r\n".encode()
    headers = extra + own + f"From: {origin}\r\nSubject: x\r\n\r\n".encode()
    arrived = Arrived(headers, folder, folder == "Junk", folder == "INBOX")
    return judge(Seen(OURS, "ann@example.com", arrived, 180, {"own.example"}, names_itself, sent))


def _verdicts(shown: Shown) -> dict[str, str]:
    return {showing.subject: showing.verdict for showing in shown.showings}


def test_a_mail_that_is_as_it_should_be_is_good_throughout() -> None:
    shown = _shown(sent=[b"Message-ID: <1@example.com>\r\n\r\n"])
    assert set(_verdicts(shown).values()) == {"good"}
    assert shown[1:] == (True, True, True, True, OURS, ["s1"])


@pytest.mark.parametrize(
    ("extra", "signed"),
    [
        (b"", None),  # nothing is told
        (SIGNED, None),  # nobody says whether the signature is good
        (SIGNED.replace(b"-Post", b"-Host"), False),
        (GOOD, False),  # judged, and not signed
        (SIGNED + GOOD.replace(b"dkim=pass", b"dkim=fail"), False),
        (SIGNED + GOOD.replace(b"header.d=example.com", b"header.d=other.example"), False),
        (SIGNED + GOOD.replace(b"header.d=", b"header.i=@"), True),
    ],
)
def test_one_click_is_hoped_for_where_a_good_signature_covers_both_headers(extra: bytes, signed: bool | None) -> None:
    shown = _shown(extra)
    assert shown.one_click_signed is signed
    assert _verdicts(shown)["one_click"] == {None: "unknown", True: "good", False: "weak"}[signed]


@pytest.mark.parametrize(
    "forged",
    [
        GOOD.replace(b"mx.own.example", b"mx.evil.example"),
        GOOD.replace(b"mx.own.example", b"own.example.evil.example"),
        GOOD.replace(b"mx.own.example", b"(mx.own.example) evil.example"),
        GOOD.replace(b"mx.own.example;", b""),  # names nobody
        b"Authentication-Results: mx.evil.example; none\r\n" + GOOD,  # not the topmost one
        b"Authentication-Results:\r\n",
        b"Authentication-Results: ((((\r\n",
        b"X-Authentication-Results: mx.own.example; dmarc=pass\r\n",
    ],
)
def test_results_of_anybody_but_the_receiver_count_for_nothing(forged: bytes) -> None:
    shown = _shown(SIGNED + forged)
    assert shown.dmarc_aligned is None
    assert {_verdicts(shown)[subject] for subject in ("spf", "dkim", "dmarc")} == {"unknown"}


def test_a_receiver_that_names_itself_nowhere_is_believed_where_it_is_known_to_be_so() -> None:
    anonymous = GOOD.replace(b"mx.own.example;", b"")
    assert _shown(SIGNED + anonymous, names_itself=False).dmarc_aligned is True
    forged = GOOD.replace(b"mx.own.example", b"mx.evil.example")
    assert _shown(SIGNED + forged + anonymous, names_itself=False).dmarc_aligned is None


@pytest.mark.parametrize(
    ("results", "aligned"),
    [
        (b"spf=pass smtp.mailfrom=bounces@mail.example.com; dmarc=none", True),
        (b"spf=pass smtp.mailfrom=x@provider.example; dkim=pass header.d=provider.example", False),
        (b"spf=fail smtp.mailfrom=ann@example.com; dkim=none", False),
        (b"dkim=pass header.d=example.com; dmarc=fail", False),
        (b"auth=pass smtp.auth=ann", None),
        # Words that a stranger chose, quoted and in a comment.
        (b'spf=fail smtp.mailfrom="; dmarc=pass (\\"; dmarc=pass "@evil.example; dmarc=fail', False),
        (b'spf=fail (says "; dmarc=pass; (; dmarc=pass)) smtp.mailfrom=x@evil.example; dmarc=fail', False),
        (b"none", None),
    ],
)
def test_where_dmarc_is_not_checked_spf_and_dkim_say_it(results: bytes, aligned: bool | None) -> None:
    header = b"Authentication-Results: own.example 1; " + results + b"\r\n"
    assert _shown(SIGNED + header).dmarc_aligned is aligned


def test_a_replaced_message_id_is_taken_from_what_arrived_or_from_the_copy() -> None:
    shown = _shown(message_id="<new@outlook.example>")
    assert (shown.message_id_kept, shown.used_message_id) == (False, "<new@outlook.example>")
    copy = b"Message-ID: <2@copy.example>\r\n\r\n"
    lost = judge(Seen(OURS, "ann@example.com", None, 180, {"own.example"}, True, [copy]))
    assert (lost.message_id_kept, lost.used_message_id, lost.sent_copy) == (False, "<2@copy.example>", True)
    assert _verdicts(lost)["delivery"] == "wrong"
    assert _shown(message_id=None).message_id_kept is None


def test_where_it_lies_and_from_whom_it_comes_is_said() -> None:
    assert _verdicts(_shown(folder="Junk"))["folder"] == "wrong"
    assert _verdicts(_shown(folder="Lists"))["folder"] == "weak"
    assert _verdicts(_shown(origin="Ann <ann@provider.example>"))["from"] == "wrong"
    assert _verdicts(_shown(origin="ANN@example.com"))["from"] == "good"
    assert _shown(sent=[]).sent_copy is False
    assert _shown(sent=None).sent_copy is None


def test_headers_of_strangers_are_bounded_and_storable() -> None:
    hostile = b"Authentication-Results: own.example; " + b"dkim=pass header.d=a;" * 20_000 + b"\r\n"
    shown = _shown(hostile + b"DKIM-Signature: " + b"h=a:" * 50_000 + b"\r\n" * 2)
    assert shown.one_click_signed is not True
    odd = _shown(b"Message-ID: <\xff\xfe\0@x>\r\n", message_id=None)
    assert odd.used_message_id is not None
    odd.used_message_id.encode()
    assert "\0" not in odd.used_message_id
