"""Sayings of servers, and whose trouble each is: the words of real ones, as the table of verdicts reads them."""

from __future__ import annotations

import time

import pytest

from app.domain.ledger.judge import signature
from worker.verdicts import Command, Verdict, classify

# The kind of each for the judge; the mailbox's, the message's, one connection's and that of too many never come to it.
SAYINGS: dict[str, list[str]] = {
    "MAILBOX": [
        # Exchange, of a store that is full
        "554 5.2.0 STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to"
        " process message due to a permanent exception",
        # Gmail, Google Workspace
        "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's"
        " email address for typos or unnecessary spaces. x1si2 - gsmtp",
        "550 5.2.1 The email account that you tried to reach is disabled. x1si2 - gsmtp",
        "452 4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to"
        " https://support.google.com/mail/?p=OverQuotaTemp x1si2 - gsmtp",
        "552 5.2.2 The email account that you tried to reach is over quota. x1si2 - gsmtp",
        "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a"
        " later time. x1si2 - gsmtp",
        "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages"
        " from being delivered. x1si2 - gsmtp",
        # Microsoft
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found",
        "550 5.5.0 Requested action not taken: mailbox unavailable",
        "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
        "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
        # Postfix, Dovecot, Exim, Sendmail, qmail
        "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in local recipient table",
        "550 <ann@example.com>: Recipient address rejected: User unknown in relay recipient table",
        "552 5.2.2 <ann@example.com> Quota exceeded (mailbox for user is full)",
        "452 4.2.2 Mailbox is over quota",
        "550 Unrouteable address",
        "550 Unknown user",
        "550 No Such User Here",
        "550 5.1.1 <ann@example.com>... User unknown",
        "550 sorry, no mailbox here by that name (#5.1.1)",
        "450 4.2.0 <ann@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help",
        "451 4.7.1 Greylisting in action, please come back later",
        "450 4.1.2 <ann@example.invalid>: Recipient address rejected: Domain not found",
        # others
        "554 delivery error: dd This user doesn't have a yahoo.com account (ann@yahoo.com) [0] - mta1.mail.yahoo.com",
        "552 1 Requested mail action aborted, mailbox not found",
        "550 Requested action not taken: mailbox unavailable\n",
        "450 Requested mail action not taken: mailbox unavailable",
        "550-Requested action not taken: mailbox unavailable\nno such user",
        "550 Requested action not taken: mailbox unavailable. For explanation visit https://postmaster.gmx.net",
        "550-Requested action not taken: mailbox unavailable\nFor explanation visit https://postmaster.web.de/en/case?c=r1601",
        "550 Requested action not taken: mailbox unavailable 550 For explanation visit https://postmaster.gmx.net",
        "550 5.1.1 unknown or illegal alias: ann@icloud.com",
        "552 5.2.2 Mailbox full: too many messages",
        "550 5.1.6 Recipient no longer on server: ann@example.com",
        "550 5.1.1 <ann@example.com> user does not exist",
        "550 Address unknown",
        "550 5.2.1 Mailbox not available",
        "554 5.7.1 <ann@example.com>: Recipient address rejected: user ann@example.com does not exist",
    ],
    "SENDER": [
        "530 5.7.0 Authentication required to send to this address",
        "550 5.7.1 Relaying denied. Please authenticate to send to this recipient",
        "554 Sender address rejected: you are not authorized to send to this address",
        "550 5.7.1 Your account has been suspended: you are not allowed to send to this address",
        # Microsoft
        "550 5.1.8 Access denied, bad outbound sender. For more information please go to http://go.microsoft.com/fwlink",
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
        "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.",
        "550 5.7.705 Service unavailable. Access denied, tenant has exceeded threshold.",
        "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains",
        "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit",
        "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for external recipients",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "554 5.2.252 SendAsDenied; owner@example.com not allowed to send as other@example.com",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        # Sent Items are full
        "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuota"
        "Exceeded",
        "530 5.7.57 Client not authenticated to send mail.",
        # Google Workspace
        "550 5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to"
        " https://support.google.com/a/answer/166852 x1si2 - gsmtp",
        "530 5.7.0 Authentication Required. For more information, go to https://support.google.com/mail x1 - gsmtp",
        # Zoho
        "550 5.4.6 Unusual sending activity detected. Please try after sometime",
        "552 5.2.3 You have exceeded your relay quota",
        "553 Relaying disallowed as owner@example.com",
        # Postfix, Exim
        "553 5.7.1 <owner@example.com>: Sender address rejected: not owned by user ann",
        "554 5.7.1 <ann@example.com>: Relay access denied",
        "504 5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
        "550 5.1.8 <owner@example.com>: Sender address rejected: Domain not found",
        "550 relay not permitted",
        "550-Verification failed for <owner@example.com>\nSender verify failed",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        # SES, Sendgrid, hosters
        "554 Message rejected: Email address is not verified. The following identities failed the check in region",
        "550 Unauthenticated senders not allowed",
        "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this is resolved.",
        "550 Domain example.com has exceeded the max emails per hour (100/100 (100%)) allowed. Message discarded.",
        "550 5.7.1 Sender address is not allowed",
        "550 Sender address is not allowed.",
        "550 5.1.7 Invalid sender",
        "554 5.7.0 Your message could not be sent. The limit on the number of allowed outgoing messages was exceeded."
        " Try again later.",
        "535 5.7.3 Authentication unsuccessful",
    ],
    "THROTTLE": [
        "450-Requested mail action not taken: mailbox unavailable\n450 Mail send limit exceeded.",
        "454 Throttling failure: Daily message quota exceeded.",
        "450 Too many requests",
        "450 4.2.1 You have exceeded the sending rate, slow down",
        "450 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address."
        " To protect our users, mail has been temporarily rate limited. x1si2 - gsmtp",
        "451 4.7.1 <owner@example.com>: Hourly limit reached, try again later",
        "452 4.5.3 Your message rate is too high, slow down",
        "451 4.7.500 Server busy. Please try again later: rate limit exceeded",
    ],
    "OTHER_5XX": [
        # cPanel, of a recipient's domain
        "550 The mail server could not deliver mail to ann@gmial.example.  The account or domain may not exist, they"
        " may be blacklisted, or missing the proper dns entries.",
        "550 5.7.1 Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam"
        " sent to Gmail, this message has been blocked. x1si2 - gsmtp",
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated. x1si2 - gsmtp",
        "552 5.7.0 This message was blocked because its content presents a potential security issue. x1 - gsmtp",
        "550 5.7.703 Your message can't be delivered because messages to ann@example.com are blocked by your"
        " organization using Tenant Allow Block List.",
        "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check"
        " failed because the sender was not authenticated when sending to this group",
        "550 5.7.124 RESOLVER.RST.SenderNotInAllowedSendersList; not authorized",
        "550 Requested action not taken",
        "550 5.7.1 The user or domain that you are sending to (or from) has a policy that prohibited the mail that you"
        " sent. Please contact your domain administrator for further details.",
        "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required",
        "552 5.3.4 Message size limit exceeded",
        "554 5.7.1 Message content rejected, id=12345-06 - SPAM",
        "550 This message was classified as SPAM and may not be delivered",
        "554 5.6.0 no",
        "550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification",
        "554 5.7.1 [CS01] Message rejected due to local policy.",
        "550 Administrative prohibition",
        "550 5.7.1 <ann@example.com>: Recipient address rejected: Access denied",
        "550-Requested action not taken: mailbox unavailable\nReject due to policy restrictions.\n"
        "For explanation visit https://postmaster.web.de/en/case?c=poli",
        "550 5.7.1 You do not have permission to send to this recipient",
        "550 5.7.1 Sorry, you are not allowed to send to this address",
        "550 unable to open SMTP connection to example.com",
        # RFC 5321's words before a hoster's own, and Yahoo's for whatever it refuses
        "550-Requested action not taken: mailbox unavailable\nFailure sending mail. Try again later.",
        "550 5.5.0 Requested action not taken: mailbox unavailable 550 Failure sending mail.",
        "550 Request failed; Mailbox unavailable",
    ],
    "EMAIL_4XX": [
        "421 Recipient not in route list",
        "450 4.7.1 try later",
        "451 4.3.0 error in processing",
        "452 4.3.1 Insufficient system storage",
        "451 Temporary local problem - please try later",
        "451 4.4.4 Temporary server error. Please try again later. PRX2",
        "421 4.3.0 Temporary System Problem. Try again later. x1si2 - gsmtp",
        "451 4.7.1 Please try again later",
        "451 4.4.1 Could not open connection to backend, try later",
        "451 4.4.1 Cannot open connections to backend",
        "450-Requested mail action not taken: mailbox unavailable\nTry again later",
    ],
    "CONNECTION": [
        "421 4.7.0 example.com Error: too many errors",
        "452 4.5.3 Error: too many recipients in this session",
        "421 too many messages in this connection",
        "451 4.4.2 Too many messages on this connection, reconnect",
        "450-Requested mail action not taken: mailbox unavailable\nToo many messages. Try again later",
    ],
    "CONNECTIONS": [
        "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending",
        "421 4.7.0 Error: too many connections from 192.0.2.1",
        "421 Too many concurrent SMTP connections; please try again later.",
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        "432 4.3.2 concurrent connection limit exceeded",
        "454 Throttling failure: Maximum sending rate exceeded.",
        "421 4.7.0 You have too many open connections to this server",
        "421 open session limit reached",
        "421 Maximum number of open connection exceeded",
        "451 Only one open connection per user",
        "450-Requested mail action not taken: mailbox unavailable\nToo many concurrent connections",
    ],
}


