"""Who keeps a list notes in it who wants no more: these are heard, and what looks like it is a name.

Whatever is changed in the words or in how they are read has to keep all of these.
"""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.recipients.lists import Choices, from_json
from app.mail.addresses import normalize
from app.mail.remarks import names_no_one, wants_no_more
from app.mail.repairs import MOST_CELL, mend

JO, BO = "jo@example.com", "bo@example.net"

# Remarks as they stand behind an address.
HEARD_BEHIND = """
unsubscribed|Unsubscribed 2024-03-01|opted out|DO NOT EMAIL|[bounced]|stop|abgemeldet|désinscrit|de\u0301sinscrite
ne plus contacter|dado de baja|no longer wants mail|no mail|No emails please!|DNC|keine Werbung|kein Newsletter
bitte nicht anschreiben|pas de pub|baja|please stop!|stop since May|STOP!!! 3.5.|asked to stop|said stop|baja 2024
se dio de baja|please stop mailing|please remove|remove from list|never email|does not want emails|no further emails
un-subscribed|DNC 2024|wrote STOP|do_not_email|OPTED_OUT|HARD_BOUNCE|REPLIED_STOP|Werbewiderspruch|stop requested
keine weiteren Mails|ne souhaite plus de mails|solicitó la baja|desuscrito|please stop emailing me|stop contacting me
stop bitte|baja voluntaria|unsubsribed|blacklisted|Widerspruch|Abmeldung|gesperrt|suppressed|complained|no contact

STOP / not interested|STOP. Not interested|STOP - not interested|STOP Not interested|STOP NOT INTERESTED
STOP/unsubscribe|stop marketing|stop campaign|stop sequence|stop calling|stop messaging|stop list|stop GDPR
stop permanently|stop ASAP|STOP asap|stop these emails|stop it please|Stop it!|stop in May|stopped by client
stopped newsletter|stopped receiving|STOP DSGVO|Stop Kontakt|STOP danke|stop sofort|stop laut Kunde
stop wegen Beschwerde|stop Mai 2024|Stop Mai 2024|STOP - 3 May|Stop 3/5/24|Stop by phone|STOP MARKETING|Stop all
Stop all emails|STOP PLEASE|stop!!|stop...|stop + GDPR|stop = DSGVO|Stopped: wrote twice|STOP per client|stop RGPD
stop prospection|stop envoi|stop s'il vous plaît|stop s\u2019il vous plaît|stop publicité|Stop pub|Stop merci|stop AVG
stop aub|stop op verzoek|stop vanaf|stop sinds|stop invii|stop grazie|stop dal 2023|baja total|baja de la lista
baja newsletter|baja boletín|baja web|baja confirmada|baja a petición|Baja!|BAJA DE LA LISTA|pidió baja|pidio la baja
dio de baja|no quiere correos|no desea más correos|no quiere recibir más|se dio de baja en mayo

unsublist|UNSUBMAIL|unsubdate|unsubd|unsubs|unsubstribed|unsubsicribed|unsubstcribed|unsubscirbed|unsub.|UNSUB 3/24
unsuscribed|unsuscribe|un subscribed|un\u2013subscribed|opt\u2011out|opted\u2013out|opt out|opting out|optout
don\u00b4t mail|don`t mail|don\u2019t mail|don't e-mail|dont mail|DoNotMail|donotcontact|DONOTEMAIL|reported spam
reported as spam|reported us as spam|spam report|spam complaint|marked as spam|abuse complaint|no further contact
does not wish to be contacted|does not wish|doesn't want this|remove us|remove my email|remove asap|remove me
remove him from the list|Remove me please|REMOVE|removed 2024|Remove ASAP|removed on request|keine Kontaktaufnahme
keine weitere Mails|Werbesperre|bitte keine Werbung mehr|nicht mehr schreiben|nicht mehr kontaktieren|ne souhaite pas
ne désire plus|ne souhaite pas être contacté|ne plus écrire|désabonnée|de\u0301sabonne\u0301e|disiscrizione|rimosso
disiscritta|non contattare|niet meer mailen|niet meer benaderen|geen nieuwsbrief|uitgeschreven|descadastrado
não contactar|wypisany z listy|DNC per client|DNC asap|dnc, angry|DNE!|DNM|bounced 3x|hard bounce
Blacklisted by client|blacklisted since 2023|Abmeldung per Mail|Abmeldung Newsletter|Widerspruch vom 3.5.
hat sich abgemeldet|Kunde gesperrt|Widerspruch DSGVO|has complained|suppressed, legal|Soft Bounce Mailbox Full
Do Not Contact|Do Not Mail Again|Do Not Contact Per Client|Unsubscribed From List|Opted Out By Phone|No Further Emails
No Longer Works Here|Unsubscribed Acme Ltd|unsubscribed from Acme GmbH|Unsubscribed AB|opted out per Acme Inc
Never Email Again|Remove Me From List|No Marketing Please|No Emails|NO MAIL|No Mail|2024-05-03 STOP
\uff33\uff34\uff2f\uff30|Un\u200bsubscribed|STO\u00adP|stop\u00a0mailing|* STOP *|***DNC***|{STOP}|"unsubscribed"
'stop'

No Email Allowed|No Marketing Consent|No Newsletter Consent|No Email Permission|No Email Communication|Never Email Him
Never Email Client|Stop Sending Him|Dar de Baja Correo|No Mail -|Opted Out Group|Unsubscribed Group|Opted Out KG
Unsubscribed Verlag|Abgemeldet AG|Remove Client|No Mails Allowed|No Further Communication|Stop Writing Him
keinen Newsletter|wünscht keinen Kontakt|kein Kontakt|bitte abmelden|Abmelden|möchte nicht kontaktiert werden
soll nicht angeschrieben werden|Bitte austragen|auf Blacklist gesetzt|keine Zusendungen|Keine Infos mehr senden
pas d'emails|pas d\u2019e-mails svp|pas d'envoi|plus d'emails svp|ne plus m'écrire|ne pas démarcher|non vuole email
non vuole più ricevere|non desidera ricevere|NON CONTATTARE|rimuovere dalla lista|niet contacteren|geen nieuwsbrieven
geen contact|wil niet gemaild worden|não contatar|não quer receber|NÃO CONTATAR|descadastrar|ha pedido la baja
no desea ser contactado|no quiere que le escriban|no mandar correos|STOP STOP STOP|STOP-STOP|D.N.C.|d.n.c. since 2022
added to DNC list|on do not contact list|in blacklist|on the block list|asked not to be contacted|asked us not to email
should not be contacted|take me off the list|please take me off your list|Keep off list|off the mailing list
delete my data|no longer interested|removed at request|Removed At Client Request|Removed On Request
complained to support|bounced twice|stop the emails|stop your emails|Stop Contacting Me|stop spamming me
Widerspruch liegt vor|Abmeldung erhalten|Never Mail Her|No Newsletter Any More Please
"""

