"""Messages that are no bounces: each is taken for what it is, in any language, and whatever it quotes."""

from __future__ import annotations

import pytest

from tests.support.letters import ABOUT_OURS, THEM, US, fields, letter, of, report

SENT = "A question about your roof"
BOUNCE = report(f"<{THEM}>: 550 5.1.1 no such user\n", fields("smtp; 550 5.1.1 no such user", "5.1.1")).decode()
GMAIL = (
    "Address not found\n\nYour message wasn't delivered to bob@there.example because the address couldn't be found, "
    "or is unable to receive mail.\n\nThe response was:\n550 5.1.1 The email account that you tried to reach does not "
    "exist."
)
AWAY = "Auto-Submitted: auto-replied\n"
EXCHANGE_AWAY = "X-Auto-Response-Suppress: All\nAuto-Submitted: auto-generated\n"


def _parts(kind: str, *parts: str) -> tuple[str, str]:
    """The header and the body of a message in several parts, each with its own header."""
    return f'MIME-Version: 1.0\nContent-Type: {kind}; boundary="=b"\n', "".join(
        f"--=b\n{part}\n" for part in parts
    ) + "--=b--\n"


PEOPLE = {
    "quotes Gmail's words": (
        "Hi Ann,\nI got this when I wrote to you, is your address right?\n\n" + GMAIL,
        f"Re: {SENT}",
    ),
    "forwards a bounce, marked": ("FYI\n\n---------- Forwarded message ---------\n" + BOUNCE, "Fwd: Undelivered Mail"),
    "forwards one, Outlook, German": (
        "Was heißt das?\n\nVon: Mail Delivery System <MAILER-DAEMON@mx.relay.example>\nBetreff: Unzustellbar\n\n"
        + GMAIL,
        "WG: Unzustellbar: A question about your roof",
    ),
    "forwards one, French": (
        "Bonjour, voir ci-dessous.\n\n-------- Message transféré --------\n" + GMAIL,
        "TR: Échec de la remise : A question about your roof",
    ),
    "says that mail failed": ("Sorry, my mailbox was full until today (552 5.2.2). What was it about?", f"Re: {SENT}"),
    "says who has left": ("Bob no longer works here, please write to cy@there.example.", f"Re: {SENT}"),
    "says the address is wrong": ("There is no such person here. Wrong address! User unknown to me.", f"Re: {SENT}"),
    "asks for a receipt": ("Did you get mine? I had 'delivery failed' twice.", f"Re: {SENT}"),
    "a name of a machine in it": ("Please copy postmaster@there.example, our mailer-daemon is strict.", f"Re: {SENT}"),
    "reports on servers by trade": (
        "We run mail servers. Our log says: status=bounced (host mx.a.example said: 550 5.1.1 "
        "<x@a.example> User unknown).",
        "Re: your mail servers",
    ),
    "Spanish": ("El correo anterior fue devuelto: buzón lleno. ¿Me lo envías otra vez?", f"Re: {SENT}"),
    "Polish": ("Wiadomość nie mogła zostać dostarczona wczoraj, proszę wysłać ponownie.", f"Odp: {SENT}"),
    "Japanese": ("昨日のメールは配信できませんでした。もう一度お送りください。", f"Re: {SENT}"),
}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("head", [ABOUT_OURS, ""])
def test_a_person_who_speaks_of_failed_mail_is_a_person(who: str, head: str) -> None:
    body, subject = PEOPLE[who]
    inbound = of(letter(body, subject=subject, head=head), THEM)
    assert (inbound.kind, inbound.reports) == ("REPLY", [])


def test_a_person_who_attaches_a_bounce_is_a_person() -> None:
    for attached in (
        f"Content-Type: message/rfc822\n\n{BOUNCE}",
        f"Content-Type: message/rfc822\nContent-Disposition: attachment; filename=bounce.eml\n\n{BOUNCE}",
        f"Content-Type: text/plain\nContent-Disposition: attachment; filename=bounce.txt\n\n{BOUNCE}",
        f"Content-Type: application/octet-stream; name=bounce.eml\n\n{BOUNCE}",
    ):
        head, body = _parts("multipart/mixed", "Content-Type: text/plain\n\nWhy did this come?", attached)
        inbound = of(letter(body, subject="Fwd: Undelivered Mail Returned to Sender", head=head + ABOUT_OURS), THEM)
        assert (inbound.kind, inbound.reports, inbound.text) == ("REPLY", [], "Why did this come?")


