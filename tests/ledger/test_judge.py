"""The owner of a failure: each kind of trouble, played against the ledger with one lane and with 64 on three workers.

The servers are functions, and time is moved; the claims, the table of words, the judge and what it keeps are the real
ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from app.db import Pool
from app.domain.ledger import exchange
from app.domain.ledger.claims import Claim, Claimant, Report
from app.domain.ledger.exchange import Patience
from app.domain.ledger.judge import MOST_WORDINGS
from app.domain.senders import for_workers
from tests.support.engine import (
    Owner,
    check_conservation,
    execute,
    rows,
    schedule_campaign,
    statuses,
    the_clock_moves_on,
    value,
)
from tests.support.ledger import report_of
from worker.verdicts import Command, classify

OK = "250 2.0.0 ok"
PATIENCE = Patience(None, 96)
DEAD = "550 5.1.1 no such user"
DAYS = 86_400.0


class Play:
    """Some workers and lanes at a server, which answers each message from its recipient and its own state."""

    COARSE_S = 10.0  # time goes on by so much more, or each retry would be a step of its own

    def __init__(
        self,
        pool: Pool,
        owner: Owner,
        answer: Callable[[Play, str], str],
        *,
        workers: int,
        lanes: int,
        at: Command = "RCPT",
    ) -> None:
        self.pool = pool
        self.owner = owner
        self.answer = answer
        self.at = at
        self.lanes = lanes
        self.tokens = [uuid4() for _ in range(workers)]
        self.clock = 0.0
        self.tried = Counter[str]()  # how often each recipient was
        self.first = dict[str, float]()  # when
        self.taken = list[tuple[float, str]]()
        self.failures = 0

    async def run(self, until_s: float) -> None:
        """Until nothing is to be done within so many seconds of the play's clock."""
        async with self.pool.connection() as conn:
            for token in self.tokens:
                await conn.execute(
                    "INSERT INTO workers (token, name, lease_until) VALUES (%s, 'play', 'infinity')"
                    " ON CONFLICT DO NOTHING",
                    [token],
                )
        reports: dict[UUID, list[Report]] = {token: [] for token in self.tokens}
        while True:
            claims: dict[UUID, list[Claim]] = {}
            blame: Report | None = None
            for token in self.tokens:
                async with self.pool.connection() as conn:
                    traded = await exchange.exchange(
                        conn, self._claimant(token), reports[token], self.lanes, patience=PATIENCE
                    )
                claims[token], blame = traded.claims, blame or traded.blame
            if blame is not None:
                workspace_id, sender_id = self.owner
                await for_workers.block_sender(
                    self.pool, workspace_id, sender_id, "refused", known_failures=self.failures
                )
                self.failures = await value(self.pool, "SELECT failures FROM senders WHERE id = %s", sender_id)
            reports = {token: [self._hand_over(claim) for claim in claims[token]] for token in self.tokens}
            if any(reports.values()):
                if self.failures and any(report.kind == "ACCEPTED" for report in chain(*reports.values())):
                    await for_workers.unblock_sender(self.pool, *self.owner)
                    self.failures = 0
                continue
            if not await self._wait(until_s):
                return

    async def _wait(self, until_s: float) -> bool:
        async with self.pool.connection() as conn:
            look = await exchange.outlook(conn, self._claimant(self.tokens[0]))
        assert look is not None
        if look.due_s is None:
            return False
        pause_s = max(look.due_s, look.blocked_s or 0.0, 0.0)
        if self.clock + pause_s > until_s:
            return False
        await self._pass(pause_s + (self.COARSE_S if pause_s > 0.5 else 0.001))
        return True

    async def _pass(self, seconds: float) -> None:
        self.clock += seconds
        await the_clock_moves_on(self.pool, timedelta(seconds=seconds))

    def _claimant(self, token: UUID) -> Claimant:
        return Claimant(token, *self.owner)

    def _hand_over(self, claim: Claim) -> Report:
        self.first.setdefault(claim.recipient, self.clock)
        said = self.answer(self, claim.recipient)
        self.tried[claim.recipient] += 1
        code, _, text = said.partition(" ")
        verdict = classify("." if said == OK else self.at, int(code), text, delivered=1, tried=1)
        if verdict.kind == "ACCEPTED":
            self.taken.append((self.clock, claim.recipient))
        return report_of(claim, verdict)


