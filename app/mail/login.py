"""Logging in to an SMTP server by a password (RFC 4954): what is said, for whoever has the connection to say it.

One try alone: servers count them, and lock a mailbox out that tried a wrong password by three mechanisms.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection, Generator

# Each line to send, for which the code and the text of the server's reply come back; the last reply says how it went.
Dialogue = Generator[bytes, tuple[int, str], None]


def by_password(offered: Collection[str], username: str, password: str, *, in_the_clear: bool) -> Dialogue | None:
    """None: no mechanism takes a password of those `offered`, in lower case. It raises ValueError where a challenge is
    none.
    """
    # Under TLS the plainest, which all servers know; in the clear, where there is one that does not show the password.
    order = ("cram-md5", "plain", "login") if in_the_clear else ("plain", "login", "cram-md5")
    mechanism = next((mechanism for mechanism in order if mechanism in offered), None)
    return None if mechanism is None else _dialogue(mechanism, username.encode(), password.encode())


def _dialogue(mechanism: str, username: bytes, password: bytes) -> Dialogue:
    if mechanism == "plain":  # RFC 4616
        yield b"AUTH PLAIN " + base64.b64encode(b"\0%b\0%b" % (username, password))
    elif mechanism == "login":
        code, _ = yield b"AUTH LOGIN"
        for answer in (username, password):
            if code == 334:
                code, _ = yield base64.b64encode(answer)
    else:  # RFC 2195
        code, text = yield b"AUTH CRAM-MD5"
        if code == 334:
            digest = hmac.new(password, decoded(text), "md5").hexdigest()
            yield base64.b64encode(username + b" " + digest.encode())


def decoded(challenge: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(challenge.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its challenge is not base64") from None
