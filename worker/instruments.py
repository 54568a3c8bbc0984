"""The counters and timers of a worker process for Prometheus.

Counters live as long as the process, over all incarnations. Per email there are one counter and two histograms, which
cost about 3 microseconds with the spans and log lines that are off.
"""

from __future__ import annotations

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.collectors import new_registry
from app.domain.inbound.record import ResponseKind
from app.domain.ledger.claims import Outcome
from app.domain.oauth.tokens import Outcome as RefreshOutcome
from app.domain.senders.wire_judge import Judgement
from app.domain.suppressions.suppress import Reason

MILLISECONDS_TO_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

REGISTRY: CollectorRegistry = new_registry("worker")

HANDED_OVER = Counter(
    "reachinbox_emails_handed_over",
    "Tries to hand an email to an SMTP server, by outcome.",
    ("outcome",),
    registry=REGISTRY,
)
# Looked up once, not for each email; and there from the start, so that a first failure shows as an increase.
OUTCOMES = {kind: HANDED_OVER.labels(kind.lower()) for kind in get_args(Outcome)}
LATENESS = Histogram(
    "reachinbox_email_lateness_seconds",
    "How long after its time an email was claimed, by the database's clock.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
    registry=REGISTRY,
)
HANDOVER_DURATION = Histogram(
    "reachinbox_smtp_handover_duration_seconds",
    "From MAIL to the last reply for one email.",
    buckets=(*MILLISECONDS_TO_SECONDS, 10, 30, 60, 300, 600),
    registry=REGISTRY,
)
CONNECT_DURATION = Histogram(
    "reachinbox_smtp_connect_duration_seconds",
    "Connecting to an SMTP server and logging in, when it went well.",
    buckets=(*MILLISECONDS_TO_SECONDS, 10, 30),
    registry=REGISTRY,
)
CONNECTION_FAILURES = Counter(
    "reachinbox_smtp_connection_failures",
    "Connections to SMTP servers that could not be had, by where it went wrong.",
    ("kind",),
    registry=REGISTRY,
)
EXCHANGE_DURATION = Histogram(
    "reachinbox_exchange_duration_seconds",
    "Exchanges of outcomes for new emails with the database.",
    buckets=(*MILLISECONDS_TO_SECONDS, 10),
    registry=REGISTRY,
)
EXCHANGE_CLAIMS = Histogram(
    "reachinbox_exchange_claims",
    "Emails claimed by one exchange.",
    buckets=(0, 1, 2, 5, 10, 20, 50, 100, 200, 500),
    registry=REGISTRY,
)
SUPPRESSED_AT_CLAIM = Counter(
    "reachinbox_emails_suppressed",
    "Emails cancelled as they were to be claimed, since their recipient is suppressed, by the reason of that.",
    ("reason",),
    registry=REGISTRY,
)
SUPPRESSED = {reason: SUPPRESSED_AT_CLAIM.labels(reason.lower()) for reason in get_args(Reason)}
CAMPAIGNS_BRAKED = Counter(
    "reachinbox_campaigns_braked",
    "Campaigns that paused themselves, since too many of their recipients do not exist.",
    registry=REGISTRY,
)
REPORTS_UNRECORDED = Gauge(
    "reachinbox_reports_unrecorded",
    "Reports of outcomes that the database refuses and that are kept until it takes them.",
    registry=REGISTRY,
)
TOKEN_REFRESH = Counter(
    "reachinbox_token_refreshes",
    "Access tokens asked for anew, by what came of it: refreshed, ended (a person has to connect the mailbox again), "
    "refused (the provider's client is set up wrongly), away (the provider is down, slow or busy).",
    ("outcome",),
    registry=REGISTRY,
)
TOKEN_REFRESHES = {outcome: TOKEN_REFRESH.labels(outcome) for outcome in get_args(RefreshOutcome)}
WIRE_CHECK = Counter(
    "reachinbox_wire_checks",
    "Checks of senders by a mail, by the worst that they showed: good, unknown (not told), weak, wrong.",
    ("result",),
    registry=REGISTRY,
)
WIRE_CHECKS = {verdict: WIRE_CHECK.labels(verdict) for verdict in get_args(Judgement)}
INBOX_PASSES = Counter(
    "reachinbox_inbox_passes",
    "Looks through a mailbox, by what came of it: whole, cut_short (the rest follows), failed (for its server), broken "
    "(a fault of the service).",
    ("outcome",),
    registry=REGISTRY,
)
PASSES = {outcome: INBOX_PASSES.labels(outcome) for outcome in ("whole", "cut_short", "failed", "broken")}
WATCHED = Gauge("reachinbox_inboxes_watched", "Mailboxes whose servers say at once what comes.", registry=REGISTRY)
RESPONSE = Counter("reachinbox_responses", "Responses to emails, by kind.", ("kind",), registry=REGISTRY)
RESPONSES = {kind: RESPONSE.labels(kind.lower()) for kind in get_args(ResponseKind) if kind != "FOUND_IN_SENT"}
DOUBT_SETTLED = Counter(
    "reachinbox_doubts_settled",
    "Emails in doubt that Sent told of, by what they became: sent (a copy lies there), resent (none does).",
    ("as",),
    registry=REGISTRY,
)
DOUBTS_SETTLED = {become: DOUBT_SETTLED.labels(become) for become in ("sent", "resent")}
BACK_OFFS = Counter(
    "reachinbox_sender_back_offs",
    "Senders backed off, by what it was for.",
    ("kind",),
    registry=REGISTRY,
)
LANES_OPEN = Gauge("reachinbox_lanes_open", "SMTP connections, open or being opened.", registry=REGISTRY)
LANES_MAX = Gauge("reachinbox_lanes_max", "The most SMTP connections the process may have.", registry=REGISTRY)
SENDER_LOOPS = Gauge("reachinbox_sender_loops", "Senders that are being looked after.", registry=REGISTRY)
HOUSEKEEPING_FAILURES = Counter(
    "reachinbox_housekeeping_failures",
    "Steps of sweeping and cleaning up that failed, and that the next round tries again.",
    ("step",),
    registry=REGISTRY,
)
FOLLOWED = Counter(
    "reachinbox_emails_followed",
    "Emails of later steps that were made as they fell due.",
    registry=REGISTRY,
)
STREAMS_ASLEEP = Counter(
    "reachinbox_streams_asleep",
    "Streams that would have slept past an email of theirs, until a sweep woke them: each is a fault of the service.",
    registry=REGISTRY,
)
SENDER_LOOP_FAILURES = Counter(
    "reachinbox_sender_loop_failures",
    "Looks at a sender that an internal error ended before it could back the sender off.",
    registry=REGISTRY,
)
RESTARTS = Counter(
    "reachinbox_worker_restarts",
    "New beginnings within the process, after Postgres was away or the lease ran out.",
    registry=REGISTRY,
)
