"""Bounces in the dialects of servers: who failed, in which way and why, and which of our messages it is about."""

from __future__ import annotations

import pytest

from tests.support.letters import OUR_ID, RETURNED, THEM, US, daemon, fields, letter, of, report

EXIM = (
    "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
    " delivered"
)
QMAIL = "Hi. This is the qmail-send program at mx.relay.example.\nI'm afraid I wasn't able to deliver your message.\n\n"
BELOW = "\n--- Below this line is a copy of the message.\n\n" + RETURNED
SENDMAIL = "The original message was received at Thu, 26 Nov 2026 10:00:00 GMT\n\n"
GMAIL = (
    "\n\n** Address not found **\n\nYour message wasn't delivered to bob@there.example because the address"
    " couldn't be found"
)
GONE = "550 5.1.1 The email account that you tried to reach does not exist"

# The message; severity, reason, code, enhanced code.
DIALECTS: dict[str, tuple[bytes, tuple[str, str, int | None, str | None]]] = {
    "Postfix, no such user": (
        report(
            f"<{THEM}>: host mx.there.example[192.0.2.9] said: 550 5.1.1 <{THEM}>:\n    Recipient address rejected:"
            f" User"
            " unknown in virtual mailbox table (in reply\n    to RCPT TO command)\n",
            fields(f"smtp; 550 5.1.1 <{THEM}>: Recipient address rejected: User\n    unknown in virtual mailbox"
                   f" table", "5.1.1"),
        ),
        ("hard", "USER_UNKNOWN", 550, "5.1.1"),
    ),
    "Postfix, domain gone": (
        report(
            f"<{THEM}>: Host or domain name not found. Name service error for\n    name=there.example type=A: Host"
            f" not found\n",
            fields("X-Postfix; Host or domain name not found. Name service error\n    for name=there.example type=A:"
                   " Host"
                   " not found", "5.4.4"),
        ),
        ("hard", "HOST_UNKNOWN", None, "5.4.4"),
    ),
    "Postfix, tried for five days": (
        report(
            f"<{THEM}>: connect to mx.there.example[192.0.2.9]:25: Connection timed out\n",
            fields("X-Postfix; connect to mx.there.example[192.0.2.9]:25: Connection timed out", "4.4.1"),
        ),
        ("soft", "EXPIRED", None, "4.4.1"),
    ),
    "Postfix, DMARC": (
        report(
            f"<{THEM}>: host mx.there.example said: 550 5.7.26 ...\n",
            fields("smtp; 550-5.7.26 Unauthenticated email from sender.example is not accepted\n    due to domain's"
                   " DMARC"
                   " policy. 550 5.7.26 Contact its administrator", "5.7.26"),
        ),
        ("policy", "AUTH_FAILURE", 550, "5.7.26"),
    ),
    "Exim, no such user": (
        daemon(
            f"{EXIM} to one or\nmore of its recipients. This is a permanent error. The following address(es)"
            f" failed:\n\n"
            f"  {THEM}\n    host mx.there.example [192.0.2.9]\n    SMTP error from remote mail server after RCPT"
            f" TO:<{THEM}>:\n"
            f"    550 No such recipient here\n\n------ This is a copy of the message, including all the headers."
            f" ------\n\n{RETURNED}",
            subject="Mail delivery failed: returning message to sender",
            head=f"X-Failed-Recipients: {THEM}\nAuto-Submitted: auto-replied\n",
            sender="Mail Delivery System <Mailer-Daemon@mx.relay.example>",
        ),
        ("hard", "USER_UNKNOWN", 550, None),
    ),
    "Exim, full": (
        daemon(
            f"{EXIM} to all of its recipients.\n\n  {THEM}\n    mailbox is full: retry timeout exceeded\n\n"
            f"------ This is a copy of your message, including all the headers. ------\n{RETURNED}",
            subject="Mail delivery failed: returning message to sender",
        ),
        ("soft", "MAILBOX_FULL", None, None),
    ),
    "qmail, no mailbox": (
        daemon(f"{QMAIL}<{THEM}>:\nSorry, no mailbox here by that name. (#5.1.1)\n{BELOW}", subject="failure notice"),
        ("hard", "USER_UNKNOWN", None, "5.1.1"),
    ),
    "qmail, refused for its IP address": (
        daemon(
            f"{QMAIL}<{THEM}>:\n192.0.2.9 does not like recipient.\nRemote host said: 554 5.7.1 Service unavailable;"
            f" Client host"
            f" [198.51.100.7] blocked using zen.spamhaus.example\nGiving up on 192.0.2.9.\n{BELOW}",
            subject="failure notice",
        ),
        ("policy", "BLOCKED", 554, "5.7.1"),
    ),
    "sendmail": (
        report(
            f"{SENDMAIL}   ----- The following addresses had permanent fatal errors -----\n<{THEM}>\n    (reason:"
            f" 550 5.1.1 User"
            f" unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.there.example.:\n"
            f">>> RCPT To:<{THEM}>"
            f"\n<<< 550 5.1.1 User unknown\n550 5.1.1 <{THEM}>... User unknown\n",
            fields("SMTP; 550 5.1.1 User unknown", "5.1.1"),
            subject="Returned mail: see transcript for details",
        ),
        ("hard", "USER_UNKNOWN", 550, "5.1.1"),
    ),
    "sendmail, without a report": (
        daemon(
            f"{SENDMAIL}   ----- The following addresses had permanent fatal errors -----\n<{THEM}>\n\n"
            f"   ----- Transcript of session follows -----\n550 5.1.2 <{THEM}>... Host unknown (Name server:"
            f" there.example: host"
            f" not found)\n\n   ----- Original message follows -----\n{RETURNED}",
            subject="Returned mail: Host unknown (Name server: there.example: host not found)",
            sender="Mail Delivery Subsystem <MAILER-DAEMON@mx.relay.example>",
        ),
        ("hard", "HOST_UNKNOWN", 550, "5.1.2"),
    ),
    "Exchange": (
        report(
            f"Delivery has failed to these recipients or groups:\n\n{THEM}<mailto:{THEM}>\nThe email address you"
            f" entered couldn't be"
            " found. Please check it.\n\nDiagnostic information for administrators:\n\nGenerating server:"
            " mx.relay.example\n\n"
            f"{THEM}\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP"
            f" address lookup'\n"
            f"\nOriginal message headers:\n\n{RETURNED}",
            fields("smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP\n address"
                   " lookup", "5.1.10"),
            subject="Undeliverable: A question about your roof",
            sender="Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@relay.example>",
        ),
        ("hard", "USER_UNKNOWN", 550, "5.1.10"),
    ),
    "Microsoft 365, the tenant may send no more": (
        report(
            f"Your message to {THEM} couldn't be delivered.\n",
            fields("smtp;550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP", "5.7.708"),
            sender="Microsoft Outlook <postmaster@relay.example>",
        ),
        ("policy", "BLOCKED", 550, "5.7.708"),
    ),
    "Gmail": (
        report(
            f"{GMAIL}, or is unable to receive mail.\n\nThe response was:\n\n{GONE}.\n",
            fields(f"smtp; 550-5.1.1 {GONE[10:]}.\n Please try 550-5.1.1 double-checking it. 550 5.1.1 NoSuchUser -"
                   f" gsmtp", "5.1.1"),
            subject="Delivery Status Notification (Failure)",
            head=f"X-Failed-Recipients: {THEM}\n",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        ),
        ("hard", "USER_UNKNOWN", 550, "5.1.1"),
    ),
    "Gmail, the sender's limit": (
        report(
            "** Message not sent **\n\nYou have reached a limit for sending mail. Your message was not sent.\n",
            fields("smtp; 550 5.4.5 You have reached a limit for sending mail. Your message was not sent.", "5.4.5"),
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        ),
        ("policy", "SPEEDING", 550, "5.4.5"),
    ),
    "Yahoo": (
        daemon(
            f"Sorry, we were unable to deliver your message to the following address.\n\n<{THEM}>:\n554: delivery"
            f" error: dd This user"
            f" doesn't have a there.example account ({THEM}) [0] - mta4102.mail.example\n{BELOW}",
            subject="Failure Notice",
        ),
        ("hard", "USER_UNKNOWN", None, None),
    ),
    "Amazon SES": (
        report(
            f"An error occurred while trying to deliver the mail to the following recipients:\n{THEM}\n",
            fields("smtp; 552 4.2.2 The recipient's inbox is out of storage space", "4.2.2"),
            subject="Delivery Status Notification (Failure)",
            sender="MAILER-DAEMON@eu-west-1.amazonses.example",
        ),
        ("soft", "MAILBOX_FULL", 552, "4.2.2"),
    ),
    "Mimecast": (
        report(
            f"The message you sent to {THEM} was rejected because it would exceed the\nquota for the mailbox.\n",
            fields("smtp; 554 Email rejected due to security policies - https://community.mimecast.example/x", "5.7.0"),
            subject="[Postmaster] Email Delivery Failure",
            sender="postmaster@relay.example",
        ),
        ("policy", "POLICY_VIOLATION", 554, "5.7.0"),
    ),
    "Proofpoint": (
        report(
            f"<{THEM}>: host mx.there.example refused to talk to me: 554 Blocked\n",
            fields("smtp; 554 Blocked - see https://ipcheck.proofpoint.example/?ip=198.51.100.7", "4.0.0"),
        ),
        ("policy", "BLOCKED", 554, "4.0.0"),
    ),
    "Zoho": (
        daemon(
            "This message was created automatically by mail delivery software.\nA message that you sent could not be"
            " delivered to one"
            f" or more of its recipients. This is a permanent error.\n\n{THEM} ERROR_CODE :550, ERROR_CODE :5.1.1"
            f" <{THEM}>: user does"
            f" not exist\n\n{RETURNED}",
            subject="Undelivered Mail Returned to Sender",
            sender="mailer-daemon@mail.zoho.example",
        ),
        ("hard", "USER_UNKNOWN", 550, "5.1.1"),
    ),
    "GMX": (
        daemon(
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not"
            " be delivered to\n"
            f"one or more of its recipients. The following addresses\nfailed:\n\n<{THEM}>\n\nmailbox is full\n\n\n"
            f"--- The header of the original message is following. ---\n\n{RETURNED}",
            subject="Mail delivery failed: returning message to sender",
            sender='"GMX Mailer Daemon" <mailer-daemon@gmx.example>',
        ),
        ("soft", "MAILBOX_FULL", None, None),
    ),
    "OVH": (
        daemon(
            f"{QMAIL}<{THEM}>:\nuser does not exist, but will deliver to nobody\n"
            f"192.0.2.9_does_not_like_recipient./Remote_host_said:_550_"
            f"5.1.1_<{THEM}>:_Recipient_address_rejected/\n{BELOW}",
            subject="failure notice",
            sender="MAILER-DAEMON@mx1.ovh.example",
        ),
        ("hard", "USER_UNKNOWN", 550, "5.1.1"),
    ),
    "a text in German": (
        daemon(
            f"Ihre Nachricht konnte nicht zugestellt werden an:\n\n  {THEM}\n\nGrund: Empfänger unbekannt\n\n"
            f"{RETURNED}",
            subject="Unzustellbar: A question about your roof",
            sender="postmaster@relay.example",
        ),
        ("hard", "USER_UNKNOWN", None, None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_bounce_names_who_failed_and_why(dialect: str) -> None:
    raw, expected = DIALECTS[dialect]
    inbound = of(raw)
    assert inbound.kind == "BOUNCE"
    (told,) = inbound.reports
    assert told.recipient == THEM
    assert (told.severity, told.reason, told.code, told.enhanced_code) == expected
    assert OUR_ID in inbound.returned_ids
    assert THEM in inbound.returned_to


@pytest.mark.parametrize(
    ("diagnostic", "refusal"),
    [
        ("smtp;550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP", "SENDER"),
        ("smtp;550 5.7.705 Access denied, tenant has exceeded threshold", "SENDER"),
        ("smtp;550 5.1.8 Access denied, bad outbound sender", "SENDER"),
        (
            "smtp;550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit",
            "SENDER",
        ),
        ("smtp; 550 5.4.5 You have reached a limit for sending mail. Your message was not sent.", "SENDER"),
        ("smtp; 550 5.1.1 no such user", None),
        ("smtp; 554 5.7.1 looks like spam", "OTHER_5XX"),
        ("smtp; 554 5.2.0 STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", None),
        ("smtp; 550 5.7.64 TenantAttribution; Relay Access Denied", "SENDER"),
        ("smtp; 550 5.7.1 Client host rejected: relay access denied", "SENDER"),
        ("smtp; 550 5.7.1 Your account is suspended", "SENDER"),
        ("smtp; 550 5.7.1 [192.0.2.1] blocked using bl.example; relay denied", "SENDER"),
        ("smtp; 550 5.7.1 Account has been suspended, outgoing mail is blocked", "SENDER"),
        ("smtp; 550 5.7.1 IP 192.0.2.1 may be blacklisted, see bl.example", "SENDER"),
        # Our own server has taken it: their domain has moved away, or their account is closed.
        (f"smtp; 554 5.7.1 <{THEM}>: Relay access denied", "OTHER_5XX"),
        ("smtp; 550 5.7.1 relay not permitted", "OTHER_5XX"),
        ("smtp; 550 5.7.1 Unable to relay", "OTHER_5XX"),
        (f"smtp; 550 5.2.1 <{THEM}>... account suspended", "OTHER_5XX"),
        (f"smtp; 550 5.7.1 <{THEM}>... Relaying denied. Proper authentication required.", "OTHER_5XX"),
        (f"smtp; 550 5.7.1 <{THEM}>... Relaying denied. IP name lookup failed [192.0.2.1]", "OTHER_5XX"),
        (
            "smtp; 550-Please turn on SMTP Authentication in your mail client, or login to the 550-IMAP/POP3 server"
            " before sending your message. 550-host [192.0.2.1] is not permitted to relay 550 through this server"
            " without authentication.",
            "OTHER_5XX",
        ),
        (f"smtp; 550 5.7.1 Relaying to <{THEM}> denied (authentication required)", "OTHER_5XX"),
        ("smtp; 530 SMTP authentication is required.", "OTHER_5XX"),
        ("smtp; 530 5.7.1 Client was not authenticated", "OTHER_5XX"),
        ("smtp; 550 Authentication is required for relay", "OTHER_5XX"),
        (
            "smtp; 550 relay denied: tick 'outgoing server requires authentication' in your account settings",
            "OTHER_5XX",
        ),
        ("smtp; 550 Your message was rejected: the recipient's account has been suspended", "OTHER_5XX"),
        (f"smtp; 550 your email to {THEM} could not be delivered: account has been suspended", "OTHER_5XX"),
        ("smtp; 550 5.7.1 The recipient account is blocked", "OTHER_5XX"),
        ("smtp; 550 5.7.1 Relaying denied: SMTP AUTH required", "OTHER_5XX"),
        ("smtp; 550 5.7.1 SMTP AUTH is required", "OTHER_5XX"),
        ("smtp; 550 Relay not allowed, please use SMTP AUTH", "OTHER_5XX"),
        ("smtp; 550 relay denied, your outgoing mail server requires authentication", "OTHER_5XX"),
        ("smtp; 551 Relaying denied, log in with your username and password", "OTHER_5XX"),
        ("smtp; 554 Relay access denied: your mail server's IP address is not in our list", "OTHER_5XX"),
        ("smtp; 550 relay not permitted: contact your hosting provider or your IT department", "OTHER_5XX"),
        ("smtp; 550 relay not permitted: your reputation is low", "OTHER_5XX"),
        (f"smtp; 550 5.2.1 <{THEM}> account blocked", "OTHER_5XX"),
        ("smtp; 550 5.1.1 account blocked, message not sent", "OTHER_5XX"),
        (f"smtp; 550 5.7.1 <{THEM}>: account blocked", "OTHER_5XX"),
        (f"smtp; 550 Your message could not be sent to {THEM}: account suspended", "OTHER_5XX"),
        ("smtp; 550 Account suspended, do not send mail to it", "OTHER_5XX"),
        (f"smtp; 550 5.7.1 <{THEM}>: account suspended, please update your records", "OTHER_5XX"),
        ("smtp; 550 Account has been suspended; please remove this address from your mailing list", "OTHER_5XX"),
        ("smtp; 550 Account has been suspended; please remove this address from your list", "OTHER_5XX"),
        ("smtp; 550 Account suspended, remove it from your address book", "OTHER_5XX"),
        ("smtp; 550 The account has been suspended. Thank you for your understanding", "OTHER_5XX"),
        ("smtp; 550 Account suspended, see http://x.example or paste it in your browser", "OTHER_5XX"),
        ("smtp; 550 User account suspended; for your security this message was not delivered", "OTHER_5XX"),
        ("smtp; 554 5.7.1 Relay access denied - for your information see http://x.example", "OTHER_5XX"),
        ("smtp; 554 5.7.1 Relay access denied. Contact your technical support", "OTHER_5XX"),
        ("smtp; 554 5.7.1 Relay access denied. Contact your sysadmin", "OTHER_5XX"),
        ("smtp; 550 relay not permitted: we do not accept mail from your side", "OTHER_5XX"),
        ("smtp; 550 relay denied for your range", "OTHER_5XX"),
        ("smtp; 550 Relay access denied: check your recipient address", "OTHER_5XX"),
        ("smtp; 550 Relay access denied: check your recipient's email address", "OTHER_5XX"),
        (f"smtp; 550 5.1.1 <{THEM}>: account suspended, please remove it from your mailing list", "OTHER_5XX"),
        ("smtp; 550 5.2.1 account blocked. Please update your records", "OTHER_5XX"),
        (
            "smtp; 550 The recipient's account has been suspended and is no longer able to send or receive mail",
            "OTHER_5XX",
        ),
        ("smtp; 550 This account has been suspended and is no longer able to send or receive email", "OTHER_5XX"),
        ("smtp; 550 The email account has been suspended. Message not sent.", "OTHER_5XX"),
        ("smtp; 550 The account has been suspended, your message was not sent", "OTHER_5XX"),
        # Our own relay, or one before it, says these of us.
        ("smtp; 550 Your message was rejected: your email account has been suspended", "SENDER"),
        ("smtp; 550 Account suspended: you may no longer send mail", "SENDER"),
        ("smtp; 550 5.7.1 Your SMTP service is stopped: account suspended", "SENDER"),
        ("smtp; 550 your account has reached its daily sending quota", "SENDER"),
        ("smtp; 553 Relaying disallowed as owner@example.com", "SENDER"),
        ("smtp; 554 Relay access denied: your account is not allowed to relay", "SENDER"),
        ("smtp; 530 5.7.57 Client not authenticated to send mail", "SENDER"),
        ("smtp; 535 5.7.8 Error: authentication failed", "SENDER"),
        ("smtp; 550 5.7.1 Sender address rejected: not logged in; please authenticate", "SENDER"),
        ("smtp; 550 5.7.1 Rejected: SPF or DKIM authentication required", "SENDER"),
        ("smtp; 550 5.7.1 Account suspended, please change your password", "SENDER"),
        ("smtp; 550 Account has been suspended: please pay your invoice", "SENDER"),
        ("smtp; 550 Account suspended: log in to your control panel", "SENDER"),
        ("smtp; 550 Account suspended: see your admin panel", "SENDER"),
        ("smtp; 550 Account suspended: your e-mail credits are used up", "SENDER"),
        ("smtp; 550 Your messages cannot be sent: account suspended", "SENDER"),
        ("smtp; 550 Account suspended, you are no longer allowed to send", "SENDER"),
        (f"smtp; 554 5.7.1 <{THEM}>: Relay access denied: your password has expired", "SENDER"),
        ("smtp; 550 5.7.1 Relaying denied: your trial has ended", "SENDER"),
        ("smtp; 550 5.7.1 Relaying denied: SMTP AUTH failed", "SENDER"),
        ("smtp; 550 5.7.1 Relaying denied, invalid password", "SENDER"),
        ("smtp; 530 5.7.0 Authentication required, your credentials were rejected", "SENDER"),
        ("smtp; 550 5.7.1 Authentication required: your API key was revoked", "SENDER"),
        ("smtp; 550 5.2.1 your account is blocked", "SENDER"),
        ("smtp; 554 5.7.1 Account suspended: outgoing server access blocked", "SENDER"),
        ("smtp; 550 5.7.1 Account has been suspended, outgoing mail server disabled", "SENDER"),
        ("smtp; 550 5.7.1 Relaying denied: SMTP AUTH unsuccessful", "SENDER"),
        ("smtp; 550 5.7.1 Relaying denied: AUTH not accepted", "SENDER"),
        ("smtp; 550 Your account is suspended and no longer able to send or receive mail", "SENDER"),
    ],
)
def test_a_bounce_is_the_fault_of_the_same_one_as_a_reply(diagnostic: str, refusal: str | None) -> None:
    (told,) = of(report("It failed.", fields(diagnostic, diagnostic.split()[1]))).reports
    assert told.refusal == refusal
    assert refusal != "SENDER" or told.severity != "hard"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "NO_RELAYING"),
        ("550 We do not accept mail from your IP address", "REJECTED"),
        ("550 5.1.0 Address rejected", "REJECTED"),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", "SECURITY_ERROR"),
        ("550 5.7.515 Access denied, sending domain doesn't meet the required authentication level", "AUTH_FAILURE"),
        ("550 5.4.1 Recipient address rejected: Access denied", "USER_UNKNOWN"),
        ("450 4.1.2 there.example: domain not found", "NETWORK_ERROR"),
        ("550 an MX record indicated no SMTP service", "NOT_ACCEPT"),
    ],
)
def test_words_that_look_like_others_have_their_own_reason(said: str, reason: str) -> None:
    (told,) = of(report("It failed.", fields(f"smtp; {said}", "5.0.0" if said.startswith("5") else "4.0.0"))).reports
    assert told.reason == reason


