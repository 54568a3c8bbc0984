"""The demo's list, and how its progress is shown. That it arrives is `tests/worker/test_up.py`'s to see."""

from __future__ import annotations

from argparse import Namespace
from contextlib import aclosing, nullcontext
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from app import demo
from app.cli import serving
from app.db import Pool, transaction
from app.domain.accounts import users
from app.domain.accounts.users import User
from app.domain.campaigns import campaigns
from app.domain.campaigns.campaigns import Campaign
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.schedule import Request, schedule
from app.domain.recipients import csv_files, lists
from app.domain.workspaces.members import list_members
from app.domain.workspaces.workspaces import list_of
from app.errors import Conflict, Unavailable
from app.secrets import SecretBox
from app.settings import Settings
from tests.support.engine import value
from tests.support.ports import free_port


async def test_the_example_is_a_list_of_25_that_the_demo_can_use() -> None:
    with demo.RECIPIENTS.open("rb") as file:
        listed = csv_files.from_csv(file)
        fields = listed.fields
        people = list(listed)
    assert (len(people), listed.rejected, listed.duplicates) == (25, [], 0)
    assert any("first_name" not in person.fields for person in people)  # for whom the default stands in
    content = Content(demo.SUBJECT, demo.BODY)
    content.check(await content.parse(workspace_id=1), fields)


async def test_the_demo_does_not_mail_made_up_people_through_a_real_server(pool: Pool, box: SecretBox) -> None:
    with pytest.raises(Conflict, match="SMTP_HOST"):
        await demo.run(pool, box, Settings(smtp_host="smtp.example.com"))


@pytest.mark.parametrize(
    ("asked", "base_url", "shown"),
    [
        (False, "http://127.0.0.1:3000", True),
        (False, "https://mail.example.com", False),
        (True, "https://mail.example.com", True),
    ],
)
def test_outside_of_a_trial_there_is_a_demo_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: bool, base_url: str, shown: bool
) -> None:
    told = list[bool]()

    async def run_all(*_: object, with_demo: bool) -> None:
        told.append(with_demo)

    monkeypatch.setattr(serving, "_run_all", run_all)
    monkeypatch.setattr(serving, "EmbeddedPostgres", lambda _: nullcontext(SimpleNamespace(url="")))
    monkeypatch.setattr(serving, "migrate", lambda *_, **__: 0)
    settings = Settings(data_dir=tmp_path, port=free_port(), base_url=base_url)
    serving.up(settings, Namespace(demo=asked))
    assert told == [shown]


async def test_the_key_that_the_demo_prints_does_not_last(
    pool: Pool, box: SecretBox, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def nothing(*_: object) -> None:
        return

    monkeypatch.setattr(demo, "show", nothing)
    await demo.run(pool, box, settings)
    ends = await value(pool, "SELECT expires_at FROM api_keys")
    assert timedelta(days=6) < ends - datetime.now(UTC) < timedelta(days=8)
    assert f"(until {ends:%Y-%m-%d})" in capsys.readouterr().out


async def test_the_demo_says_when_nothing_moves(pool: Pool, user: User) -> None:
    campaign = await scheduled(pool, user)
    with pytest.raises(Unavailable, match="is a worker running"):
        await states(pool, user, campaign)


async def test_the_demo_does_not_wait_for_the_next_hour(pool: Pool, user: User) -> None:
    campaign = await scheduled(pool, user)
    async with pool.connection() as conn:
        await conn.execute(b"UPDATE emails SET scheduled_at = now() + interval '1 hour'")
    screen = StringIO()
    await demo.show(pool, user.workspace_id, campaign, Console(file=screen))
    assert "  0 of 2: 2 SCHEDULED" in screen.getvalue()
    # `show` was given the campaign as it was when scheduled: it must have looked again.
    assert "The hourly limit holds the rest back until" in screen.getvalue()


async def test_on_a_terminal_the_demo_shows_a_bar(pool: Pool, user: User) -> None:
    campaign = await scheduled(pool, user)
    await campaigns.cancel(pool, user.workspace_id, campaign.id)
    screen = StringIO()
    await demo.show(pool, user.workspace_id, campaign, Console(file=screen, force_terminal=True, width=100))
    assert "2 of 2: 2 CANCELLED" in screen.getvalue()


async def scheduled(pool: Pool, user: User) -> Campaign:
    draft = Draft(content=Content("Hello", "Hello"))
    people = ["a@example.com", "b@example.com"]
    answer = await schedule(pool, user.workspace_id, Request(draft, lambda required: lists.from_json(people)))
    return answer.campaign


async def states(pool: Pool, user: User, campaign: Campaign) -> list[Campaign]:
    async with aclosing(demo.progress(pool, user.workspace_id, campaign.id, poll_s=0.01, stalled_s=0.1)) as following:
        return [state async for state in following]


@pytest.mark.parametrize("demo_first", [True, False])
async def test_the_administrator_sees_the_demo_whichever_was_there_first(
    pool: Pool, box: SecretBox, demo_first: bool
) -> None:
    async def make(email: str, *, may_be_admin: bool) -> User:
        return await users.create_user(
            pool, box, email, "correct horse", default_hourly_limit=100, may_be_admin=may_be_admin
        )

    first = None if demo_first else await make("ada@example.com", may_be_admin=True)
    shown = await make(users.DEMO, may_be_admin=False)
    async with transaction(pool) as conn:
        await users.show_demo(conn)
    admin = first or await make("ada@example.com", may_be_admin=True)
    await make("grace@example.com", may_be_admin=True)  # not the first, so no administrator
    rows = await list_of(pool, admin.id, admin.workspace_id)
    assert [(row.id, row.role) for row in rows] == [(admin.workspace_id, "owner"), (shown.workspace_id, "member")]
    assert [member.id for member in await list_members(pool, shown.workspace_id)] == [shown.id, admin.id]
