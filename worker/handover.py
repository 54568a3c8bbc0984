"""The handover of one email: build its message, hand it to the server, and say to the ledger what the verdict means."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
import structlog

from app import traces
from app.db import Row, until_answered
from app.domain.campaigns import building, variants
from app.domain.campaigns.building import Identity, Letter
from app.domain.ledger import texts, threads
from app.domain.ledger.claims import Claim, Outcome, Report
from app.domain.ledger.threads import Thread
from app.domain.senders import for_workers
from app.mail.addresses import key, to_ascii
from app.mail.enclosed import Enclosed
from app.mail.header_lines import HeaderInjection
from app.mail.markup import TemplateError
from app.mail.message import Message, MessageBuilder
from app.mail.names import SENT_AT
from app.mail.quoting import Quote
from app.mail.rendering import Renderer
from worker.desk import Desk
from worker.instruments import HANDOVER_DURATION, OUTCOMES
from worker.smtp import Conversation
from worker.verdicts import Fault, Verdict, classify_loss, storable

FIRST_RETRY_S, LONGEST_RETRY_S = 60.0, 3600.0
MOST_LOSSES = 20
MOST_NOT_WRITTEN = 5  # emails in a row, before an error of ours is taken for one with the sender
# The log level of each outcome: a million accepted emails are no news.
_LEVELS = {
    "ACCEPTED": logging.DEBUG,
    "REJECTED": logging.INFO,
    "DEFERRED": logging.INFO,
    "RELEASED": logging.INFO,
    "UNKNOWN": logging.WARNING,
}

log = structlog.get_logger()
_stdlib_log = logging.getLogger(__name__)  # `isEnabledFor` spares each email a line that the level drops


class Result(NamedTuple):
    """The result of a claim: the report for the ledger, whose fault a failure was."""

    report: Report
    fault: Fault


class _Text(NamedTuple):
    """The text that a builder is for: a campaign's first step, or a later one, under its own subject or that of its
    thread; with a `variant_id`, a text in its place.
    """

    campaign_id: int
    step_id: int | None
    subject: str | None
    variant_id: int | None = None


class _Builder(NamedTuple):
    """The builder of a campaign's messages; `liquid` renders the templates that the builder does not fill in. `varied`:
    there are others, and each email's is asked for.
    """

    version: int
    builder: MessageBuilder
    liquid: Renderer
    varied: bool


@dataclass(slots=True)
class _LostAt:
    """Connections lost when a copy was named: when the `first` was, the `emails`, and whether one began after it."""

    first: float
    emails: set[int]
    again: bool = False


class Handover:
    """Hands a sender's emails over, as from its address and name of now, on any of the conversations that it had when
    it was so. A sender that has changed gets another.
    """

    def __init__(self, desk: Desk, sender: Row) -> None:
        self._desk = desk
        self._user_id: int = sender["workspace_id"]
        self._sender_id: int = sender["id"]
        self.failing = sender["failures"] > 0  # until the server has answered to an email
        self._not_written_in_a_row = 0
        self._lost: dict[str, _LostAt] = {}  # by a copy's key
        self._as = Identity.of(sender)
        self._from, self._from_ascii = sender["email"], to_ascii(sender["email"])
        self._domain = self._from_ascii.rpartition("@")[2]
        self._builders: dict[_Text, asyncio.Task[_Builder]] = {}

    async def deliver(self, conversation: Conversation, claim: Claim) -> Result:
        """Build the message and hand it over."""
        ids = {"email_id": claim.id, "campaign_id": claim.campaign_id}
        with traces.span("smtp handover", sender_id=self._sender_id, **ids) as span:
            result = await self._hand_over(conversation, claim)
            report = result.report
            span.set_attributes({"outcome": report.kind, "smtp.code": report.code or 0})
        if report.refusal is None:
            count(report, claim.campaign_id)
        return result

    async def _hand_over(self, conversation: Conversation, claim: Claim) -> Result:
        began = time.perf_counter()
        # Of one that was tried before the upgrade to opaque ids, the ledger has it.
        message_id = claim.message_id or self._message_id(claim.id)
        version = None
        try:
            thread = None if claim.step_id is None else await self._thread(claim)
            version, builder, liquid, _ = await self._builder(claim, thread and thread.subject)
            fields = claim.fields if thread is None else {**claim.fields, SENT_AT: thread.sent_on}
            references = thread.references(self._message_id) if thread else ()
            hung = self._hung_up_at(builder.copies, claim)
            without = frozenset(hung)
            quoted = await self._quoted(claim, thread)
            letter = Letter(
                claim.id, claim.recipient, fields, message_id, claim.claimed_at, references, without, quoted
            )
            message = await building.write(self._desk.pool, self._desk.links, self._user_id, builder, liquid, letter)
        except (HeaderInjection, TemplateError) as error:  # no byte of it was sent, and the failure is this email's
            reply = f"cannot be written: {error}"
            return Result(_unsent(claim, "REJECTED", reply, version), "email")
        except Exception as error:
            return self._not_written(claim, error, version)
        self._not_written_in_a_row = 0
        handed_at = time.perf_counter()
        verdict = await self._deliver(conversation, claim, message)
        HANDOVER_DURATION.observe(time.perf_counter() - handed_at)
        if verdict.lost_copy is not None:
            lost = self._lost.setdefault(key(to_ascii(verdict.lost_copy)), _LostAt(time.perf_counter(), set()))
            lost.emails.add(claim.id)
            lost.again = lost.again or began > lost.first
        if hung:
            said = [f"No copy to {copy}: the connection was lost when it was named" for copy in hung.values()]
            verdict = verdict._replace(text=storable("\n".join([verdict.text, *said])))
        if self.failing and verdict.fault == "email" and verdict.refusal is None and verdict.code is not None:
            await self._unblock()
        report = _report(
            claim,
            verdict,
            message_id=message_id,
            duration_ms=round((time.perf_counter() - began) * 1000),
            server=conversation.server.address,
            content_version=version,
        )
        return Result(report, verdict.fault)

    def _not_written(self, claim: Claim, error: Exception, version: int | None) -> Result:
        """An error of ours, which no email fails for: it goes back for a while. Where it meets several emails in a row,
        the sender is backed off, so that not the whole of a campaign goes round.
        """
        log.error("message not written", email_id=claim.id, campaign_id=claim.campaign_id, exc_info=error)
        self._not_written_in_a_row += 1
        again_in_s = min(FIRST_RETRY_S * 2 ** min(claim.attempts, 6), LONGEST_RETRY_S)
        reply = f"internal error ({type(error).__name__}); the worker's log has it all"
        report = _unsent(claim, "RELEASED", reply, version, again_in_s)
        return Result(report, "sender" if self._not_written_in_a_row >= MOST_NOT_WRITTEN else "email")

    async def _deliver(self, conversation: Conversation, claim: Claim, message: Message) -> Verdict:
        """Hand it over; an error of ours on the way says how far the email had come."""
        try:
            envelope_from = self._from if message.smtputf8 else self._from_ascii
            return await conversation.deliver(envelope_from, message, self._read)
        except Exception as error:
            log.exception("handover failed", email_id=claim.id, campaign_id=claim.campaign_id)
            await conversation.close()
            reason = f"internal error ({type(error).__name__})"
            return classify_loss(conversation.command, reason, delivered=1)  # not the sender's, whatever it is

    def _hung_up_at(self, copies: Mapping[str, str], claim: Claim) -> Mapping[str, str]:
        """The copies that this attempt leaves out: some servers hang up over a recipient instead of refusing them. Once
        may be chance and concerns that email alone; once more, by an email begun afterwards, is the server's way.
        """
        return {
            copy: copies[copy]
            for copy, lost in self._lost.items()
            if copy in copies and (lost.again or claim.id in lost.emails)
        }

    async def _read(self, file: Enclosed, number: int) -> bytes:
        return await self._desk.pieces.get(self._user_id, file, number)

    async def _unblock(self) -> None:
        """The server lets the sender in. The outcome of the email is known by now, and no error here may cost that."""
        try:
            await until_answered(lambda: for_workers.unblock_sender(self._desk.pool, self._user_id, self._sender_id))
            self.failing = False
        except psycopg.Error:
            log.exception("sender not unblocked, the next email tries again")

    async def _thread(self, claim: Claim) -> Thread:
        return await until_answered(lambda: threads.thread_of(self._desk.pool, self._user_id, claim.id))

    async def _quoted(self, claim: Claim, thread: Thread | None) -> Quote | None:
        if thread is None or thread.quoted is None:
            return None
        url = self._desk.links.unsubscribe(self._user_id, claim.id, claim.recipient)
        return await texts.quoted(self._user_id, thread.quoted, url)

    def _message_id(self, email_id: int) -> str:
        """The same each time."""
        return self._desk.message_ids.of(self._user_id, email_id, self._domain)

    async def _builder(self, claim: Claim, subject: str | None = None) -> _Builder:
        """The builder of the claim's campaign and step, made once for each version of its content, which is the claim's
        or a newer one. One that could not be made is made anew for the next email. `subject`: its thread's.
        """
        text = _Text(claim.campaign_id, claim.step_id, subject)
        made = await self._made(claim, text)
        if not made.varied:
            return made
        taken = await until_answered(lambda: variants.take(self._desk.pool, self._user_id, claim.id, claim.claimed_at))
        return made if taken is None or taken.is_own else await self._made(claim, text._replace(variant_id=taken.id))

    async def _made(self, claim: Claim, text: _Text) -> _Builder:
        task = self._builders.get(text)
        if task is None or (task.done() and (_failed(task) or task.result().version < claim.content_version)):
            task = asyncio.create_task(self._load_builder(text))
            self._builders[text] = task
        return await task

    async def _load_builder(self, text: _Text) -> _Builder:
        version, builder = await until_answered(
            lambda: building.message_builder(
                self._desk.pool,
                self._user_id,
                text.campaign_id,
                self._sender_id,
                one_click=self._desk.one_click,
                step_id=text.step_id,
                subject=text.subject,
                variant_id=text.variant_id,
                identity=self._as,
            )
        )
        varied = text.variant_id is None and await until_answered(
            lambda: variants.is_varied(self._desk.pool, self._user_id, text.campaign_id, text.step_id)
        )
        return _Builder(version, builder, Renderer(builder.liquid, self._user_id), varied)


def count(report: Report, campaign_id: int) -> None:
    """The outcome of an email is known: say so to metrics and log."""
    if report.kind == "UNBEGUN":
        return
    OUTCOMES[report.kind].inc()
    level = _LEVELS[report.kind]
    if _stdlib_log.isEnabledFor(level):
        ids = {"email_id": report.id, "campaign_id": campaign_id}
        facts = {"command": report.command, "code": report.code, "enhanced_code": report.enhanced_code}
        log.log(level, f"email {report.kind}", **ids, **facts)
        log.debug("the server's reply", **ids, reply=report.reply)


def _failed(task: asyncio.Task[_Builder]) -> bool:
    return task.cancelled() or task.exception() is not None


def _unsent(claim: Claim, kind: Outcome, reply: str, version: int | None, again_in_s: float | None = None) -> Report:
    """Of an email of which no server has heard."""
    return Report(
        claim.id,
        kind,
        reply=reply,
        again_in_s=again_in_s,
        content_version=version,
        claimed_at=claim.claimed_at,
        probe=claim.probe,
    )


def _report(
    claim: Claim, verdict: Verdict, *, message_id: str, duration_ms: int, server: str, content_version: int
) -> Report:
    """The report on the email by the verdict."""
    return Report(
        id=claim.id,
        # A connection that is lost or refused over this email each time: some day it is the email's failure.
        kind="DEFERRED" if _costs_connections(verdict) and claim.attempts >= MOST_LOSSES else verdict.kind,
        command=verdict.command,
        code=verdict.code,
        enhanced_code=verdict.enhanced_code,
        reply=verdict.text,
        duration_ms=duration_ms,
        server=server,
        message_id=message_id if verdict.kind in {"ACCEPTED", "UNKNOWN"} else None,
        again_in_s=_again_in_s(verdict, claim),
        content_version=content_version,
        claimed_at=claim.claimed_at,
        refusal=verdict.refusal,
        dead=verdict.dead,
        probe=claim.probe,
        retried=claim.attempts > 0,
        ended=time.monotonic(),
    )


def _costs_connections(verdict: Verdict) -> bool:
    """Whether its connection was lost, or is said to be one too many."""
    return verdict.code is None or (verdict.fault == "connections" and verdict.command != "MAIL")


def _again_in_s(verdict: Verdict, claim: Claim) -> float | None:
    """When an email is due next on which the connection was lost; None: when it was. The ledger says it of others."""
    if verdict.kind == "RELEASED" and _costs_connections(verdict):
        return float(min(2**claim.attempts, 60))  # others first: it may be this very message that the server chokes on
    return None
