"""The child of `app.killable`: does what it is told by frames on standard input, under the budget that comes along.

A frame is its length in four bytes, and MessagePack. The kernel holds the budget, also while C code runs that never
comes back to Python: ITIMER_PROF counts processor time, ITIMER_REAL time by the clock, and each ends the process by a
signal that nobody handles; RLIMIT_AS bounds what it may take of memory beyond what it has.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO, get_type_hints

import msgspec

OUT_OF_MEMORY = 77  # exit code
SLICE_S = 0.05  # after so long a batch is interrupted, for others to have their turn
_PAGE = resource.getpagesize()


class Request(msgspec.Struct, array_like=True):
    """Call `function` (module:name) with `common` and each of `items`."""

    function: str
    common: msgspec.Raw
    items: list[msgspec.Raw]
    cpu_s: float
    wall_s: float
    memory_bytes: int


class Answer(msgspec.Struct, array_like=True):
    """The result of one call or, in its place, an exception that no function should raise."""

    result: msgspec.Raw
    error: str | None = None


class Function:
    """A function of two arguments, the types of which its annotations tell."""

    def __init__(self, path: str) -> None:
        module, _, name = path.partition(":")
        self.call: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), name)
        common, item, self.returns = types_of(self.call)
        self.decode_common = msgspec.msgpack.Decoder(common).decode
        self.decode_item = msgspec.msgpack.Decoder(item).decode


def types_of(function: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """Of its two parameters and of what it returns."""
    hints = get_type_hints(function)
    result = hints.pop("return")
    common, item = hints.values()
    return common, item, result


def read_frame(pipe: BinaryIO) -> bytes | None:
    """None at the end of the pipe, also where that is in the middle of a frame."""
    head = pipe.read(4)
    if len(head) < 4:
        return None
    length = int.from_bytes(head)
    frame = pipe.read(length)
    return frame if len(frame) == length else None


def write_frame(pipe: BinaryIO, frame: bytes) -> None:
    pipe.write(len(frame).to_bytes(4) + frame)
    pipe.flush()


def main() -> None:
    # We end with our parent, which closes the pipe; until then it needs us, whoever else is told to stop.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the frames
    functions: dict[str, Function] = {}
    decode = msgspec.msgpack.Decoder(Request).decode
    while (frame := read_frame(tasks)) is not None:
        request = decode(frame)
        if request.function not in functions:
            functions[request.function] = Function(request.function)
        try:
            _limit_memory(request.memory_bytes)
            _answer(functions[request.function], request, answers)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        finally:
            _arm(0, 0)
        write_frame(answers, b"")  # no more for now


def _answer(function: Function, request: Request, answers: BinaryIO) -> None:
    """One frame for each item, as soon as it is there: so our parent knows which one we died of."""
    encode = msgspec.msgpack.encode
    until = time.monotonic() + SLICE_S
    common: Any = None
    for number, item in enumerate(request.items):
        _arm(request.cpu_s, request.wall_s)
        if not number:
            common = function.decode_common(request.common)
        try:
            answer = Answer(msgspec.Raw(encode(function.call(common, function.decode_item(item)))))
        except MemoryError:
            raise
        except Exception as error:
            answer = Answer(msgspec.Raw(encode(None)), f"{type(error).__name__}: {error}"[:1000])
        write_frame(answers, encode(answer))
        if time.monotonic() > until:
            return


def _arm(cpu_s: float, wall_s: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    signal.setitimer(signal.ITIMER_REAL, wall_s)


def _limit_memory(more_bytes: int) -> None:
    """Allow so much beyond what we have; only Linux says how much that is."""
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as statm:
            has = int(statm.read().split()[0]) * _PAGE
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = has + more_bytes
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


if __name__ == "__main__":
    main()
