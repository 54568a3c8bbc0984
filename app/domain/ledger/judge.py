"""The judge of refusals, who decides whose failure each is, by evidence and not by its code alone.

A list of codes is never complete, and a code seldom says whether the recipient, the text or the sender is meant. So a
refusal is an email's own only with a witness: another email that the server took in the meantime. Without one it is not
believed: the email goes back uncounted, and where one after the other meets the same words, those are held that meet
them, a stream or the whole login, until a probe gets through or a person decides.

`judge` is pure. `app.domain.ledger.refusals` reads its evidence under the lock of the login's window, where the
outcomes of all lanes and workers meet, and keeps what it concludes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from app.domain.ledger.claims import Report

HoldReason = Literal["REFUSED", "SERVER_SLOW"]

ASIDE_S = 60.0  # of an email whose refusal may be anybody's; for words of a sender's, doubled each time
DISBELIEVED_S = 900.0  # of an email whose 5xx nobody witnesses
RUN_OF_5XX, RUN_OF_4XX = 5, 3  # different emails in a row: no longer any one's own
MOST_WORDINGS = 10  # of one code in a day; a server that finds other words each time says nothing by them
PASSING_TRIES = 24  # some days, too, of an email that meets a 5xx which held others back and passed
PATIENT_TRIES = 100  # some days of them, before an email that meets words of a sender's alone has the fault itself
WITNESS_FOR = timedelta(hours=1)  # an acceptance from before the first refusal of a signature
GREYLISTING_FOR = timedelta(hours=24)
PASSING_FOR = timedelta(hours=24)  # words that held something back until an email got through are no email's own
MOST_OF_A_DOMAIN = 20  # failures of one signature at one recipient domain that accepted nothing
MOST_DOMAINS = 100  # whose failures are counted; a server that refuses more is no one domain's
SLOW_S = (60.0, 120.0, 240.0, 480.0, 900.0)
REFUSED_S = (900.0, 3_600.0, 14_400.0, 86_400.0)

_NAMED = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")
_NAMES = re.compile(r"\d|@|://")


def signatures(command: str | None, code: int | None, enhanced_code: str | None, text: str | None) -> set[str]:
    """Those of holds that a refusal may meet: with its words, or of a server that finds other words each time."""
    return {signature(command, code, enhanced_code, said) for said in (text, None)}


def signature(command: str | None, code: int | None, enhanced_code: str | None, text: str | None) -> str:
    """The signature that refusals share when they say the same: step, codes, and the words without names of messages,
    addresses or places.
    """
    words = [word for word in _NAMED.sub(" ", (text or "").lower()).split() if not _NAMES.search(word)]
    return " ".join([command or "-", str(code or "-"), enhanced_code or "-", *words[:12]])


class Tried(msgspec.Struct, frozen=True):
    """An earlier attempt at an email."""

    at: datetime
    outcome: str
    command: str | None
    code: int | None
    signature: str
    codes: str  # the signature without its words


class Subject(msgspec.Struct):
    """An email that a report is about."""

    stream_id: int
    campaign_id: int
    domain: str  # of the recipient
    attempts: int
    retry_count: int
    before: Tried | None


class Refusals(msgspec.Struct):
    """A row of `refusals`: emails of one stream, refused in the same words."""

    last_at: datetime
    emails: int = 0
    domains: dict[str, int] = {}
    passed_at: datetime | None = None
    greylisting_until: datetime | None = None


class Hold(msgspec.Struct):
    """A hold of a stream or a login: a row of `holds`."""

    reason: HoldReason
    signature: str
    words: str
    since: datetime
    probe_at: datetime
    probes: int = 0


Key = tuple[str, int]  # signature, stream


class Evidence(msgspec.Struct):
    """A login's refusals and holds, and what `judge` makes of them. `changed` and `lifted` name rows that it has
    touched, `suspects` the streams that may be refused by one recipient domain alone.
    """

    now: datetime
    accepted_at: datetime | None  # the last email that the server took of this login
    emails: dict[int, Subject]
    streams: dict[int, datetime]  # of each, the last email that was taken
    refusals: dict[Key, Refusals]
    holds: dict[int | None, Hold]  # by stream; None: all of the login
    changed: set[Key] = set()
    held: set[int | None] = set()
    lifted: set[int | None] = set()
    suspects: list[tuple[Key, str, Report]] = []
    aside: list[Report] = []
    blame: Report | None = None  # what shows that the sender itself is refused


def judge(evidence: Evidence, reports: Sequence[Report], ages: dict[int, float]) -> None:
    """Decide on refusals, in the order in which the replies came (`ages`: how many seconds ago): kinds of reports are
    set anew, and what follows for the sender is left in `evidence`.
    """
    for report in sorted(reports, key=lambda report: -ages[report.id]):
        subject = evidence.emails.get(report.id)
        if subject is None:  # not ours any more: the ledger will have nothing of it
            continue
        at = evidence.now - timedelta(seconds=ages[report.id])
        if report.kind == "ACCEPTED":
            _accepted(evidence, subject, report, at)
        elif report.refusal is not None:
            _refused(evidence, subject, report, at)
        if report.probe and report.kind != "ACCEPTED":
            _not_through(evidence, subject, report)


def words_of(report: Report) -> str:
    """A reply as its server gave it."""
    return " ".join(str(part) for part in (report.code, report.enhanced_code, report.reply) if part)


def hold(evidence: Evidence, stream_id: int | None, reason: HoldReason, report: Report, at: datetime) -> None:
    """Hold the stream, or the whole login, if it is not held yet."""
    if stream_id in evidence.holds:
        return
    first_s = (SLOW_S if reason == "SERVER_SLOW" else REFUSED_S)[0]
    evidence.holds[stream_id] = Hold(
        reason, _said(evidence, report), words_of(report), at, evidence.now + timedelta(seconds=first_s)
    )
    evidence.held.add(stream_id)
    evidence.lifted.discard(stream_id)


def _said(evidence: Evidence, report: Report) -> str:
    """The signature of the refusal; without its words where the server has used many for the same codes."""
    said = signature(report.command, report.code, report.enhanced_code, report.reply)
    codes = signature(report.command, report.code, report.enhanced_code, None)
    wordings = {known for known, _ in evidence.refusals if known == codes or known.startswith(codes + " ")}
    return said if said in wordings or len(wordings) < MOST_WORDINGS else codes


def _accepted(evidence: Evidence, subject: Subject, report: Report, at: datetime) -> None:
    evidence.accepted_at = max(at, evidence.accepted_at or at)
    evidence.streams[subject.stream_id] = max(at, evidence.streams.get(subject.stream_id, at))
    if report.probe:
        for target in (subject.stream_id, None):
            _lift(evidence, target, at)
    if subject.before is not None:
        for said in (subject.before.signature, subject.before.codes):
            _passed(evidence, (said, subject.stream_id), at)


def _lift(evidence: Evidence, target: int | None, at: datetime) -> None:
    lifted = evidence.holds.pop(target, None)
    if lifted is None:
        return
    evidence.lifted.add(target)
    evidence.held.discard(target)
    if lifted.reason == "REFUSED":
        for key in [key for key in evidence.refusals if key[0] == lifted.signature]:
            _passed(evidence, key, at)


def _passed(evidence: Evidence, key: Key, at: datetime) -> None:
    if key in evidence.refusals:
        evidence.refusals[key].passed_at = at
        evidence.changed.add(key)


def _passed_last(row: Refusals, evidence: Evidence) -> bool:
    """Whether the last email that was accepted had met this refusal before: no fresh one has passed since."""
    if row.passed_at is None or evidence.accepted_at is None:
        return False
    return abs(evidence.accepted_at - row.passed_at) < timedelta(milliseconds=1)


def _refused(evidence: Evidence, subject: Subject, report: Report, at: datetime) -> None:
    key = _said(evidence, report), subject.stream_id
    before = subject.before
    met = _met(before, report)
    since = before.at if met and before is not None else None
    own = since is not None and evidence.accepted_at is not None and evidence.accepted_at > since
    alike = {known: row for known, row in evidence.refusals.items() if known[0] == key[0]}
    report.again_in_s = None
    if report.refusal == "SENDER":
        _refused_sender(evidence, subject, report, own=own)
    elif (report.code or 0) >= 500:
        _refused_for_good(evidence, subject, report, at, key, alike, met=met, own=own)
    else:
        _refused_for_now(evidence, subject, report, at, key, alike, met=met, own=own)
    row = evidence.refusals[key] if key in evidence.refusals else Refusals(at)
    row.last_at = max(row.last_at, at)
    evidence.refusals[key] = row
    evidence.changed.add(key)


def _met(before: Tried | None, report: Report) -> bool:
    """Whether the email was refused the last time, too, whatever the words: for now, or for good."""
    return (
        before is not None
        and before.outcome in {"RELEASED", "DEFERRED"}
        and before.command != "MAIL"
        and before.code is not None
        and before.code // 100 == (report.code or 0) // 100
    )


def _refused_sender(evidence: Evidence, subject: Subject, report: Report, *, own: bool) -> None:
    """Words that are known for a sender's. An email that meets them while others get through stands back, each time for
    longer, and shows nothing of the sender after a few times.
    """
    report.kind = "DEFERRED" if own and subject.attempts >= PATIENT_TRIES else "RELEASED"
    report.again_in_s = ASIDE_S * 2 ** min(subject.attempts, 6)
    if not (own and subject.attempts >= RUN_OF_4XX):
        evidence.blame = evidence.blame or report


def _refused_for_good(
    evidence: Evidence,
    subject: Subject,
    report: Report,
    at: datetime,
    key: Key,
    alike: dict[Key, Refusals],
    *,
    met: bool,
    own: bool,
) -> None:
    """A 5xx that no table knows: the email's with a witness, and otherwise not believed."""
    row = evidence.refusals.get(key)
    last_at = max((other.last_at for other in alike.values()), default=at - WITNESS_FOR)
    witnessed = evidence.accepted_at is not None and evidence.accepted_at > last_at
    if row is not None:  # others of the sender being accepted says nothing of this campaign's text
        taken_at = evidence.streams.get(subject.stream_id)
        witnessed = witnessed and taken_at is not None and taken_at > row.last_at
    row = evidence.refusals.setdefault(key, Refusals(at))
    stays = evidence.holds.get(subject.stream_id)
    passes = any(other.passed_at and other.passed_at > at - PASSING_FOR for other in alike.values())
    if witnessed and passes and subject.attempts < PASSING_TRIES:
        report.kind, report.again_in_s = "RELEASED", DISBELIEVED_S * 2 ** min(subject.attempts, 4)
        row.emails = 1
        return
    if witnessed and not (stays is not None and stays.signature == key[0]):
        report.kind = "REJECTED"
        row.emails = 0
        if subject.domain in row.domains or len(row.domains) < MOST_DOMAINS:
            row.domains = row.domains | {subject.domain: row.domains.get(subject.domain, 0) + 1}
        if row.domains.get(subject.domain, 0) >= MOST_OF_A_DOMAIN:
            evidence.suspects.append((key, subject.domain, report))
        return
    report.kind, report.again_in_s = "RELEASED", DISBELIEVED_S
    row.emails += not met
    taken_at = evidence.accepted_at  # of whom was refused before that, the sender is none
    meeting = [row] + [
        other
        for known, other in alike.items()
        if known != key and other.emails and (taken_at is None or other.last_at > taken_at)
    ]
    run = sum(other.emails for other in meeting) >= RUN_OF_5XX
    if met or run:
        whole = len(meeting) > 1 and (run or not own)
        hold(evidence, None if whole else subject.stream_id, "REFUSED", report, at)


