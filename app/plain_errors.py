"""Errors of an operating system on a connection, in words for the one who has to mend it."""

from __future__ import annotations

import errno
import re
import socket
import ssl

_BY_NUMBER = {
    errno.ECONNREFUSED: "nothing answers at this port",
    errno.ECONNRESET: "the connection was cut",
    errno.EPIPE: "the connection was cut",
    errno.ENETUNREACH: "there is no way to it from here",
    errno.EHOSTUNREACH: "there is no way to it from here",
    errno.ETIMEDOUT: "no answer came in time",
}
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_NOISE = re.compile(r"^\[(?:Errno -?\d+|SSL[^\]]*)\]\s*|\s*\(_ssl\.c:\d+\)$")


def plain(error: BaseException) -> str:
    """Without numbers and places in C files, which help nobody who reads a page."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "there is no server of that name" if error.errno in _NO_SUCH_NAME else "its name could not be looked up"
    if isinstance(error, OSError) and error.errno in _BY_NUMBER and not isinstance(error, ssl.SSLError):
        return _BY_NUMBER[error.errno]
    return _NOISE.sub("", _NOISE.sub("", str(error)))
