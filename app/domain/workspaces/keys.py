"""API keys: for programs, with a name, scopes and an end; shown once, kept as a digest, recognised by their beginning.

A scope allows what it says and nothing else: `read` every GET, `send` campaigns, emails and senders, `admin` what
owners keep (members, keys, webhooks, erasing a recipient) and the installation's accounts. A key opens one workspace,
with the role that its maker has there now and never more than its scopes, and nothing of its maker's own account.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from app.bounds import LABEL, YEARS
from app.db import Conn, Pool, Row, fetch_all, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.accounts.tokens import digest, new_token
from app.domain.accounts.users import User, user_of
from app.domain.pages import Page, PageRequest, page_of
from app.domain.workspaces import audit, quotas
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from app.sql import queries

sql = queries(__name__)

Scope = Literal["read", "send", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "send", "admin")
MARK = "rib_"  # so that a leaked key is recognised as one
SHOWN = len(MARK) + 6


class Maker(msgspec.Struct):
    """The person who made a key."""

    id: int
    email: str


class ApiKey(msgspec.Struct, rename="camel"):
    """`prefix` is how the key begins. `key` is there only when it has just been made."""

    id: int
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    made_by: Maker
    key: str | msgspec.UnsetType = msgspec.UNSET


class Holder(NamedTuple):
    """The maker of a key, in its workspace, and the scopes that it allows."""

    user: User
    scopes: frozenset[Scope]


async def create(
    pool: Pool,
    actor: Actor,
    workspace_id: int,
    name: str,
    scopes: list[Scope] | None = None,
    expires_at: datetime | None = None,
    most: Quotas = UNLIMITED,
) -> ApiKey:
    """A key of 256 bits. Raises InvalidInput, QuotaReached, and Forbidden for a maker who is no member any more."""
    wrong: dict[str, str] = {}
    if not name.strip() or not LABEL.allow(len(name)) or "\0" in name:
        wrong["name"] = f"give {LABEL} characters"
    if scopes is not None and not scopes:
        wrong["scopes"] = f"is empty; give some of {', '.join(SCOPES)}"
    if expires_at is not None and expires_at.utcoffset() is None:
        wrong["expiresAt"] = "has no offset from UTC; write 2030-01-31T09:00:00+01:00 or end it with Z"
    elif expires_at is not None and not YEARS.allow(expires_at.year):
        wrong["expiresAt"] = f"is out of range; give a time in the years {YEARS.least} to {YEARS.most}"
    if wrong:
        raise InvalidInput(wrong)
    key = MARK + new_token()
    async with transaction(pool) as conn:  # the service's, which sees who made it
        await quotas.check_keys(conn, workspace_id, most)
        row = await fetch_one(
            conn,
            sql.insert_api_key,
            {
                "workspace_id": workspace_id,
                "made_by": actor.user_id,
                "key_sha256": digest(key),
                "name": name,
                "prefix": key[:SHOWN],
                "scopes": sorted(set(scopes or SCOPES)),
                "expires_at": expires_at,
            },
        )
        if row is None:
            raise Forbidden("you are no member of the workspace any more")
        await audit.record(conn, actor, workspace_id, "key.created", f"keys/{row['id']}")
    return _api_key(row, key)


async def create_key(pool: Pool, actor: Actor, workspace_id: int, name: str) -> str:
    """A key that may do everything and does not expire: the key itself, shown this once."""
    made = await create(pool, actor, workspace_id, name)
    assert isinstance(made.key, str)  # noqa: S101 -- it has just been made
    return made.key


async def list_keys(pool: Pool, workspace_id: int, page: PageRequest) -> Page[ApiKey]:
    """Newest first, revoked ones included: they say what has been."""
    before = page.check()
    async with transaction(pool) as conn:
        params = {"workspace_id": workspace_id, "before": before, "limit": page.limit + 1}
        rows = await fetch_all(conn, sql.list_api_keys, params)
    return page_of([_api_key(row) for row in rows], [row["id"] for row in rows], page.limit)


async def revoke(pool: Pool, actor: Actor, workspace_id: int, key_id: int) -> None:
    """From now on the key opens nothing. Raises NotFound."""
    async with transaction(pool, workspace_id) as conn:
        if await fetch_one(conn, sql.revoke_api_key, {"workspace_id": workspace_id, "key_id": key_id}) is None:
            raise NotFound(f"no key {key_id} in use")
        await audit.record(conn, actor, workspace_id, "key.revoked", f"keys/{key_id}")


async def revoke_made_by(conn: Conn, actor: Actor, user_id: int) -> int:
    """Revoke all keys that somebody made, in whichever workspace; how many. Each workspace's log says so."""
    rows = await fetch_all(conn, sql.revoke_keys_of, {"user_id": user_id})
    for row in rows:
        await audit.record(conn, actor, row["workspace_id"], "key.revoked", f"keys/{row['id']}")
    return len(rows)


async def find_holder(pool: Pool, key: str) -> Holder:
    """The holder of the key. Raises Unauthenticated, also when its maker has left the workspace or is disabled."""
    async with pool.connection() as conn:
        row = await fetch_one(conn, sql.use_api_key, {"key_sha256": digest(key)})
    if row is None:
        raise Unauthenticated("this API key is not known, has expired or was revoked, or its maker may not use it")
    return Holder(user_of(row), frozenset(row["scopes"]))


def _api_key(row: Row, key: str | msgspec.UnsetType = msgspec.UNSET) -> ApiKey:
    maker = Maker(row.pop("made_by"), row.pop("email"))
    return ApiKey(**row, made_by=maker, key=key)