def _refused_for_now(
    evidence: Evidence,
    subject: Subject,
    report: Report,
    at: datetime,
    key: Key,
    alike: dict[Key, Refusals],
    *,
    met: bool,
    own: bool,
) -> None:
    """A 4xx: the email's if others get through meanwhile; the server's own slowness if three in a row meet it."""
    report.kind = "DEFERRED"
    if report.refusal == "THROTTLE":
        pass  # words of pace, whoever passes
    elif any(other.greylisting_until and other.greylisting_until > at for other in alike.values()):
        if not met or subject.retry_count < 2:
            return
        for known, other in alike.items():  # what passes neither when it is tried again is no greylisting
            other.greylisting_until = None
            evidence.changed.add(known)
    elif not met and any(_passed_last(other, evidence) for other in alike.values()):
        row = evidence.refusals.setdefault(key, Refusals(at))
        row.greylisting_until = at + GREYLISTING_FOR
        if None in evidence.holds and evidence.holds[None].signature == key[0]:
            _lift(evidence, None, at)
        return
    if own and (report.refusal != "THROTTLE" or subject.attempts >= PATIENT_TRIES):
        return
    row = evidence.refusals.setdefault(key, Refusals(at))
    last_at = max((other.last_at for other in alike.values()), default=at)
    if evidence.accepted_at is not None and evidence.accepted_at > last_at:
        for known, other in alike.items():
            if other.emails:
                other.emails = 0
                evidence.changed.add(known)
    row.emails += own or not met
    run = sum(other.emails for (said, _), other in evidence.refusals.items() if said == key[0])
    slow = evidence.holds.get(None)
    if (
        (report.refusal == "THROTTLE" and not own)
        or run >= RUN_OF_4XX
        or (slow is not None and slow.reason == "SERVER_SLOW")
    ):
        # A fresh email keeps its place, to be the next probe; one that met it before leaves the next to another. So
        # probes show whether what is tried again passes.
        tries = slow.probes + 1 if slow is not None and report.probe else 0
        report.kind, report.again_in_s = "RELEASED", 1.5 * SLOW_S[min(tries, len(SLOW_S) - 1)] if met else None
        for other in evidence.aside:
            other.again_in_s = 1.5 * SLOW_S[0]
        hold(evidence, None, "SERVER_SLOW", report, at)
    elif own:
        report.kind, report.again_in_s = "RELEASED", ASIDE_S * 2 ** min(subject.attempts, 6)
        evidence.aside.append(report)  # unless the next ones show that it was not alone
    elif not met:
        report.kind, report.again_in_s = "RELEASED", ASIDE_S


def _not_through(evidence: Evidence, subject: Subject, report: Report) -> None:
    """A probe that was not accepted: the next one comes at its time, sooner where this says nothing of the hold."""
    for target in (subject.stream_id, None):
        held = evidence.holds.get(target)
        if held is None or target in evidence.held:  # that began just now
            continue
        if report.kind in {"REJECTED", "DEFERRED", "UNBEGUN"}:
            pause_s = 0.0
        elif report.refusal is None:
            pause_s = ASIDE_S
        else:
            steps = SLOW_S if held.reason == "SERVER_SLOW" else REFUSED_S
            held.probes += 1
            pause_s = steps[min(held.probes, len(steps) - 1)]
            if _said(evidence, report) == held.signature:  # else they would be shown for whom an answer is not about
                held.words = words_of(report)
        held.probe_at = evidence.now + timedelta(seconds=pause_s)
        evidence.held.add(target)
