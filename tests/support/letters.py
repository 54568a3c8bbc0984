"""Messages as they come in, written down briefly."""

from __future__ import annotations

from app.mail.inbound.facts import Inbound, Incoming
from app.mail.inbound.read import read

US = "ann@sender.example"
THEM = "bob@there.example"
OUR_ID = "q7Zk2m@sender.example"
DATE = "Thu, 26 Nov 2026 10:00:00 +0000"
ABOUT_OURS = f"In-Reply-To: <{OUR_ID}>\nReferences: <{OUR_ID}>\n"

RETURNED = f"""\
Received: from mail.sender.example by mx.relay.example with ESMTPS id 4F2; {DATE}
Message-ID: <{OUR_ID}>
Date: {DATE}
From: Ann <{US}>
To: {THEM}
Subject: A question about your roof

Hello Bob
"""


def letter(body: str, *, subject: str = "Re: A question about your roof", head: str = "", sender: str = THEM) -> bytes:
    """A plain message to us."""
    head = head if "Content-Type:" in head else f"{head}Content-Type: text/plain; charset=utf-8\n"
    return f"From: {sender}\nTo: {US}\nSubject: {subject}\nDate: {DATE}\n{head}\n{body}".encode()


def daemon(body: str, *, subject: str, head: str = "", sender: str = "MAILER-DAEMON@mx.relay.example") -> bytes:
    """From what delivers mail."""
    return letter(body, subject=subject, head=f"Return-Path: <>\n{head}", sender=sender)


def report(text: str, fields: str, *, subject: str = "Undelivered Mail Returned to Sender", head: str = "",
           sender: str = "MAILER-DAEMON@mx.relay.example", returned: str = RETURNED) -> bytes:  # fmt: skip
    """By RFC 3464: words for people, fields for programs, and the message that they are about."""
    body = (
        "--=_bound\nContent-Type: text/plain; charset=utf-8\n\n" + text
        + "\n--=_bound\nContent-Type: message/delivery-status\n\n" + fields
        + "\n--=_bound\nContent-Type: message/rfc822\n\n" + returned + "\n--=_bound--\n"
    )  # fmt: skip
    head += 'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="=_bound"\n'
    return daemon(body, subject=subject, head=head, sender=sender)


def fields(diagnostic: str, status: str, action: str = "failed", recipient: str = THEM) -> str:
    return (
        f"Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; {recipient}\nAction: {action}\n"
        f"Status: {status}\nDiagnostic-Code: {diagnostic}\n"
    )


def of(raw: bytes, *written_to: str) -> Inbound:
    return read(None, Incoming(raw, frozenset(written_to)))
