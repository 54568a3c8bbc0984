"""The recipients that a message reports on: by the standard if it keeps to one, else by what it says to people.

A message from a person is no report, whatever it quotes: without the form of a report (RFC 6522) its sender has to be
one that delivers mail, and its words those of a bounce.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from app.mail.inbound import dialects, headers, reports
from app.mail.inbound.dialects import Named
from app.mail.inbound.facts import Report
from app.mail.inbound.mime import RETURNED, Fields, Part, parse
from app.mail.inbound.origin import LISTS, delivers_mail, is_away, is_daemon
from app.mail.inbound.patterns import words
from app.mail.inbound.reasons import judged

MOST_REPORTS = reports.MOST_REPORTS
_TELLING = 8_000  # what a report has to say it says first

_WENT_TO = ("to", "cc", "x-original-to", "delivered-to", "envelope-to", "x-receiver", "apparently-to")
_OWN = ("from", "to", "reply-to", "sender", "return-path", "delivered-to", "x-original-to", "envelope-to", "errors-to")
_SUBJECT = words(r"""
    undeliver|not (been )?deliver
    deliver[a-z]* (\w+ )?(status|fail|error|problem|delay|notif|report|incomplete|attempt|impossible)
    (fail|error)\w* (\w+ ){0,3}deliver|return(ed|ing)? (\w+ )?(mail|e-?mail|message|to sender)
    failure (notice|notification|report)|mail (\w+ )?(error|failed|failure|could not|not sent)
    (message|mail) status|bounced?\s|rejected|non[- ]?deliver|could ?n.t be (sent|delivered)|error sending
    warning: (could not|message)|delayed mail|delay(ed)?\s|message (delayed|blocked|undeliv|not|rejected)
    user unknown|nondeliv|permanent error|mail system|was not delivered|ndn:|unzustellbar|nicht zugestellt
    zustell|r[uü]ckl[aä]ufer|non remis|[eé]chec|non distribu|no se (ha )?(pudo|podido)|devuelto|no entregad
    mancata consegna|mancato recapito|non recapitat|onbestelbaar|niet (worden )?bezorgd|n[aã]o (foi )?entreg
    falha na entrega|niedostarcz|nie dostarczono|zwrot|エラー|配信|配達|送信できません|返送|не доставлен|无法|退信|投递
