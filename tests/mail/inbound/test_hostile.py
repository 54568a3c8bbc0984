"""Any bytes give an answer, soon: what hypothesis finds, and what somebody would send on purpose."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.killable import Children
from app.mail.inbound import apart, texts
from app.mail.inbound.facts import Inbound, Incoming
from app.mail.inbound.mime import MOST_BODY
from app.mail.inbound.read import read
from tests.support.letters import OUR_ID, THEM, fields, letter, of, report

DAEMON = b"From: MAILER-DAEMON@x.example\r\nReturn-Path: <>\r\nSubject: Undelivered Mail\r\n"
PERSON = b"From: Bob <bob@there.example>\r\nSubject: Re: hi\r\n"
HTML = PERSON + b"Content-Type: text/html\r\n"
# Of this machine's time, however busy it is; each is done in a tenth of it. The square of a body takes 30 s and more.
MOST_S, MOST_OF_A_BODY_S = 5.0, 15.0


def _repeated(head: bytes, unit: bytes) -> bytes:
    return head + b"\r\n" + (unit * (MOST_BODY // len(unit) + 1))[:MOST_BODY]


def _nested(depth: int) -> bytes:
    return b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(depth))


HOSTILE = {
    "nothing": b"",
    "1,000 parts within each other": DAEMON + _nested(1_000),
    "messages within each other": DAEMON + b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
    "parts without number": _repeated(DAEMON + b"Content-Type: multipart/mixed; boundary=a\r\n", b"--a\r\n"),
    "parts with one boundary": _repeated(
        DAEMON + b"Content-Type: multipart/mixed; boundary=a\r\n",
        b"--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n",
    ),
    "parts without a boundary": PERSON + b"Content-Type: multipart/mixed\r\n\r\nhi",
    "a header of 30 MB": b"X-A: " + b"a" * 30_000_000 + b"\r\n\r\nhi",
    "headers of 30 MB": b"X-A: b\r\n" * 3_750_000 + b"\r\nhi",
    "a header of 7,000,000 lines": b"Subject: a\r\n" + b" b\r\n" * 7_000_000 + b"\r\nhi",
    "encoded words": b"From: a@b.c\r\nSubject: " + b"=?utf-8?q?=41?= " * 20_000 + b"\r\n\r\n",
    "encoded words that do not end": b"Subject: " + b"=?utf-8?q?" * 30_000 + b"\r\n\r\n",
    "a parameter in pieces": (
        b"Content-Type: text/plain" + b"".join(b"; n*%d*=utf-8''%%41" % n for n in range(9_000)) + b"\r\n\r\n"
    ),
    "parameters that do not end": b"Content-Type: text/plain;" + b' a="' * 9_000 + b"\r\n\r\nx",
    "comments within each other": b"From: " + b"(" * 90_000 + b"\r\nTo: " + b"<" * 90_000 + b"\r\n\r\nhi",
    "addresses": b"From: " + b"a@b.c, " * 20_000 + b"\r\n\r\nhi",
    "ids": b"References: " + b"<a@b> " * 20_000 + b"\r\nIn-Reply-To: " + b"<" * 20_000 + b"\r\n\r\nhi",
    "a character of many digits": HTML + b"\r\n" + b"<b>" * 5_000 + b"&#" + b"9" * 5_000 + b";",
    "no day of any calendar": b"Date: Mon, 99 Foo 99999999 99:99:99 +9999\r\n\r\n",
    "JSON within each other": _repeated(DAEMON, b'{"notificationType":'),
    **{
        f"{unit!r} from {who}": _repeated(head, unit)
        for who, head in (("a daemon", DAEMON), ("a person", PERSON))
        for unit in (
            b"a",
            b"@",
            b"a@",
            b"a@b.",
            b".",
            b"<",
            b" ",
            b"\n",
            b">\n",
            b"-----",
            b"550 5.1.1\n",
            b"On Mon, Ann <a@b.c> ",
            b"On a\n",
            b"On " + b"x " * 140 + b"\n",
            b"From: a\nSent: b\n",
            b"RCPT TO:<a@b.c>\n",
            b"Final-Recipient: rfc822; a@b.c\n",
            b"Final-Recipient: rfc822; a@b.c\n\n",
            b"Received: from a\n",
            b"user unknown ",
            b"message size ",
            b"until 1/2 ",
            b"\0",
            b"\x1b$B",
            b"1.1.1.",
        )
    },
    **{
        f"HTML: {unit!r}": _repeated(HTML, unit)
        for unit in (
            b"<div>",
            b"<b>",
            b"<b></p>",
            b"<p><b><i>",
            b"<a href=x>",
            b"<table><tr><td>",
            b"<",
            b"<!--",
            b"<![CDATA[",
            b"&",
            b"<p>\n",
            b"<ul><li>",
            b'<div class="',
            b"<svg><math>",
        )
    },
    "HTML: formats opened anew": (
        HTML + b"\r\n<p>" + b"".join(b"<font a=%d>" % n for n in range(400)) + b"</p>" + b"<p>x</p>" * 30_000
    ),
    **{
        f"charset {name}": _repeated(PERSON + b"Content-Type: text/plain; charset=" + name + b"\r\n", b"a-b\xe9.+2AA-")
        for name in (
            b"idna",
            b"punycode",
            b"utf-7",
            b"zlib",
            b"hex",
            b"unicode_escape",
            b"undefined",
            b"utf-16",
            b"x",
            b'"',
            b"a" * 1_000,
        )
    },
    **{
        f"{unit!r} in {name!r}": _repeated(PERSON + b"Content-Transfer-Encoding: " + name + b"\r\n", unit)
        for name in (b"base64", b"quoted-printable", b"nonsense")
        for unit in (b"=", b"QUJD", b"=\n")
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_meant_to_harm_gives_an_answer_soon(name: str) -> None:
    began = time.process_time()
    inbound = read(None, Incoming(HOSTILE[name], frozenset({THEM})))
    assert time.process_time() - began < (MOST_OF_A_BODY_S if len(HOSTILE[name]) >= MOST_BODY else MOST_S)
    _holds(inbound)


def _holds(inbound: Inbound) -> None:
    """Check what the database and its readers count on."""
    written = msgspec.json.encode(inbound).decode()
    assert "\\u0000" not in written.replace("\\\\", "")  # but for a backslash and the rest, which is text
    assert len(inbound.text.encode()) <= 4 * texts.MOST_TEXT
    assert len(inbound.html or "") <= texts.MOST_HTML
    assert len(inbound.reports) <= 100
    assert len(inbound.subject) <= 1_000


PIECES = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r\n\r\n",
        b": ",
        b" ",
        b"--a",
        b"--a--",
        b'Content-Type: multipart/report; boundary="a"',
        b"\xff\xfe\x00",
        b"Content-Type: message/rfc822",
        b"Content-Type: message/delivery-status",
        b"Content-Type: text/html; charset=x",
        b"From: ",
        b"Content-Type: message/feedback-report",
        b"MAILER-DAEMON@x.example",
        b"Return-Path: <>",
        b"Subject: Undelivered",
        b"<a@b.c>",
        b"Final-Recipient: rfc822; a@b.c",
        b"Action: failed",
        b"Status: 5.1.1",
        b"Diagnostic-Code: smtp; 550 5.1.1",
        b"=?utf-8?b?",
        b"?=",
        b"Content-Transfer-Encoding: base64",
        b"Date: 1 Jan",
        b"> quoted",
        b"On Mon Ann wrote:",
        b"until 31/31",
        b'{"notificationType":',
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=2_000), st.lists(st.one_of(PIECES, st.binary(max_size=6)), max_size=60).map(b"".join))
)
def test_any_bytes_give_an_answer(raw: bytes) -> None:
    _holds(read(None, Incoming(raw, frozenset({THEM}))))


GOOD = report(f"<{THEM}>: 550 5.1.1 no such user\n", fields("smtp; 550 5.1.1 no such user", "5.1.1"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_report_gives_an_answer(data: st.DataObject) -> None:
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 10))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=10))
        raw = raw or bytearray(b"x")
    _holds(read(None, Incoming(bytes(raw))))


async def test_messages_are_read_in_child_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    children = Children(1)
    monkeypatch.setattr(apart, "_children", children)
    try:
        bounce, reply = await apart.read_all([Incoming(GOOD), Incoming(letter("Sure."))], workspace_id=1)
        assert (bounce.kind, bounce.returned_ids) == ("BOUNCE", [OUR_ID])
        assert (reply.kind, reply.text, reply.unread) == ("REPLY", "Sure.", False)
        monkeypatch.setattr(apart, "BUDGET", msgspec.structs.replace(apart.BUDGET, cpu_s=0.1))
        costly = Incoming(HOSTILE["HTML: b'&'"])
        given_up, kept = await apart.read_all([costly, Incoming(letter("Sure."))], workspace_id=1)
        assert (given_up.unread, given_up.sender, given_up.text) == (True, THEM, "")
        assert (kept.unread, kept.text) == (False, "Sure.")
    finally:
        children.close()


def test_the_words_of_a_report_steer_no_terminal() -> None:
    words = "smtp; 550 5.7.1 \x1b]0;mine\x07 gone \x9b2J \u202enot"
    (found,) = of(report("", fields(words, "5.7.1")), THEM).reports
    assert found.text == "550 5.7.1 ]0;mine gone 2J not"
