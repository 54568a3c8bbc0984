"""From exceptions to answers: the only place where a failure becomes a status code.

Every failure is answered as problem details (RFC 9457), unknown exceptions included: those say nothing of what is
inside, and leave a traceback in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.enums import ParamType
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.openapi import ResponseSpec

from app.domain.recipients.lists import Rejected
from app.errors import (
    AppError,
    BeingChanged,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from app.http.validation import invalid_parameters

AnyRequest = Request[Any, Any, Any]

_log = logging.getLogger(__name__)

_STATUS: Mapping[type[AppError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
}

# Words on what Litestar itself refuses before a handler is reached, in more words than the phrase of the status.
_DETAIL = {
    HTTPStatus.NOT_FOUND: "there is nothing at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take this method; the header Allow says which it takes",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the request is larger than this address takes",
}


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field, by its name in the request."""

    field: str
    detail: str


class Problem(msgspec.Struct, kw_only=True):
    """RFC 9457 problem details. `errors` comes with 422, `rejected` where recipients were refused one by one."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: Sequence[FieldError] | msgspec.UnsetType = msgspec.UNSET
    rejected: Sequence[Rejected] | msgspec.UnsetType = msgspec.UNSET


def _answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response[Problem]:
    return Response(problem, status_code=problem.status, headers=headers, media_type="application/problem+json")


def _app_error(request: AnyRequest, error: AppError) -> Response[Problem]:
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    problem = Problem(
        type=f"urn:reachinbox:problem:{error.code}",
        title=status.phrase,
        status=status,
        detail=error.detail,
        instance=request.scope["path"],
    )
    if isinstance(error, InvalidInput):
        problem.errors = [FieldError(name, why) for name, why in error.fields.items()]
        if error.rejected:
            problem.rejected = cast(Sequence[Rejected], error.rejected)
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    if error.retry_s is not None:
        headers = {"Retry-After": str(error.retry_s)}
    return _answer(problem, headers)


def _http_exception(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unknown(request, error)
    status = HTTPStatus(error.status_code)
    problem = Problem(
        title=status.phrase,
        status=status,
        detail=_DETAIL.get(status, error.detail),
        instance=request.scope["path"],
    )
    return _answer(problem, error.headers)


def _validation(request: AnyRequest, error: ValidationException) -> Response[Problem]:
    """Parameters that do not fit their types. A path that does not name a possible id names nothing."""
    faults = cast("list[dict[str, str]] | None", error.extra)
    if not faults:
        return _http_exception(request, error)
    if any(fault.get("source") == ParamType.PATH for fault in faults):
        return _http_exception(request, NotFoundException())
    return _app_error(request, invalid_parameters(request.route_handler, faults))


def _unknown(request: AnyRequest, error: Exception) -> Response[Problem]:
    _log.error("%s %r failed", request.method, request.scope["path"], exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    problem = Problem(
        title=status.phrase,
        status=status,
        detail="the service failed to answer; its log says why",
        instance=request.scope["path"],
    )
    return _answer(problem)


def database_unavailable(request: AnyRequest, error: Exception) -> Response[Problem]:
    """The database is down, refuses connections, or is too slow to give one."""
    _log.error("%s %r: the database is unavailable: %s", request.method, request.scope["path"], error)
    return _app_error(request, Unavailable("the database does not answer; try again in a moment"))


def workspace_deleted(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Somebody deleted the workspace while the request was under way; the database undid what it had begun."""
    del error
    return _app_error(request, Conflict("the workspace has just been deleted; nothing was done"))


def held_by_others(request: AnyRequest, error: Exception) -> Response[Problem]:
    """A lock was not to be had in time."""
    _log.warning("%s %r: a lock was not to be had: %s", request.method, request.scope["path"], error)
    return _app_error(request, BeingChanged())


HANDLERS: Mapping[type[Exception], Any] = {
    **dict.fromkeys(_STATUS, _app_error),
    HTTPException: _http_exception,
    ValidationException: _validation,
    Exception: _unknown,
}


def problems(*statuses: HTTPStatus) -> dict[int, ResponseSpec]:
    """The failures in a handler's documentation: those any request may meet, and `statuses`."""
    always = (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    return {
        int(status): ResponseSpec(
            Problem, generate_examples=False, description=status.phrase, media_type="application/problem+json"
        )
        for status in sorted({*always, *statuses})
    }
