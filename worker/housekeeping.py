"""Steps of housekeeping: one that fails keeps neither another from being done nor the worker from sending."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import structlog
from procrastinate.exceptions import ConnectorException

from app.db import DATABASE_AWAY
from worker.instruments import HOUSEKEEPING_FAILURES

log = structlog.get_logger()


@contextmanager
def step(name: str) -> Generator[None]:
    """Do one step, whose failure is logged and counted and ends here; the next round tries it again."""
    try:
        yield
    except (*DATABASE_AWAY, ConnectorException) as error:
        HOUSEKEEPING_FAILURES.labels(name).inc()
        log.warning("housekeeping failed, will be repeated", step=name, error=str(error.__cause__ or error).strip())
    except Exception:
        HOUSEKEEPING_FAILURES.labels(name).inc()
        log.exception("housekeeping failed, will be repeated", step=name)
