"""Mozilla's autoconfig format (config-v1.1.xml): a provider says where its servers are. Pure; bytes in.

A stranger wrote it. Expat builds no tree and is given no entity: whatever has a document type declaration is refused.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from xml.parsers import expat

from app.domain.senders.known_providers import Place
from app.settings import SmtpSecurity

MOST_SERVERS = 20
LONGEST_VALUE = 300
_SECURITY: dict[str, SmtpSecurity] = {"ssl": "tls", "tls": "tls", "starttls": "starttls"}


class InvalidAutoconfig(ValueError):
    """Not a document of that format."""


class Found(NamedTuple):
    """A server with TLS, and the username that it wants; None: it does not say, or asks for what we do not know."""

    place: Place
    username: str | None


class Autoconfig(NamedTuple):
    """The first server of each kind that it names with TLS."""

    smtp: Found | None
    imap: Found | None


class _Server(NamedTuple):
    kind: Literal["smtp", "imap"]
    values: dict[str, str]


class _Reader:
    """Collects the values of `incomingServer` and `outgoingServer` elements."""

    def __init__(self) -> None:
        self.servers: list[_Server] = []
        self._path: list[str] = []
        self._in: _Server | None = None
        self._text = ""
        self.parser = expat.ParserCreate()  # in the encoding that it says
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _doctype(self, *_: object) -> None:
        raise InvalidAutoconfig("it has a document type declaration")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > 10:
            raise InvalidAutoconfig("it is nested too deeply")
        kind = attributes.get("type", "").lower()
        if self._path[:2] == ["clientConfig", "emailProvider"] and len(self._path) == 3:
            if name == "outgoingServer" and kind == "smtp":
                self._in = _Server("smtp", {})
            elif name == "incomingServer" and kind == "imap":
                self._in = _Server("imap", {})
        self._text = ""

    def _end(self, name: str) -> None:
        if self._in is not None and len(self._path) == 4:
            self._in.values.setdefault(name, self._text.strip()[:LONGEST_VALUE])
        elif self._in is not None and len(self._path) == 3:
            if len(self.servers) < MOST_SERVERS:
                self.servers.append(self._in)
            self._in = None
        self._path.pop()

    def _characters(self, text: str) -> None:
        if self._in is not None and len(self._text) < LONGEST_VALUE:
            self._text += text


def read_autoconfig(content: bytes, email: str) -> Autoconfig:
    """The servers that the document names for this address. Raises InvalidAutoconfig."""
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except InvalidAutoconfig:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # also of an encoding that nobody knows
        raise InvalidAutoconfig(f"not XML: {error}") from None
    found = [(server.kind, _found(server, email)) for server in reader.servers]

    def first(kind: str) -> Found | None:
        return next((one for of, one in found if of == kind and one is not None), None)

    return Autoconfig(first("smtp"), first("imap"))


def _found(server: _Server, email: str) -> Found | None:
    values = server.values
    security = _SECURITY.get(values.get("socketType", "").lower())
    port = values.get("port", "")
    host = _filled(values.get("hostname", ""), email).lower()
    if security is None or not host or not (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65_536):
        return None
    username = _filled(values.get("username", ""), email)
    return Found(Place(host, int(port), security), username if username and "%" not in username else None)


def _filled(text: str, email: str) -> str:
    local, _, domain = email.rpartition("@")
    for name, value in (("%EMAILADDRESS%", email), ("%EMAILLOCALPART%", local), ("%EMAILDOMAIN%", domain)):
        text = text.replace(name, value)
    return text
