"""People's answers: the new part, in the ways of mail programs and languages; and wishes for no more."""

from __future__ import annotations

import pytest

from tests.support.letters import ABOUT_OURS, OUR_ID, THEM, US, daemon, fields, letter, of, report

QUOTED = "> Hello Bob,\n>\n> may I ask about your roof?\n"
PLAIN = "Hello Bob,\n\nmay I ask about your roof?\n"

ANSWERS = {
    "Gmail": f"Sure, call me.\n\nOn Thu, Nov 26, 2026 at 10:00 AM Ann <{US}> wrote:\n\n{QUOTED}",
    "Gmail, broken over lines": f"Sure, call me.\n\nOn Thu, Nov 26, 2026 at 10:00 AM Ann of the Company\n<{US}>"
    f" wrote:\n\n{QUOTED}",
    "Apple Mail": f"Sure, call me.\n\n> On 26 Nov 2026, at 10:00, Ann <{US}> wrote:\n> \n{QUOTED}",
    "Outlook": f"Sure, call me.\n\n________________________________\nFrom: Ann <{US}>\nSent: Thursday, November 26,"
    f" 2026 10:00\nTo: Bob\n"
    f"Subject: A question\n\n{PLAIN}",
    "old Outlook": f"Sure, call me.\n\n-----Original Message-----\nFrom: Ann\n\n{PLAIN}",
    "below the quote": f"On Thu, 26 Nov 2026 Ann <{US}> wrote:\n{QUOTED}\nSure, call me.\n",
    "with a signature": "Sure, call me.\n\n-- \nBob Smith\nRoofs and more\n",
    "German": f"Sure, call me.\n\nAm Do., 26. Nov. 2026 um 10:00 Uhr schrieb Ann <{US}>:\n\n{QUOTED}",
    "German Outlook": f"Sure, call me.\n\nVon: Ann <{US}>\nGesendet: Donnerstag, 26. November 2026 10:00\nAn: Bob\n"
    f"Betreff: Frage\n\n{PLAIN}",
    "French": f"Sure, call me.\n\nLe jeu. 26 nov. 2026 à 10:00, Ann <{US}> a écrit :\n\n{QUOTED}",
    "French Outlook": f"Sure, call me.\n\nDe : Ann <{US}>\nEnvoyé : jeudi 26 novembre 2026 10:00\nÀ : Bob\nObjet :"
    f" Question\n\n{PLAIN}",
    "Spanish": f"Sure, call me.\n\nEl jue, 26 nov 2026 a las 10:00, Ann (<{US}>) escribió:\n\n{QUOTED}",
    "Italian": f"Sure, call me.\n\nIl giorno gio 26 nov 2026 alle ore 10:00 Ann <{US}> ha scritto:\n\n{QUOTED}",
    "Dutch": f"Sure, call me.\n\nOp do 26 nov. 2026 om 10:00 schreef Ann <{US}>:\n\n{QUOTED}",
    "Portuguese": f"Sure, call me.\n\nEm qui., 26 de nov. de 2026 às 10:00, Ann <{US}> escreveu:\n\n{QUOTED}",
    "Polish": f"Sure, call me.\n\nczw., 26 lis 2026 o 10:00 Ann <{US}> napisał(a):\n\n{QUOTED}",
}


@pytest.mark.parametrize("program", ANSWERS)
def test_only_what_is_new_is_the_answer(program: str) -> None:
    inbound = of(letter(ANSWERS[program], head=ABOUT_OURS))
    assert (inbound.kind, inbound.text) == ("REPLY", "Sure, call me.")
    assert inbound.in_reply_to == inbound.references == [OUR_ID]


def test_answers_between_the_lines_of_a_quote_are_all_kept() -> None:
    text = f"On Thu, 26 Nov 2026 Ann <{US}> wrote:\n> Is it a flat roof?\nYes.\n> Is it old?\nVery.\n"
    assert of(letter(text)).text == "Yes.\nVery."


def test_an_answer_below_what_it_quotes_unmarked_is_not_lost() -> None:
    assert of(letter("-----Original Message-----\nFrom: Ann\n\nMay I ask?\n\nSure, call me.")).text.endswith(
        "Sure, call me."
    )
    assert of(letter("On Tuesday we can meet. As Bob wrote:\n\nIt leaks.")).text.endswith("It leaks.")


