"""The Dovecot and the OAuth provider of the tests: who is let in, and who is not."""

from __future__ import annotations

import base64
import imaplib
import os
import smtplib
import ssl

import httpx
import pytest

from tests.support.dovecot import PROGRAM, WANTED, Dovecot, dovecot
from tests.support.oauth import A_PAGE, CLIENT_ID, CLIENT_SECRET, TOO_MANY, MailProvider
from tests.support.sinkproc import Sink

ANN, PASSWORD = "ann@example.com", "a secret"


def _xoauth2(token: str) -> bytes:
    return f"user={ANN}\x01auth=Bearer {token}\x01\x01".encode()


def _trust(server: Dovecot) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.ca_file))


@pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
def test_dovecot_lets_in_by_password_and_by_bearer_and_hands_on_what_is_submitted(sink: Sink) -> None:
    with MailProvider() as provider, dovecot(sink.port, {ANN: PASSWORD}, provider.issuer) as server:
        _, bearer = provider.grant(ANN)
        with imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=_trust(server)) as imap:
            imap.login(ANN, PASSWORD)
            folders = b"".join(line for line in imap.list()[1] if isinstance(line, bytes))
            assert b"\\Sent" in folders
            assert b"\\Junk" in folders
        with imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=_trust(server)) as imap:
            imap.authenticate("XOAUTH2", lambda _: _xoauth2(bearer))
        with smtplib.SMTP("localhost", server.submission) as smtp:
            smtp.starttls(context=_trust(server))
            smtp.ehlo()
            assert smtp.docmd("AUTH", "XOAUTH2 " + base64.b64encode(_xoauth2(bearer)).decode())[0] == 235
            smtp.sendmail(ANN, ["bob@example.com"], b"Subject: hello\r\n\r\nhello\r\n")
        assert [message.envelope_to for message in sink.accepted()] == ["bob@example.com"]
        provider.revoke(ANN)
        with smtplib.SMTP("localhost", server.submission) as smtp:
            smtp.starttls(context=_trust(server))
            smtp.ehlo()
            assert smtp.docmd("AUTH", "XOAUTH2 " + base64.b64encode(_xoauth2(bearer)).decode())[0] == 334
            assert smtp.docmd("")[0] == 535


def test_the_provider_rotates_refresh_tokens_and_fails_as_it_is_told() -> None:
    secret = (CLIENT_ID, CLIENT_SECRET)
    with MailProvider() as provider, httpx.Client(base_url=provider.issuer, auth=secret) as client:
        first, _ = provider.grant(ANN)
        form = {"grant_type": "refresh_token", "refresh_token": first}
        for fault in (TOO_MANY, A_PAGE):
            provider.fault = fault
            answer = client.post("/token", data=form)
            assert (answer.status_code, answer.content) == (fault.status, fault.body)
        provider.fault = None
        second, _ = provider.grant(ANN)
        assert client.post("/token", data=form | {"refresh_token": second}, auth=("nobody", "x")).status_code == 401
        tokens = client.post("/token", data=form | {"refresh_token": second}).json()
        assert tokens["refresh_token"] != second
        assert client.post("/token", data=form | {"refresh_token": second}).json()["error"] == "invalid_grant"
        assert client.post("/introspect", data={"token": tokens["access_token"]}).json()["email"] == ANN
        provider.revoke(ANN)
        assert client.post("/introspect", data={"token": tokens["access_token"]}).json() == {"active": False}
