"""Senders: the mailboxes campaigns go out from, and their servers' moods.

A sender without a server of its own uses the installation's fallback server. Trouble with a server (down, refuses the
login, throttles) is kept on the sender with its reason, and costs no email anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.errors import ForeignKeyViolation

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, transaction
from app.domain.accounts.actor import LOCAL, Actor
from app.domain.ledger import holds
from app.domain.ledger.holds import Held
from app.domain.oauth.providers import Providers
from app.domain.operations.host_policy import STRICT, HostPolicy, plain
from app.domain.pages import Page, PageRequest, page_of
from app.domain.planning import changes as plan_changes
from app.domain.senders import inbox, logins, verification
from app.domain.senders.draft import (
    RampUp,
    SenderChanges,
    SenderDraft,
    Server,
    check,
    limits_of,
    tidied,
)
from app.domain.senders.inbox import Before, Inbox
from app.domain.senders.logins import Grant
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, NotFound
from app.jobs import defer_wake_up
from app.secrets import SecretBox
from app.settings import SmtpSecurity
from app.sql import queries

sql = queries(__name__)


class Credential(msgspec.Struct, rename="camel"):
    """How a mailbox logs in. `provider`, its name, where that is by a grant; `ended_at`: since when it has to be
    connected again, for `error`. That is there, too, while the provider gives no new access token.
    """

    kind: Literal["PASSWORD", "OAUTH"]
    provider: str | None
    ended_at: datetime | None
    error: str | None


class Checked(msgspec.Struct, rename="camel"):
    """The findings of the sender's last check by a mail, for those who write and send as it; null: not told. Whether
    the one-click button can be hoped for, which Message-ID answers name, whether a copy lies where sent mail does.
    """

    one_click_signed: bool | None
    message_id_kept: bool | None
    sent_copy: bool | None
    dmarc_aligned: bool | None
    inbox_read: bool | None
    checked_at: datetime


class Sender(msgspec.Struct, rename="camel"):
    """A mailbox; answers go to `reply_to` where there is one. `host` None: the fallback server. `blocked_until`: it is
    backed off, for `block_reason`. `held`: its server's words hold back all its campaigns. `copy_to_sent`: where its
    server keeps no copies of what is sent, who reads its mailbox puts them there.

    Limits and what they leave are its login's, which the senders in `shares_login_with` have, too. `used_today`: this
    clock hour and the 23 before it. `left_today`: of the daily limit and of the ramp's day; None without either.
    `ramp_today`: what the ramp gives on this day of `timezone`; None without one.
    """

    id: int
    email: str
    display_name: str
    reply_to: str | None
    host: str | None
    port: int | None
    security: SmtpSecurity | None
    username: str | None
    has_password: bool
    credential: Credential
    imap: Inbox | None
    copy_to_sent: bool
    hourly_limit: int
    used_this_hour: int
    left_this_hour: int
    daily_limit: int | None
    used_today: int
    left_today: int | None
    least_gap_seconds: int | None
    ramp_up: RampUp | None
    ramp_today: int | None
    timezone: str
    max_connections: int
    shares_login_with: list[int]
    is_default: bool
    blocked_until: datetime | None
    block_reason: str | None
    verified_at: datetime | None
    verify_error: str | None
    verify_imap_error: str | None
    checked: Checked | None
    created_at: datetime
    retired_at: datetime | None
    sandbox_until: datetime | None
    held: Held | None


def _sender(row: Row) -> Sender:
    row["has_password"] = row["password_encrypted"] is not None
    ramp = row["ramp_per_day"], row["ramp_from"]
    row["credential"] = Credential(row["kind"], row["provider"], row["grant_ended_at"], row["grant_error"])
    row["imap"] = inbox.of_row(row)
    told = {name: row[name] for name in Checked.__struct_fields__}
    row["checked"] = None if row["checked_at"] is None else Checked(**told)
    row["ramp_up"] = None if row["ramp_from"] is None else RampUp(*ramp)
    return Sender(**{name: row[name] for name in Sender.__struct_fields__})


async def create_sender(
    pool: Pool,
    box: SecretBox,
    workspace_id: int,
    draft: SenderDraft,
    *,
    default_hourly_limit: int,
    actor: Actor = LOCAL,
    policy: HostPolicy = STRICT,
    providers: Providers | None = None,
    most: Quotas = UNLIMITED,
) -> Sender:
    """Raises InvalidInput, QuotaReached."""
    async with transaction(pool, workspace_id) as conn:
        await quotas.check_senders(conn, workspace_id, most)
        limit = default_hourly_limit
        sender_id = await insert_sender(
            conn, box, workspace_id, draft, default_hourly_limit=limit, policy=policy, providers=providers
        )
        await audit.record(conn, actor, workspace_id, "sender.created", f"senders/{sender_id}")
        return await _read(conn, workspace_id, sender_id)


async def insert_sender(
    conn: Conn,
    box: SecretBox,
    workspace_id: int,
    draft: SenderDraft,
    *,
    default_hourly_limit: int,
    is_default: bool = False,
    policy: HostPolicy = STRICT,
    providers: Providers | None = None,
) -> int:
    """Returns its id. Where the mailbox is connected by another sender, it takes no password. Raises InvalidInput."""
    await logins.lock(conn, workspace_id)
    draft = tidied(draft)
    proof, provider = await logins.grant_at(conn, workspace_id, None, draft.server)
    granted_for = _reads_at(providers, provider)
    email = check(draft, policy, proof, inbox.wrong_with_imap(draft, policy, proof, Before(), granted_for))
    sender_id = await _insert(conn, workspace_id, email, draft, default_hourly_limit, is_default=is_default)
    if draft.server and draft.server.password is not None:
        sealed = box.seal(draft.server.password, password_place(sender_id))
        params = {"workspace_id": workspace_id, "sender_id": sender_id, "password_encrypted": sealed}
        await conn.execute(sql.set_sender_password, params)
    if draft.imap is not None:
        await inbox.keep(conn, box, workspace_id, sender_id, draft.imap, Before())
    elif proof == "SHARED_GRANT":
        await inbox.share(conn, workspace_id, sender_id)
    return sender_id


async def insert_connected(conn: Conn, workspace_id: int, draft: SenderDraft, *, default_hourly_limit: int) -> int:
    """A sender whose login is about to get a grant; returns its id. A provider's servers are the operator's choice,
    wherever they are. Comes after `logins.lock`.
    """
    return await _insert(conn, workspace_id, draft.email, draft, default_hourly_limit)


async def _insert(
    conn: Conn,
    workspace_id: int,
    email: str | None,
    draft: SenderDraft,
    default_hourly_limit: int,
    *,
    is_default: bool = False,
) -> int:
    server = draft.server
    row = await fetch_exactly_one(
        conn,
        sql.insert_sender,
        {
            "workspace_id": workspace_id,
            "login_id": await logins.login_for(conn, workspace_id, draft, default_hourly_limit),
            "email": email,
            "display_name": draft.display_name,
            "reply_to": draft.reply_to,
            "host": server and server.host,
            "port": server and server.port,
            "security": server and server.security,
            "username": server and server.username,
            "is_default": is_default,
            "copy_to_sent": draft.copy_to_sent,
        },
    )
    return int(row["id"])


def password_place(sender_id: int) -> str:
    """The place that a sender's password is bound to."""
    return f"senders/{sender_id}/password"