@pytest.mark.parametrize("said", [f"<{THEM}>: account suspended", "User account has been suspended"])
def test_a_closed_account_by_the_code_of_an_unknown_one_is_dead_and_not_the_senders(said: str) -> None:
    (told,) = of(report("It failed.", fields(f"smtp; 550 5.1.1 {said}", "5.1.1"))).reports
    assert (told.severity, told.reason, told.refusal) == ("hard", "USER_UNKNOWN", "OTHER_5XX")


def test_each_recipient_of_a_report_has_its_own_fate() -> None:
    both = fields("smtp; 550 5.1.1 no such user", "5.1.1") + (
        "\nFinal-Recipient: rfc822; cy@there.example\nOriginal-Recipient: rfc822; C@there.example\nAction: delayed\n"
        "Status: 4.2.2\n"
        "Diagnostic-Code: smtp; 452 4.2.2 mailbox full\n"
    )
    inbound = of(report("Two failed.", both))
    assert inbound.kind == "BOUNCE"
    assert [(told.recipient, told.action, told.severity) for told in inbound.reports] == [
        (THEM, "failed", "hard"),
        ("cy@there.example", "delayed", "soft"),
    ]
    assert inbound.reports[1].original == "c@there.example"


def test_several_are_told_apart_in_a_text() -> None:
    text = (
        f"{QMAIL}<{THEM}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n<cy@there.example>:\nUser over"
        f" quota. (#5.2.2)\n"
    )
    told = {one.recipient: one.reason for one in of(daemon(text + BELOW, subject="failure notice")).reports}
    assert told == {THEM: "USER_UNKNOWN", "cy@there.example": "MAILBOX_FULL"}


