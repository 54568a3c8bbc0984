"""Stopping one recipient in one campaign: what waits for them is not sent, and nothing follows; in other campaigns they
stay.
"""

from __future__ import annotations

from app.db import Pool, transaction
from app.domain.accounts.actor import Actor
from app.domain.ledger import streams
from app.domain.ledger.emails import Email, as_read, read_email
from app.domain.suppressions.suppress import cancel_emails
from app.domain.workspaces import audit
from app.errors import Conflict


async def stop(pool: Pool, workspace_id: int, email_id: int, actor: Actor) -> Email:
    """Raises NotFound, and Conflict when it does not wait and nothing follows."""
    async with transaction(pool, workspace_id) as conn:
        stream_ids = await streams.lock_of_emails(conn, workspace_id, [email_id])
        email = await read_email(conn, workspace_id, email_id)
        if not await cancel_emails(conn, workspace_id, [email_id], stream_ids, "STOPPED"):
            raise Conflict(f"the email is {email.status}; only one that waits, or that another follows, can be stopped")
        await audit.record(conn, actor, workspace_id, "email.stopped", f"emails/{email_id}")
        email = await read_email(conn, workspace_id, email_id)
    return await as_read(email, workspace_id)
