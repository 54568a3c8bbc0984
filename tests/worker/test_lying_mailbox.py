"""A check of a mailbox that lies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from app.mail.message import Message
from worker.imap import Folder, Session, State
from worker.sender_checks import Mail, _headers  # pyright: ignore[reportPrivateUsage] -- what reads them

MAIL = Mail(Message(b"", smtputf8=False, envelope_to="a@b.example"), "<1@b.example>", "A check: 1f", datetime.now(UTC))


class _Lying:
    def __init__(self, told: Any) -> None:
        self.told = told

    def examine(self, _: str) -> State:
        return State(1, 2, 1)

    def search(self, *_: object) -> list[int]:
        return [1]

    def fetch(self, *_: object) -> dict[int, dict[bytes, Any]]:
        return {1: {b"BODY[HEADER]<0>": self.told}}


@pytest.mark.parametrize(
    ("told", "headers"), [(10**12, []), (None, []), ((1, 2), []), (b"Subject: x", [b"Subject: x"])]
)
def test_a_number_in_the_place_of_headers_makes_no_zeros(told: Any, headers: list[bytes]) -> None:
    assert _headers(cast("Session", _Lying(told)), Folder("INBOX", frozenset(), can_be_opened=True), MAIL) == headers