def test_of_html_alone_the_new_part_is_read_and_what_is_shown_is_clean() -> None:
    html = (
        '<div onclick="x()">Sure, <b>call</b> me.<script>alert(1)</script><img src="javascript:x"><img'
        ' src="https://t.example/p.gif">'
        '</div><div class="gmail_quote"><div>On Thu Ann wrote:</div><blockquote>Hello Bob</blockquote></div>'
    )
    inbound = of(letter(html, head="Content-Type: text/html; charset=utf-8\n"))
    assert inbound.text == "Sure, call me."
    assert inbound.html is not None
    assert "<b>call</b>" in inbound.html
    assert "Hello Bob" in inbound.html
    for harm in ("script", "onclick", "alert"):
        assert harm not in inbound.html


def test_facts_of_an_answer() -> None:
    head = (
        f"{ABOUT_OURS}Cc: Cy <cy@there.example>\nDelivered-To: ann+q7Zk2mT4vB9xW1cR8sLd@sender.example\nMessage-ID:"
        f" <1@there.example>\n"
        "X-Microsoft-Original-Message-ID: <o@sender.example>\nAuthentication-Results: mx.sender.example; dkim=pass\n"
        'Content-Type: multipart/mixed; boundary="a"\n'
    )
    body = (
        "--a\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n"
        "--a\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=UTF-8''Dachpl%C3%A4ne.pdf\n"
        "Content-Transfer-Encoding: base64\n\nAAAA\n--a--\n"
    )
    sender = "=?utf-8?q?Bj=C3=B6rn?= =?utf-8?q?_B?= <Bob@There.example>"
    inbound = of(letter(body, head=head, subject="=?utf-8?b?R3LDvMOfZQ==?=", sender=sender))
    assert (inbound.kind, inbound.text, inbound.subject) == ("REPLY", "Grüße", "Grüße")
    assert (inbound.sender, inbound.sender_name) == (THEM, "Björn B")
    assert inbound.to == [US, "cy@there.example"]
    assert (inbound.message_id, inbound.original_ids) == ("1@there.example", ["o@sender.example"])
    assert inbound.attachments == ["Dachpläne.pdf"]
    assert inbound.tokens == ["q7zk2mt4vb9xw1cr8sld"]
    assert inbound.authentication == ["mx.sender.example; dkim=pass"]
    assert inbound.date is not None
    assert inbound.date.isoformat() == "2026-11-26T10:00:00+00:00"


BOUNCE = report(f"<{THEM}>: 550 5.1.1 no such user\n", fields("smtp; 550 5.1.1 no such user", "5.1.1")).decode()


@pytest.mark.parametrize(
    "raw",
    [
        letter(f"I got this, what is wrong?\n\n{BOUNCE}", head=ABOUT_OURS),
        letter(
            "".join(f"> {line}\n" for line in BOUNCE.split("\n")), subject="Re: Undelivered Mail Returned to Sender"
        ),
        letter(
            f"--a\nContent-Type: text/plain\n\nsee below\n--a\nContent-Type: message/rfc822\n\n{BOUNCE}\n--a--\n",
            subject="Fwd: Undelivered Mail Returned to Sender",
            head='Content-Type: multipart/mixed; boundary="a"\n',
        ),
        letter(
            "--a\nContent-Type: text/plain\n\nsee below\n--a\nContent-Type: message/delivery-status\n\n"
            + fields("smtp; 550 5.1.1 no such user", "5.1.1")
            + "\n--a--\n",
            subject="Fwd: Undelivered Mail Returned to Sender",
            head='Content-Type: multipart/mixed; boundary="a"\n',
        ),
        letter(
            "Our mailbox was full, the mail failed with 550 5.2.2. Please send it again to bob@there.example.",
            head=ABOUT_OURS,
        ),
        letter(
            "We do not deliver on Mondays; delivery failed last week, user unknown at the door.",
            subject="Delivery problem",
        ),
    ],
)
def test_a_person_who_quotes_a_bounce_is_a_person(raw: bytes) -> None:
    inbound = of(raw)
    assert (inbound.kind, inbound.reports) == ("REPLY", [])