# What people have in brackets, or after a comma, that is none: firms and places, mostly.
FREE_BEHIND = """
work|Stoppard|optical outlet|Baja California|Stop & Shop|Non-Stop GmbH|Bounce GmbH|Stop Motion Studio|Stop Hunger Now
Stop 'n' Shop|Stop n Shop|Stop and Shop|Stop Telemarketing|Baja Ferries|Stop-Gap|1-Stop|One Stop|Stop-Gap Ltd
Baja Grill|Widerspruch Verlag|Suppressed Sounds|Blacklisted Bikes|Abmeldung GmbH|Stop24|Stop 24|Remove 1|DNE 1
Remover & Sons|Never Use Cash|Never Write Off|Remove Me Tattoo|Remove Them All Pest Control|Dar de Baja Abogados
Unsub GmbH|Opt Out Ltd|Opt-Out Records|Keine Werbung GmbH|Keine Werbung AG|Unsubtle Films|unsubstantiated|unsubmitted
unsubdued|One Stop Mail Shop|Pit Stop Mail|non-stop mailing|DNC Group|Stop und Go|Stop et Go|Baja y Sur|Bus Stop
Nonstop|Spam Museum|Sub Pop|Postbox|Main office|Contact|Marketing|Newsletter|Einkauf|Hauptstr. 3|private|old|VIP|2024
customer since 2019|met at fair|from Anna|ask for Tom|Nicht GmbH|Kein & Söhne|Stop Aids|Baja Mar|Baja Norte|DNE Labs
Stop the War Coalition|Stop by Design|Stop + Shop|Stop 24/7 Locksmiths|Baja del Sol|Opted Out Ltd|Stop Me Records
Stop Call Center|Stop Legal Aid|Stop Web Studio|Baja Web Design|DNC Communications|DNC Client Services|Stop Hate UK
STOP THE TRAFFIK|STOP HUNGER NOW|STOP+GO|Stop Writing Ltd|Remove It Ltd|Pas de Deux|Plus de Fleurs|Take Off Travel
Off the List Productions|Not To Be Missed Events|Kein Kontakt Verlag|Non Solo Vino|noch nicht kontaktiert
"""

