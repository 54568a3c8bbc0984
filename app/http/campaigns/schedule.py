"""A campaign as it comes over HTTP, in either of two forms, to be scheduled or previewed.

As JSON, with its recipients or with the id of a list uploaded before. Or as multipart/form-data: the same fields as
text, and the recipients as a CSV file (on disk once it is larger than a megabyte, never whole in memory), as a JSON
list, or as addresses line by line.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, BinaryIO, NamedTuple, cast

import msgspec
from litestar import post
from litestar.openapi.spec import Operation
from litestar.params import HeaderParameter

from app.bounds import HOURLY_LIMIT, LABEL, LANGUAGE, SUBJECT, TEXT
from app.domain.campaigns import schedule
from app.domain.campaigns.campaigns import OnUnknown
from app.domain.campaigns.content import Content
from app.domain.campaigns.draft import DELAY_MS, Draft
from app.domain.campaigns.lacking import IfBlank
from app.domain.campaigns.schedule import Idempotency, Preview, Scheduled
from app.domain.recipients import csv_files, lists
from app.domain.recipients.csv_files import Columns
from app.domain.recipients.lists import RecipientList
from app.domain.recipients.stored_lists import Named
from app.domain.workspaces.roles import MEMBER
from app.errors import InvalidInput
from app.http.bodies import JSON, NOT_JSON, read, require_content_type, room_for_body
from app.http.errors import AnyRequest, problems
from app.http.forms import MULTIPART, Form, form_of
from app.http.openapi import one_of_forms
from app.http.parameters import MAX_ID, TheActor, ThePool, TheQuotas, TheUser
from app.http.recipients.sources import NULL, JsonRecipients, Lines, NullableRecipients, decode_list
from app.http.validation import invalid_body
from app.turns import OneByOne

MAX_BODY = 200_000_000
MAX_JSON = 40_000_000  # it is in memory while it is read; a file is not
UNREADABLE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

# How the schema shows a file.
BINARY: dict[str, Any] = {"format": "binary", "contentMediaType": "text/csv"}
# Repeats of a request wait for the first to be answered before they are read, so that they fill nothing meanwhile.
_repeats = OneByOne()


class CampaignFields(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The fields that both forms have. Without a `body`, one is made of `bodyHtml`."""

    subject: Annotated[str, SUBJECT]
    body: Annotated[str, TEXT] = ""
    body_html: Annotated[str | None, TEXT] = None
    language: Annotated[str | None, LANGUAGE] = None
    name: Annotated[str | None, LABEL] = None
    sender_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None
    start_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    delay_between_ms: Annotated[int, DELAY_MS] = 0
    hourly_limit: Annotated[int | None, HOURLY_LIMIT] = None
    on_unknown: OnUnknown = "hold"

    def draft(self, if_blank: Mapping[str, IfBlank]) -> Draft:
        return Draft(
            content=Content(self.subject, self.body, self.body_html, self.language),
            name=self.name,
            sender_id=self.sender_id,
            start_time=self.start_time,
            delay_between_ms=self.delay_between_ms,
            hourly_limit=self.hourly_limit,
            on_unknown=self.on_unknown,
            if_blank=if_blank,
        )


