"""Workers and Postgres that are killed while steps fall due, answers arrive in a real mailbox, and people stop
recipients: nobody gets a step twice, nobody who was stopped gets one more, and nothing owed is forgotten.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.db import Pool, migrate, open_pool
from app.domain.accounts.actor import LOCAL
from app.domain.campaigns.steps import Step
from app.domain.operations import installation
from app.domain.operations.workers import unregister
from app.domain.senders.inbox import imap_password_place
from app.domain.suppressions.stop import stop
from app.embedded.postgres import EmbeddedPostgres
from app.errors import Conflict
from app.mail.opaque import MessageIds
from app.secrets import SecretBox
from tests.support.dovecot import PROGRAM, WANTED, Dovecot, dovecot
from tests.support.engine import (
    SECRET_KEY,
    Fleet,
    Owner,
    add_sender,
    campaign_status,
    check_conservation,
    create_owner,
    execute,
    register_worker,
    row,
    rows,
    schedule_campaign,
    settings_for,
    settle_streams,
    value,
    wait_for,
)
from tests.support.inbox import ANN, WORD, Owners, reply
from tests.support.sinkproc import Sink

LANES, WORKERS, LEASE_S = 4, 3, 4.0
STEPS = tuple(Step(wait=timedelta(seconds=1), body=f"Step {number}") for number in (2, 3))
# Emails to those whose answer had been read, or whom a person had stopped, before the claim.
IN_VAIN = """
SELECT e.id FROM emails e
JOIN emails o ON o.workspace_id = e.workspace_id AND o.campaign_id = e.campaign_id AND o.recipient = e.recipient
JOIN stopped_at s ON s.email_id = o.id
WHERE e.claimed_at > s.at AND e.status <> 'CANCELLED'
"""

pytestmark = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)


@pytest.fixture
def at() -> Iterator[Dovecot]:
    with dovecot(9, {ANN: WORD}) as running:
        yield running


async def _read_from(pool: Pool, owner: Owner, at: Dovecot) -> None:
    """The owner's answers lie there."""
    sealed = SecretBox(SECRET_KEY).seal(WORD, imap_password_place(owner.sender_id))
    await execute(
        pool,
        "UPDATE senders SET email = %s, imap_host = 'localhost', imap_port = %s, imap_security = 'tls',"
        " imap_username = %s, imap_password_encrypted = %s WHERE id = %s",
        *(ANN, at.imaps, ANN, sealed, owner.sender_id),
    )
    # By the database's clock, once each is known, which is before anything that is claimed after it: an answer is known
    # once its transaction, which began before, has the lock of its stream.
    await execute(pool, "CREATE TABLE stopped_at (email_id bigint, at timestamptz)")
    await execute(
        pool,
        "CREATE FUNCTION note_answer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
        " INSERT INTO stopped_at VALUES (NEW.email_id, clock_timestamp()); RETURN NEW; END $$",
    )
    await execute(
        pool,
        "CREATE TRIGGER answers_noted BEFORE INSERT ON responses"
        " FOR EACH ROW WHEN (NEW.kind = 'REPLY') EXECUTE FUNCTION note_answer()",
    )


async def test_a_worker_that_ends_gives_back_a_mailbox_that_it_lost_while_it_read_it(pool: Pool, owner: Owner) -> None:
    """As when Postgres went away in mid-pass: for three minutes nobody read it, and no later step was sent."""
    kept, ended = [await register_worker(pool, name) for name in ("kept", "ended")]
    other = await add_sender(pool, owner, "other@example.com")
    await execute(
        pool,
        "INSERT INTO inboxes (workspace_id, sender_id, lease_token, lease_until, next_at, watch_token, watched_until)"
        " SELECT w, s, lease, now() + '3 min', now() + '3 min', watch, now() + '3 min'"
        " FROM (VALUES (%s::bigint, %s::bigint, %s::uuid, %s::uuid), (%s, %s, %s, %s)) AS v (w, s, lease, watch)",
        *(*owner, ended, kept, *other, kept, ended),
    )
    await unregister(pool, ended)
    found = await rows(
        pool, "SELECT lease_token, watch_token, next_at <= now() AS due FROM inboxes ORDER BY sender_id = %s", other[1]
    )
    assert [tuple(one.values()) for one in found] == [(None, kept, True), (kept, None, False)]


class Play:
    def __init__(self, pool: Pool, owner: Owner, mailbox: Owners, ids: MessageIds, seed: int) -> None:
        self._pool, self._owner, self._mailbox, self._ids = pool, owner, mailbox, ids
        self.chance = random.Random(seed)  # noqa: S311
        self.answered = dict[str, int]()
        self.stopped = set[str]()

    async def answer(self) -> None:
        """Somebody answers what they have got."""
        if email := await self._somebody():
            thread = self._ids.of(self._owner.workspace_id, email["id"], "example.com")
            message = reply(email["recipient"], head=f"In-Reply-To: {thread}\n", number=email["id"])
            await asyncio.to_thread(self._mailbox.put, message)
            self.answered[email["recipient"]] = email["id"]

    async def stop(self) -> None:
        """A person stops somebody."""
        if email := await self._somebody():
            try:
                await stop(self._pool, self._owner.workspace_id, email["id"], LOCAL)
            except Conflict:
                return
            await execute(self._pool, "INSERT INTO stopped_at VALUES (%s, clock_timestamp())", email["id"])
            self.stopped.add(email["recipient"])

    async def _somebody(self) -> dict[str, Any] | None:
        found = await rows(
            self._pool, "SELECT id, recipient FROM emails WHERE status = 'SENT' AND follow_at IS NOT NULL"
        )
        left = [one for one in found if one["recipient"] not in self.answered.keys() | self.stopped]
        return self.chance.choice(left) if left else None


