"""The inbox of a sender: where its mailbox is read, over IMAP, and as whom.

Without a username of its own it is logged in to as the SMTP server is. That password was given for another server, so a
server that it was not given for is named together with it; nobody who may change a sender learns its password so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from app.db import Conn, Row
from app.domain.operations import host_policy
from app.domain.operations.host_policy import HostPolicy, RefusedHost, plain
from app.domain.senders.draft import PORT, ImapServer, Proof, SenderChanges, SenderDraft, Server, wrong_with_login
from app.domain.senders.known_providers import KNOWN
from app.secrets import SecretBox
from app.sql import queries

sql = queries(__name__)

_PORTS = {"tls": 993, "starttls": 143}


class Inbox(msgspec.Struct, rename="camel"):
    """Where a mailbox is read. `username` None: as whom, and by what, the sender logs in to its SMTP server.

    All that had come by `whole_at` was read; `error` None: the latest look at it went well, else none does since
    `failing_since`.
    """

    host: str
    port: int
    security: Literal["starttls", "tls"]
    username: str | None
    has_password: bool
    whole_at: datetime | None = None
    error: str | None = None
    failing_since: datetime | None = None


class Before(NamedTuple):
    """A sender before it is changed; of a new one nothing."""

    host: str | None = None
    username: str | None = None
    granted: bool = False
    inbox: Inbox | None = None


def of_row(row: Row) -> Inbox | None:
    if row["imap_host"] is None:
        return None
    has_password = row["imap_username"] is not None
    return Inbox(
        row["imap_host"],
        row["imap_port"],
        row["imap_security"],
        row["imap_username"],
        has_password,
        whole_at=row["imap_whole_at"],
        error=row["imap_error"],
        failing_since=row["imap_failing_since"],
    )


def imap_password_place(sender_id: int) -> str:
    """The place that a sender's password for reading is bound to."""
    return f"senders/{sender_id}/imap_password"


def keeps_password(imap: ImapServer, before: Before) -> bool:
    """Whether the password for reading that is stored may go on being used: it is shown to no other host."""
    kept = before.inbox
    if kept is None or not kept.has_password:
        return False
    return (plain(imap.host), imap.username) == (plain(kept.host), kept.username)


def wrong_with_imap(
    asked: SenderDraft | SenderChanges,
    policy: HostPolicy,
    proof: Proof,
    before: Before,
    granted_for: str | None = None,
) -> dict[str, str]:
    """By field. `proof` is of the SMTP server that is asked for. `granted_for`: the IMAP server of the provider by
    whose grant it is logged in to; no other is shown its tokens, and where that one is, is the operator's choice.
    """
    server, imap = asked.server, asked.imap
    if isinstance(imap, ImapServer) and imap.username is None and granted_for is not None:
        wrong = _wrong_with_credential(imap, before)
        if plain(imap.host) != plain(granted_for):
            wrong["imap.host"] = (
                f"cannot be read: the mailbox is connected, and its access tokens are for {granted_for} alone;"
                " give that, or a username and a password for this server"
            )
        return wrong
    if isinstance(imap, ImapServer):
        wrong = _wrong_with_place(imap, policy) | _wrong_with_credential(imap, before)
        if imap.username is None:
            wrong |= _wrong_with_own_login(imap, server, proof, before)
        return wrong
    kept = before.inbox
    if imap is None or kept is None or kept.username is not None or isinstance(server, msgspec.UnsetType):
        return {}
    if server and server.username is not None and plain(server.host) == plain(before.host or ""):
        if not before.granted or server.password is None or _belong_together(server.host, kept.host):
            return {}
        return {
            "imap": f"is read at {kept.host}, which no password was given for; give it again with this one, or null"
        }
    return {"imap": "is of the mailbox before, whose login it has; give that of the new one, or null"}


def _wrong_with_place(imap: ImapServer, policy: HostPolicy) -> dict[str, str]:
    wrong: dict[str, str] = {}
    try:
        host_policy.canonical(imap.host, allow_private=policy.allow_private)
    except RefusedHost as refused:
        wrong["imap.host"] = str(refused)
    if (imap.port, imap.security) in {(993, "starttls"), (143, "tls")}:
        wrong["imap.security"] = f"does not go with port {imap.port}: 993 is for tls, 143 for starttls"
    if not PORT.allow(port_of(imap)):
        wrong["imap.port"] = f"is not a port; give {PORT.least} to {PORT.most} (993 with tls, 143 with starttls)"
    elif policy.imap_ports is not None and port_of(imap) not in policy.imap_ports:
        listed = host_policy.listed(policy.imap_ports)
        wrong["imap.port"] = f"is not one that this installation reads mail at; give {listed}"
    return wrong


def _wrong_with_credential(imap: ImapServer, before: Before) -> dict[str, str]:
    wrong = {f"imap.{name}": words for name, words in wrong_with_login(imap.username, imap.password).items()}
    if imap.username is not None and imap.password is None and not keeps_password(imap, before):
        wrong["imap.password"] = "is missing; give it again when the server or the username changes"
    return wrong


def _wrong_with_own_login(
    imap: ImapServer, server: Server | msgspec.UnsetType | None, proof: Proof, before: Before
) -> dict[str, str]:
    """Whether the sender's own credential may be shown to the IMAP server."""
    if isinstance(server, msgspec.UnsetType):
        host, username, given, granted = before.host, before.username, False, before.granted
    elif server is None:
        host, username, given, granted = None, None, False, False
    else:
        host, username, given = server.host, server.username, server.password is not None
        granted = proof in {"GRANT", "SHARED_GRANT"}
    if username is None or host is None:
        return {"imap.username": "is missing: the sender has no login of its own to read with"}
    kept = before.inbox
    shown = kept is not None and kept.username is None and plain(kept.host) == plain(imap.host)
    if given or granted or shown or _belong_together(host, imap.host):
        return {}
    return {"password": f"is missing: it was not given for {imap.host}; give it again together with that"}


def _belong_together(smtp: str, imap: str) -> bool:
    smtp, imap = plain(smtp), plain(imap)
    return smtp == imap or any((known.smtp.host, known.imap.host) == (smtp, imap) for known in KNOWN)


def port_of(imap: ImapServer) -> int:
    return _PORTS[imap.security] if imap.port is None else imap.port


async def keep(
    conn: Conn, box: SecretBox, workspace_id: int, sender_id: int, imap: ImapServer | None, before: Before
) -> None:
    """Keep the server that the sender is read at from now on; it was found right."""
    password = imap and imap.password
    params: dict[str, Any] = {
        "workspace_id": workspace_id,
        "sender_id": sender_id,
        "imap_host": imap and imap.host,
        "imap_port": imap and port_of(imap),
        "imap_security": imap and imap.security,
        "imap_username": imap and imap.username,
        "imap_password": password and box.seal(password, imap_password_place(sender_id)),
        "keep_password": imap is not None and imap.username is not None and keeps_password(imap, before),
    }
    await conn.execute(sql.set_inbox, params)


async def share(conn: Conn, workspace_id: int, sender_id: int) -> None:
    """A new sender of a mailbox that is connected is read where the mailbox's others are."""
    await conn.execute(sql.share_inbox, {"workspace_id": workspace_id, "sender_id": sender_id})
