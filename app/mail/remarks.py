"""Remarks of those who keep a list, beside an address or in the place of a name: that its owner wants no more mail.

Words alone tell little: "Stop" is a remark, "Stop Motion Studio" a firm, "STOP / not interested" a remark again. So it
counts where a text stands and how it goes on. What could be either is heard behind an address and in brackets: who
asked for no more must not be written to, and who was left out is told of. Where a name stands, in front of an address
or in a field of names, it is a name if it is written as one.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

from app.mail.inbound.patterns import any_of
from app.mail.repairs import MOST_CELL, Mended, plain

_HOST = re.compile(r"@[^\s()\[\]<>,;|]*")
_WITH_AT = re.compile(r"(?<!\S)\S*@\S*")
_LOOSE_AT = re.compile(r"(?<!\S)@(?!\S)")
# One more address in brackets, with the name in front of it.
_NAMED = re.compile(r"(?<=[,;|\r\n])([ \t]*\"[^\"<>@]*\"[ \t]*|[^,;|\r\n<>@()\[\]]*)<([^\s<>]*@[^\s<>]*)>")
_APART = re.compile(r"[()\[\]{}<>,;|*\r\n\"]+|\s[-\u2013\u2014/]\s|\u2014|:(?!\d)")
_ROWS = re.compile(r"[;\r\n]")  # a name stands behind one of these as at the beginning
_LOCAL = re.compile(r"[\s()\[\]<>,;|\"]")
_NEAR = 40  # characters beside a phrase that are looked at
_SIGNS = " \t.!?#~-\u2026'\u201c\u201d/="
# Each as one of its kind; a blank in the patterns below stands for a hyphen, too.
_WRITTEN = (
    {ord("_"): " "}
    | dict.fromkeys(map(ord, "\u2018\u2019\u00b4`\u02bc"), "'")
    | dict.fromkeys(range(0x2010, 0x2016), "-")
)

_MAIL = r"(?:(?:e-?)?(?:mails?|mailings?(?! add?ress))|newsletters?)"
_THANKS = r"please|pls|plz|bitte|svp|danke|thanks|thx|grazie|gracias|por favor"
_PLEASE = rf"(?:{_THANKS}|merci|aub)"
_PLEASE_FIRST = rf"(?:{_THANKS}|(?-i:merci|MERCI|aub))"  # "Merci Stop" is a person
_MONTH = (
    r"(?:jan(?:uary?|uar)?|feb(?:ruary?|ruar)?|mar(?:ch|z|(?= ?\d))|maerz|apr(?:il)?|ma[iy]|jun[ei]?|jul[iy]?"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_NO_FIRST_NAME = r"(?:feb(?:ruary?|ruar)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
_YEAR = r"(?:19|20)\d\d"
_DATE = (
    rf"(?:{_YEAR}|"
    r"\d{1,4}[./-]\d\d?(?:[./-](?:\d{4}|\d\d?)?)?"
    rf"|\d\d?\.? ?{_MONTH}\.?(?: \d{{2,4}})?|{_MONTH}\.? \d{{1,4}})"
)


def _compiled(before: str, alternatives: str, behind: str) -> re.Pattern[str]:
    return re.compile(f"{before}(?:{any_of(alternatives)}){behind}".replace(" ", "[ -]"), re.IGNORECASE)


_UNSUB = r"un-?sub(?!tl|tit|du|di|ject|sid|sist|stan|stit|let|lim|merg|miss|mitt|orn|vert|serv|ord|trac)"
# Who is told of has done it, or it was done to them. No name has these, but for a firm with its legal form.
_DONE = _compiled(
    r"\b",
    rf"""
    {_UNSUB}\w*ed|un subscribed|un-?s[ucb]{{1,3}}s?cri\w*ed|opted ?out|(?:hard|soft) ?bounced
    (?:reported|marked|flagged)(?: it| us| me)?(?: as)? spam
    abgemeldet|abbestellt|ausgetragen|widerrufen|widersprochen|als spam (?:gemeldet|markiert)
    desinscrit\w*|desabonne\w*|disiscritt\w*|dad[oa] de baja|desuscrit\w*|afgemeld|uitgeschreven|descadastrad[oa]
    wypisan\w*
    """,
    r"\b",
)
# No name has these.
_SURE = _compiled(
    r"\b",
    rf"""
    {_UNSUB}\w*
    un subscri\w*|un-?s[ucb]{{1,3}}s?cri\w*|opt(?:ed|s|ing)? ?out
    spam (?:complaints?|reports?|reported)|(?:reports|marks)(?: it| us| me)?(?: as)? spam
    abuse (?:complaints?|reports?)
    (?:do ?not|don(?:'| )?t) ?(?:{_MAIL}|contact|send)|never (?:contact|send)
    (?:do(?:es)?|did)(?: not|n'?t) (?:want|wish)|no (?:more|further) (?:{_MAIL}|marketing|ads|contacts?|communications?)
    no (?:{_MAIL}|marketing) (?:communications?|consent|permission|allowed)
    (?:asked|asks|wants?|wanted|wish(?:es|ed)?|prefers?|requested)(?: us| me)? not to
    not (?:to )?be (?:contacted|e?-?mailed|spammed)
    no longer (?:works?|wants?|interested|employed|here|there|with us|a (?:client|customer))
    (?:hard|soft) ?bounced?|remove (?:from|asap|immediately)
    (?:remove|delete) (?:my|his|her|their|our|this|the) (?:{_MAIL}|address|name|data|contact)
    (?:taken?|keep) (?:(?:me|him|her|them|us|this|it) )?off (?:(?:the|your|our|my|this|all) )?(?:{_MAIL} )?lists?
    (?:on|to|in)(?: (?:the|our|your))? (?:dnc|dne|do not (?:contact|call|mail)|suppression|black|block) ?list
    off the (?:e?mail|mailing) list|auf (?:der |die )?(?:blacklist|sperrliste)
    rimuover\w+ (?:dall\w*|la|il|questo|mi|{_MAIL})
    werbewiderspruch|(?:werbe|mail|kontakt)sperre
    (?:liste|verteiler|{_MAIL}) (?:abmelden|abbestellen|austragen)|(?:abmelden|austragen) (?:vom|von|aus)
    kein(?:e[nrms]?)?(?: weiteren?)? (?:{_MAIL}|werbung|werbe\w+|post|kontakte?|kontaktaufnahmen?|infos?)
    kein(?:e[nrms]?)? (?:weiteren? )?zusendung\w*
    nicht(?: mehr)? (?:an)?(?:schreiben|mailen|kontaktieren|senden)
    nicht(?: mehr)? (?:kontaktiert|ange(?:schrieben|mailt|sprochen)|beworben) werden
    desinscri\w*|desabonn\w*|pas d(?:e |')(?:{_MAIL}|pub|publicite|courriels?|prospection|envois?|contacts?)
    plus d(?:e |')(?:{_MAIL}|courriels?|envois?)
    ne (?:plus|pas) (?:(?:me|le|la|les|lui|nous) |[ml]')?(?:contacter|ecrire|envoyer|recevoir|demarcher|solliciter)
    ne (?:veut|souhaite|desire) (?:plus|pas)
    (?:dio|pi(?:dio|de|dieron)|(?:ha )?pedido|solicit\w+)(?: de| la| su)? baja|desuscri\w*
    no (?:enviar|mandar|contactar|escribir)|no (?:desea|quiere) (?:mas )?(?:ser|que|recibir|correos?|contacto|{_MAIL})
    non (?:inviare|mandare|contattare|scrivere|vuole|desidera)|disiscri(?:tt|zion)\w*
    niet(?: meer)? (?:mailen|benaderen|contacteren|aanschrijven|sturen|(?:gemaild|benaderd|gecontacteerd) worden)
    geen (?:{_MAIL}|reclame|nieuwsbrie(?:f|ven)|contact)
    descadastr\w*|nao (?:enviar|mandar|contac?tar|escrever)
    nao (?:quer|deseja) (?:mais )?(?:receber|ser|contato|{_MAIL})
    """,
    r"\b",
)
# Names of firms have these, too: "Never Use Cash", "Remove Me Tattoo".
_LIKELY = _compiled(
    r"\b",
    rf"""
    (?P<mail>(?:no|never) {_MAIL}|no (?:marketing|ads))|(?:never|do not|don(?:'| )?t) (?:write|use|disturb)
    (?:remove|delete) (?:me|him|her|them|us)|dar(?:se)? de baja|(?P<stop>stop) (?:{_MAIL}|sending|writing)
    """,
    r"\b",
)
_DNC = r"d(?:nc|\.n\.c\.?|ne)"
_NOUNS = frozenset({"abmeldung", "widerspruch"})
_OF_NAMES_TOO = r"black-?listed|suppressed|complained|gesperrt"
_STOPPED = r"stopped|removed?|rimoss[oa]"
_SURNAMES = rf"stop(?:\W+stop)*|{'|'.join(sorted(_NOUNS))}"
_IN_FRONT = (
    rf"{_STOPPED}|{_OF_NAMES_TOO}|bounced|{_DNC}|dnc list|baja(?=\W+{_DATE})|de baja|do not|no contact"
    r"|abmelden|abbestellen|austragen"
)


def _alone(words: str, before: str, behind: str) -> re.Pattern[str]:
    """With these dates, and courtesy, around them."""
    around = f"{behind}|{_PLEASE}"
    return _compiled(rf"(?:(?:{before}|{_PLEASE_FIRST})\W+)?", words, rf"(?:\W*{_YEAR}|\W+(?:{around})){{0,2}}")


# Many names have one of these, and none is it; but for some in front of an address.
_ANY_DATE = rf"{_DATE}|{_MONTH}"
_ALONE_IN_FRONT = (
    # People are called so, and a month without a digit may be their first name: "Jan Stop", "Stop April".
    _alone(_SURNAMES, _DATE, rf"{_DATE}|{_NO_FIRST_NAME}"),
    _alone(_IN_FRONT, _ANY_DATE, _ANY_DATE),
)
_ALONE_BEHIND = (_alone(rf"{_SURNAMES}|{_IN_FRONT}|baja|bounce|dnm", _ANY_DATE, _ANY_DATE),)
# Names begin with these, or end, and how it goes on tells.
_BEGUN = _compiled(rf"(?:{_DATE}\W+)?(?:{_PLEASE_FIRST} )?", rf"stop|{_STOPPED}|baja|{_DNC}", r"(?!\w)")
_WITHIN = _compiled(r"\b", rf"{_OF_NAMES_TOO}|{'|'.join(sorted(_NOUNS))}", r"\b")
_ANYHOW = _compiled(
    r"\b",
    """
    do not|don'?t|bounced|no (?:more|longer)|removed|rimoss[oa]|nicht mehr|ne (?:plus|pas)
    (?:to|said|says|wrote|replied|requested) stop
    """,
    r"\b",
)

# No name goes on with these.
_NEVER_OF_NAMES = rf"""
    {_PLEASE}|(?:(?:all|any|the|your|these) )?{_MAIL}|contact(?:ed|ing)|e?mail\w*|correos?|courriels?
    requested|received|asked|interested|calling|calls|messaging|any ?more|asap|immediately|permanently
    gdpr|dsgvo|rgpd|consent|permission|allowed|by (?:phone|letter|client|customer|request|e?mail)
    (?:on|upon|per|at) (?:client )?request|clients?(?=\W*(?:$|\d))|kunde\w*|kontakt\w*
"""
# Nor with these, but where it is written as a name is: "Stop All Pests". Behind an address, they are of a remark.
_SELDOM_OF_NAMES = rf"""
    (?:all|it|me|him|her|them|us)(?=\W*(?:$|{_PLEASE}))|(?:it|me|him|her|them|us) (?:now|again)
    since|as|on|from|after|now|until|via|per|again|ever|sms|in(?= {_MONTH}\b| \d)
    contact\w*|spam|spamm\w*|request\w*|repl\w+
    not(?=\W*\w)|no|wanted|nicht|kein\w*|pas|niet|non|these|this|lists?|marketing|campaigns?|sequence
    avg|lopd|pub|publicit\w+|prospection|envois?|werbung|seit|ab|sofort|laut|wegen|(?:auf )?wunsch|(?:vom|am)(?= \d)
    depuis|desde|por|el(?= \d)|de la lista|total|boletin|confirmada|voluntaria|definitiva|solicitada|clientes?
    (?-i:at|to|twice|once|today|when|he|she|they|has|wants?|receiving|\d+x|legal|web|durch|nach|vanaf|sinds|dal|invii|liegt|erhalten)
    (?-i:op verzoek|su richiesta|a peticion|s'il vous)
"""
_GOES_ON_IN_WORDS = _compiled(r"(?!\W*&)\W*", f"{_NEVER_OF_NAMES}{_SELDOM_OF_NAMES}", r"\b")
_HAS_WHAT_NO_NAME_HAS = _compiled(r"\b", _NEVER_OF_NAMES, r"\b")
# What goes on with a sign or a date is hardly a name, but for "Stop + Shop" and "Stop 24/7 Locksmiths".
_GOES_ON_IN_SIGNS = _compiled(
    r"",
    rf"""
    \s*(?:$|[/!?=,;:\u2026]|\+(?!\s*(?-i:[A-Z]))|\.(?!\w))|\W*(?!24\W?7\b)\d(?!\d{{0,2}}\W*$)
    \W*{_MONTH}\b(?=\W*(?:$|\d))
    """,
    r"",
)
_JOINERS = frozenset({"and", "und", "et", "y", "e", "en", "n", "or"})
_WORD = re.compile(r"[^\W_]+")
# A phrase right in front of these is of a name: "Opt Out Ltd". With the others, where it is written as a name is.
_FORMS = frozenset({"gmbh", "mbh", "ltd", "llc", "llp", "inc", "corp", "plc", "pty", "srl", "sarl", "gbr", "ohg"})
_OTHER_FORMS = _FORMS | {
    *("ag", "kg", "se", "bv", "nv", "sa", "sl", "as", "ab", "oy", "co", "spa", "ug", "ev"),
    *("limited", "group", "holding"),
    *("records", "music", "film", "films", "media", "verlag", "design", "studio", "studios"),
    *("agency", "agentur", "consulting", "foundation", "stiftung"),
}
_SURNAME = re.compile(r"(?:^|(?<=[;|\r\n]))[ \t\"'(\u201c\u201e]*Stop,\s*(?=[A-Z\xc0-\xde])")
_ASKING = frozenset({"to", "please", "pls", "plz", "bitte", "svp", "merci", "favor"})
# Every remark has a word with one of these.
_ROOTS = re.compile(
    r"un.?s|subscri|opt(?:ed|s|ing)?.?out|spam|abuse|not|don.?t|(?:does|did)n.?t|never|bounce|remove|abgem|abbest"
    r"|ausgetr|widerr|widers|sperr|kein|nicht|desins|desabon|desus|baja|disisc|niet|geen|afgem|uitges|descad|wypis"
    r"|stop|rimos|rimuov|black|block|suppress|complain|abmeld|gesperrt|dn[cem]|d\.n\.c|delete|austr"
    r"|(?<![a-z])(?:opt(?:ed|s|ing)?|don|no|ne|pas|plus|non|nao|off)(?![a-z])"
)
_LONG = 40  # characters of a word that is kept


class _Place(Enum):
    FIELD = "a field of names"
    FRONT = "in front of an address"
    LATER = "in brackets, or the like, behind a name"
    BEHIND = "behind an address"


class _Words(dict[str, bool]):
    """By word, whether it may be of a remark: names have the same ones again and again."""

    MOST = 10_000

    def __missing__(self, word: str) -> bool:
        is_of_one = _ROOTS.search(_unaccented(plain(word)).lower()) is not None
        if len(self) >= self.MOST:
            self.clear()
        if len(word) <= _LONG:
            self[word] = is_of_one
        return is_of_one


_is_of_a_remark = _Words().__getitem__


def wants_no_more(cell: str, mended: Mended) -> dict[str, str]:
    """By address, the remark beside it. One that may be about any of them is that of the address that was taken."""
    text = _LOOSE_AT.sub(" ", unicodedata.normalize("NFC", plain(cell)))
    host = _HOST.search(text)
    if host is None:
        return {}
    said: dict[str, str] = {}
    others = {other.lower(): other for other in mended.others}

    def keep(named: re.Match[str]) -> str:
        """What stands in front of another address in brackets is that one's name, and about nobody else."""
        if (other := others.get(named[2].lower())) is None:
            return named[0]
        if remark := _of_a_name(named[1], other, _Place.FRONT):
            said[other] = remark
        return " "

    behind = _NAMED.sub(keep, text[host.end() :])
    front = text[: host.start()]
    front = front[: len(front) - len(_LOCAL.split(front)[-1])]
    remark = _of_a_name(front, mended.address, _Place.FRONT) if _may_be_one(front) else ""
    if not remark and _may_be_one(behind):
        # An address behind is one more to whom the remark may be about, and part of none.
        parts = (_WITH_AT.sub("", part) for part in _APART.split(behind))
        remark = next((part.strip() for part in parts if _is_remark(part, mended.address, _Place.BEHIND)), "")
    if remark:
        said[mended.address] = remark
    return said


def names_no_one(name: str, address: str) -> str:
    """What stands in the place of a recipient's name, if that says that they are not to be written to; or empty."""
    return name.strip() if _may_be_one(name) and _of_a_name(_unaccented(plain(name)), address, _Place.FIELD) else ""


def _may_be_one(text: str) -> bool:
    return any(map(_is_of_a_remark, text.split()))


def _of_a_name(text: str, address: str, named: _Place) -> str:
    text = _SURNAME.sub("\n", text)
    for row in _ROWS.split(text) if named is _Place.FRONT else [text]:
        place = named
        # Quotation marks and brackets stand around names as around remarks.
        for part in filter(str.strip, _APART.split(row)):
            if _is_remark(part, address, place):
                return part.strip()
            place = _Place.LATER
    return ""


def _is_remark(part: str, address: str, place: _Place) -> bool:
    words = " ".join(_unaccented(part).translate(_WRITTEN).split()).strip(_SIGNS)
    if not words or _is_of(words, address):
        return False
    for pattern, is_done in ((_DONE, True), (_SURE, False)):
        if any(not _is_firm(said[0], words[said.end() :], is_done) for said in pattern.finditer(words)):
            return True
    is_title = _is_title(words)
    if any(_is_likely(said, words, is_title, place) for said in _LIKELY.finditer(words)):
        return True
    if any(alone.fullmatch(words) for alone in (_ALONE_BEHIND if place is _Place.BEHIND else _ALONE_IN_FRONT)):
        return True
    begun = [said for said in (_BEGUN.match(words),) if said and said.end() < len(words)]
    if place in (_Place.FIELD, _Place.FRONT):
        return _is_no_name(words, is_title, begun)
    if any(_goes_on(words, said.end(), is_title) for said in (*begun, *_WITHIN.finditer(words))):
        return True
    return any(place is _Place.BEHIND or _goes_on(words, said.end(), is_title) for said in _ANYHOW.finditer(words))


def _is_no_name(words: str, is_title: bool, begun: list[re.Match[str]]) -> bool:
    """Whether what stands where a name does can be none of a person or a firm."""
    last = [word.lower() for word in _WORD.findall(words)[-1:]]
    if not last or last[0] in (_OTHER_FORMS if words.isupper() else _FORMS):
        return False
    if is_title:
        begun = [*begun, *(said for said in (_WITHIN.match(words),) if said)]
        return any(_is_all_of_remarks(words[said.end() :]) for said in begun)
    if any(_GOES_ON_IN_WORDS.match(words, said.end()) for said in begun):
        return True
    for said in (*_WITHIN.finditer(words), *_ANYHOW.finditer(words)):
        if _GOES_ON_IN_WORDS.match(words, said.end()):
            return True
        if said.end() == len(words) and said[0].lower() not in {*_NOUNS, "dont"}:
            return True
    return False


def _is_all_of_remarks(behind: str) -> bool:
    if len(behind) > _NEAR or not _HAS_WHAT_NO_NAME_HAS.search(behind):
        return False
    at = 0
    while at < len(behind) and (word := _GOES_ON_IN_WORDS.match(behind, at)):
        at = word.end()
    return at == len(behind)


def _is_likely(said: re.Match[str], words: str, is_title: bool, place: _Place) -> bool:
    before, behind = words[max(0, said.start() - _NEAR) : said.start()].rstrip(" -'"), words[said.end() :]
    is_inside = before[-1:].isalnum() and before.split()[-1].lower() not in _ASKING
    if said["stop"] and is_inside:  # "One Stop Mail Shop"
        return False
    if not _is_title(said[0]):
        return True
    if place is _Place.FIELD and not behind and (is_inside or said[0].lower().startswith("never")):
        return False
    if said["mail"] and place in (_Place.LATER, _Place.BEHIND):
        return not _is_firm(said[0], behind)
    return _goes_on(words, said.end(), is_title)


def _goes_on(words: str, at: int, is_title: bool) -> bool:
    """Whether a remark goes on like this, and a name does not."""
    if _GOES_ON_IN_WORDS.match(words, at) or _GOES_ON_IN_SIGNS.match(words, at):
        return True
    word = _WORD.match(words, at + 1) if words[at : at + 1] == " " and not is_title else None
    return word is not None and word[0][0].islower() and word[0].lower() not in _JOINERS


def _is_firm(said: str, behind: str, is_done: bool = False) -> bool:
    forms = [word.lower() for word in _WORD.findall(behind[:_NEAR].replace(".", ""))]
    if not forms or len(behind) > _NEAR or not _OTHER_FORMS.issuperset(forms):
        return False
    if not _FORMS.isdisjoint(forms):
        return True
    # Letters behind a single word are rather of who wrote it: "Unsub AB".
    return not is_done and _is_title(said) and (len(_WORD.findall(said)) > 1 or any(len(form) > 2 for form in forms))


def _is_title(phrase: str) -> bool:
    """Whether it is written as names are: "Dar de Baja", and neither "DAR DE BAJA" nor "Dar de baja"."""
    words = _WORD.findall(phrase) or [" "]
    first, last = words[0], words[-1]
    return first[0].isupper() and last[0].isupper() and not (first.isupper() and last.isupper())


def _is_of(words: str, address: str) -> bool:
    """Whether the address is named so: "DNC" at dnc.org is no remark."""
    name = "".join(_WORD.findall(words)).lower()
    local, _, domain = address.lower().rpartition("@")
    return name in (label.replace("-", "") for label in (local, *domain.split(".")[:-1]))


def _unaccented(text: str) -> str:
    if text.isascii() or len(text) > MOST_CELL:  # to put marks in order may take as long as their square
        return text
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
