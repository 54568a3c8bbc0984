"""How likely a text is one that people of some language write names in: what tells one encoding from another.

A list of addresses has a few names with letters beyond ASCII in them, too few for the statistics that detectors of
encodings are made with. So each language is its letters here, the frequent ones first, and a text that was decoded
rightly is one whose letters are those of one language, with capitals at the beginnings of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

_LATIN: Mapping[str, str] = {
    "german": "üöäßÖÜÄé",
    "french": "éèçêàëïîôâûùÉœÇÈÀÊÎÔÂæÿ",
    "spanish": "íóéáñúüÁÓÉÍÑÚ¿¡ºª",
    "portuguese": "ãçáéíóõâêúôàÁÉÂÓÍ",
    "italian": "àèòùéìÈÀ",
    "nordic": "øåæöäØÅÆÖÄéü",
    "icelandic": "óðíáéúöþæýÁÞÓÖÍÚÉÆÝÐ",
    "dutch": "ëéïöüèóá",
    "polish": "łóąśężćńŁŚŻźĆÓŹ",
    "czech": "íářěéčžýšůČúŠŘŽňďťóÚĎŤ",
    "slovak": "íáčéýžľšúťňĽČŠŽôäďŤóĎŕĺ",
    "hungarian": "áéóöőíüúűÁÉÖŐÓÜÍ",
    "yugoslav": "ćčšžđŠŽČĆĐ",
    "romanian": "ăşţâîŞŢÎĂÂ",
    "turkish": "ıüşğçöİÖŞÜÇĞâ",
    "baltic": "šžėūčįąęŠŽāēīņļģķĒĀČĻĢĶōõäöü",
}
_CYRILLIC: Mapping[str, str] = {
    "russian": "оаеинрвстлкмдяьпуыйбгзчхжшюцщэфёъ",
    "ukrainian": "оаинівретклсмудпянзьбгйчхїжюшцєщфґ",
    "serbian": "аиоернсјтквдмлуљћпњчгзбшцђжхџф",
}
_GREEK = "αοιετσνηυρπκμλςωδγχθφβξζψάόίέήύώϊϋ"
_HEBREW = "יוהלארתבשמנדחכעםפקגצטןסזךףץ"
_ARABIC = "اليمنورتبدعحسهكفةقجشصطخذزضأغثىئءإظؤآ" + "پچژگکی"
_THAI = "".join(map(chr, range(0x0E01, 0x0E5C)))
# Characters that names of people, companies and places have.
_HAN = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭"
    "廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文明伟芳娜敏静丽强磊军洋勇艳杰娟涛超秀英华小建国平玲红志海玉"
    "公司有限北京上海广州深圳市省区路科技姓名邮箱电话地址"
    "張劉陳楊趙黃吳孫馬羅鄭謝韓馮蕭鄧許呂蘇盧賈葉閻鐘範譚鄒陸龍萬錢湯喬賀賴偉麗軍艷傑濤華建國紅君怡婷雅淑惠俊宏家豪志電郵話臺灣"
    "佐藤鈴木高橋田中渡辺邊伊山本村小林加吉川口松井斎清森池阿部石原前岡太郎花子一二三美株式会社東京都大阪府県名様氏坂野上崎島谷久保"
    "健翔直樹和洋香恵奈由真理優"
)
_HANGUL = frozenset(
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지수영현준호은경미희철상혜연선재동훈태원윤아나라"
    "메일주소름회사시도부대"
)

_BAD = -1.0
_SYMBOL = 0.05
_PLACED = 0.7  # a mark where such marks are
_USUAL = 1.1
_APOSTROPHE = "\u2019"
_CONTRACTED = re.compile(r"(?:s|t|d|m|n|re|ve|ll)?(?!\w)", re.IGNORECASE)  # Joe's, don't, the Smiths' house
_ELIDED = re.compile(r"(?<!\w)(?:[cdjlmnst]|qu|[dns]ell|all|sull)$")  # l'eau, dell'arte
_ENDING = "ةى"  # letters of Arabic that end words
_OPENING, _CLOSING, _SIGNS = "\u201c\u2018\u201e«¿¡", f"\u201d{_APOSTROPHE}»", "€£\u2013\u2014…·"
_FOREIGN = 0.12  # a letter of the script, not of the language
_RARE = 0.3


def _weights(letters: str, steep: float = 0.7) -> dict[str, float]:
    return {letter: 1 - steep * place / len(letters) for place, letter in reversed(list(enumerate(letters)))}


def _cased(letters: str) -> dict[str, float]:
    weights = _weights(letters, 1.0)
    return weights | {letter.upper(): weight for letter, weight in weights.items()}


_LANGUAGES: Mapping[str, tuple[Mapping[str, float], ...]] = {
    "LATIN": tuple(_weights(letters) for letters in _LATIN.values()),
    "CYRILLIC": tuple(_cased(letters) for letters in _CYRILLIC.values()),
    "GREEK": (_cased(_GREEK),),
    "HEBREW": (_weights(_HEBREW, 1.0),),
    "ARABIC": (_weights(_ARABIC),),
    "THAI": (dict.fromkeys(_THAI, 0.9) | dict.fromkeys("ฃฅฆฌฯๆฺํ๎๏๐๑๒๓๔๕๖๗๘๙๚๛", 0.1),),
}


@lru_cache(maxsize=20_000)
def _script(character: str) -> str:
    """As Unicode names begin; "" for what is no letter or mark of one."""
    if not (character.isalpha() or unicodedata.category(character)[0] == "M" or character in "ºª"):
        return ""
    return unicodedata.name(character, "?").split(" ")[0].split("-")[0]


def plausibility(words: list[tuple[str, int]], codec: str, level_one: Callable[[str], bool]) -> float:
    """From about -1 to 1, over the words (each with how often it is there), characters of two bytes for two.

    `codec`: what they were decoded from; `level_one`: whether a character of a large set is among those that it has
    first, the common ones.
    """
    every = [_judged(word, count, level_one) for word, count in words]
    size = sum(size for _, size, _ in every)
    if not size:
        return 0.0
    known = sum(sum_ for sum_, _, _ in every)
    best = 0.0
    for script in _LANGUAGES:
        letters = [pair for _, _, found in every for pair in found.get(script, ())]
        if letters and (languages := _languages(script, codec)):
            best += max(
                sum(count * weights.get(letter, _FOREIGN) for letter, count in letters) for weights in languages
            )
    return (known + best) / size


@lru_cache(maxsize=1_000)
def _languages(script: str, codec: str) -> list[Mapping[str, float]]:
    """Those that can be written in the encoding."""
    return [
        weights for weights in _LANGUAGES[script] if len("".join(weights).encode(codec, "ignore")) > 0.85 * len(weights)
    ]


def _judged(
    word: str, count: int, level_one: Callable[[str], bool]
) -> tuple[float, int, dict[str, list[tuple[str, int]]]]:
    """The score of a word in any language, its size, and by script the letters that a language judges."""
    sum_, size = 0.0, 0
    letters: dict[str, list[tuple[str, int]]] = {}
    before, run = "", 0
    for at, character in enumerate(word):
        if character.isascii():
            before, run = character, 0
            continue
        script = _script(character)
        width = 1 if script in _LANGUAGES or character < "\u0100" else 2
        size += width * count
        after = word[at + 1 : at + 2]
        run = run + 1 if script else 0
        if not script:
            sum_ += count * width * _of_mark(word, at)
        else:
            sum_ += count * width * _of_any_language(character, script, before, after, run, level_one)
        if script in _LANGUAGES:
            letters.setdefault(script, []).append((character, count))
        before = character
    return sum_, size, letters


def _of_any_language(
    character: str, script: str, before: str, after: str, run: int, level_one: Callable[[str], bool]
) -> float:
    if script in {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "FULLWIDTH", "HALFWIDTH"}:
        mixed = _BAD if (before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha()) else 0.0
        return mixed + _east_asian(character, script, level_one)
    if script not in _LANGUAGES:
        return _BAD
    value = 0.0
    if script != "LATIN" and any(near.isalpha() and _script(near) != script for near in (before, after)):
        value += _BAD
    if (character.isupper() and before.islower()) or (character.islower() and after.isupper()):
        value += _BAD
    if script == "LATIN" and run > 1:
        value -= 0.15 if run == 2 else 0.6
    if script == "LATIN" and not before.isalpha():
        value += 0.1 if character.isupper() else -0.15
    if script in {"CYRILLIC", "GREEK"}:
        if not before.isalpha():
            value += _BAD if character in "ьъы" else 0.2 if character.isupper() else -0.2
        elif character.isupper() and before.isupper():
            value -= 0.2
    if script == "THAI" and unicodedata.category(character)[0] == "M" and not run > 1:
        value += _BAD
    if character in _ENDING and after.isalpha():
        value += _BAD
    return value


def _of_mark(word: str, at: int) -> float:
    character, before, after = word[at], word[max(at - 1, 0) : at], word[at + 1 : at + 2]
    if unicodedata.category(character)[0] == "C":
        return 2 * _BAD
    if character == _APOSTROPHE and before.isalpha() and (after.isalpha() or before in "sS"):
        is_usual = after.isupper() or _CONTRACTED.match(word, at + 1) or _ELIDED.search(word[:at])
        return _USUAL if is_usual else _PLACED
    if character in _OPENING:
        return _BAD if before.isalnum() else _PLACED if after.isalnum() else _SYMBOL
    if character in _CLOSING:
        return _BAD if after.isalnum() else _PLACED if before.isalnum() else _SYMBOL
    if before.isalpha() or after.isalpha():
        return _BAD
    return 1.3 if character == "€" else _PLACED if character in _SIGNS else _SYMBOL


def _east_asian(character: str, script: str, level_one: Callable[[str], bool]) -> float:
    if character in _HAN or character in _HANGUL:
        return 1.3
    if script in {"HIRAGANA", "KATAKANA"}:
        return 0.95
    if script == "HALFWIDTH":
        return _RARE
    if script == "HANGUL":
        return 0.8 if level_one(character) else -0.2
    return 0.6 if level_one(character) else -0.1