@pytest.mark.parametrize(("emails", "kills"), [(30, 2), pytest.param(300, 16, marks=pytest.mark.long)])
async def test_nobody_gets_a_step_twice_or_after_an_answer_whatever_is_killed(
    at: Dovecot, sink: Sink, tmp_path: Path, emails: int, kills: int
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    sink.script({"dot": {"slow": 0.02}})
    postgres = EmbeddedPostgres(tmp_path, on_a_port=True)
    postgres.start()
    mailbox = Owners(at)
    env = {"SMTP_CA_FILE": str(at.ca_file), "INBOX_POLL_SECONDS": "1"}
    try:
        migrate(postgres.url)
        async with await open_pool(postgres.url) as pool:
            with Fleet(postgres.url, tmp_path, **env) as fleet:
                await _mail(pool, postgres, fleet, sink, mailbox, at, seed, emails, kills)
    finally:
        mailbox.close()
        postgres.stop()


async def _mail(
    pool: Pool,
    postgres: EmbeddedPostgres,
    fleet: Fleet,
    sink: Sink,
    mailbox: Owners,
    at: Dovecot,
    seed: int,
    emails: int,
    kills: int,
) -> None:
    owner = await create_owner(pool)
    await _read_from(pool, owner, at)
    draft: dict[str, Any] = {"steps": STEPS, "on_unknown": "assume_sent"}
    campaign = (await schedule_campaign(pool, owner, emails, **draft)).campaign.id
    play = Play(pool, owner, mailbox, MessageIds((await installation.read_keys(pool)).message), seed)
    workers = fleet.start(settings_for(sink, lanes=LANES, lease_s=LEASE_S), WORKERS)
    for number, moment in enumerate(sorted(play.chance.sample(range(1, 2 * emails), kills))):
        await wait_for(lambda moment=moment: _is_over_or_sent(pool, campaign, moment), f"{moment} to be sent", 120)
        if number % 4 == 1:
            postgres.stop("immediate")
            await asyncio.to_thread(postgres.start)
        else:
            workers.pop(play.chance.randrange(len(workers))).kill()
            workers += fleet.start(settings_for(sink, lanes=LANES, lease_s=LEASE_S))
        await wait_for(lambda: value(pool, "SELECT true"), "the database to answer", 60)
        await play.answer()
        await play.stop()
        await _read_at_once(pool)

    async def over() -> bool:
        await check_conservation(pool, campaign)
        await _read_at_once(pool)
        return await campaign_status(pool, campaign) == "FINISHED"

    await wait_for(over, "the campaign to be finished", 180)
    await wait_for(lambda: _all_recorded(pool, play), "all answers to be read", 60)

    counts = await check_conservation(pool, campaign)
    assert set(counts) <= {"SENT", "CANCELLED"}
    had = Counter(one["recipient"] for one in await rows(pool, "SELECT recipient FROM emails WHERE status = 'SENT'"))
    silent = {one for one in had if one not in play.answered.keys() | play.stopped}
    assert {one for one in silent if had[one] != len(STEPS) + 1} == set(), "nothing owed is forgotten"
    taken = Counter(entry.message_id for entry in sink.accepted())
    assert {one for one, times in taken.items() if times > 1} == set(), "nobody gets a step twice"
    assert await rows(pool, IN_VAIN) == [], "who was stopped gets nothing that was not claimed by then"
    assert fleet.logged("deadlock", "never retrieved") == [], "an incarnation ends with Postgres, and nothing else"
    told = await row(pool, "SELECT sum(following) AS following, sum(replied) AS replied FROM streams")
    assert told == {"following": 0, "replied": len(play.answered)}
    print(f"{dict(counts)}, {len(play.answered)} answered, {len(play.stopped)} stopped, {len(fleet.all)} workers")


async def _read_at_once(pool: Pool) -> None:
    """Bring back emails that wait for a reading: they are set aside for a minute, which nobody here has."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("SELECT id FROM streams ORDER BY id FOR NO KEY UPDATE")
        await conn.execute(
            "UPDATE emails SET scheduled_at = now() - interval '1 ms'"
            " WHERE status = 'SCHEDULED' AND after_at IS NOT NULL AND scheduled_at > now() + interval '10 s'"
        )
        await settle_streams(conn)


async def _all_recorded(pool: Pool, play: Play) -> bool:
    return await value(pool, "SELECT count(*) FROM responses WHERE kind = 'REPLY'") == len(play.answered)


async def _is_over_or_sent(pool: Pool, campaign_id: int, at_least: int) -> bool:
    await _read_at_once(pool)
    sent = (await check_conservation(pool, campaign_id))["SENT"]
    return sent >= at_least or await campaign_status(pool, campaign_id) == "FINISHED"