STOPS = """\
STOP|Stop.|stop!|please stop|Unsubscribe|unsubscribe me please|Remove me from your list
Please remove me from this mailing list.
Take me off your list, thanks|opt out|Please stop emailing me|Stop sending me emails|Do not contact me again
Don't email me anymore
no more emails|I want to unsubscribe
Bitte melden Sie mich ab|Abmelden|Bitte nehmen Sie mich aus Ihrem Verteiler|Keine weiteren E-Mails
Schreiben Sie mir nicht mehr
Bitte entfernen Sie mich aus der Liste|Ich möchte mich abmelden|abbestellen
Désabonnez-moi|Arrêtez de m'écrire|Me désinscrire, merci|Retirez-moi de votre liste|Ne me contactez plus
Plus d'emails svp
Se désabonner|Supprimez-moi de vos fichiers
Baja|Darme de baja|No me escriba más|No me envíen más correos, gracias|Elimíneme de su lista|cancelar suscripción
Cancellatemi dalla lista|Rimuovimi|Non scrivetemi più, grazie|Disiscrivetemi|Niente più mail|smettete di scrivermi
Afmelden|Schrijf mij uit|Meld mij af van deze lijst|Geen mails meer a.u.b.|Verwijder mij uit de lijst
Mail mij niet meer
Remover|Remova-me da lista|Não quero mais emails|Descadastrar|Pare de me enviar emails|Não me contacte mais
Wypisz mnie|Proszę o wypisanie z listy|Usuńcie mnie z bazy|Nie piszcie do mnie więcej|Wypisuję się
Nie wysyłajcie mi więcej wiadomości
Kindly unsubscribe me|Remove us from your mailing list|Unsubscribe. Thank you in advance.
Not interested. Please remove me.
Bitte aus dem Verteiler nehmen|Bitte um Löschung aus Ihrem Verteiler|Ich möchte keine E-Mails mehr erhalten
Bitte nicht mehr kontaktieren|Newsletter abbestellen, vielen Dank im Voraus
Merci de me désinscrire|Merci de me retirer de votre liste|Veuillez supprimer mon adresse de votre base
Ne plus m'écrire svp
Je ne souhaite plus recevoir vos mails|Merci de ne plus me contacter
Desuscribirme|Quiero desuscribirme|Solicito la baja|No deseo recibir más correos
Eliminarme de la lista, gracias de antemano
Vi prego di cancellarmi dalla lista|Vorrei disiscrivermi|Non desidero ricevere più mail
Graag afmelden|Graag uit de lijst verwijderen|Ik wil me afmelden|Gelieve mij uit te schrijven|Wilt u mij uitschrijven?
Favor remover meu email da lista|Não desejo receber mais emails|Quero me descadastrar
Proszę usunąć mnie z listy|Proszę mnie wypisać|Nie chcę otrzymywać maili|Proszę o usunięcie moich danych z bazy"""


@pytest.mark.parametrize("text", STOPS.replace("\n", "|").split("|"))
def test_who_says_stop_and_nothing_else_wants_no_more(text: str) -> None:
    assert (
        of(letter(f"{text}\n\nSent from my iPhone\n\nOn Thu, Nov 26, 2026 Ann <{US}> wrote:\n{QUOTED}")).kind
        == "UNSUBSCRIBE"
    )


@pytest.mark.parametrize(
    "line",
    [
        "Get Outlook for iOS",
        "Outlook für iOS beziehen",
        "Holen Sie sich Outlook für Android",
        "Gesendet von Outlook für iOS",
        "Obtenir Outlook pour iOS",
        "Télécharger Outlook pour Android",
        "Obtener Outlook para iOS",
        "Envoyé à partir de Outlook pour Android",
        "Envoyé à partir de Courrier pour Windows",
        "Envoyé de mon iPhone",
        "Von meinem iPhone gesendet",
        "Diese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.",
        "Yahoo Mail: Search, Organize, Conquer",
    ],
)
@pytest.mark.parametrize("text", ["Stop", "Abmelden", "Désabonner", "Unsubscribe"])
def test_what_a_program_adds_below_is_not_said(text: str, line: str) -> None:
    assert of(letter(f"{text}\n\n{line}")).kind == "UNSUBSCRIBE"


