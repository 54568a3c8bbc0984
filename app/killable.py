"""Work of a length that we do not control, done where it can be killed: in child processes, under a budget.

A function of ours is called, by its import path, with what all items share and with each item; arguments and results
are what msgspec can write. One message carries all items. A call that goes beyond its budget of processor time, memory
or time by the clock ends its child, and only that: the child is replaced, the item tried once more in a fresh one, and
the same end a second time is its result (`Failure`). The other items of the message go on meanwhile.

The children are few, started when they are needed first, and stay. A workspace has all but one of them at most, a
turn at a time, so that no text of one keeps the others waiting. They know neither our environment nor our files, and
end with us: their input ends then, however we did.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import subprocess
import sys
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, BinaryIO, Literal, TypeVar, cast

import msgspec

from app.killable_child import OUT_OF_MEMORY, Answer, Request, read_frame, types_of, write_frame

C = TypeVar("C")
T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 2
WALL_S = 10.0
MOST_ITEMS = 100_000  # of one child: what a library leaks goes with it
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH")  # of the environment; secrets are not among these

End = Literal["processor time", "time", "memory", "crash", "lost", "error"]
_ENDS: dict[int, End] = {
    -signal.SIGPROF: "processor time",
    -signal.SIGALRM: "time",
    OUT_OF_MEMORY: "memory",
    -signal.SIGSEGV: "crash",
    -signal.SIGBUS: "crash",
    -signal.SIGABRT: "crash",
}


class Budget(msgspec.Struct, frozen=True):
    """The budget of one call. The clock is for one that waits, not works: a busy machine must not fail a text."""

    cpu_s: float
    memory_bytes: int
    wall_s: float = WALL_S


class Failure(msgspec.Struct, frozen=True):
    """The end of a call, twice. `lost`: its children were ended by somebody else; `error`: the function raised."""

    end: End
    detail: str = ""


class Children:
    """Child processes and what waits for them. `run` in a coroutine, `submit` in a thread."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._of_one = max(1, at_once - 1)
        self._changed = threading.Condition()
        self._waiting: OrderedDict[int, deque[_Job]] = OrderedDict()  # by workspace; the first has its turn next
        self._busy: Counter[int] = Counter()  # turns, by workspace
        self._idle = 0
        self._threads: dict[threading.Thread, _Child] = {}
        self._closing = False

    async def run(
        self, function: Callable[[C, T], R], common: C, items: Sequence[T], budget: Budget, *, workspace_id: int
    ) -> list[R | Failure]:
        """Call `function` with each item; the results."""
        future = self.submit(function, common, items, budget, workspace_id=workspace_id)
        return await asyncio.wrap_future(future)

    def submit(
        self, function: Callable[[C, T], R], common: C, items: Sequence[T], budget: Budget, *, workspace_id: int
    ) -> Future[list[R | Failure]]:
        job = _Job(function, common, items, budget, workspace_id)
        with self._changed:
            self._closing = False
            self._waiting.setdefault(workspace_id, deque()).append(job)
            if self._idle < sum(map(len, self._waiting.values())) and len(self._threads) < self._at_once:
                thread = threading.Thread(target=self._work, name="killable", daemon=True)
                self._threads[thread] = _Child()
                thread.start()
                atexit.unregister(self.close)
                atexit.register(self.close)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """End the children. Their jobs are cancelled; another `submit` starts new ones."""
        with self._changed:
            self._closing = True
            threads = dict(self._threads)
            for jobs in self._waiting.values():
                for job in jobs:
                    job.future.cancel()
            self._waiting.clear()
            self._changed.notify_all()
        for child in threads.values():
            child.kill()
        for thread in threads:
            thread.join()
        atexit.unregister(self.close)

    def _work(self) -> None:
        child = self._threads[threading.current_thread()]
        while (job := self._next()) is not None:
            try:
                finished = job.advance(child) or job.future.cancelled()
            except Exception as error:  # no process to be had, or no memory
                finished = True
                child.abandon()
                with suppress(InvalidStateError):
                    job.future.set_exception(error)
            self._turn_over(job, finished=finished)
        child.end()
        with self._changed:
            del self._threads[threading.current_thread()]

    def _next(self) -> _Job | None:
        """The next to have a turn; None: no more."""
        with self._changed:
            self._idle += 1
            while (workspace_id := self._whose_turn()) is None and not self._closing:
                self._changed.wait()
            self._idle -= 1
            if workspace_id is None or self._closing:
                return None
            jobs = self._waiting.pop(workspace_id)
            job = jobs.popleft()
            if jobs:
                self._waiting[workspace_id] = jobs  # behind the others
            self._busy[workspace_id] += 1
            return job

    def _whose_turn(self) -> int | None:
        return next((one for one in self._waiting if self._busy[one] < self._of_one), None)

    def _turn_over(self, job: _Job, *, finished: bool) -> None:
        with self._changed:
            self._busy -= Counter([job.workspace_id])
            if self._closing:
                job.future.cancel()
            elif not finished:
                self._waiting.setdefault(job.workspace_id, deque()).appendleft(job)
            self._changed.notify()


