"""Kinds of files that go along: the name, the media type, and whether receivers will have it."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

_TYPES = mimetypes.MimeTypes(filenames=())  # what this Python knows, whatever else the machine does
_OTHER = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
    ".webp": "image/webp",
}
ANY_TYPE = "application/octet-stream"
# Files that Gmail and Outlook refuse to deliver, packed or not.
_PROGRAMS = frozenset(
    {"ade", "adp", "apk", "appx", "appxbundle", "bat", "cab", "chm", "cmd", "com", "cpl", "dex", "diagcab"}
    | {"dll", "dmg", "ex", "exe", "gadget", "hta", "ins", "iso", "isp", "jar", "jnlp", "js", "jse", "lib", "lnk"}
    | {"mde", "mjs", "msc", "msi", "msix", "msp", "mst", "nsh", "pif", "ps1", "psc1", "reg", "scr", "sct", "shb"}
    | {"sys", "url", "vb", "vbe", "vbs", "vhd", "vxd", "wsc", "wsf", "wsh", "xll"}
)
_PAGES = frozenset({"htm", "html", "mht", "mhtml", "shtml", "svg", "svgz", "xht", "xhtml"})
_PROGRAM_BEGINS = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
_MOST_NAME = 150  # characters: in ASCII it fits one line


def file_name(text: str) -> str:
    """A name as it is sent: of a path its end, without what no file system has in a name."""
    name = unicodedata.normalize("NFC", text).replace("\\", "/").rpartition("/")[2]
    name = "".join(" " if unicodedata.category(c) == "Zs" else c for c in name)  # macOS writes "9.30\u202fPM"
    name = "".join(c for c in name if c.isprintable() and c not in '"*:<>?|').strip(" .")
    if len(name) > _MOST_NAME:
        stem, dot, ending = name.rpartition(".")
        ending = f"{dot}{ending}" if dot and len(ending) <= 10 else ""
        name = (stem if ending else name)[: _MOST_NAME - len(ending)] + ending
    return name or "file"


def type_of(name: str) -> str:
    """A file's media type by its name."""
    ending = re.search(r"\.[^.]+$", name.lower())
    found, packed = _TYPES.guess_type(name)
    found = (ending and _OTHER.get(ending[0])) or found
    # A message or multipart type would have to be written otherwise (RFC 2046, 5.2.1), and a file that is
    # packed (`a.csv.gz`) is not of the type of its content.
    return ANY_TYPE if found is None or packed or found.startswith(("message/", "multipart/")) else found


def objection(name: str, begin: bytes) -> str | None:
    """Why receivers may refuse a file, by its name and its first bytes; None: they will not for that."""
    ending = name.lower().rpartition(".")[2]
    if ending in _PROGRAMS:
        return f"{name} is of a kind (.{ending}) that Gmail, Outlook and others refuse to deliver."
    if ending in _PAGES:
        return f"{name} is a page that can hold scripts (.{ending}); many receivers take one for phishing. Send a PDF."
    if begin.startswith(_PROGRAM_BEGINS):
        return f"{name} is a program, whatever it is called, and most receivers refuse to deliver one."
    return None