class Size(NamedTuple):
    workers: int
    lanes: int


ONE_LANE, MANY = Size(1, 1), Size(3, 64)
# For plays of hundreds of emails, of which one lane hands over one at a time.
MOSTLY_MANY = pytest.mark.parametrize(
    "size",
    [pytest.param(ONE_LANE, id="one lane", marks=pytest.mark.long), pytest.param(MANY, id="3 x 64 lanes")],
    indirect=True,
)


@pytest.fixture(params=[ONE_LANE, MANY], ids=["one lane", "3 x 64 lanes"])
def size(request: pytest.FixtureRequest) -> Size:
    return request.param


async def _held(pool: Pool) -> list[tuple[int | None, str]]:
    found = await rows(
        pool,
        "SELECT s.campaign_id, h.reason FROM holds h LEFT JOIN streams s ON s.id = h.stream_id ORDER BY s.campaign_id",
    )
    return [(hold["campaign_id"], hold["reason"]) for hold in found]


async def _tries_lost(pool: Pool) -> int:
    return await value(pool, "SELECT coalesce(sum(retry_count), 0)::integer FROM emails")


async def _campaign(pool: Pool, owner: Owner, recipients: int, stem: str = "r", domain: str = "example.com") -> int:
    people = [f"{stem}{number}@{domain}" for number in range(recipients)]
    return (await schedule_campaign(pool, owner, people)).campaign.id


@pytest.mark.parametrize(
    "words", ["550 5.1.1 no such user", "550 User unknown", "552 5.2.2 Mailbox full: too many messages"]
)
async def test_dead_addresses_fail_one_by_one_and_hold_nobody(pool: Pool, owner: Owner, size: Size, words: str) -> None:
    campaign = await _campaign(pool, owner, 100)
    await Play(pool, owner, lambda _play, _to: words, **size._asdict()).run(60)
    assert await check_conservation(pool, campaign) == {"FAILED": 100}
    assert await _held(pool) == []


async def test_refusals_that_nobody_witnesses_are_not_believed_and_a_person_is_asked(
    pool: Pool, owner: Owner, size: Size
) -> None:
    campaign = await _campaign(pool, owner, 300)
    play = Play(pool, owner, lambda _play, _to: "550 Requested action not taken", **size._asdict())
    await play.run(DAYS)
    assert await statuses(pool, campaign) == {"SCHEDULED": 300}
    assert await _held(pool) == [(campaign, "REFUSED")]
    in_flight = size.workers * size.lanes
    assert play.tried.total() <= max(in_flight, 5) + 5  # 15 min, 1 h, 4 h, a day


async def test_three_recipients_of_a_new_sender_fail_for_no_words_that_nobody_knows(
    pool: Pool, owner: Owner, size: Size
) -> None:
    campaign = await _campaign(pool, owner, 3)
    play = Play(pool, owner, lambda _play, _to: "554 5.6.0 no", **size._asdict())
    await play.run(1800)
    assert await statuses(pool, campaign) == {"SCHEDULED": 3}
    assert await _held(pool) == [(campaign, "REFUSED")]


async def test_a_text_that_is_refused_holds_its_campaign_and_no_other(pool: Pool, owner: Owner, size: Size) -> None:
    """Gmail ends each reply with another id: the words are the same all the same."""
    spam = await _campaign(pool, owner, 200, "spam")
    other = await _campaign(pool, owner, 200, "fine")

    def answer(play: Play, to: str) -> str:
        number = play.tried.total()
        return f"550 5.7.1 likely unsolicited mail. x{number}si-{number}.7 - gsmtp" if to.startswith("spam") else OK

    await Play(pool, owner, answer, at=".", **size._asdict()).run(600)
    assert await statuses(pool, other) == {"SENT": 200}
    assert (await statuses(pool, spam))["FAILED"] <= 1
    assert await _held(pool) == [(spam, "REFUSED")]


