"""Names below which registries let others register, as below a country's own: `co.uk` is nobody's domain."""

from __future__ import annotations

# Wherever a country has one of these, it is no company's.
_EVERYWHERE = frozenset({"com", "net", "org", "edu", "gov", "mil", "gob", "gouv"})
# Others are a company's in some countries (`co.de`), so it is said in which they are not: ICANN's part of
# https://publicsuffix.org/list/, November 2026.
_IN = {
    "co": "ae ag am ao at az bb bd bi bj bw bz ci cl cm cr dm gg gl gy hu id il im in io ir it je jp ke kr lc ls ma me"
    " mg mu mw mz na ni nz om pn rs rw ss st sz th tj tm tt tz ug uk us uz ve vi za zm zw",
    "ac": "ae at bd be bw ci cn cr cy eg fj gn id il im in ir jp ke kr lk ls ma me ml mu mw mz ni nz pa pk pr rs rw se"
    " sz th tz ug uk vn za zm zw",
    "or": "at bi ci cr id it jp ke kr mu th tz ug us",
    "ne": "jp ke kr tz ug us",
    "go": "ci cr id it jp ke kr th tj tz ug",
    "info": "az bb bd bj bo ec eg et fj gu ht hu in ke ki la ls ml mv nf ni nr pl pr ro sd tn tr tt tz ve vn zm",
    "biz": "az bb cy et fj gh id in ki ls mv mw my ni nr pk pl pr ss tj tr tt vn zm",
    "nom": "ag co es fr io km mg nc ni pa pe pl ro tm ve za",
    "sch": "ae bd id ir jo lk ly ng qa sa ss zm",
    "web": "bo do gu id lk nf ni pk tj tr ve za",
    "ltd": "cy gi lk uk",
    "plc": "ly uk",
    "me": "eg in it ke kr so ss tz uk us",
    "asso": "ci dz fr gp ht km mc ml nc re",
    "firm": "ht in nf ro ve",
    "gen": "in nz tr",
    "ind": "br gt in kw tn",
    "k12": "ec il tr vi",
    "school": "ge in nz za",
    "gv": "ao at",
    "govt": "nz",
    "geek": "nz",
    "id": "au bd cv fj ir lv ly us vn",
}
_ABROAD = {label: frozenset(countries.split()) for label, countries in _IN.items()}


def is_registry(domain: str) -> bool:
    """Whether it is one of the well-known of these, and so nobody's own."""
    label, _, country = domain.lower().partition(".")
    if len(country) != 2:
        return False
    return label in _EVERYWHERE or country in _ABROAD.get(label, ())
