"""Bounds of a number, or of the length of a text or list: said once, for check, message and the API's schema."""

from __future__ import annotations

from typing import NamedTuple


class Bounds(NamedTuple):
    """From `least` to `most`, both included. In the annotation of a body's field they reach the OpenAPI document."""

    least: int
    most: int

    def allow(self, value: int) -> bool:
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"{self.least:,} to {self.most:,}"


HOURLY_LIMIT = Bounds(1, 10_000_000)  # of a sender or a campaign
DAILY_LIMIT = Bounds(1, 10_000_000)  # of a sender: a clock hour and the 23 before it
LEAST_GAP_S = Bounds(1, 86_400)  # between two emails of a sender
RAMP_FROM = Bounds(1, 10_000_000)  # emails on a sender's first day
RAMP_PER_DAY = Bounds(1, 10_000_000)  # more for each day on which it sent
ZONE = Bounds(1, 100)  # characters of a zone's name
LABEL = Bounds(1, 200)  # characters of what people call a thing
REMARK = Bounds(0, LABEL.most)
NOTE = Bounds(0, 2_000)  # characters of a sentence or two
YEARS = Bounds(2000, 2099)  # of a time that somebody gives: far from those that cannot be computed with
SUBJECT = Bounds(1, 998)  # characters, of a template and of what it renders to: RFC 5322, 2.1.1
LANGUAGE = Bounds(2, 35)  # characters of a language's tag: RFC 5646, 4.4.1
TEXT = Bounds(0, 200_000)  # characters of a template

FIELD_CHARACTERS = 10_000  # of one merge field of one recipient
RECIPIENT_BYTES = 64_000  # of all of a recipient's merge fields together, as UTF-8
