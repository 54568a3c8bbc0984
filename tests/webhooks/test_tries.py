"""Deliveries that do not go well: tries, rests, workers that die, and what is changed or erased meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from unittest.mock import Mock
from uuid import uuid4

import pytest
from standardwebhooks import WebhookVerificationError

from app.db import MIGRATIONS, Pool, transaction
from app.domain.accounts.actor import LOCAL
from app.domain.operations import alerts, installation
from app.domain.operations.alerts import Alert
from app.domain.recipients import erasure
from app.domain.suppressions.suppress import suppress
from app.domain.webhooks import deliveries, webhooks
from app.domain.webhooks.deliveries import UNSAID, Answer
from app.domain.webhooks.webhooks import WebhookChanges
from app.domain.workspaces.roles import OWNER
from app.settings import Settings
from tests.support.engine import (
    ANYWHERE,
    SECRET_KEY,
    Fleet,
    Owner,
    execute,
    rows,
    running_workers,
    settings_for,
    value,
    wait_for,
)
from tests.support.receiver import Receiver, answer, receiving
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from tests.webhooks.test_deliveries import BOX, deliver, hook, log_of, read, time_passes, told_once
from worker import webhooks as delivering

# How it goes when it does not go well


@asynccontextmanager
async def no_sooner_than_it_is_read(receiver: Receiver, within_s: float) -> AsyncGenerator[None]:
    """The bound of a try, which runs out soon, but not before the receiver has read the request."""
    assert within_s == delivering.TIMEOUT_S

    async def told() -> bool:
        return bool(receiver.told)

    async with asyncio.timeout(None) as bound:

        async def run_out() -> None:
            await wait_for(told, "the request")
            bound.reschedule(asyncio.get_running_loop().time() + 0.3)

        running = asyncio.create_task(run_out())
        try:
            yield
        finally:
            running.cancel()


@pytest.mark.parametrize(
    ("script", "status_code", "error"),
    [
        (answer(500, "out of order"), 500, "answered 500: out of order"),
        (answer(302, "", "Location: http://127.0.0.1:1/"), 302, "answered 302; redirects are not followed"),
        ("flood", 500, "answered 500: " + "x" * 200),
        (answer(503, "a\x00b\r\n\x1b[31mc"), 503, "answered 503: a b [31mc"),
        ("hang", None, f"no answer within {delivering.TIMEOUT_S:g} s"),
        ("drip", None, f"no answer within {delivering.TIMEOUT_S:g} s"),
        ("gibberish\r\n\r\n", None, "no answer from 127.0.0.1: "),
    ],
    ids=["500", "redirect", "huge", "control-characters", "hang", "drip", "no-http"],
)
async def test_a_try_that_fails_is_in_the_log_and_is_made_again(
    pool: Pool,
    owner: Owner,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    status_code: int | None,
    error: str,
) -> None:
    webhook = await hook(pool, owner, receiver)
    receiver.script = [script]
    with monkeypatch.context() as patched:
        if script in {"hang", "drip"}:
            timeout = partial(no_sooner_than_it_is_read, receiver)
            patched.setattr(delivering, "asyncio", Mock(wraps=asyncio, timeout=timeout))
        failed = await told_once(pool, owner, webhook)
    assert (failed.status, failed.attempts, failed.status_code) == ("PENDING", 1, status_code)
    assert failed.error is not None
    assert failed.error.startswith(error)
    assert len(failed.error) < 300
    assert failed.next_attempt_at is not None
    troubled = await read(pool, owner, webhook)
    assert troubled.failing_since is not None
    assert troubled.last_error == failed.error

    await deliver(pool, webhook)  # has a pause
    assert len(receiver.told) == 1
    await time_passes(pool)
    await deliver(pool, webhook)
    (done,) = await log_of(pool, owner, webhook)
    assert (done.status, done.attempts, done.error) == ("DELIVERED", 2, None)
    first, second = receiver.told
    assert first.message_id == second.message_id == done.message_id
    assert first.body == second.body
    assert (await read(pool, owner, webhook)).failing_since is None


async def test_nobody_at_home_is_a_failure(pool: Pool, owner: Owner) -> None:
    async with receiving() as gone:
        webhook = await hook(pool, owner, gone)
    failed = await told_once(pool, owner, webhook)
    assert failed.error is not None
    assert failed.error.startswith("cannot connect to 127.0.0.1")
    assert "Errno" not in failed.error


async def test_after_a_day_of_tries_the_delivery_has_failed(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    tries = len(deliveries.RETRY_S) + 1
    receiver.script = [answer(500)] * tries
    await webhooks.test(pool, owner.workspace_id, webhook.id)
    for _ in range(tries + 1):
        await time_passes(pool)
        await deliver(pool, webhook)
    (failed,) = await log_of(pool, owner, webhook)
    assert (failed.status, failed.attempts, failed.next_attempt_at) == ("FAILED", tries, None)
    assert len(receiver.told) == tries
    assert 24 * 3600 < sum(deliveries.RETRY_S) < 36 * 3600


async def test_one_that_is_gone_is_disabled(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    receiver.script = [answer(410)]
    await told_once(pool, owner, webhook)
    disabled = await read(pool, owner, webhook)
    assert (disabled.enabled, disabled.disabled_reason) == (False, "the receiver answered 410 Gone")

    await webhooks.change(pool, owner.workspace_id, webhook.id, WebhookChanges(enabled=True))
    await time_passes(pool)
    await deliver(pool, webhook)
    assert [d.status for d in await log_of(pool, owner, webhook)] == ["DELIVERED"]


async def test_one_that_fails_for_days_is_disabled_and_says_why(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    receiver.script = [answer(500), answer(500)]
    await told_once(pool, owner, webhook)
    assert (await read(pool, owner, webhook)).enabled
    await execute(pool, "UPDATE webhooks SET failing_since = now() - interval '4 days'")
    await time_passes(pool)
    await deliver(pool, webhook)
    disabled = await read(pool, owner, webhook)
    assert not disabled.enabled
    assert disabled.disabled_reason == "every try failed for 3 days; the last: answered 500"


async def test_the_sweep_delivers_what_a_lost_wake_up_left(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver)
    await webhooks.test(pool, owner.workspace_id, webhook.id)
    await execute(pool, "DELETE FROM procrastinate_jobs")

    async def told() -> bool:
        return bool(receiver.told)

    async with running_workers(database_url, settings_for(sink)):
        await wait_for(told, "the event")


async def test_a_worker_killed_in_the_middle_leaves_it_to_another(
    database_url: str, pool: Pool, sink: Sink, owner: Owner, receiver: Receiver, tmp_path: Path
) -> None:
    webhook = await hook(pool, owner, receiver)
    receiver.script = ["hang"]
    await webhooks.test(pool, owner.workspace_id, webhook.id)
    await webhooks.test(pool, owner.workspace_id, webhook.id)

    async def told() -> bool:
        return bool(receiver.told)

    with Fleet(database_url, tmp_path) as fleet:
        (worker,) = fleet.start(settings_for(sink))
        await wait_for(told, "the first try")
        worker.signal(signal.SIGKILL)
        worker.process.wait()
    await deliver(pool, webhook)  # the dead one's lease still holds
    assert len(receiver.told) == 1
    await execute(pool, "UPDATE webhooks SET lease_until = now()")
    await deliver(pool, webhook)
    log = await log_of(pool, owner, webhook)
    assert [d.status for d in log] == ["DELIVERED"] * 2
    assert [told.message_id for told in receiver.told] == [log[0].message_id, log[0].message_id, log[1].message_id]


async def test_two_workers_do_not_deliver_to_one_webhook_at_once(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    made = [await webhooks.test(pool, owner.workspace_id, webhook.id) for _ in range(20)]
    await asyncio.gather(*(deliver(pool, webhook) for _ in range(4)))
    assert [told.message_id for told in receiver.told] == [d.message_id for d in made]


async def test_a_try_that_fails_inside_is_not_made_again_at_once(
    pool: Pool, owner: Owner, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded of it; whoever were woken at once would fail as soon, again and again."""
    webhook = await hook(pool, owner, receiver)
    await webhooks.test(pool, owner.workspace_id, webhook.id)
    await execute(pool, "DELETE FROM procrastinate_jobs")
    with monkeypatch.context() as patched:
        patched.setattr(delivering.ssl, "create_default_context", Mock(side_effect=OSError("too many open files")))
        with pytest.raises(OSError, match="too many"):
            await deliver(pool, webhook)
    jobs = "SELECT count(*) FROM procrastinate_jobs"
    assert await value(pool, jobs) == 0
    await deliveries.wake_neglected(pool)  # the sweep
    assert await value(pool, jobs) == 1
    await deliver(pool, webhook)
    assert [d.status for d in await log_of(pool, owner, webhook)] == ["DELIVERED"]


