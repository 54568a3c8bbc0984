"""The log of a worker: ids on every line, and nobody's address, password or words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.db import Pool
from app.domain.campaigns.content import Content
from tests.support.engine import (
    Fleet,
    Owner,
    execute,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.sinkproc import Sink

SUBJECT = "Quarterly figures of Acme"
SCRIPT = [
    {"at": "rcpt", "when": {"to": "no@example.com"}, "do": "550 5.1.1 <no@example.com>: no such mailbox here"},
    {"at": "rcpt", "when": {"to": "later@example.com"}, "do": "450 4.2.0 later@example.com is greylisted"},
    {"at": "dot", "when": {"to": "lost@example.com"}, "do": "drop_after_dot_accepted"},
]
FORBIDDEN = ("example.com", "hunter2", "no such mailbox", "greylisted", SUBJECT, "Hello, world.")


def _lines(fleet: Fleet) -> list[dict[str, Any]]:
    return [json.loads(line) for worker in fleet.all for line in worker.log.splitlines()]


async def test_lines_have_the_ids_and_no_addresses(
    pool: Pool, database_url: str, owner: Owner, sink: Sink, tmp_path: Path
) -> None:
    sink.script(SCRIPT)
    content = Content(subject=SUBJECT, body="Hello, world.")
    people = ["yes@example.com", "no@example.com", "later@example.com", "lost@example.com"]
    campaign = (await schedule_campaign(pool, owner, people, content=content)).campaign.id
    with Fleet(database_url, tmp_path) as fleet:
        fleet.start(settings_for(sink, lanes=2, max_attempts=1))
        await wait_until_settled(pool, campaign)
        sink.script({"mail": "530 5.7.1 owner@example.com may not send with hunter2"})
        refused = (await schedule_campaign(pool, owner, ["another@example.com"])).campaign.id
        said = "SELECT count(*) FROM senders WHERE block_reason LIKE '%%may not send%%'"
        await wait_for(lambda: value(pool, said), "the back-off")
        await execute(pool, "UPDATE streams SET open = false WHERE campaign_id = %s", refused)
        await execute(pool, "UPDATE campaigns SET status = 'PAUSED' WHERE id = %s", refused)
        assert fleet.all[0].drain() == 0
        lines = _lines(fleet)
        text = fleet.all[0].log

    for word in FORBIDDEN:
        assert word not in text
    told = {line["event"] for line in lines}
    assert {"email REJECTED", "email DEFERRED", "email UNKNOWN", "email RELEASED", "sender backed off"} <= told
    of_emails = [line for line in lines if line["event"].startswith("email ")]
    ids = {
        await value(pool, "SELECT id FROM emails WHERE recipient = %s", who)
        for who in [*people[1:], "another@example.com"]
    }
    assert {line["email_id"] for line in of_emails} == ids
    for line in of_emails:
        assert line["campaign_id"] in {campaign, refused}
        assert line["sender_id"] == owner.sender_id
        assert isinstance(line["job_id"], int)
    (rejected,) = (line for line in lines if line["event"] == "email REJECTED")
    assert (rejected["command"], rejected["code"], rejected["enhanced_code"]) == ("RCPT", 550, "5.1.1")
    backed_off = [line for line in lines if line["event"] == "sender backed off"]
    assert {(line["kind"], line["sender_id"]) for line in backed_off} == {("reply", owner.sender_id)}
    *silent, last = (line["code"] for line in backed_off)
    assert (set(silent) <= {None}, last) == (True, 530)  # silence pauses, too, if it is the first on its connection


async def test_a_refused_login_is_told_without_the_servers_words(
    pool: Pool, database_url: str, owner: Owner, tmp_path: Path
) -> None:
    with (
        Sink({"connect": "554 5.7.1 owner@example.com is not welcome"}) as sink,
        Fleet(database_url, tmp_path) as fleet,
    ):
        await schedule_campaign(pool, owner, ["ann@example.com"])
        (worker,) = fleet.start(settings_for(sink))
        await wait_for(
            lambda: value(pool, "SELECT block_reason FROM senders WHERE id = %s", owner.sender_id), "the back-off"
        )
        assert worker.drain() == 0
        (line,) = (line for line in _lines(fleet) if line["event"] == "sender backed off")
        assert "example.com" not in worker.log
        assert "not welcome" not in worker.log
    assert (line["kind"], line["code"]) == ("greeting", 554)
    assert line["sender_id"] == owner.sender_id


async def test_at_debug_the_reply_is_there_with_addresses_masked(
    pool: Pool, database_url: str, owner: Owner, sink: Sink, tmp_path: Path
) -> None:
    sink.script(SCRIPT)
    campaign = (await schedule_campaign(pool, owner, ["no@example.com"])).campaign.id
    with Fleet(database_url, tmp_path) as fleet:
        (worker,) = fleet.start(settings_for(sink, log_level="DEBUG"))
        await wait_until_settled(pool, campaign)
        assert worker.drain() == 0
        replies = [line["reply"] for line in _lines(fleet) if line["event"] == "the server's reply"]
    assert replies == ["<<address>>: no such mailbox here"]
