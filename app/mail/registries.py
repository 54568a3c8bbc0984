"""Names below which registries let others register, as below a country's own: `co.uk` is nobody's domain."""

from __future__ import annotations

# Wherever a country has one of these, it is no company's.
_EVERYWHERE = frozenset({"com", "net", "org", "gob", "gouv"})
# Others are a company's in some countries (`co.de`), or their government's (`gov.si`), so it is said in which they are
# not: ICANN's part of https://publicsuffix.org/list/, November 2026.
_IN = {
    "edu": "ac af al ao ar au az ba bb bd bh bi bj bm bn bo br bs bt bz ci ck cn co cu cv cw dm do dz ec ee eg"
    " er es et fj fk fm gd ge gh gi gl gn gp gr gt gu gy hk hn ht in io iq it jm jo kg kh ki km kn kp kw"
    " ky kz la lb lc lk lr ls lv ly me mg mk ml mm mn mo ms mt mv mw mx my mz ng ni np nr om pa pe pf pg"
    " ph pk pl pn pr ps pt py qa rs sa sb sc sd sg sl sn so ss st sv sy tj tm to tr tt tw ua ug uy vc ve"
    " vg vn vu ws ye za zm",
    "gov": "ac ae af al ao ar as au az ba bb bd bf bh bm bn br bs bt bw by bz cd ck cl cm cn co cx cy cz dm do"
    " dz ec ee eg er et fj fk gd ge gh gi gn gr gu gy hk ie il in io iq ir it jm jo kg kh ki km kn kp kw"
    " kz la lb lc lk lr ls lt lv ly ma me mg mk ml mm mn mo mr ms mu mv mw my mz na ng np nr om pg ph pk"
    " pl pn pr ps pt pw py qa rs rw sa sb sc sd sg sh sl so ss sx sy tj tl tm tn to tr tt tw ua ug uk vc"
    " ve vn ws ye za zm zw",
    "mil": "ac ae al ar az ba bd bo br by ck cl cn co cy do ec eg er fj fk gh gt hn id in io iq jm jo kg km kr"
    " kz lv mg mm mv my mz ng ni no np nz pe pg ph pl py qa rw sh st sy tj tm to tr tt tw tz ug uy vc ve"
    " ye za zm zw",
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
