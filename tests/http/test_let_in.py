"""Bodies that take long: their senders are let in still when they have come."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.http import bodies
from tests.support.api import authorization
from tests.support.engine import execute, value

CAMPAIGN = {"subject": "Hello", "body": "Hello.", "recipients": "ada@example.com"}
JSON = b'{"subject": "Hello", "body": "Hello.", "recipients": ["ada@example.com"]}'
FORM = "".join(
    f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in CAMPAIGN.items()
)

DEMOTED = """
    WITH other AS (INSERT INTO users (email) VALUES ('other@example.com') RETURNING id),
    owner AS (INSERT INTO members (workspace_id, user_id, role)
              SELECT workspace_id, other.id, 'owner' FROM members, other)
    UPDATE members SET role = 'viewer'
"""


@pytest.mark.parametrize(
    ("undone", "status"),
    [
        ("UPDATE users SET disabled_at = now()", 401),
        ("UPDATE api_keys SET revoked_at = now()", 401),
        (DEMOTED, 403),
        ("UPDATE workspaces SET name = 'Another name'", 201),
    ],
)
@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", JSON), ("multipart/form-data; boundary=b", f"{FORM}--b--\r\n".encode())],
    ids=["json", "form"],
)
async def test_whoever_is_let_in_no_more_when_the_body_has_come_does_nothing(
    api: httpx.AsyncClient,
    pool: Pool,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    undone: str,
    status: int,
    content_type: str,
    body: bytes,
) -> None:
    """At the least pace a campaign may come for an hour, and long after its account was disabled it was scheduled."""
    monkeypatch.setattr(bodies, "LET_IN_S", 0)
    headers = await authorization(pool, user) | {"Content-Type": content_type, "Content-Length": str(len(body))}

    async def coming() -> AsyncIterator[bytes]:
        yield body[:-1]
        await execute(pool, undone)
        yield body[-1:]

    answer = await api.post("/api/campaigns/schedule", content=coming(), headers=headers)
    assert answer.status_code == status, answer.text
    assert await value(pool, "SELECT count(*) FROM campaigns") == (status == 201)