# Whole cells.
HEARD_CELLS = [
    (f"Jo <{JO}> DO NOT EMAIL", "DO NOT EMAIL"),
    (f"{JO}, {BO} (no longer wants mail)", "no longer wants mail"),
    (f"Do not mail <{JO}>", "Do not mail"),
    (f"Unsubscribed - Jo Lee <{JO}>", "Unsubscribed"),
    (f"unsubscribed, {JO}", "unsubscribed"),
    (f"STOP; {JO}", "STOP"),
    (f"stop, {JO}", "stop"),
    (f"de baja, {JO}", "de baja"),
    (f"Jo Lee (asked to stop mailing) <{JO}>", "asked to stop mailing"),
    (f"{JO}, unsubscribed @ 3 May", "unsubscribed"),
    (f"Unsubscribed @ event <{JO}>", "Unsubscribed"),
    (f"Unsubscribed (@annlee) <{JO}>", "Unsubscribed"),
    (f"Jo <{JO}>; unsubscribed per boss@example.net", "unsubscribed per"),
    (f"{JO} (unsubscribed);ann@example.net", "unsubscribed"),
    (f"{JO},ann@example.net,unsubscribed", "unsubscribed"),
    (f"{JO} [unsubscribed]<{JO}>", "unsubscribed"),
    (f"{JO} (STOP) <{BO}>", "STOP"),
    (f"{JO}; STOP; <{BO}>", "STOP"),
    (f"{BO}; DNC <{JO}>", "DNC"),
    (f"{BO}, Unsubscribed - Jo Lee <{JO}>", "Unsubscribed"),
    (f"Never Mail <{JO}>", "Never Mail"),
    (f"Jo Lee No Mail <{JO}>", "Jo Lee No Mail"),
    (f"Widerspruch <{JO}>", "Widerspruch"),
    (f"{JO}, STOP, call instead", "STOP"),
    (f"{JO} (work) (unsubscribed)", "unsubscribed"),
    (f"stop contacting me; {JO}", "stop contacting me"),
    (f"removed on request; {JO}", "removed on request"),
    (f"Jo Lee; stop contacting me; {JO}", "stop contacting me"),
    (f"Jo Lee\nstop since May\n{JO}", "stop since May"),
    (f"'No Mail' <{JO}>", "'No Mail'"),
    (f'"Lee, Jo - DNC" <{JO}>', "DNC"),
    (f'Jo <{JO}>; DNC; "Bo" <{BO}>', "DNC"),
]
FREE_CELLS = [
    "Bounce Inc. <unsubscribe@example.com>",
    "do-not-reply@example.com (office)",
    "jo@stop.example (work)",
    f"unsubscribe@example.com, {JO}",
    "stop@example.com (work)",
    f"Jo <{JO}>, Non-Stop GmbH",
    f"Jo <{JO}>; Stop Motion <{BO}>",
    f"Jo <{JO}>; Abmeldung <abmeldung@b.example.org>",
    f"Jo <{JO}>; DNC <{BO}>",
    "info@dnc.org (DNC)",
    f'Jo <{JO}>; "Stop, Jan" <{BO}>',
    f'"Acme, Stop by Design" <{JO}>',
    f"Stop, Jan; {JO}",
    f"Stop, Jan, {JO}",
]

