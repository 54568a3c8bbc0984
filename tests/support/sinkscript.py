"""How `tests.support.sink` misbehaves: a script in JSON.

A list of rules, `{"at": phase, "when": {...}, "do": ...}`; the first that matches decides. `{phase: do, ...}`
is short for rules without conditions. Phases: connect ehlo starttls auth mail rcpt data dot.

`when`, each part optional, all that are given must hold:
    to           part of a recipient as the envelope writes it, so "<bob@x.test>" is exactly that one. At rcpt
                 the one being named, at data and dot any of the message's; before rcpt none, so no match
    message      number of the message on its connection, from 1, counted at MAIL
    after        this many messages or more were accepted on the connection already
    connection   number of the connection, from 1
    times        the rule fires this often, then no more

`do`:
    "450 4.2.0 busy"            reply so. 2xx and 3xx let the command take effect; 421 closes the connection
    "accept"                    as if there were no rule (shields from the rules below)
    "drop"                      close without an answer
    "hang"                      never answer
    "hold"                      at dot: accept and log, but answer only on the control command `release`
    "drop_after_dot_accepted"   at dot: accept and log, then close without an answer
    "without STARTTLS"          at ehlo: leave that keyword out of the answer
    "with LIMITS MAILMAX=10"    at ehlo: add these words to the answer
    {"slow": 0.5, "then": do}   answer half a second later; the effect of the command, its log line included,
                                does not wait. `then` is "accept" where left out

A provider that allows ten messages a connection:
    [{"at": "mail", "when": {"after": 10}, "do": "421 4.7.0 Too many messages in this connection"}]
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from tests.support.sink import Session

# Replies of servers to those who send much, for tests that let everything happen at random.
MOODS = [
    {"at": "rcpt", "when": {"times": 20}, "do": "450 4.2.0 mailbox busy"},
    {"at": "rcpt", "when": {"times": 10}, "do": "550 5.1.1 no such user"},
    {"at": "dot", "when": {"times": 5}, "do": "drop_after_dot_accepted"},
    {"at": "dot", "when": {"times": 5}, "do": "drop"},
    {"at": "data", "when": {"times": 5}, "do": "drop"},
    {"at": "dot", "when": {"times": 10}, "do": "452 4.3.1 out of space"},
    {"at": "mail", "when": {"after": 5}, "do": "421 4.7.0 Too many messages in this connection"},
    {"at": "mail", "when": {"times": 1}, "do": "421 4.3.2 shutting down"},
    {"at": "rcpt", "when": {"times": 1}, "do": "451 4.7.1 slow down"},
    {"at": "connect", "when": {"times": 1}, "do": "421 4.3.2 too busy"},
]

Phase = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot"]
ScriptError = msgspec.MsgspecError

_REPLY = re.compile(r"[2-5]\d\d ")
_ACTIONS = {"accept", "drop", "hang", "hold", "drop_after_dot_accepted"}
_ONLY_AT = {"hold": "dot", "drop_after_dot_accepted": "dot", "without": "ehlo", "with": "ehlo"}


class When(msgspec.Struct, forbid_unknown_fields=True):
    to: str = ""
    message: int | None = None
    after: int = 0
    connection: int | None = None
    times: int | None = None


class Slow(msgspec.Struct, forbid_unknown_fields=True):
    slow: float
    then: str = "accept"


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    at: Phase
    do: str | Slow
    when: When = msgspec.field(default_factory=When)

    def __post_init__(self) -> None:
        verb = self.action.partition(" ")[0]
        if not (self.action in _ACTIONS or verb in {"with", "without"} or _REPLY.match(self.action)):
            raise ValueError(f"{self.action!r} is no action and no SMTP reply")
        if _ONLY_AT.get(verb, self.at) != self.at:
            raise ValueError(f"{verb!r} makes no sense at {self.at}")

    @property
    def action(self) -> str:
        return self.do.then if isinstance(self.do, Slow) else self.do

    @property
    def delay_s(self) -> float:
        return self.do.slow if isinstance(self.do, Slow) else 0

    @property
    def takes_effect(self) -> bool:
        return self.action not in {"drop", "hang"} and self.action[0] not in "45"

    def matches(self, session: Session, recipients: list[bytes]) -> bool:
        when = self.when
        if (
            when.times == 0
            or when.connection not in (None, session.number)
            or when.message not in (None, session.message)
            or when.after > session.accepted
            or (when.to and not any(when.to.encode() in b"<%b>" % to for to in recipients))
        ):
            return False
        if when.times:
            when.times -= 1
        return True


def parse_script(text: str | bytes) -> dict[str, list[Rule]]:
    """Rules by phase, in the order written. Raises ScriptError saying what is wrong."""
    script = msgspec.json.decode(text)
    if isinstance(script, dict):
        script = [{"at": phase, "do": action} for phase, action in script.items()]
    by_phase: dict[str, list[Rule]] = {}
    for rule in msgspec.convert(script, list[Rule]):
        by_phase.setdefault(rule.at, []).append(rule)
    return by_phase
