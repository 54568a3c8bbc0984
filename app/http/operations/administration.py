"""Acts of the installation's administrator over HTTP: on accounts, their log, and invitations to make one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import JSONBody, QueryParameter

from app.domain.accounts import administration, password_changes, registration, removal
from app.domain.accounts.administration import Account, Disabled
from app.domain.accounts.password_changes import ResetLink
from app.domain.accounts.registration import Invitation
from app.domain.pages import Page, PageRequest
from app.domain.workspaces import audit
from app.domain.workspaces.audit import Entry
from app.http.accounts.login import ADMIN
from app.http.auth import people_only, require_admin
from app.http.errors import problems
from app.http.openapi import schema_name
from app.http.parameters import Cursor, Id, Limit, TheActor, ThePool, TheSettings, TheTerms
from app.secrets import secret_keys


class InvitationBody(msgspec.Struct, forbid_unknown_fields=True):
    """Without `email` the invitation is for whoever has the link."""

    email: str | None = None


class DisablingBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`pauseCampaigns`: also those that run in workspaces which the account alone owns."""

    pause_campaigns: bool = False


class RemovalBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """`heirId`: the account that gets the workspaces which nobody else owns; null: they are deleted. What only a
    disabled account owns, too, goes to the heir, and with null stays that account's.
    """

    heir_id: int | None = None


@get("/users", opt={"role": None}, summary="List accounts, oldest first", responses=problems(HTTPStatus.FORBIDDEN))
async def list_users(
    pool: ThePool,
    limit: Limit = 50,
    cursor: Cursor = None,
    q: Annotated[str | None, QueryParameter(name="q", description="What the address has in it, in any case.")] = None,
) -> Annotated[Page[Account], schema_name("AccountPage")]:
    return await administration.list_accounts(pool, PageRequest(limit, cursor), q)


@post(
    "/users/{id:int}/disable",
    opt={"role": None},
    status_code=HTTPStatus.OK,
    summary="Let nobody in by an account any more: no login, session or API key",
    description="Its workspaces go on. One's own account and the last administrator's stay: 409.",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def disable_user(pool: ThePool, actor: TheActor, account_id: Id, data: JSONBody[DisablingBody]) -> Disabled:
    return await administration.disable(pool, actor, account_id, pause_campaigns=data.pause_campaigns)


@post(
    "/users/{id:int}/enable",
    opt={"role": None},
    status_code=HTTPStatus.OK,
    summary="Let a disabled account in again; its API keys work as before",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def enable_user(pool: ThePool, actor: TheActor, account_id: Id) -> Account:
    return await administration.enable(pool, actor, account_id)


@post(
    "/users/{id:int}/end-sessions",
    opt={"role": None},
    status_code=HTTPStatus.OK,
    summary="Log an account out everywhere",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def end_sessions(pool: ThePool, actor: TheActor, account_id: Id) -> Account:
    return await administration.end_sessions(pool, actor, account_id)


@post(
    "/users/{id:int}/revoke-keys",
    opt={"role": None},
    status_code=HTTPStatus.OK,
    summary="Revoke all API keys that an account has made, in whichever workspace",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def revoke_keys(pool: ThePool, actor: TheActor, account_id: Id) -> Account:
    return await administration.revoke_keys(pool, actor, account_id)


@post(
    "/users/{id:int}/reset-link",
    guards=[people_only],
    opt={"role": None},
    status_code=HTTPStatus.OK,
    summary="Make a link to a new password, for an account that mail does not reach; the token is shown this once",
    description="It works once, within an hour, at /reset-password?token=. A person logged in makes it, and no key. "
    "One's own account and a disabled one get none: 409.",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def make_reset_link(pool: ThePool, settings: TheSettings, actor: TheActor, account_id: Id) -> ResetLink:
    signer = password_changes.reset_signer(*secret_keys(settings))
    return await password_changes.make_reset_link(pool, signer, actor, account_id)


@post(
    "/users/{id:int}/remove",
    opt={"role": None},
    status_code=HTTPStatus.NO_CONTENT,
    summary="Remove an account for good; what it alone owned is handed over or deleted",
    description="Its keys end everywhere. Refused with 409: one's own account, the last administrator's, and, without "
    "an heir, while campaigns in its workspaces are not over.",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def remove_user(
    pool: ThePool, terms: TheTerms, actor: TheActor, account_id: Id, data: JSONBody[RemovalBody]
) -> None:
    await removal.remove(pool, terms, actor, account_id, data.heir_id)


@get(
    "/audit",
    opt={"role": None},
    summary="What was done to all accounts and to the installation, newest first",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def list_accounts_audit(
    pool: ThePool, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Entry], schema_name("AuditPage")]:
    return await audit.list_entries(pool, None, None, PageRequest(limit, cursor), of_accounts=True)


@get(
    "/invitations",
    opt={"role": None},
    summary="List invitations, newest first",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def list_invitations(
    pool: ThePool, limit: Limit = 50, cursor: Cursor = None
) -> Annotated[Page[Invitation], schema_name("InvitationPage")]:
    return await registration.list_invitations(pool, PageRequest(limit, cursor))


@post(
    "/invitations",
    opt={"role": None},
    summary="Invite somebody; the token is shown this once",
    responses=problems(HTTPStatus.FORBIDDEN),
)
async def invite(pool: ThePool, actor: TheActor, data: JSONBody[InvitationBody]) -> Invitation:
    return await registration.invite(pool, actor, data.email)


@delete(
    "/invitations/{id:int}",
    opt={"role": None},
    summary="Take an invitation back",
    responses=problems(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
)
async def revoke_invitation(pool: ThePool, actor: TheActor, invitation_id: Id) -> None:
    await registration.revoke_invitation(pool, actor, invitation_id)


admin = Router(
    "/admin",
    tags=["administration"],
    guards=[require_admin],
    opt={"scope": ADMIN},
    route_handlers=[
        list_users,
        disable_user,
        enable_user,
        end_sessions,
        revoke_keys,
        make_reset_link,
        remove_user,
        list_accounts_audit,
        list_invitations,
        invite,
        revoke_invitation,
    ],
)
