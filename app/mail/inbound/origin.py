"""Where a message comes from, by its own words: from what delivers mail, or from who is away."""

from __future__ import annotations

from app.mail.inbound import headers
from app.mail.inbound.mime import Fields
from app.mail.inbound.patterns import words

# Fields of what goes to many.
LISTS = {"list-id", "list-unsubscribe", "list-post", "list-help", "x-mailing-list", "feedback-id"}
_DELIVERS = words(r"""
    ^\W*(mailer[-_.]?daemon|mail[-_.]?daemon|post_?master|poostmaster|daemon|mdaemon|bounces?|mailsystem
        |mail-?delivery|mailer|microsoftexchange\w*|delivery|system|mail\.?system|undeliver\w*|mailerror
        |mail-?admin\w*)(\W|$)
""")
_DELIVERS_BY_NAME = words(r"""
    mailer.?daemon|mail (delivery|deliver|system|router|administrator)|delivery (sub|system|agent|status)
    postmaster|microsoft outlook|system administrator|internet mail|mail server|mdaemon|maildelivery
""")
_AWAY = words(r"""
    \W{0,4}(?:\[[\w ]{1,20}\] )?(?:automatic (?:reply|response)|auto(?:mated|matic)?[- ]?(?:reply|response
        |respon[sd]er?)|out ?of ?(?:the )?office|ooo\b|away (?:from|until)|(?:on|annual) (?:vacation|leave
        |holiday)|vacation (?:reply|message|notice)|i am (?:away|out)|abwesenheit\w*|automatische (?:antwort
        |abwesenheit\w*|r[uü]ckmeldung)|(?:ich bin )?nicht im (?:b[uü]ro|haus)|au(?:ss|ß)er haus
        |r[eé]ponse automatique|absence du bureau|message d'absence|absent[e]? (?:du bureau|jusqu)
        |je suis absent|respuesta autom[aá]tica|fuera de (?:la )?oficina|mensaje de ausencia|ausente
        |risposta automatica|fuori (?:sede|ufficio)|assen(?:za|te)\b|automatisch (?:antwoord|bericht)
        |automatische (?:reactie|beantwoording)|afwezig\w*|niet aanwezig|resposta autom[aá]tica
        |fora do escrit[oó]rio|aus[eê]ncia\b|mensagem de aus[eê]ncia|(?:odpowied[zź] automatyczna
        |automatyczna odpowied[zź])|autoodpowied[zź]|(?:poza biurem|nieobecno[sś][cć])
        |auto-?svar|automatisk?t? svar|fr[aå]nvaro|frav[aæ]r\w*|ikke p[aå] kontoret|inte p[aå] kontoret
        |automaattinen (?:vastaus|viesti)|poissaolo\w*|automatick[aá] odpove[dď]|automatick[aá] odpověď|nep[rř][ií]tomno
        |automatikus v[aá]lasz|h[aá]zon k[ií]v[uü]l|otomatik (?:yan\u0131t|cevap)|ofis d\u0131\u015f\u0131
        |r[aă]spuns automat|αυτόματη απάντηση|автоответ|автоматический ответ|автоматична відповідь
        |нет на месте|в отпуске
        |自動返信|自動応答|不在|自动回复|自动答复|自動回覆|자동 ?(?:회신|응답)|부재중)
""")


def delivers_mail(fields: Fields) -> bool:
    """Whether a program that delivers mail sent it, by its names and by what it wants back: nothing."""
    return "x-failed-recipients" in fields or is_daemon(fields) or empty_return_path(fields)


def is_daemon(fields: Fields) -> bool:
    """Whether its sender is called like one of those programs."""
    name, address = headers.mailbox(fields.first("from"))
    raw = fields.words("from")
    local = (address or raw).partition("@")[0]
    return bool(_DELIVERS.search(local) or _DELIVERS_BY_NAME.search(name or raw))


def is_away(subject: str) -> bool:
    """Whether the subject is that of an absence note; of an answer to one it is not."""
    return _AWAY.match(subject) is not None


def empty_return_path(fields: Fields) -> bool:
    return any(path.strip() in {b"<>", b""} or b"MAILER-DAEMON" in path.upper() for path in fields.all("return-path"))
