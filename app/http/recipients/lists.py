"""Recipient lists over HTTP: uploaded once as a CSV file or as JSON, then named by previews and campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, BinaryIO, cast

import msgspec
from litestar import Router, delete, get, post
from litestar.openapi.spec import Operation
from litestar.response import Stream

from app.domain.recipients import stored_lists, workbooks
from app.domain.recipients.stored_lists import StoredList
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import InvalidInput
from app.http.bodies import JSON, read, require_content_type, room_for_body
from app.http.campaigns.schedule import BINARY, MAX_BODY, MAX_JSON, UNREADABLE
from app.http.errors import AnyRequest, problems
from app.http.forms import MULTIPART, form_of
from app.http.openapi import one_of_forms
from app.http.parameters import Id, ThePool, TheQuotas, TheUser
from app.http.recipients.choices import EncodingName, check_encoding
from app.http.recipients.sources import JsonRecipients, Recipients, decode_list


class JsonList(msgspec.Struct, forbid_unknown_fields=True):
    """Recipients as a campaign takes them: addresses, or objects with `email` and merge fields."""

    recipients: Recipients


class FileList(msgspec.Struct, forbid_unknown_fields=True):
    """A CSV or Excel file as it is. `encoding` is found where it is not given."""

    file: Annotated[str, msgspec.Meta(extra_json_schema=BINARY)]
    encoding: EncodingName | None = None


@dataclass
class ListOperation(Operation):
    """Documents the two forms, which one handler takes."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({JSON: JsonList, MULTIPART: FileList})


@post(
    "/",
    opt={"role": MEMBER},
    summary="Upload a list of recipients",
    description="A list never changes. It goes by itself once it is unused for 7 days, and when somebody in it is "
    "erased.",
    request_max_body_size=MAX_BODY,
    operation_class=ListOperation,
    responses=problems(HTTPStatus.CONFLICT, *UNREADABLE),
)
async def upload_list(request: AnyRequest, pool: ThePool, user: TheUser, quotas: TheQuotas) -> StoredList:
    async with room_for_body(request, has_file=True):
        if require_content_type(request, JSON, MULTIPART) == JSON:
            sent = decode_list(await read(request, at_most=MAX_JSON), JsonList)
            return await stored_lists.store_json(pool, user.workspace_id, JsonRecipients(sent.recipients), quotas)
        async with form_of(request) as form:
            if form.texts.keys() - {"encoding"} or form.files.keys() != {"file"}:
                raise InvalidInput({"file": "is what to send, a CSV or Excel file, and beside it `encoding` at most"})
            file = form.files["file"]
            name = file.filename.replace("\0", "")[:255] or None
            async with workbooks.as_csv(cast(BinaryIO, file.file), user.workspace_id) as (content, sheet):
                check_encoding(form.texts.get("encoding"), sheet)
                return await stored_lists.store_csv(
                    pool,
                    user.workspace_id,
                    name,
                    content,
                    quotas,
                    encoding=form.texts.get("encoding"),
                    sheet=sheet,
                )


@get(
    "/{id:int}",
    opt={"role": VIEWER},
    summary="A list: its size, and how a file's columns read",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_list(pool: ThePool, user: TheUser, list_id: Id) -> StoredList:
    return await stored_lists.get_list(pool, user.workspace_id, list_id)


@get(
    "/{id:int}/content",
    opt={"role": VIEWER},
    media_type="application/octet-stream",
    summary="The lines of a list: the file as UTF-8, or a recipient a line as JSON",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_list_content(pool: ThePool, user: TheUser, list_id: Id) -> Stream:
    lines = await stored_lists.content(pool, user.workspace_id, list_id)
    headers = {"Content-Disposition": "attachment"}
    return Stream(lines, media_type="application/octet-stream", headers=headers)


@delete(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Remove a list; campaigns made of it stay",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def delete_list(pool: ThePool, user: TheUser, list_id: Id) -> None:
    await stored_lists.remove_list(pool, user.workspace_id, list_id)


router = Router("/lists", tags=["recipients"], route_handlers=[upload_list, get_list, get_list_content, delete_list])
