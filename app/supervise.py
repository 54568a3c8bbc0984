"""Keeps a few processes running as one: what `reachinbox up` does with the API and the worker.

Children are started in order, and started again when they die, ever more slowly while they keep dying. One that lives
and does not answer any more is killed, and so started again: nothing else ends an endless loop or a deadlock. On stop
all get SIGTERM, the last started first, and time to finish what they hold; what then still runs is killed. However this
ends (stop, cancellation, or SIGKILL of this very process), no child is left running unasked.

The caller says what the children are, and which signals mean stop.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

from app.vigil import Ask, Patience, Vigil
from app.watched import BEAT_FD, Tally

_log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
RENEWAL_S = 20  # how long a child may take to end that is to start anew


class Child(msgspec.Struct, frozen=True):
    """`ask` returns once the child has answered, and raises OSError if it does not. Without it, the child gives signs
    of life by itself (`app.watched.keep_beating`).
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = {}  # on top of our own environment; looked at anew at each start
    ask: Ask | None = None


class Backoff(msgspec.Struct, frozen=True):
    """How long a dead child stays dead: doubling from `first_s`, anew once it has lived for `settled_s`."""

    first_s: float = 0.5
    longest_s: float = 30
    settled_s: float = 60

    def after(self, previous_s: float | None, lived_s: float) -> float:
        if previous_s is None or lived_s >= self.settled_s:
            return self.first_s
        return min(previous_s * 2, self.longest_s)


async def supervise(
    children: Sequence[Child],
    *,
    stop: asyncio.Event,
    at_once: asyncio.Event | None = None,
    renew: asyncio.Event | None = None,
    grace_s: float = 120,
    backoff: Backoff | None = None,
    patience: Patience | None = None,
) -> None:
    """Run `children` until `stop` is set, and return when none is left.

    They may take `grace_s` to end; setting `at_once` (a second Ctrl-C) cuts that short. The caller sets `renew` when it
    has changed the children's `env`: they are ended, and start with it.
    """
    tally = Tally(child.name for child in children)
    kept = [_Kept(child, stop, backoff or Backoff(), patience or Patience(), tally) for child in children]
    keepers: list[asyncio.Task[None]] = []
    renewing = asyncio.create_task(_renew(kept, renew or asyncio.Event()))
    try:
        for one in kept:
            await one.start()
            keepers.append(asyncio.create_task(one.keep()))
        await stop.wait()
        renewing.cancel()
        for one in reversed(kept):
            one.send(signal.SIGTERM)
        await _ended(keepers, grace_s, at_once or asyncio.Event())
    finally:
        stop.set()  # so that no keeper revives what is killed here
        renewing.cancel()
        for one in kept:
            one.send(signal.SIGKILL)
        await asyncio.gather(*keepers)
        tally.close()


async def _renew(kept: Sequence[_Kept], renew: asyncio.Event) -> None:
    while True:
        await renew.wait()
        renew.clear()
        await asyncio.gather(*(one.end(RENEWAL_S) for one in kept))


class _Kept:
    """One child and its present process."""

    def __init__(self, child: Child, stop: asyncio.Event, backoff: Backoff, patience: Patience, tally: Tally) -> None:
        self._child = child
        self._stop = stop
        self._backoff = backoff
        self._patience = patience
        self._tally = tally
        self._process: asyncio.subprocess.Process | None = None
        self._vigil: Vigil | None = None

    async def start(self) -> None:
        vigil = self._vigil = Vigil(self._child.ask, self._patience)
        env, passed = {**os.environ, **self._child.env, **self._tally.env}, [self._tally.fd]
        if vigil.theirs is not None:
            env[BEAT_FD] = str(vigil.theirs)
            passed.append(vigil.theirs)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._child.argv,
                env=env,
                pass_fds=passed,
                start_new_session=True,  # Ctrl-C in the terminal reaches us alone, and what follows is ours to order
                preexec_fn=_end_with_parent(os.getpid()),
            )
        except BaseException:
            vigil.close()
            raise
        vigil.begin()
        if self._stop.is_set():  # `stop` was set while this child started, which so holds nothing that could be lost
            self.send(signal.SIGKILL)

    async def keep(self) -> None:
        """Start the child again whenever it ends, until stop."""
        clock = asyncio.get_running_loop().time
        delay_s = None
        while self._process is not None and self._vigil is not None:
            born = clock()
            code = await self._end_of(self._process, self._vigil)
            if self._stop.is_set():
                return
            delay_s = self._backoff.after(delay_s, clock() - born)
            _log.warning("%s ended with %s; starting it again in %g s", self._child.name, code, delay_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay_s)
                return
            try:
                await self.start()
            except OSError as error:  # no memory or no process to be had: as good as a start that failed at once
                _log.warning("%s did not start: %s", self._child.name, error)

    async def _end_of(self, process: asyncio.subprocess.Process, vigil: Vigil) -> int:
        """The exit code. Should the process fall silent before it is asked to end, it is killed."""
        ended = asyncio.create_task(process.wait())
        silent = asyncio.create_task(vigil.until_silent())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([ended, silent, stopping], return_when=asyncio.FIRST_COMPLETED)
            if silent.done() and not ended.done() and not self._stop.is_set():
                _log.error("%s has not answered for %g s", self._child.name, round(silent.result()))
                self._tally.count(self._child.name)
                self.send(signal.SIGKILL)
            return await ended
        finally:
            silent.cancel()
            stopping.cancel()
            vigil.close()

    async def end(self, grace_s: float) -> None:
        """Have the present process end, in order if it can within `grace_s`; `keep` starts another."""
        process = self._process
        self.send(signal.SIGTERM)
        if process is not None:
            try:
                await asyncio.wait_for(process.wait(), grace_s)
            except TimeoutError:
                self.send(signal.SIGKILL)

    def send(self, signal_number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):  # it ended, and we have not been told yet
                if signal_number is signal.SIGKILL:
                    _log.warning("killing %s", self._child.name)
                self._process.send_signal(signal_number)


async def _ended(keepers: Sequence[asyncio.Task[None]], grace_s: float, at_once: asyncio.Event) -> None:
    """Wait until every child has ended, `grace_s` are over or `at_once` is set."""
    all_ended = asyncio.gather(*keepers)
    cut_short = asyncio.ensure_future(at_once.wait())
    try:
        await asyncio.wait([all_ended, cut_short], timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        cut_short.cancel()


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """The function that a child runs to get SIGTERM, and so finish in order, if we die without a word. Linux only.

    The kernel means the thread that forked, which therefore has to live as long as we do: the event loop's does.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: little is safe between fork and exec

    def in_the_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # too late to be told
            os._exit(1)

    return in_the_child
