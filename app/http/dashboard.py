"""The dashboard: the files that web/build.py made, from the same origin as the API.

Every path that looks like a page, or that a browser opens as one, gives index.html, so that links into the dashboard
and reloads work, and those that lead nowhere are answered in words. Only files
found at the start are served; a path from a request never reaches the file system.
"""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

from litestar import Request, route
from litestar.datastructures import Headers
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from app.errors import NotFound
from app.http.headers import policy

DASHBOARD = Path(__file__).parent.parent / "dashboard"
INDEX = "/index.html"
READING: tuple[Literal["GET"], Literal["HEAD"]] = ("GET", "HEAD")
NONCE = "__CSP_NONCE__"  # where index.html has the nonce
ENCODINGS = {"br": ".br", "gzip": ".gz"}  # by preference, with the suffix of the compressed copy
NOT_PAGES = ("/api", "/assets", "/healthz", "/readyz", "/metrics")
# Names under /assets/ contain a hash of what is in them.
FOR_GOOD = "public, max-age=31536000, immutable"


class File(NamedTuple):
    """A file with its compressed copies, by encoding; `""` is the file itself."""

    copies: Mapping[str, bytes]
    media_type: str
    etag: str
    cache_control: str


def dashboard(folder: Path = DASHBOARD) -> HTTPRouteHandler:
    """The handler of every path that nothing else handles."""
    files = _read(folder)
    index = files.pop(INDEX, None)
    template = index.copies[""].decode() if index else None

    # Every method, since to write where nothing is should be answered by 404 as well.
    @route(["/", "/{path:path}"], http_method=[*READING, "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def serve(request: Request[Any, Any, Any]) -> ASGIResponse:
        path = request.scope["path"]
        if file := files.get(path):
            answer = _file(file, request.headers)
        elif template is not None and (_is_page(path) or _is_opened(path, request.headers)):
            answer = _page(template)
        else:
            raise NotFound(_why_not(path, built=template is not None))
        if request.method not in READING:
            raise MethodNotAllowedException(headers={"Allow": ", ".join(READING)})
        answer.is_head_response = request.method == "HEAD"
        return answer

    return serve


def _read(folder: Path) -> dict[str, File]:
    """Every file, by the path in its address."""
    files: dict[str, File] = {}
    suffixes = tuple(ENCODINGS.values())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in suffixes:
            address = f"/{path.relative_to(folder).as_posix()}"
            copies = {"": path.read_bytes()}
            for encoding, suffix in ENCODINGS.items():
                if (copy := path.with_name(path.name + suffix)).is_file():
                    copies[encoding] = copy.read_bytes()
            files[address] = File(
                copies,
                mimetypes.guess_type(path.name)[0] or "application/octet-stream",
                hashlib.sha256(copies[""]).hexdigest()[:16],
                FOR_GOOD if address.startswith("/assets/") else "no-cache",
            )
    return files


def _is_page(path: str) -> bool:
    return not _is_ours(path) and "." not in PurePosixPath(path).name


def _is_opened(path: str, headers: Headers) -> bool:
    """By a person, to whom /campaigns/1.5 or /help.html is a page that is not there."""
    return not _is_ours(path) and "text/html" in headers.get("accept", "")


def _is_ours(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in NOT_PAGES)


def _why_not(path: str, *, built: bool) -> str:
    if not built and _is_page(path):
        return "the dashboard is not built; run `make install`, and start the service again"
    return "there is nothing at this address"


def _page(template: str) -> ASGIResponse:
    """index.html with a nonce that no other page load has."""
    nonce = secrets.token_urlsafe(16)
    body = template.replace(NONCE, nonce).encode()
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": policy(nonce)}
    return ASGIResponse(body=body, media_type="text/html", headers=headers)


def _file(file: File, request: Headers) -> ASGIResponse:
    encoding = _encoding(request.get("accept-encoding", ""), file)
    etag = f'"{file.etag}{encoding and "-"}{encoding}"'  # each copy is a representation of its own (RFC 9110, 8.8.3.3)
    headers = {"Cache-Control": file.cache_control, "ETag": etag}
    if len(file.copies) > 1:
        headers["Vary"] = "Accept-Encoding"
    if etag in request.get("if-none-match", ""):
        return ASGIResponse(headers=headers, status_code=HTTPStatus.NOT_MODIFIED)
    if encoding:
        headers["Content-Encoding"] = encoding
    return ASGIResponse(body=file.copies[encoding], media_type=file.media_type, headers=headers)


def _encoding(accepted: str, file: File) -> str:
    """The encoding to send (RFC 9110, section 12.5.3), or `""`."""
    weights: dict[str, str] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = parameter.replace(" ", "")
    for encoding in ENCODINGS:
        weight = weights.get(encoding)
        if encoding in file.copies and weight is not None and not _is_zero(weight):
            return encoding
    return ""


def _is_zero(weight: str) -> bool:
    return weight.startswith("q=0") and not weight.strip("q=0.")