AWAYS = {
    "en": (
        "Automatic reply: Hello",
        "I am out of the office with limited access to email. Call Cy.",
    ),
    "en, left": ("Automatic reply: Hello", "Bob Byron is no longer with the company. Please contact cy@there.example."),
    "en, not monitored": (
        "Auto-Reply: Hello",
        "This mailbox is not monitored. Your message was not delivered to a person.",
    ),
    "de": ("Automatische Antwort: Hallo", "Ich bin derzeit nicht im Büro. Ihre Mail wird nicht weitergeleitet."),
    "de, gone": ("Abwesenheitsnotiz", "Diese Adresse existiert nicht mehr, bitte schreiben Sie an info@there.example."),
    "fr": ("Réponse automatique : Bonjour", "Je suis absent du bureau. Votre message ne sera pas transmis."),
    "es": ("Respuesta automática: Hola", "Estoy fuera de la oficina. Este buzón no se atiende."),
    "it": ("Risposta automatica: Ciao", "Sono fuori ufficio. La sua e-mail non sarà inoltrata."),
    "nl": ("Automatisch antwoord: Hallo", "Ik ben afwezig. Uw bericht wordt niet doorgestuurd."),
    "pt": ("Resposta automática: Olá", "Estou de férias. A sua mensagem não será reencaminhada."),
    "pl": ("Automatyczna odpowiedź: Witam", "Jestem na urlopie, wiadomość nie zostanie przekazana."),
    "sv": ("Autosvar: Hej", "Jag är inte på kontoret. Ditt meddelande vidarebefordras inte."),
    "da": ("Autosvar: Hej", "Jeg er på ferie. Din mail bliver ikke videresendt."),
    "nb": ("Autosvar: Hei", "Jeg er ikke på kontoret. E-posten blir ikke videresendt."),
    "fi": ("Automaattinen vastaus: Hei", "Olen poissa toimistolta. Viestiäsi ei välitetä eteenpäin."),
    "cs": ("Automatická odpověď: Dobrý den", "Jsem mimo kancelář. Vaše zpráva nebude předána."),
    "hu": ("Automatikus válasz: Szia", "Nem vagyok az irodában."),
    "tr": ("Otomatik yan\u0131t: Merhaba", "Ofis d\u0131\u015f\u0131nday\u0131m."),
    "ru": ("Автоответ: Привет", "Меня нет в офисе. Ваше сообщение не будет переслано."),
    "ja": ("自動応答: こんにちは", "ただいま不在にしております。"),
    "zh": ("自动回复: 你好", "我现在不在办公室。"),
}


@pytest.mark.parametrize("language", AWAYS)
@pytest.mark.parametrize(
    "head", [AWAY, EXCHANGE_AWAY, "Return-Path: <>\nX-Autoreply: yes\n", "Return-Path: <>\nPrecedence: bulk\n"]
)
def test_an_absence_note_is_one_in_every_language(language: str, head: str) -> None:
    subject, body = AWAYS[language]
    for more in (ABOUT_OURS, ""):
        inbound = of(letter(body, subject=subject, head=head + more), THEM)
        assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", [])


@pytest.mark.parametrize("language", AWAYS)
def test_an_absence_note_is_known_by_its_subject_where_its_program_says_nothing(language: str) -> None:
    subject, body = AWAYS[language]
    assert of(letter(body, subject=subject, head=ABOUT_OURS), THEM).kind == "AUTO_REPLY"


def test_an_absence_note_that_an_exchange_wraps_as_a_report_is_no_bounce() -> None:
    head, body = _parts(
        "multipart/report; report-type=disposition-notification",
        "Content-Type: text/plain\n\nYour message was read on Thursday.",
        f"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; {THEM}\n"
        "Disposition: automatic-action/MDN-sent-automatically; displayed",
    )
    assert of(letter(body, subject=f"Read: {SENT}", head=head), THEM).kind == "AUTO_REPLY"


RECEIPTS = {
    "read": ("Read: " + SENT, "manual-action/MDN-sent-manually; displayed", "Your message was read."),
    "deleted unread": ("Not read: " + SENT, "automatic-action/MDN-sent-automatically; deleted", "It was deleted."),
    "Gelesen": ("Gelesen: " + SENT, "manual-action/MDN-sent-manually; displayed", "Ihre Nachricht wurde gelesen."),
    "Lu": ("Lu : " + SENT, "manual-action/MDN-sent-manually; displayed", "Votre message a été lu."),
    "failed to show": ("Read: " + SENT, "automatic-action/MDN-sent-automatically; failed", "It could not be shown."),
}