def _whose(verdict: Verdict) -> str:
    if verdict.refusal is not None:
        return verdict.refusal
    if verdict.kind == "RELEASED":
        return verdict.fault.upper()
    return "MAILBOX"


@pytest.mark.parametrize(("whose", "saying"), [(whose, saying) for whose in SAYINGS for saying in SAYINGS[whose]])
@pytest.mark.parametrize("command", ["RCPT", "."])
def test_a_reply_to_a_message_is_read_as_it_is_meant(command: Command, whose: str, saying: str) -> None:
    code, text = int(saying[:3]), saying[4:]
    verdict = classify(command, code, text, delivered=3, tried=5)
    assert _whose(verdict) == whose
    if whose == "MAILBOX":
        assert verdict.kind == ("REJECTED" if code >= 500 else "DEFERRED")


def test_too_many_messages_said_to_the_first_of_a_connection_is_the_servers_pace() -> None:
    text = "Requested mail action not taken: mailbox unavailable\nToo many messages. Try again later"
    assert classify("RCPT", 450, text, delivered=0).refusal == "THROTTLE"


# Of those of the mailbox that are for good, the ones after which nobody writes to it again.
DEAD = {
    "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's"
    " email address for typos or unnecessary spaces. x1si2 - gsmtp",
    "550 5.2.1 The email account that you tried to reach is disabled. x1si2 - gsmtp",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found",
    "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in local recipient table",
    "550 <ann@example.com>: Recipient address rejected: User unknown in relay recipient table",
    "550 Unknown user",
    "550 No Such User Here",
    "550 5.1.1 <ann@example.com>... User unknown",
    "550 sorry, no mailbox here by that name (#5.1.1)",
    "554 delivery error: dd This user doesn't have a yahoo.com account (ann@yahoo.com) [0] - mta1.mail.yahoo.com",
    "552 1 Requested mail action aborted, mailbox not found",
    "550-Requested action not taken: mailbox unavailable\nno such user",
    "550 5.1.1 unknown or illegal alias: ann@icloud.com",
    "550 5.1.6 Recipient no longer on server: ann@example.com",
    "550 5.1.1 <ann@example.com> user does not exist",
    "550 Address unknown",
    "550 5.2.1 Mailbox not available",
}


