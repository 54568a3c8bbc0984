"""Structured logs: one event a line, for people (console) or for machines (JSON).

Lines tell what they are about by id (`job_id`, `sender_id`, `campaign_id`, `email_id`). Addresses do not belong in a
log: where a library or a traceback brings one along, it is masked here.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import cast

import structlog

from app.settings import Settings

MASK = "<address>"
# Anything like local@domain, and so the user:password@host of a URL, too.
_ADDRESS = re.compile(
    r"""(?:"(?:[^"\\\n]|\\.)*"|[^\s<>"(),;:\[\]@]{1,128}(?::[^\s<>"@/]{1,128})?)@(?:[\w.-]+|\[[^\]\s]*\])"""
)


def mask_addresses(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Put MASK in the place of everything that looks like an address."""
    return {name: _masked(value) for name, value in event.items()}


def _masked(value: object) -> object:
    if isinstance(value, int | float | None):
        return value
    if isinstance(value, list):
        return [_masked(one) for one in cast("list[object]", value)]
    text = str(value)
    return _ADDRESS.sub(MASK, text) if "@" in text else text


def configure(settings: Settings) -> None:
    """Send our own events and those of the libraries through one formatter to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    else:
        # Tracebacks come to it as text: its pretty ones show local variables, and those hold secrets.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_addresses,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # Each wake-up would be several lines of theirs.
    for chatty in ("procrastinate", "psycopg.pool", "httpx", "mail.log", "yoyo"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
