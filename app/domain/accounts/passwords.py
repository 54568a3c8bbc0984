"""Passwords: which are too easy to guess, and argon2id, hashed and verified in threads of their own, since each takes a
tenth of a second and 64 MiB on purpose. Two at a time in all, so that nothing else waits for a thread and no more
memory is taken.

A place (`Actor.place`) that asks for many waits for them alone: the next turn goes to the place that has the fewest.
Where too many wait already, of one or of all, the next one is told so at once.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.bounds import Bounds
from app.errors import InvalidInput, Unavailable
from app.turns import Turns

T = TypeVar("T")

LENGTH = Bounds(8, 1000)
MOST_WAITING, MOST_OF_ONE = 500, 50
WEIGHED = 16  # characters: what estimating takes grows with their number, to seconds where somebody wants it to
FEWEST_GUESSES = 1_000_000  # of somebody who tries what people choose first; logins are limited, hashes slow

_hasher = PasswordHasher()


class Queue:
    """The threads that hash, and how many wait for one."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._turns = Turns(threads, of_one=threads)
        self._here: Counter[str] = Counter()  # who waits or has a turn

    async def run(self, whose: str, work: Callable[[], T]) -> T:
        """The result of `work`, in its turn. Raises what `work` raises, and Unavailable when too many wait."""
        if self._here[whose] >= MOST_OF_ONE or self._here.total() >= MOST_WAITING:
            raise Unavailable("too many people give a password at this moment; try again in some seconds")
        self._here[whose] += 1
        try:
            async with self._turns.take(whose):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._here[whose] -= 1
            if not self._here[whose]:
                del self._here[whose]


_queue = Queue(2)


def check_password(password: str, field: str) -> None:
    """Raises InvalidInput on `field`."""
    if not LENGTH.allow(len(password)):
        raise InvalidInput({field: f"give {LENGTH} characters"})


async def hash_new_password(password: str, field: str, whose: str, email: str) -> str:
    """The hash of a password that somebody with this address chose.

    Raises Unavailable, and InvalidInput on `field` where it is easy to guess.
    """

    def weigh_and_hash() -> str:
        _refuse_weak(password, field, email)
        return _hasher.hash(password)

    return await _queue.run(whose, weigh_and_hash)


def _refuse_weak(password: str, field: str, email: str) -> None:
    """By its first characters, than which the whole is no easier. Raises InvalidInput."""
    about = ["reachinbox", email, *re.split(r"[^\w]+", email)]
    from zxcvbn import zxcvbn  # its lists take 12 MB, and workers weigh no passwords

    found = zxcvbn(password[:WEIGHED], user_inputs=[word for word in about if len(word) > 1])
    if found["guesses"] < FEWEST_GUESSES:
        why = found["feedback"]["warning"] or "It is among the first that somebody would try."
        raise InvalidInput({field: f"is easy to guess. {why} Take some words that have nothing to do with each other."})


async def hash_password(password: str, whose: str) -> str:
    """Its argon2id hash with salt and parameters (PHC string format). Raises Unavailable."""
    return await _queue.run(whose, lambda: _hasher.hash(password))


async def is_password(password: str, hashed: str | None, whose: str) -> bool:
    """Whether it is the one hashed. Without a hash it is not, which takes as long to find out. Raises Unavailable."""
    if hashed is None:
        await hash_password(password, whose)
        return False
    try:
        return await _queue.run(whose, lambda: _hasher.verify(hashed, password))
    except (VerificationError, InvalidHashError):
        return False
