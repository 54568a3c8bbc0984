"""Claims on emails, and reports of what became of them: what a worker and the ledger trade."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from app.mail.refusals import Refusal

Outcome = Literal["ACCEPTED", "REJECTED", "DEFERRED", "RELEASED", "UNKNOWN"]


class Claimant(NamedTuple):
    """A worker (by its token) that trades for one sender."""

    token: UUID
    workspace_id: int
    sender_id: int

    def parameters(self) -> dict[str, Any]:
        return self._asdict()


class Claim(NamedTuple):
    """An email that is ours to send."""

    id: int
    campaign_id: int
    content_version: int
    recipient: str
    fields: dict[str, str]
    retry_count: int
    attempts: int
    scheduled_at: datetime
    claimed_at: datetime
    message_id: str | None
    probe: bool = False  # the sender or the campaign is held: this one shows whether it still has to be
    step_id: int | None = None  # of one that follows another


class Report(msgspec.Struct, omit_defaults=True):
    """The outcome of a claim. UNBEGUN: nothing was tried, it goes back as if never claimed.

    A report names its claim by `id` and `claimed_at`. With a `refusal`, `kind` and `again_in_s` are for the judge to
    say; `ended` is when the reply came, by time.monotonic(). `command` is where the conversation ended (MAIL, RCPT,
    DATA, or `.` for the reply to the message), `again_in_s` when a RELEASED email is due next (None: when it was),
    `content_version` which text of the campaign it was made from; `dead`: the recipient's mailbox does not exist.
    """

    id: int
    kind: Outcome | Literal["UNBEGUN"]
    command: str | None = None
    code: int | None = None
    enhanced_code: str | None = None
    reply: str | None = None
    duration_ms: int | None = None
    server: str | None = None
    message_id: str | None = None
    again_in_s: float | None = None
    content_version: int | None = None
    claimed_at: datetime | None = None
    refusal: Refusal | None = None
    probe: bool = False
    retried: bool = False  # it had been tried before
    dead: bool = False
    ended: float | None = None
