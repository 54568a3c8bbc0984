"""Responses to emails, recorded as a reader of mailboxes records them."""

from __future__ import annotations

from app.db import Pool
from app.domain.inbound import record
from app.domain.inbound.inboxes import Inbox, Place
from app.domain.inbound.matching import Answer, Named
from app.domain.inbound.record import Found
from app.mail.inbound.facts import Inbound, Kind, Report
from app.mail.opaque import Linked
from tests.support.engine import row, rows, value

HARD = Report("r1@example.com", "failed", "hard", "USER_UNKNOWN", 550, "5.1.1", "no such user")


class Came:
    """Puts down what came for emails of one campaign to r1@example.com and the like."""

    def __init__(self, pool: Pool, inbox: Inbox, emails: list[Named]) -> None:
        self.pool, self.inbox, self.emails = pool, inbox, emails
        self._count = 0

    async def back(
        self,
        kind: Kind,
        number: int = 1,
        *,
        weak: bool = False,
        report: Report | None = None,
        text: str = "Yes",
        link: Linked | None = None,
    ) -> int:
        """The response's id."""
        self._count += 1
        email = self.emails[number - 1]
        inbound = Inbound(
            kind, sender=email.recipient, message_id=f"{self._count}@x.example", subject="Re: s", text=text
        )
        found = Found(
            Answer(inbound, email, weak, report, link),
            Place("INBOX", 7, self._count),
            await value(self.pool, "SELECT now()"),
        )
        assert await record.record(self.pool, self.inbox, found)
        return await value(self.pool, "SELECT max(id) FROM responses")

    async def counts(self) -> dict[str, int]:
        found = await row(
            self.pool,
            "SELECT sum(replied) AS replied, sum(auto_replied) AS auto_replied, sum(bounced) AS bounced,"
            " sum(complained) AS complained, sum(unsubscribed) AS unsubscribed FROM streams",
        )
        return {name: count for name, count in found.items() if count}

    async def suppressed(self) -> list[str]:
        return [one["r"] for one in await rows(self.pool, "SELECT reason::text AS r FROM suppressions ORDER BY id")]