@pytest.mark.parametrize("receipt", RECEIPTS)
def test_a_receipt_of_reading_is_no_bounce_and_no_answer(receipt: str) -> None:
    subject, disposition, text = RECEIPTS[receipt]
    head, body = _parts(
        "multipart/report; report-type=disposition-notification",
        f"Content-Type: text/plain\n\n{text}",
        f"Content-Type: message/disposition-notification\n\nReporting-UA: there.example\n"
        f"Final-Recipient: rfc822;{THEM}\nOriginal-Message-ID: <q7Zk2m@sender.example>\nDisposition: {disposition}",
        f"Content-Type: message/rfc822\n\nFrom: {US}\nTo: {THEM}\nSubject: {SENT}\n\nHello",
    )
    for return_path in ("Return-Path: <>\n", ""):
        inbound = of(letter(body, subject=subject, head=return_path + head + ABOUT_OURS), THEM)
        assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", [])


DELIVERED = {
    "relayed": ("Delivery Status Notification (Relay)", "relayed", "2.0.0", "250 2.0.0 Ok"),
    "delivered": ("Successful Mail Delivery Report", "delivered", "2.1.5", "250 2.1.5 delivered"),
    "expanded": ("Delivery Report", "expanded", "2.0.0", "250 expanded to a list"),
    "delayed": ("Delayed Mail (still being retried)", "delayed", "4.4.1", "connect to mx.there.example: timed out"),
    "Warning": ("Warning: could not send message for past 4 hours", "delayed", "4.2.2", "452 4.2.2 mailbox full"),
    "Verzögerung": ("Zustellung verzögert: " + SENT, "delayed", "4.4.7", "450 4.4.7 queued"),
}


@pytest.mark.parametrize("notice", DELIVERED)
def test_a_notice_of_delay_or_delivery_is_no_bounce(notice: str) -> None:
    subject, action, status, words = DELIVERED[notice]
    raw = report("This is for your information only.", fields(f"smtp; {words}", status, action), subject=subject)
    inbound = of(raw, THEM)
    assert inbound.kind == ("DELAY" if action == "delayed" else "DELIVERED")


DELAYS_IN_WORDS = {
    "sendmail": (
        "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n"
        "    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\n"
        f"   ----- Transcript of session follows -----\n<{THEM}>... Deferred: Connection timed out with "
        "mx.there.example.\n"
        "Warning: message still undelivered after 4 hours\nWill keep trying until message is 5 days old\n",
        "Warning: could not send message for past 4 hours",
    ),
    "Exim": (
        "This message was created automatically by mail delivery software.\nA message that you sent has not yet been "
        "delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.relay.example.\n\n"
        f"The address to which the message has not yet been delivered is:\n\n"
        f"  {THEM}\n    Delay reason: mailbox is full\n\n"
        "No action is required on your part. Delivery attempts will continue for\nsome time.",
        "Warning: message 1abc delayed 24 hours",
    ),
    "Gmail": (
        f"** Delivery incomplete **\n\nThere was a temporary problem delivering your message to {THEM}. Gmail will "
        "retry for 46 more hours. You'll be notified if the delivery fails permanently.",
        "Delivery Status Notification (Delay)",
    ),
    "Exchange, in German": (
        "Die Zustellung an folgende Empfänger oder Gruppen verzögert sich:\n\n"
        f"{THEM}\n\nDiese Nachricht wurde noch nicht zugestellt. Es wird weiterhin versucht, sie zuzustellen.",
        "Übermittlung verzögert: " + SENT,
    ),
}


@pytest.mark.parametrize("program", DELAYS_IN_WORDS)
def test_a_delay_that_is_told_in_words_alone_is_no_bounce(program: str) -> None:
    body, subject = DELAYS_IN_WORDS[program]
    inbound = of(letter(body, subject=subject, head="Return-Path: <>\nAuto-Submitted: auto-replied\n",
                        sender="Mail Delivery Subsystem <MAILER-DAEMON@mx.relay.example>"), THEM)  # fmt: skip
    assert inbound.kind in {"DELAY", "AUTO_REPLY"}


