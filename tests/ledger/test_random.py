"""Everything at once, by chance: replies, losses, lost workers and their late reports, pauses, cancels, decisions."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Literal, NamedTuple
from uuid import UUID, uuid4

import pytest

from app.db import Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns import campaigns
from app.domain.ledger import decisions, exchange, recovery, streams
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import Patience
from app.domain.recipients import erasure
from app.domain.senders import for_workers
from app.errors import Conflict
from tests.support.engine import (
    Owner,
    check_conservation,
    execute,
    row,
    rows,
    schedule_campaign,
    the_clock_moves_on,
    value,
    wait_for,
)
from tests.support.ledger import report_of
from worker.verdicts import Command, classify, classify_loss

PATIENCE = Patience(None, 96)
LANES = 6
OK = (".", "250 2.0.0 ok")
REPLIES: list[tuple[Command, str]] = [
    ("MAIL", "451 4.3.0 try again later"),
    ("MAIL", "552 5.3.4 message too big"),
    ("RCPT", "550 5.1.1 no such user"),
    ("RCPT", "450 4.2.0 mailbox busy"),
    ("RCPT", "421 Recipient not in route list"),
    ("RCPT", "450 4.7.1 try later"),
    ("RCPT", "553 5.7.1 Sender address rejected"),
    ("RCPT", "550 Requested action not taken"),
    ("RCPT", "450 Too many requests"),
    ("DATA", "451 4.3.0 error in processing"),
    (".", "554 5.7.1 looks like spam"),
    (".", "554 5.6.0 no"),
    (".", "452 4.3.1 out of space"),
    (".", "454 Throttling failure: Daily message quota exceeded"),
    (".", "421 4.7.0 too many messages in this connection"),
]
LOSSES: list[Command] = ["MAIL", "RCPT", "."]


class Held(NamedTuple):
    claim: Claim
    taken: bool  # by the server, whether or not its answer comes
    report: Report | None  # None: what became of it nobody will ever know


class Chance:
    """Two workers of a sender, and whatever may happen to them."""

    def __init__(self, pool: Pool, owner: Owner, seed: int) -> None:
        self.pool = pool
        self.owner = owner
        self.by = random.Random(seed)  # noqa: S311
        self.held = dict[UUID, list[Held]]()
        self.late = list[tuple[UUID, list[Held]]]()
        self.copies = Counter[int]()  # that the server took of each email
        self.known = set[int]()  # the server's 250 is in the ledger
        self.campaigns = list[int]()
        self.failures = 0
        self.exchanges = 0

    async def begin(self) -> None:
        for number, policy in enumerate(("hold", "resend", "assume_sent", "resend")):
            people = [f"p{number}-{one}@d{one % 3}.example" for one in range(5)]
            scheduled = await schedule_campaign(
                self.pool, self.owner, people, on_unknown=policy, delay_between_ms=(0, 0, 1, 20_000)[number]
            )
            self.campaigns.append(scheduled.campaign.id)
        for _ in range(2):
            await self.register()

    async def register(self) -> None:
        token = uuid4()
        await execute(
            self.pool, "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'chance', 'infinity')", token
        )
        self.held[token] = []

    def hand_over(self, claim: Claim, *, calm: bool) -> Held:
        assert claim.id not in self.known, f"email {claim.id} was accepted, as the ledger knew, and is sent again"
        chance = 0.0 if calm else self.by.random()
        command, said = OK if chance < 0.5 else self.by.choice(REPLIES)
        code, _, text = said.partition(" ")
        verdict = classify(command, int(code), text, delivered=self.by.randrange(2), tried=self.by.randrange(2))
        if chance > 0.9:
            verdict = classify_loss(self.by.choice(LOSSES), "lost", delivered=self.by.randrange(2))
        taken = verdict.kind == "ACCEPTED" or (verdict.kind == "UNKNOWN" and self.by.random() < 0.5)
        self.copies[claim.id] += taken
        report = report_of(claim, verdict)
        if not taken and not calm and self.by.random() < 0.05:
            report = Report(claim.id, "UNBEGUN", claimed_at=claim.claimed_at)
        return Held(claim, taken, report)

    async def trade(self, token: UUID, *, calm: bool = False) -> int:
        async with self.pool.connection() as conn:
            await exchange.outlook(conn, Claimant(token, *self.owner))  # opens the window
        done = [held for held in self.held[token] if calm or self.by.random() < 0.7]
        self.held[token] = [held for held in self.held[token] if held not in done]
        claims = await self.record(token, done, LANES - len(self.held[token]))
        self.held[token] += [self.hand_over(claim, calm=calm) for claim in claims]
        return len(claims)

    async def record(self, token: UUID, done: list[Held], wanted: int) -> list[Claim]:
        claimant = Claimant(token, *self.owner)
        reports = [held.report for held in done if held.report is not None]
        self.exchanges += 1
        claims = list[Claim]()
        for again in range(1 + (self.by.random() < 0.1)):  # the answer to it was lost, it is said twice
            async with self.pool.connection() as conn:
                traded = await exchange.exchange(conn, claimant, reports, 0 if again else wanted, patience=PATIENCE)
                if traded.late:
                    await exchange.record_late(conn, claimant, reports)
            claims += traded.claims
            if traded.blame is not None:
                await for_workers.block_sender(self.pool, *self.owner, "refused", known_failures=self.failures)
                self.failures = await value(self.pool, "SELECT failures FROM senders")
        for held in done:
            if held.taken and held.report is not None and held.report.kind == "ACCEPTED":
                await self.learn(held.report)
        return claims

    async def learn(self, report: Report) -> None:
        """The ledger has heard of an acceptance: the email is SENT, unless it was claimed anew or cancelled before."""
        email = await row(self.pool, "SELECT * FROM emails WHERE id = %s", report.id)
        if email["claimed_at"] == report.claimed_at and email["status"] != "CANCELLED":
            assert email["status"] == "SENT", email
        if email["status"] == "SENT":
            self.known.add(report.id)

    async def lose_worker(self) -> None:
        """It is stopped for longer than its lease, and comes back later, or never."""
        token = self.by.choice(list(self.held))
        await execute(self.pool, "UPDATE workers SET lease_until = now() - interval '1 s' WHERE token = %s", token)
        async with self.pool.connection() as conn:
            await recovery.recover(conn, None)
        self.late.append((token, self.held.pop(token)))
        await self.register()

    async def come_back(self) -> None:
        if self.late:
            token, done = self.late.pop(self.by.randrange(len(self.late)))
            await self.record(token, done, 3)

    async def decide(self) -> None:
        campaign = self.by.choice(self.campaigns)
        workspace = self.owner.workspace_id
        emails = await rows(self.pool, "SELECT id, recipient, status FROM emails WHERE campaign_id = %s", campaign)
        email = self.by.choice(emails)
        with suppress(Conflict):  # it is over already, or was decided: as a person may find
            match self.by.randrange(7):
                case 0 | 1:
                    await campaigns.pause(self.pool, workspace, campaign)
                case 2 | 3:
                    await campaigns.resume(self.pool, workspace, campaign)
                case 4:
                    await decisions.retry_many(self.pool, workspace, decisions.Chosen(campaign_id=campaign))
                case 5:
                    doubts = [email["id"] for email in emails if email["status"] == "UNKNOWN"]
                    if doubts:
                        chosen = decisions.Chosen(ids=doubts)
                        word = self.by.choice(["sent", "resend"])
                        await decisions.resolve_many(self.pool, workspace, chosen, word)
                case _ if self.by.random() < 0.2:
                    await campaigns.cancel(self.pool, workspace, campaign)
                case _ if email["status"] != "SENDING" and self.by.random() < 0.2:
                    await erasure.erase(self.pool, workspace, email["recipient"], LOCAL)

    async def step(self) -> None:
        chance = self.by.random()
        if chance < 0.7:
            await self.trade(self.by.choice(list(self.held)))
        elif chance < 0.75:
            await self.lose_worker()
        elif chance < 0.8:
            await self.come_back()
        elif chance < 0.88:
            await self.decide()
        else:
            await self.pass_time(self.by.choice([1.0, 90.0, 1_000.0, 4_000.0, 30_000.0]))

    async def pass_time(self, seconds: float) -> None:
        by = timedelta(seconds=seconds)
        await the_clock_moves_on(self.pool, by)
        for _, done in [*self.held.items(), *self.late]:  # what a report names its claim by moves along
            for held in done:
                if held.report is not None and held.report.claimed_at is not None:
                    held.report.claimed_at -= by

    async def check(self) -> None:
        for campaign in self.campaigns:
            await check_conservation(self.pool, campaign)
        story = await rows(
            self.pool,
            "SELECT e.id, e.attempts, count(a.number) AS rows, coalesce(max(a.number), 0) AS last,"
            " count(*) FILTER (WHERE a.outcome = 'UNKNOWN') AS unknown"
            " FROM emails e LEFT JOIN attempts a ON a.workspace_id = e.workspace_id AND a.email_id = e.id"
            " GROUP BY e.workspace_id, e.id",
        )
        for email in story:
            assert email["attempts"] == email["rows"] == email["last"], email
            assert self.copies[email["id"]] <= 1 + email["unknown"], (email, self.copies[email["id"]])

    async def calm_down(self) -> None:
        """Everybody is back and the server takes all: what was to be sent is sent, within a bounded number of looks."""
        while self.late:
            await self.come_back()
        for campaign in self.campaigns:
            with suppress(Conflict):  # it is over
                await campaigns.resume(self.pool, self.owner.workspace_id, campaign)
        for _ in range(9 * 24):
            looks = self.exchanges
            while sum([await self.trade(token, calm=True) for token in self.held]) or any(self.held.values()):
                assert self.exchanges - looks < 200
            if not await value(self.pool, "SELECT count(*) FROM emails WHERE status IN ('SCHEDULED', 'SENDING')"):
                return
            await self.pass_time(3600)
        raise AssertionError(await rows(self.pool, "SELECT * FROM holds"))


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_nothing_is_lost_or_sent_twice_that_is_known(
    pool: Pool, owner: Owner, seed: int
) -> None:
    chance = Chance(pool, owner, seed)
    await chance.begin()
    for _ in range(60):
        await chance.step()
        await chance.check()
    await chance.calm_down()
    await chance.check()
    open_ones = await rows(
        pool,
        "SELECT h.* FROM holds h JOIN streams s ON s.id = h.stream_id JOIN campaigns c ON c.id = s.campaign_id"
        " WHERE c.status IN ('ACTIVE', 'PAUSED')",
    )
    assert open_ones == []


async def test_an_outcome_that_nobody_knows_is_said_late_any_number_of_times_and_adds_nothing(
    pool: Pool, owner: Owner
) -> None:
    """A loop that failed gives up what it holds; meanwhile its lease ran out, and the doubt is recorded already."""
    chance = Chance(pool, owner, 0)
    await chance.begin()
    token, _ = chance.held
    async with pool.connection() as conn:
        await exchange.outlook(conn, Claimant(token, *owner))
    claims = await chance.record(token, [], LANES)
    reports = [
        Report(claim.id, "UNKNOWN", reply="the worker failed while it was being sent", claimed_at=claim.claimed_at)
        for claim in claims
    ]
    await execute(pool, "UPDATE workers SET lease_until = now() - interval '1 s' WHERE token = %s", token)
    async with pool.connection() as conn:
        assert len((await recovery.recover(conn, None)).in_doubt) == LANES
        for _ in range(3):
            await exchange.record_late(conn, Claimant(token, *owner), reports)
    assert await value(pool, "SELECT max(attempts) FROM emails") == 1


async def test_a_decision_on_many_and_an_exchange_that_is_refused_wait_in_no_circle(pool: Pool, owner: Owner) -> None:
    """A row of `refusals` names its stream, and so holds that stream's row before the exchange locks any."""
    for stem in ("a", "b"):
        await schedule_campaign(pool, owner, [f"{stem}1@example.com", f"{stem}2@example.com"])
    chance = Chance(pool, owner, 0)
    await chance.register()
    (token,) = chance.held
    claimant = Claimant(token, *owner)
    async with pool.connection() as conn:
        await exchange.outlook(conn, claimant)
    claims = await chance.record(token, [], 3)
    (refused,) = [claim for claim in claims if claim.recipient == "b1@example.com"]
    (waiting,) = await rows(pool, "SELECT id FROM emails WHERE status = 'SCHEDULED'")
    back = next(claim for claim in claims if claim.recipient == "a2@example.com")
    await chance.record(token, [Held(back, taken=False, report=Report(back.id, "UNBEGUN"))], 0)
    report = Report(
        refused.id, "RELEASED", command=".", code=554, reply="no", claimed_at=refused.claimed_at, refusal="OTHER_5XX"
    )

    async def exchanged() -> None:
        async with pool.connection() as conn:
            await exchange.exchange(conn, claimant, [report], LANES, patience=PATIENCE)

    async def waits() -> bool:
        return await value(pool, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")

    first, second = [back.id], [waiting["id"]]
    async with transaction(pool, owner.workspace_id) as conn:
        await streams.lock_of_emails(conn, owner.workspace_id, first)
        trade = asyncio.create_task(exchanged())
        await wait_for(waits, "the exchange waits for the first stream")
        await streams.lock_of_emails(conn, owner.workspace_id, second)
    await trade


@pytest.mark.parametrize("kind", ["RELEASED", "UNBEGUN"])
async def test_a_claim_by_which_nothing_left_costs_the_campaign_no_delay(
    pool: Pool, owner: Owner, kind: Literal["RELEASED", "UNBEGUN"]
) -> None:
    day_ms = 86_400_000
    await schedule_campaign(pool, owner, ["a@example.com", "b@example.com"], delay_between_ms=day_ms)
    chance = Chance(pool, owner, 0)
    await chance.register()
    (token,) = chance.held
    async with pool.connection() as conn:
        await exchange.outlook(conn, Claimant(token, *owner))
    await execute(pool, "UPDATE emails SET scheduled_at = least(scheduled_at, now())")
    (first,) = await chance.record(token, [], LANES)
    assert await chance.record(token, [Held(first, taken=False, report=Report(first.id, kind, again_in_s=60))], 0) == []
    (second,) = await chance.record(token, [], LANES)
    assert await chance.record(token, [], LANES) == []
    report = Report(second.id, "ACCEPTED", command=".", code=250)
    assert await chance.record(token, [Held(second, taken=True, report=report)], LANES) == []
    await execute(pool, "UPDATE emails SET scheduled_at = now() WHERE status = 'SCHEDULED'")
    assert await chance.record(token, [], LANES) == []
