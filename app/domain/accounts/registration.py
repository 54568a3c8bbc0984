"""Registration, for those who may have an account: the first of an installation, anybody while registration is open,
the invited.

The first account administers the installation. Later ones need open registration (ALLOW_REGISTRATION) or an
invitation: the administrator's to the installation, or a workspace owner's into the workspace.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from app.db import Conn, Pool, Row, fetch_all, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts import attempts, sessions
from app.domain.accounts.actor import Actor
from app.domain.accounts.passwords import check_password, hash_new_password
from app.domain.accounts.tokens import digest, new_token
from app.domain.accounts.users import (
    Terms,
    User,
    any_admin,
    check_email,
    insert_user,
    needs_admin,
    read_user,
    taken,
    user_of,
)
from app.domain.pages import Page, PageRequest, page_of
from app.domain.workspaces import audit, invitations
from app.errors import Forbidden, NotFound
from app.sql import queries

sql = queries(__name__)
INVITATION_S = 7 * 24 * 3600
PER_INSTALLATION = 1000  # accounts in a quarter of an hour
NO_INVITATION = "this invitation is not, or no longer, valid for this address; ask for a new one"


class Invitation(msgspec.Struct, rename="camel"):
    """`email` None: for whoever has the link. `token` is there only when it has just been made."""

    id: int
    email: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    token: str | msgspec.UnsetType = msgspec.UNSET


async def admin_is_missing(pool: Pool) -> bool:
    """Whether the first account is still to be made."""
    async with transaction(pool) as conn:
        return not await any_admin(conn)


async def register(
    pool: Pool, terms: Terms, actor: Actor, email: str, password: str, invitation: str | None
) -> tuple[User, str]:
    """Make an account and log in; returns the session's token too.

    It is counted, and whatever `admit` would refuse is refused, before the password is hashed, which is what costs.
    Raises InvalidInput, Forbidden, Conflict, TooMany, Unavailable.
    """
    email = check_email(email)
    check_password(password, "password")
    await attempts.count_visitor(pool, actor, "register")
    async with transaction(pool) as conn:
        await _find_way_in(conn, terms, email, invitation, first=not await any_admin(conn))
        if await read_user(conn, email) is not None:
            raise taken(email)
    await attempts.count(pool, actor, "register", "all", PER_INSTALLATION)
    hashed = await hash_new_password(password, "password", actor.place(email), email)
    async with transaction(pool) as conn:
        user = await admit(conn, terms, actor, email, hashed, invitation)
        await audit.record(conn, actor.of(user.id), None, "account.created")
        return user, await sessions.begin(conn, user.id, actor, user.workspace_id)


async def admit(
    conn: Conn,
    terms: Terms,
    actor: Actor,
    email: str,
    password_hash: str | None,
    invitation: str | None,
    *,
    proven: bool = False,
) -> User:
    """A new account for those who may have one: the administrator to be, the invited, anybody while registration is
    open. A person invited into a workspace is a member of that one. Raises Forbidden, Conflict.
    """
    first = await needs_admin(conn)
    way_in = await _find_way_in(conn, terms, email, invitation, first=first)
    into = None if invitation is None else await _use(conn, invitation, way_in, email)
    user = await insert_user(
        conn,
        terms.box,
        email,
        password_hash,
        is_admin=first,
        proven=proven or first,
        default_hourly_limit=terms.default_hourly_limit,
    )
    if into is None:
        return user
    workspace_id = await invitations.join(conn, actor.of(user.id), into)
    found = await read_user(conn, email, workspace_id)
    assert found is not None  # noqa: S101 -- it has just been made
    return user_of(found)


async def _find_way_in(conn: Conn, terms: Terms, email: str, invitation: str | None, *, first: bool) -> int | None:
    """The id of the invitation to the installation; None: it is one into a workspace, or none is needed.

    Raises Forbidden for those who may have no account.
    """
    if invitation is None:
        if not first and not terms.registration_open:
            raise Forbidden("registration is closed; ask the administrator for an invitation")
        return None
    row = await fetch_one(conn, sql.open_invitation, {"token_sha256": digest(invitation), "email": email})
    if row is None and await invitations.find_open(conn, invitation, email) is None:
        raise Forbidden(NO_INVITATION)
    return None if row is None else int(row["id"])


async def _use(conn: Conn, invitation: str, way_in: int | None, email: str) -> Row | None:
    """Use the invitation up that `_find_way_in` found; where it leads, if into a workspace. Raises Forbidden."""
    if way_in is not None:
        used, into = await fetch_one(conn, sql.use_invitation, {"invitation_id": way_in}), None
    else:
        used = into = await invitations.take(conn, invitation, email)
    if used is None:
        raise Forbidden(NO_INVITATION)
    return into


async def invite(pool: Pool, actor: Actor, email: str | None) -> Invitation:
    """A link for one new account, valid for a week. Raises InvalidInput."""
    email = None if email is None else check_email(email)
    token = new_token()
    params = {"token_sha256": digest(token), "user_id": actor.user_id, "email": email, "for_s": INVITATION_S}
    async with transaction(pool) as conn:
        row = await fetch_exactly_one(conn, sql.insert_invitation, params)
        await audit.record(conn, actor, None, "invitation.created", f"invitations/{row['id']}")
    return Invitation(**row, token=token)


async def list_invitations(pool: Pool, page: PageRequest) -> Page[Invitation]:
    """Newest first."""
    before = page.check()
    async with transaction(pool) as conn:
        rows = await fetch_all(conn, sql.list_invitations, {"before": before, "limit": page.limit + 1})
    return page_of([Invitation(**row) for row in rows], [row["id"] for row in rows], page.limit)


async def revoke_invitation(pool: Pool, actor: Actor, invitation_id: int) -> None:
    """Raises NotFound for one that is not there or used already."""
    async with transaction(pool) as conn:
        if await fetch_one(conn, sql.revoke_invitation, {"invitation_id": invitation_id}) is None:
            raise NotFound(f"no open invitation {invitation_id}")
        await audit.record(conn, actor, None, "invitation.revoked", f"invitations/{invitation_id}")


async def revoke_invitations_by(conn: Conn, actor: Actor, user_id: int) -> None:
    """Those to the installation that somebody made, and nobody has used."""
    for row in await fetch_all(conn, sql.revoke_invitations_by, {"user_id": user_id}):
        await audit.record(conn, actor, None, "invitation.revoked", f"invitations/{row['id']}")
