"""A campaign as it comes over HTTP, in either of two forms, to be scheduled or previewed.

As JSON, with its recipients or with the id of a list uploaded before. Or as multipart/form-data: the same fields as
text, and the recipients as a CSV file (on disk once it is larger than a megabyte, never whole in memory), as a JSON
list, or as addresses line by line.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, time
from http import HTTPStatus
from io import BytesIO
from typing import Annotated, Any, BinaryIO, NamedTuple, cast

import msgspec
from litestar import post
from litestar.openapi.spec import Operation

from app.bounds import HOURLY_LIMIT, LABEL, SUBJECT, TEXT
from app.domain.accounts.users import User
from app.domain.campaigns import schedule
from app.domain.campaigns.campaigns import OnUnknown
from app.domain.campaigns.draft import DAYS_AGO, DELAY_MS, EARLIER, JITTER_PERCENT, SENDERS, SHARE_PERCENT, Draft
from app.domain.campaigns.files import Upload
from app.domain.campaigns.idempotency import Idempotency
from app.domain.campaigns.lacking import IfBlank
from app.domain.campaigns.schedule import Preview, Scheduled
from app.domain.campaigns.steps import STEPS, WAIT, Step, StopOn, parse_wait
from app.domain.campaigns.variants import VARIANTS, WEIGHT, Variant
from app.domain.planning.campaign_calendar import CampaignCalendar, Clock, checked
from app.domain.recipients import csv_files, lists, workbooks
from app.domain.recipients.columns import Columns
from app.domain.recipients.conditions import Condition, check_conditions
from app.domain.recipients.csv_files import Asked
from app.domain.recipients.lists import Choices, RecipientList
from app.domain.recipients.saved_lists import SavedNamed
from app.domain.recipients.sheet_rows import Taken
from app.domain.recipients.stored_lists import Named
from app.domain.workspaces.roles import MEMBER
from app.errors import InvalidInput
from app.http.auth import require_still_let_in
from app.http.bodies import JSON, NOT_JSON, read, require_content_type, room_for_body
from app.http.campaigns.message import AnId, MessageFields
from app.http.errors import AnyRequest, problems
from app.http.forms import MULTIPART, Form, form_of
from app.http.idempotency import IdempotencyKey, check_key
from app.http.openapi import one_of_forms
from app.http.parameters import MAX_ID, TheActor, ThePool, TheQuotas, TheSettings, TheUser
from app.http.recipients.choices import Corrections, EncodingName, check_encoding, corrections_of, source_of
from app.http.recipients.sources import NULL, JsonRecipients, Lines, NullableRecipients, decode_list
from app.http.validation import invalid_body
from app.mail.footer import Unsubscribe
from app.settings import Settings
from app.turns import OneByOne

MAX_BODY = 200_000_000
MAX_JSON = 40_000_000  # it is in memory while it is read; a file is not
ATTACHED = "attachments"  # what files are called in a form that go along
UNREADABLE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)

# How the schema shows a file.
BINARY: dict[str, Any] = {"format": "binary", "contentMediaType": "text/csv"}
# Repeats of a request wait for the first to be answered before they are read, so that they fill nothing meanwhile.
_repeats = OneByOne()


class LaterText(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The text of a later step or a variant; in the thread it has no `subject`."""

    subject: Annotated[str | None, SUBJECT] = None
    body: Annotated[str, TEXT]
    body_html: Annotated[str | None, TEXT] = None