@pytest.mark.parametrize(
    ("subject", "raw"),
    [
        ("by its fields", report("Still trying.", fields("X-Postfix; connect timed out", "4.4.1", "delayed"))),
        (
            "by its subject",
            daemon(
                f"{EXIM} yet.\n\n  {THEM}\n    Delay reason: connection timed out\n\nNo action is required on your"
                f" part.\n",
                subject="Warning: message 1abc delayed 24 hours",
            ),
        ),
        (
            "by its text",
            daemon(
                f"    ** THIS IS A WARNING MESSAGE ONLY **\n\n{SENDMAIL}   ----- The following addresses had"
                " transient non-fatal"
                f" errors -----\n<{THEM}>\n\n<{THEM}>... Deferred: Connection timed out\n",
                subject="Returned mail: still here",
            ),
        ),
    ],
)
def test_a_delay_is_no_bounce(subject: str, raw: bytes) -> None:
    inbound = of(raw)
    assert inbound.kind == "DELAY"
    assert [told.recipient for told in inbound.reports] == [THEM]


def test_a_report_of_success_is_no_bounce() -> None:
    assert of(report("Delivered.", fields("smtp; 250 ok", "2.1.5", "delivered"))).kind == "DELIVERED"


def test_an_address_that_we_wrote_to_is_found_in_a_text_that_names_it_in_no_way_we_know() -> None:
    text = f"Your mail was undeliverable (see {THEM} in the log; ask help@relay.example).\n"
    (told,) = of(daemon(text, subject="Undeliverable"), THEM).reports
    assert told.recipient == THEM