@pytest.mark.parametrize(
    "text",
    [
        "Bitte melden Sie mich ab.\n\nMit freundlichen Grüßen\nMax Müller\nGeschäftsführer\nAcme GmbH",
        "Please remove me from your list.\n\nThanks,\nJohn",
        "Stop.\n\nKind regards, John Smith\nAcme Ltd",
        "STOP\n\nCarl Customer",
        "Unsubscribe\ncarl",
        "Désabonnez-moi\n\nBien cordialement,\nJean de la Tour",
        "Afmelden\n\nMet vriendelijke groet,\nJan van der Meer",
        "Unsubscribe\n\nRegards\nJohn Smith\nwww.example.com",
        "Unsubscribe\n\nRegards,\nJohn Smith\njohn@example.com\nTel.: +49 (30) 123-456",
        "STOP\n\nTHANKS\nCARL CUSTOMER",
        "Stop.\n\nThanks!\nDr. Max Abt\n10115 Berlin",
        "Please remove me from your list\n\nBest regards\nJane Roe\nHead of Order Processing",
    ],
)
def test_whoever_says_stop_may_sign_it(text: str) -> None:
    body = f"{text}\n\nOn Thu, Nov 26, 2026 Ann <{US}> wrote:\n{QUOTED}"
    assert of(letter(body, sender="Carl Customer <carl@there.example>")).kind == "UNSUBSCRIBE"


@pytest.mark.parametrize(
    ("writer", "text"),
    [
        ("Max Mustermann", f"Bitte abmelden.\n\nMit freundlichen Grüßen\n{signature}")
        for signature in (
            "Max Mustermann\nMuster GmbH\nTelefon: 030 123456",
            "i. A. Max Mustermann",
            "i.V. Max Mustermann\nLeiter Einkauf",
            "Dipl.-Ing. Max Mustermann\nMusterstraße 12a, 10115 Berlin\nmax@muster.de<mailto:max@muster.de>",
            "Max Mustermann\nMuster GmbH & Co. KG\nMusterweg 1\n10115 Berlin\n\nTel.: +49 30 1234-0\n"
            "Fax: +49 30 1234-99\nE-Mail: max@muster.de\nWeb: https://muster.de\n\n"
            "Geschäftsführer: Erika Muster\nAmtsgericht Berlin, HRB 12345",
        )
    ]
    + [
        ("John Smith", f"Remove me\n\nThanks,\nJohn Smith\n{signature}")
        for signature in (
            "Cell: 555-123-4567",
            "Office: 555-123-4567\nDirect: 555-123-4568 ext. 12",
            "Ph: 555-123-4567",
            "Tel: 555-123-4567 | Mob: 555-123-4568",
            "Head of IT, Acme Inc. • 350 Fifth Avenue, New York, NY 10118 • office 555-123-4567",
            "ACME ROOFS AND WINDOWS",
        )
    ]
    + [
        ("Jan de Vries", "Uitschrijven aub.\n\nMet vriendelijke groet,\nJan de Vries\nTelefoon: 020 1234567"),
        ("Jan", "Afmelden\n\nMet vriendelijke groet,\nvan Dijk Transport B.V."),
        ("Jane Roe", "Stop\n\nJane Roe\nOrder Management\nACME GmbH\nTel. +49 30 123456"),
        ("Marie Durand", "Stop\n\nCordialement,\nMarie Durand\nTél : 01 23 45 67 89"),
        ("Juan Pérez", "Dar de baja\n\nSaludos,\nJuan Pérez\nMóvil: 600 123 456"),
        ("Jan Kowalski", "Proszę o usunięcie z bazy.\n\nPozdrawiam\nJan Kowalski\nul. Długa 5"),
        ("Jan Kowalski", "Wypisz mnie\n\nPozdrawiam\nmgr inż. Jan Kowalski\nFirma Sp. z o.o.\ntel. 600 123 456"),
        ("", "Stop\nThanks,\nJohn\nACME"),
        ("Ana López", "Darme de baja\n\nUn saludo\nana"),
        ("Michael Smith", "remove me\nthanks\nmike"),
        ("", "remove me\nthanks\njsmith"),
        ("John Smith", "Unsubscribe\n\nJohn Smith\nAcme Ltd\n555-123-4567"),
        ("John Smith", "Remove me\n\nThank you in advance,\nJohn"),
        ("John Smith", "Remove me.\n\nThanks for your understanding.\n\nBest regards,\nJohn Smith, CEO"),
        ("John Smith", "Remove me.\n\nThanks and regards,\nJohn"),
        ("Max Abt", "Bitte abmelden.\n\nVielen Dank für Ihr Verständnis und freundliche Grüße\nMax Abt"),
    ],
)
def test_a_signature_is_names_and_how_to_reach_them(writer: str, text: str) -> None:
    assert of(letter(text, sender=f"{writer} <jsmith@there.example>")).kind == "UNSUBSCRIBE"


