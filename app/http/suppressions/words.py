"""The texts of the page to unsubscribe, in the languages of its readers; `{sender}` and `{recipient}` are filled in."""

from __future__ import annotations

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """In one language. Without a sender and a recipient, since the email is gone, `ask_nobody` and `done_nobody`."""

    title: str
    ask: str
    ask_nobody: str
    button: str
    done: str
    done_nobody: str
    on_its_way: str
    mistake: str
    undo: str
    unknown: str
    too_many: str
    failed: str


WORDS = {
    "en": Words(
        title="Unsubscribe",
        ask="{sender} wrote to {recipient}. Should no more emails come from there?",
        ask_nobody="Should no more of these emails come?",
        button="Unsubscribe",
        done="{recipient} will get no more emails from {sender}.",
        done_nobody="No more of these emails will come.",
        on_its_way="What is on its way already may still arrive.",
        mistake="Was that a mistake?",
        undo="Go on getting these emails",
        unknown="This link is not valid. Please open it once more from the email, as a whole.",
        too_many="Too many links that are not valid were opened from here. Please try again in a quarter of an hour.",
        failed="That did not work. Please try again in a moment.",
    ),
    "de": Words(
        title="Abmelden",
        ask="{sender} hat an {recipient} geschrieben. Sollen von dort keine E-Mails mehr kommen?",
        ask_nobody="Sollen keine dieser E-Mails mehr kommen?",
        button="Abmelden",
        done="{recipient} bekommt keine E-Mails mehr von {sender}.",
        done_nobody="Es kommen keine dieser E-Mails mehr.",
        on_its_way="Was schon unterwegs ist, kann noch ankommen.",
        mistake="War das ein Versehen?",
        undo="Diese E-Mails weiter bekommen",
        unknown="Dieser Link ist nicht gültig. Bitte öffnen Sie ihn noch einmal vollständig aus der E-Mail.",
        too_many="Von hier wurden zu viele ungültige Links geöffnet. Bitte in einer Viertelstunde noch einmal.",
        failed="Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal.",
    ),
    "fr": Words(
        title="Se désabonner",
        ask="{sender} a écrit à {recipient}. Ne plus recevoir d'e-mails de cet expéditeur ?",
        ask_nobody="Ne plus recevoir ces e-mails ?",
        button="Se désabonner",
        done="{recipient} ne recevra plus d'e-mails de {sender}.",
        done_nobody="Ces e-mails n'arriveront plus.",
        on_its_way="Ce qui est déjà en route peut encore arriver.",
        mistake="C'était une erreur ?",
        undo="Continuer à recevoir ces e-mails",
        unknown="Ce lien n'est pas valable. Veuillez l'ouvrir à nouveau, en entier, depuis l'e-mail.",
        too_many="Trop de liens non valables ont été ouverts d'ici. Veuillez réessayer dans un quart d'heure.",
        failed="Cela n'a pas fonctionné. Veuillez réessayer dans un instant.",
    ),
    "es": Words(
        title="Darse de baja",
        ask="{sender} escribió a {recipient}. ¿No quiere recibir más correos de ese remitente?",
        ask_nobody="¿No quiere recibir más estos correos?",
        button="Darse de baja",
        done="{recipient} no recibirá más correos de {sender}.",
        done_nobody="No llegarán más estos correos.",
        on_its_way="Lo que ya está en camino aún puede llegar.",
        mistake="¿Fue un error?",
        undo="Seguir recibiendo estos correos",
        unknown="Este enlace no es válido. Ábralo de nuevo, completo, desde el correo.",
        too_many="Desde aquí se abrieron demasiados enlaces no válidos. Inténtelo de nuevo en un cuarto de hora.",
        failed="No ha funcionado. Inténtelo de nuevo en un momento.",
    ),
    "it": Words(
        title="Annulla l'iscrizione",
        ask="{sender} ha scritto a {recipient}. Non ricevere più e-mail da questo mittente?",
        ask_nobody="Non ricevere più queste e-mail?",
        button="Annulla l'iscrizione",
        done="{recipient} non riceverà più e-mail da {sender}.",
        done_nobody="Queste e-mail non arriveranno più.",
        on_its_way="Ciò che è già in viaggio può ancora arrivare.",
        mistake="È stato un errore?",
        undo="Continua a ricevere queste e-mail",
        unknown="Questo link non è valido. Aprilo di nuovo, per intero, dall'e-mail.",
        too_many="Da qui sono stati aperti troppi link non validi. Riprova tra un quarto d'ora.",
        failed="Non ha funzionato. Riprova tra un momento.",
    ),
    "nl": Words(
        title="Afmelden",
        ask="{sender} heeft aan {recipient} geschreven. Wilt u van deze afzender geen e-mails meer krijgen?",
        ask_nobody="Wilt u deze e-mails niet meer krijgen?",
        button="Afmelden",
        done="{recipient} krijgt geen e-mails meer van {sender}.",
        done_nobody="Deze e-mails komen niet meer.",
        on_its_way="Wat al onderweg is, kan nog aankomen.",
        mistake="Was dat een vergissing?",
        undo="Deze e-mails blijven ontvangen",
        unknown="Deze link is niet geldig. Open hem nog eens, in zijn geheel, vanuit de e-mail.",
        too_many="Vanaf hier zijn te veel ongeldige links geopend. Probeer het over een kwartier opnieuw.",
        failed="Dat is niet gelukt. Probeer het zo dadelijk opnieuw.",
    ),
    "pt": Words(
        title="Cancelar a subscrição",
        ask="{sender} escreveu para {recipient}. Não quer receber mais e-mails deste remetente?",
        ask_nobody="Não quer receber mais estes e-mails?",
        button="Cancelar a subscrição",
        done="{recipient} não receberá mais e-mails de {sender}.",
        done_nobody="Estes e-mails não chegarão mais.",
        on_its_way="O que já está a caminho ainda pode chegar.",
        mistake="Foi um engano?",
        undo="Continuar a receber estes e-mails",
        unknown="Esta ligação não é válida. Abra-a de novo, completa, a partir do e-mail.",
        too_many="Foram abertas daqui demasiadas ligações não válidas. Tente de novo dentro de um quarto de hora.",
        failed="Não funcionou. Tente de novo dentro de momentos.",
    ),
    "pl": Words(
        title="Wypisz się",
        ask="{sender} napisał(a) do {recipient}. Czy nie chcesz więcej wiadomości od tego nadawcy?",
        ask_nobody="Czy nie chcesz więcej tych wiadomości?",
        button="Wypisz się",
        done="{recipient} nie dostanie więcej wiadomości od {sender}.",
        done_nobody="Te wiadomości nie będą więcej przychodzić.",
        on_its_way="To, co jest już w drodze, może jeszcze nadejść.",
        mistake="To była pomyłka?",
        undo="Chcę dalej dostawać te wiadomości",
        unknown="Ten link jest nieprawidłowy. Otwórz go jeszcze raz, w całości, z wiadomości.",
        too_many="Otwarto stąd zbyt wiele nieprawidłowych linków. Spróbuj ponownie za kwadrans.",
        failed="Nie udało się. Spróbuj ponownie za chwilę.",
    ),
}


def language_of(accepted: str) -> str:
    """The language of ours that a reader likes best (RFC 9110, section 12.5.4); English where they name none."""
    best, most = "en", 0.0
    for part in accepted[:1_000].split(","):
        name, _, parameter = part.partition(";")
        language = name.strip().partition("-")[0].lower()
        weight = _weight(parameter)
        if language in WORDS and weight > most:
            best, most = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _, number = parameter.replace(" ", "").partition("=")
    if name.lower() != "q":
        return 1.0
    try:
        return min(max(float(number), 0.0), 1.0)
    except ValueError:
        return 0.0
