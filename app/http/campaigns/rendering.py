"""A message shown before it is scheduled: the templates of a campaign filled in for one recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import MediaType, Response, post
from litestar.openapi.spec import Operation

from app.bounds import TEXT
from app.db import Pool
from app.domain.campaigns import files, signatures
from app.domain.campaigns.content import Content, Rendered
from app.domain.campaigns.signatures import Signature
from app.domain.senders import senders
from app.domain.workspaces import postal_addresses
from app.domain.workspaces.roles import VIEWER
from app.errors import InvalidInput, NotFound
from app.http.bodies import JSON, decode, read, require_content_type, room_for_body
from app.http.campaigns.message import MessageFields
from app.http.campaigns.schedule import UNREADABLE
from app.http.errors import AnyRequest, problems
from app.http.forms import MULTIPART, form_of
from app.http.openapi import one_of_forms
from app.http.parameters import MAX_ID, ThePool, TheSettings, TheUser
from app.mail.footer import Unsubscribe, example_url
from app.mail.quoting import quote
from app.settings import Settings

MAX_BODY = 8_000_000


class QuotedFields(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The message that a later step quotes: templates, too."""

    body: Annotated[str, TEXT] = ""
    body_html: Annotated[str | None, TEXT] = None


class RenderBody(MessageFields, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Templates and whom to fill them in for. Without `fields`, names in brackets stand for the values. With
    `senderId` it ends with that sender's signature, then with the workspace's postal address, and with `unsubscribe`
    as a campaign's messages do; a link is shown as it will look, and leads nowhere. `quoted` stands below it.
    """

    unsubscribe: Unsubscribe = "none"
    email: str
    fields: dict[str, str] | None = None
    sender_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None
    quoted: QuotedFields | None = None

    async def render(self, pool: Pool, workspace_id: int, settings: Settings) -> Rendered:
        """Raises InvalidInput."""
        content = self.content(settings.allow_internal_domains)
        signature, who = Signature(""), "…"
        if self.sender_id is not None:
            try:
                signature = await signatures.get(pool, workspace_id, self.sender_id)
                sender = await senders.get_sender(pool, workspace_id, self.sender_id)
            except NotFound as error:
                raise InvalidInput({"senderId": error.detail}) from None
            who = sender.display_name or sender.email
        postal_address = await postal_addresses.get(pool, workspace_id)

        def sign(sent: Content) -> Content:
            return signatures.signed(sent, signature.text, signature.html)

        url = example_url(settings.base_url)
        rendered = await content.render(
            self.email,
            self.fields,
            workspace_id,
            lambda sent: sign(sent).addressed(postal_address),
            unsubscribe_url=url,
        )
        if self.quoted is None:
            return rendered
        before = msgspec.structs.replace(
            content, body=self.quoted.body, body_html=self.quoted.body_html, headers={}, unsubscribe="none"
        )
        # As `texts.quoted` has it: the postal address stands at the end of the whole.
        shown = await before.render(self.email, self.fields, workspace_id, sign, unsubscribe_url=url)
        day = datetime.now(UTC).date()
        return rendered.quoting(quote(shown.text, shown.html, who=who, day=day, language=self.language))


class RenderForm(msgspec.Struct, forbid_unknown_fields=True):
    """The same, as text in a field of a form: a form is what a page can send into a frame."""

    request: str


@dataclass
class MessageOperation(Operation):
    """Documents the body, which the handler reads by itself."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({JSON: RenderBody}, (QuotedFields,))


class RenderOperation(Operation):
    """Documents the form, which the handler reads by itself."""

    def __post_init__(self) -> None:
        self.request_body = one_of_forms({MULTIPART: RenderForm})


@post(
    "/render",
    status_code=HTTPStatus.OK,
    summary="What one recipient would get; nothing is written",
    request_max_body_size=MAX_BODY,
    operation_class=MessageOperation,
    responses=problems(*UNREADABLE),
    opt={"role": VIEWER, "scope": "read"},
)
async def render_message(request: AnyRequest, pool: ThePool, user: TheUser, settings: TheSettings) -> Rendered:
    require_content_type(request, JSON)
    async with room_for_body(request):  # until it is rendered: what waits for that is in memory
        body = decode(await read(request, at_most=MAX_BODY), RenderBody)
        return await body.render(pool, user.workspace_id, settings)


@post(
    "/render/html",
    status_code=HTTPStatus.OK,
    media_type=MediaType.HTML,
    summary="The HTML that one recipient would get, fit to be shown in a frame",
    request_max_body_size=MAX_BODY,
    operation_class=RenderOperation,
    responses=problems(*UNREADABLE),
    opt={"framed": True, "role": VIEWER, "scope": "read"},
)
async def show_rendered_html(request: AnyRequest, pool: ThePool, user: TheUser, settings: TheSettings) -> Response[str]:
    require_content_type(request, MULTIPART)
    async with room_for_body(request):
        async with form_of(request) as form:
            text = form.texts.get("request")
        if text is None:
            raise InvalidInput({"request": "is missing; give the JSON that /render takes"})
        body = decode(text.encode(), RenderBody)
        rendered = await body.render(pool, user.workspace_id, settings)
    html = await files.shown(pool, user.workspace_id, rendered.html or "")
    return Response(html, media_type=MediaType.HTML)