class _Job:
    """One call of `run`: what is left to do, and what came of the rest."""

    def __init__(
        self, function: Callable[..., Any], common: object, items: Sequence[object], budget: Budget, workspace_id: int
    ) -> None:
        encode = msgspec.msgpack.encode
        self.workspace_id = workspace_id
        self.future: Future[list[Any]] = Future()
        self._function = f"{function.__module__}:{function.__qualname__}"
        self._decode = msgspec.msgpack.Decoder(types_of(function)[2]).decode
        self._common = msgspec.Raw(encode(common))
        self._items = [msgspec.Raw(encode(item)) for item in items]
        self._budget = budget
        self._left = deque(range(len(items)))
        self._results: list[Any] = [None] * len(items)
        self._ends: dict[int, set[End]] = {}  # of the children that died of an item

    def advance(self, child: _Child) -> bool:
        """Have the child do what is left, as far as it comes in one turn. Whether all is done."""
        if self._left:
            budget = self._budget
            left = [self._items[number] for number in self._left]
            request = Request(self._function, self._common, left, budget.cpu_s, budget.wall_s, budget.memory_bytes)
            for answer in child.ask(msgspec.msgpack.encode(request)):
                self._take(answer)
            if child.dead:
                self._died(child.end())
        if not self._left:
            with suppress(InvalidStateError):  # nobody waits for it any more
                self.future.set_result(self._results)
        return not self._left

    def _take(self, frame: bytes) -> None:
        answer = msgspec.msgpack.decode(frame, type=Answer)
        number = self._left.popleft()
        if answer.error is not None:
            self._results[number] = Failure("error", answer.error)
        else:
            self._results[number] = self._decode(answer.result)

    def _died(self, end: End) -> None:
        if not self._left:  # after its last answer
            return
        number = self._left.popleft()
        ends = self._ends.setdefault(number, set())
        if end in ends:
            self._results[number] = Failure(end)
        else:
            ends.add(end)
            self._left.append(number)  # the others first


class _Child:
    """A process, started when it is asked something; after its end a new one."""

    def __init__(self) -> None:
        self.dead = False
        self._killed = False
        self._asked = 0
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: bytes) -> Iterator[bytes]:
        """Its answers, one for each item that it came to. Where it died it is `dead`, and there are fewer."""
        process = self._started()
        try:
            write_frame(cast(BinaryIO, process.stdin), request)
            while answer := read_frame(cast(BinaryIO, process.stdout)):
                self._asked += 1
                yield answer
        except BrokenPipeError:
            answer = None
        self.dead = answer is None
        if not self.dead and self._asked >= MOST_ITEMS:
            self.end()

    def end(self) -> End:
        """End it if it runs; what it ended by."""
        process, self._process, self.dead = self._process, None, False
        if process is None:
            return "lost"
        with suppress(BrokenPipeError):  # what was not written yet
            cast(BinaryIO, process.stdin).close()  # it ends at the end of its input
        cast(BinaryIO, process.stdout).close()
        return _ENDS.get(process.wait(), "lost")

    def abandon(self) -> None:
        """End it in the middle of its answers."""
        if self._process is not None:
            self._process.kill()
        self.end()

    def kill(self) -> None:
        """From another thread, for good."""
        self._killed = True
        if (process := self._process) is not None:
            process.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._asked = 0
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.killable_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
            )
            if self._killed:
                self._process.kill()
        return self._process