# In the place of a name: of its own, and in front of an address in brackets.
HEARD_NAMES = """
Do not mail|unsubscribed|DNC|Stop!|Jo Lee (opted out)|DO_NOT_EMAIL|STOP|Jo (stop)|Jo Lee [DNE]|DNC - Jo Lee|REMOVE
Jo Lee (STOP)|Jo Lee - DNC|Jo Lee \u2013 DNC|Jo Lee — DNC|DNC: Jo Lee|DNC / Jo Lee|DNC:Jo Lee|(Stop)|[DNC]|STOP (2024)
Jo Lee (bounced)|\uff33\uff34\uff2f\uff30|Un\u200bsubscribed|Désabonné|De\u0301sabonne\u0301|désinscrit
Unsubscribed - Jo Lee|STOP 2024|Jo Lee - do not mail|Jo Lee (please stop)|please stop|Stop please|STOP bitte
Jo Lee (stop since May)|*STOP* Jo Lee|Jo Lee (do not call)|Jo Lee (no longer works here)|Jo Lee (Unsubscribed 3/24)
Jo Lee unsubscribed|Jo Lee - UNSUB|Unsubscribed Jo Lee|Jo Lee DO NOT CONTACT|Do Not Contact Jo Lee
do not contact: Jo Lee|Jo Lee - Widerspruch|Jo Lee (gesperrt)|Abgemeldet - Jo Lee|Jo Lee (abgemeldet)|keine Werbung
Jo Lee (keine Mails)|Jo Lee (ne plus contacter)|Jo Lee (dado de baja)|de baja|Jo Lee (pidió la baja)
Jo Lee (disiscritto)|Jo Lee (niet mailen)|Jo Lee no mail|Jo Lee (No Mail)|No Mail|no emails please|NO MAIL
Jo Lee NO MAIL|Remove me|remove from list|never email|never mail|Dont mail|DoNotMail|opt\u2011out|Opted Out
don\u00b4t mail|spam complaint|HARD BOUNCE|Blacklisted|Suppressed|DNE|no contact|Removed 2024|removed|DNC 2024
DNC list|STOP, Jo Lee|Jo Lee (blacklisted)|Jo Lee (STOP / not interested)|"DNC" Jo Lee|Jo Lee (DNC per client)
Jo Lee {STOP}|Jo Lee; unsubscribed|Jo Lee, unsubscribed|Unsubscribed Acme Ltd|Jo Lee | STOP|Please remove me
Please Remove Me|Stop Mailing|stop mailing|Do Not Disturb|Jo Lee (Do Not Disturb)|Acme GmbH (DNC)
Jo Lee Never Email Again|Jo Lee Remove Me From List|Jo Lee No Marketing Emails|Jo Lee No Emails Please|'No Mail'
Jo Lee - No Email Allowed|Stop Merci|STOP 3. Mai
BOUNCED OCT|bounced jan|DNC May|dnc jan|DNC Jan.|Removed Jan|removed may|Stopped Jan|Blacklisted Sept|Complained May
Gesperrt Nov|Abmeldung Okt|Widerspruch Okt.|STOP OCT|Stop Dec|abmelden|bitte abmelden|Newsletter abbestellen
bitte aus Verteiler austragen|rimuovere dalla lista
"""
FREE_NAMES = """
Ann Stop|Jo Stop|Stop, Ann|Baja, Maria|Maria Baja|Baja|Jo Ray (Bounce)|Jo Kim, DNM|One Stop Mail Shop|Stop & Shop
One-Stop Mailing LLC|Jo's One Stop Email Marketing|Don't Panic Ltd|Ne Plus Ultra|No More Exploitation|Keiner Nicht
Unsubtle Films|Subtle Unsubtle Films|Remover & Sons|1-Stop|24 Stop|Pit Stop Mail|Redaktion Widerspruch|Stop24
Blacklisted Bikes|Widerspruch Verlag|Suppressed Sounds|Never Use Cash|Never Write Off|Remove Me Tattoo|Remove 1|DNE 1
Remove Them All Pest Control|Dar de Baja Abogados|Stop Motion Studio|Stop Hunger Now|Stop Telemarketing|Baja Ferries
Don't Disturb Records|Do Not Disturb Design|Opt Out Ltd|Stop Writing Ltd|Keine Werbung GmbH|Unsub GmbH|Bounce
Stop and Shop|Stop 'n' Shop|Baja California|Stop-Gap|Donna Notti|Bruno Mailer|Dr. Stopford|Opt Outram|Desai|Niete
Jo Lee|Lee, Jo|Jo Lee (work)|Jo Lee - Acme GmbH|Acme: Sales|Gordon Donot|Ray No|Marketing|Max Widersperger|Kein, Udo
Stop Smoking Clinic|Acme (Stop Motion Studio)|Jo (Baja California)|Jo (Baja)|Jo (No More War)|Never Again Books|Spam
Hard Rock Cafe|Nonstop Media|Casino Non Stop|Removals Ltd|Stopp & Co. KG|Widerspruch & Partner|Sperr Ludwig|DNE Labs
Ruhe - Stop & Go|O'Stop|Jan Stoppelman|Blacklist Records|Suppress Anna|Kontakt|Newsletter|Postler Kein|Notter|Optik
Stop the War Coalition|The Removed|Stop by Design|Stop + Shop|KFZ Abmeldung|Baja del Sol|Stop 24/7 Locksmiths|Stop, Jan
Jan Stop|April Stop|May Stop|June Stop|August Stop|Mai Stop|Merci Stop|Stop Jan|Jan Stop, MD|Oct Stop|JAN STOP|jan stop
stop jan|redaktion widerspruch|stop motion studio|stop hunger now|blacklisted bikes|STOP HUNGER NOW|BAJA DEL SOL
Stop Marketing GmbH|STOP MARKETING GMBH|Stop It Now|Stop at Nothing Films|The Suppressed|Tattoo Removed Studio
Don't Look Now|Do Not Pay Inc|No More Ltd|Ne Pas Plier|Stop, Drop & Roll|Jan Widerspruch|Stop 5 Bar|Stop/Start Digital
Merci Maman|Baja Mail Services|Removed Films
STOP AS|DNE AS|STOP AB|BAJA AB|DNC AB|Baja 1000|JAKOB DONT|jakob dont|Auto Abmelden|Kfz abmelden online|KFZ Abmelden
Abmelden.de|Zeitung austragen|Flyer Austragen Berlin|Rimuovere Tatuaggi
"""
# Alone, they are names.
NAMES_ALONE = {"baja", "Baja!", "DNM"}
FREE_IN_A_FIELD = ["Casino No Mail", "Never Mail", "Never Use", "Hotel Do Not Disturb"]
# By their address, these are names.
OF_THEIR_ADDRESS = [
    ("DNC", "info@dnc.org"),
    ("DNE", "a@dne.com"),
    ("Remove", "info@remove.bg"),
    ("Stop", "info@stop.example.com"),
    ("Opt-Out", "info@opt-out.example"),
    ("Abmeldung", "abmeldung@b.example.org"),
    ("Unsubscribe", "unsubscribe@example.com"),
]


