"""What OpenAI's clients are told: errors in their shape, with statuses that they understand."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar

from litestar import Request, Response
from litestar.datastructures import State
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from msgspec import Meta, Struct

from services.ingest.waiting import Erased, VersionFailed
from shared.errors import BadInput, EchoBaseError, Forbidden, Full, NotAudio, Unauthorized
from shared.http import problem

ErrorHandler = Callable[[Request[object, object, State], Exception], "Response[ErrorAnswer]"]

_PATHS = re.compile(r"/v1/(audio/(transcriptions|translations)|models(/.*)?)/?\Z")
_log = logging.getLogger(__name__)


class ErrorView(Struct, frozen=True, kw_only=True):
    """What went wrong."""

    message: Annotated[str, Meta(description="A sentence for people")]
    type: Annotated[str, Meta(description="The kind of error")]
    param: Annotated[str | None, Meta(description="The parameter at fault, if it is one")] = None
    code: Annotated[str | None, Meta(description="A stable word for programs")] = None


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """An error, as OpenAI's API gives it."""

    error: Annotated[ErrorView, Meta(description="What went wrong")]


class Unsupported(BadInput):
    """A parameter, or a value of it, that EchoBase cannot honor."""

    code: ClassVar[str] = "unsupported_value"


class UnknownParameter(BadInput):
    """There is no such parameter."""

    code: ClassVar[str] = "unknown_parameter"


class MissingParameter(BadInput):
    """A parameter is missing that must be there."""

    code: ClassVar[str] = "missing_required_parameter"


class UnknownModel(BadInput):
    """The site offers no such model."""

    code: ClassVar[str] = "model_not_found"
    status: ClassVar[int] = 404


class Postponed(EchoBaseError):
    """The recording is kept, and its transcript is not there; asked again, it is the same one."""

    code = "not-ready"

    def __init__(self, why: EchoBaseError, recording: str) -> None:
        """`recording`: its address."""
        super().__init__(f"{why} Send the same again, or look at {recording}.")
        self.recording = recording
        self.why = why


_OF_VERSIONS: Mapping[str, tuple[int, str | None, str]] = {
    "model-unavailable": (404, "model", UnknownModel.code),
    "not-supported": (400, None, "not-supported"),
    "not-audio": (400, "file", "not-audio"),
    "too-large": (413, "file", "too-large"),
}
"""Status, parameter and code by why a version failed; of other reasons the site is to blame."""
_FOR_GOOD = {"x-should-retry": "false"}
"""Tells OpenAI's clients that sending it again is in vain."""


def view(error: Exception) -> tuple[int, ErrorView, Mapping[str, str]]:
    """Status, error and headers by which an exception is answered."""
    match error:
        case Postponed():
            _, headers = problem.problem_of(error.why)
            retry = headers.get("Retry-After", str(problem.RETRY_AFTER))
            found = _view(503, str(error), code=error.why.code)
            return 503, found, {"Retry-After": retry, "Location": error.recording}
        case VersionFailed():
            status, param, code = _OF_VERSIONS.get(error.why, (500, None, error.why))
            said = f"The recording could not be transcribed: {error}"
            return status, _view(status, said, param, code), _FOR_GOOD
        case Erased():
            return 410, _view(410, str(error), code=error.code), _FOR_GOOD
        case Full():
            headers = {"Retry-After": str(problem.RETRY_AFTER)}
            return 503, _view(503, str(error), code=error.code), headers
        case _:
            return _of_problem(error)


def answer_error(
    request: Request[object, object, State], error: Exception
) -> Response[ErrorAnswer]:
    """The answer to a request that came to nothing."""
    status, found, headers = view(error)
    if not isinstance(error, EchoBaseError | HTTPException):
        _log.error("request failed", extra={"method": request.method}, exc_info=error)
    return Response(
        ErrorAnswer(error=found),
        status_code=status,
        media_type=MediaType.JSON,
        headers=dict(headers),
    )


