"""What senders of calls are told: plain text, in the words of the server whose protocol it is."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from litestar import Request, Response
from litestar.datastructures import State
from litestar.enums import MediaType
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from shared.errors import EchoBaseError
from shared.http import problem

TextHandler = Callable[[Request[object, object, State], Exception], Response[str]]
Answer = TypeVar("Answer")
_DOORS = re.compile(r"/(api/(trunk-recorder-)?call-upload|openmhz/[^/]+/(upload|authorize))/?\Z")

_log = logging.getLogger(__name__)


class Reply(EchoBaseError):
    """A call that is not taken, and the words of its protocol for it."""

    code = "call-refused"

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text.strip())
        self.status = status
        self.text = text


class Probe(Reply):
    """Not a call: a sender that asks whether all is well, and is told so."""

    code = "probe"


def say(text: str, status: int = 200) -> Response[str]:
    """A text as an answer."""
    return Response(text, status_code=status, media_type=MediaType.TEXT)


def answer_error(request: Request[object, object, State], error: Exception) -> Response[str]:
    """The answer to a call that was not taken, and a line in the log: the call may be lost."""
    if isinstance(error, Reply):
        status, text = error.status, error.text
    else:
        found, _ = problem.problem_of(error)
        status, text = found.status, f"{found.detail}\n"
    extra = {"path": request.url.path[:200], "status": status, "reason": text.strip()[:500]}
    unexpected = not isinstance(error, EchoBaseError)
    level = logging.INFO if isinstance(error, Probe) else logging.WARNING
    _log.log(level, "call not taken", extra=extra, exc_info=error if unexpected else None)
    return say(text, status)


IN_TEXT: dict[int | type[Exception], TextHandler] = {
    HTTPException: answer_error,
    EchoBaseError: answer_error,
    Exception: answer_error,
}
"""For a handler's `exception_handlers=`: each kind that the application answers otherwise."""


def by_method(
    otherwise: Callable[[Request[object, object, State], Exception], Answer],
) -> Callable[[Request[object, object, State], Exception], Response[str] | Answer]:
    """For errors of a wrong method, which belong to no route: in text where a door of ours is."""

    def answer(request: Request[object, object, State], error: Exception) -> Response[str] | Answer:
        if _DOORS.search(request.url.path):
            answer = say("Unsupported method\n", 405)
            if isinstance(error, MethodNotAllowedException) and error.headers:
                answer.headers.update(error.headers)
            return answer
        return otherwise(request, error)

    return answer


def described(replies: Mapping[int, Mapping[str, str]]) -> dict[int, ResponseSpec]:
    """For a handler's `responses=`: by status, the texts that there are and what they mean."""
    return {
        status: ResponseSpec(
            str,
            generate_examples=False,
            description="; ".join(texts.values()),
            media_type=MediaType.TEXT,
            examples=[Example(summary=why, value=text) for text, why in texts.items()],
        )
        for status, texts in replies.items()
    }
