from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.mail import liquid
from app.mail.header_lines import HeaderInjection, own_line
from app.mail.markup import TemplateError
from app.mail.message import Message, MessageBuilder, check_subject
from app.mail.templates import printed

DATE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
MESSAGE_ID = "<42.7f3a@example.com>"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
BODY = st.one_of(
    ANY_TEXT,
    st.lists(
        st.sampled_from(
            [
                "From me",
                ".",
                "..",
                "",
                "trailing ",
                "tab\t",
                "é" * 30,
                "=3D",
                "--b",
                "x" * 1500,
                "\r",
                "日本語" * 20,
            ]
        ),
        max_size=8,
    ).map("\n".join),
).map(lambda text: text.replace("{", "("))
HEADER_TEXT = st.one_of(
    st.text(st.characters(exclude_characters="\r\n\0{", exclude_categories=["Cs"]), max_size=200),
    st.text('ab ,."\\()<>@:;[]=?_é', max_size=200),
    st.sampled_from(["=?utf-8?q?x?=", "x" * 1100, "word " * 200, "a" + " " * 500 + "b", "日本" * 100, "tab\there"]),
)


def builder(**changes: Any) -> MessageBuilder:
    fields: dict[str, Any] = {
        "from_address": "ann@example.com",
        "display_name": "Ann Lee",
        "subject": "Hello",
        "body": "Hi.",
        "body_html": None,
    }
    return MessageBuilder(**fields | changes)


def build(recipient: str = "bob@example.org", fields: dict[str, str] | None = None, **changes: Any) -> Message:
    return write(builder(**changes), recipient, fields or {})


def write(builder: MessageBuilder, recipient: str, fields: dict[str, str]) -> Message:
    """As a worker does, but for the child process in which it has Liquid rendered."""
    rendered = [liquid.Template.parse(one).render({**fields, "email": recipient}) for one in builder.liquid]
    return builder.build(recipient, fields, MESSAGE_ID, DATE, rendered)


def parse(message: Message) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(message.content, policy=policy.default))


def part_text(message: EmailMessage, subtype: str = "plain") -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return part.get_payload(decode=True).decode()


def name_in_from(message: Message) -> str:
    """By hand: policy.default in Python 3.11 keeps the blank between encoded words (RFC 2047, 6.2)."""
    raw = message_from_bytes(message.content, policy=policy.compat32)["From"]
    return str(make_header(decode_header(parseaddr(raw.replace("\r\n", ""))[0])))


@pytest.mark.parametrize("name", ["X-Deal", f"X-{'a' * 60}", f"X-{'a' * 72}"])
@pytest.mark.parametrize("value", ["é", "é" * 100])
def test_a_header_of_ones_own_begins_beside_its_name_where_that_fits(name: str, value: str) -> None:
    line = own_line(name, value)
    assert line.startswith(f"{name}: =?" if name == "X-Deal" else f"{name}:\r\n =?")
    assert max(map(len, line.split("\r\n"))) <= 76
    assert str(make_header(decode_header(line.partition(":")[2].strip().replace("\r\n", "")))) == value


def crlf(text: str) -> str:
    text = re.sub(r"\r\n|\r|\n", "\r\n", text)
    return text if text.endswith("\r\n") else text + "\r\n"


def head_of(message: Message) -> bytes:
    return message.content.partition(b"\r\n\r\n")[0]


def assert_well_formed(content: bytes) -> None:
    assert content.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\0" not in content


@given(HEADER_TEXT, HEADER_TEXT, BODY, st.one_of(st.none(), BODY))
@example("Grüße", 'Lee, "Ann"', "From me\r.\nend ", "<p>é</p>")
@example("", "", "", "")
def test_what_is_written_is_what_a_mail_program_reads(
    subject: str, display_name: str, body: str, body_html: str | None
) -> None:
    subject = subject[:998]
    message = build(subject=subject, display_name=display_name, body=body, body_html=body_html)
    assert_well_formed(message.content)
    assert message.content.isascii()
    parsed = parse(message)
    assert not parsed.defects
    assert list(parsed)[:6] == ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version"]
    assert parsed["Subject"] == check_subject(subject).strip()
    assert parsed["To"] == "bob@example.org"
    assert parsed["Date"].datetime == DATE
    assert parsed["Message-ID"] == MESSAGE_ID
    assert len(parsed["From"].addresses) == 1
    assert parsed["From"].addresses[0].addr_spec == "ann@example.com"
    assert name_in_from(message) == display_name.strip()
    if body_html is None or body.strip():
        assert part_text(parsed) == crlf(body)
    if body_html is not None:
        assert part_text(parsed, "html") == crlf(body_html)
    if body_html is None:
        assert parsed.get_content_type() == "text/plain"
    elif not body.strip():
        assert parsed.get_content_type() == "text/html"
    else:
        assert parsed.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]