async def test_a_url_that_was_taken_and_is_none_is_a_failed_try(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    await execute(pool, "UPDATE webhooks SET url = 'https://[2606:4700::1111]x/'")
    failed = await told_once(pool, owner, webhook)
    assert (failed.attempts, failed.status_code) == (1, None)
    assert failed.error == "the webhook's URL is none: Invalid port: 'x'"


async def test_what_a_receiver_says_of_whom_an_erasure_took_out_meanwhile_is_not_kept(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver)
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, emails=["ada@example.com"], reason="MANUAL")
    target = await deliveries.lease(pool, webhook.id, uuid4())
    assert target
    (told,) = await deliveries.due(pool, target)
    assert told.data["recipient"] == "ada@example.com"
    await erasure.erase(pool, owner.workspace_id, "ada@example.com", LOCAL)
    await deliveries.record(pool, target, told, Answer(500, "answered 500: who is ada@example.com?"))
    (failed,) = await log_of(pool, owner, webhook)
    assert (failed.status_code, failed.error, (await read(pool, owner, webhook)).last_error) == (500, UNSAID, UNSAID)
    (told,) = await rows(
        pool, "SELECT to_jsonb(d)::text || to_jsonb(w)::text AS it FROM webhook_deliveries d, webhooks w"
    )
    assert "ada@" not in told["it"]


