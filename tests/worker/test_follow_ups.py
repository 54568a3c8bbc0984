"""Follow-ups as they come in: in the thread of the first, with what workers do by themselves."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from app.db import Pool
from app.domain.campaigns.change import Changes, change
from app.domain.campaigns.content import Content
from app.domain.campaigns.steps import Step
from tests.support.engine import (
    Owner,
    add_sender,
    campaign_status,
    check_conservation,
    schedule_campaign,
    value,
    wait_for,
)
from tests.worker.test_links import part, receiving

AT_ONCE = timedelta(seconds=1)
CONTENT = Content(subject="Hi {{ name }}", body="One.", reply_to=None)


async def test_a_sequence_goes_out_by_itself_in_one_thread(pool: Pool, database_url: str, owner: Owner) -> None:
    steps = (
        Step(
            wait=AT_ONCE,
            body="Two, {{ name }}, since {{ sent_at }}.",
            body_html="<p>Two, {{ sent_at }}</p>",
            quotes=True,
        ),
        Step(wait=AT_ONCE, body="{% if name %}Three{% endif %}, since {{ sent_at | date: '%Y' }}.", quotes=True),
        Step(wait=AT_ONCE, subject="Four for {{ name }}", body="Four."),
    )
    people: list[Any] = [{"email": "a@example.com", "name": "Ann"}, {"email": "b@example.com", "name": "Bob"}]
    made = await schedule_campaign(pool, owner, people, content=CONTENT, steps=steps, follow_up_without_reading=True)
    campaign = made.campaign.id
    async with receiving(pool, database_url) as received:
        await wait_for(lambda: _is_finished(pool, campaign), "all steps to be sent", 60)
    assert await check_conservation(pool, campaign) == {"SENT": 8}
    for address, name in (("a@example.com", "Ann"), ("b@example.com", "Bob")):
        first, second, third, fourth = (one for one in received if one["To"] == address)
        began_on = await value(
            pool,
            "SELECT to_char(claimed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM emails"
            " WHERE recipient = %s AND follows_id IS NULL",
            address,
        )
        ids = [str(one["Message-ID"]) for one in (first, second, third, fourth)]
        assert [str(one["Subject"]) for one in (first, second, third, fourth)] == [
            f"Hi {name}",
            f"Re: Hi {name}",
            f"Re: Hi {name}",
            f"Four for {name}",
        ]
        assert [first["In-Reply-To"], second["In-Reply-To"], third["In-Reply-To"]] == [None, *ids[:2]]
        assert (str(second["References"]), str(third["References"]).split()) == (ids[0], ids[:2])
        assert (fourth["In-Reply-To"], fourth["References"]) == (None, None)
        assert part(second, "plain").startswith(f"Two, {name}, since {began_on}.")
        assert began_on in part(second, "html")
        assert "Three, since 20" in part(third, "plain")
        assert part(second, "plain").rstrip().endswith("wrote:\n\n> One.")
        assert "One.\n</blockquote>" in part(second, "html")
        assert f"> Two, {name}, since {began_on}." in part(third, "plain")
        assert "> One." not in part(third, "plain"), "one message is quoted"


async def test_a_sender_that_is_added_sends_its_part_and_follows_it_up(
    pool: Pool, database_url: str, owner: Owner
) -> None:
    steps = (Step(wait=AT_ONCE, body="Two."), Step(wait=AT_ONCE, body="Three."))
    made = await schedule_campaign(pool, owner, 6, steps=steps, follow_up_without_reading=True)
    campaign = made.campaign.id
    other = await add_sender(pool, owner, "other@example.com")
    await change(pool, owner.workspace_id, campaign, Changes(sender_ids=[owner.sender_id, other.sender_id]))
    async with receiving(pool, database_url) as received:
        await wait_for(lambda: _is_finished(pool, campaign), "all steps to be sent by both", 60)
    assert await check_conservation(pool, campaign) == {"SENT": 18}
    came = Counter((str(one["To"]), part(one, "plain").split("\n")[0]) for one in received)
    assert set(came.values()) == {1}, "nothing goes out twice"
    assert len(came) == 18
    by = {(str(one["To"]), str(one["From"])) for one in received}
    assert Counter("other@" in sender for _, sender in by) == {True: 3, False: 3}, "a thread is one sender's"


async def _is_finished(pool: Pool, campaign_id: int) -> bool:
    return await campaign_status(pool, campaign_id) == "FINISHED"
