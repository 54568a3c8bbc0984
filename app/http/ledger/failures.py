"""Failed emails, over HTTP: by reason, and a person's word on one, many or all of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody

from app.domain.ledger import failure_decisions, mending
from app.domain.ledger.failure_decisions import CHOSEN, Failed, FailureDecision, Failures, FailureVerb
from app.domain.ledger.mending import CORRECTIONS, Correction, Mended
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.http.errors import problems
from app.http.parameters import (
    MAX_ID,
    CampaignIdFilter,
    Id,
    TheActor,
    ThePool,
    TheQuotas,
    TheSettings,
    TheUser,
)
from app.mail.failures import FailureReason


class FailureWord(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`RETRY`: send them again. `PUT_ASIDE`: nothing more. `SUPPRESS`: write to these recipients no more. On `ids`,
    or on all that failed so far: for a `reason` and of a campaign, where they are given.
    """

    verb: FailureVerb
    ids: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]] | None, CHOSEN] = None
    reason: FailureReason | None = None
    campaign_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None


class Corrections(msgspec.Struct, forbid_unknown_fields=True):
    """Each by itself: one that cannot be made keeps no other from it."""

    corrections: Annotated[list[Correction], CORRECTIONS]


@get(
    "/",
    opt={"role": VIEWER},
    summary="What failed and waits for a person's word, by its reason, and how far words on many have come",
    responses=problems(),
)
async def get_failures(pool: ThePool, user: TheUser, campaign_id: CampaignIdFilter = None) -> Failures:
    return await failure_decisions.read(pool, user.workspace_id, campaign_id)


@post(
    "/decisions",
    opt={"role": MEMBER},
    summary="Decide on emails that failed: some, or all of a reason or a campaign",
    description="Of many the first thousand are decided on before the answer, the rest in the background: "
    "`GET /api/failures/decisions/{id}` says how far that is. What fails after the decision waits for another one.",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def decide_on_failures(
    pool: ThePool, user: TheUser, actor: TheActor, quotas: TheQuotas, data: JSONBody[FailureWord]
) -> FailureDecision:
    failed = Failed(ids=data.ids, reason=data.reason, campaign_id=data.campaign_id)
    return await failure_decisions.decide(pool, user.workspace_id, data.verb, failed, actor, quotas)


@get(
    "/decisions/{id:int}",
    opt={"role": VIEWER},
    summary="How far a decision on many has come",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_failure_decision(pool: ThePool, user: TheUser, decision_id: Id) -> FailureDecision:
    return await failure_decisions.get(pool, user.workspace_id, decision_id)


@post(
    "/corrections",
    opt={"role": MEMBER},
    status_code=HTTPStatus.OK,
    summary="Send emails that failed to corrected addresses",
    responses=problems(),
)
async def correct_addresses(
    pool: ThePool, user: TheUser, actor: TheActor, settings: TheSettings, data: JSONBody[Corrections]
) -> Mended:
    internal = settings.allow_internal_domains
    return await mending.mend_many(pool, user.workspace_id, data.corrections, actor, internal)


router = Router(
    "/failures",
    tags=["emails"],
    route_handlers=[get_failures, decide_on_failures, get_failure_decision, correct_addresses],
)
