"""Files that go along with messages, over HTTP: uploaded once, then named by campaigns, tests and templates."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, BinaryIO, cast

import msgspec
from litestar import Router, get, post
from litestar.openapi.spec import Operation
from litestar.response import Stream

from app.domain.campaigns import files
from app.domain.campaigns.beside import ENCLOSED_BYTES
from app.domain.campaigns.files import KeptFile, Upload
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import InvalidInput
from app.http.bodies import require_content_type, room_for_body
from app.http.campaigns.schedule import UNREADABLE
from app.http.errors import AnyRequest, problems
from app.http.forms import MULTIPART, form_of
from app.http.openapi import one_of_forms
from app.http.parameters import Id, ThePool, TheQuotas, TheUser

_MAX_BODY = ENCLOSED_BYTES + 100_000  # and what a form is around it
_BINARY: dict[str, Any] = {"format": "binary", "contentMediaType": "application/octet-stream"}


class FileForm(msgspec.Struct, forbid_unknown_fields=True):
    """A file with its name."""

    file: Annotated[str, msgspec.Meta(extra_json_schema=_BINARY)]


@dataclass
class FileOperation(Operation):
    """Documents the form, which the handler reads by itself."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({MULTIPART: FileForm})


@post(
    "/",
    opt={"role": MEMBER},
    summary="Upload a file, to attach it or to show it in HTML",
    description="A file never changes. It goes by itself once nothing has named it for 7 days.",
    request_max_body_size=_MAX_BODY,
    operation_class=FileOperation,
    responses=problems(HTTPStatus.CONFLICT, *UNREADABLE),
)
async def upload_file(request: AnyRequest, pool: ThePool, user: TheUser, quotas: TheQuotas) -> KeptFile:
    require_content_type(request, MULTIPART)
    async with room_for_body(request, has_file=True), form_of(request) as form:
        if form.texts or form.files.keys() != {"file"}:
            raise InvalidInput({"file": "is what to send, as a file with a name, and nothing beside it"})
        file = form.files["file"]
        return await files.keep(pool, user.workspace_id, Upload(file.filename, cast("BinaryIO", file.file)), quotas)


@get(
    "/{id:int}",
    opt={"role": VIEWER},
    media_type="application/octet-stream",
    summary="What is in a file",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_file(pool: ThePool, user: TheUser, file_id: Id) -> Stream:
    """A picture may be shown; whatever else people upload is for saving, never for this origin to open."""
    file = await files.get(pool, user.workspace_id, file_id)
    headers = {
        "Content-Length": str(file.size),
        "Content-Disposition": "inline" if file.is_image else "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    media_type = file.type if file.is_image else "application/octet-stream"
    return Stream(files.content(pool, user.workspace_id, file), media_type=media_type, headers=headers)


router = Router("/files", tags=["campaigns"], route_handlers=[upload_file, get_file])
