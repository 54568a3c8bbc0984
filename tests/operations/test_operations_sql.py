"""docs/operations.md: its queries run, and every alert has its section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.db import Pool
from app.domain.accounts.users import User
from tests.support.engine import create_owner, execute, rows, schedule_campaign

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "operations.md").read_text()
QUERIES = [
    *re.findall(r"^ *```sql\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE),
    *re.findall(r"`((?:SELECT|TABLE) [^`]*)`", GUIDE),
]
LEDGER = QUERIES[0]


@pytest.mark.parametrize("text", QUERIES)
async def test_a_query_of_the_guide_runs(pool: Pool, user: User, text: str) -> None:
    if "pg_cancel_backend" in text or "pg_blocking_pids" in text:
        text = text.replace("(pid)", "(0)")
    await rows(pool, text.replace("%", "%%"))


async def test_the_guides_check_of_the_ledger_finds_what_does_not_add_up(pool: Pool) -> None:
    owner = await create_owner(pool)
    campaign = (await schedule_campaign(pool, owner, 3)).campaign.id
    await schedule_campaign(pool, owner, 3)
    assert await rows(pool, LEDGER) == []
    await execute(pool, "DELETE FROM emails WHERE id = (SELECT min(id) FROM emails)")
    assert [found["campaign_id"] for found in await rows(pool, LEDGER)] == [campaign]


def test_every_alert_has_its_section() -> None:
    alerts = (DOCS / "monitoring" / "alerts.yml").read_text()
    names = re.findall(r"alert: (\w+)", alerts)
    assert re.findall(r"^### (\w+)$", GUIDE, re.MULTILINE) == names
    assert re.findall(r"runbook: docs/operations.md#(\w+)", alerts) == [name.lower() for name in names]
