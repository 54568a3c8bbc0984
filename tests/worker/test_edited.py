"""A sender that somebody edits while its emails go out: each goes as the sender that its connection was made for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.db import Pool
from app.domain.campaigns import building
from app.domain.senders import for_workers
from tests.support.engine import (
    Owner,
    check_conservation,
    execute,
    row,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_sent,
    wake_all,
)
from tests.support.sinkproc import Sink
from tests.support.waiting import BOUND_S
from worker.lanes import Crew, Lane
from worker.verdicts import ServerTrouble

EDIT = "UPDATE senders SET email = %s, host = '127.0.0.1', port = %s, security = 'none'"


class Server:
    """Takes mail and keeps whom it is from, by its envelope and its header; or answers MAIL with `late` once it may."""

    def __init__(self, late: bytes | None = None, greeting: bytes = b"220 a.test ESMTP\r\n") -> None:
        self.late = late
        self.greeting = greeting
        self.connections = 0
        self.met, self.named, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.port = 0
        self.froms: set[tuple[bytes, bytes]] = set()
        self.count = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.met.set()
        writer.write(self.greeting)
        envelope = b""
        while line := await reader.readline():
            answer = b"250 a.test\r\n"
            if line.startswith(b"MAIL"):
                envelope = line.partition(b"<")[2].partition(b">")[0]
                self.named.set()
                if self.late is not None:
                    await self.go_on.wait()
                    answer = self.late
            elif line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                message = await reader.readuntil(b"\r\n.\r\n")
                (header,) = [one for one in message.split(b"\r\n") if one.startswith(b"From: ")]
                self.froms.add((envelope, header.removeprefix(b"From: ")))
                self.count += 1
            writer.write(answer)
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        server = await asyncio.start_server(self.converse, "127.0.0.1", 0)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            yield


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The worker has noticed an edit."""
    noticed = asyncio.Event()
    whole = Crew.take_sender

    def take_sender(self: Crew, *args: Any) -> None:
        whole(self, *args)
        noticed.set()

    monkeypatch.setattr(Crew, "take_sender", take_sender)
    return noticed