async def test_an_erasure_and_the_record_of_a_try_take_turns(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    async with transaction(pool) as conn:
        await suppress(conn, owner.workspace_id, emails=["ada@example.com"], reason="MANUAL")
    target = await deliveries.lease(pool, webhook.id, uuid4())
    assert target
    (told,) = await deliveries.due(pool, target)
    names = {"workspace_id": owner.workspace_id, "addresses": ["ada@example.com"], "erased": "(erased)"}
    params = names | {"pattern": r"ada@example\.com"}
    async with transaction(pool) as conn:
        await conn.execute(erasure.sql.lock_webhooks, params)
        await conn.execute(erasure.sql.erase_deliveries, params)
        answer = Answer(410, "answered 410: who is ada@example.com?")
        recording = asyncio.create_task(deliveries.record(pool, target, told, answer))

        async def waits() -> bool:
            return await value(pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0

        await wait_for(waits, "the record to wait for the erasure")
        await conn.execute(erasure.sql.erase_words_in_deliveries, params)
        await conn.execute(erasure.sql.erase_words_about_webhooks, params)
    assert not await recording
    (kept,) = await rows(
        pool, "SELECT to_jsonb(d)::text || to_jsonb(w)::text AS it FROM webhook_deliveries d, webhooks w"
    )
    assert "ada@" not in kept["it"]  # secrets of webhooks have letters, too


async def test_one_that_has_rested_since_it_failed_is_not_disabled_for_the_days_between(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver)
    tries = len(deliveries.RETRY_S) + 1
    receiver.script = [answer(500)] * (tries + 3)
    await webhooks.test(pool, owner.workspace_id, webhook.id)
    for _ in range(tries):
        await time_passes(pool)
        await deliver(pool, webhook)
    (first,) = await log_of(pool, owner, webhook)
    assert first.status == "FAILED"
    long_ago = "UPDATE webhooks SET failing_since = now() - interval '28 days'"
    await execute(pool, long_ago)
    assert [a.kind for a in await _alerts(pool, owner)] == ["webhook.failing"]  # the latest try failed, after all
    await time_passes(pool)
    await told_once(pool, owner, webhook)  # the next event
    failing = await read(pool, owner, webhook)
    assert failing.enabled
    assert failing.failing_since
    assert [a.since for a in await _alerts(pool, owner)] == [failing.failing_since]
    assert await value(pool, "SELECT failing_since > now() - interval '1 hour' FROM webhooks")

    await execute(pool, "UPDATE webhooks SET failing_since = now() - interval '4 days'")
    await time_passes(pool)
    await deliver(pool, webhook)  # now it has failed all the while
    assert not (await read(pool, owner, webhook)).enabled


async def test_a_replay_long_after_all_has_failed_is_a_new_beginning(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    webhook = await hook(pool, owner, receiver)
    receiver.script = [answer(500)] * 2
    await told_once(pool, owner, webhook)
    await execute(pool, "UPDATE webhook_deliveries SET attempts = %s", len(deliveries.RETRY_S))
    receiver.script = [answer(500)] * 2
    await time_passes(pool)
    await deliver(pool, webhook)
    (failed,) = await log_of(pool, owner, webhook)
    assert failed.status == "FAILED"
    await execute(pool, "UPDATE webhooks SET failing_since = now() - interval '28 days'")
    await webhooks.replay(pool, owner.workspace_id, webhook.id, failed.id)
    await deliver(pool, webhook)
    assert (await read(pool, owner, webhook)).enabled


async def test_of_a_version_before_those_rest_that_have_nothing_to_try(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    resting, trying = [await hook(pool, owner, receiver, "sender.blocked") for _ in range(2)]
    await webhooks.test(pool, owner.workspace_id, trying.id)
    await execute(pool, "UPDATE webhooks SET failures = 8, failing_since = now(), last_error = 'answered 500'")
    await execute(pool, (MIGRATIONS / "0090_webhooks.sql").read_text())
    found = await rows(pool, "SELECT id, failures FROM webhooks ORDER BY id")
    assert found == [{"id": resting.id, "failures": 0}, {"id": trying.id, "failures": 8}]


async def _alerts(pool: Pool, owner: Owner) -> list[Alert]:
    found = await alerts.list_alerts(
        pool, owner.workspace_id, OWNER, installation.ours(Settings(secret_key=SECRET_KEY))
    )
    return [alert for alert in found if alert.webhook_id is not None]


@pytest.mark.parametrize("what", ["url", "secret"])
async def test_a_new_address_or_secret_holds_from_the_next_try_whatever_run_is_under_way(
    pool: Pool, owner: Owner, receiver: Receiver, what: str
) -> None:
    webhook = await hook(pool, owner, receiver)
    for _ in range(2):
        await webhooks.test(pool, owner.workspace_id, webhook.id)
    target = await deliveries.lease(pool, webhook.id, uuid4())
    assert target
    (first, _) = await deliveries.due(pool, target)
    await execute(pool, "DELETE FROM procrastinate_jobs")
    async with receiving() as elsewhere:
        secret = webhook.secret
        if what == "url":
            changes = WebhookChanges(url=f"http://127.0.0.1:{elsewhere.port}/")
            await webhooks.change(pool, owner.workspace_id, webhook.id, changes, policy=ANYWHERE)
        else:
            secret = (await webhooks.rotate_secret(pool, BOX, owner.workspace_id, webhook.id)).secret
        assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'deliver_webhooks'") == 1
        # The try that was made meanwhile is nobody's: whoever has the secret now did not answer it.
        assert not await deliveries.record(pool, target, first, Answer(500, "answered 500"))
        await deliveries.release(pool, target, wakes=True)
        assert (await read(pool, owner, webhook)).failing_since is None
        await deliver(pool, webhook)
        told = (elsewhere if what == "url" else receiver).told
        assert len(told) == 2
        for one in told:
            assert isinstance(secret, str)
            one.verify(secret)


async def test_a_new_secret_of_a_disabled_one_wakes_nobody(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    await webhooks.change(pool, owner.workspace_id, webhook.id, WebhookChanges(enabled=False))
    await execute(pool, "DELETE FROM procrastinate_jobs")
    await webhooks.rotate_secret(pool, BOX, owner.workspace_id, webhook.id)
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs") == 0


TELL = b"SELECT tell(%s, %s, '{}')"


async def test_transactions_that_tell_several_webhooks_do_not_wait_for_each_other(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    """As an exchange that ends a campaign and finds an address dead, and a click that unsubscribes and ends one."""
    suppressed = await hook(pool, owner, receiver, "recipient.suppressed")
    finished = await hook(pool, owner, receiver, "campaign.finished")
    async with transaction(pool) as one, transaction(pool) as other:
        await one.execute(TELL, [owner.workspace_id, "campaign.finished"])
        await other.execute(TELL, [owner.workspace_id, "recipient.suppressed"])
        async with asyncio.timeout(BOUND_S):
            await asyncio.gather(
                one.execute(TELL, [owner.workspace_id, "recipient.suppressed"]),
                other.execute(TELL, [owner.workspace_id, "campaign.finished"]),
            )
    for webhook in (suppressed, finished):
        assert len(await log_of(pool, owner, webhook)) == 2
    jobs = "SELECT args FROM procrastinate_jobs WHERE task_name = 'deliver_webhooks' ORDER BY args"
    assert [job["args"] for job in await rows(pool, jobs)] == [
        {"webhook_id": suppressed.id},
        {"webhook_id": finished.id},
    ]


async def test_the_sweep_and_a_transaction_that_tells_do_not_wait_for_each_other(
    pool: Pool, owner: Owner, receiver: Receiver
) -> None:
    suppressed = await hook(pool, owner, receiver, "recipient.suppressed")
    finished = await hook(pool, owner, receiver, "campaign.finished")
    for webhook in (suppressed, finished):
        await webhooks.test(pool, owner.workspace_id, webhook.id)
    await execute(pool, "DELETE FROM procrastinate_jobs")
    async with transaction(pool) as conn:
        await conn.execute(TELL, [owner.workspace_id, "campaign.finished"])
        sweeping = asyncio.create_task(deliveries.wake_neglected(pool))

        async def waits() -> bool:
            return sweeping.done() or await value(pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0

        await wait_for(waits, "the sweep to come to the second webhook")
        await conn.execute(TELL, [owner.workspace_id, "recipient.suppressed"])
    await sweeping
    assert await value(pool, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'deliver_webhooks'") == 2


async def test_a_replay_is_the_same_message_again(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    webhook = await hook(pool, owner, receiver)
    done = await told_once(pool, owner, webhook)
    again = await webhooks.replay(pool, owner.workspace_id, webhook.id, done.id)
    assert (again.status, again.attempts) == ("PENDING", 0)
    await deliver(pool, webhook)
    first, second = receiver.told
    assert (first.message_id, first.body) == (second.message_id, second.body)


async def test_a_new_secret_signs_from_then_on(pool: Pool, owner: Owner, receiver: Receiver) -> None:
    old = await hook(pool, owner, receiver)
    new = await webhooks.rotate_secret(pool, BOX, owner.workspace_id, old.id)
    assert isinstance(old.secret, str)
    assert isinstance(new.secret, str)
    assert old.secret != new.secret
    await told_once(pool, owner, new)
    receiver.told[0].verify(new.secret)
    with pytest.raises(WebhookVerificationError):
        receiver.told[0].verify(old.secret)
