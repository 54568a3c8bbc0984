"""The shape of a line in the log, and what is masked in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
import structlog

from app import log
from app.settings import LogFormat, Settings


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_a_line_of_json_has_event_level_logger_time_and_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Settings(log_format="json"))
    with structlog.contextvars.bound_contextvars(sender_id=7):
        logger = structlog.stdlib.get_logger("worker.sender_loop")
        logger.info("sender backed off", kind="connect", ids=[1, 2], code=None)
    line = json.loads(written(capsys))
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {
        "event": "sender backed off",
        "level": "info",
        "logger": "worker.sender_loop",
        "sender_id": 7,
        "kind": "connect",
        "ids": [1, 2],
        "code": None,
    }


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_addresses_are_masked_wherever_they_come_from(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    log.configure(Settings(log_format=log_format))
    logging.getLogger("somebody.else").warning("%s is taken", "jörg.o'neil+x@bücher.example")
    try:
        raise ValueError('Key (lower(recipient))=("john doe"@example.com) exists')
    except ValueError:
        structlog.stdlib.get_logger().exception("failed", error=OSError("no route for a@[127.0.0.1]"))
    text = written(capsys)
    for part in ("jörg", "j\\u00f6rg", "bücher", "john", "example.com", "a@"):
        assert part not in text
    assert text.count(log.MASK) == 4  # in the line of code that the traceback shows, too
    assert "ValueError" in text


def test_a_database_url_shows_neither_user_nor_password(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Settings(log_format="json"))
    structlog.stdlib.get_logger().warning("cannot reach postgresql://app:hunter2@db.internal:5432/mail")
    event = json.loads(written(capsys))["event"]
    assert event == f"cannot reach postgresql:{log.MASK}:5432/mail"


def test_what_is_no_address_stays(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Settings(log_format="json"))
    structlog.stdlib.get_logger().warning("@decorated and a @ b at 12:00", where="/lib/python@")
    line = json.loads(written(capsys))
    assert (line["event"], line["where"]) == ("@decorated and a @ b at 12:00", "/lib/python@")