class JsonCampaign(CampaignFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A campaign with its `recipients`: addresses, or objects with `email` and merge fields.

    Or with a list that was uploaded: `listId`, and for a CSV file its `columns` where they are not as found.
    """

    recipients: NullableRecipients | msgspec.UnsetType = msgspec.UNSET
    list_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None
    columns: Columns | None = None
    if_blank: dict[str, IfBlank] = {}

    def source(self) -> JsonRecipients | Named:
        """Raises InvalidInput."""
        recipients = None if self.recipients is msgspec.UNSET or self.recipients == NULL else self.recipients
        if self.list_id is not None:
            if recipients is not None:
                raise InvalidInput({"recipients": "are in `listId` already; leave one of the two out"})
            return Named(self.list_id, self.columns)
        if self.columns is not None:
            raise InvalidInput({"columns": "are those of a list; give its `listId`"})
        if recipients is None:
            raise InvalidInput({"recipients": "is missing; give it, or the `listId` of an uploaded list"})
        return JsonRecipients(recipients)


class FormCampaign(CampaignFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A campaign with either a CSV `file` or `recipients`: a JSON list, or one address a line. `ifBlank` is JSON."""

    recipients: str | None = None
    if_blank: str | None = None
    file: Annotated[str, msgspec.Meta(extra_json_schema=BINARY)] | None = None


class CampaignRequest(NamedTuple):
    """Either form, decoded. `source`: the recipients as they came."""

    draft: Draft
    source: JsonRecipients | Lines | BinaryIO | Named

    def to_domain(self) -> schedule.Request:
        source = self.source
        if isinstance(source, Named):
            return schedule.Request(self.draft, source)

        def make(required: frozenset[str]) -> RecipientList:
            if isinstance(source, JsonRecipients | Lines):
                return lists.from_json(source, required=required)
            return csv_files.from_csv(source, required=required)

        return schedule.Request(self.draft, make)

    def fingerprint(self) -> bytes:
        """SHA-256 of what is asked for: spaces and the order of fields make no difference. Raises InvalidInput."""
        encode = msgspec.json.Encoder(order="deterministic").encode
        digest = hashlib.sha256(encode(self.draft))
        if isinstance(self.source, Named):
            digest.update(encode(self.source))
        elif isinstance(self.source, JsonRecipients | Lines):
            for recipient in self.source:
                digest.update(encode(recipient))
        else:
            self.source.seek(0)
            while chunk := self.source.read(1 << 20):
                digest.update(chunk)
        return digest.digest()


@dataclass
class CampaignOperation(Operation):
    """Documents the two forms, which one handler takes."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({JSON: JsonCampaign, MULTIPART: FormCampaign})


@post(
    "/schedule",
    opt={"role": MEMBER},
    summary="Schedule a campaign, all or nothing",
    request_max_body_size=MAX_BODY,
    operation_class=CampaignOperation,
    response_description="Scheduled, now or by an earlier request with the same key",
    responses=problems(HTTPStatus.CONFLICT, *UNREADABLE),
)
async def schedule_campaign(
    request: AnyRequest,
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    quotas: TheQuotas,
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="1 to 255 printable ASCII characters. A request repeated with the same key "
            "gets the same answer and writes nothing.",
        ),
    ] = None,
) -> Scheduled:
    if idempotency_key is None:
        async with room_for_body(request, user.workspace_id, has_file=True), _read(request) as campaign:
            return await schedule.schedule(pool, user.workspace_id, campaign.to_domain(), None, actor, quotas)
    _check_key(idempotency_key)
    async with (
        _repeats.alone((user.workspace_id, idempotency_key)),
        room_for_body(request, user.workspace_id, has_file=True),
        _read(request) as campaign,
    ):
        idempotency = Idempotency(idempotency_key, await asyncio.to_thread(campaign.fingerprint))
        return await schedule.schedule(pool, user.workspace_id, campaign.to_domain(), idempotency, actor, quotas)


@post(
    "/preview",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="What scheduling the same would do; nothing is written",
    request_max_body_size=MAX_BODY,
    operation_class=CampaignOperation,
    responses=problems(*UNREADABLE),
)
async def preview_campaign(request: AnyRequest, pool: ThePool, user: TheUser) -> Preview:
    async with room_for_body(request, user.workspace_id, has_file=True), _read(request) as campaign:
        return await schedule.preview(pool, user.workspace_id, campaign.to_domain())


def _check_key(key: str) -> None:
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidInput({"Idempotency-Key": "give 1 to 255 printable ASCII characters"})


@asynccontextmanager
async def _read(request: AnyRequest) -> AsyncGenerator[CampaignRequest]:
    """The request, whose file is there as long as the block.

    Raises InvalidInput, and ClientException for what is neither form.
    """
    if require_content_type(request, JSON, MULTIPART) == MULTIPART:
        async with form_of(request) as form:
            yield _of_form(form)
    else:
        campaign = decode_list(await read(request, at_most=MAX_JSON), JsonCampaign)
        yield CampaignRequest(campaign.draft(campaign.if_blank), campaign.source())


def _of_form(form: Form) -> CampaignRequest:
    """Raises InvalidInput."""
    if wrong := sorted(form.files.keys() - {"file"}):
        raise InvalidInput({wrong[0]: "is a file; only `file` is, the CSV with the recipients"})
    file = form.files.get("file")
    try:
        fields = msgspec.convert(form.texts, FormCampaign, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_body(error, FormCampaign) from None
    if fields.file is not None:
        raise InvalidInput({"file": "is text; send it as a file, with a file name"})
    if file is not None and fields.recipients is not None:
        raise InvalidInput({"recipients": "are in `file` already; leave one of the two out"})
    draft = fields.draft(_decisions(fields.if_blank))
    if file is not None:
        return CampaignRequest(draft, cast(BinaryIO, file.file))
    if fields.recipients is None:
        raise InvalidInput({"recipients": "is missing; give it, or a CSV as `file`"})
    return CampaignRequest(draft, _listed(fields.recipients))


def _decisions(text: str | None) -> dict[str, IfBlank]:
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, IfBlank])
    except (msgspec.ValidationError, *NOT_JSON) as error:
        raise InvalidInput({"ifBlank": f'is not such JSON as {{"company": {{"do": "send"}}}}: {error}'}) from None


def _listed(text: str) -> JsonRecipients | Lines:
    if not text.lstrip().startswith("["):
        return Lines(text)
    try:
        return JsonRecipients(msgspec.json.decode(text, type=msgspec.Raw))
    except NOT_JSON as error:
        raise InvalidInput({"recipients": f"is not a JSON list: {error}"}) from None
