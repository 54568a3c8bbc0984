"""Remarks of those who keep a list, beside an address or in the place of a name: that its owner wants no more mail.

Words alone tell little: "Stop" is a remark, "Stop Motion Studio" a firm, "STOP / not interested" a remark again. So it
counts where a text stands and how it goes on. What could be either is heard beside an address: who asked for no more
must not be written to, and who was left out is told of. In a field of names, it is a name.
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
_NAMED = re.compile(r"(?<=[,;|\r\n])([^,;|\r\n<>@()\[\]]*)<([^\s<>]*@[^\s<>]*)>")
_APART = re.compile(r"[()\[\]{}<>,;|*\r\n\"]+|\s[-\u2013\u2014/]\s|\u2014|:(?!\d)")
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
_PLEASE = r"(?:please|pls|plz|bitte|svp|merci|danke|thanks|thx|grazie|gracias|por favor|aub)"
_MONTH = (
    r"(?:jan(?:uary?|uar)?|feb(?:ruary?|ruar)?|mar(?:ch|z|(?= ?\d))|maerz|apr(?:il)?|ma[iy]|jun[ei]?|jul[iy]?"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_DATE = rf"(?:\d{{4}}|\d{{1,4}}[./-]\d\d?(?:[./-](?:\d{{4}}|\d\d?)?)?|(?:\d\d?\.? ?)?{_MONTH}\.?(?: \d{{2,4}})?)"


def _compiled(before: str, alternatives: str, behind: str) -> re.Pattern[str]:
    return re.compile(f"{before}(?:{any_of(alternatives)}){behind}".replace(" ", "[ -]"), re.IGNORECASE)


# No name has these.
_SURE = _compiled(
    r"\b",
    rf"""
    un-?sub(?!tl|tit|du|di|ject|sid|sist|stan|stit|let|lim|merg|miss|mitt|orn|vert|serv|ord|trac)\w*
    un subscri\w*|un-?s[ucb]{{1,3}}s?cri\w*|opt(?:ed|s|ing)? ?out
    spam (?:complaints?|reports?|reported)|(?:reported|reports|marked|marks|flagged)(?: it| us| me)?(?: as)? spam
    abuse (?:complaints?|reports?)|als spam (?:gemeldet|markiert)
    (?:do ?not|don(?:'| )?t) ?(?:{_MAIL}|contact|send)|never (?:contact|send)
    (?:do(?:es)?|did)(?: not|n'?t) (?:want|wish)|no (?:more|further) (?:{_MAIL}|marketing|ads|contacts?)
    (?:hard|soft) ?bounced?|remove (?:from|asap|immediately)
    remove (?:my|his|her|their|our|this|the) (?:{_MAIL}|address|name|data|contact)
    abgemeldet|abbestellt|ausgetragen|widerrufen|werbewiderspruch|widersprochen|(?:werbe|mail|kontakt)sperre
    keine?(?: weiteren?)? (?:{_MAIL}|werbung|werbe\w+|post|kontaktaufnahmen?)
    nicht(?: mehr)? (?:an)?(?:schreiben|mailen|kontaktieren|senden)
    desinscri\w*|desabonn\w*|pas de (?:{_MAIL}|pub|publicite|courriels?|prospection)
    ne (?:plus|pas)(?: me| le| la| les| nous)? (?:contacter|ecrire|envoyer)|ne (?:veut|souhaite|desire) (?:plus|pas)
    dad[oa] de baja|(?:dio|pi(?:dio|de|dieron)|solicit\w+)(?: de| la| su)? baja|desuscri\w*
    no (?:enviar|contactar|escribir)|no (?:desea|quiere)(?: mas)? (?:recibir|correos?|{_MAIL})
    non (?:inviare|contattare|scrivere)|disiscri(?:tt|zion)\w*
    niet(?: meer)? (?:mailen|benaderen)|geen (?:{_MAIL}|reclame|nieuwsbrief)|afgemeld|uitgeschreven
    descadastrad[oa]|nao (?:enviar|contactar)|wypisan\w*
    """,
    r"\b",
)
# Names of firms have these, too: "Never Use Cash", "Remove Me Tattoo".
_LIKELY = _compiled(
    r"\b",
    rf"""
    (?P<never>never) (?:{_MAIL}|write|use|disturb)|(?:do not|don(?:'| )?t) (?:write|use|disturb)
    no (?:{_MAIL}|marketing|ads)|remove (?:me|him|her|them|us)|dar(?:se)? de baja
    (?P<stop>stop) (?:{_MAIL}|sending|writing)
    """,
    r"\b",
)
_STOP = r"(?:stop(?:ped)?|removed?|rimoss[oa])"
_OF_NAMES_TOO = r"black-?listed|suppressed|complained|abmeldung|gesperrt|widerspruch"
_IN_FRONT = rf"{_STOP}|{_OF_NAMES_TOO}|bounced|dnc(?: list)?|dne|de baja|do not|no contact"


def _alone(words: str) -> re.Pattern[str]:
    """With a date and courtesy around them."""
    around = f"{_DATE}|{_PLEASE}"
    return _compiled(rf"(?:(?:{around})\W+)?", words, rf"(?:\W*\d{{4}}|\W+(?:{around})){{0,2}}")


# Many names have one of these, and none is it; but for some in front of an address.
_ALONE_IN_FRONT = _alone(_IN_FRONT)
_ALONE_BEHIND = _alone(rf"{_IN_FRONT}|baja|bounce|dnm")
# Names begin with these, or end, and how it goes on tells.
_BEGUN = _compiled(rf"(?:{_DATE}\W+)?(?:{_PLEASE} )?", r"stop(?:ped)?|baja|dnc|dne|removed?|rimoss[oa]", r"\b")
_WITHIN = _compiled(r"\b", _OF_NAMES_TOO, r"\b")
_ANYHOW = _compiled(
    r"\b",
    """
    do not|don'?t|bounced|no (?:more|longer)|removed|rimoss[oa]|nicht mehr|ne (?:plus|pas)
    (?:to|said|says|wrote|replied|requested) stop
    """,
    r"\b",
)

# What goes on so is no name: signs, dates, and words in capitals, too.
_GOES_ON = _compiled(
    r"",
    rf"""
    \s*(?:$|[/!?=+,;:\u2026]|\.(?!\w))|\W*\d(?!\d{{0,2}}\W*$)|\W*{_MONTH}\b(?=\W*(?:$|\d))
    (?!\W*&)\W*(?:{_PLEASE}|{_MAIL}|(?:all|it|me|them|us)(?=\W*(?:$|{_PLEASE}))|all {_MAIL}|(?:it|me|them|us) now
    since|as|on|from|after|now|until|via|per|immediately|asap|permanently|again|ever|anymore|sms|received|asked
    by (?:phone|letter|client|customer|request|e?mail)|e?mail\w*|contact\w*|kontakt\w*|spam|spamm\w*|request\w*|repl\w+
    not|no|wanted|nicht|kein\w*|pas|niet|non|interested|calling|messaging|these|this|lists?|marketing|campaigns?|sequence
    gdpr|dsgvo|rgpd|avg|lopd|pub|publicit\w+|prospection|envois?|werbung|seit|ab|sofort|laut|wegen|kunde\w*|wunsch
    depuis|desde|por|el|de la|total|newsletter|boletin|confirmada|voluntaria|definitiva|solicitada|clientes?)\b
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
_SURNAME = re.compile(r"\s*Stop,\s*(?=[A-Z\xc0-\xde])")
_ASKING = frozenset({"to", "please", "pls", "plz", "bitte", "svp", "merci", "favor"})
# Every remark has a word with one of these.
_ROOTS = re.compile(
    r"un.?s|subscri|opt(?:ed|s|ing)?.?out|spam|abuse|not|don.?t|(?:does|did)n.?t|never|bounce|remove|abgem|abbest"
    r"|ausgetr|widerr|widers|sperr|kein|nicht|desins|desabon|desus|baja|disisc|niet|geen|afgem|uitges|descad|wypis"
    r"|stop|rimos|black|suppress|complain|abmeld|dn[ce]|(?<![a-z])(?:opt(?:ed|s|ing)?|don|no|ne|pas|non|nao)(?![a-z])"
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
    remark = _of_a_name(front, mended.address, _Place.FRONT)
    if not remark:
        # An address behind is one more to whom the remark may be about, and part of none.
        parts = (_WITH_AT.sub("", part) for part in _APART.split(behind))
        remark = next((part.strip() for part in parts if _is_remark(part, mended.address, _Place.BEHIND)), "")
    if remark:
        said[mended.address] = remark
    return said


def names_no_one(name: str, address: str) -> str:
    """What stands in the place of a recipient's name, if that says that they are not to be written to; or empty."""
    if not any(map(_is_of_a_remark, name.split())):
        return ""
    return name.strip() if _of_a_name(_unaccented(plain(name)), address, _Place.FIELD) else ""


def _of_a_name(text: str, address: str, place: _Place) -> str:
    surname = _SURNAME.match(text)
    first, *later = _APART.split(text[surname.end() :] if surname else text)
    if _is_remark(first, address, place):
        return first.strip()
    return next((part.strip() for part in later if _is_remark(part, address, _Place.LATER)), "")


def _is_remark(part: str, address: str, place: _Place) -> bool:
    words = " ".join(_unaccented(part).translate(_WRITTEN).split())
    bare = words.strip(_SIGNS)
    if not bare or _is_of(bare, address):
        return False
    if any(not _is_firm(said[0], words[said.end() :]) for said in _SURE.finditer(words)):
        return True
    if any(_is_likely(said, words, place) for said in _LIKELY.finditer(words)):
        return True
    if (_ALONE_BEHIND if place is _Place.BEHIND else _ALONE_IN_FRONT).fullmatch(bare):
        return True
    if place not in (_Place.LATER, _Place.BEHIND):
        return False
    if (begun := _BEGUN.match(bare)) and begun.end() < len(bare) and _goes_on(bare[begun.end() :]):
        return True
    if any(_goes_on(words[said.end() :]) for said in _WITHIN.finditer(words)):
        return True
    return any(place is _Place.BEHIND or _goes_on(words[said.end() :]) for said in _ANYHOW.finditer(words))


def _is_likely(said: re.Match[str], words: str, place: _Place) -> bool:
    before, behind = words[max(0, said.start() - _NEAR) : said.start()].rstrip(" -'"), words[said.end() :]
    is_inside = before[-1:].isalnum() and before.split()[-1].lower() not in _ASKING
    if said["stop"] and is_inside:  # "One Stop Mail Shop"
        return False
    if not _is_title(said[0]):
        return True
    if place is _Place.FIELD and (is_inside or (said["never"] and not behind.strip(_SIGNS))):
        return False
    return _goes_on(behind)


def _goes_on(behind: str) -> bool:
    """Whether a remark goes on like this, and a name does not."""
    if _GOES_ON.match(behind):
        return True
    word = _WORD.match(behind, 1) if behind[:1] == " " else None
    return word is not None and word[0][0].islower() and word[0].lower() not in _JOINERS


def _is_firm(said: str, behind: str) -> bool:
    forms = [word.lower() for word in _WORD.findall(behind[:_NEAR].replace(".", ""))]
    if not forms or len(behind) > _NEAR or not _OTHER_FORMS.issuperset(forms):
        return False
    if not _FORMS.isdisjoint(forms):
        return True
    # Letters behind a single word are rather of who wrote it: "Unsubscribed AB".
    return _is_title(said) and (len(_WORD.findall(said)) > 1 or any(len(form) > 2 for form in forms))


def _is_title(phrase: str) -> bool:
    """Whether it is written as names are: "Dar de Baja", and neither "DAR DE BAJA" nor "Dar de baja"."""
    first, *_, last = words if len(words := _WORD.findall(phrase)) > 1 else words * 2
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