CALENDAR = {
    "Accepted": ("ACCEPTED", "Accepted: A call about your roof"),
    "Zugesagt": ("ACCEPTED", "Zugesagt: A call about your roof"),
    "Declined": ("DECLINED", "Declined: A call about your roof"),
    "Abgelehnt": ("DECLINED", "Abgelehnt: A call about your roof"),
    "Tentative": ("TENTATIVE", "Tentative: A call about your roof"),
}


@pytest.mark.parametrize("answer", CALENDAR)
def test_an_answer_of_a_calendar_is_a_persons(answer: str) -> None:
    """Somebody pressed a button: that is an answer, and no bounce."""
    said, subject = CALENDAR[answer]
    head, body = _parts(
        "multipart/alternative",
        f"Content-Type: text/plain\n\nBob has {said.lower()} this invitation.",
        f"Content-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\n"
        f"ATTENDEE;PARTSTAT={said}:mailto:{THEM}\nEND:VEVENT\nEND:VCALENDAR",
    )
    inbound = of(letter(body, subject=subject, head=head + ABOUT_OURS), THEM)
    assert (inbound.kind, inbound.reports) == ("REPLY", [])


CHALLENGES = {
    "en": (
        "I need to confirm your email address before I let your message through. Click the link below; until then "
        "your message is held and will not be delivered.",
        "Please confirm your message",
    ),
    "en, whitelist": (
        "Your message to bob@there.example has been blocked by a spam filter that asks unknown senders to verify. "
        "Your email was not delivered. To deliver it, press here: https://verify.there.example/x",
        "Verification required: undelivered message",
    ),
    "de": (
        "Ihre Nachricht an bob@there.example wurde noch nicht zugestellt. Bitte bestätigen Sie, dass Sie "
        "kein Roboter sind.",
        "Bitte bestätigen Sie Ihre E-Mail",
    ),
    "fr": (
        "Votre message n'a pas encore été remis à bob@there.example. Cliquez sur le lien pour vous authentifier.",
        "Authentification de votre message",
    ),
}


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_who_asks_to_be_confirmed_is_a_program_and_no_bounce(challenge: str) -> None:
    body, subject = CHALLENGES[challenge]
    for head in ("Auto-Submitted: auto-replied\n", "Return-Path: <>\n", "Precedence: auto_reply\n"):
        for sender in (THEM, "noreply@filter.example"):
            inbound = of(letter(body, subject=subject, head=head + ABOUT_OURS, sender=sender), THEM)
            assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", []), (head, sender)


NEWSLETTERS = {
    "about bounces": ("Why your bounces rise: 550 5.1.1 user unknown explained", "Ten reasons for undelivered mail"),
    "about mailboxes": ("Your mailbox is full? The message could not be delivered? We tidy up.", "Mailbox full again?"),
    "a shop": ("We could not deliver your parcel to bob@there.example: address unknown.", "Delivery failed"),
    "a bank": ("Your payment was returned. Permanent failure of the transfer.", "Returned payment"),
}


@pytest.mark.parametrize("news", NEWSLETTERS)
@pytest.mark.parametrize(
    "head",
    ["List-Unsubscribe: <https://n.example/u>\nPrecedence: bulk\n", "List-Id: <n.n.example>\nReturn-Path: <>\n", ""],
)
def test_a_newsletter_is_no_bounce(news: str, head: str) -> None:
    body, subject = NEWSLETTERS[news]
    inbound = of(letter(body, subject=subject, head=head, sender="Shop <no-reply@n.example>"), THEM)
    assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", [])


TICKETS = (
    ("We have received your request (#4711). This is an automatic confirmation, do not reply.", "[#4711] Hello"),
    ("Vielen Dank für Ihre Nachricht. Dies ist eine automatische Eingangsbestätigung.", "Eingangsbestätigung: Hallo"),
    ("Your message to the list is held: posting by non-members needs approval.", "Your message awaits moderation"),
    ("The archive of bob@there.example has stored your message; it failed no policy.", "Archived"),
)


@pytest.mark.parametrize(("body", "subject"), TICKETS)
def test_what_a_desk_sends_by_itself_is_automatic(body: str, subject: str) -> None:
    for head in ("Auto-Submitted: auto-generated\n", "X-Auto-Response-Suppress: All\nPrecedence: bulk\n"):
        inbound = of(letter(body, subject=subject, head=head + ABOUT_OURS), THEM)
        assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", [])