async def test_an_email_that_was_claimed_before_goes_from_the_address_of_before(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, taken: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server may let in that address alone."""
    asked, edited = asyncio.Event(), asyncio.Event()
    whole = building.message_builder

    async def after_the_edit(*args: Any, **more: Any) -> Any:
        asked.set()
        await edited.wait()
        return await whole(*args, **more)

    monkeypatch.setattr(building, "message_builder", after_the_edit)
    before, after = Server(), Server()
    async with before.running(), after.running(), running_workers(database_url, settings_for(sink, lanes=2)):
        await execute(pool, EDIT, "old@example.com", before.port)
        campaign = (await schedule_campaign(pool, owner, 6)).campaign.id
        await asyncio.wait_for(asked.wait(), BOUND_S)
        taken.clear()
        await execute(pool, EDIT, "new@example.com", after.port)
        await wake_all(pool)
        await asyncio.wait_for(taken.wait(), BOUND_S)
        edited.set()
        await wait_until_sent(pool, campaign)
    assert before.froms == {(b"old@example.com", b"old@example.com")}
    assert after.froms == {(b"new@example.com", b"new@example.com")}
    assert before.count + after.count == 6


async def _edit(pool: Pool, taken: asyncio.Event, after: Server, name: str = "Ann") -> None:
    taken.clear()
    await execute(pool, EDIT + ", display_name = %s", "owner@example.com", after.port, name)
    await wake_all(pool)
    await asyncio.wait_for(taken.wait(), BOUND_S)


async def test_a_server_of_before_that_refuses_the_sender_says_nothing_of_the_one_it_has_now(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, taken: asyncio.Event
) -> None:
    before, after = Server(b"530 5.7.1 you may not send\r\n"), Server()
    async with before.running(), after.running(), running_workers(database_url, settings_for(sink, lanes=2)):
        await execute(pool, EDIT, "owner@example.com", before.port)
        campaign = (await schedule_campaign(pool, owner, 6)).campaign.id
        await asyncio.wait_for(before.named.wait(), BOUND_S)
        await _edit(pool, taken, after)
        before.go_on.set()
        await wait_until_sent(pool, campaign)
    told = await row(pool, "SELECT blocked_since, block_reason, failures FROM senders")
    assert told == {"blocked_since": None, "block_reason": None, "failures": 0}
    assert await check_conservation(pool, campaign) == {"SENT": 6}


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """A lane has not been let in."""
    noticed = asyncio.Event()
    whole = Crew.ended

    def ended(self: Crew, lane: Lane, trouble: ServerTrouble | None) -> None:
        whole(self, lane, trouble)
        if trouble is not None:
            noticed.set()

    monkeypatch.setattr(Crew, "ended", ended)
    return noticed


@asynccontextmanager
async def sending(pool: Pool, database_url: str, sink: Sink, owner: Owner, before: Server) -> AsyncGenerator[int]:
    """A worker that hands the one email of a campaign to the server of before, which does not answer yet.

    Yields the campaign's id.
    """
    async with running_workers(database_url, settings_for(sink, lanes=4)):
        await execute(pool, EDIT, "owner@example.com", before.port)
        campaign = (await schedule_campaign(pool, owner, 1)).campaign.id
        await asyncio.wait_for(before.named.wait(), BOUND_S)
        yield campaign


async def test_a_server_that_refuses_the_sender_as_it_is_now_is_asked_once_though_one_of_before_has_let_it_in(
    pool: Pool,
    database_url: str,
    sink: Sink,
    owner: Owner,
    taken: asyncio.Event,
    refused: asyncio.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That is no connection too many: those of before had another login."""
    monkeypatch.setattr(for_workers, "FIRST_BACK_OFF_S", 60.0)  # more than it takes to stop: none tries once more
    before, after = Server(b"250 a.test\r\n"), Server(greeting=b"554 5.7.1 not from there\r\n")
    async with before.running(), after.running(), sending(pool, database_url, sink, owner, before):
        await _edit(pool, taken, after)
        await schedule_campaign(pool, owner, 5)
        await asyncio.wait_for(refused.wait(), BOUND_S)
        before.go_on.set()
        await wait_for(lambda: value(pool, "SELECT blocked_until > now() FROM senders"), "the sender to be blocked")
    assert after.connections == 1


async def test_a_connection_too_many_is_none_of_the_senders_trouble_after_an_edit_of_its_name(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, taken: asyncio.Event, refused: asyncio.Event
) -> None:
    server = Server(b"250 a.test\r\n")
    async with server.running(), sending(pool, database_url, sink, owner, server) as campaign:
        server.greeting = b"421 4.7.0 too many connections\r\n"
        await _edit(pool, taken, server, "Bob")
        more = (await schedule_campaign(pool, owner, 5)).campaign.id
        await asyncio.wait_for(refused.wait(), BOUND_S)
        server.greeting = b"220 a.test ESMTP\r\n"
        server.go_on.set()
        await wait_until_sent(pool, campaign)
        await wait_until_sent(pool, more)
    told = await row(pool, "SELECT blocked_since, block_reason, failures FROM senders")
    assert told == {"blocked_since": None, "block_reason": None, "failures": 0}


async def test_a_sender_goes_on_once_it_is_mended_though_a_server_of_before_has_not_answered(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, taken: asyncio.Event, refused: asyncio.Event
) -> None:
    before, wrong, after = Server(b"250 a.test\r\n"), Server(greeting=b"554 5.7.1 not from there\r\n"), Server()
    async with (
        before.running(),
        wrong.running(),
        after.running(),
        sending(pool, database_url, sink, owner, before) as campaign,
    ):
        await _edit(pool, taken, wrong)
        more = (await schedule_campaign(pool, owner, 5)).campaign.id
        await asyncio.wait_for(refused.wait(), BOUND_S)
        await _edit(pool, taken, after)
        await wait_until_sent(pool, more)
        before.go_on.set()
        await wait_until_sent(pool, campaign)
    assert (before.count, after.count) == (1, 5)


async def test_a_server_of_before_that_says_nothing_does_not_hold_up_the_one_it_has_now(
    pool: Pool, database_url: str, sink: Sink, owner: Owner, taken: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.lanes.PATIENCE_S", 10 * BOUND_S)
    before, after = Server(greeting=b""), Server()
    async with before.running(), after.running(), running_workers(database_url, settings_for(sink, lanes=4)):
        await execute(pool, EDIT, "owner@example.com", before.port)
        campaign = (await schedule_campaign(pool, owner, 6)).campaign.id
        await asyncio.wait_for(before.met.wait(), BOUND_S)
        await _edit(pool, taken, after)
        await wait_until_sent(pool, campaign)
    assert after.count == 6
