"""Workers that are killed leave doubts, which the copies in Sent resolve."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.senders.inbox import imap_password_place
from app.secrets import SecretBox
from tests.support.dovecot import PROGRAM, WANTED, dovecot
from tests.support.engine import (
    SECRET_KEY,
    Fleet,
    check_conservation,
    create_owner,
    execute,
    recipients_by_status,
    rows,
    schedule_campaign,
    settings_for,
    wait_for,
    wait_until_settled,
)
from tests.support.inbox import ANN, WORD, Owners, reply
from tests.support.sinkproc import Sink

LANES = 8
SLOW = {"rcpt": {"slow": 0.05}, "dot": {"slow": 0.07}}


@pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
@pytest.mark.parametrize(("emails", "kills"), [(200, 3), pytest.param(2_000, 20, marks=pytest.mark.long)])
async def test_no_email_that_arrived_stays_in_doubt_and_none_is_sent_twice(
    pool: Pool, database_url: str, sink: Sink, tmp_path: Path, emails: int, kills: int
) -> None:
    # The last get no answer: however long the test stalls, each worker has some when it is killed.
    answered = emails - (kills + 1) * LANES
    sink.script(
        [
            {"at": "rcpt", "do": SLOW["rcpt"]},
            {"at": "dot", "when": {"times": answered}, "do": SLOW["dot"]},
            {"at": "dot", "do": "hold"},
        ]
    )
    owner = await create_owner(pool)
    with dovecot(9, {ANN: WORD}) as at:
        await execute(
            pool,
            "UPDATE senders SET imap_host = 'localhost', imap_port = %s, imap_security = 'tls', imap_username = %s,"
            " imap_password_encrypted = %s WHERE id = %s",
            *(at.imaps, ANN, SecretBox(SECRET_KEY).seal(WORD, imap_password_place(owner.sender_id)), owner.sender_id),
        )
        campaign = (await schedule_campaign(pool, owner, emails)).campaign.id
        settings = settings_for(sink, lanes=LANES)
        env = {"SMTP_CA_FILE": str(at.ca_file), "IMAP_ALLOWED_PORTS": "*", "INBOX_POLL_SECONDS": "2"}
        with Fleet(database_url, tmp_path, **env) as fleet:
            for kill in range(1, kills + 1):
                (worker,) = fleet.start(settings)
                await wait_for(
                    lambda kill=kill: _sent(pool, campaign, kill * emails // (kills + 4)), "some to be sent", 60
                )
                await wait_for(lambda: rows(pool, "SELECT 1 FROM emails WHERE status = 'SENDING'"), "one to be sent")
                worker.kill()
            sink.script(SLOW)
            sink.release()
            fleet.start(settings)
            await wait_until_settled(pool, campaign, 60)
            accepted = {entry.envelope_to: entry.message_id for entry in sink.accepted()}
            doubtful = await _in_doubt(pool, campaign)
            assert doubtful
            box = Owners(at)
            for recipient in sorted(doubtful & accepted.keys()):
                copy = reply(ANN).replace(b"<1.ann@there.example>", accepted[recipient].encode())
                box.put(copy, "Sent")
            box.close()

            async def resolved() -> bool:
                return not await _in_doubt(pool, campaign) & accepted.keys()

            await wait_for(resolved, "what arrived to be known as sent", 60)
        assert fleet.complaints() == []
    counts = Counter(entry.envelope_to for entry in sink.accepted())
    assert max(counts.values()) == 1
    assert (await check_conservation(pool, campaign))["SENT"] == len(counts)


async def _sent(pool: Pool, campaign_id: int, count: int) -> bool:
    return (await check_conservation(pool, campaign_id))["SENT"] >= count


async def _in_doubt(pool: Pool, campaign_id: int) -> set[str]:
    found = await recipients_by_status(pool, campaign_id)
    return {recipient for recipient, status in found.items() if status == "UNKNOWN"}
