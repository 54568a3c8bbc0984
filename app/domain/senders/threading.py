"""How a follow-up or an answer names the email before it, so that mail programs show both in one thread.

They go by Message-IDs, and there are servers that give a mail another one than ours: Amazon SES says which in its 250,
Outlook.com says nothing. A sender's check on the wire shows what its server does. Our own id is named in any case, as
some servers keep it in a header of their own, and mailboxes on this side know no other.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.db import Conn, fetch_one
from app.sql import queries

sql = queries(__name__)

_ID = re.compile(r"<[!-;=?-~]{1,450}>")  # RFC 5322, section 3.6.4, and what servers make of it
_LEAST_WORD = 8  # characters of an id: a shorter word of a reply is none
_AROUND = "<>()[],;.\"'"


class Habit(NamedTuple):
    """The habit of a server with Message-IDs. `kept` None: not told. `word`: which one of its 250 has the id that it
    gives instead, which ends with `domain`; None: nothing tells.
    """

    kept: bool | None = None
    word: int | None = None
    domain: str | None = None


UNTOLD = Habit()


class Thread(NamedTuple):
    """The headers of the next mail. `references` has those of the email before it alone, the one to reply to last."""

    in_reply_to: str
    references: list[str]


def habit_of(ours: str, used: str | None, reply: str) -> Habit:
    """By one mail: the Message-ID that it was given here, the one that it arrived with, and the 250's text."""
    if used is None:
        return UNTOLD
    if used == ours:
        return Habit(kept=True)
    local, _, domain = used.strip("<>").rpartition("@")
    if _ID.fullmatch(used) and len(local) >= _LEAST_WORD and domain:
        for place, word in enumerate(_words(reply)):
            if word in {local, f"{local}@{domain}"}:
                return Habit(kept=False, word=place, domain=domain)
    return Habit(kept=False)


def thread_after(habit: Habit, ours: str, reply: str | None, found: str | None = None) -> Thread:
    """After an email that was given the id `ours` and taken with this 250. `found`: the Message-ID of its copy in the
    folder for what was sent, where somebody looked.
    """
    real = found if found is not None and _ID.fullmatch(found) else _told(habit, reply or "")
    if real is None or real == ours:
        return Thread(ours, [ours])
    return Thread(real, [ours, real])


async def read_habit(conn: Conn, workspace_id: int, sender_id: int) -> Habit:
    """As the sender's checks told."""
    row = await fetch_one(conn, sql.habit, {"workspace_id": workspace_id, "sender_id": sender_id})
    return UNTOLD if row is None else Habit(**row)


def _told(habit: Habit, reply: str) -> str | None:
    words = _words(reply)
    if habit.word is None or habit.word >= len(words) or len(words[habit.word]) < _LEAST_WORD:
        return None
    word = words[habit.word]
    id_ = f"<{word}>" if "@" in word else f"<{word}@{habit.domain}>"
    return id_ if _ID.fullmatch(id_) else None


def _words(reply: str) -> list[str]:
    return [word.strip(_AROUND) for word in reply.split()]
