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
from app.http.campaigns.message import TextsVersion
from app.http.errors import problems
from app.http.parameters import Id, ThePool, TheUser


class KeptSignature(msgspec.Struct, rename="camel"):
    """A signature as it stands: an empty text is none."""

    text: str
    html: str | None
    texts_version: str

    @classmethod
    def of(cls, signature: Signature) -> KeptSignature:
        return cls(signature.text, signature.html, signature.version)


class SignatureBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A signature, whole: an empty text is none. With the `textsVersion` of the one that it replaces, no other is
    written over: 409 `texts_changed`.
    """

    text: Annotated[str, SIGNATURE]
    html: Annotated[str | None, SIGNATURE] = None
    texts_version: TextsVersion | msgspec.UnsetType = msgspec.UNSET


@get(
    "/senders/{id:int}/signature",
    opt={"role": VIEWER},
    tags=["senders"],
    summary="What a sender's messages end with",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def get_signature(pool: ThePool, user: TheUser, sender_id: Id) -> KeptSignature:
    return KeptSignature.of(await signatures.get(pool, user.workspace_id, sender_id))


@put(
    "/senders/{id:int}/signature",
    opt={"role": MEMBER},
    tags=["senders"],
    summary="Change what a sender's messages end with, in campaigns that are scheduled from now on",
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def put_signature(pool: ThePool, user: TheUser, sender_id: Id, data: JSONBody[SignatureBody]) -> KeptSignature:
    signature = Signature(data.text, data.html)
    version = None if data.texts_version is msgspec.UNSET else data.texts_version
    return KeptSignature.of(await signatures.put(pool, user.workspace_id, sender_id, signature, version))
