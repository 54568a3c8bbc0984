"""An email that failed goes to a corrected address: as an email of its own, of the same campaign and step.

The one that failed stays as it was, with its attempts; nobody is asked about it any more, and it is not retried.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

import msgspec
from psycopg.errors import UniqueViolation

from app.bounds import Bounds
from app.db import Conn, Pool, Row, fetch_exactly_one, fetch_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.campaigns.campaigns import lock_campaign
from app.domain.ledger import decisions, streams
from app.domain.ledger.emails import Email, as_read, read_email
from app.domain.suppressions import held
from app.domain.workspaces import audit
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import defer_wake_up
from app.mail.addresses import InvalidAddress, key, normalize
from app.sql import queries

sql = queries(__name__)

CORRECTIONS = Bounds(1, 200)  # each a transaction


class Correction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The email that failed, and where it should have gone."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    email: str


class NotMended(msgspec.Struct, frozen=True):
    """A correction that could not be made, and why."""

    id: int
    email: str
    reason: str


class Mended(msgspec.Struct):
    """How many emails went to corrected addresses, and which did not."""

    mended: int
    refused: list[NotMended]


async def mend(
    pool: Pool, workspace_id: int, correction: Correction, actor: Actor, internal: Collection[str] = ()
) -> Email:
    """The new email. `internal`: domains of the operator's network. Raises InvalidInput, NotFound, Suppressed, and
    Conflict where nothing is sent any more, or the address is among the campaign's already.
    """
    try:
        address = normalize(correction.email, internal)
    except InvalidAddress as error:
        raise InvalidInput({"email": error.reason}) from None
    try:
        async with transaction(pool, workspace_id) as conn:
            made = await _mend(conn, workspace_id, correction.id, address)
            await audit.record(conn, actor, workspace_id, "email.mended", f"emails/{correction.id} (emails/{made})")
            email = await read_email(conn, workspace_id, made)
    except UniqueViolation:  # somebody else was faster
        raise _is_there(address) from None
    return await as_read(email, workspace_id)


async def mend_many(
    pool: Pool, workspace_id: int, corrections: Sequence[Correction], actor: Actor, internal: Collection[str] = ()
) -> Mended:
    """Each by itself: one that cannot be made keeps no other from it. Raises InvalidInput for none or too many."""
    if not CORRECTIONS.allow(len(corrections)):
        raise InvalidInput({"corrections": f"give {CORRECTIONS}"})
    told = Mended(0, [])
    for each in corrections:
        try:
            await mend(pool, workspace_id, each, actor, internal)
            told.mended += 1
        except (Conflict, NotFound, InvalidInput) as error:
            why = error.fields["email"] if isinstance(error, InvalidInput) else str(error)
            told.refused.append(NotMended(each.id, each.email, why))
    return told


async def _mend(conn: Conn, workspace_id: int, email_id: int, address: str) -> int:
    params = {"workspace_id": workspace_id, "email_id": email_id, "address": address}
    found = await fetch_one(conn, sql.campaign_of, params)
    if found is None:
        raise NotFound(f"no email {email_id}")
    await held.owe_something(conn, workspace_id)
    campaign = await lock_campaign(conn, workspace_id, found["campaign_id"])
    email = await fetch_one(conn, sql.to_mend, params)
    if email is None:
        raise NotFound(f"no email {email_id}")
    _check(email, address)
    decisions.check_campaign(campaign, "SCHEDULED")
    await held.check(conn, workspace_id, address)
    made = await fetch_exactly_one(conn, sql.mend_email, params)
    await streams.settle(conn, workspace_id, campaign["stream_ids"])
    await defer_wake_up(conn, made["sender_id"])
    return made["id"]


def _check(email: Row, address: str) -> None:
    """Raises Conflict."""
    if email["status"] != "FAILED":
        raise Conflict(f"the email is {email['status']}; this is for a FAILED one")
    if email["direct"]:
        raise Conflict("it was written by hand to one recipient; write it anew")
    if email["erased"]:
        raise Conflict("the recipient was erased: nothing is sent in their place")
    if email["settled"] == "MENDED":
        raise Conflict(f"it went to a corrected address already, as email {email['mended_as']}")
    if email["why"] is not None:
        raise Conflict(f"the campaign writes to {email['recipient']} no more: {decisions.STOPPED[email['why']]}")
    if email["step_removed"]:
        raise Conflict(decisions.STEP_REMOVED)
    if email["domain_answered"]:
        raise Conflict(f"the campaign writes to nobody at the domain of {address} any more: somebody there answered")
    if key(address) == key(email["recipient"]):
        raise Conflict(f"{address} is the address that failed; correct it, or retry the email")
    if email["is_there"]:
        raise _is_there(address)


def _is_there(address: str) -> Conflict:
    return Conflict(f"{address} is among the campaign's recipients already")
