"""Why an email failed, in the few reasons that a person decides by, made of the many that `inbound.reasons` knows."""

from __future__ import annotations

from collections.abc import Set
from typing import Literal

from app.mail.inbound.facts import Reason
from app.mail.inbound.reasons import reason_of
from app.mail.refusals import SENDING_QUOTA, whose

FailureReason = Literal[
    "UNKNOWN_ADDRESS",  # there is no such mailbox
    "UNKNOWN_DOMAIN",  # there is no such domain, or it takes no mail
    "MAILBOX_FULL",
    "MAILBOX_CLOSED",  # disabled, on hold, or choosy
    "SPAM",  # for what the message says, or where it came from
    "OUR_LOGIN",  # the server does not let the sender's address or login write
    "TOO_FAST",
    "TOO_LARGE",
    "NOT_REACHED",  # the recipient's side had trouble for as long as it was tried
    "NOT_WRITTEN",  # no message could be made for this recipient
    "OTHER",
]
_TELLING = 500  # characters of a reply
_OF_THE_MESSAGE: Set[Reason] = {  # whatever it is said of: else whose a refusal is says more
    *("SPAM_DETECTED", "VIRUS_DETECTED", "CONTENT_ERROR", "BLOCKED", "BAD_REPUTATION"),
}
_REASONS: dict[Reason, FailureReason] = {
    "USER_UNKNOWN": "UNKNOWN_ADDRESS",
    "HAS_MOVED": "UNKNOWN_ADDRESS",
    "HOST_UNKNOWN": "UNKNOWN_DOMAIN",
    "NOT_ACCEPT": "UNKNOWN_DOMAIN",
    "MAILBOX_FULL": "MAILBOX_FULL",
    "SUSPEND": "MAILBOX_CLOSED",
    "ON_HOLD": "MAILBOX_CLOSED",
    "FILTERED": "MAILBOX_CLOSED",
    "MAILER_ERROR": "MAILBOX_CLOSED",
    "SPAM_DETECTED": "SPAM",
    "VIRUS_DETECTED": "SPAM",
    "CONTENT_ERROR": "SPAM",
    "POLICY_VIOLATION": "SPAM",
    "BLOCKED": "SPAM",
    "BAD_REPUTATION": "SPAM",
    "REQUIRE_PTR": "SPAM",
    "REJECTED": "OUR_LOGIN",
    "AUTH_FAILURE": "OUR_LOGIN",
    "SECURITY_ERROR": "OUR_LOGIN",
    "NO_RELAYING": "OUR_LOGIN",
    "TOO_MANY_CONN": "TOO_FAST",
    "SPEEDING": "TOO_FAST",
    "MESG_TOO_BIG": "TOO_LARGE",
    "EXCEED_LIMIT": "TOO_LARGE",
    "EXPIRED": "NOT_REACHED",
    "NETWORK_ERROR": "NOT_REACHED",
    "SYSTEM_ERROR": "NOT_REACHED",
    "NOT_COMPLIANT_RFC": "OTHER",
    "SYNTAX_ERROR": "OTHER",
    "UNDEFINED": "OTHER",
}


def failed_for(
    command: str | None, code: int | None, enhanced: str | None, reply: str | None, *, dead: bool
) -> FailureReason:
    """By the last attempt: `command` is where it ended, None: before it began. `dead`: it was judged then that there
    is no such mailbox.
    """
    if command is None and code is None:
        return "NOT_WRITTEN" if reply else "OTHER"
    telling = (reply or "")[:_TELLING]
    said = reason_of(enhanced, telling, f"{telling} after {command}")
    if dead and _REASONS[said] != "UNKNOWN_DOMAIN":
        return "UNKNOWN_ADDRESS"
    refusal = None if code is None or said in _OF_THE_MESSAGE else whose(code, enhanced, telling)
    if refusal == "THROTTLE" or (refusal == "SENDER" and SENDING_QUOTA.search(telling)):
        return "TOO_FAST"
    if refusal == "SENDER":
        return "OUR_LOGIN"
    if _REASONS[said] == "OTHER" and code is not None and 400 <= code < 500:
        return "NOT_REACHED"
    return _REASONS[said]