def each(table: str) -> list[str]:
    """One a bar, or a line; a bar within a remark has blanks on both sides."""
    table = table.replace(" | ", "\0")
    return [one.replace("\0", " | ") for line in table.splitlines() for one in line.split("|") if one]


def said_of(cell: str) -> str:
    mended = mend(cell)
    assert mended is not None, cell
    return wants_no_more(cell, mended).get(mended.address, "")


@pytest.mark.parametrize("cell", [f"{JO} (…)", f"{JO}, …", f"{JO}; …", f"Jo <{JO}> (…)", f"{JO}\n…"])
def test_remarks_behind_an_address_are_heard_and_names_are_not(cell: str) -> None:
    unheard = [one for one in each(HEARD_BEHIND) if not said_of(cell.replace("…", one))]
    heard = [one for one in each(FREE_BEHIND) if said_of(cell.replace("…", one))]
    assert (unheard, heard) == ([], [])


IN_FRONT = [f"… <{JO}>", f'"…" <{JO}>', f"Lee; … <{JO}>", f'Lee; "…" <{JO}>']
PARTED = [f"…; {JO}", f"… | {JO}", f"…\n{JO}"]


def said_in(how: str, name: str) -> str:
    return said_of(how.replace("…", name)) if "…" in how else names_no_one(name, JO)


@pytest.mark.parametrize("how", ["as a field", *IN_FRONT, *PARTED])
def test_remarks_in_the_place_of_a_name_are_heard_and_names_are_not(how: str) -> None:
    unheard = [one for one in each(HEARD_NAMES) if not said_in(how, one)]
    heard = [one for one in each(FREE_NAMES) if said_in(how, one)]
    assert (unheard, heard) == ([], [])


@pytest.mark.parametrize("how", ["as a field", *IN_FRONT, *PARTED, f"…, {JO}", f"(…) {JO}"])
def test_what_can_be_no_name_is_heard_wherever_it_stands(how: str) -> None:
    unheard = [one for one in each(HEARD_BEHIND) if one not in NAMES_ALONE and not said_in(how, one)]
    heard = [one for one in each(FREE_BEHIND) if said_in(how, one)]
    assert (unheard, heard) == ([], [])


@pytest.mark.parametrize("name", each(HEARD_NAMES))
def test_a_name_is_heard_however_it_is_put_together(name: str) -> None:
    assert all(names_no_one(unicodedata.normalize(form, name), JO) for form in ("NFC", "NFD"))


