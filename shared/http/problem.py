"""Every error of an HTTP service as a problem (RFC 9457, `application/problem+json`)."""

import logging
import math
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta, Struct

from shared.errors import (
    BadInput,
    EchoBaseError,
    Full,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
MOST_BODY = 10_000_000
"""Bytes of a body that is no upload, for `Litestar(request_max_body_size=…)`."""
RETRY_AFTER = 5
"""Seconds after which a caller may try again what is unavailable."""

_TOO_LARGE = TooLarge(
    f"The body has more than {MOST_BODY} bytes.", field="body", limit=f"{MOST_BODY} bytes"
)
_log = logging.getLogger(__name__)
_MISSING = re.compile(r"[Mm]issing required .*parameter '([^']+)'")


Handler = Callable[[Request[object, object, State], Exception], "Response[Problem]"]


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong."""

    type: Annotated[str, Meta(description="`about:blank`, or `urn:echobase:<code>`")]
    title: Annotated[str, Meta(description="The kind of problem")]
    status: Annotated[int, Meta(description="HTTP status")]
    detail: Annotated[str, Meta(description="A sentence for people")]
    field: Annotated[str | None, Meta(description="Part of the request at fault")] = None
    limit: Annotated[str | None, Meta(description="What would have been allowed")] = None


class ProblemError(EchoBaseError):
    """A problem with a status of its own, such as 404 or 409."""

    code = "problem"

    def __init__(self, status: int, detail: str, *, code: str | None = None) -> None:
        """`code` makes the problem's type `urn:echobase:<code>`."""
        super().__init__(detail)
        self.status = status
        self.problem_code = code


def problem_of(error: Exception) -> tuple[Problem, Mapping[str, str]]:
    """The problem by which an error is answered, and the headers that go with it."""
    match error:
        case ProblemError():
            return _problem(error.status, str(error), error.problem_code), {}
        case BadInput():
            asked = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else {}
            return _bad_input(error), asked
        case TooManyRequests():
            headers = {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
            return _problem(429, str(error), error.code), headers
        case Full():
            return _problem(507, str(error), error.code), {}
        case Unavailable():
            headers = {"Retry-After": str(RETRY_AFTER)}
            return _problem(503, str(error), error.code), headers
        case ValidationException():
            return _validation(error), {}
        case HTTPException() if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return _http(error), error.headers or {}
        case _:
            return _problem(500, "The server failed; its log says why."), {}


def _http(error: HTTPException) -> Problem:
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _bad_input(_TOO_LARGE)
    return _problem(error.status_code, error.detail)


def exception_handlers() -> dict[int | type[Exception], Handler]:
    """For `Litestar(exception_handlers=…)`: every exception there is."""
    return {HTTPException: _answer, EchoBaseError: _answer, Exception: _answer}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """For a handler's `responses=`: documents the problems that it may answer with."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=HTTPStatus(status).phrase,
            media_type=MEDIA_TYPE,
        )
        for status in statuses
    }


def response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response[Problem]:
    """A problem as a response."""
    return Response(
        problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def _answer(request: Request[object, object, State], error: Exception) -> Response[Problem]:
    problem, headers = problem_of(error)
    if isinstance(error, NotFoundException | MethodNotAllowedException):
        problem = msgspec.structs.replace(problem, detail=_no_route(request, headers))
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", extra={"method": request.method}, exc_info=error)
    return response(problem, headers)


def _no_route(request: Request[object, object, State], headers: Mapping[str, str]) -> str:
    """Why the router found nothing, whose own words are those of the title."""
    path = repr(request.url.path[:200])
    if allowed := headers.get("allow"):
        return f"{path} takes {allowed}, not {request.method}."
    return f"There is nothing at {path}."


def _problem(status: int, detail: str, code: str | None = None) -> Problem:
    return Problem(
        type=f"urn:echobase:{code}" if code else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
    )


def _bad_input(error: BadInput) -> Problem:
    return Problem(
        type=f"urn:echobase:{error.code}",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=str(error),
        field=error.field,
        limit=error.limit,
    )


class _Complaint(Struct):
    """One of Litestar's findings about a request."""

    message: str
    key: str | None = None


def _validation(error: ValidationException) -> Problem:
    try:
        found = msgspec.convert(error.extra or [], list[_Complaint])
    except msgspec.ValidationError:
        found = []
    named = _MISSING.search(error.detail)
    return Problem(
        type=f"urn:echobase:{BadInput.code}",
        title=HTTPStatus.BAD_REQUEST.phrase,
        status=HTTPStatus.BAD_REQUEST,
        detail="; ".join(f"{c.key}: {c.message}" if c.key else c.message for c in found)
        or error.detail,
        field=found[0].key if found else named and named[1],
    )