async def list_senders(pool: Pool, workspace_id: int, page: PageRequest) -> Page[Sender]:
    after = page.check()
    async with transaction(pool, workspace_id) as conn:
        params = {"workspace_id": workspace_id, "sender_id": None, "after": after, "limit": page.limit + 1}
        rows = await _rows(conn, params)
    return page_of([_sender(row) for row in rows], [row["id"] for row in rows], page.limit)


async def get_sender(pool: Pool, workspace_id: int, sender_id: int) -> Sender:
    """Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        return await _read(conn, workspace_id, sender_id)


async def _read(conn: Conn, workspace_id: int, sender_id: int) -> Sender:
    params = {"workspace_id": workspace_id, "sender_id": sender_id, "after": None, "limit": 1}
    rows = await _rows(conn, params)
    if not rows:
        raise NotFound(f"no sender {sender_id}")
    return _sender(rows[0])


async def _rows(conn: Conn, params: dict[str, Any]) -> list[Row]:
    rows = await fetch_all(conn, sql.list_senders, params)
    held = await holds.of_senders(conn, params["workspace_id"], [row["id"] for row in rows])
    return [row | {"held": held.get(row["id"])} for row in rows]


async def change_sender(
    pool: Pool,
    box: SecretBox,
    workspace_id: int,
    sender_id: int,
    changes: SenderChanges,
    actor: Actor = LOCAL,
    policy: HostPolicy = STRICT,
    *,
    providers: Providers | None = None,
    sandboxed: bool = False,
) -> Sender:
    """A changed limit plans the active campaigns of all again that share the login. Where the change has the sender log
    in as others do, it takes their limits. `sandboxed`: what has no server of its own goes to the sandbox here. Raises
    NotFound, InvalidInput.
    """
    changes = tidied(changes)
    async with transaction(pool, workspace_id) as conn:
        await logins.lock(conn, workspace_id)
        before = await _read(conn, workspace_id, sender_id)
        server = None if isinstance(changes.server, msgspec.UnsetType) else changes.server
        keeps_password = server is not None and before.has_password and _is_same_login(server, before)
        sets_server = changes.server is not msgspec.UNSET
        grant = Grant("PASSWORD") if keeps_password else await logins.grant_at(conn, workspace_id, sender_id, server)
        proof = grant.proof
        provider = grant.provider if sets_server else before.credential.provider
        granted_for = None if server is not None and server.password is not None else _reads_at(providers, provider)
        was = Before(before.host, before.username, before.credential.kind == "OAUTH", before.imap)
        email = check(changes, policy, proof, inbox.wrong_with_imap(changes, policy, proof, was, granted_for))
        params = {"workspace_id": workspace_id, "sender_id": sender_id, "email": email, "sandboxed": sandboxed}
        params |= {"set_server": sets_server, "keep_password": keeps_password}
        await conn.execute(sql.update_sender, params | _columns(box, sender_id, changes, server))
        if not isinstance(changes.imap, msgspec.UnsetType):
            await inbox.keep(conn, box, workspace_id, sender_id, changes.imap, was)
        if _logs_in_anew(changes, before):
            await verification.forget(conn, workspace_id, [sender_id])
        moves = sets_server and not _is_same_mailbox(server, before)
        course = await logins.follow_server(conn, workspace_id, sender_id, server) if moves else "STAYS"
        if course != "JOINS":
            await logins.limit(conn, workspace_id, sender_id, limits_of(changes))
        after = await _read(conn, workspace_id, sender_id)
        alike = {sender_id, *before.shares_login_with, *after.shares_login_with}
        stays = course == "STAYS" and _limits(after) == _limits(before)
        asked = [] if stays else await _plan_again(conn, workspace_id, alike)
        await audit.record(conn, actor, workspace_id, "sender.changed", f"senders/{sender_id}")
        await defer_wake_up(conn, sender_id)
    for each in asked:
        await plan_changes.plan_soon(pool, workspace_id, each)
    if sets_server and course == "STAYS" and not before.shares_login_with:
        # In a transaction of its own: changes of holds lock them first. Should this process die in between, the next
        # probe shows the same.
        await holds.forget(pool, workspace_id, sender_id)
    return await get_sender(pool, workspace_id, sender_id)


def _columns(box: SecretBox, sender_id: int, changes: SenderChanges, server: Server | None) -> dict[str, Any]:
    return {
        "display_name": changes.display_name,
        "copy_to_sent": changes.copy_to_sent,
        "set_reply_to": changes.reply_to is not msgspec.UNSET,
        "reply_to": None if changes.reply_to is msgspec.UNSET else changes.reply_to,
        "host": server and server.host,
        "port": server and server.port,
        "security": server and server.security,
        "username": server and server.username,
        "password": server and server.password and box.seal(server.password, password_place(sender_id)),
    }


def _limits(sender: Sender) -> tuple[object, ...]:
    """The limits that plans depend on."""
    days_of = sender.ramp_up and sender.timezone
    return sender.hourly_limit, sender.daily_limit, sender.least_gap_seconds, sender.ramp_up, days_of


async def _plan_again(conn: Conn, workspace_id: int, sender_ids: set[int]) -> list[int]:
    """Have their active campaigns planned again; those that have any."""
    return await plan_changes.ask_for_senders(conn, workspace_id, sender_ids)


def _is_same_mailbox(server: Server | None, before: Sender) -> bool:
    """Whether the sender logs in where it did, as whom it did, however both are written."""
    asked = server and (plain(server.host), (server.username or "").lower())
    return asked == (before.host and (plain(before.host), (before.username or "").lower()))


def _is_same_login(server: Server, before: Sender) -> bool:
    """Whether a stored password may go on being used: it is shown to no other host, and to none in the clear."""
    same = (plain(server.host), server.username) == (plain(before.host or ""), before.username)
    return same and (server.security != "none" or before.security == "none")


def _logs_in_anew(changes: SenderChanges, before: Sender) -> bool:
    """Whether a change has one of its servers, or how the sender logs in there, another than before."""
    server, imap = changes.server, changes.imap
    if not isinstance(server, msgspec.UnsetType):
        asked = server and (plain(server.host), server.port, server.security, server.username)
        was = before.host and (plain(before.host), before.port, before.security, before.username)
        if asked != was or (server is not None and server.password is not None):
            return True
    if isinstance(imap, msgspec.UnsetType):
        return False
    asked = imap and (plain(imap.host), inbox.port_of(imap), imap.security, imap.username)
    was = before.imap and (plain(before.imap.host), before.imap.port, before.imap.security, before.imap.username)
    return asked != was or (imap is not None and imap.password is not None)


def _reads_at(providers: Providers | None, name: str | None) -> str | None:
    """The IMAP server of the provider of that name, where one is set up."""
    provider = None if providers is None or name is None else providers.get(name)
    return None if provider is None else provider.imap.host


async def delete_sender(pool: Pool, workspace_id: int, sender_id: int, actor: Actor = LOCAL) -> None:
    """Raises NotFound, and Conflict while campaigns name it."""
    try:
        async with transaction(pool, workspace_id) as conn:
            if (await _read(conn, workspace_id, sender_id)).is_default:
                raise Conflict("the default sender cannot be deleted")
            params = {"workspace_id": workspace_id, "sender_id": sender_id}
            await conn.execute(sql.leave_campaigns, params)
            deleted = await fetch_exactly_one(conn, sql.delete_sender, params)
            await conn.execute(sql.delete_login, params | deleted)
            await audit.record(conn, actor, workspace_id, "sender.deleted", f"senders/{sender_id}")
    except ForeignKeyViolation:
        raise Conflict("the sender has campaigns; their record names it") from None
