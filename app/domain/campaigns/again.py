"""To write again to some of a campaign's recipients: a list of them, made as if it had been uploaded.

Recipients who are suppressed by now, or were erased, are left out. Each batch of the campaign is a transaction.
"""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Literal, cast

from app.db import Pool, fetch_all, fetch_one, transaction
from app.domain import csv_lines
from app.domain.recipients import stored_lists
from app.domain.recipients.stored_lists import IN_MEMORY, StoredList
from app.domain.workspaces.quotas import UNLIMITED, Quotas
from app.errors import Conflict, NotFound
from app.sql import queries

sql = queries(__name__)

BATCH = 2_000  # emails

Who = Literal["EVERYBODY", "ANSWERED", "NOT_ANSWERED", "FAILED"]
_WHO: dict[Who, str] = {
    "EVERYBODY": "Everybody",
    "ANSWERED": "Who answered",
    "NOT_ANSWERED": "Who did not answer",
    "FAILED": "Whose email failed",
}


async def list_of(
    pool: Pool,
    workspace_id: int,
    campaign_id: int,
    who: Who,
    step: int | None = None,
    most: Quotas = UNLIMITED,
    kept_days: int = 0,
) -> StoredList:
    """A list of those recipients of a campaign, or of one `step` (from 1), with their merge fields. What comes back is
    kept for `kept_days`, 0: for good. Raises NotFound, Conflict where there are none, nobody can tell any more who they
    are, or the workspace keeps too many lists.
    """
    params = {"workspace_id": workspace_id, "campaign_id": campaign_id, "who": who, "step": step, "limit": BATCH}
    async with transaction(pool, workspace_id) as conn:
        campaign = await fetch_one(conn, sql.campaign_again, params | {"kept_days": kept_days})
    if campaign is None:
        raise NotFound(f"no campaign {campaign_id}")
    if campaign["emails_removed"]:
        raise Conflict("the campaign's emails are removed for their age: nobody knows any more to whom they went")
    if campaign["answers_removed"] and who in {"ANSWERED", "NOT_ANSWERED"}:
        raise Conflict(
            f"the campaign began more than {kept_days} days ago, and what came back is kept no longer: nobody knows "
            "any more who answered"
        )
    fields = [field for field in campaign["fields"] if field != "email"]
    found = 0
    with SpooledTemporaryFile[bytes](IN_MEMORY) as file:
        file.write(csv_lines.line(("email", *fields)))
        after = 0
        while True:
            async with transaction(pool, workspace_id) as conn:
                rows = await fetch_all(conn, sql.recipients_again, params | {"after": after})
            those = [row for row in rows if row["fits"]]
            found += len(those)
            file.write(b"".join(csv_lines.line((row["recipient"], *map(row["fields"].get, fields))) for row in those))
            if len(rows) < BATCH:
                break
            after = rows[-1]["id"]
        if not found:
            raise Conflict("nobody of the campaign is left to write to: none fits, or they are suppressed")
        file.seek(0)
        name = f"{_WHO[who]}: {campaign['name']}"[:200]
        return await stored_lists.store_csv(pool, workspace_id, name, cast(BinaryIO, file), most)