""")
_WORDS = words(r"""
    undeliver|unable to (send|deliver)
    (not|n't|never) (be |been |yet been )?(successfully )?(sent|deliver|accept)|fatal error
    deliver\w* (\w+ ){0,4}(fail|error|problem|delay)|fail\w* (\w+ ){0,5}deliver
    (mail|message|e-?mail) (\w+ ){0,5}(rejected|returned|refused|bounced)|error (sending|\w+ ){0,4}deliver
    (following|intended|all) (\w+ )?(recipients?|address(es)?)|user unknown|unknown user|remote host said
    could ?n.t (be )?(deliver|sent|found|find)|mailbox|rcpt to|invalid user|[45]\d\d [45]\.\d
    permanent (fatal )?error|final-recipient|delivery (status|report)|transcript of session|not reached
    no such user|unzustellbar|nicht zugestellt|konnte nicht|non remis|n'a pas pu|no se (ha )?(pudo|podido)
    impossibile|non recapitat|niet (worden )?(bezorgd|afgeleverd)|n[aã]o (p[oô]de|foi)\s|nie (mo[zż]|dostarcz)
    送信できません|届けられ|配信|配達|エラー
""")
_DELAYED = words(r"""
    ^\W*warning: (could not|message)|\bdelay|still (being )?(re)?tr|temporary (failure|problem)|wird weiterhin
    nouvelle tentative|verz(ö|oe)ger(t|ung)|(remise|distribution) (diff[eé]r|retard)[eé]e
    (entrega|env[ií]o) (retrasad|demorad|atrasad)|(consegna|recapito) (ritardat|in ritardo)
    vertraagd|vertraging|op[oó][zź]nion|f[oö]rdr[oö]j|forsinke|遅延|延迟
""")
_STILL_TRIED = words(r"""
    warning (message )?only|no action is required|will (continue|keep|go on)|(will|shall) be (retried|tried again)
    still being (re)?tried|not need to resend|delivery attempts will|wird weiterhin versucht
    weitere zustellversuche|nouvelles tentatives|sera r[eé]essay|(se )?(seguir[aá]|volver[aá]) (a )?intent
    ulteriori tentativi|opnieuw (geprobeerd|proberen)|novas tentativas|ponowne pr[oó]by
""")
# A server that wants the writer to prove something delivers after that.
_ASKS = words(r"""
    not a robot|kein roboter|\bcaptcha\b|verification required|unknown senders to verify
    (click|press|follow)\b.{0,60}\b(to|and) (deliver|release|verify|confirm)
    (verify|confirm|authenticate) (yourself|that you|your (e-?mail )?address|your message)
    best[aä]tigen sie|authentifi(er|ez|cation)
""")


def reports_of(root: Part, written_to: Collection[str], deep: int = 0) -> list[Report]:
    """The reports of a message, one a recipient; none of a message that is no report."""
    leaves = list(root.leaves())
    if (told := reports.notification(leaves[0].text if leaves else "")) is not None:
        return told.reports
    is_report = root.type == "multipart/report" and root.parameters.get("report-type", "delivery-status").lower() in {
        "delivery-status",
        "delivery",
        "global-delivery-status",
    }
    machine = delivers_mail(root.fields)
    if not is_report and not machine:
        return []
    groups = reports.groups(root)
    text = dialects.texts_of(leaves)
    lines, below = dialects.cut(text)
    above = "\n".join(lines)[:_TELLING]
    if not groups and not _is_bounce(root, leaves, above):
        return []
    returned = [leaf.returned for leaf in leaves if leaf.type in RETURNED]
    went_to = _named_in([*returned, *([below] if below else [])], _WENT_TO) | set(written_to)
    own = _named_in([root.fields], _OWN) - went_to
    named = {one.address: one for one in dialects.named(lines, went_to, own)}
    if groups:
        return _of_groups(groups, named, above)
    return _of_text(root, named, above) or _within(leaves, written_to, deep) or _of_hints(root, above, went_to, own)


def _within(leaves: list[Part], written_to: Collection[str], deep: int) -> list[Report]:
    """The reports of a message that a filter has wrapped into one of its own."""
    if deep:
        return []
    for leaf in leaves:
        if leaf.type == "message/rfc822" and (told := reports_of(parse(leaf.content.lstrip()), written_to, deep + 1)):
            return told
    return []


def _is_bounce(root: Part, leaves: list[Part], above: str) -> bool:
    """Of what a program sent that keeps to no standard: whether its words are those of a bounce. An absence note wants
    nothing back, either, and its subject is ours; nor do newsletters, and who asks for a confirmation.
    """
    fields = root.fields
    if "x-failed-recipients" in fields:
        return True
    subject = fields.words("subject")
    said = _SUBJECT.search(subject) is not None, _WORDS.search(above) is not None
    if is_daemon(fields):
        return any(said)
    if LISTS & set(fields.names) or _ASKS.search(f"{subject}\n{above}"):
        return False
    return not is_away(subject) and (all(said) or (said[1] and any(leaf.type in RETURNED for leaf in leaves)))


def _named_in(messages: list[Fields], names: tuple[str, ...]) -> set[str]:
    return {
        one for fields in messages for name in names for value in fields.all(name) for one in headers.addresses(value)
    }


def _of_groups(groups: list[reports.Group], named: dict[str, Named], above: str) -> list[Report]:
    told: dict[str, Report] = {}
    for group in groups:
        who = named.get(group.recipient) or (named.get(group.original) if group.original else None)
        around = " ".join(who.words) if who else " ".join(above.split())
        report = judged(group.recipient, group.action, group.status, group.diagnostic, around)
        told.setdefault(group.recipient, msgspec.structs.replace(report, original=group.original))
    return list(told.values())


def _of_text(root: Part, named: dict[str, Named], above: str) -> list[Report]:
    """Of those that its header or its text names."""
    failed = [one for value in root.fields.all("x-failed-recipients") for one in headers.addresses(value)] or list(
        named
    )
    return [_told(root, one, named[one].words if one in named else [], above) for one in failed[:MOST_REPORTS]]


def _of_hints(root: Part, above: str, went_to: set[str], own: set[str]) -> list[Report]:
    """Where it names nobody in a way that we know: whom flufl.bounce finds, or who it can only be."""
    temporary, permanent = dialects.known_to_flufl(root)
    found = sorted((temporary | permanent) - own) or (list(went_to) if len(went_to) == 1 else [])
    return [_told(root, one, [], above, delayed=one in temporary - permanent) for one in found[:MOST_REPORTS]]


def _told(root: Part, address: str, around: list[str], above: str, *, delayed: bool = False) -> Report:
    delayed = delayed or bool(_DELAYED.search(root.fields.words("subject")) or _STILL_TRIED.search(above[:2_000]))
    return judged(address, "delayed" if delayed else "failed", "", " ".join(around), " ".join(above.split()))
