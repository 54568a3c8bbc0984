"""The SMTP sink does what its docstring says: a fault test is worth what the server it leans on is worth."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from tests.support.ports import free_port
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S

MESSAGE = "Message-ID: <1@a.test>\r\nSubject: hello\r\n\r\nbody\r\n"


@contextmanager
def client(sink: Sink) -> Iterator[smtplib.SMTP]:
    smtp = smtplib.SMTP("127.0.0.1", sink.port, local_hostname="client.test", timeout=BOUND_S)
    try:
        yield smtp
    finally:
        smtp.close()


def send(smtp: smtplib.SMTP, to: str = "bob@x.test") -> int:
    """The code of the first refusal, or 250."""
    smtp.ehlo_or_helo_if_needed()
    for code, _ in (smtp.mail("ann@a.test"), smtp.rcpt(to)):
        if code != 250:
            smtp.rset()
            return code
    try:
        return smtp.data(MESSAGE)[0]
    except smtplib.SMTPDataError as error:
        smtp.rset()
        return error.smtp_code


class Raw:
    """A socket past its greeting, for what smtplib does not do."""

    def __init__(self, sink: Sink) -> None:
        self.socket = socket.create_connection(("127.0.0.1", sink.port), timeout=BOUND_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each say() is a packet of its own
        self.lines = self.socket.makefile("rb")

    def __enter__(self) -> Raw:
        assert self.lines.readline().startswith(b"220")
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
        self.socket.close()

    def say(self, text: bytes, replies: int) -> list[int]:
        self.socket.sendall(text)
        return [int(self.lines.readline()[:3]) for _ in range(replies)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def sink(shared: Sink) -> Sink:
    shared.script([])
    return shared


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, ssl.SSLContext]:
    directory = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(directory / "cert.pem")
    issued.private_key_pem.write_to_path(directory / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return directory / "cert.pem", directory / "key.pem", context


def test_an_accepted_message_is_logged_with_its_envelope_and_id(sink: Sink) -> None:
    with client(sink) as smtp:
        assert send(smtp, "bob@x.test") == 250
    logged = sink.accepted()[-1]
    assert logged[2:] == ("ann@a.test", "bob@x.test", "<1@a.test>")
    assert logged.connection == sink.stats()["connections"]


def test_the_extensions_are_announced(sink: Sink) -> None:
    with client(sink) as smtp:
        smtp.ehlo()
        assert set(smtp.esmtp_features) == {
            "size",
            "8bitmime",
            "smtputf8",
            "enhancedstatuscodes",
            "pipelining",
        }


def test_a_quoted_local_part_and_a_folded_message_id_are_read_whole(sink: Sink) -> None:
    with Raw(sink) as raw:
        raw.say(b'EHLO c\r\nMAIL FROM:<"a>b"@a.test> SIZE=9\r\nrcpt to:<\xc3\xa9@x.test>\r\nDATA\r\n', 9)
        assert raw.say(b"Subject: s\r\nMESSAGE-id:\r\n <2@a.test>\r\n\r\n.\r\n", 1) == [250]
    assert sink.accepted()[-1][2:] == ('"a>b"@a.test', "é@x.test", "<2@a.test>")


def test_pipelined_commands_are_answered_in_order(sink: Sink) -> None:
    one = b"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n"
    with Raw(sink) as raw:
        assert raw.say(one * 2 + b"NOOP\r\nQUIT\r\n", 12) == [250, 250, 250, 354, 250] * 2 + [250, 221]
        assert raw.lines.read() == b""
    assert [row.envelope_to for row in sink.accepted()[-4:]] == ["b@x.test", "c@x.test"] * 2


def test_a_terminator_split_over_packets_is_found_wherever_it_is_split(sink: Sink) -> None:
    content = b"Subject: x\r\n\r\n..\r\n.\rnot the end\r\n.\r\n"
    with Raw(sink) as raw:
        for cut in range(len(content) - 6, len(content)):
            assert raw.say(b"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n", 3) == [250, 250, 354]
            raw.say(content[:cut], 0)
            sink.stats()  # an answer from the sink's loop: it has most likely read the first part by now
            assert raw.say(content[cut:], 1) == [250]


def test_an_empty_message_ends_at_once(sink: Sink) -> None:
    with Raw(sink) as raw:
        assert raw.say(b"MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n.\r\n", 4) == [250, 250, 354, 250]


def test_commands_out_of_order_are_refused(sink: Sink) -> None:
    with Raw(sink) as raw:
        assert raw.say(b"DATA\r\nRCPT TO:<b@x.test>\r\nMAIL FROM:oops\r\nFOO\r\n", 4) == [503, 503, 501, 500]
        assert raw.say(b"AUTH\r\nSTARTTLS\r\n", 2) == [504, 502]


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("reply", ["450 4.2.0 busy", "550 5.1.1 nobody here"])
def test_a_command_can_be_refused_and_nothing_is_logged(sink: Sink, phase: str, reply: str) -> None:
    before = sink.accepted()
    sink.script({phase: reply})
    with client(sink) as smtp:
        assert send(smtp) == int(reply[:3])
        sink.script([])
        assert sink.accepted() == before
        assert send(smtp) == 250


def test_the_greeting_and_ehlo_can_be_refused(sink: Sink) -> None:
    sink.script({"connect": "554 5.3.2 closed"})
    with pytest.raises(smtplib.SMTPConnectError, match="554"), client(sink):
        pass
    sink.script({"ehlo": "550 5.7.1 go away"})
    with client(sink) as smtp:
        assert smtp.ehlo()[0] == 550


@pytest.mark.parametrize("phase", ["connect", "ehlo", "mail", "rcpt", "data", "dot"])
def test_a_connection_can_be_dropped_at_any_phase(sink: Sink, phase: str) -> None:
    before = sink.accepted()
    sink.script({phase: "drop"})
    with pytest.raises(smtplib.SMTPServerDisconnected), client(sink) as smtp:
        send(smtp)
    assert sink.accepted() == before


def test_a_connection_dropped_after_the_dot_has_accepted_the_message(sink: Sink) -> None:
    before = len(sink.accepted())
    sink.script({"dot": "drop_after_dot_accepted"})
    with pytest.raises(smtplib.SMTPServerDisconnected), client(sink) as smtp:
        send(smtp)
    assert len(sink.accepted()) == before + 1


def test_a_hang_never_answers(sink: Sink) -> None:
    sink.script({"rcpt": "hang"})
    with Raw(sink) as raw:
        assert raw.say(b"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@x.test>\r\nNOOP\r\n", 1) == [250]
        raw.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            raw.lines.readline()


def test_a_slow_reply_comes_late_and_in_order(sink: Sink) -> None:
    sink.script([{"at": "mail", "do": {"slow": 0.05, "then": "451 4.3.0 later"}}])
    with Raw(sink) as raw:
        assert raw.say(b"MAIL FROM:<a@a.test>\r\nNOOP\r\n", 2) == [451, 250]


def test_a_held_message_is_logged_and_answered_on_release(sink: Sink) -> None:
    before = len(sink.accepted())
    sink.script({"dot": "hold"})
    with Raw(sink) as raw:
        assert raw.say(b"MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n.\r\nNOOP\r\n", 3) == [250, 250, 354]
        sink.wait(held=1)
        assert len(sink.accepted()) == before + 1
        assert sink.release() == 1
        assert raw.say(b"", 2) == [250, 250]


def test_a_held_connection_that_goes_away_is_forgotten(sink: Sink) -> None:
    sink.script({"dot": "hold"})
    with Raw(sink) as raw:
        raw.say(b"MAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n.\r\n", 3)
        sink.wait(held=1)
    while sink.stats()["held"]:
        pass
    assert sink.release() == 0


def test_a_connection_takes_ten_messages_and_no_more(sink: Sink) -> None:
    sink.script([{"at": "mail", "when": {"after": 10}, "do": "421 4.7.0 Too many messages in this connection"}])
    with client(sink) as smtp:
        assert [send(smtp) for _ in range(10)] == [250] * 10
        assert smtp.mail("ann@a.test")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.noop()
    with client(sink) as smtp:
        assert send(smtp) == 250


def test_a_rule_picks_its_recipient_message_connection_and_number_of_times(sink: Sink) -> None:
    connection = sink.stats()["connections"] + 1
    sink.script(
        [
            {"at": "rcpt", "when": {"to": "<bob@x.test>", "times": 1}, "do": "450 4.2.0 once"},
            {"at": "rcpt", "when": {"to": "@busy."}, "do": "452 4.2.2 full"},
            {"at": "dot", "when": {"to": "carol"}, "do": "554 5.6.0 no"},
            {"at": "mail", "when": {"message": 6, "connection": connection}, "do": "451 4.3.0 sixth"},
        ]
    )
    with client(sink) as smtp:
        to = ["bob@x.test", "bob@x.test", "dan@busy.test", "carol@x.test", "notbob@x.test", "any", "any"]
        assert [send(smtp, address) for address in to] == [450, 250, 452, 554, 250, 451, 250]


@pytest.mark.parametrize(
    "script",
    [{"dot": "nonsense"}, {"mail": "hold"}, {"nowhere": "drop"}, [{"at": "rcpt", "do": "drop", "whem": 1}]],
)
def test_a_script_that_says_nothing_sensible_is_refused(sink: Sink, script: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        sink.script(script)


def test_connections_are_counted(sink: Sink) -> None:
    with client(sink), client(sink):
        assert sink.stats()["open"] >= 2
        assert sink.stats()["max_open"] >= 2


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
@pytest.mark.parametrize("initial_response_ok", [True, False])
def test_a_login_is_asked_for_checked_and_can_be_refused(mechanism: str, initial_response_ok: bool) -> None:
    with Sink(auth="ann:secret") as sink:
        for rules, password, code in (
            ([], "secret", 235),
            ([], "wrong", 535),
            ({"auth": "535 5.7.8 not today"}, "secret", 535),
        ):
            sink.script(rules)
            with client(sink) as smtp:
                smtp.ehlo()
                assert smtp.mail("ann@a.test")[0] == 530
                smtp.user, smtp.password = "ann", password
                with suppress(smtplib.SMTPAuthenticationError):
                    smtp.auth(
                        mechanism.removeprefix("auth_").upper(),
                        getattr(smtp, mechanism),
                        initial_response_ok=initial_response_ok,
                    )
                assert smtp.mail("ann@a.test")[0] == (250 if code == 235 else 530)


def test_starttls_protects_the_login(certificate: tuple[Path, Path, ssl.SSLContext]) -> None:
    *files, context = certificate
    with Sink(starttls=(files[0], files[1]), auth="ann:secret") as sink:
        with client(sink) as smtp:
            smtp.ehlo()
            assert not smtp.has_extn("auth")
            smtp.starttls(context=context)
            smtp.login("ann", "secret")
            assert not smtp.has_extn("starttls")
            assert send(smtp) == 250
        sink.script({"ehlo": "without STARTTLS"})
        with client(sink) as smtp, pytest.raises(smtplib.SMTPNotSupportedError):
            smtp.starttls(context=context)
        sink.script({"starttls": "454 4.7.0 not now"})
        with client(sink) as smtp, pytest.raises(smtplib.SMTPResponseException, match="454"):
            smtp.starttls(context=context)


def test_implicit_tls_needs_no_command(certificate: tuple[Path, Path, ssl.SSLContext]) -> None:
    *files, context = certificate
    with (
        Sink(implicit_tls=(files[0], files[1])) as sink,
        smtplib.SMTP_SSL("127.0.0.1", sink.port, local_hostname="c", timeout=BOUND_S, context=context) as smtp,
    ):
        assert send(smtp) == 250


def test_a_sink_that_was_killed_can_be_replaced_and_has_lost_nothing(tmp_path: Path) -> None:
    log = tmp_path / "accepted.log"
    with Sink(log=log, port=free_port()) as first, client(first) as smtp:
        assert send(smtp) == 250
        first.kill()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.noop()
    with Sink(log=log, port=first.port) as second, client(second) as smtp:
        assert send(smtp, "carol@x.test") == 250
        assert [row.envelope_to for row in second.accepted()] == ["bob@x.test", "carol@x.test"]


def test_the_end_of_its_input_ends_the_sink() -> None:
    with Sink() as sink:
        sink.close_input()
        sink.process.wait(10)
