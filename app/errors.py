"""Errors of the domain, which carry their facts. No HTTP: `app.http.errors` alone maps them to status codes."""

from __future__ import annotations

from collections.abc import Sequence


class AppError(Exception):
    """A failure the caller can understand and act on.

    `code` is a stable word for programs, `detail` a sentence for people.
    """

    code = "error"
    retry_s: int | None = None  # in how many seconds the same request may work

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(AppError):
    """The thing is not there, or not this workspace's: the two are not told apart."""

    code = "not_found"


class Conflict(AppError):
    """The request is sound but the state does not allow it."""

    code = "conflict"


class BeingChanged(Conflict):
    """Others hold what this would change, for longer than a request waits."""

    code = "being_changed"
    retry_s = 2

    def __init__(self, detail: str = "this is being changed by somebody else; try again in a moment") -> None:
        super().__init__(detail)


class PlanChanging(BeingChanged):
    """Others plan for the same sender."""

    code = "plan_changing"

    def __init__(self) -> None:
        super().__init__("the sender's plan is changing; try again in a moment")


class CheckRuns(Conflict):
    """A worker connects to a sender of the workspace already: one at a time, so that no servers hold up others."""

    code = "check_runs"
    retry_s = 15

    def __init__(self, sender_id: int) -> None:
        super().__init__(f"the server of sender {sender_id} is being checked; try again when that is done")


class AnotherAccount(Conflict):
    """The page that asks belongs to another person or workspace than the session it comes with."""

    code = "another_account"


class QuotaReached(Conflict):
    """The workspace has as much as it may have."""

    code = "quota_reached"


class Unauthenticated(AppError):
    """The request has no valid key or session."""

    code = "unauthenticated"


class Forbidden(AppError):
    """The person or key is known and may not do this."""

    code = "forbidden"


class TooMany(AppError):
    """Asked too often; the same request may work in `retry_s` seconds."""

    code = "too_many"

    def __init__(self, detail: str, *, retry_s: int) -> None:
        super().__init__(detail)
        self.retry_s = retry_s


class Unavailable(AppError):
    """Something this answer needs is down or too slow; the same request may work later."""

    code = "unavailable"
    retry_s = 2


class InvalidInput(AppError):
    """One or more fields are wrong.

    `fields` maps the field's wire name (camelCase, dotted into nested values: `recipients`, `body`)
    to a sentence that says what is wrong and what would be right.
    """

    code = "invalid_input"

    def __init__(self, fields: dict[str, str], *, rejected: Sequence[object] = ()) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in fields.items()))
        self.fields = fields
        self.rejected = rejected  # recipients' rows refused on the way here, each with its reason
