"""The new text of a person's answer, without what it quotes."""

from __future__ import annotations

import re

from app.mail.inbound.patterns import words

MOST_LINES = 5_000
MOST_TEXT = 65_536
_LONGEST_INTRO = 300

# "On …, Ada wrote:", in the languages that mail programs speak.
_INTRO_BEGINS = words(r"""
    \W{0,4}(?:on|am|le|el|il|op|em|no dia|w dniu|dnia|den|в|\d{1,4}[-./ ]|\w{2,12}[.,]? \d
        |[^<>\n]{1,80}<[^<>\s]+@[^<>\s]+>)
""")
_INTRO_ENDS = words(r"""
    (?:\b(?:wrote|writes|schrieb(?: .{1,120})?|(?:a|ont) [eé]crit|escribi[oó]|ha scritto|schreef(?: .{1,120})?
        |escreveu|napisa[lł]\w*(?:\(a\))?|pisze|skrev(?: .{1,120})?|пишет|написал\w*)\W{0,6}:?|写道\W?
        |のメール\W?)\s*$
""")
_NAMES_ONE = re.compile(r"\d|@")  # an intro names a day or an address; what else ends like one is said by a person
_SEPARATOR = words(r"""
    \W{0,3}[-_=]{2,100}\W{0,9}(?:original[- ]?(?:message|appointment|nachricht)|urspr[uü]ngliche nachricht|(?:message
        |courriel) d'origine|message original|mensaje original|messaggio originale|oorspronkelijk bericht
        |mensagem original|(?:wiadomo[sś][cć] oryginalna|oryginalna wiadomo[sś][cć])|forwarded message
        |weitergeleitete nachricht|message transf[eé]r[eé]|mensaje reenviado|messaggio inoltrato
        |doorgestuurd bericht|mensagem (?:encaminhada|reencaminhada)|reply above this line)
""")
_FROM = re.compile(r"\W{0,4}(?:from|von|de|da|van|od|fr[aå]n)\W{0,3}:", re.IGNORECASE)
_OTHER = words(r"""
    \W{0,4}(?:sent|date|to|subject|cc|reply to|gesendet|datum|an|betreff|envoy[eé]|[aà]|objet|enviado(?: el)?
        |fecha|para|asunto|inviato|data|oggetto|verzonden|aan|onderwerp|enviada(?: em)?|assunto|wys[lł]ano|do
        |temat)\W{0,3}:
""")
_BLANKS = re.compile(r"\n{3,}")


def new_part(text: str) -> str:
    """The text without quotes, the lines that lead over to them, and the signature."""
    lines = text.split("\n", MOST_LINES)[:MOST_LINES]
    kept: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if _SEPARATOR.match(line[:_LONGEST_INTRO]) or _is_head(lines, number):
            break
        intro = _intro(lines, number)
        if intro and not _quotes_follow(lines, number + intro):
            break
        if intro:
            number += intro
            continue
        if line.rstrip("\r") == "-- ":
            break
        if not line.startswith(">"):
            kept.append(line.rstrip())
        number += 1
    while kept and not kept[-1].strip(" _-*\t\xa0"):
        kept.pop()
    if not any(map(str.strip, kept)):  # an answer below an unmarked quotation is not to be lost
        kept = [line.rstrip() for line in lines[number:] if not line.startswith(">")]
    return _BLANKS.sub("\n\n", "\n".join(kept)).strip()[:MOST_TEXT]


def _is_head(lines: list[str], number: int) -> bool:
    """Whether the head of the message before begins here, as Outlook writes it."""
    if not _FROM.match(lines[number]):
        return False
    return sum(1 for line in lines[number + 1 : number + 7] if _OTHER.match(line)) >= 2


def _intro(lines: list[str], number: int) -> int:
    """How many lines lead over to a quote from here on; 0: none."""
    if len(lines[number]) > _LONGEST_INTRO or not _INTRO_BEGINS.match(lines[number]):
        return 0
    joined = ""
    for count, line in enumerate(lines[number : number + 3], 1):
        if not line.strip() or len(line) > _LONGEST_INTRO:
            return 0
        joined = f"{joined} {line.strip()}"
        if (
            _INTRO_ENDS.search(joined)
            and _NAMES_ONE.search(joined)
            and (joined.rstrip().endswith((":", "\N{FULLWIDTH COLON}")) or ">" in joined[-40:] or count > 1)
        ):
            return count
    return 0


def _quotes_follow(lines: list[str], number: int) -> bool:
    following = next((line for line in lines[number:] if line.strip()), "")
    return following.startswith(">")


_QUOTED_HTML = words(r"""
    <div[^<>]{0,200}\b(?:class=[\"']?[^\"'<>]{0,100}(?:gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote
        |OutlookMessageHeader|moz-email-headers|zmail_extra)|id=[\"']?[^\"'<>]{0,40}(?:divRplyFwdMsg
        |appendonsend|reply-intro|ms-outlook-mobile-body-separator)
        |style=[\"']?border:none;\s?border-top:\s?solid)
    <blockquote[^<>]{0,200}\b(?:type=[\"']?cite|class=[\"']?[^\"'<>]{0,60}(?:gmail_quote|protonmail_quote))
    <hr[^<>]{0,100}tabindex=[\"']?-1|<span[^<>]{0,60}id=[\"']?OLK_SRC
""")


def without_quotes(html: str) -> str:
    """As far as the first mark that mail programs set before what they quote."""
    quoted = _QUOTED_HTML.search(html)
    return html if quoted is None else html[: quoted.start()]