@pytest.mark.parametrize(
    "text",
    [
        "stop\nthanks\nnot",
        "Stop\nThanks\nTomorrow",
        "Remove me\nThanks\nKidding",
        "remove me\nthanks\nreconsidering",
        "Please stop\n\nThanks\nCall Me Tomorrow",
        "Please stop\n\nBest\nSend Invoice Tuesday",
        "Unsubscribe\nCheers\nCall Me Tomorrow",
        "Stop\nThanks\nCall me on 555 123 4567",
        "Stop\nThanks\nJohn\nBut not my brother: bob@there.example",
        "STOP\nTHANKS\nSEE YOU MONDAY",
        "STOP\nTHANKS\nWRONG LETTER PERHAPS",
        "Stop\nDanke\nRufen Sie Mich Morgen An",
        "Stop\nMerci\nDemain",
        "Remove me\nCarl Customer\nwas my old name",
        "Remove me\nThanks\nExcept From Invoices",
        "No more emails\n\nCarl\nPhone Calls: Preferred",
        "Stop\nRegards\nCancel Order 5",
        "Stop\nMerci\nSauf Factures",
    ],
)
@pytest.mark.parametrize("writer", ["", "Carl Customer"])
def test_what_speaks_below_a_stop_is_no_signature(text: str, writer: str) -> None:
    assert of(letter(text, sender=f"{writer} <carl@there.example>")).kind == "REPLY"


@pytest.mark.parametrize(
    "text",
    [
        "Stop.\n\nThanks\nCall me about the offer instead",
        "STOP.\n\nTHANKS\nCALL ME ABOUT THE OFFER INSTEAD",
        "STOP.\n\nTHANKS\nCALL JOHN",
        "NO MORE EMAILS PLEASE.\n\nTHANKS BUT CALL MY OFFICE TOMORROW AT 10",
        "Stop!!!\n\nThanks :) Ok, so how do I buy it",
        "Stop.\n\nThanks. Now I am in, so how do we do it?",
        "Please remove.\nThanks, but not me, my ex",
        "Please remove me from the list.\n\nThanks. Use bob@x.io",
        "Remove me\nDanke an Dr. Abt für die PDF",
        "Stop\n\nThanks\n\u8bf7\u8054\u7cfb\u6211\u7684\u540c\u4e8b\uff0c\u4ed6\u8d1f\u8d23\u91c7\u8d2d",
        "Stop\n\nThanks, really?",
        "Yes, gladly.\n\nRegards\nStop Sign Ltd",
        "Stop by on Monday.\n\nBest,\nJohn",
        "Don't stop.",
        "Please do not stop writing to me",
        "We stopped buying roofs, but send me a list",
        "No more questions, we take it",
        "I cannot unsubscribe from your offer, it is too good",
        "Remove the second item from the offer, please",
        "Piszcie do mnie",
        "Proszę kontaktować się ze mną",
        "Schreiben Sie mir",
        "Melden Sie sich",
        "Rezygnuję z oferty na dach",
        "Keine Ahnung",
        "Baja el precio y hablamos",
        "Merci de me rappeler",
        "Merci de m'envoyer vos tarifs",
        "Graag",
        "Graag meer informatie",
        "Proszę usunąć drugi punkt",
        "Proszę o ofertę",
        "Bitte nehmen Sie Platz",
        "Not interested",
        "Pare aqui na segunda",
        "",
        "no",
        "Thanks",
    ],
)
def test_who_says_more_is_read_by_a_person(text: str) -> None:
    assert of(letter(text)).kind == "REPLY"


