"""Bounces as a real Postfix writes them: what it took and could not deliver comes back, and everybody is told."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import httpx
import pytest

from app.db import Pool
from app.domain.accounts.users import User
from app.domain.senders.inbox import imap_password_place
from app.domain.webhooks import webhooks
from app.secrets import SecretBox
from tests.support import dovecot, postfix
from tests.support.dovecot import Dovecot
from tests.support.engine import (
    ANYWHERE,
    SECRET_KEY,
    Owner,
    check_conservation,
    execute,
    rows,
    running_workers,
    schedule_campaign,
    settings_for,
    value,
    wait_for,
    wait_until_settled,
)
from tests.support.inbox import ANN, WORD
from tests.support.mailserver import mail_server
from tests.support.receiver import receiving
from tests.support.sinkproc import Sink
from worker.connect import Server

MISSING = dovecot.PROGRAM is None or postfix.PROGRAM is None
WANTED = f"{dovecot.WANTED}; {postfix.WANTED}"
REFUSED = {
    "unknown@": "550 5.1.1 <unknown@there.example>: Recipient address rejected: User unknown in virtual mailbox table",
    "full@": "552 5.2.2 <full@there.example>: The email account that you tried to reach is over quota",
    "policy@": "550 5.7.1 <policy@there.example>: Message refused by the policy of this site",
}


def _to(mailbox: Path, relay: int) -> dict[str, str]:
    """Settings of a Postfix that puts what is for Ann into her mailbox, and hands on all else."""
    nobody = pwd.getpwnam("nobody")
    return {
        "default_transport": "smtp",
        "relayhost": f"[127.0.0.1]:{relay}",
        "virtual_mailbox_domains": "inline:{{ {domain}={domain} }}".format(domain=ANN.partition("@")[2]),
        "virtual_mailbox_maps": f"inline:{{ {ANN}={ANN}/ }}",
        "virtual_mailbox_base": str(mailbox),
        "virtual_uid_maps": f"static:{nobody.pw_uid}",
        "virtual_gid_maps": f"static:{nobody.pw_gid}",
        "virtual_minimum_uid": "1",
    }


async def _is_read_at(pool: Pool, owner: Owner, at: Dovecot) -> None:
    await execute(
        pool,
        "UPDATE senders SET email = %s, imap_host = 'localhost', imap_port = %s, imap_security = 'tls',"
        " imap_username = %s, imap_password_encrypted = %s WHERE id = %s",
        *(ANN, at.imaps, ANN, SecretBox(SECRET_KEY).seal(WORD, imap_password_place(owner.sender_id)), owner.sender_id),
    )


@pytest.mark.skipif(MISSING and "CI" not in os.environ, reason=WANTED)
async def test_what_a_postfix_returns_is_seen_on_the_email_suppressed_counted_and_told(
    pool: Pool, database_url: str, user: User, api: httpx.AsyncClient, sink: Sink
) -> None:
    owner = Owner(user.workspace_id, await value(pool, "SELECT id FROM senders"))
    async with mail_server() as elsewhere, receiving() as receiver:
        elsewhere.refuse = REFUSED
        url = f"http://127.0.0.1:{receiver.port}/hook"
        await webhooks.create(pool, SecretBox(SECRET_KEY), owner.workspace_id, url, ["email.bounced"], policy=ANYWHERE)
        with (
            dovecot.dovecot(9, {ANN: WORD}) as at,
            postfix.postfix(**_to(at.folder / "mail", elsewhere.port)) as port,
        ):
            await _is_read_at(pool, owner, at)
            settings = settings_for(sink, lanes=2, smtp_ca_file=at.ca_file, inbox_poll_seconds=1)
            server = Server("127.0.0.1", port, "none", policy=None)
            async with running_workers(database_url, settings, fallback=server):
                people = [f"{name}@there.example" for name in ("fine", "unknown", "full", "policy")]
                campaign = (await schedule_campaign(pool, owner, people)).campaign.id
                await wait_until_settled(pool, campaign)
                bounced = "SELECT count(*) >= 3 FROM responses"
                await wait_for(lambda: value(pool, bounced), "three bounces to be read")

                async def told() -> bool:
                    return len(receiver.told) >= 3

                await wait_for(told, "the webhook to be told")
    assert (await check_conservation(pool, campaign))["SENT"] == 4  # that is what became of the handover
    found = {one["recipient"]: one for one in (await api.get("/api/responses")).json()["items"]}
    assert {
        who.partition("@")[0]: (
            one["kind"],
            one["severity"],
            one["reason"],
            one["code"],
            one["enhancedCode"],
            one["weak"],
        )
        for who, one in found.items()
    } == {
        "unknown": ("BOUNCE", "hard", "USER_UNKNOWN", 550, "5.1.1", False),
        "full": ("BOUNCE", "soft", "MAILBOX_FULL", 552, "5.2.2", False),
        "policy": ("BOUNCE", "policy", "POLICY_VIOLATION", 550, "5.7.1", False),
    }
    whole = (await api.get(f"/api/responses/{found['unknown@there.example']['id']}")).json()
    assert "User unknown in virtual mailbox table" in whole["diagnostic"]
    assert await rows(pool, "SELECT name, reason::text AS reason FROM suppressions") == [
        {"name": "unknown@there.example", "reason": "BOUNCED"}
    ]
    shown = (await api.get(f"/api/campaigns/{campaign}")).json()
    assert (shown["responses"]["bounced"], shown["counts"]["SENT"]) == (1, 4)  # who is full or choosy may be written to
    told_of = {one.event["data"]["recipient"]: one.event for one in receiver.told}
    assert {who: (one["type"], one["data"]["severity"]) for who, one in told_of.items()} == {
        "unknown@there.example": ("email.bounced", "hard"),
        "full@there.example": ("email.bounced", "soft"),
        "policy@there.example": ("email.bounced", "policy"),
    }
    assert told_of["unknown@there.example"]["data"]["reply"] == whole["diagnostic"]
    email_id = found["unknown@there.example"]["emailId"]
    of_email = (await api.get("/api/responses", params={"emailId": email_id})).json()["items"]
    assert [one["id"] for one in of_email] == [whole["id"]]
