"""The name by which workers introduce themselves: one that servers believe, never a container's."""

from __future__ import annotations

import os
import socket

import pytest

from app.db import Pool
from app.settings import Settings, SettingsError, from_env
from tests.support.engine import (
    Owner,
    execute,
    running_workers,
    schedule_campaign,
    settings_for,
    wait_until_sent,
)
from tests.support.postfix import PROGRAM, WANTED, postfix
from tests.support.sinkproc import Sink
from worker.connect import Server


@pytest.mark.parametrize(
    ("base_url", "setting", "name"),
    [
        ("https://mail.acme.com", None, "mail.acme.com"),
        ("https://MAIL.acme.com.:8443", None, "mail.acme.com"),
        ("https://mail.acme.com", "out.acme.com", "out.acme.com"),
        ("http://127.0.0.1:3000", "[192.0.2.1]", "[192.0.2.1]"),
        ("http://127.0.0.1:3000", None, None),
        ("http://[2001:db8::1]:3000", None, None),
        ("http://localhost:3000", None, None),
        ("http://reachinbox:3000", None, None),
        ("http://reachinbox.lan", None, None),
        ("http://reachinbox.prod.internal", None, None),
        ("http://under_score.acme.com", None, None),
    ],
)
def test_the_name_is_the_settings_or_the_public_host_of_the_base_url(
    base_url: str, setting: str | None, name: str | None
) -> None:
    assert Settings(base_url=base_url, smtp_ehlo_name=setting).ehlo_name == name


@pytest.mark.parametrize("name", ["3f2a9c1b7d44", "under_score.acme.com", "acme.com evil", "192.0.2.1", "[acme]"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="SMTP_EHLO_NAME"):
        from_env({"SMTP_EHLO_NAME": name})


@pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason=WANTED)
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:3000", "https://mail.acme.com"])
async def test_a_postfix_that_wants_a_full_name_takes_mail_from_a_container(
    pool: Pool,
    database_url: str,
    sink: Sink,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
    base_url: str,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "3f2a9c1b7d44")
    settings = settings_for(sink, lanes=2, base_url=base_url)
    with postfix(smtpd_helo_restrictions="reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname") as port:
        server = Server("127.0.0.1", port, "none", policy=None)
        async with running_workers(database_url, settings, fallback=server):
            await execute(pool, "UPDATE senders SET email = 'ann@bücher.example'")
            await wait_until_sent(pool, (await schedule_campaign(pool, owner, 5)).campaign.id)