async def test_what_is_refused_of_two_campaigns_holds_the_sender(pool: Pool, owner: Owner, size: Size) -> None:
    campaigns = [await _campaign(pool, owner, 20, f"c{number}-") for number in range(3)]
    play = Play(pool, owner, lambda _play, _to: "554 Administrative prohibition", **size._asdict())
    for campaign in campaigns:  # in turns, or the first would be alone
        await execute(
            pool,
            "UPDATE emails SET scheduled_at = scheduled_at + make_interval(secs => 0.001 * (id %% 20))"
            " WHERE campaign_id = %s",
            campaign,
        )
    await play._pass(1)
    await play.run(600)
    assert [await statuses(pool, campaign) for campaign in campaigns] == [{"SCHEDULED": 20}] * 3
    assert (None, "REFUSED") in await _held(pool)


async def test_an_attachment_that_gmail_refuses_holds_the_campaign(pool: Pool, owner: Owner, size: Size) -> None:
    campaign = await _campaign(pool, owner, 50)
    said = "552 5.7.0 This message was blocked because its content presents a potential security issue."
    await Play(pool, owner, lambda _play, _to: said, at=".", **size._asdict()).run(600)
    assert await statuses(pool, campaign) == {"SCHEDULED": 50}
    assert await _held(pool) == [(campaign, "REFUSED")]


@pytest.mark.parametrize(
    "words",
    [
        "550 5.7.708 Access denied, traffic not accepted from this IP",
        "550 5.7.705 Access denied, tenant has exceeded threshold",
        "550 5.1.8 Access denied, bad outbound sender",
        "552 5.2.3 you have exceeded your relay quota",
        "550 5.4.6 Unusual sending activity detected",
        "553 5.7.1 <owner@example.com>: Sender address rejected: not owned by user",
        "554 5.7.1 <r1@example.com>: Relay access denied",
        "504 5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
    ],
)
async def test_a_senders_known_trouble_blocks_it_at_the_first_and_costs_no_email_anything(
    pool: Pool, owner: Owner, size: Size, words: str
) -> None:
    campaign = await _campaign(pool, owner, 500)
    play = Play(pool, owner, lambda _play, _to: words, **size._asdict())
    await play.run(3)
    assert await statuses(pool, campaign) == {"SCHEDULED": 500}
    assert await _tries_lost(pool) == 0
    assert play.tried.total() <= size.workers * size.lanes
    assert await value(pool, "SELECT blocked_until > now() FROM senders")


async def test_one_recipients_refusal_fails_that_one_where_others_are_taken(
    pool: Pool, owner: Owner, size: Size
) -> None:
    campaign = await _campaign(pool, owner, 100)

    def answer(_play: Play, to: str) -> str:
        return "550 5.7.703 tenant allow list" if to == "r50@example.com" else OK

    await Play(pool, owner, answer, **size._asdict()).run(3600)
    assert await check_conservation(pool, campaign) == {"SENT": 99, "FAILED": 1}
    assert await _held(pool) == []


# A hoster's words for too many messages, and Yahoo's for whatever it refuses, were taken for those of a dead mailbox.
MAILBOX_UNAVAILABLE = pytest.mark.parametrize(
    "words",
    [
        "550 Requested action not taken: mailbox unavailable\nFailure sending mail. Try again later.",
        "550 Request failed; Mailbox unavailable",
    ],
)


@MAILBOX_UNAVAILABLE
async def test_a_mailbox_that_is_called_unavailable_fails_where_others_are_taken(
    pool: Pool, owner: Owner, size: Size, words: str
) -> None:
    campaign = await _campaign(pool, owner, 50)
    play = Play(pool, owner, lambda _play, to: words if to == "r25@example.com" else OK, **size._asdict())
    await play.run(3600)
    assert await check_conservation(pool, campaign) == {"SENT": 49, "FAILED": 1}
    assert await _held(pool) == []


@MAILBOX_UNAVAILABLE
async def test_a_campaign_of_which_all_mailboxes_are_called_unavailable_waits(
    pool: Pool, owner: Owner, size: Size, words: str
) -> None:
    campaign = await _campaign(pool, owner, 50)
    await Play(pool, owner, lambda _play, _to: words, **size._asdict()).run(600)
    assert await statuses(pool, campaign) == {"SCHEDULED": 50}
    assert await _held(pool) == [(campaign, "REFUSED")]


