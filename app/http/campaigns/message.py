"""The fields of a message that every call about one has over HTTP: its texts, and what it has beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import msgspec

from app.bounds import LANGUAGE, TEXT
from app.domain.campaigns.beside import ATTACHMENTS, COPIES, HEADERS, addressed
from app.domain.campaigns.content import Content
from app.http.parameters import MAX_ID

AnId = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]


class MessageFields(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Without a `body`, one is made of `bodyHtml`, which shows pictures that were uploaded as
    `<img src="/api/files/12">`. `headers` are of one's own, `X-…`, with merge fields; `cc` and `bcc` get each message;
    `attachments` are ids of files.
    """

    subject: Annotated[str, TEXT]
    body: Annotated[str, TEXT] = ""
    body_html: Annotated[str | None, TEXT] = None
    language: Annotated[str | None, LANGUAGE] = None
    reply_to: str | None = None
    headers: Annotated[dict[str, str], HEADERS] = {}
    cc: Annotated[list[str], COPIES] = []
    bcc: Annotated[list[str], COPIES] = []
    attachments: Annotated[list[AnId], ATTACHMENTS] = []

    def content(self, internal: Collection[str]) -> Content:
        """`internal`: domains of the operator's network. Raises InvalidInput."""
        given = {name: getattr(self, name) for name in Content.__struct_fields__ if name in self.__struct_fields__}
        return Content(**given | addressed(given, internal))


class MessagePatch(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The changes to make to it; fields left out stay as they are, null removes where there may be none."""

    subject: Annotated[str | msgspec.UnsetType, TEXT] = msgspec.UNSET
    body: Annotated[str | msgspec.UnsetType, TEXT] = msgspec.UNSET
    body_html: Annotated[str | msgspec.UnsetType | None, TEXT] = msgspec.UNSET
    language: Annotated[str | msgspec.UnsetType | None, LANGUAGE] = msgspec.UNSET
    reply_to: str | msgspec.UnsetType | None = msgspec.UNSET
    headers: Annotated[dict[str, str] | msgspec.UnsetType, HEADERS] = msgspec.UNSET
    cc: Annotated[list[str] | msgspec.UnsetType, COPIES] = msgspec.UNSET
    bcc: Annotated[list[str] | msgspec.UnsetType, COPIES] = msgspec.UNSET
    attachments: Annotated[list[AnId] | msgspec.UnsetType, ATTACHMENTS] = msgspec.UNSET
