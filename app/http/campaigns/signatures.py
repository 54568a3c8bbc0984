"""Signatures of senders, over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import get, put
from litestar.params import JSONBody

from app.domain.campaigns import signatures
from app.domain.campaigns.signatures import SIGNATURE, Signature
from app.domain.workspaces.roles import MEMBER, VIEWER
from app.http.errors import problems
from app.http.parameters import Id, ThePool, TheUser


class SignatureBody(msgspec.Struct, forbid_unknown_fields=True):
    """A signature, whole: an empty text is none."""

    text: Annotated[str, SIGNATURE]
    html: Annotated[str | None, SIGNATURE] = None


@get(
    "/senders/{id:int}/signature",
    opt={"role": VIEWER},
    tags=["senders"],
    summary="What a sender's messages end with",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_signature(pool: ThePool, user: TheUser, sender_id: Id) -> Signature:
    return await signatures.get(pool, user.workspace_id, sender_id)


@put(
    "/senders/{id:int}/signature",
    opt={"role": MEMBER},
    tags=["senders"],
    summary="Change what a sender's messages end with, in campaigns that are scheduled from now on",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def put_signature(pool: ThePool, user: TheUser, sender_id: Id, data: JSONBody[SignatureBody]) -> Signature:
    return await signatures.put(pool, user.workspace_id, sender_id, Signature(data.text, data.html))
