"""Work on many, of which one that fails keeps no other from being done."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from app.db import is_away_for_all


@contextmanager
def each_by_itself() -> Generator[Callable[[], AbstractContextManager[None]]]:
    """Gives what is to be around the work on one. Raises an ExceptionGroup of what failed, once all are done; while the
    database is away all would fail, so that ends it at once.
    """
    failed: list[Exception] = []

    @contextmanager
    def one() -> Generator[None]:
        try:
            yield
        except Exception as error:
            if is_away_for_all(error):
                raise
            failed.append(error)

    yield one
    if failed:
        raise ExceptionGroup("the others are done", failed)
