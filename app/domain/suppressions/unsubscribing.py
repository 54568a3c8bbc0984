"""Acts of recipients by the link in an email, by which alone they are known: to unsubscribe, and to take that back.

A link works for as long as its workspace is there: once the email is removed or its recipient erased, too, when the
digest in its token is all that is left to know them by.
"""

from __future__ import annotations

from typing import NamedTuple

from app.db import Conn, Pool, Row, fetch_one, transaction
from app.domain.accounts import attempts
from app.domain.accounts.actor import Actor
from app.domain.operations import installation
from app.domain.suppressions.suppress import suppress
from app.domain.suppressions.suppress import withdraw as take_back
from app.errors import NotFound
from app.mail.opaque import DIGEST_BYTES, Linked, Links
from app.sql import queries
from app.turns import Turns

sql = queries(__name__)

# A request that suppresses waits for others of the workspace, and holds a connection meanwhile.
_turns = Turns(3, of_one=1)
_NOBODY = Linked(0, 0, bytes(DIGEST_BYTES))


class Asked(NamedTuple):
    """The matter of a link; without `sender` and `recipient` where the email is gone. `is_over`: the recipient has said
    that they want no more; `may_withdraw`: by this very link, within a day.
    """

    sender: str | None
    recipient: str | None
    is_over: bool
    may_withdraw: bool


class UnknownLink(NotFound):
    """Broken, or of a workspace that is gone: nobody learns which."""

    def __init__(self) -> None:
        super().__init__("this link is not valid")


class _Found(NamedTuple):
    """`is_done`: they have unsubscribed, by whichever link, and no correction of a response takes that back."""

    linked: Linked
    recipient: str | None
    asked: Asked
    is_done: bool


async def look(pool: Pool, actor: Actor, token: str) -> Asked:
    """Changes nothing. Raises UnknownLink, and TooMany for whoever has followed many of such."""
    return (await _find(pool, actor, token)).asked


async def unsubscribe(pool: Pool, actor: Actor, token: str) -> Asked:
    """Harmless when repeated. Raises as `look` does."""
    found = await _find(pool, actor, token)
    if found.is_done:  # whoever has a link could else keep the workspace's others waiting
        return found.asked
    async with _turns.take(found.linked.workspace_id), transaction(pool) as conn:
        await conn.execute(sql.wait_longer)
        await suppress(
            conn,
            found.linked.workspace_id,
            emails=() if found.recipient is None else [found.recipient],
            keys=[found.linked.digest] if found.recipient is None else (),
            reason="UNSUBSCRIBED",
            email_id=found.linked.email_id,
        )
        return await _asked_again(conn, found.linked)


async def withdraw(pool: Pool, actor: Actor, token: str) -> Asked:
    """ "That was a mistake", within a day of it; what was cancelled stays so. Raises as `look` does, and TooMany for a
    link by which that is said again and again.
    """
    linked = (await _find(pool, actor, token)).linked
    await attempts.count(pool, actor, "link", f"undo:{linked.email_id}", attempts.PER_ACCOUNT)
    async with _turns.take(linked.workspace_id), transaction(pool) as conn:
        await conn.execute(sql.wait_longer)
        await take_back(conn, linked.workspace_id, key=linked.digest, email_id=linked.email_id)
        return await _asked_again(conn, linked)


async def _find(pool: Pool, actor: Actor, token: str) -> _Found:
    """Broken tokens are looked up, too, so that they take as long; and only they are counted: of a large provider's
    servers, which follow the links of all its users, there are few.
    """
    async with transaction(pool) as conn:
        linked = Links("", await installation.keys(conn)).read(token) or _NOBODY
        row = await fetch_one(conn, sql.linked, linked._asdict())
    if row is None:
        await attempts.count_visitor(pool, actor, "link")
        raise UnknownLink
    return _Found(linked, row["recipient"], _asked(row), row["is_done"])


async def _asked_again(conn: Conn, linked: Linked) -> Asked:
    """Raises UnknownLink, where the workspace was deleted meanwhile."""
    row = await fetch_one(conn, sql.linked, linked._asdict())
    if row is None:
        raise UnknownLink
    return _asked(row)


def _asked(row: Row) -> Asked:
    sender = f"{row['display_name']} <{row['sender']}>" if row["display_name"] else row["sender"]
    return Asked(sender, masked(row["recipient"]), row["is_over"], row["may_withdraw"])


def masked(address: str | None) -> str | None:
    """As its owner knows it again, and nobody who does not know it finds it out."""
    if address is None:
        return None
    local, _, domain = address.rpartition("@")
    return f"{local[0]}…@{domain}"