@given(
    st.dictionaries(st.sampled_from(["name", "company"]), ANY_TEXT, min_size=2),
    st.sampled_from(["{{ name }}", "Hi {{ name | default: 'you' }}", "{{ name | upcase }} at {{ company }}"]),
)
def test_no_merge_value_can_add_a_header(fields: dict[str, str], subject: str) -> None:
    fields = {"name": "", "company": ""} | fields
    try:
        message = build(fields=fields, subject=subject, body="{{ name }} {{ company }}")
    except HeaderInjection:
        assert "\0" in fields["name"] + fields["company"]
        return
    assert_well_formed(message.content)
    names = [line.partition(b":")[0] for line in head_of(message).split(b"\r\n") if not line.startswith(b" ")]
    assert names == [
        b"From", b"To", b"Subject", b"Date", b"Message-ID", b"MIME-Version", b"Content-Type",
        b"Content-Transfer-Encoding",
    ]  # fmt: skip
    assert part_text(parse(message)) == crlf(f"{printed(fields['name'])} {printed(fields['company'])}")


@pytest.mark.parametrize("break_", ["\r\nBcc: x@example.com", "\nx", "\rx", "\0"])
@pytest.mark.parametrize("header", ["subject", "display_name", "from_address"])
def test_a_line_break_in_a_header_is_refused(header: str, break_: str) -> None:
    with pytest.raises(HeaderInjection):
        builder(**{header: f"a{break_}"})
    with pytest.raises(HeaderInjection):
        build(f"bob@example.org{break_}")
    with pytest.raises(HeaderInjection):
        builder().build("bob@example.org", {}, f"<1@example.com>{break_}", DATE)


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", " \n \n ", "\n\t", "\v", "\f", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("subject", ["{{ name }}: {{ note }}!", "{{ name }}: {{ note | append: '' }}!"])
def test_a_line_break_in_a_merge_value_stays_in_the_body_and_is_a_blank_in_the_subject(
    break_: str, subject: str
) -> None:
    message = parse(build(fields={"name": "Bob", "note": f"one{break_}two"}, subject=subject, body="{{ note }}"))
    assert message["Subject"] == "Bob: one two!"
    assert part_text(message) == crlf(f"one{break_}two")


def test_a_nul_in_the_subject_is_refused_by_the_name_of_the_field() -> None:
    with pytest.raises(HeaderInjection, match="note"):
        build(fields={"name": "Bob", "note": "one\0two"}, subject="{{ name }}: {{ note }}")


def test_ascii_text_stays_readable_on_the_wire() -> None:
    message = build(body="Hi Bob,\n\nsee you = soon.\nFrom Ann\n")
    assert b"Content-Transfer-Encoding: 7bit\r\n" in message.content
    assert message.content.endswith(b"\r\n\r\nHi Bob,\r\n\r\nsee you = soon.\r\nFrom Ann\r\n")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("Grüße aus der schönen Stadt Köln am Rhein", "quoted-printable"),
        ("日本", "base64"),
    ],
)
def test_the_transfer_encoding_fits_the_text(body: str, encoding: str) -> None:
    parsed = parse(build(body=body))
    assert parsed["Content-Transfer-Encoding"] == encoding
    assert part_text(parsed) == f"{body}\r\n"


def test_long_headers_are_folded_within_78_characters() -> None:
    subject = "A subject that goes on and on, " * 8
    for changes in ({"subject": subject}, {"subject": subject + "é"}, {"display_name": "Dr. Ann Lee, " * 9}):
        message = build(**changes)
        assert max(map(len, head_of(message).split(b"\r\n"))) <= 78


