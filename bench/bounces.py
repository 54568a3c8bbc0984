"""`python -m bench bounces DIR`: how well bounces are read, by a folder of messages with expected results.

`DIR/expected.jsonl` has a line for each message: `{"file", "reports": [{"recipient", "reason", "hardbounce"}]}`, with
the reasons of Sisimai; no reports: the message is no bounce. Each expected recipient counts once, and one that is not
found has neither the rest right. A complaint, an absence note and a report of success are right as what they are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.mail.inbound.facts import Inbound, Incoming, Report
from app.mail.inbound.read import read

UNDISCLOSED = "undisclosed-recipient-in-headers@"  # the reference's, of a complaint that names nobody
BOUNCES = {"BOUNCE", "DELAY", "COMPLAINT"}


class Expected(msgspec.Struct):
    recipient: str
    reason: str
    hardbounce: int


class Message(msgspec.Struct):
    file: str
    reports: list[Expected]


class Score(msgspec.Struct):
    """How many recipients there are, and of how many it is right: that they are named, and how."""

    expected: int = 0
    found: int = 0
    severity: int = 0
    reason: int = 0

    def lines(self) -> Iterator[str]:
        for what, right in (
            ("recipients found", self.found),
            ("hard or soft right", self.severity),
            ("reasons right", self.reason),
        ):
            yield f"{what}: {100 * right / max(1, self.expected):.1f} %"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench bounces", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, metavar="DIR", help="messages, and expected.jsonl beside them")
    directory: Path = parser.parse_args(arguments).directory
    try:
        messages = msgspec.json.Decoder(Message).decode_lines((directory / "expected.jsonl").read_bytes())
        raw = [(directory / message.file).read_bytes() for message in messages]
    except (OSError, msgspec.DecodeError) as error:
        parser.error(f"{directory} is no folder of messages with expected results: {error}")
    began = time.process_time()
    inbound = [read(None, Incoming(one)) for one in raw]
    took_s = time.process_time() - began
    score = Score()
    misses = [miss for message, one in zip(messages, inbound, strict=True) for miss in compare(message, one, score)]
    print("\n".join([*score.lines(), *misses]))
    print(f"{len(messages) / took_s:.0f} messages a second of processor time", file=sys.stderr)


def compare(message: Message, inbound: Inbound, score: Score) -> Iterator[str]:
    """Sentences about results that are not as expected."""
    if not message.reports and inbound.kind in BOUNCES:
        yield f"{message.file}: no bounce, and taken for one ({inbound.kind})"
    reports = {report.recipient: report for report in inbound.reports}
    for expected in message.reports:
        score.expected += 1
        yield from _compare(message.file, expected, inbound, reports.get(expected.recipient.lower()), score)


def _compare(file: str, expected: Expected, inbound: Inbound, report: Report | None, score: Score) -> Iterator[str]:
    said = said_of(expected, inbound, report)
    if said is None:
        yield f"{file}: {expected.recipient} ({expected.reason}) not found; {inbound.kind} of {_named(inbound)}"
        return
    score.found += 1
    hard, reason = said
    score.severity += hard == bool(expected.hardbounce)
    score.reason += reason == expected.reason
    if hard != bool(expected.hardbounce):
        yield f"{file}: {expected.recipient} is not {'hard' if hard else 'soft'}"
    if reason != expected.reason:
        yield f"{file}: {expected.recipient} is {expected.reason}, and taken for {reason}"


def said_of(expected: Expected, inbound: Inbound, report: Report | None) -> tuple[bool, str] | None:
    """Whether it is hard, and the reason, in the words of the reference; None: nothing is said of this recipient."""
    if inbound.kind == "AUTO_REPLY":
        return (False, "vacation") if expected.recipient.lower() == inbound.sender else None
    if inbound.kind == "COMPLAINT":
        return (False, "feedback") if report or expected.recipient.startswith(UNDISCLOSED) else None
    if report is None:
        return None
    if report.action == "delivered":
        return False, "delivered"
    return report.severity == "hard", report.reason.replace("_", "").lower()


def _named(inbound: Inbound) -> str:
    return ", ".join(report.recipient for report in inbound.reports) or "nobody"
