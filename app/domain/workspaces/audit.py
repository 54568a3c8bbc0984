"""The audit log: who did what, when, from where. Written in the transaction of what it records."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from app.db import Conn, Pool, fetch_all, transaction
from app.domain.accounts.actor import Actor
from app.domain.pages import Page, PageRequest, page_of
from app.sql import queries

sql = queries(__name__)

# The dashboard has words for each (`web/src/features/accounts/words.ts`), which its types hold it to.
Action = Literal[
    "account.created",
    "account.linked",  # with an identity at Google
    "account.given_back",
    "account.disabled",
    "account.enabled",
    "account.removed",
    "account.unknown",  # a login or reset for an address that has no account, by nobody: once a while
    "attempts.refused",  # too many: the first of a while
    "login",
    "login.failed",
    "login.disabled",  # with the right password
    "logout",
    "session.ended",
    "sessions.ended",  # all of somebody's, by the administrator
    "password.changed",
    "password.reset_asked",
    "password.link_made",  # by the administrator, for somebody else
    "invitation.created",  # to the installation
    "invitation.revoked",
    "workspace.created",
    "workspace.renamed",
    "workspace.changed",
    "workspace.deleted",
    "workspace.handed_over",  # by the administrator, who removes its only owner
    "member.invited",
    "member.invitation_revoked",
    "member.joined",
    "member.changed",
    "member.removed",
    "member.left",
    "key.created",
    "key.revoked",
    "sender.created",
    "sender.changed",
    "sender.deleted",
    "sender.retired",
    "sender.reinstated",
    "sender.checked",
    "sandbox.cleared",  # of the messages that it received
    "list.created",  # one that is saved by name
    "list.grown",
    "list.exported",
    "list.removed",
    "campaign.scheduled",
    "campaign.changed",
    "campaign.variant_stopped",
    "campaign.paused",
    "campaign.resumed",
    "campaign.cancelled",
    "campaign.archived",
    "campaign.unarchived",
    "campaign.deleted",  # with its emails and texts
    "campaign.first",  # before the others of its senders
    "campaign.not_first",
    "campaign.moved_up",  # new recipients, into room that answers freed
    "campaign.direct",  # a test, or whatever is written by hand to one recipient
    "campaign.moved",  # by a worker: a sender's emails went to the campaign's others
    "campaign.hold",  # by `hold-all`
    "campaign.braked",  # by a worker: too many of its recipients do not exist
    "campaign.held.try",  # an answer about what a server's words hold back
    "campaign.held.fail",
    "campaign.held.go_on",
    "sender.held.try",
    "sender.held.fail",
    "sender.held.go_on",
    "email.failed->scheduled",  # retried
    "email.bounced->scheduled",  # it had come back for a fault of its sender
    "email.unknown->scheduled",  # resolved: sent again
    "email.unknown->sent",  # resolved: taken as sent
    "email.put_aside",  # it failed, and nothing more is done
    "email.suppressed",  # it failed, and its recipient is written to no more
    "email.mended",  # it failed, and goes to a corrected address
    "email.stopped",  # before it went
    "response.answered",
    "response.corrected",  # what it is
    "response.forgotten",
    "suppressions.added",
    "suppressions.exported",
    "suppression.removed",
    "suppressions.removed",
    "webhook.created",
    "webhook.changed",
    "webhook.deleted",
    "webhook.secret_rotated",
    "webhook.replayed",
    "recipient.erase",
    "recipient.export",
    "emails.export",
    "keys.revoked",  # all of somebody's, by the administrator
    "installation.take-over",  # by the command of that name
    "installation.rotate-key",
]


class Entry(msgspec.Struct, rename="camel"):
    """`who` is an address, or words where there is none; `subject` is what it was done to, such as `senders/7`."""

    id: int
    at: datetime
    user_id: int | None
    who: str
    action: Action
    subject: str
    address: str
    user_agent: str


async def record(conn: Conn, actor: Actor, workspace_id: int | None, action: Action, subject: str = "") -> None:
    """Note that the actor did `action`: in the workspace, or with None to their own account."""
    await conn.execute(
        sql.insert_audit,
        {
            "workspace_id": workspace_id,
            "user_id": actor.user_id,
            "action": action,
            "subject": subject,
            "address": actor.address,
            "user_agent": actor.user_agent[:500],
        },
    )


async def list_entries(
    pool: Pool, workspace_id: int | None, user_id: int | None, page: PageRequest, *, of_accounts: bool = False
) -> Page[Entry]:
    """Acts in the workspace and on the user's own account, each if it is given, newest first; `of_accounts`:
    to all accounts and to the installation, which its administrator may read.
    """
    params = {
        "workspace_id": workspace_id,
        "user_id": user_id,
        "of_accounts": of_accounts,
        "before": page.check(),
        "limit": page.limit + 1,
    }
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.list_audit, params)
    return page_of([Entry(**row) for row in rows], [row["id"] for row in rows], page.limit)