def test_special_characters_in_a_display_name_are_quoted() -> None:
    assert build(display_name="Ann Lee").content.startswith(b"From: Ann Lee <ann@example.com>\r\n")
    message = build(display_name='Lee, Ann "A" (x)')
    assert message.content.startswith(b'From: "Lee, Ann \\"A\\" (x)" <ann@example.com>\r\n')
    assert parse(message)["From"].addresses[0].display_name == 'Lee, Ann "A" (x)'
    assert build(display_name="").content.startswith(b"From: ann@example.com\r\n")


def test_a_domain_outside_ascii_goes_as_a_labels_without_smtputf8() -> None:
    message = build("bob@münchen.de", from_address="ann@köln.de")
    assert not message.smtputf8
    assert message.envelope_to == "bob@xn--mnchen-3ya.de"
    assert parse(message)["To"] == "bob@xn--mnchen-3ya.de"
    assert parse(message)["From"].addresses[0].addr_spec == "ann@xn--kln-sna.de"


@pytest.mark.parametrize(
    ("recipient", "sender"), [("josé@example.org", "ann@example.com"), ("bob@münchen.de", "zoë@example.com")]
)
def test_a_local_part_outside_ascii_asks_for_smtputf8_and_stays_raw(recipient: str, sender: str) -> None:
    message = build(recipient, from_address=sender)
    assert message.smtputf8
    assert message.envelope_to == recipient
    assert f"\r\nTo: {recipient}\r\n".encode() in message.content
    assert f"<{sender}>".encode() in message.content


def test_the_date_is_written_in_utc() -> None:
    date = datetime(2026, 3, 1, 10, 30, tzinfo=timezone(timedelta(hours=1)))
    message = builder().build("bob@example.org", {}, MESSAGE_ID, date)
    assert b"\r\nDate: Sun, 01 Mar 2026 09:30:00 +0000\r\n" in message.content


def test_a_message_built_again_is_the_same_and_its_boundary_is_in_none_of_its_parts() -> None:
    html = builder(body="{{ note }}", body_html="<p>{{ note }}</p>")
    first = html.build("bob@example.org", {"note": "x"}, MESSAGE_ID, DATE)
    assert first == html.build("bob@example.org", {"note": "x"}, MESSAGE_ID, DATE)
    boundary = parse(first).get_boundary()
    assert boundary is not None
    hostile = html.build("bob@example.org", {"note": f"--{boundary}--"}, MESSAGE_ID, DATE)
    assert part_text(parse(hostile)) == f"--{boundary}--\r\n"
    assert len(list(parse(hostile).iter_parts())) == 2


def test_the_recipients_address_is_a_merge_field() -> None:
    message = build(subject="For {{ email }}", body="{{ email }}", body_html="{{ email }}")
    assert parse(message)["Subject"] == "For bob@example.org"
    assert part_text(parse(message)) == "bob@example.org\r\n"


def test_html_parts_escape_merge_values() -> None:
    message = build(fields={"name": "<b>"}, body="{{ name }}", body_html="<p>{{ name }}</p>")
    assert part_text(parse(message)) == "<b>\r\n"
    assert part_text(parse(message), "html") == "<p>&lt;b&gt;</p>\r\n"


def test_wrong_templates_and_missing_fields_are_told_by_name() -> None:
    with pytest.raises(TemplateError, match="not closed"):
        builder(body="{{ name")
    with pytest.raises(TemplateError) as error:
        build(subject="{{ name }}")
    assert error.value.field == "name"


@pytest.mark.parametrize(
    "subject", ["{{ a }}", "{{ a }}{{ b }}", "{{ a | upcase }}", "{% if a %}{{ b }} {{ a }}{% endif %}"]
)
@pytest.mark.parametrize("filling", ["x", "é", "x ", "\u200b"])
def test_a_subject_that_renders_too_long_is_refused(subject: str, filling: str) -> None:
    fields = {"a": filling * 490 + "!", "b": "."}
    assert len(parse(build(fields=fields, subject=subject))["Subject"]) > 490
    with pytest.raises(TemplateError, match=r"the subject would have [\d,]+ characters; 998 are the most"):
        build(fields={"a": filling * 1000 + "!", "b": "."}, subject=subject)
    with pytest.raises(TemplateError, match="998"):
        builder(subject="x" * 999)


URL = "https://mail.example.com/u/token"