class VariantFields(LaterText, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Another text for a step: of all who get the step, each gets one, by `weight`. In the thread it has no
    `subject`.
    """

    weight: Annotated[int, WEIGHT] = 1

    def to_domain(self) -> Variant:
        return Variant(weight=self.weight, subject=self.subject, body=self.body, body_html=self.body_html)


class LaterStep(LaterText, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A later step apart from its variants: its text, and when it leaves."""

    wait: Annotated[str, msgspec.Meta(pattern=WAIT)]
    business_days: bool = False
    time_of_day: Clock | None = None
    quotes: bool = False

    def step(self, weight: int | None, variants: Sequence[Variant]) -> Step:
        return Step(
            wait=parse_wait(self.wait),
            business_days=self.business_days,
            time_of_day=None if self.time_of_day is None else time.fromisoformat(self.time_of_day),
            quotes=self.quotes,
            subject=self.subject,
            body=self.body,
            body_html=self.body_html,
            weight=weight,
            variants=variants,
        )


class StepFields(LaterStep, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A later step: `wait` after the one before, an ISO 8601 duration such as P3D or PT90S; with `businessDays` its
    days are those on which the campaign sends (Monday to Friday without a calendar). With `timeOfDay` it leaves when
    the calendar's clock (UTC without one) shows that. Without a `subject`, it goes in the thread of the first, and with
    `quotes` the message before it stands below. `{{ sent_at }}` is the day on which the one before it was sent.
    `weight` is that of its own text beside its `variants`, 1 unless given.
    """

    weight: Annotated[int | None, WEIGHT] = None
    variants: Annotated[list[VariantFields], VARIANTS] = msgspec.field(default_factory=list[VariantFields])

    def to_domain(self) -> Step:
        return self.step(self.weight, [variant.to_domain() for variant in self.variants])


class CampaignFields(MessageFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The fields that both forms have. A recipient who got something in the last `notIfWrittenToDays`, or is among the
    recipients of `notInCampaigns`, is left out.

    `unsubscribe`: `link`, each text has the link, if need be in a line at its end, and mail programs are told of it;
    `header`, they are told of it alone; `none`. Left out, it is `link`, and `none` for one recipient or where the
    service is on its own machine's address.

    `variants` are other texts for the first message, whose own has `weight` (1) among them. `steps` are the later
    messages, to recipients who did not answer. They leave only while the mailbox that answers come to is read; where a
    sender has none, only with `followUpWithoutReading`.
    """

    subject: Annotated[str, SUBJECT]
    unsubscribe: Unsubscribe | None = None
    name: Annotated[str | None, LABEL] = None
    sender_id: AnId | None = None
    sender_ids: Annotated[list[AnId] | None, SENDERS] = None
    start_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    latest_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    delay_between_ms: Annotated[int, DELAY_MS] = 0
    jitter_percent: Annotated[int, JITTER_PERCENT] = 0
    calendar: CampaignCalendar | None = None
    hourly_limit: Annotated[int | None, HOURLY_LIMIT] = None
    share_percent: Annotated[int | None, SHARE_PERCENT] = None
    on_unknown: OnUnknown = "hold"
    if_blank: dict[str, IfBlank] = msgspec.field(default_factory=dict[str, IfBlank])
    not_if_written_to_days: Annotated[int | None, DAYS_AGO] = None
    not_in_campaigns: Annotated[list[AnId] | None, EARLIER] = None
    weight: Annotated[int | None, WEIGHT] = None
    variants: Annotated[list[VariantFields], VARIANTS] = msgspec.field(default_factory=list[VariantFields])
    steps: Annotated[list[StepFields], STEPS] = msgspec.field(default_factory=list[StepFields])
    stop_on: StopOn | None = None
    follow_up_without_reading: bool = False

    def draft(self, settings: Settings) -> Draft:
        """Raises InvalidInput."""
        return Draft(
            content=self.content(settings.allow_internal_domains),
            name=self.name,
            sender_id=self.sender_id,
            sender_ids=self.sender_ids,
            start_time=self.start_time,
            latest_at=self.latest_at,
            delay_between_ms=self.delay_between_ms,
            jitter_percent=self.jitter_percent,
            calendar=None if self.calendar is None else checked(self.calendar),
            hourly_limit=self.hourly_limit,
            share_percent=self.share_percent,
            on_unknown=self.on_unknown,
            if_blank=self.if_blank,
            not_if_written_to_days=self.not_if_written_to_days,
            not_in_campaigns=self.not_in_campaigns,
            weight=self.weight,
            variants=[variant.to_domain() for variant in self.variants],
            steps=[step.to_domain() for step in self.steps],
            stop_on_auto_reply=self.stop_on is not None and self.stop_on.auto_reply,
            stop_on_domain=self.stop_on is not None and self.stop_on.domain,
            follow_up_without_reading=self.follow_up_without_reading,
        )


class JsonCampaign(CampaignFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A campaign with its `recipients`: addresses, or objects with `email` and merge fields.

    Or with a list that was uploaded: `listId`, and for a file its `columns` where they are not as found. Or with a copy
    of one that is kept by name: `savedListId`, and of its recipients those who fit every condition of `filter`.

    With `everyAddress`, of cells that have several addresses not the first alone is written to; `correctDomains` puts
    domains in mistyped ones' places.
    """

    recipients: NullableRecipients | msgspec.UnsetType = msgspec.UNSET
    list_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None
    columns: Columns | None = None
    every_address: bool = False
    correct_domains: Corrections | None = None
    saved_list_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None
    filter: list[Condition] | None = None

    def choices(self) -> Choices:
        return Choices(every_address=self.every_address, corrections=corrections_of(self.correct_domains))

    def source(self) -> JsonRecipients | Named | SavedNamed:
        """Raises InvalidInput."""
        if self.saved_list_id is None:
            if self.filter is not None:
                raise InvalidInput({"filter": "is for a saved list; give its `savedListId`"})
            return source_of(self.recipients, self.list_id, self.columns, self.choices())
        if self.recipients not in (msgspec.UNSET, NULL) or self.list_id is not None or self.columns is not None:
            raise InvalidInput({"savedListId": "brings the recipients; leave `recipients`, `listId` and `columns` out"})
        return SavedNamed(self.saved_list_id, check_conditions(self.filter or []), self.choices())


class FormCampaign(CampaignFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A campaign with either a `file` (CSV or Excel) or `recipients`: a JSON list, one address a line, or cells copied
    from a spreadsheet with their header.

    `encoding` and `emailColumn` (a header, or a number from 1) are found where they are not given. `correctDomains`,
    `senderIds`, `calendar`, `ifBlank`, `notInCampaigns`, `headers`, `cc`, `bcc`, `steps`, `stopOn`, `variants` and,
    where it is text, `attachments` are JSON; files of the name `attachments`, as many as there are, are attached behind
    those.
    """

    recipients: str | None = None
    file: Annotated[str, msgspec.Meta(extra_json_schema=BINARY)] | None = None
    encoding: EncodingName | None = None
    email_column: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)] | None = None
    every_address: bool = False
    correct_domains: str | None = None

    def asked(self, sheet: Taken | None = None) -> Asked:
        """Raises InvalidInput."""
        return Asked(
            email_column=self.email_column,
            encoding=self.encoding,
            choices=Choices(
                every_address=self.every_address,
                corrections=corrections_of(self.correct_domains),
            ),
            sheet=sheet,
        )


class CampaignRequest(NamedTuple):
    """Either form, decoded. `source`: the recipients as they came; `asked`: what is said about them; `attached`: files
    that came with it.
    """

    draft: Draft
    source: JsonRecipients | Lines | BinaryIO | Named | SavedNamed
    asked: Asked
    attached: Sequence[Upload] = ()

    def to_domain(self, settings: Settings) -> schedule.Request:
        source = self.source
        choices = self.asked.choices._replace(internal=frozenset(settings.allow_internal_domains))
        asked = self.asked._replace(choices=choices)
        about = {"links_lead_here": not settings.is_local, "sandboxed": settings.sandboxed}
        if isinstance(source, Named | SavedNamed):
            return schedule.Request(self.draft, source._replace(choices=choices), self.attached, **about)

        def make(required: frozenset[str]) -> RecipientList:
            if isinstance(source, JsonRecipients | Lines):
                return lists.from_json(source, required=required, choices=choices)
            return csv_files.from_csv(source, required=required, asked=asked)

        return schedule.Request(self.draft, make, self.attached, **about)

    def fingerprint(self) -> bytes:
        """SHA-256 of what is asked for: spaces and the order of fields make no difference. Raises InvalidInput."""
        encode = msgspec.json.Encoder(order="deterministic").encode
        digest = hashlib.sha256(encode(self.draft))
        for upload in self.attached:
            digest.update(encode(upload.name))
            _feed(digest.update, upload.file)
        if self.asked != Asked():
            digest.update(encode(self.asked))
        if isinstance(self.source, Named | SavedNamed):
            digest.update(encode(self.source))
        elif isinstance(self.source, JsonRecipients | Lines):
            for recipient in self.source:
                digest.update(encode(recipient))
        else:
            _feed(digest.update, self.source)
        return digest.digest()


def _feed(take: Callable[[bytes], None], file: BinaryIO) -> None:
    file.seek(0)
    while chunk := file.read(1 << 20):
        take(chunk)


@dataclass
class CampaignOperation(Operation):
    """Documents the two forms, which one handler takes."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms(
            {JSON: JsonCampaign, MULTIPART: FormCampaign}, (StepFields, VariantFields, StopOn)
        )


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
    settings: TheSettings,
    idempotency_key: IdempotencyKey = None,
) -> Scheduled:
    if idempotency_key is None:
        async with room_for_body(request, has_file=True), _read(request, user, settings) as campaign:
            return await schedule.schedule(pool, user.workspace_id, campaign.to_domain(settings), None, actor, quotas)
    check_key(idempotency_key)
    async with (
        _alone(request, user, idempotency_key),
        room_for_body(request, has_file=True),
        _read(request, user, settings) as campaign,
    ):
        idempotency = Idempotency(idempotency_key, await asyncio.to_thread(campaign.fingerprint))
        return await schedule.schedule(
            pool, user.workspace_id, campaign.to_domain(settings), idempotency, actor, quotas
        )


@asynccontextmanager
async def _alone(request: AnyRequest, user: User, idempotency_key: str) -> AsyncGenerator[None]:
    """Wait for others with the same key, after which whoever asks has to be let in still."""
    async with _repeats.alone((user.workspace_id, idempotency_key)) as waited:
        if waited:
            await require_still_let_in(request)
        yield


@post(
    "/preview",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="What scheduling the same would do; nothing is written",
    request_max_body_size=MAX_BODY,
    operation_class=CampaignOperation,
    responses=problems(*UNREADABLE),
)
async def preview_campaign(request: AnyRequest, pool: ThePool, user: TheUser, settings: TheSettings) -> Preview:
    async with room_for_body(request, has_file=True), _read(request, user, settings) as campaign:
        return await schedule.preview(pool, user.workspace_id, campaign.to_domain(settings))


@asynccontextmanager
async def _read(request: AnyRequest, user: User, settings: Settings) -> AsyncGenerator[CampaignRequest]:
    """The request, whose file is there as long as the block.

    Raises InvalidInput, and ClientException for what is neither form.
    """
    if require_content_type(request, JSON, MULTIPART) == MULTIPART:
        async with form_of(request, several=ATTACHED) as form, _of_form(form, user.workspace_id, settings) as campaign:
            yield campaign
    else:
        campaign = decode_list(await read(request, at_most=MAX_JSON), JsonCampaign)
        yield CampaignRequest(campaign.draft(settings), campaign.source(), Asked(choices=campaign.choices()))


@asynccontextmanager
async def _of_form(form: Form, workspace_id: int, settings: Settings) -> AsyncGenerator[CampaignRequest]:
    """Raises InvalidInput."""
    if wrong := sorted(form.files.keys() - {"file"}):
        raise InvalidInput({wrong[0]: "is a file; only `file` is, the CSV with the recipients, and `attachments`"})
    file = form.files.get("file")
    texts: dict[str, object] = {**form.texts, **_decoded(form.texts)}
    try:
        fields = msgspec.convert(texts, FormCampaign, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_body(error, FormCampaign) from None
    if fields.file is not None:
        raise InvalidInput({"file": "is text; send it as a file, with a file name"})
    if file is not None and fields.recipients is not None:
        raise InvalidInput({"recipients": "are in `file` already; leave one of the two out"})
    attached = [Upload(each.filename, cast(BinaryIO, each.file)) for each in form.several]
    if file is not None:
        async with workbooks.as_csv(cast(BinaryIO, file.file), workspace_id) as (content, sheet):
            check_encoding(fields.encoding, sheet)
            yield CampaignRequest(fields.draft(settings), content, fields.asked(sheet), attached)
        return
    if fields.recipients is None:
        raise InvalidInput({"recipients": "is missing; give it, or a CSV as `file`"})
    source = _listed(fields.recipients)
    if fields.encoding is not None:
        raise InvalidInput({"encoding": "is that of a `file`; `recipients` are text already"})
    if fields.email_column is not None and isinstance(source, JsonRecipients | Lines):
        raise InvalidInput({"emailColumn": "is for a file, or for cells with tabs between; leave it out"})
    yield CampaignRequest(fields.draft(settings), source, fields.asked(), attached)


_JSON_FIELDS = (
    "senderIds",
    "calendar",
    "ifBlank",
    "notInCampaigns",
    "headers",
    "cc",
    "bcc",
    "attachments",
    "steps",
    "stopOn",
    "variants",
)


def _decoded(texts: dict[str, str]) -> dict[str, object]:
    """The fields of a form that are more than a text. Raises InvalidInput."""
    decoded: dict[str, object] = {}
    for name in _JSON_FIELDS:
        if name in texts:
            try:
                decoded[name] = msgspec.json.decode(texts[name])
            except NOT_JSON as error:
                raise InvalidInput({name: f"is not JSON: {error}"}) from None
    return decoded


def _listed(text: str) -> JsonRecipients | Lines | BinaryIO:
    if not text.lstrip().startswith("["):
        return BytesIO(text.encode()) if "\t" in text else Lines(text)  # cells that were copied have tabs between
    try:
        return JsonRecipients(msgspec.json.decode(text, type=msgspec.Raw))
    except NOT_JSON as error:
        raise InvalidInput({"recipients": f"is not a JSON list: {error}"}) from None