@pytest.mark.parametrize("saying", [saying for sayings in SAYINGS.values() for saying in sayings])
@pytest.mark.parametrize("command", ["RCPT", "."])
def test_a_mailbox_is_dead_only_if_a_server_says_that_there_is_none(command: Command, saying: str) -> None:
    assert classify(command, int(saying[:3]), saying[4:], delivered=3, tried=5).dead == (saying in DEAD)


def test_what_is_said_to_mail_is_about_no_mailbox() -> None:
    assert not classify("MAIL", 550, "5.1.1 no such user", delivered=3, tried=5).dead
    assert not classify("RCPT", 450, "4.1.1 no such user", delivered=3, tried=5).dead
    assert not classify("RCPT", 550, "5.1.1 no such user, mailbox of the group is full", delivered=3, tried=5).dead


@pytest.mark.parametrize(
    ("saying", "whose"),
    [
        ("552 5.3.4 message too big", "MAILBOX"),
        ("552 message size exceeds fixed maximum message size", "MAILBOX"),
        ("552 5.2.3 you have exceeded your relay quota", "SENDER"),
        ("550 5.1.1 no such user", "SENDER"),
        ("451 4.3.0 try again later", "SENDER"),
        ("454 Throttling failure: Maximum sending rate exceeded.", "CONNECTIONS"),
        ("421 4.7.0 closing", "CONNECTION"),
        ("421 4.7.0 too many errors", "CONNECTION"),
    ],
)
def test_a_reply_to_mail_is_the_senders_but_for_the_size(saying: str, whose: str) -> None:
    assert _whose(classify("MAIL", int(saying[:3]), saying[4:], delivered=3, tried=5)) == whose


_PIECES = [
    *("a", "a.b", "<", "[", "<a", "x:/", "://", "a@", "\N{LATIN SMALL LETTER E WITH ACUTE}", " ", "\n", "!"),
    *("requested action not taken: mailbox unavailable", "requested action not taken: mailbox unavailable \n "),
    *("relay ", "relay to ", "relay access not ", "daily-", "mailbox ", "mailbox", "exceeded ", "exceeded", "auth"),
    *(
        "helo ",
        "ehlo",
        "your ",
        "the sending ",
        "client host ",
        "insufficient storage ",
        "n't have ",
        "user's address ",
    ),
]


@pytest.mark.parametrize("piece", _PIECES)
@pytest.mark.parametrize("end", ["", "a" * 500, "!"])
def test_no_reply_takes_long_to_read(piece: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts twenty times as long as those that are read: what takes the square of them takes 400 times as long here,
    0.7 s for `<[^>]*>` and 6 s for `\\S+@\\S+`, and what goes through them once 0.07 s.
    """
    monkeypatch.setattr("worker.verdicts._LONGEST_TEXT", 40_000)
    monkeypatch.setattr("worker.verdicts._TELLING", 20_000)
    text = (piece * 40_000)[: 40_000 - len(end)] + end
    began = time.process_time()
    classify(".", 550, text, delivered=1, tried=1)
    signature(".", 550, None, text)
    assert time.process_time() - began < 0.4
