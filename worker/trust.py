"""The authorities by whom a worker knows servers, for SMTP and IMAP alike."""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path

from app.settings import trust

_Versions = tuple[tuple[str, int], ...]

_contexts: dict[Path | None, tuple[_Versions, ssl.SSLContext]] = {}  # the newest alone
_reading = threading.Lock()


async def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """As `trust`. Reading all authorities takes 30 ms of a processor, longer than all else that connecting takes: once
    read, they serve every connection until their file or folder changes. Raises OSError.
    """
    versions = _versions(ca_file)
    known = _contexts.get(ca_file)
    return known[1] if known is not None and known[0] == versions else await asyncio.to_thread(_read, ca_file, versions)


def _versions(ca_file: Path | None) -> _Versions:
    known = ssl.get_default_verify_paths()
    return tuple((str(path), Path(path).stat().st_mtime_ns) for path in (known.cafile, known.capath, ca_file) if path)


def _read(ca_file: Path | None, versions: _Versions) -> ssl.SSLContext:
    with _reading:  # lanes that start together wait for one that reads
        known = _contexts.get(ca_file)
        if known is None or known[0] != versions:
            known = _contexts[ca_file] = (versions, trust(ca_file))
        return known[1]