@pytest.mark.parametrize("words", ["421 Recipient not in route list", "450 4.7.1 try later"])
async def test_one_address_that_is_never_taken_holds_nobody_up(
    pool: Pool, owner: Owner, size: Size, words: str
) -> None:
    campaign = await _campaign(pool, owner, 50)
    play = Play(pool, owner, lambda _play, to: words if to == "r0@example.com" else OK, **size._asdict())
    await play.run(30)
    assert (await statuses(pool, campaign))["SENT"] == 49
    await play.run(5 * DAYS)
    assert await check_conservation(pool, campaign) == {"SENT": 49, "FAILED": 1}
    assert 10 <= play.tried["r0@example.com"] <= 20
    assert play.clock >= 3 * DAYS


async def test_one_address_that_is_never_taken_with_nothing_else_waiting_has_its_own_tries(
    pool: Pool, owner: Owner, size: Size
) -> None:
    campaign = await _campaign(pool, owner, 1)
    play = Play(pool, owner, lambda _play, _to: "421 Recipient not in route list", **size._asdict())
    await play.run(5 * DAYS)
    assert await check_conservation(pool, campaign) == {"FAILED": 1}
    assert await _held(pool) == []
    assert play.clock >= 3 * DAYS


@MOSTLY_MANY
async def test_greylisting_of_all_is_seen_and_slows_nobody(pool: Pool, owner: Owner, size: Size) -> None:
    campaign = await _campaign(pool, owner, 250)

    def answer(play: Play, to: str) -> str:
        return OK if play.clock - play.first[to] >= 300 else "451 4.7.1 Please try again later"

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(3 * 3600)
    assert await check_conservation(pool, campaign) == {"SENT": 250}
    assert await _held(pool) == []


@MOSTLY_MANY
@pytest.mark.parametrize("words", ["450 Too many requests", "454 Throttling failure: Daily message quota exceeded"])
async def test_a_rate_that_the_server_keeps_is_kept_to_and_no_email_loses_a_try(
    pool: Pool, owner: Owner, size: Size, words: str
) -> None:
    campaign = await _campaign(pool, owner, 300)

    def answer(play: Play, _to: str) -> str:
        return OK if sum(play.clock - at < 60 for at, _ in play.taken[-10:]) < 10 else words

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(2 * 3600)
    assert await check_conservation(pool, campaign) == {"SENT": 300}
    assert await _tries_lost(pool) == 0


@MOSTLY_MANY
async def test_a_quota_that_is_used_up_for_the_day_costs_no_email_anything(
    pool: Pool, owner: Owner, size: Size
) -> None:
    campaign = await _campaign(pool, owner, 300)

    def answer(play: Play, _to: str) -> str:
        full = len(play.taken) >= 200 and play.clock < 20 * 3600
        return "454 Throttling failure: Daily message quota exceeded" if full else OK

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(22 * 3600)
    assert await check_conservation(pool, campaign) == {"SENT": 300}
    assert await _tries_lost(pool) == 0
    assert play.tried.total() <= 300 + size.workers * size.lanes + 20 * 8


async def test_a_quota_in_words_that_nobody_knows_fails_one_email_at_the_most(
    pool: Pool, owner: Owner, size: Size
) -> None:
    campaign = await _campaign(pool, owner, 1000)

    def answer(play: Play, _to: str) -> str:
        full = len(play.taken) >= 200 and play.clock < 3000
        return "554 5.0.0 Allocation spent" if full else OK

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(2 * DAYS)
    assert (await check_conservation(pool, campaign))["FAILED"] <= 1
    assert len(play.taken) >= 999


async def test_many_refused_at_one_domain_that_takes_nothing_hold_the_campaign(
    pool: Pool, owner: Owner, size: Size
) -> None:
    people = [f"r{number}@{'big' if number % 5 < 3 else f'small{number}'}.example" for number in range(1000)]
    campaign = (await schedule_campaign(pool, owner, people)).campaign.id

    def answer(_play: Play, to: str) -> str:
        return "550 5.7.26 This mail is unauthenticated" if to.endswith("@big.example") else OK

    await Play(pool, owner, answer, at=".", **size._asdict()).run(600)
    assert 20 <= (await statuses(pool, campaign))["FAILED"] <= 20 + size.workers * size.lanes
    assert await _held(pool) == [(campaign, "REFUSED")]


