"""Names below a short text: what a person, or their program, signs it with.

A signature is found where a formula closes the text or the writer's own name stands alone on a line, and is one only
if every line below is a name, a title, a company, an address, or how to reach somebody. Such lines are told by their
capitals, and have none of the words with which people speak, as far as these are known. What may say more is left for a
person to read.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.mail.inbound.patterns import any_of, words

_MOST_FORMULAS, _MOST_CLOSINGS = 3, 6  # thanks may stand above a greeting
_MOST_WORDS, _MOST_CRIED, _MOST_INITIALS, _ALIKE = 5, 2, 3, 2

THANKS = any_of(r"""
    (?:many )?thanks?(?: you)?(?: (?:so|very) much| a lot| again| kindly)*(?: in advance)?|thx|cheers
    (?:vielen |besten |herzlichen |sch[oö]nen |lieben )?dank(?: im vor(?:aus|hinein))?|danke(?: sch[oö]n| im voraus)?
    merci(?: (?:beaucoup|bien))?(?: (?:d'avance|par avance))?
    (?:muchas |mil )?gracias(?: de antemano| por adelantado)?
    (?:mille |molte )?grazie(?: mille)?(?: in anticipo)?|ringrazio
    (?:alvast |hartelijk )?(?:bedankt|dank(?: u| je)?(?: wel)?)(?: alvast| bij voorbaat)?
    (?:muito )?obrigad[oa](?: desde j[aá]| pela aten[cç][aã]o)?|grat[oa]
    (?:z g[oó]ry )?dzi[eę]kuj[eę]|(?:z g[oó]ry )?dzi[eę]ki
    """)
_GREETINGS = any_of(r"""
    sincerely(?: yours)?|yours(?: sincerely| truly| faithfully)?|(?:(?:kind|best|warm)(?:est)?(?: and \w+)? )?regards
    best(?: wishes)?|all the best|kr|br|rgds
    mfg|lg|vg|(?:(?:mit )?(?:freundlich|best|viel|lieb|herzlich|sch[oö]n)\w* )?gr(?:u|ü|ue)(?:ss|ß)e?n?|hochachtungsvoll
    (?:bien )?(?:cordialement|[aà] vous)|(?:sinc[eè]res |meilleures )?salutations(?: distingu[eé]es)?
    (?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente|atte
    (?:cordiali|distinti|cari) saluti|saluti|cordialmente
    (?:met )?(?:vriendelijke|hartelijke) groet(?:en)?|groet(?:en|jes)?|mvg|hoogachtend
    atenciosamente|(?:com os melhores )?cumprimentos|abra[cç]os?|att
    (?:serdecznie )?pozdrawiam|pozdrowienia|z powa[zż]aniem
    """)
# A thing that is thanked for: "for your understanding".
_FOR = (
    r"(?: (?:for|für|fuer|de|pour|por|per|voor|pela|pelo|za) (?:your|the|ihre?|deine?|eure?|votre|ton|su|tu|la|el|il|uw"
    r"|je|het|a|o|sua)? ?[^\W\d_]+)?"
)
_FORMULA = rf"(?:(?:{THANKS}){_FOR}|{_GREETINGS})"
# Formulas that close a letter, before the name, at the beginning of a line.
_CLOSING = re.compile(
    rf"(?im)^[^\w\n]*{_FORMULA}\b(?:(?: ?(?:&|,) ?| )(?:(?:and|und|et|y|e|en|i) )?{_FORMULA}\b)?",
)
_WORD = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"\w+")
# Programs put the target of a link behind its text, and the name of a picture in its place.
_TARGET = re.compile(r"[ \t]*<(?:mailto|https?|tel):[^<>\s]*>|\[(?:cid|image)[^\[\]\n]*\]", re.IGNORECASE)
_APART = re.compile(r"[|•·,;\t]|\s[-–—/]\s")  # noqa: RUF001
_EDGES = " \t\r.*_~-\N{EN DASH}\N{EM DASH}\N{NO-BREAK SPACE}"
_ASKS = re.compile(r"[?!\N{INVERTED QUESTION MARK}\N{INVERTED EXCLAMATION MARK}]")
_NUMBER = r"[+(]?\d[\d ()/.\-\N{EN DASH}]{4,}(?:(?:ext|x|dw|durchwahl|poste?|int|wew)[. ]{0,2}\d{1,6})?"
_SITE = r"(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?:/\S*)?|[^\s@]+@[^\s@]+"
_REACHED = re.compile(rf"(?i){_NUMBER}|(?:(?:e|w|e?-?mail|web)[.: ]+)?(?:{_SITE})")
# What is called in front: of a number with or without a colon, of whatever else with one.
_LABELLED = re.compile(
    rf"(?i)(?P<label>[^\W\d_][\w./()-]{{0,15}}(?: [\w./()-]{{1,15}}){{0,2}}?)(?:[.:]+\s*| +){_NUMBER}"
)
_CALLED = re.compile(r"(?P<label>[^\W\d_][\w./()-]{0,20}(?: [\w./()-]{1,20}){0,2}?)\s?:+\s*(?P<value>\S.*)")
# Written small in names, titles, companies and addresses. Single letters are as well: "z o.o.", "12a".
_SMALL = frozenset(
    {"of", "and", "the", "for", "de", "del", "della", "des", "la", "le", "les", "du", "da", "di", "do", "dos", "das"}
    | {"van", "von", "vom", "der", "den", "dem", "die", "ten", "ter", "zu", "zur", "zum", "und", "et", "en", "im", "am"}
    | {"al", "el", "bin", "ibn", "mgr", "inż", "inz", "dr", "hab", "lic", "prof", "ppa", "iv", "ia", "ul", "os", "sp"}
    | {"mbh", "gmbh", "ltd", "inc", "llc", "srl", "sarl", "sas", "via", "rue", "str", "bv", "nv", "sa"}
)
_SPEAK = words(r"""
    me|my|you|yours?|we|us|our|it|this|that|they|he|she|not|no|never|dont|don|is|are|was|were|am|does|did|has|have|had
    could|would|should|must|just|only|but|because|so|too|still|instead|again|call|phone me|ring|send|give|get|buy|pay
    let|use|try|see|ask|tell|wait|talk|speak|forget|kidding|joking|jk|lol|wrong|maybe|perhaps|later|soon|tomorrow|today
    tonight|yesterday|now|(?:mon|tues|wednes|thurs|fri|satur|sun)day|weeks?|months?|what|who|why|how|where|which|yes|ok
    except|unless|from|prefer\w*|cancel|okay|sorry|actually|really|seriously|nevermind|interested|if|or|then|than|about|with|before|after|until|write|reply
    ich|mich|mir|du|sie|ihnen|ihr|wir|uns|es|nicht|kein\w?|nein|doch|nur|aber|oder|wenn|weil|noch|wieder|ist|sind|habe
    haben|hat|kann|muss|soll|wird|rufen?|anrufen|schicken?|senden?|gebe|geben|melden?|warten?|morgen|heute|gestern
    [uü]bermorgen|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|woche|sp[aä]ter|bald|jetzt|vielleicht|lieber|falsch
    was|wer|wie|wo|warum|ja|scherz|spa(?:ß|ss)|au(?:ß|ss)er
    je|moi|toi|vous|nous|elle|pas|non|jamais|plus|mais|si|est|suis|sont|avez|appel\w+|rappel\w+|envoy\w+|attend\w+|demain
    aujourd|hier|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|semaine|bient[oô]t|maintenant|oui|pourquoi|comment
    quand|blague|plaisant\w+|sauf
    yo|mi|usted|ustedes|nosotros|nunca|pero|soy|est[aáoi]|ll[aá]m[ae]\w*|env[ií][ae]\w*|mand[ae]\w*|esper[ae]\w*|ma[nñ]ana
    hoy|ayer|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo|semana|quiz[aá]s?|luego|pronto|ahora|s[ií]|qu[eé]
    qui[eé]n|c[oó]mo|cu[aá]ndo|broma|excepto|salvo
    io|lei|noi|mai|ma|sono|chiam\w+|invi[aio]\w*|aspett\w+|domani|oggi|ieri|(?:luned|marted|mercoled|gioved|venerd)[iì]
    sabato|domenica|settimana|forse|dopo|adesso|ora|che|chi|come|quando|scherz\w+|tranne
    ik|mij|jij|wij|ons|niet|geen|nee|maar|ben|bel|stuur|wacht|vandaag|gisteren|(?:maan|dins|woens|donder|vrij|zater|zon)dag
    misschien|straks|nu|wat|wie|hoe|waarom|grapje|behalve
    eu|n[oó]s|n[aã]o|sou|estou|lig[au]\w*|amanh[aã]|hoje|ontem|segunda|ter[cç]a|quarta|quinta|sexta|talvez|depois|logo
    agora|sim|quem|brincadeira|exceto
    ja|mnie|nie|nigdy|ale|jest|zadzwo[nń]\w*|wy[sś]l\w+|prze[sś]l\w+|czekaj\w*|jutro|dzi[sś]|dzisiaj|wczoraj|poniedzia[lł]ek
    wtorek|[sś]roda|czwartek|pi[aą]tek|sobota|niedziela|tydzie[nń]|mo[zż]e|potem|p[oó][zź]niej|teraz|tak|kto|jak|kiedy
    dlaczego|[zż]art\w*|opr[oó]cz
    """)


class Writer(NamedTuple):
    """The words of their name and of their address' local part, in lower case, and that part."""

    named: frozenset[str]
    local: str


def writer(name: str, address: str) -> Writer:
    local = address.rpartition("@")[0].lower()
    return Writer(frozenset(_WORD.findall(f"{name} {local}".lower())), local)


def unsigned(text: str, by: Writer) -> str:
    """Without the signature below it, and the writer's name on lines of their own."""
    text = _TARGET.sub("", text)
    shouts = text.isupper()
    for _ in range(_MOST_FORMULAS):
        text = text[: _end(text, by, shouts)]
    first, *others = text.strip().split("\n")
    return "\n".join([first, *(line for line in others if not _is_of(line, by))])


def _end(text: str, by: Writer, shouts: bool) -> int | None:
    """Where it ends and its signature begins."""
    closings = [closing.span() for closing in _CLOSING.finditer(text)]
    at = 0
    for line in text.split("\n"):
        if _WORD.search(line) and _is_of(line, by):
            closings.append((at, at + len(line)))
        at += len(line) + 1
    for begin, end in sorted(closings)[:_MOST_CLOSINGS]:
        if text[:begin].strip() and _is_signature(text[end:], by, shouts):
            return begin
    return None


def _is_signature(text: str, by: Writer, shouts: bool) -> bool:
    return all(_signs(line, by, shouts) for line in text.split("\n"))


def _signs(line: str, by: Writer, shouts: bool) -> bool:
    line = line.strip(_EDGES + "!,:")
    return all(_is_name(part.strip(_EDGES), by, shouts) for part in _APART.split(line))


def _is_name(part: str, by: Writer, shouts: bool) -> bool:
    """Whether it is of a signature."""
    if _is_of(part, by) and not _ASKS.search(part):
        return True
    if _ASKS.search(part) or _speaks(part, by, shouts):
        return False
    if _REACHED.fullmatch(part) or _LABELLED.fullmatch(part):
        return True
    if called := _CALLED.fullmatch(part):
        reached = _REACHED.fullmatch(called[2])
        return bool(reached) or all(_has_capitals(one, shouts) for one in called.groups())
    return _has_capitals(part, shouts) or _is_short_for(part, by)


def _has_capitals(part: str, shouts: bool) -> bool:
    """As names have: who shouts may say anything in more than two words, and who writes without them in one."""
    tokens = [token for token in _TOKEN.findall(part) if token.isalpha()]
    own = [token for token in tokens if token[0].isupper()]
    small = [token for token in tokens if not token[0].isupper()]
    most = sum(len(token) > _MOST_INITIALS for token in own) <= _MOST_CRIED if shouts else len(own) <= _MOST_WORDS
    is_house = any(token[0].isdigit() for token in _TOKEN.findall(part))
    return most and (bool(own) or is_house) and all(len(token) == 1 or token in _SMALL for token in small)


def _speaks(part: str, by: Writer, shouts: bool) -> bool:
    """Initials ("IT", "US") are no words, but where all is in capitals."""
    return any(
        _SPEAK.fullmatch(token) and token.lower() not in by.named
        for token in _TOKEN.findall(part)
        if shouts or not (token.isupper() and 1 < len(token) <= _MOST_INITIALS)
    )


def _is_short_for(part: str, by: Writer) -> bool:
    """Whether it is one word, written small, that begins as a name of theirs does."""
    return part.isalpha() and any(part[:_ALIKE] == name[:_ALIKE] for name in by.named if len(part) > _ALIKE)


def _is_of(part: str, by: Writer) -> bool:
    """Whether it has nothing but words of the writer's name; an address may have them in one ("jsmith")."""
    return all(
        word in by.named or (len(word) > _MOST_INITIALS and word in by.local and not _SPEAK.fullmatch(word))
        for word in _WORD.findall(part.lower())
    )