def test_a_mail_to_unsubscribe_says_so_in_its_subject() -> None:
    assert of(letter("", subject="unsubscribe")).kind == "UNSUBSCRIBE"
    assert of(letter("This message was automatically generated by Gmail.", subject="Unsubscribe")).kind == "UNSUBSCRIBE"
    assert of(letter("", subject="Re: AW: Unsubscribe")).kind == "UNSUBSCRIBE"
    assert of(letter("When can you come?", subject="unsubscribe")).kind == "REPLY"
    assert of(letter("", subject="Re: Our offer")).kind == "REPLY"


def test_a_daemon_that_says_stop_is_no_person() -> None:
    assert of(daemon("Stop", subject="Delivery stopped")).kind != "REPLY"


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<script>alert(1)</script><p onclick=alert(2)>a", "<p>a</p>"),
        ("<form action=https://e.example><input name=password><button>b</button></form>", "b"),
        ('<meta http-equiv=refresh content="0;url=https://e.example"><base href=https://e.example>c', "c"),
        ("<link rel=stylesheet href=https://e.example/a.css><style>@import url(https://e.example)</style>d", "d"),
        ("<svg onload=alert(1)><a xlink:href=javascript:alert(2)>x</a></svg>e", "e"),
        ("<iframe srcdoc=x></iframe><object data=//e.example></object><embed src=//e.example>f", "f"),
        ("<body background=https://e.example/a><table background=https://e.example/b>g", "g<table></table>"),
        ("<picture><source srcset=https://e.example/a></picture><video poster=https://e.example/b>h", "h"),
        (
            '<img src="https://e.example/a" srcset="https://e.example/b 2x" onerror=alert(1)>',
            '<img src="https://e.example/a">',
        ),
        ('<img src="/api/senders"><img src="//e.example/a"><img src=data:image/png;base64,AA>', "<img><img><img>"),
        ('<p style="background:url(https://e.example);position:fixed;color:red">i', '<p style="color:red">i</p>'),
        ('<a href="/settings" target=_top ping=//e.example>k</a>', '<a rel="noopener noreferrer nofollow">k</a>'),
        ('<a href=" java&#115;cript:alert(1)">l</a>', '<a rel="noopener noreferrer nofollow">l</a>'),
        ("<!--[if IE]><script>alert(1)</script><![endif]--><template><p>x</template>m", "m"),
    ],
)
def test_html_of_strangers_runs_nothing_sends_nothing_and_names_no_place_of_ours(html: str, clean: str) -> None:
    assert of(letter(html, head="Content-Type: text/html\n")).html == clean


def test_a_text_of_html_that_is_longer_than_is_kept_is_kept_in_part() -> None:
    for html in ("<p>" + "x" * 300_000, "x" * 300_000, "<p>" + "x" * 65_530 + "<a href=https://there.example/>y</a>"):
        inbound = of(letter(html, head="Content-Type: text/html\n"))
        assert inbound.text.startswith("xxx")
        assert len(inbound.text) <= 65_536


def test_no_name_turns_around_what_is_shown_beside_it() -> None:
    named = "=?utf-8?q?Ann=E2=80=AE=1B[31m?="
    attached = (
        "--b\nContent-Type: text/plain\n\nHello\n--b\nContent-Type: application/pdf\n"
        "Content-Disposition: attachment; filename*=utf-8''inv%E2%80%AEfdp.exe%0D%0A\n\nx\n--b--\n"
    )
    message = of(
        letter(
            attached,
            subject="=?utf-8?q?Re=E2=81=A6:_roof=00?=",
            sender=f'"{named}" <bob@there.example>',
            head="MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
        )
    )
    assert (message.sender_name, message.subject) == ("Ann[31m", "Re: roof\N{REPLACEMENT CHARACTER}")
    assert message.attachments == ["invfdp.exe"]
