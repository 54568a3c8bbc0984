"""The worker's side of the exchange: which of a sender's emails it holds, and what it has yet to tell the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import psycopg
import structlog

from app import traces
from app.db import Conn, Pool, pauses
from app.domain.ledger import exchange
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import Outlook, Patience, Traded
from app.domain.ledger.judge import words_of
from worker.handover import count
from worker.instruments import EXCHANGE_CLAIMS, EXCHANGE_DURATION, LATENESS, SUPPRESSED
from worker.unrecorded import Unrecorded
from worker.verdicts import ServerTrouble

REFUSALS = 3  # of an exchange, before its reports are recorded one by one
NOT_RECORDED = (psycopg.Error, ValueError)  # the latter: a report that cannot even be encoded
# Classes of SQLSTATE that say nothing about what was to be recorded: no connection, a transaction that cannot be now,
# rolled back for another's sake, no resources, locked, an operator's intervention, the system.
_PASSING = {"08", "25", "40", "53", "55", "57", "58"}

log = structlog.get_logger()


def _is_refusal(error: Exception) -> bool:
    """Whether it may be what we want to record that the ledger will not have."""
    if not isinstance(error, psycopg.Error):
        return True
    return error.sqlstate is not None and error.sqlstate[:2] not in _PASSING


class Trade:
    """Trades outcomes for due emails. `away` is called when the database is: there will be no email for a while."""

    def __init__(
        self, pool: Pool, claimant: Claimant, patience: Patience, unrecorded: Unrecorded, *, away: Callable[[], None]
    ) -> None:
        self._pool = pool
        self._claimant = claimant
        self._patience = patience
        self._unrecorded = unrecorded
        self._away = away
        self._unsure = False  # an exchange failed: the ledger may hold claims for us that we never heard of
        self._was_unsure = False
        self.held = dict[int, datetime]()  # when each was claimed that is not yet reported to the ledger
        self.trouble: ServerTrouble | None = None  # the sender's, as refusals show it
        self.reports: list[Report] = []

    def hand_in(self, report: Report) -> None:
        """The next exchange records it."""
        self.reports.append(report)

    async def exchange(self, wanted: int) -> list[Claim]:
        """One trade with the ledger, repeated until that takes it: outcomes are never dropped, whatever it says."""
        reports, self.reports = {report.id: report for report in self.reports}, []
        pause = pauses()
        refusals = 0
        try:
            while True:
                try:
                    async with self._pool.connection() as conn:
                        claims = await self._exchange(conn, list(reports.values()), wanted)
                        if self._unsure:
                            await self._give_back_unheard_of(conn, claims)
                except NOT_RECORDED as error:
                    # It may have been committed all the same. Outcomes are fenced by their claim, so saying them twice
                    # is harmless; claims we did not hear of are asked for and given back.
                    self._unsure = self._was_unsure = True
                    log.warning("exchange failed, will be repeated", error=str(error).strip())
                    self._away()
                    wanted = 0
                    refusals += _is_refusal(error)
                    if refusals >= REFUSALS and reports:
                        refusals = 0
                        await self._record_each(reports)
                    await asyncio.sleep(next(pause))
                else:
                    for email_id in reports:
                        self.held.pop(email_id, None)
                    self.held.update([(claim.id, claim.claimed_at) for claim in claims])
                    return claims
        except BaseException:
            self.reports += reports.values()  # to be said again, by whoever ends the loop
            raise

    async def _record_each(self, reports: dict[int, Report]) -> None:
        """Record each report by itself. One that is refused while the ledger takes others goes to `Unrecorded`; what is
        left in `reports` is still to be recorded.
        """
        refused: list[tuple[Report, Exception]] = []
        for report in list(reports.values()):
            try:
                await self._record([report])
            except NOT_RECORDED as error:
                if not _is_refusal(error):
                    return
                refused.append((report, error))
            else:
                self._done_with(report, reports)
        if len(refused) == len(reports) > 0:
            try:
                await self._record([])
            except NOT_RECORDED:
                return  # the ledger takes nothing at present: no report's fault
        for report, error in refused:
            if self._unrecorded.keep(self._claimant, report, error):
                self._done_with(report, reports)

    def _done_with(self, report: Report, reports: dict[int, Report]) -> None:
        del reports[report.id]
        self.held.pop(report.id, None)

    async def _record(self, reports: list[Report]) -> None:
        async with self._pool.connection() as conn:
            await self._exchange(conn, reports, 0)

    async def _exchange(self, conn: Conn, reports: list[Report], wanted: int) -> list[Claim]:
        began = time.perf_counter()
        sender_id = self._claimant.sender_id
        with traces.span("exchange", sender_id=sender_id, reports=len(reports), wanted=wanted) as span:
            traded = await exchange.exchange(conn, self._claimant, reports, wanted, patience=self._patience)
            if traded.late:
                await exchange.record_late(conn, self._claimant, reports)
            span.set_attributes({"claims": len(traded.claims)})
        EXCHANGE_DURATION.observe(time.perf_counter() - began)
        EXCHANGE_CLAIMS.observe(len(traded.claims))
        for reason in traded.suppressed:
            SUPPRESSED[reason].inc()
        for claim in traded.claims:
            LATENESS.observe((claim.claimed_at - claim.scheduled_at).total_seconds())
        if traded.judged:
            self._heed(traded, reports)
        return traded.claims

    def _heed(self, traded: Traded, reports: list[Report]) -> None:
        """Follow the judge's conclusions."""
        for report in reports:
            if report.refusal is not None and report.id in traded.judged:
                count(report, traded.judged[report.id])
        if traded.blame is not None:
            self.trouble = self.trouble or ServerTrouble(words_of(traded.blame), "reply", traded.blame.code)

    async def _give_back_unheard_of(self, conn: Conn, claims: list[Claim]) -> None:
        """Asked only after an exchange: that took its turn behind any that is still at work for us in Postgres, which
        goes on after a connection breaks.
        """
        heard_of = self.held.keys() | {claim.id for claim in claims} | self._unrecorded.of(self._claimant)
        for email_id in await exchange.held_claims(conn, self._claimant):
            if email_id not in heard_of:
                self.reports.append(Report(email_id, "UNBEGUN"))
        self._unsure = False

    def ask_again(self) -> None:
        """After a while: an exchange that failed may have come in late, behind the one that we asked after."""
        self._unsure = self._unsure or self._was_unsure
        self._was_unsure = False

    async def give_up(self) -> None:
        """Put in doubt what we hold and cannot say anything of, and report it."""
        said = {report.id for report in self.reports}
        self.reports += [
            Report(email_id, "UNKNOWN", reply="the worker failed while it was being sent", claimed_at=claimed_at)
            for email_id, claimed_at in self.held.items()
            if email_id not in said
        ]
        while self.reports:
            await self.exchange(0)

    async def look(self) -> Outlook | None:
        """The sender's next claims, and when to ask again; None when the sender is gone."""
        async with self._pool.connection() as conn:
            return await exchange.outlook(conn, self._claimant)
