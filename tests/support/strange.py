"""Functions for `app.killable` to call, each strange in its way."""

from __future__ import annotations

import os
import signal
import time

import msgspec

from app.mail import liquid
from app.mail.templates import Source, Wrong


class Doing(msgspec.Struct, frozen=True, tag=True):
    """`what`: the way to go wrong."""

    what: str


def do(prefix: str, item: Doing) -> str:
    match item.what:
        case "spin":
            while True:
                pass
        case "spin in C":  # which holds the GIL
            return str("x" in range(10**18))
        case "grow":
            grown = bytearray()
            while True:
                grown += bytes(1_000_000)
        case "grow at once":
            return str(len(bytes(10**12)))
        case "sleep":
            time.sleep(60)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "end":
            os._exit(0)
        case "raise":
            raise KeyError("no rule foresees this")
        case "print":
            print("among the answers", flush=True)
        case "pid":
            return str(os.getpid())
        case "environment":
            return " ".join(sorted(os.environ))
        case "work":  # of three turns
            until = time.process_time() + 0.15
            while time.process_time() < until:
                pass
        case _:
            pass
    return prefix + item.what


def render(sources: list[Source], fields: dict[str, str]) -> list[str | Wrong]:
    """`liquid.render`, but for a recipient whose field `strange` says what it does."""
    do("", Doing(fields.get("strange", "")))
    return liquid.render(sources, fields)
