"""Messages that no person wrote: absence notes with the day of return, newsletters, receipts, complaints."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.mail.inbound.absence import back_on
from tests.support.letters import ABOUT_OURS, OUR_ID, RETURNED, THEM, US, letter, of

AWAY = "Auto-Submitted: auto-replied\n"

# Sent on 26 November 2026.
NOTES: dict[str, tuple[str, date | None]] = {
    "en": ("I am out of the office and will be back on Monday, December 7.", date(2026, 12, 7)),
    "en, until": ("I'm away until 4 January 2027. For urgent matters call Cy.", date(2027, 1, 4)),
    "en, from and to": ("I am on leave from November 25th to December 4th, 2026.", date(2026, 12, 4)),
    "en, returning": ("Away 23 Nov - 4 Dec, returning on 7 Dec.", date(2026, 12, 7)),
    "en, ISO": ("Back on 2026-12-07.", date(2026, 12, 7)),
    "en, next year": ("I return on January 11th.", date(2027, 1, 11)),
    "en, by numbers": ("I'll be back 11/30.", date(2026, 11, 30)),
    "en, either day": ("I'll be back 1/12/2026.", date(2026, 12, 1)),
    "de": ("Ich bin bis einschließlich 4. Dezember 2026 nicht im Büro.", date(2026, 12, 4)),
    "de, wieder da": (
        "Vom 20.11. bis 04.12.2026 im Urlaub. Ab dem 07.12.2026 bin ich wieder erreichbar.",
        date(2026, 12, 7),
    ),
    "de, zurück": ("Ich bin im Urlaub und am 7.12. zurück.", None),
    "de, am": ("Ich bin wieder da am 7. Dezember.", date(2026, 12, 7)),
    "fr": ("Je suis absente du bureau jusqu'au 4 décembre.", date(2026, 12, 4)),
    "fr, retour": ("Je serai de retour le lundi 7 décembre 2026.", date(2026, 12, 7)),
    "es": ("Estoy fuera de la oficina hasta el 4 de diciembre de 2026.", date(2026, 12, 4)),
    "es, vuelvo": ("Vuelvo el 7 de diciembre.", date(2026, 12, 7)),
    "it": ("Sono in ferie fino al 4 dicembre.", date(2026, 12, 4)),
    "it, rientro": ("Rientrerò il 7 dicembre 2026.", date(2026, 12, 7)),
    "nl": ("Ik ben afwezig tot en met 4 december.", date(2026, 12, 4)),
    "nl, terug": ("Ik ben terug op maandag 7 december.", date(2026, 12, 7)),
    "pt": ("Estou ausente até 4 de dezembro de 2026.", date(2026, 12, 4)),
    "pt, regresso": ("Regresso no dia 7 de dezembro.", date(2026, 12, 7)),
    "pl": ("Jestem nieobecny do 4 grudnia.", date(2026, 12, 4)),
    "pl, wracam": ("Wracam 7 grudnia 2026.", date(2026, 12, 7)),
    "no date": ("I am out of the office and will be back soon.", None),
    "a date of something else": ("Out of office. Our fair is on 9 December. We moved on 1 October 2026.", None),
    "a date long past": ("I was back on 4 March 2019.", None),
    "no day of any month": ("Back on 32 December.", None),
}


@pytest.mark.parametrize("note", NOTES)
def test_an_absence_note_says_when_its_writer_is_back(note: str) -> None:
    text, expected = NOTES[note]
    inbound = of(letter(text, subject="Automatic reply: A question about your roof", head=AWAY + ABOUT_OURS))
    assert (inbound.kind, inbound.back_on) == ("AUTO_REPLY", expected)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("I am out of the office until 15 November.", date(2026, 11, 27)),
        ("Ich bin bis 15.11. nicht im Haus.", date(2026, 11, 27)),
        ("I'll be back on 15/11.", date(2026, 11, 27)),
        ("I am away until 2 January.", date(2027, 1, 10)),
        ("I am away until 20 December.", date(2027, 1, 5)),
    ],
)
def test_a_note_that_was_left_on_names_no_day_to_come(text: str, sent: date) -> None:
    assert back_on(text, sent) is None
    assert back_on(text, sent - timedelta(days=40)) is not None


def test_a_month_that_is_over_is_next_years() -> None:
    assert back_on("I am back on 3 February.", date(2026, 12, 20)) == date(2027, 2, 3)
    assert back_on("I am away until 29 February.", date(2027, 12, 20)) == date(2028, 2, 29)


def test_a_note_without_a_date_of_its_own_needs_a_year() -> None:
    assert back_on("Back on 7 December.", None) is None
    assert back_on("Back on 7 December 2026.", None) == date(2026, 12, 7)


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Hello",
        "Out of Office: Hello",
        "Abwesenheitsnotiz: Hallo",
        "Automatische Antwort: Hallo",
        "Réponse automatique : Bonjour",
        "Respuesta automática: Hola",
        "Risposta automatica: Ciao",
        "Automatisch antwoord: Hallo",
        "Resposta automática: Olá",
        "Automatyczna odpowiedź: Witam",
    ],
)
def test_an_absence_note_is_known_by_its_subject_alone(subject: str) -> None:
    assert of(letter("I am not here.", subject=subject, head=ABOUT_OURS)).kind == "AUTO_REPLY"
    assert of(letter("Welcome back!", subject=f"Re: {subject}", head=ABOUT_OURS)).kind == "REPLY"


@pytest.mark.parametrize(
    ("head", "sign"),
    [
        (AWAY, "AUTO_SUBMITTED"),
        ("X-Autoreply: yes\n", "X_AUTOREPLY"),
        ("X-Autorespond: Hello\n", "X_AUTOREPLY"),
        ("Precedence: bulk\n", "PRECEDENCE"),
        ("Precedence: auto_reply\n", "PRECEDENCE"),
        ("Return-Path: <>\n", "EMPTY_RETURN_PATH"),
        ("List-Unsubscribe: <https://news.example/u>\nPrecedence: bulk\n", "LIST"),
    ],
)
def test_what_a_program_sends_is_automatic(head: str, sign: str) -> None:
    inbound = of(letter("We got your message.", subject="We got your message", head=head))
    assert inbound.kind == "AUTO_REPLY"
    assert sign in inbound.signs


@pytest.mark.parametrize(
    "head",
    [
        "Auto-Submitted: no\n",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply\n",
        "Precedence: list\nList-Id: <roofs.there.example>\n",
        "X-Autoreply: no\n",
    ],
)
def test_a_person_behind_a_list_or_a_careful_server_stays_a_person(head: str) -> None:
    inbound = of(letter("Sure, call me.", head=head + ABOUT_OURS))
    assert inbound.kind == "REPLY"


@pytest.mark.parametrize("sender", ["no-reply@there.example", "donotreply@there.example", "postmaster@there.example"])
def test_who_answers_is_a_person_even_behind_an_address_of_a_machine(sender: str) -> None:
    assert of(letter("Here is our newest.", subject="News", sender=sender)).kind == "AUTO_REPLY"
    assert of(letter("Sure, call me.", sender=sender, head=ABOUT_OURS)).kind == "REPLY"


def test_a_receipt_is_no_answer() -> None:
    body = (
        "--a\nContent-Type: text/plain\n\nYour message was displayed.\n--a\nContent-Type:"
        " message/disposition-notification\n\n"
        f"Final-Recipient: rfc822; {THEM}\nDisposition: manual-action/MDN-sent-automatically; displayed\n--a--\n"
    )
    head = 'Content-Type: multipart/report; report-type=disposition-notification; boundary="a"\n'
    inbound = of(letter(body, subject="Read: A question", head=head))
    assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", [])


def _complaint(fields: str) -> bytes:
    body = (
        f"--a\nContent-Type: text/plain\n\nThis is an abuse report.\n--a\nContent-Type: message/feedback-report\n\n"
        f"{fields}"
        f"\n--a\nContent-Type: message/rfc822\n\n{RETURNED}\n--a--\n"
    )
    head = 'Content-Type: multipart/report; report-type=feedback-report; boundary="a"\n'
    return letter(body, subject="FW: A question", head=head, sender="fbl@provider.example")


def test_a_complaint_is_known_whoever_it_leaves_out() -> None:
    inbound = of(_complaint(f"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <{THEM}>\n"))
    assert (inbound.kind, inbound.complaint) == ("COMPLAINT", "abuse")
    assert [told.recipient for told in inbound.reports] == [THEM]
    assert inbound.returned_ids == [OUR_ID]
    redacted = of(_complaint("Feedback-Type: abuse\nVersion: 1\nUser-Agent: x/1\n"))
    assert (redacted.kind, [told.recipient for told in redacted.reports]) == ("COMPLAINT", [THEM])


def test_a_report_on_signatures_is_no_complaint() -> None:
    assert of(_complaint("Feedback-Type: auth-failure\nVersion: 1\n")).kind == "AUTO_REPLY"


def test_the_complaint_of_outlook_com_is_known_by_one_field() -> None:
    body = f"--a\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: {THEM}\n{RETURNED}\n--a--\n"
    head = 'Content-Type: multipart/mixed; boundary="a"\n'
    inbound = of(letter(body, subject="complaint about message", head=head, sender="staff@provider.example"))
    assert (inbound.kind, [told.recipient for told in inbound.reports]) == ("COMPLAINT", [THEM])


def test_an_absence_note_is_no_bounce_whatever_our_subject_was() -> None:
    text = "Bob does not work here any more, his mailbox is not read. Write to cy@there.example.\n"
    for subject in ("Automatic reply: Delivery failure notice", "Out of Office: Undelivered mail"):
        inbound = of(letter(text, subject=subject, head=f"Return-Path: <>\n{AWAY}{ABOUT_OURS}"))
        assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", [])


def test_a_newsletter_is_no_bounce_even_if_it_is_about_bounces() -> None:
    text = f"Why delivery fails: user unknown, mailbox full. 550 5.1.1 explained. Questions? {US}\n"
    inbound = of(letter(text, subject="Undelivered mail and you", head="Precedence: bulk\nList-Id: <n.example>\n"))
    assert (inbound.kind, inbound.reports) == ("AUTO_REPLY", [])
