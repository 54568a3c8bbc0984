"""More bounces, of programs and in languages that the others lack; the words are ours, after what such programs say."""

from __future__ import annotations

import pytest

from tests.support.letters import RETURNED, THEM, daemon, fields, of, report

OUTLOOK = "Microsoft Outlook <postmaster@relay.example>"
GOOGLE = "Mail Delivery Subsystem <mailer-daemon@googlemail.example>"
POSTFIX = "Mail Delivery System <MAILER-DAEMON@mx.relay.example>"
QMAIL = "Hi. This is the qmail-send program at mx.relay.example.\nI'm afraid I wasn't able to deliver your message"
COPY = f"\n--- Below this line is a copy of the message.\n\n{RETURNED}"

# The message; severity, reason.
MORE: dict[str, tuple[bytes, str, str]] = {
    "Exchange 2010, in its own words": (
        report(
            f"Delivery has failed to these recipients or distribution lists:\n\n{THEM}\nThe recipient's mailbox is full"
            " and can't accept messages now.\n",
            fields("smtp;554 5.2.2 mailbox full;STOREDRV.Deliver.Exception:QuotaExceededException.MapiException"
                   "ShutoffQuotaExceeded", "5.2.2"),
            subject="Undeliverable: A question about your roof", sender=OUTLOOK,
        ), "soft", "MAILBOX_FULL",
    ),
    "Exchange, a group that takes mail of its own people alone": (
        report(
            f"Your message to {THEM} couldn't be delivered.\n",
            fields("smtp;550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery"
                   " restriction check failed because the sender was not authenticated", "5.7.133"),
            subject="Undeliverable: A question about your roof", sender=OUTLOOK,
        ), "policy", "SECURITY_ERROR",
    ),
    "Exchange, hops": (
        report(
            f"Your message to {THEM} couldn't be delivered.\n",
            fields("smtp;554 5.4.14 Hop count exceeded - possible mail loop ATTR34", "5.4.14"),
            subject="Undeliverable: A question about your roof", sender=OUTLOOK,
        ), "soft", "NETWORK_ERROR",
    ),
    "Microsoft 365, the domain answers to nobody": (
        report(
            f"Your message to {THEM} couldn't be delivered.\n",
            fields("smtp;550 5.4.310 DNS domain there.example does not exist [InfoDomainNonexistent]", "5.4.310"),
            subject="Undeliverable: A question about your roof", sender=OUTLOOK,
        ), "hard", "HOST_UNKNOWN",
    ),
    "Gmail, full": (
        report(
            f"** Recipient inbox full **\n\nYour message couldn't be delivered to {THEM}. Their inbox is full, or it's"
            " getting too much mail right now.\n",
            fields("smtp; 452 4.2.2 The email account that you tried to reach is over quota - gsmtp", "4.2.2"),
            subject="Delivery Status Notification (Failure)", sender=GOOGLE,
        ), "soft", "MAILBOX_FULL",
    ),
    "Gmail, mail without a signature": (
        report(
            f"** Message blocked **\n\nYour message to {THEM} has been blocked.\n",
            fields("smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires"
                   " all senders to authenticate with either SPF or DKIM.", "5.7.26"),
            subject="Delivery Status Notification (Failure)", sender=GOOGLE,
        ), "policy", "AUTH_FAILURE",
    ),
    "Gmail, closed": (
        report(
            f"** Address not found **\n\nYour message wasn't delivered to {THEM}.\n",
            fields("smtp; 550 5.2.1 The email account that you tried to reach is inactive.", "5.2.1"),
            subject="Delivery Status Notification (Failure)", sender=GOOGLE,
        ), "soft", "SUSPEND",
    ),
    "Yahoo, complaints": (
        report(
            f"<{THEM}>: host mx.there.example said: not taken\n",
            fields("smtp; 554 5.7.9 Message not accepted for policy reasons. See the postmaster pages", "5.7.9"),
            sender=POSTFIX,
        ), "policy", "POLICY_VIOLATION",
    ),
    "Yahoo, disabled": (
        daemon(
            f"Sorry, we were unable to deliver your message to the following address.\n\n<{THEM}>:\n554: delivery"
            f" error: dd Sorry your message to {THEM} cannot be delivered. This account has been disabled or"
            f" discontinued [#102]. - mta1.example\n{COPY}",
            subject="Failure Notice", sender="MAILER-DAEMON@yahoo.example",
        ), "soft", "SUSPEND",
    ),
    "Postfix, a port that nobody answers at": (
        report(
            f"<{THEM}>: connect to mx.there.example[192.0.2.9]:25: Connection timed out\n",
            fields("X-Postfix; connect to mx.there.example[192.0.2.9]:25: Connection timed out", "4.4.1"),
            sender=POSTFIX,
        ), "soft", "EXPIRED",
    ),
    "Postfix, too large": (
        report(
            f"<{THEM}>: message size 31457280 exceeds size limit 20480000 of server mx.there.example[192.0.2.9]\n",
            fields("X-Postfix; message size 31457280 exceeds size limit 20480000 of server mx.there.example", "5.3.4"),
            sender=POSTFIX,
        ), "policy", "MESG_TOO_BIG",
    ),
    "Postfix, relaying": (
        report(
            f"<{THEM}>: host mx.there.example[192.0.2.9] said: 554 5.7.1 <{THEM}>: Relay access denied\n",
            fields(f"smtp; 554 5.7.1 <{THEM}>: Relay access denied", "5.7.1"), sender=POSTFIX,
        ), "policy", "NO_RELAYING",
    ),
    "Exim, no way there": (
        daemon(
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
            f" delivered to one or more of its\nrecipients. This is a permanent error. The following address(es)"
            f" failed:\n\n  {THEM}\n    all relevant MX records point to non-existent hosts\n\n------ This is a copy of"
            f" the message, including all the headers. ------\n\n{RETURNED}",
            subject="Mail delivery failed: returning message to sender",
        ), "hard", "HOST_UNKNOWN",
    ),
    "Exim, tried for days": (
        daemon(
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
            f" delivered to one or more of its\nrecipients. The following address(es) failed:\n\n  {THEM}\n    host"
            " mx.there.example [192.0.2.9]\n    Connection timed out: retry timeout exceeded\n\n------ This is a copy"
            f" of the message's headers. ------\n\n{RETURNED}",
            subject="Mail delivery failed: returning message to sender",
        ), "soft", "EXPIRED",
    ),
    "qmail, no host": (
        daemon(
            f"{QMAIL} to the following addresses.\n\n<{THEM}>:\nSorry, I couldn't find any host named there.example."
            f" (#5.1.2)\n{COPY}", subject="failure notice",
        ), "hard", "HOST_UNKNOWN",
    ),
    "qmail, a week": (
        daemon(
            f"{QMAIL} to the following addresses.\n\n<{THEM}>:\nI'm not going to try again; this message has been in"
            f" the queue too long.\n{COPY}", subject="failure notice",
        ), "soft", "EXPIRED",
    ),
    "Sendmail, in vain for days": (
        report(
            "The original message was received\n\n   ----- The following addresses had permanent fatal errors -----\n"
            f"<{THEM}>\n\n   ----- Transcript of session follows -----\nMessage could not be delivered for 5 days\n"
            "Message will be deleted from queue\n",
            fields("SMTP; 451 4.4.1 reply: read error from mx.there.example.", "4.4.7"),
            subject="Returned mail: Cannot send message for 5 days",
        ), "soft", "EXPIRED",
    ),
    "Notes": (
        daemon(
            f"------- Failure Reasons  --------\n\nUser bob ({THEM}) not listed in Domino Directory\n{THEM}\n\n-------"
            f" Returned Message --------\n\n{RETURNED}",
            subject="DELIVERY FAILURE: User bob (bob@there.example) not listed in Domino Directory",
            sender="Postmaster@relay.example",
        ), "hard", "USER_UNKNOWN",
    ),
    "GroupWise": (
        report(
            "The attached file had the following undeliverable recipient(s):\n\n"
            f"\t{THEM}\n\tTranscript of session follows:\n\tMAIL FROM ok\n\tcommand: RCPT\n"
            "\tresponse: 550 No such recipient\n",
            fields("smtp; 550 No such recipient", "5.0.0"), subject="Message status - undeliverable",
            sender="Mail Delivery <postmaster@gw.relay.example>",
        ), "hard", "USER_UNKNOWN",
    ),
    "Mimecast, an address that it does not know": (
        report(
            f"The email you sent to {THEM} could not be delivered.\n",
            fields("smtp; 550 Invalid Recipient - https://community.mimecast.example/docs/DOC-1369#550", "5.4.1"),
            subject="[Postmaster] Email Delivery Failure", sender="postmaster@relay.example",
        ), "hard", "USER_UNKNOWN",
    ),
    "Proofpoint, an address that it does not know": (
        report(
            f"<{THEM}>: host mx.there.example said: 550 5.1.1 User Unknown (in reply to RCPT TO command)\n",
            fields("smtp; 550 5.1.1 User Unknown", "5.1.1"), sender="pphosted <MAILER-DAEMON@mx.relay.example>",
        ), "hard", "USER_UNKNOWN",
    ),
    "Barracuda, spam": (
        report(
            f"The mail to {THEM} was not delivered.\n",
            fields("smtp; 550 permanent failure for one or more recipients (bob@there.example:blocked) - blocked by"
                   " Barracuda as spam", "5.0.0"),
            subject="**Message you sent blocked by our bulk email filter**", sender="postmaster@barracuda.example",
        ), "policy", "SPAM_DETECTED",
    ),
    "Barracuda, a list": (
        report(
            f"<{THEM}>: not taken\n",
            fields("smtp; 554 Service unavailable; Client host [198.51.100.7] blocked using Barracuda Reputation",
                   "5.7.1"),
        ), "policy", "BLOCKED",
    ),
    "Chinese, no such user": (
        daemon(
            f"很抱歉 您的邮件被退回来了。\n\n收件人邮件地址:\n{THEM}\n\n退信原因:\n收件人邮箱不存在。\n\n{RETURNED}",
            subject="系统退信", sender="postmaster@mail.relay.example",
        ), "hard", "USER_UNKNOWN",
    ),
    "Chinese, full": (
        daemon(
            f"您的邮件无法投递到以下地址:\n\n{THEM}\n\n原因:对方邮箱空间已满。\n\n{RETURNED}",
            subject="退信通知", sender="postmaster@mail.relay.example",
        ), "soft", "MAILBOX_FULL",
    ),
    "Japanese, no such user": (
        daemon(
            f"次のあて先へのメッセージはエラーのため送信できませんでした。\n\n送信先メールアドレスが見つかりません。\n<{THEM}>\n\n{RETURNED}",
            subject="Mail System Error - Returned Mail", sender="Postmaster@relay.example",
        ), "hard", "USER_UNKNOWN",
    ),
    "Japanese, full": (
        daemon(
            f"メールを配信できませんでした。\n\n<{THEM}>\n受信者のメールボックスの容量が超過しています。\n\n{RETURNED}",
            subject="メール配信エラー", sender="MAILER-DAEMON@relay.example",
        ), "soft", "MAILBOX_FULL",
    ),
    "French, full": (
        daemon(
            f"Votre message n'a pas pu être remis à :\n\n  {THEM}\n\nMotif : la boîte aux lettres du destinataire est"
            f" pleine.\n\n{RETURNED}", subject="Échec de remise : A question about your roof",
            sender="postmaster@relay.example",
        ), "soft", "MAILBOX_FULL",
    ),
    "French, no such user": (
        report(
            f"Votre message à {THEM} n'a pas pu être remis.\n",
            fields("smtp; 550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416", "5.1.1"),
            subject="Non remis : A question about your roof", sender=OUTLOOK,
        ), "hard", "USER_UNKNOWN",
    ),
    "German, full": (
        daemon(
            f"Ihre Nachricht an {THEM} konnte nicht zugestellt werden.\n\nDas Postfach des Empfängers ist voll.\n\n"
            f"{RETURNED}", subject="Nachricht nicht zugestellt", sender="MAILER-DAEMON@relay.example",
        ), "soft", "MAILBOX_FULL",
    ),
    "German, too large": (
        daemon(
            f"Ihre Nachricht an {THEM} konnte nicht zugestellt werden.\n\nDie Nachricht ist zu groß.\n\n"
            f"{RETURNED}", subject="Unzustellbar: A question about your roof", sender="postmaster@relay.example",
        ), "policy", "MESG_TOO_BIG",
    ),
    "Spanish, no such user": (
        daemon(
            f"No se ha podido entregar su mensaje a:\n\n  {THEM}\n\nLa dirección de correo no existe.\n\n{RETURNED}",
            subject="No se pudo entregar el mensaje", sender="postmaster@relay.example",
        ), "hard", "USER_UNKNOWN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", MORE)
def test_each_names_who_failed_and_why(which: str) -> None:
    raw, severity, reason = MORE[which]
    inbound = of(raw)
    assert inbound.kind == "BOUNCE"
    (told,) = inbound.reports
    assert (told.recipient, told.severity, told.reason) == (THEM, severity, reason)
