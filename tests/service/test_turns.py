"""Turns: so many at once, never all of one workspace's, and none lost to whoever gives up."""

from __future__ import annotations

import asyncio

import pytest

from app.turns import OneByOne, Turns


class Line:
    """Some who take turns, and who has one."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._done: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.at_work: list[str] = []

    async def come(self, name: str, workspace_id: int) -> None:
        self._done[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._work(name, workspace_id))
        await _settle()

    async def go(self, name: str) -> None:
        self._done[name].set()
        await self.tasks[name]
        await _settle()

    async def _work(self, name: str, workspace_id: int) -> None:
        async with self._turns.take(workspace_id):
            self.at_work.append(name)
            await self._done[name].wait()
            self.at_work.remove(name)


async def _settle() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_workspace_never_has_all_turns_and_the_others_come_first() -> None:
    line = Line(Turns(3, of_one=2))
    for name in ("a1", "a2", "a3", "a4"):
        await line.come(name, 1)
    assert line.at_work == ["a1", "a2"]
    await line.come("b1", 2)
    assert line.at_work == ["a1", "a2", "b1"]
    await line.come("c1", 3)
    await line.go("a1")
    assert line.at_work == ["a2", "b1", "c1"], "who has none goes before who came earlier and has one"
    for name in ("a2", "b1", "c1", "a3", "a4"):
        await line.go(name)
    assert line.at_work == []


async def test_whoever_gives_up_takes_no_turn_along() -> None:
    line = Line(Turns(1, of_one=1))
    for name in ("first", "gives up waiting", "last"):
        await line.come(name, 1)
    line.tasks["gives up waiting"].cancel()
    line.tasks["first"].cancel()
    await _settle()
    line.at_work.remove("first")
    assert line.at_work == ["last"]
    await line.go("last")
    await line.come("another", 2)
    assert line.at_work == ["another"]
    await line.go("another")


async def test_a_turn_given_to_somebody_who_is_cancelled_at_that_moment_goes_on() -> None:
    line = Line(Turns(1, of_one=1))
    for name in ("first", "second", "third"):
        await line.come(name, 1)
    line.tasks["second"].cancel()
    await line.go("first")
    assert line.at_work == ["third"]
    await line.go("third")


async def test_those_who_name_the_same_go_one_by_one_and_others_beside_them() -> None:
    one_by_one, order = OneByOne(), list[str]()
    gate = asyncio.Event()

    async def go(name: str, mark: str) -> None:
        async with one_by_one.alone(name):
            order.append(mark)
            await gate.wait()

    tasks = [asyncio.create_task(go(name, mark)) for name, mark in (("a", "1"), ("a", "2"), ("b", "3"))]
    await _settle()
    assert order == ["1", "3"]
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    await _settle()
    assert order == ["1", "3", "2"]
    gate.set()
    await asyncio.gather(*tasks[1:])
