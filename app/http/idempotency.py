"""The header Idempotency-Key."""

from __future__ import annotations

from typing import Annotated

from litestar.params import HeaderParameter

from app.errors import InvalidInput

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="1 to 255 printable ASCII characters. A request repeated with the same key "
        "gets the same answer and writes nothing.",
    ),
]


def check_key(key: str) -> None:
    """Raises InvalidInput."""
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidInput({"Idempotency-Key": "give 1 to 255 printable ASCII characters"})
