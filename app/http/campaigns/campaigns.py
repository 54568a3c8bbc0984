"""Campaigns over HTTP: listed, read, changed, paused, resumed, cancelled. Scheduling one is in `schedule`."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import MediaType, Response, Router, delete, get, patch, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from app.bounds import HOURLY_LIMIT, LABEL, SUBJECT, Bounds
from app.domain.campaigns import again, campaigns, cancelled, change, files, keeping, variants
from app.domain.campaigns.again import Who
from app.domain.campaigns.beside import addressed
from app.domain.campaigns.campaigns import Campaign, CampaignFilter, CampaignOrder, CampaignStatus, OnUnknown
from app.domain.campaigns.cancelled import CancelledBy
from app.domain.campaigns.change import Changes
from app.domain.campaigns.draft import DELAY_MS, JITTER_PERCENT, SENDERS, SHARE_PERCENT
from app.domain.campaigns.step_changes import WantedStep, new_variants
from app.domain.campaigns.steps import STEPS
from app.domain.campaigns.variant_changes import WantedVariant
from app.domain.campaigns.variants import VARIANTS, WEIGHT
from app.domain.pages import Page, PageRequest
from app.domain.planning import forecast
from app.domain.planning.campaign_calendar import CampaignCalendar, checked
from app.domain.planning.forecast import Forecast
from app.domain.recipients.stored_lists import StoredList
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.errors import NotFound
from app.http.campaigns.direct import send_test
from app.http.campaigns.message import AnId, MessagePatch, TextsVersion
from app.http.campaigns.move_up import move_up, moved_up
from app.http.campaigns.priority import put_first, put_first_no_longer
from app.http.campaigns.rendering import MAX_BODY, render_message, show_rendered_html
from app.http.campaigns.schedule import LaterStep, LaterText, preview_campaign, schedule_campaign
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import (
    MAX_ID,
    Cursor,
    Id,
    Limit,
    SenderIdFilter,
    TheActor,
    TheInstallation,
    ThePool,
    TheQuotas,
    TheSettings,
    TheUser,
)
from app.mail.footer import Unsubscribe

STEP_NUMBER = Bounds(1, STEPS.most + 1)


class VariantPatch(LaterText, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A variant as it is to be, B to E; with an `id` it is the step's variant of that id, without it is new. `weight`
    left out stays.
    """

    id: AnId | None = None
    weight: Annotated[int | None, WEIGHT] = None

    def to_domain(self) -> WantedVariant:
        return WantedVariant(
            id=self.id, weight=self.weight, subject=self.subject, body=self.body, body_html=self.body_html
        )