@pytest.mark.parametrize("name", FREE_IN_A_FIELD)
def test_what_could_be_either_is_a_name_in_a_field_of_names(name: str) -> None:
    assert not names_no_one(name, JO)


@pytest.mark.parametrize(("name", "address"), OF_THEIR_ADDRESS)
def test_what_an_address_is_called_is_its_name(name: str, address: str) -> None:
    assert not names_no_one(name, address)
    assert not said_of(f"{name} <{address}>")


@pytest.mark.parametrize(("cell", "said"), HEARD_CELLS)
def test_who_is_said_to_want_no_more_is_not_written_to(cell: str, said: str) -> None:
    """The remark was left out, and the address taken."""
    told = from_json([cell, "ann@example.com"])
    assert [one.address for one in told] == ["ann@example.com"]
    (rejected,) = told.rejected
    assert f'"{said}' in rejected.reason
    # Of a list of those who want no more, it is one of them.
    assert next(iter(from_json([cell], choices=Choices(reads=normalize)))).address in {JO, BO}


@pytest.mark.parametrize("cell", FREE_CELLS)
def test_another_remark_or_name_keeps_nobody_out(cell: str) -> None:
    assert len(list(from_json([cell]))) == 1


def test_a_remark_in_the_place_of_a_name_is_told() -> None:
    """The dashboard parts what stands in front of angle brackets from the address."""
    told = from_json([{"email": JO, "name": "Jo Lee (STOP)"}, {"email": "ann@example.com", "name": "Ann Stop"}])
    assert [one.address for one in told] == ["ann@example.com"]
    assert '"Jo Lee (STOP)"' in told.rejected[0].reason
    assert [one.address for one in from_json([{"email": "info@dnc.org", "name": "DNC"}])] == ["info@dnc.org"]


def test_a_remark_in_front_of_another_address_is_about_that_one_alone() -> None:
    cell = f"Jo <{JO}>; DNC - Bo Ray <{BO}>; Cy <cy@example.org>"
    told = from_json([cell], choices=Choices(every_address=True))
    assert [one.address for one in told] == [JO, "cy@example.org"]
    assert [(one.email, '"DNC"' in one.reason) for one in told.rejected] == [(BO, True)]
    everybody = from_json([cell], choices=Choices(every_address=True, reads=normalize))
    assert [one.address for one in everybody] == [JO, BO, "cy@example.org"]


PIECES = [
    *(
        " ",
        "-",
        "!",
        ",",
        "|",
        "a",
        "\u0301",
        "stop ",
        "stop-",
        "do not ",
        "don't ",
        "no mail ",
        "No Mail ",
        "unsub",
        "un-",
    ),
    *(
        "removed",
        "removed!",
        "a <",
        "a@b ",
        ";a <b@c.de>",
        "4",
        "3.",
        "3/5/",
        "mai ",
        "Opt Out ",
        "blacklisted ",
        "please ",
    ),
    *("never mail ", "ne pas ", "bounced. ", "(", "é", "' ", "reported it ", "no quiere "),
]


@pytest.mark.parametrize("first", ["", "stop", "x ", "DNC ", f"{JO} "])
def test_a_hostile_text_takes_as_long_as_it_is(first: str) -> None:
    taken = mend(f"Jo <{JO}>")
    assert taken is not None
    for piece in PIECES:
        for last in ("", "x", "\u0301", "!", ">"):
            long = first + piece * (10_000 // len(piece)) + last
            began = time.process_time()
            names_no_one(long, JO)
            wants_no_more(f"{JO} {long[: MOST_CELL - 50]}{last}", taken)
            wants_no_more(f"{long[: MOST_CELL - 50]}{last} {JO}", taken)
            assert time.process_time() - began < 0.5, (piece, last)


@given(
    st.lists(st.sampled_from([*PIECES, "Stop ", "★", "\x00", "İ", ";", "\n", '"', "GmbH ", JO]), max_size=9).map(
        "".join
    )
)
def test_whatever_stands_there_is_read(text: str) -> None:
    names_no_one(text, JO)
    for cell in (f"{text} <{JO}>", f"{JO} {text}"):
        if (mended := mend(cell)) is not None:
            wants_no_more(cell, mended)


def test_a_sign_alone_in_the_place_of_a_name_is_none() -> None:
    assert names_no_one("★; do not", JO) == "★; do not"