def with_url(fields: dict[str, str] | None = None, **changes: Any) -> Message:
    made = builder(**changes)
    rendered = [
        liquid.Template.parse(one).render({**(fields or {}), "email": "b@example.org", "unsubscribe_url": URL})
        for one in made.liquid
    ]
    return made.build("b@example.org", fields or {}, MESSAGE_ID, DATE, rendered, URL if made.wants_link else "")


def test_a_text_without_the_link_ends_with_it_in_its_language() -> None:
    message = parse(
        with_url(body="Hallo\n\n", body_html="<body><p>Hi</p></BODY ></html>", language="de-AT", unsubscribe="link")
    )
    assert part_text(message) == f"Hallo\r\n\r\nAbmelden: {URL}\r\n"
    assert f'<a href="{URL}">Abmelden</a></p>\r\n</BODY >' in part_text(message, "html")
    assert part_text(parse(with_url(body="Hi", language="ja", unsubscribe="link"))).endswith(f"Unsubscribe: {URL}\r\n")


def test_a_text_with_the_link_has_no_other() -> None:
    for body in (
        "{{unsubscribe_url}}",
        "{{ unsubscribe_url | default: 'x' }}",
        "{% if true %}{{ unsubscribe_url }}{% endif %}",
    ):
        message = parse(with_url(body=f"Bye {body}", body_html="<p>Hi</p>", unsubscribe="link"))
        assert part_text(message) == f"Bye {URL}\r\n"
        assert part_text(message, "html").count(URL) == 1


def test_what_liquid_does_not_show_is_no_link() -> None:
    link = "{{ unsubscribe_url }}"
    hidden = (
        f"{{% comment %}}{link}{{% endcomment %}}",
        f"{{% if no %}}{link}{{% endif %}}",
        f"{{% raw %}}{link}{{% endraw %}}",
    )
    for body in hidden:
        assert part_text(parse(with_url(body=f"Bye {body}", unsubscribe="link"))).count(URL) == 1


def test_the_link_is_filled_in_whatever_else_tells_of_it_and_whatever_a_list_brings() -> None:
    message = parse(with_url({"unsubscribe_url": "https://evil.example"}, body="{{ unsubscribe_url }}"))
    assert part_text(message) == f"{URL}\r\n"
    assert "List-Unsubscribe" not in message


@pytest.mark.parametrize("unsubscribe", ["link", "header", "none"])
@pytest.mark.parametrize("one_click", [True, False])
def test_headers_are_there_where_they_are_wanted_and_work(unsubscribe: str, *, one_click: bool) -> None:
    message = with_url(unsubscribe=unsubscribe, one_click=one_click)
    assert_well_formed(message.content)
    wanted = one_click and unsubscribe != "none"
    expected = [
        b"List-Id: <ann.example.com>",
        b"List-Unsubscribe: <%b>" % URL.encode(),
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]
    assert [line for line in head_of(message).split(b"\r\n") if line.startswith(b"List-")] == expected * wanted


@pytest.mark.parametrize("unsubscribe", ["link", "header", "none"])
@pytest.mark.parametrize("one_click", [True, False])
def test_where_the_mailbox_is_read_a_mail_unsubscribes_too(unsubscribe: str, *, one_click: bool) -> None:
    address = "a%nn&co+x@bücher.example"
    message = with_url(unsubscribe=unsubscribe, one_click=one_click, by_mail=True, from_address=address)
    assert_well_formed(message.content)
    mail = f"<mailto:a%25nn%26co+x@xn--bcher-kva.example?subject={URL.rpartition('/')[2]}>"
    wanted = "" if unsubscribe == "none" else f"<{URL}>, {mail}" if one_click else mail
    told = parse(message)
    assert (told["List-Unsubscribe"] or "").replace("\r\n", "") == wanted
    assert (told["List-Unsubscribe-Post"] is not None) == (one_click and bool(wanted))


def test_where_the_message_id_is_replaced_a_message_refers_to_itself() -> None:
    assert parse(with_url(refers_to_itself=True))["References"] == MESSAGE_ID
    assert parse(with_url())["References"] is None


def test_who_wants_no_link_gets_none() -> None:
    made = builder(unsubscribe="none", one_click=True, by_mail=True)
    assert not made.wants_link
    assert b"/u/" not in made.build("b@example.org", {}, MESSAGE_ID, DATE).content