IN_OPENAIS_SHAPE: dict[int | type[Exception], ErrorHandler] = {
    HTTPException: answer_error,
    EchoBaseError: answer_error,
    Exception: answer_error,
}
"""For a handler's `exception_handlers=`: each kind that the application answers otherwise."""


def on_its_paths(
    otherwise: problem.Handler,
) -> Callable[
    [Request[object, object, State], Exception],
    "Response[ErrorAnswer] | Response[problem.Problem]",
]:
    """For errors of a wrong method, which belong to no route: in OpenAI's shape on its paths."""

    def answer(
        request: Request[object, object, State], error: Exception
    ) -> Response[ErrorAnswer] | Response[problem.Problem]:
        if _PATHS.search(request.url.path):
            return answer_error(request, error)
        return otherwise(request, error)

    return answer


def described(*statuses: int) -> dict[int, ResponseSpec]:
    """For a handler's `responses=`: the errors that it may answer with."""
    return {
        status: ResponseSpec(
            ErrorAnswer,
            generate_examples=False,
            description=_EXAMPLES[status][0],
            examples=[Example(summary=_EXAMPLES[status][0], value={"error": _EXAMPLES[status][1]})],
        )
        for status in statuses
    }


def _of_problem(error: Exception) -> tuple[int, ErrorView, Mapping[str, str]]:
    found, headers = problem.problem_of(error)
    status = 400 if isinstance(error, NotAudio) else found.status
    param, code = None, found.type.rpartition(":")[2] if ":" in found.type else None
    if isinstance(error, Unauthorized):
        code = "invalid_api_key"
    elif isinstance(error, Forbidden):
        code = error.code
    elif isinstance(error, BadInput):
        param, code = error.field, "invalid_value" if type(error) is BadInput else error.code
    return status, _view(status, found.detail, param, _known(code)), headers


def _known(code: str | None) -> str | None:
    return None if code in (None, "blank") else code


def _view(
    status: int, message: str, param: str | None = None, code: str | None = None
) -> ErrorView:
    kind = "invalid_request_error"
    if status == 429:
        kind = "rate_limit_error"
    elif status >= 500:
        kind = "server_error"
    return ErrorView(message=message, type=kind, param=param, code=code)


def _example(
    status: int, message: str, param: str | None = None, code: str | None = None
) -> dict[str, str | None]:
    found = _view(status, message, param, code)
    return {
        "message": found.message,
        "type": found.type,
        "param": found.param,
        "code": found.code,
    }


_RECORDING = "http://localhost:3000/v1/recordings/5d41402abc4b2a76b9719d911017c592"
_EXAMPLES: Mapping[int, tuple[str, Mapping[str, str | None]]] = {
    400: (
        "A parameter is wrong, or cannot be honored, or the file is no audio",
        _example(400, "Of `temperature` only 0 is possible.", "temperature", "unsupported_value"),
    ),
    401: (
        "The key is missing or wrong",
        _example(401, "The key is missing or wrong.", None, "invalid_api_key"),
    ),
    403: (
        "The key lacks a scope, or does not reach the channel",
        _example(403, "The key lacks the scope ingest and read.", None, "forbidden"),
    ),
    404: (
        "The site offers no such model",
        _example(404, "There is no model 'gpt-9' here.", "model", "model_not_found"),
    ),
    408: ("The upload stalled", _example(408, "Nothing came for 60 seconds.", "body", "too-slow")),
    410: (
        "The recording was deleted meanwhile",
        _example(410, "The recording was deleted.", None, "deleted"),
    ),
    413: (
        "The audio is too large, or too long",
        _example(413, "The audio has more than 524288000 bytes …", "file", "too-large"),
    ),
    429: (
        "The key made too many calls",
        _example(429, "The key made too many calls.", None, "too-many-requests"),
    ),
    500: (
        "No transcript will come",
        _example(500, "The recording could not be transcribed: …", None, "too-many-attempts"),
    ),
    503: (
        "Not ready in time, or store, broker or room is lacking; sent again, it is the same one",
        _example(
            503,
            "The transcript was not ready within 300 seconds."
            f" Send the same again, or look at {_RECORDING}.",
            None,
            "not-ready",
        ),
    ),
}