class StepPatch(LaterStep, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A later step as it is to be; with an `id` it is the campaign's step of that id, changed or moved here. Its
    `variants` are those that change or are new, `weight` is that of its own text among them; what is left out stays.
    """

    id: AnId | None = None
    weight: Annotated[int | None, WEIGHT] = None
    variants: Annotated[list[VariantPatch], VARIANTS] = msgspec.field(default_factory=list[VariantPatch])

    def to_domain(self, number: int) -> WantedStep:
        """Raises InvalidInput."""
        wanted = [one.to_domain() for one in self.variants]
        if self.id is None:
            return WantedStep(step=self.step(self.weight, new_variants(wanted, f"steps[{number}].")))
        return WantedStep(id=self.id, step=self.step(None, ()), weight=self.weight, variants=wanted)


class CampaignPatch(MessagePatch, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The changes to make; fields left out stay as they are, null removes where there may be none. `steps`: all later
    ones in their order; one that is left out is removed. A finished campaign goes on with them only with `reopen`.
    `variants`: those of the first step that change or are new, and `weight` that of its own text; a variant that is
    left out stays as it is. With the `textsVersion` that they are changes of, nothing is written over: where the
    campaign says something else by now, it is 409 `texts_changed`.
    """

    name: Annotated[str | msgspec.UnsetType, LABEL] = msgspec.UNSET
    subject: Annotated[str | msgspec.UnsetType, SUBJECT] = msgspec.UNSET
    unsubscribe: Unsubscribe | msgspec.UnsetType = msgspec.UNSET
    sender_ids: Annotated[list[AnId] | msgspec.UnsetType, SENDERS] = msgspec.UNSET
    start_time: datetime | msgspec.UnsetType = msgspec.UNSET
    latest_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    delay_between_ms: Annotated[int | msgspec.UnsetType, DELAY_MS] = msgspec.UNSET
    jitter_percent: Annotated[int | msgspec.UnsetType, JITTER_PERCENT] = msgspec.UNSET
    calendar: CampaignCalendar | msgspec.UnsetType | None = msgspec.UNSET
    hourly_limit: Annotated[int | msgspec.UnsetType | None, HOURLY_LIMIT] = msgspec.UNSET
    share_percent: Annotated[int | msgspec.UnsetType | None, SHARE_PERCENT] = msgspec.UNSET
    on_unknown: OnUnknown | msgspec.UnsetType = msgspec.UNSET
    weight: Annotated[int | msgspec.UnsetType, WEIGHT] = msgspec.UNSET
    variants: Annotated[list[VariantPatch] | msgspec.UnsetType, VARIANTS] = msgspec.UNSET
    steps: Annotated[list[StepPatch] | msgspec.UnsetType, STEPS] = msgspec.UNSET
    reopen: bool | msgspec.UnsetType = msgspec.UNSET
    texts_version: TextsVersion | msgspec.UnsetType = msgspec.UNSET


class Again(msgspec.Struct, forbid_unknown_fields=True):
    """The recipients to write to again: `who` of a campaign, or of those who were to get a `step` (from 1)."""

    who: Who
    step: Annotated[int, STEP_NUMBER] | None = None


@get("/", opt={"role": VIEWER}, summary="List campaigns, newest first unless asked otherwise", responses=problems())
async def list_campaigns(
    pool: ThePool,
    user: TheUser,
    installation: TheInstallation,
    status: Annotated[CampaignStatus | None, QueryParameter(name="status")] = None,
    sender_id: SenderIdFilter = None,
    q: Annotated[str | None, QueryParameter(name="q", description="A part of the name.")] = None,
    archived: Annotated[
        bool, QueryParameter(name="archived", description="Those that were archived, in place of all others.")
    ] = False,
    order: Annotated[CampaignOrder, QueryParameter(name="order", description="By what they are sorted.")] = "newest",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Annotated[Page[Campaign], schema_name("CampaignPage")]:
    wanted = CampaignFilter(status, sender_id, q, archived)
    page = PageRequest(limit, cursor)
    return await campaigns.list_campaigns(pool, user.workspace_id, wanted, page, installation, order)


@get("/{id:int}", opt={"role": VIEWER}, summary="A campaign with its counts", responses=problems(HTTPStatus.NOT_FOUND))
async def get_campaign(pool: ThePool, user: TheUser, installation: TheInstallation, campaign_id: Id) -> Campaign:
    return await campaigns.get_campaign(pool, user.workspace_id, campaign_id, installation)


@get(
    "/{id:int}/forecast",
    opt={"role": VIEWER},
    summary="What was planned first, and what was sent",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_forecast(pool: ThePool, user: TheUser, campaign_id: Id) -> Forecast:
    return await forecast.of_campaign(pool, user.workspace_id, campaign_id)


@get(
    "/{id:int}/cancelled",
    opt={"role": VIEWER},
    summary="Why emails of a campaign were cancelled, in numbers",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_cancelled(pool: ThePool, user: TheUser, campaign_id: Id) -> CancelledBy:
    return await cancelled.of_campaign(pool, user.workspace_id, campaign_id)


@get(
    "/{id:int}/html",
    opt={"framed": True, "role": VIEWER},
    media_type=MediaType.HTML,
    summary="The HTML of a campaign, fit to be shown in a frame",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def show_campaign(pool: ThePool, user: TheUser, campaign_id: Id) -> Response[str]:
    campaign = await campaigns.get_campaign(pool, user.workspace_id, campaign_id)
    if campaign.body_html is None:
        raise NotFound("the campaign has no HTML")
    html = await files.shown(pool, user.workspace_id, campaign.body_html)
    return Response(html, media_type=MediaType.HTML)


@patch(
    "/{id:int}",
    opt={"role": MEMBER},
    request_max_body_size=MAX_BODY,
    summary="Change a campaign; new senders, times, delay, limit or calendar plan what waits again",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def change_campaign(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    quotas: TheQuotas,
    settings: TheSettings,
    campaign_id: Id,
    data: JSONBody[CampaignPatch],
) -> Campaign:
    given = msgspec.structs.asdict(data)
    changes = Changes(**given | addressed(given, settings.allow_internal_domains))
    if not isinstance(data.steps, msgspec.UnsetType):
        wanted = [one.to_domain(number) for number, one in enumerate(data.steps)]
        changes = msgspec.structs.replace(changes, steps=wanted)
    if not isinstance(data.variants, msgspec.UnsetType):
        changes = msgspec.structs.replace(changes, variants=[one.to_domain() for one in data.variants])
    if isinstance(data.calendar, CampaignCalendar):
        changes = msgspec.structs.replace(changes, calendar=checked(data.calendar))
    sandboxed = settings.sandboxed
    return await change.change(pool, user.workspace_id, campaign_id, changes, actor, quotas, sandboxed=sandboxed)


@post(
    "/{id:int}/pause",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Send nothing more of it for now",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def pause_campaign(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> Campaign:
    return await campaigns.pause(pool, user.workspace_id, campaign_id, actor)


@post(
    "/{id:int}/resume",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Go on with a paused campaign, planned again from now",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def resume_campaign(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> Campaign:
    return await campaigns.resume(pool, user.workspace_id, campaign_id, actor)


@post(
    "/{id:int}/cancel",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Cancel what waits; what is being sent finishes",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def cancel_campaign(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> Campaign:
    return await campaigns.cancel(pool, user.workspace_id, campaign_id, actor)


@post(
    "/{id:int}/variants/{variantId:int}/stop",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Send a variant no more; who would have got it gets another",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def stop_variant(
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    campaign_id: Id,
    variant_id: Annotated[int, PathParameter(name="variantId", ge=1, le=MAX_ID, description="Of the variant.")],
) -> Campaign:
    await variants.stop(pool, user.workspace_id, campaign_id, variant_id, actor)
    return await campaigns.get_campaign(pool, user.workspace_id, campaign_id)


@post(
    "/{id:int}/again",
    opt={"role": MEMBER},
    summary="Make a list of some of a campaign's recipients, to write to them again",
    description="As if it had been uploaded: schedule with its `id` as `listId`. Who is suppressed or was erased is "
    "left out.",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def list_again(
    pool: ThePool, user: TheUser, quotas: TheQuotas, campaign_id: Id, data: JSONBody[Again]
) -> StoredList:
    return await again.list_of(pool, user.workspace_id, campaign_id, data.who, data.step, quotas)


@post(
    "/{id:int}/archive",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Put a campaign that is over out of the list",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def archive_campaign(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> Campaign:
    return await keeping.archive(pool, user.workspace_id, campaign_id, actor, archived=True)


@delete(
    "/{id:int}/archive",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Put a campaign back into the list",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def unarchive_campaign(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> Campaign:
    return await keeping.archive(pool, user.workspace_id, campaign_id, actor, archived=False)


@delete(
    "/{id:int}",
    opt={"role": MEMBER},
    summary="Delete a campaign that is over, with its emails and texts; its counts and suppressions stay",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def delete_campaign(pool: ThePool, user: TheUser, actor: TheActor, campaign_id: Id) -> None:
    await keeping.delete(pool, user.workspace_id, campaign_id, actor)


router = Router(
    "/campaigns",
    tags=["campaigns"],
    route_handlers=[
        schedule_campaign,
        preview_campaign,
        send_test,
        render_message,
        show_rendered_html,
        move_up,
        moved_up,
        put_first,
        put_first_no_longer,
        list_campaigns,
        get_campaign,
        get_forecast,
        get_cancelled,
        show_campaign,
        change_campaign,
        pause_campaign,
        resume_campaign,
        cancel_campaign,
        stop_variant,
        list_again,
        archive_campaign,
        unarchive_campaign,
        delete_campaign,
    ],
)