def test_whom_only_the_returned_message_names_is_found() -> None:
    raw = report("It failed.", "Reporting-MTA: dns; mx.relay.example\n")
    assert [told.recipient for told in of(raw).reports] == [THEM]


def test_unknown_after_the_whole_message_is_a_filter() -> None:
    text = f"<{THEM}>: host mx said: 550 : User unknown (in reply to end of DATA command)\n"
    (told,) = of(report(text, fields("smtp; 550 : User unknown", "5.0.0"))).reports
    assert (told.severity, told.reason) == ("soft", "FILTERED")


def test_an_unknown_sender_is_not_an_unknown_recipient() -> None:
    text = f"  {THEM}\n    host mx.there.example\n    SMTP error after MAIL FROM:<{US}>: 550 unknown user\n"
    (told,) = of(daemon(text, subject="Mail delivery failed")).reports
    assert (told.severity, told.reason) == ("policy", "REJECTED")


def test_a_report_is_read_whose_boundary_was_damaged_on_its_way() -> None:
    raw = report("It failed.", fields("smtp; 550 5.1.1 no such user", "5.1.1"))
    assert [told.reason for told in of(raw.replace(b'boundary="=_bound"', b'boundary="=_other"')).reports] == [
        "USER_UNKNOWN"
    ]


def test_a_report_within_a_filters_own_is_read() -> None:
    inner = report(f"<{THEM}>: 550 5.1.1 no such user\n", fields("smtp; 550 5.1.1 no such user", "5.1.1")).decode()
    body = (
        f"--a\nContent-Type: text/plain\n\nMail could not be delivered.\n--a\nContent-Type: message/rfc822\n\n"
        f"{inner}\n--a--\n"
    )
    raw = daemon(body, subject="Returned mail", head='Content-Type: multipart/mixed; boundary="a"\n')
    assert [told.recipient for told in of(raw).reports] == [THEM]


def test_the_notification_of_amazon_ses_is_read() -> None:
    text = (
        '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"bob@'
        "the!\n "
        're.example","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]},"mail":'
        '{"messageId":"0102-ses"}}\n\n--\nIf you wish to stop receiving notifications from this topic, visit the'
        " link.\n"
    )
    inbound = of(letter(text, subject="AWS Notification Message", sender="no-reply@sns.amazonaws.example"))
    assert (inbound.kind, inbound.reports[0].recipient, inbound.reports[0].severity) == ("BOUNCE", THEM, "hard")
    assert inbound.returned_ids == ["0102-ses"]
