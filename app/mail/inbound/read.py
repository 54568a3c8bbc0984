"""What a message is that came in: the one way in to this package, for `app.killable`.

`read` is pure and total: any bytes give an answer. It says what a message is and whom it names, and not whose answer
it is; that needs the ledger. Precision comes first: a person who quotes a bounce is a person.
"""

from __future__ import annotations

from app.mail.inbound import mime, reports
from app.mail.inbound.bounces import reports_of
from app.mail.inbound.facts import Inbound, Incoming, Kind, Report
from app.mail.inbound.mime import RETURNED


def read(_: None, incoming: Incoming) -> Inbound:
    root = mime.parse(incoming.raw)
    leaves = list(root.leaves())
    returned = [part.returned for part in leaves if part.type in RETURNED]
    complaint = reports.complaint(root)
    told: list[Report] = []
    if complaint is None:
        told = reports_of(root, returned, incoming.written_to)
    kind: Kind = "COMPLAINT" if complaint else _kind(told) if told else "REPLY"
    return Inbound(kind=kind, reports=told, complaint=complaint.feedback_type if complaint else None)


def _kind(told: list[Report]) -> Kind:
    actions = {report.action for report in told}
    return "BOUNCE" if "failed" in actions else "DELAY" if "delayed" in actions else "DELIVERED"
