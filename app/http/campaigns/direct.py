"""Direct mail over HTTP: a test of what is being written, to oneself."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import post
from litestar.openapi.spec import Operation

from app.bounds import LABEL, SUBJECT
from app.domain.campaigns import direct
from app.domain.campaigns.direct import Direct
from app.domain.campaigns.lacking import IfBlank
from app.domain.planning import waiting
from app.domain.planning.reasons import Waiting
from app.domain.workspaces.roles import MEMBER
from app.http.bodies import JSON, decode, read, require_content_type, room_for_body
from app.http.campaigns.message import AnId, MessageFields
from app.http.campaigns.rendering import MAX_BODY
from app.http.campaigns.schedule import UNREADABLE
from app.http.errors import AnyRequest, problems
from app.http.openapi import one_of_forms
from app.http.parameters import TheActor, TheInstallation, ThePool, TheQuotas, TheSettings, TheUser
from app.mail.footer import Unsubscribe


class TestBody(MessageFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A message to try, filled in with `fields`; goes to `email`, or to the one who asks, and to its copies. `ifBlank`
    and `unsubscribe`: as for a campaign, the latter `none` where it is left out; a link works. To an address that is
    written to no more it goes only if that is confirmed (`despiteSuppression`). With `afterSeconds` it goes so much
    later: the steps of a campaign are tried a minute apart.
    """

    subject: Annotated[str, SUBJECT]
    unsubscribe: Unsubscribe = "none"
    name: Annotated[str | None, LABEL] = None
    sender_id: AnId | None = None
    email: str | None = None
    fields: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    if_blank: dict[str, IfBlank] = msgspec.field(default_factory=dict[str, IfBlank])
    despite_suppression: bool = False
    after_seconds: Annotated[int, msgspec.Meta(ge=0, le=3_600)] = 0


class Posted(msgspec.Struct, rename="camel"):
    """The email, to be followed in the ledger; `waiting`: why it may not go this moment."""

    campaign_id: int
    email_id: int
    recipient: str
    waiting: Waiting


@dataclass
class TestOperation(Operation):
    """Documents the body, which the handler reads by itself."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({JSON: TestBody})


@post(
    "/test",
    opt={"role": MEMBER},
    summary="Send a test at once, ahead of all that is planned, within the sender's limits",
    request_max_body_size=MAX_BODY,
    operation_class=TestOperation,
    responses=problems(HTTPStatus.CONFLICT, *UNREADABLE),
)
async def send_test(
    request: AnyRequest,
    pool: ThePool,
    user: TheUser,
    actor: TheActor,
    quotas: TheQuotas,
    settings: TheSettings,
    installation: TheInstallation,
) -> Posted:
    require_content_type(request, JSON)
    async with room_for_body(request):
        asked = decode(await read(request, at_most=MAX_BODY), TestBody)
        mail = Direct(
            name=asked.name or f"Test: {asked.subject}",
            content=asked.content(settings.allow_internal_domains),
            recipient=user.email if asked.email is None else asked.email,
            fields=asked.fields,
            sender_id=asked.sender_id,
            if_blank=asked.if_blank,
            insists=asked.despite_suppression,
            after_s=asked.after_seconds,
            internal=frozenset(settings.allow_internal_domains),
        )
        posted = await direct.post(pool, user.workspace_id, mail, actor, quotas)
    why = await waiting.of_email(pool, user.workspace_id, posted.email_id, installation)
    return Posted(posted.campaign_id, posted.email_id, posted.recipient, why)
