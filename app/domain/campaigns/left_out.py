"""Staged recipients who get no email though nothing is wrong with the row: suppressed, or written to before."""

from __future__ import annotations

from typing import Any, NamedTuple

from app.db import Conn
from app.domain.campaigns import earlier
from app.domain.campaigns.draft import Draft
from app.domain.campaigns.earlier import Earlier
from app.domain.campaigns.staging import leave_out
from app.domain.recipients.lists import RecipientList
from app.domain.suppressions import held
from app.domain.suppressions.held import FirstLook


class TakenOut(NamedTuple):
    """By why."""

    suppressed: FirstLook
    earlier: Earlier

    def heard(self) -> dict[str, Any]:
        """As an answer tells it."""
        return {
            "suppressed": len(self.suppressed.numbers),
            "suppressed_rows": self.suppressed.shown,
            "earlier": len(self.earlier.numbers),
            "earlier_rows": self.earlier.shown,
        }


async def take_out(conn: Conn, workspace_id: int, draft: Draft, recipients: RecipientList) -> TakenOut:
    """Take them out of the stage and of `recipients`. A recipient who is suppressed counts as that alone.

    Raises InvalidInput when nobody is left, and for a campaign to leave out that is not there.
    """
    suppressed = await held.first_look(conn, workspace_id)
    before = await earlier.take_out(conn, workspace_id, draft)
    taken, shown = [*suppressed.numbers, *before.numbers], [*suppressed.shown, *before.shown]
    why = "is suppressed or was written to before" if before.numbers else "is suppressed"
    await leave_out(conn, recipients, taken, shown, why)
    return TakenOut(suppressed, before)
