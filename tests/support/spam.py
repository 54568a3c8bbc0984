"""`make check-spam`: what SpamAssassin (Debian's) says of messages as we build them. None of its points may be ours.

The rules run as they are delivered, without the network and without what one installation has learned: what is left
looks at the message alone, and so at what we wrote.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from app.mail.document import Written, make
from app.mail.message import MessageBuilder
from app.mail.opaque import Keys, Links, MessageIds

READY = "our new timetable is ready. You find it beside the door of the office."
TEXT = f"Hello {{{{ first_name }}}},\n\n{READY}\n\nKind regards\nAnn\n"
HTML = f"<p>Hello {{{{ first_name }}}},</p><p>{READY}</p>"
LONG = "A sentence that goes on in one line, as people write paragraphs, without any break. " * 20
SITE = "https://www.example.com"
LINKS = f'Look at <a href="{SITE}/timetable">the timetable</a> or <a href="{SITE}/team">us</a>.'
UMLAUTS = "Grüße aus Köln: Öffnungszeiten, Straße, Größe. Schöne Übergänge für alle, die täglich zu Fuß gehen.\n"
CASES: dict[str, dict[str, Any]] = {
    "text": {"body": TEXT},
    "HTML": {"body": "", "body_html": HTML},
    "both": {"body": TEXT, "body_html": HTML},
    "umlauts": {"body": UMLAUTS, "body_html": f"<p>{UMLAUTS}</p>", "subject": "Schöne Grüße", "language": "de"},
    "long lines": {"body": LONG, "body_html": f"<p>{LONG}</p>"},
    "links": {"body": "", "body_html": f"<p>{LINKS}</p>{HTML}"},
    "other letters": {"body": "Добрый день, расписание готово.\n" * 5, "subject": "Расписание", "language": "ru"},
}
# Of the way that a message took, and of the sender's domain: neither is ours to write.
NOT_OURS = {"NO_RECEIVED", "NO_RELAYS", "MISSING_HB_SEP"}
_RULE = re.compile(r"^\s*(-?\d+\.\d)\s+([A-Z0-9_]+)\s", re.MULTILINE)


def message(unsubscribe: str, fields: dict[str, Any]) -> bytes:
    keys = Keys(os.urandom(32), os.urandom(32), os.urandom(32))
    asked = {"subject": "The new timetable", "body_html": None, "language": None} | fields
    made = make(None, Written(asked["subject"], asked["body"], asked["body_html"] or "", asked["language"]))
    builder = MessageBuilder(
        from_address="ann@example.com",
        display_name="Ann Lee",
        one_click=True,
        unsubscribe=unsubscribe,  # pyright: ignore[reportArgumentType]
        **asked | {"body": made.body, "body_html": made.body_html or None},
    )
    url = Links("https://mail.example.com", keys).unsubscribe(7, 42, "bob@example.org")
    message_id = MessageIds(keys.message).of(7, 42, "example.com")
    built = builder.build("bob@example.org", {"first_name": "Bob"}, message_id, datetime.now(UTC), (), url)
    return built.content


def points(content: bytes) -> dict[str, float]:
    """The rules that the message meets, with what each counts."""
    ended = subprocess.run(  # noqa: S603
        [program(), "--local", "--test-mode", "--cf=use_bayes 0", "--cf=use_auto_whitelist 0"],
        input=content,
        capture_output=True,
        check=True,
    )
    _, _, report = ended.stdout.decode("utf-8", "replace").rpartition("Content analysis details:")
    return {name: float(score) for score, name in _RULE.findall(report) if name not in NOT_OURS}


def program() -> str:
    found = shutil.which("spamassassin")
    if found is None:
        sys.exit("SpamAssassin is not there; install it: apt-get install spamassassin")
    return found


def main() -> None:
    wrong = False
    for name, fields in CASES.items():
        for unsubscribe in ("link", "header", "none"):
            met = points(message(unsubscribe, fields))
            ours = {rule: score for rule, score in met.items() if score > 0}
            wrong = wrong or bool(ours)
            said = ", ".join(f"{rule} {score:g}" for rule, score in ours.items()) or "no point"
            beside = ", ".join(rule for rule, score in met.items() if score <= 0)
            print(f"{name:14} {unsubscribe:7} {said}{f' (told at 0 or less: {beside})' if beside else ''}")
    sys.exit("what we send has points of ours" if wrong else 0)


if __name__ == "__main__":
    main()