async def test_a_hold_ends_with_the_first_email_that_gets_through(pool: Pool, owner: Owner, size: Size) -> None:
    campaign = await _campaign(pool, owner, 300)

    def answer(play: Play, _to: str) -> str:
        return OK if play.clock > 4000 else "554 5.6.0 no"

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(DAYS)
    assert await check_conservation(pool, campaign) == {"SENT": 300}
    assert await _held(pool) == []
    in_flight = size.workers * size.lanes
    assert play.tried.total() <= 300 + max(in_flight, 5) + 3


# Servers whose words are of no help


def _word(number: int) -> str:
    """Another one for each number, of letters only."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


async def test_words_that_never_come_twice_burn_no_list(pool: Pool, owner: Owner, size: Size) -> None:
    campaign = await _campaign(pool, owner, 600)

    def answer(play: Play, _to: str) -> str:
        broken = len(play.taken) >= 200 and play.clock < 3000
        return f"554 5.0.0 {_word(play.tried.total())} is what I say" if broken else OK

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(2 * DAYS)
    counts = await check_conservation(pool, campaign)
    assert counts["FAILED"] <= MOST_WORDINGS + 1
    assert counts["SENT"] == 600 - counts["FAILED"]
    assert await value(pool, "SELECT count(*) FROM refusals") <= MOST_WORDINGS + 1


@MOSTLY_MANY
async def test_an_outage_in_words_that_never_come_twice_is_seen(pool: Pool, owner: Owner, size: Size) -> None:
    campaign = await _campaign(pool, owner, 300)

    def answer(play: Play, _to: str) -> str:
        return f"451 {_word(play.tried.total())} not now" if play.clock < 4 * 3600 else OK

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(DAYS)
    assert await check_conservation(pool, campaign) == {"SENT": 300}
    assert play.tried.total() <= 300 + 2 * size.workers * size.lanes + 60
    assert await _held(pool) == []


@pytest.mark.parametrize("alone", [True, False])
async def test_an_address_that_is_refused_in_changing_words_has_its_own_tries(
    pool: Pool, owner: Owner, size: Size, alone: bool
) -> None:
    campaign = await _campaign(pool, owner, 1 if alone else 50)

    def answer(play: Play, to: str) -> str:
        if to != "r0@example.com":
            return OK
        return "450 4.7.1 come back" if play.tried[to] % 2 else "451 4.3.0 something went wrong"

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(5 * DAYS)
    assert (await check_conservation(pool, campaign))["FAILED"] == 1
    assert play.tried["r0@example.com"] <= 20
    assert await _held(pool) == []


@MOSTLY_MANY
async def test_two_emails_that_are_refused_do_not_hold_a_sender_that_others_get_through_on(
    pool: Pool, owner: Owner, size: Size
) -> None:
    """Each campaign is of one email: none has a witness of its own."""
    for number in range(60):
        campaign = await _campaign(pool, owner, 1, f"c{number}-")
        await execute(
            pool,
            "UPDATE emails SET scheduled_at = scheduled_at + make_interval(secs => %s) WHERE campaign_id = %s",
            max(number - 1, 0) * 300.0,
            campaign,
        )
    await Play(pool, owner, lambda _play, _to: OK, workers=1, lanes=1)._pass(1)

    def answer(_play: Play, to: str) -> str:
        return "554 5.6.0 no" if to.startswith(("c0-", "c1-")) else OK

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(DAYS)
    assert len(play.taken) == 58
    assert (None, "REFUSED") not in await _held(pool)
    late = [at - (int(to[1:].split("-")[0]) - 1) * 300 for at, to in play.taken]
    assert max(late) <= 60


@MOSTLY_MANY
async def test_a_quota_in_unknown_words_that_comes_back_fails_one_email_once(
    pool: Pool, owner: Owner, size: Size
) -> None:
    campaign = await _campaign(pool, owner, 200)

    def answer(play: Play, _to: str) -> str:
        return OK if sum(play.clock - at < 900 for at, _ in play.taken[-10:]) < 10 else "554 5.0.0 Allocation spent"

    play = Play(pool, owner, answer, **size._asdict())
    await play.run(2 * DAYS)
    counts = await check_conservation(pool, campaign)
    assert counts["FAILED"] <= 1
    assert counts["SENT"] >= 199
