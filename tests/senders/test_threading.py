"""How a follow-up names the email before it, by what a server does to Message-IDs."""

from __future__ import annotations

import pytest

from app.domain.senders.threading import Habit, Thread, habit_of, thread_after

OURS = "<ours@example.com>"
SES = "<0102018f-aaaa@eu-west-1.amazonses.com>"


@pytest.mark.parametrize(
    ("used", "reply", "habit"),
    [
        (None, "2.0.0 Ok", Habit()),
        (OURS, "2.0.0 Ok: queued as 4Zabcdefgh", Habit(kept=True)),
        (SES, "Ok 0102018f-aaaa", Habit(False, 1, "eu-west-1.amazonses.com")),
        (SES, f"2.0.0 OK {SES} [Hostname=x]", Habit(False, 2, "eu-west-1.amazonses.com")),
        ("<other@outlook.example>", "2.0.0 OK <ours@example.com>", Habit(kept=False)),
        ("<ok@short.example>", "2.0.0 ok", Habit(kept=False)),  # a word that any reply has
        ("<a b@example.com>\r\nBcc: x", "a b", Habit(kept=False)),
    ],
)
def test_a_habit_is_told_by_the_id_that_arrived_and_the_reply(used: str | None, reply: str, habit: Habit) -> None:
    assert habit_of(OURS, used, reply) == habit


@pytest.mark.parametrize(
    ("habit", "reply", "found", "real"),
    [
        (Habit(), "2.0.0 Ok", None, None),
        (Habit(kept=True), "2.0.0 Ok", OURS, None),
        (Habit(kept=False), "2.0.0 Ok", None, None),
        (Habit(kept=False), None, SES, SES),
        (
            Habit(False, 1, "eu-west-1.amazonses.com"),
            "Ok 0102018f-bbbb",
            None,
            "<0102018f-bbbb@eu-west-1.amazonses.com>",
        ),
        (Habit(False, 1, "eu-west-1.amazonses.com"), f"Ok {SES}", None, SES),
        (Habit(False, 1, "eu-west-1.amazonses.com"), "Ok 0102018f-bbbb", SES, SES),  # the copy knows better
        # A reply that is another than it was, and ids that are none, are left alone.
        (Habit(False, 1, "eu-west-1.amazonses.com"), "Ok", None, None),
        (Habit(False, 1, "eu-west-1.amazonses.com"), "Ok queued", None, None),
        (Habit(False, 1, "eu-west-1.amazonses.com"), "Ok 0102018f>bbbb", None, None),
        (Habit(kept=False), None, "<x@example.com>\r\nBcc: y@example.com", None),
    ],
)
def test_the_email_before_is_named_by_the_id_that_its_reader_has(
    habit: Habit, reply: str | None, found: str | None, real: str | None
) -> None:
    assert thread_after(habit, OURS, reply, found) == (
        Thread(OURS, [OURS]) if real is None else Thread(real, [OURS, real])
    )
