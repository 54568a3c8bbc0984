"""Cleaning up after workers that died.

Every worker sweeps: it puts emails of dead workers in doubt, has tables counted that have outgrown their plans, makes
emails of later steps that fall due, has new recipients move up into room that answers freed, finishes cancels of large
campaigns, removes jobs of dead queue workers, wakes neglected senders, looks whether a stream sleeps past an email, has
plans made that somebody asked for and nobody is at, has senders that cannot send give to others, pauses campaigns of
which too many recipients do not exist, cancels what waits for domains that are suppressed, or of which somebody has
answered, and removes emails of deleted campaigns. Sweeps of several workers do not harm each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from app.db import Pool, transaction
from app.domain.campaigns import brake, campaigns, keeping, step_changes
from app.domain.inbound import stops
from app.domain.ledger import follow_ups, recovery, streams
from app.domain.operations import counting
from app.domain.planning import changes, divide, handover, move_up
from app.domain.senders import for_workers
from app.domain.suppressions import walk
from app.domain.webhooks import deliveries
from worker.housekeeping import step
from worker.instruments import CAMPAIGNS_BRAKED, FOLLOWED, HOUSEKEEPING_FAILURES, STREAMS_ASLEEP
from worker.lease import Lease

# A queue's worker gives a sign of life every 10 s, whatever our leases are.
STALLED_JOB_S = 60.0
LONGEST_PAUSE_S = 5.0  # between sweeps: well below the time a wake-up comes early

log = structlog.get_logger()


async def sweep(
    pool: Pool,
    queue: App,
    lease: Lease,
    lease_s: float,
    max_attempts: int | None,
    looked_after: Callable[[], Collection[int]],
) -> None:
    """Sweep every few seconds until cancelled. `looked_after`: the senders that this worker has loops for."""
    pause_s = min(lease_s / 5, LONGEST_PAUSE_S)
    while True:
        with step("recover"):
            await _recover(pool, lease, max_attempts)
        with step("count_tables"):  # before whatever goes through them
            if counted := await counting.count_outgrown(pool):
                log.info("counted tables that had outgrown their plans", tables=counted)
        with step("wake_senders"):
            # As far ahead as the next sweep and some more: what a dead worker was waiting for still leaves on time.
            if woken := await for_workers.wake_neglected(pool, 2 * pause_s, looked_after()):
                log.info("woke neglected senders", sender_ids=woken)
        with step("wake_streams"):
            if asleep := await streams.heal(pool):
                STREAMS_ASLEEP.inc(len(asleep))
                log.error("streams slept past an email of theirs", stream_ids=asleep)
        with step("change_steps"):
            await step_changes.carry_on(pool)
        with step("stop_domains"):  # before anything follows
            if stopped := await stops.walk_domains(pool):
                log.info("stopped what waited for domains of which somebody answered", emails=stopped)
        with step("follow_up"):
            followed = await follow_ups.follow_up(pool)
            if followed.made:
                FOLLOWED.inc(followed.made)
                log.info("made emails of what followed", emails=followed.made)
        with step("move_up"):
            if moved := await move_up.move_up_daily(pool):
                log.info("had new recipients move up into freed room", campaign_ids=moved)
        with step("divide"):
            if divided := await divide.divide_neglected(pool):
                log.info("divided campaigns over their senders", campaign_ids=divided)
        with step("wake_planning"):
            await changes.wake_neglected(pool)
        with step("hold_on_all"):
            await handover.hold_on_all(pool)
        with step("hand_over"):
            for handed in await handover.hand_over(pool):
                log.info("emails went to other senders", **handed._asdict())
        with step("brake"):
            for campaign_id, why in (await brake.brake(pool)).items():
                CAMPAIGNS_BRAKED.inc()
                log.warning("a campaign paused itself", campaign_id=campaign_id, reason=why)
        with step("cancel_suppressed"):
            if cancelled := await walk.walk(pool):
                log.info("cancelled what waited for whom nobody writes to any more", emails=cancelled)
        with step("wake_webhooks"):
            await deliveries.wake_neglected(pool)
        with step("finish_cancels"):
            for campaign_id, cancelled in (await campaigns.finish_cancels(pool)).items():
                log.info("finished cancelling", campaign_id=campaign_id, emails=cancelled)
        with step("remove_deleted"):
            if removed := await keeping.remove_all_deleted(pool):
                log.info("removed emails of a deleted campaign", emails=removed)
        with step("stalled_jobs"):
            await _end_stalled_jobs(queue)
        await asyncio.sleep(pause_s)


async def _recover(pool: Pool, lease: Lease, max_attempts: int | None) -> None:
    async with transaction(pool) as conn:
        # Asked only now: the wait for a connection may have been a long one.
        if not lease.may_judge:
            return
        recovered = await recovery.recover(conn, max_attempts)
    if recovered.refused:
        HOUSEKEEPING_FAILURES.labels("recover").inc()
    for email in recovered.in_doubt:
        log.error("email of a lost worker is in doubt", **email)


async def _end_stalled_jobs(queue: App) -> None:
    """Not run again: the emails table alone says what is owed, and neglect was just looked for."""
    for job in await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_JOB_S):
        with suppress(ConnectorException):  # another worker's sweep was faster
            await queue.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
