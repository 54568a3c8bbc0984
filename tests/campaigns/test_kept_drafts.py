"""Drafts that a workspace shares: several, versioned, bounded."""

from __future__ import annotations

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.actor import LOCAL
from app.domain.accounts.users import User
from app.domain.campaigns import kept_drafts
from app.domain.campaigns.kept_drafts import DraftText
from app.domain.ledger import retention
from app.domain.workspaces.quotas import Quotas
from app.errors import Conflict, QuotaReached
from app.settings import Settings
from tests.support.api import problem, wrong_fields
from tests.support.engine import execute, value

CONTENT = {"steps": [{"subject": "Hallo ü"}], "n": 1.5}


def nested(levels: int) -> object:
    held: object = "x"
    for _ in range(levels):
        held = [held]
    return held


async def test_who_saves_an_older_version_is_told(api: httpx.AsyncClient, user: User) -> None:
    made = (await api.post("/api/drafts", json={"name": " Spring ", "content": CONTENT, "lists": [3]})).json()
    assert (made["name"], made["version"], made["content"]) == ("Spring", 1, CONTENT)
    one = f"/api/drafts/{made['id']}"
    mine = {"name": "Spring", "content": CONTENT | {"n": 2}, "version": 1}
    assert (await api.put(one, json=mine)).json()["version"] == 2
    refused = await api.put(one, json=mine | {"content": {}})
    assert "version 2" in problem(refused, 409)["detail"]
    assert refused.json()["type"].endswith("draft_changed")
    assert (await api.get(one)).json()["content"] == CONTENT | {"n": 2}
    await api.post("/api/drafts", json={"name": "Autumn", "content": {"a": None}})
    page = (await api.get("/api/drafts", params={"limit": 1})).json()
    assert [draft["name"] for draft in page["items"]] == ["Autumn"]
    assert "content" not in page["items"][0]
    assert (await api.get("/api/drafts", params={"cursor": page["nextCursor"]})).json()["items"][0]["version"] == 2
    assert (await api.delete(one)).status_code == 204
    for answer in (await api.get(one), await api.delete(one), await api.put(one, json=mine)):
        problem(answer, 404)


async def test_who_removes_an_older_version_removes_nothing(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/drafts", json={"name": "Spring", "content": CONTENT})).json()
    one = f"/api/drafts/{made['id']}"
    theirs = {"name": "Spring", "content": CONTENT | {"n": 2}, "version": 1}
    assert (await api.put(one, json=theirs)).json()["version"] == 2
    refused = await api.delete(one, params={"version": 1})
    assert "version 2" in problem(refused, 409)["detail"]
    assert refused.json()["type"].endswith("draft_changed")
    assert wrong_fields(await api.delete(one, params={"version": 0})).keys() == {"version"}
    assert (await api.get(one)).json()["content"] == theirs["content"]
    assert (await api.delete(one, params={"version": 2})).status_code == 204
    problem(await api.delete(one, params={"version": 2}), 404)


async def test_drafts_are_bounded(
    api: httpx.AsyncClient, pool: Pool, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"name": " ", "content": {}}, "name"),
        ({"name": "n", "content": {"a": "\0"}}, "content"),
        ({"name": "n", "content": {"a": "x" * 2_000_000}}, "content"),
        ({"name": "n", "content": {"a": nested(50)}}, "content"),
        ({"name": "n", "content": {}, "lists": [1] * 101}, "lists"),
    ]
    for body, field in wrong:
        assert wrong_fields(await api.post("/api/drafts", json=body)).keys() == {field}
    assert (await api.post("/api/drafts", json={"name": "n", "content": {"a": nested(49)}})).status_code == 201
    await execute(pool, "DELETE FROM drafts")
    monkeypatch.setattr(kept_drafts, "MOST_DRAFTS", 1)
    text = DraftText(name="n", content={"a": "x" * 100})
    with pytest.raises(QuotaReached):
        await kept_drafts.keep(pool, user.workspace_id, text, LOCAL, Quotas(stored_bytes=50))
    kept = await kept_drafts.keep(pool, user.workspace_id, text, LOCAL, Quotas(stored_bytes=150))
    with pytest.raises(Conflict, match="delete one"):
        await kept_drafts.keep(pool, user.workspace_id, text, LOCAL)
    longer = DraftText(name="n", content={"a": "x" * 200})
    with pytest.raises(QuotaReached):
        await kept_drafts.save(pool, user.workspace_id, kept.id, longer, 1, LOCAL, Quotas(stored_bytes=150))


async def test_lists_stay_as_long_as_a_draft_names_them(api: httpx.AsyncClient, pool: Pool) -> None:
    lists = [(await api.post("/api/lists", json={"recipients": ["ada@example.com"]})).json()["id"] for _ in range(2)]
    draft = (await api.post("/api/drafts", json={"name": "n", "content": {}, "lists": lists[:1]})).json()
    assert (await api.delete(f"/api/lists/{lists[0]}")).status_code == 204  # by whoever typed others meanwhile
    await execute(pool, "UPDATE recipient_lists SET used_at = now() - interval '90 days'")
    (chore,) = [each for each in retention.chores(Settings()) if each.what == "recipient lists"]

    async def swept() -> int:
        async with pool.connection() as conn:
            await conn.execute(chore.text, chore.parameters)
        return await value(pool, "SELECT count(*) FROM recipient_lists")

    assert await swept() == 1
    await api.delete(f"/api/drafts/{draft['id']}")
    assert await swept() == 0
