"""Requests that are repeated: with the same Idempotency-Key they get the first answer, and nothing is done anew.

All within the transaction of what is done: `key_is_free`, then `earlier_answer`, then, if there is none, `keep_answer`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from app.db import Conn, fetch_exactly_one, fetch_one
from app.errors import Conflict
from app.sql import queries

sql = queries(__name__)

AGAIN_S = 0.2  # how often a repeated request looks whether the first, at another process, has been answered


class Idempotency(NamedTuple):
    """`fingerprint`: SHA-256 of the request the key came with."""

    key: str
    fingerprint: bytes


async def key_is_free(conn: Conn, workspace_id: int, idempotency: Idempotency) -> bool:
    """Whether nobody else is answering a request with the key; nobody will before this transaction ends."""
    params = {"workspace_id": workspace_id, "key": idempotency.key}
    return (await fetch_exactly_one(conn, sql.try_idempotency_key, params))["is_free"]


async def earlier_answer(conn: Conn, workspace_id: int, idempotency: Idempotency) -> Any:
    """The answer that `keep_answer` was given; None: this request is the first, and has the key. Raises Conflict for a
    key that was used for a different request.
    """
    params = {"workspace_id": workspace_id, "key": idempotency.key, "fingerprint": idempotency.fingerprint}
    if await fetch_one(conn, sql.take_idempotency_key, params):
        return None
    earlier = await fetch_exactly_one(conn, sql.idempotent_answer, params)
    if earlier["fingerprint"] != idempotency.fingerprint:
        raise Conflict("this Idempotency-Key was used for a different request; take a new one")
    return earlier["answer"]


async def keep_answer(conn: Conn, workspace_id: int, idempotency: Idempotency, answer: Any) -> None:
    """`answer`, of JSON's own types, is given to whoever repeats the request."""
    params = {"workspace_id": workspace_id, "key": idempotency.key, "answer": Jsonb(answer)}
    await conn.execute(sql.keep_idempotent_answer, params)
