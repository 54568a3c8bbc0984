"""The parts of a campaign's messages beside their text, as somebody asks for them: own headers, copies, files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from app.bounds import Bounds
from app.errors import InvalidInput
from app.mail.addresses import InvalidAddress, key, needs_smtputf8, normalize
from app.mail.header_lines import LONGEST_LINE

COPIES = Bounds(0, 5)  # Cc and Bcc together
HEADERS = Bounds(0, 10)
ATTACHMENTS = Bounds(0, 20)
ENCLOSED_BYTES = 10_000_000  # of attachments and pictures together

_NAME = re.compile(r"X-[A-Za-z0-9][A-Za-z0-9-]{0,70}", re.IGNORECASE)
# Headers that mail servers write and read among themselves, that make a message look like one that they have seen, or
# that tell providers of further recipients, whom nothing here would count or leave out.
_OF_SERVERS = re.compile(
    r"X-(Received|Spam|Virus|Original|Forwarded|Envelope|Delivered|Apparently|Auth|Google|Gm-|MS-|Microsoft|Forefront|"
    r"Exchange|YMail|Yahoo|Amavis|Rspamd|Failed|Loop|BeenThere|Sender|Return|Reach-?Inbox|"
    r"B?Cc$|Rcpt|SMTPAPI|MC-Bcc|Mailgun-Recipient)",
    re.IGNORECASE,
)


def addressed(given: Mapping[str, Any], internal: Collection[str] = ()) -> dict[str, Any]:
    """`reply_to`, `cc` and `bcc` of `given`, those that are there, with addresses as the ledger has them. `internal`:
    domains of the operator's network. Raises InvalidInput.
    """
    made: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field, name in (("reply_to", "replyTo"), ("cc", "cc"), ("bcc", "bcc")):
        value = given.get(field, msgspec.UNSET)
        if value is msgspec.UNSET:
            continue
        texts: Sequence[str] = ([value] if value else []) if field == "reply_to" else value
        addresses: list[str] = []
        for text in texts:
            try:
                addresses.append(_address(text, internal))
            except InvalidAddress as error:
                wrong[name] = f'has "{text[:100]}": {error.reason}' if field != "reply_to" else error.reason
        made[field] = (addresses or [None])[0] if field == "reply_to" else addresses
    if wrong:
        raise InvalidInput(wrong)
    return made


def _address(text: str, internal: Collection[str]) -> str:
    address = normalize(text, internal)
    if needs_smtputf8(address):
        raise InvalidAddress("The part before the @-sign has to be ASCII here: not every server takes another.")
    return address


def wrong_with(headers: Mapping[str, str], cc: Sequence[str], bcc: Sequence[str]) -> dict[str, str]:
    """The errors of copies, headers and the reply address, by field; values of headers are templates that parse."""
    wrong: dict[str, str] = {}
    if not COPIES.allow(len(cc) + len(bcc)):
        wrong["cc"] = f"and bcc are {len(cc) + len(bcc)} together; {COPIES.most} are the most"
    elif len({key(address) for address in (*cc, *bcc)}) < len(cc) + len(bcc):
        wrong["cc"] = "and bcc have an address twice"
    if not HEADERS.allow(len(headers)):
        wrong["headers"] = f"are {len(headers)}; {HEADERS.most} are the most"
    elif len({name.lower() for name in headers}) < len(headers):
        wrong["headers"] = "have a name twice"
    else:
        wrong |= {f"headers.{name[:80]}": why for name, text in headers.items() if (why := _wrong_header(name, text))}
    return wrong


def _wrong_header(name: str, text: str) -> str:
    if not _NAME.fullmatch(name):
        return "is no name for a header of your own: X- and then letters, digits and hyphens, 74 characters at most"
    if _OF_SERVERS.match(name):
        return "is a name that mail servers use themselves; take another"
    if any(c in text for c in "\r\n\0"):
        return "has a line break; a header is one line"
    if not text.strip():
        return "is empty; write something or leave the header out"
    if len(name) + 2 + len(text) > LONGEST_LINE and "{" not in text:
        return f"would be longer than {LONGEST_LINE} characters, which is the most of a line"
    return ""
