"""One recipient is erased for good, over all campaigns of a workspace.

A placeholder takes the address's place, so the ledger still adds up and campaigns still say what became of their
emails; who they went to is nowhere any more. An erased email is never sent again: the database refuses it.

It does not by itself keep the address from being written to in later campaigns. A suppression does: that stays, known
by a digest of the address alone, which is pseudonymous and not anonymous.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.db import Pool, fetch_all, fetch_exactly_one, transaction
from app.domain.accounts.actor import Actor
from app.domain.campaigns import kept_drafts
from app.domain.campaigns.campaigns import lock_campaign
from app.domain.ledger import streams
from app.domain.planning import changes
from app.domain.recipients import saved_lists, stored_lists
from app.domain.recipients.personal_data import address_of, emails_to, parameters
from app.domain.workspaces import audit
from app.sql import queries

sql = queries(__name__)

ERASED = "(erased: it named a recipient)"  # in the place of what a server said


class Erased(msgspec.Struct, rename="camel"):
    """How many emails were erased, and how many of these waited and are CANCELLED now. `lists` that had the address in
    them are removed; out of `saved_lists` the address is. Of so many campaigns it got `copies`, or answers.

    `being_sent` are at an SMTP server this moment and not erased yet: ask again in a minute, until it is 0.
    """

    emails: int
    cancelled: int
    sandbox_messages: int
    responses: int
    lists: int
    saved_lists: int
    copies: int
    being_sent: int


async def erase(pool: Pool, workspace_id: int, email: str, actor: Actor) -> Erased:
    """Erase the address and all that is known of who it belongs to. Repeating it is harmless. Raises InvalidInput.

    Emails come first, so no delivery that is written later names the address, and no campaign waits for what looks
    through tables from end to end. Should this process die in between, the address finds the rest when it is erased
    again: no step needs what an earlier one takes away.
    """
    address = address_of(email)
    found = await emails_to(pool, workspace_id, address)
    params = parameters(workspace_id, address) | {"email": address, "erased": ERASED}
    async with transaction(pool, workspace_id) as conn:
        stream_ids = await streams.lock_of_emails(conn, workspace_id, found)
        emails = await fetch_exactly_one(conn, sql.erase_emails, {"workspace_id": workspace_id, "ids": found})
        await streams.settle(conn, workspace_id, stream_ids)
        await changes.free_room(conn, workspace_id, emails["freed"])
        await audit.record(conn, actor, workspace_id, "recipient.erase", f"{emails['emails']} emails")
    async with transaction(pool, workspace_id) as conn:
        messages = await fetch_exactly_one(conn, sql.erase_sandbox_messages, params)
        responses = await fetch_exactly_one(conn, sql.erase_responses, params)
        await conn.execute(sql.erase_suppression, params)
        await conn.execute(sql.erase_rejects, params)
    copies = await _erase_copies(pool, workspace_id, params)
    await _erase_words(pool, workspace_id, params)
    holding = await stored_lists.holding(pool, workspace_id, params["addresses"])
    async with transaction(pool, workspace_id) as conn:
        removed = await stored_lists.remove(conn, workspace_id, holding)
        saved = await saved_lists.erase(conn, workspace_id, params["addresses"])
    await kept_drafts.erase(pool, workspace_id, params["addresses"], params["pattern"])
    return Erased(
        emails=emails["emails"],
        cancelled=emails["cancelled"],
        sandbox_messages=messages["n"],
        responses=responses["n"],
        lists=removed,
        saved_lists=saved,
        copies=copies,
        being_sent=len(found) - emails["emails"],
    )


async def _erase_copies(pool: Pool, workspace_id: int, params: dict[str, Any]) -> int:
    """The address gets no copy of anything any more; returns of how many campaigns it did."""
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.erase_from_templates, params)
        await conn.execute(sql.erase_from_senders, params)
        await conn.execute(sql.erase_copies_in_answers, params)
        found = [row["id"] for row in await fetch_all(conn, sql.campaigns_with_copies, params)]
    for campaign_id in found:
        one = params | {"campaign_id": campaign_id}
        async with transaction(pool, workspace_id) as conn:
            await lock_campaign(conn, workspace_id, campaign_id)
            await conn.execute(sql.keep_text_with_copies, one)
            await conn.execute(sql.erase_copies, one)
            await conn.execute(sql.erase_former_copies, one)
            await conn.execute(sql.count_copies, one)
    return len(found)


async def _erase_words(pool: Pool, workspace_id: int, params: dict[str, Any]) -> None:
    """Erase what servers said and webhooks were told, each by itself, so that nobody waits for two of them."""
    async with transaction(pool, workspace_id) as conn:
        await conn.execute(sql.lock_webhooks, {"workspace_id": workspace_id})
        await conn.execute(sql.erase_deliveries, params)
        await conn.execute(sql.erase_names_in_deliveries, params)
        await conn.execute(sql.erase_words_in_deliveries, params)
        await conn.execute(sql.erase_words_about_webhooks, params)
    for text in (
        sql.erase_words_about_senders,
        sql.erase_words_about_inboxes,
        sql.erase_words_about_logins,
        sql.erase_words_of_holds,
        sql.erase_words_in_responses,
        sql.erase_words_in_attempts,
    ):
        async with transaction(pool, workspace_id) as conn:
            await conn.execute(text, params)
